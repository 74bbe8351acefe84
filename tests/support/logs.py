"""Logs for tests: entries of any source, a log with its keys, a copy to damage."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.crypto.sign import PrivateKey, PublicKey
from gongshu.evidence import entry
from gongshu.evidence.log import Log

NOW = datetime(2026, 3, 2, 1, 2, 3, 456000, UTC)
ORIGIN = "gongshu/test"


def one(source: str, seq: int, /, **changes: Any) -> dict[str, Any]:
    """The entry `seq` of `source`; the same each time."""
    fields: dict[str, Any] = {
        "source": source,
        "seq": seq,
        "time": NOW,
        "zone": "huangshi",
        "actor": f"person:{seq % 7}",
        "subject": f"resource:{seq}",
        "role": "registrar",
        "act": "registration.first.accept",
        "case": f"case:{seq // 3}",
        "articles": ["gansu-registration:26", "national-operation:9(一)"],
        "digests": {"facts": "sha256:" + hashlib.sha256(f"{source}{seq}".encode()).hexdigest()},
    }
    return entry.make(**{**fields, **changes})


def run(source: str, count: int, first: int = 1) -> list[dict[str, Any]]:
    return [one(source, seq) for seq in range(first, first + count)]


def signers() -> dict[str, PrivateKey]:
    return {alg: PrivateKey.generate(alg) for alg in ("ed25519", "sm2")}


def public(keys: dict[str, PrivateKey]) -> list[PublicKey]:
    return [key.public() for key in keys.values()]


def make(
    directory: Path, sizes: Iterable[int], keys: dict[str, PrivateKey], sources: tuple[str, ...] = ("office",)
) -> list[dict[str, Any]]:
    """A closed log with one checkpoint after each of `sizes` further entries, sources taking turns."""
    numbers = dict.fromkeys(sources, 0)
    written: list[dict[str, Any]] = []
    with Log(directory, ORIGIN, keys) as log:
        for size in sizes:
            batch = []
            for _ in range(size):
                source = sources[len(written) % len(sources)]
                numbers[source] += 1
                batch.append(one(source, numbers[source]))
                written.append(batch[-1])
            log.append(batch, NOW)
    return written


def copy(directory: Path, target: Path) -> Path:
    shutil.copytree(directory, target)
    return target
