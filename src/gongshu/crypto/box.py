"""Sealing a small thing to the holder of an SM2 key (GB/T 32918.4).

Sealing is randomised: nobody learns anything by sealing guesses and comparing.
"""

from __future__ import annotations

from tongsuopy.crypto import exceptions as _gm_exceptions
from tongsuopy.crypto.asymciphers import ec as _gm_ec

from gongshu.crypto.sign import PrivateKey, PublicKey

LARGEST = 4096
"""Bytes. What is larger is sealed under an AEAD key, and that key here."""
_BAD = "封装的内容打不开：钥匙不对，或者内容被改动过。"


class BoxError(ValueError):
    """Not an SM2 key, too large, or not what was sealed. A Chinese sentence."""


def seal(plain: bytes, to: PublicKey) -> bytes:
    """`plain` (1 to 4096 bytes) for the holder of `to`, as DER (GM/T 0009). Differs each time."""
    if to.alg != "sm2":
        raise BoxError("封装要用 SM2 公钥。")
    if not 0 < len(plain) <= LARGEST:
        raise BoxError(f"封装的内容应为 1 到 {LARGEST} 个字节。")
    point = _gm_ec.EllipticCurvePublicKey.from_encoded_point(_gm_ec.SM2(), to.raw)
    sealed: bytes = point.encrypt(bytes(plain))
    return sealed


def open_(sealed: bytes, key: PrivateKey) -> bytes:
    """What was sealed to `key`'s public half, or `BoxError` if anything was changed."""
    if key.alg != "sm2":
        raise BoxError("打开封装要用 SM2 私钥。")
    try:
        plain: bytes = key._key.decrypt(bytes(sealed))
    except (ValueError, _gm_exceptions.InternalError) as error:
        raise BoxError(_BAD) from error
    return plain
