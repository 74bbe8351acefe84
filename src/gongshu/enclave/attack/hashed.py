"""Digests of identifying values: plain, cut, re-coded, with obvious salts, keyed with constants.

Every configuration is tried on the raw values until a budget of hash operations is spent, the most
likely ones first. A token whose salt nobody can guess is caught by its shape instead (`tokens`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Iterable, Iterator

from gongshu.crypto.hashes import sm3

Digest = Callable[[bytes], bytes]

ALGORITHMS: dict[str, Digest] = {
    "md5": lambda b: hashlib.md5(b, usedforsecurity=False).digest(),
    "sha256": lambda b: hashlib.sha256(b).digest(),
    "sha1": lambda b: hashlib.sha1(b, usedforsecurity=False).digest(),
    "sm3": sm3,
    "sha512": lambda b: hashlib.sha512(b).digest(),
    "sha224": lambda b: hashlib.sha224(b).digest(),
    "sha384": lambda b: hashlib.sha384(b).digest(),
    "blake2b": lambda b: hashlib.blake2b(b).digest(),
    "blake2s": lambda b: hashlib.blake2s(b).digest(),
    "blake2b-256": lambda b: hashlib.blake2b(b, digest_size=32).digest(),
    "blake2b-128": lambda b: hashlib.blake2b(b, digest_size=16).digest(),
    "blake2b-64": lambda b: hashlib.blake2b(b, digest_size=8).digest(),
    "sha3-256": lambda b: hashlib.sha3_256(b).digest(),
    "sha3-512": lambda b: hashlib.sha3_512(b).digest(),
    "crc32": lambda b: zlib.crc32(b).to_bytes(4, "big"),
    "adler32": lambda b: zlib.adler32(b).to_bytes(4, "big"),
}
_COMMON = ("md5", "sha256", "sha1", "sm3", "sha512")
_SALTS = (
    "salt", "gongshu", "huangshi", "hubei", "gansu", "secret", "key", "123456", "test", "hash", "data", "abc",
    "password", "admin", "2024", "2025", "2026", "pepper", "SALT",
    "公枢", "黄石", "0", "1", "id", "city", "gov", "demo",
)  # fmt: skip
_SEPARATORS = ("", ":", "_", "-", "|")
_HEX_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8,128}(?![0-9A-Za-z])")
_B64_TOKEN = re.compile(r"(?<![0-9A-Za-z+/_\-])[A-Za-z0-9+/_\-]{11,172}={0,2}(?![0-9A-Za-z+/])")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{7,40}(?![0-9A-Za-z])")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-:]?(?:0[1-9]|1[0-2])[-:]?(?:0[1-9]|[12]\d|3[01])(?!\d)")
# a token that is more than a word or a number: worth guessing salts for
_LIKELY = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9A-Fa-f]*[a-fA-F])(?=[0-9A-Fa-f]*\d[0-9A-Fa-f]*\d)[0-9A-Fa-f]{8,128}(?![0-9A-Za-z])|"
    r"(?<![0-9A-Za-z+/_\-])(?=[^\s]*[a-z])(?=[^\s]*[A-Z])(?=[^\s]*\d)[A-Za-z0-9+/_\-]{15,172}={0,2}(?![0-9A-Za-z+/])"
)
# A cell that is nothing but a digest in hex, of a length algorithms give.
DIGEST = re.compile(
    r"(?=.*[a-fA-F])(?=.*\d)(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{56}|[0-9a-fA-F]{64}"
    r"|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})"
)
BUDGET = 2_500_000  # hash operations spent on guessing salts


# Where in a digest of n bytes a piece may begin, in whole bytes (the hex places tried by `hit`).
_PLACES = {
    size: tuple(sorted({at for at in (0, 4, size - 8, size - 4, size - 16, size - 6, size - 5) if at >= 0}))
    for size in (8, 16, 20, 28, 32, 48, 64)
}


class Targets:
    """Digest-like tokens of an output, found by any eight hex digits at start, middle or end."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by: dict[str, list[str]] = {}
        self.likely = False
        for text in texts:
            self.likely = self.likely or bool(_LIKELY.search(text))
            for token in self._tokens(text):
                self._by.setdefault(token[:8], []).append(token)

        self._starts = frozenset(bytes.fromhex(start) for start in self._by if len(start) == 8)

    @property
    def empty(self) -> bool:
        return not self._by

    @staticmethod
    def _tokens(text: str) -> Iterator[str]:
        text = _DATE.sub(" ", text)  # eight digits, but of a day
        folded = re.sub(r"(?<=[0-9A-Fa-f])[:\-](?=[0-9A-Fa-f])", "", text)
        for body in {text, folded}:
            for run in _HEX_TOKEN.findall(body):
                yield run.lower()
                yield run.lower()[::-1]
        for run in _B64_TOKEN.findall(text):
            body = run.rstrip("=").replace("-", "+").replace("_", "/")
            if len(body) % 4 == 1:
                body = body[:-1]
            try:
                yield base64.b64decode(body + "=" * (-len(body) % 4)).hex()
            except (binascii.Error, ValueError):
                continue
        for run in _NUMBER.findall(text):
            yield f"{int(run):08x}"

    def hit(self, digest: bytes) -> bool:
        """Whether a token is this digest, or a piece of at least eight hex digits of it."""
        if len(digest) == 4:
            return digest in self._starts
        if not any(digest[at : at + 4] in self._starts for at in _PLACES.get(len(digest), ())):
            return False  # nearly always: the rest is looked at only for the few that begin alike
        whole = digest.hex()
        for start in (
            0,
            8,
            len(whole) - 16,
            len(whole) - 8,
            len(whole) - 32,
            len(whole) - 12,
            len(whole) - 10,
        ):
            if start < 0:
                continue
            for token in self._by.get(whole[start : start + 8], ()):
                rest = whole[start:]
                # a token that only begins with the digest's last eight digits does so by chance
                if rest.startswith(token) or (len(rest) >= 16 and token.startswith(rest)):
                    return True
        return False


