"""SM2 verification (GB/T 32918.2) against one public key, with the key's multiples worked out beforehand.

For signers whose signatures are checked again and again: the consent service signs every consent the gateway
is shown. With tables, s·G + t·P is a sum of 64 points that only have to be looked up; with gmpy2's integers
that takes less than half of what the library takes (docs/adr/0120). Only public values pass through here, so
there is no secret whose use could show in the time it takes. What a table does not cover (a sum that meets
the point at infinity) is left to the library; the tests hold both to the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gongshu.crypto.hashes import sm3

try:
    from gmpy2 import mpz
except ImportError:  # the same numbers, slower
    mpz = int

Point = tuple[int, int]

# GB/T 32918.5, the recommended curve.
P: int = mpz(0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF)
A = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G: Point = (
    mpz(0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7),
    mpz(0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0),
)
_WINDOW = 8
_WINDOWS = 256 // _WINDOW
_SIZE = 1 << _WINDOW


class OutsideTables(ArithmeticError):
    """The sum met the point at infinity or a doubling: ask the library."""


def _affine_sums(pairs: Sequence[tuple[Point, Point]]) -> list[Point]:
    """The sums of pairs of different, not opposite points; one inversion for all of them."""
    slopes = [(q[0] - p[0]) % P for p, q in pairs]
    products, total = [], 1
    for one in slopes:
        products.append(total)
        total = total * one % P
    inverse = pow(total, -1, P)
    found: list[Point] = [(0, 0)] * len(pairs)
    for place in range(len(pairs) - 1, -1, -1):
        (x1, y1), (x2, y2) = pairs[place]
        slope = (y2 - y1) * (inverse * products[place] % P) % P
        inverse = inverse * slopes[place] % P
        x3 = (slope * slope - x1 - x2) % P
        found[place] = (x3, (slope * (x1 - x3) - y1) % P)
    return found


def _double(point: Point) -> Point:
    x, y = point
    slope = (3 * x * x + A) * pow(2 * y, -1, P) % P
    x3 = (slope * slope - 2 * x) % P
    return x3, (slope * (x - x3) - y) % P


def table(point: Point) -> list[list[Point]]:
    """`table(q)[i][d]` = d · 2^(8i) · q for d from 1 to 255 (place 0 is unused)."""
    bases = []
    for _ in range(_WINDOWS):
        bases.append(point)
        for _ in range(_WINDOW):
            point = _double(point)
    rows = [[(0, 0), base, _double(base)] for base in bases]
    for digit in range(3, _SIZE):
        sums = _affine_sums([(row[digit - 1], row[1]) for row in rows])
        for row, made in zip(rows, sums, strict=True):
            row.append(made)
    return rows


@cache
def _base() -> list[list[Point]]:
    return table(G)


class Tables:
    """What verification against one key needs. `raw`: the uncompressed point, 65 bytes. 0.1 s, 2 MB."""

    __slots__ = ("_base", "_own", "_z")

    def __init__(self, raw: bytes, signer_id: bytes) -> None:
        point = (mpz(int.from_bytes(raw[1:33], "big")), mpz(int.from_bytes(raw[33:], "big")))
        known = b"".join(int(one).to_bytes(32, "big") for one in (A, B, *G))
        self._z = sm3((8 * len(signer_id)).to_bytes(2, "big") + signer_id + known + raw[1:])
        self._own = table(point)
        self._base = _base()

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether the DER signature is the key's over `data`. `OutsideTables` where this cannot tell."""
        try:
            r, s = decode_dss_signature(signature)
        except ValueError:
            return False
        if not (0 < r < N and 0 < s < N):
            return False
        t = (r + s) % N
        if t == 0:
            return False
        x, z = _sum(_points(self._base, s) + _points(self._own, t))
        wanted = (r - int.from_bytes(sm3(self._z + data), "big")) % N
        square = z * z % P
        # x1 is below p, which is a little above n: it may be wanted or wanted + n.
        return bool(wanted * square % P == x or (wanted + N < P and (wanted + N) * square % P == x))


def _points(rows: list[list[Point]], scalar: int) -> list[Point]:
    digits = scalar.to_bytes(_WINDOWS, "little")
    return [row[digit] for row, digit in zip(rows, digits, strict=True) if digit]


def _sum(points: list[Point]) -> tuple[int, int]:
    """(X, Z) of the sum in Jacobian coordinates (x = X / Z²)."""
    p = P
    x1, y1 = points[0]
    z1: int = mpz(1)
    for x2, y2 in points[1:]:
        square = z1 * z1 % p
        h = (x2 * square - x1) % p
        if not h:
            raise OutsideTables
        r = y2 * (z1 * square % p) - y1
        hh = h * h % p
        hhh = h * hh % p
        v = x1 * hh % p
        x1 = (r * r - hhh - 2 * v) % p
        y1 = (r * (v - x1) - y1 * hhh) % p
        z1 = z1 * h % p
    return x1, z1
