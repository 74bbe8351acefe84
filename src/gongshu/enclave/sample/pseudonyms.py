"""Keyed pseudonyms: `pseudonym(project key, domain, value)`, the same in every table of one project.

The domain is the type of the value and not its column, so that joins work; another project's key gives
other pseudonyms, so that two projects' samples do not join. Each keeps its kind's form and check
characters inside the range of `recognise.samples`.
"""

from __future__ import annotations

import hashlib
import hmac

from gongshu.recognise import kinds, samples

LONGEST_CODE = 40


def project_key(secret: bytes, zone: str, project: str) -> bytes:
    """The key of a project's samples, from a secret that never leaves the data domain."""
    return hmac.new(secret, f"gongshu sample\0{zone}\0{project}".encode(), hashlib.sha256).digest()


def number(key: bytes, *parts: str) -> int:
    """A number of 256 bits that only the key's holder can compute."""
    return int.from_bytes(hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).digest(), "big")


def written_as(domain: str, value: str) -> str:
    """The kind whose form the value is written in: its domain's, or a plain code or text when broken."""
    if domain in ("code", "number", "text"):
        plain = len(value) <= LONGEST_CODE and value.isascii() and value.isprintable() and " " not in value
        return domain if domain == "number" or plain else "text"
    if domain in kinds.looks_like(value) or domain in ("name", "address"):
        return domain
    return "code" if value.isascii() and len(value) <= LONGEST_CODE else "text"


def pseudonym(key: bytes, domain: str, value: str) -> str:
    """The sample value that stands for a real one. Same value, domain and key: same answer."""
    plain = kinds.normal(value).upper()
    return samples.make(written_as(domain, value), value, number(key, domain, plain))


class Pseudonyms:
    """The pseudonyms of one sample: no two real values share one, whichever is met first.

    Two values fall together only in kinds with few forms (names); the later one, in the order of the
    sorted values given at once, is drawn again.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._made: dict[tuple[str, str], str] = {}
        self._taken: dict[tuple[str, str], str] = {}

    def of(self, domain: str, value: str) -> str:
        plain = kinds.normal(value).upper()
        known = self._made.get((domain, plain))
        if known is not None:
            return known
        found, again = pseudonym(self.key, domain, value), 0
        while self._taken.get((domain, found), plain) != plain and domain not in ("name", "address"):
            again += 1
            found = samples.make(
                written_as(domain, value), value, number(self.key, domain, plain, str(again))
            )
        self._made[(domain, plain)] = found
        self._taken[(domain, found)] = plain
        return found
