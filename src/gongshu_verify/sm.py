"""SM3 (GB/T 32905) and SM2 signatures (GB/T 32918.2) in plain Python, so that nothing need be installed.

hashlib's SM3 is used where the interpreter has it: a log of millions of entries wants it.
"""

from __future__ import annotations

import hashlib
from typing import Any

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
SIGNER_ID = b"1234567812345678"

_IV = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)
_M32 = 0xFFFFFFFF
Point = tuple[int, int] | None


def _rol(x: int, n: int) -> int:
    n &= 31
    return ((x << n) | (x >> (32 - n))) & _M32 if n else x


def _compress(v: list[int], block: bytes) -> list[int]:
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ _rol(w[j - 3], 15)
        w.append(x ^ _rol(x, 15) ^ _rol(x, 23) ^ _rol(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = v
    for j in range(64):
        t = 0x79CC4519 if j < 16 else 0x7A879D8A
        ss1 = _rol((_rol(a, 12) + e + _rol(t, j)) & _M32, 7)
        ss2 = ss1 ^ _rol(a, 12)
        ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g)
        tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & _M32
        tt2 = (gg + h + ss1 + w[j]) & _M32
        d, c, b, a = c, _rol(b, 9), a, tt1
        h, g, f, e = g, _rol(f, 19), e, tt2 ^ _rol(tt2, 9) ^ _rol(tt2, 17)
    return [x ^ y for x, y in zip(v, (a, b, c, d, e, f, g, h), strict=True)]


def sm3_plain(data: bytes) -> bytes:
    """SM3 without any library."""
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    v = list(_IV)
    for i in range(0, len(padded), 64):
        v = _compress(v, padded[i : i + 64])
    return b"".join(x.to_bytes(4, "big") for x in v)


def sm3(data: bytes) -> bytes:
    """SM3, 32 bytes."""
    try:
        return hashlib.new("sm3", data).digest()
    except ValueError:
        return sm3_plain(data)


def _add(p: Point, q: Point) -> Point:
    if p is None:
        return q
    if q is None:
        return p
    (x1, y1), (x2, y2) = p, q
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _multiply(k: int, p: Point) -> Point:
    result: Point = None
    while k:
        if k & 1:
            result = _add(result, p)
        p = _add(p, p)
        k >>= 1
    return result


def on_curve(x: int, y: int) -> bool:
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def _signature(der: bytes) -> tuple[int, int] | None:
    """(r, s) of a strict DER SEQUENCE of two INTEGERs (GM/T 0009), or None."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        return None
    numbers, place = [], 2
    while place < len(der):
        if der[place] != 0x02 or place + 2 > len(der):
            return None
        length = der[place + 1]
        raw = der[place + 2 : place + 2 + length]
        if len(raw) != length or not raw or raw[0] & 0x80:
            return None
        if len(raw) > 1 and raw[0] == 0 and not raw[1] & 0x80:
            return None
        numbers.append(int.from_bytes(raw, "big"))
        place += 2 + length
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _library() -> Any:
    """The national library's verification, a hundred times faster, or None."""
    try:
        from tongsuopy.crypto import hashes
        from tongsuopy.crypto.asymciphers import ec
    except ImportError:
        return None

    def verify(public: bytes, signature: bytes, data: bytes) -> bool:
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SM2(), public)
            key.verify(signature, data, ec.ECDSA(hashes.SM3()))
        except Exception:  # noqa: BLE001 - whatever it says, the signature does not hold
            return False
        return True

    return verify


LIBRARY = _library()


def sm2_verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether `signature` (DER) is the key's over `data`, signer id by default."""
    if LIBRARY is not None:
        return bool(LIBRARY(bytes(public), bytes(signature), bytes(data)))
    return sm2_verify_plain(public, signature, data)


def sm2_verify_plain(public: bytes, signature: bytes, data: bytes, signer_id: bytes = SIGNER_ID) -> bool:
    """Whether `signature` (DER) is the key's over `data`. `public`: 65 bytes, uncompressed point."""
    pair = _signature(signature)
    if pair is None or len(public) != 65 or public[0] != 4:
        return False
    r, s = pair
    x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
    if not (0 < r < N and 0 < s < N) or not on_curve(x, y):
        return False
    fixed = b"".join(number.to_bytes(32, "big") for number in (A, B, GX, GY))
    z = sm3((8 * len(signer_id)).to_bytes(2, "big") + signer_id + fixed + public[1:])
    e = int.from_bytes(sm3(z + data), "big")
    t = (r + s) % N
    if t == 0:
        return False
    point = _add(_multiply(s, (GX, GY)), _multiply(t, (x, y)))
    return point is not None and (e + point[0]) % N == r
