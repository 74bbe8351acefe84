"""The daily reconciliation file: is it the gateway's word, and does it agree with one's own book?"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reconciliation:
    """A file as it came. `key`: fingerprint of the gateway's key; `complete`: the day has ended."""

    credential: str
    day: str
    content: bytes
    digest: str
    signature: str
    key: str
    complete: bool

    def rows(self) -> list[dict[str, str]]:
        """The lines, one a subject answered."""
        return list(csv.DictReader(io.StringIO(self.content.decode())))

    def message(self) -> bytes:
        """What the gateway signed."""
        head = "gongshu-reconciliation-v1"
        return f"{head}\n{self.credential}\n{self.day}\n{self.digest}\n".encode()

    def holds(self, public: Any) -> bool:
        """Is the file whole and signed? `public`: the gateway's Ed25519 public key (cryptography)."""
        from cryptography.exceptions import InvalidSignature

        if self.digest != "sha256:" + hashlib.sha256(self.content).hexdigest():
            return False
        try:
            public.verify(base64.b64decode(self.signature, validate=True), self.message())
        except (InvalidSignature, binascii.Error):
            return False
        return True


def check(file: Reconciliation, booked: Iterable[tuple[str, str]]) -> Mapping[str, list[tuple[str, str]]]:
    """Compare with one's own book of (call, answer): what only the gateway has, what only one's own has."""
    theirs = [(row["call"], row["answer"]) for row in file.rows()]
    ours = list(booked)
    return {"only_gateway": _without(theirs, ours), "only_own": _without(ours, theirs)}


def _without(these: list[tuple[str, str]], those: list[tuple[str, str]]) -> list[tuple[str, str]]:
    left = list(those)
    found = []
    for one in these:
        if one in left:
            left.remove(one)
        else:
            found.append(one)
    return found
