"""Drawing cases with a seed: deterministic, so that a second auditor draws the same.

The population is every case of a zone opened within two days (both included), of one procedure or of all.
Its statement is the sorted case numbers, one a line. Each case's place is
`SHA-256(seed UTF-8 ‖ 0x0A ‖ case number UTF-8)`; the smallest digests are drawn. `gongshu_verify.audit`
does the same without this code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest, sha256

VERSION = 1


def listing(numbers: Iterable[str]) -> bytes:
    """The population as bytes: sorted case numbers, a newline after each."""
    return "".join(f"{each}\n" for each in sorted(numbers)).encode()


def place(seed: str, number: str) -> bytes:
    return sha256(seed.encode() + b"\n" + number.encode())


def draw(seed: str, numbers: Iterable[str], wanted: int) -> list[str]:
    """The drawn case numbers, the smallest place first; all of them when there are fewer than wanted."""
    return sorted(numbers, key=lambda each: (place(seed, each), each))[:wanted]


def statement(
    *,
    identifier: str,
    zone: str,
    seed: str,
    procedure: str,
    since: date | None,
    until: date,
    wanted: int,
    population: Sequence[str],
    drawn: Sequence[str],
) -> dict[str, Any]:
    """What was drawn from what; its digest stands in the evidence log."""
    return {
        "v": VERSION,
        "kind": "draw",
        "id": identifier,
        "zone": zone,
        "seed": seed,
        "procedure": procedure,
        "since": since.isoformat() if since else "",
        "until": until.isoformat(),
        "wanted": wanted,
        "population": {"size": len(population), "digest": digest(listing(population))},
        "drawn": list(drawn),
    }


def digest_of(made: dict[str, Any]) -> str:
    return digest(canonical.dumps(made))