Way = tuple[str, Digest]


def _unsalted() -> Iterator[Way]:
    yield from ALGORITHMS.items()
    for name in _COMMON:
        one = ALGORITHMS[name]
        yield f"{name} 两次", lambda b, one=one: one(one(b).hex().encode())  # type: ignore[misc]
    yield "sha256(md5)", lambda b: ALGORITHMS["sha256"](ALGORITHMS["md5"](b).hex().encode())
    yield "md5(sha1)", lambda b: ALGORITHMS["md5"](ALGORITHMS["sha1"](b).hex().encode())


def _salted(names: Iterable[str]) -> Iterator[Way]:
    """Salted and keyed digests in order of likelihood."""
    salts = [*_SALTS, *dict.fromkeys(names)]
    for name in _COMMON:
        one = ALGORITHMS[name]
        for salt in salts:
            key = salt.encode()
            for separator in _SEPARATORS:
                mark = separator.encode()
                yield f"{name} 加盐", lambda b, one=one, key=key, mark=mark: one(key + mark + b)  # type: ignore[misc]
                yield f"{name} 加盐", lambda b, one=one, key=key, mark=mark: one(b + mark + key)  # type: ignore[misc]
    for name in ("md5", "sha1", "sha256", "sha512"):
        for salt in salts:
            key = salt.encode()
            yield f"HMAC-{name}", lambda b, n=name, key=key: hmac.digest(key, b, n)  # type: ignore[misc]
    for salt in salts:
        key = salt.encode()
        yield "HMAC-sm3", lambda b, key=key: _hmac_sm3(key, b)  # type: ignore[misc]


def _hmac_sm3(key: bytes, data: bytes) -> bytes:
    block = (key if len(key) <= 64 else sm3(key)).ljust(64, b"\0")
    inner = sm3(bytes(b ^ 0x36 for b in block) + data)
    return sm3(bytes(b ^ 0x5C for b in block) + inner)


def forms(values: Iterable[str]) -> list[bytes]:
    """The byte strings people hash for a value: as it is, lower case, GB18030 when not ASCII."""
    found: dict[bytes, None] = {}
    for value in values:
        found[value.encode()] = None
        if not value.isascii():
            found[value.encode("gb18030")] = None
        elif value.lower() != value:
            found[value.lower().encode()] = None
    return list(found)


def search(texts: Iterable[str], values: Iterable[str], names: Iterable[str], guess: bool) -> Way | None:
    """The way in which some token of `texts` was made from some of `values`; null when none is known.

    With `guess` also salts are tried, within the budget.
    """
    targets = Targets(texts)
    if targets.empty:
        return None
    data = forms(values)
    for way in _unsalted():
        if any(map(targets.hit, map(way[1], data))):
            return way
    if not guess or not targets.likely:
        return None
    budget = BUDGET
    for way in _salted(names):
        if (budget := budget - len(data)) < 0:
            return None
        if any(map(targets.hit, map(way[1], data))):
            return way
    return None


def made_so(texts: Iterable[str], values: Iterable[str], way: Way) -> bool:
    """Whether some token of `texts` was made in this way."""
    targets = Targets(texts)
    return not targets.empty and any(map(targets.hit, map(way[1], forms(values))))


def random_looking(values: list[str]) -> bool:
    """A column of codes that differ in each row and at many places: pseudonyms, whatever made them.

    Codes with an order or a structure (dates, line numbers, division codes) vary at few places.
    """
    distinct = set(values)
    if len(values) < 4 or len(distinct) < 0.9 * len(values):
        return False
    shape = [v for v in distinct if re.fullmatch(r"[0-9A-Za-z+/_=\-]{6,172}", v)]
    if len(shape) < 0.9 * len(distinct):
        return False
    sizes = sorted(len(v) for v in shape)
    letters = sum(any(c.isalpha() for c in v) and any(c.isdigit() for c in v) for v in shape)
    mixed = sum(v != v.lower() and v != v.upper() for v in shape)
    if max(letters, mixed) < 0.6 * len(shape):
        return sizes[0] >= 9 and sizes[-1] - sizes[0] <= 3 and _varied(shape, sizes[0]) >= 7
    return _varied(shape, sizes[0]) >= 5


def _varied(values: list[str], size: int) -> int:
    """Places at which many different characters stand."""
    least = max(3, int(0.4 * min(len(values), 14)))
    return sum(len({v[i] for v in values}) >= least for i in range(size))
