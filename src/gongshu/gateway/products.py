"""What the enclave laid into `serving/`: released tables and snapshots, each under a signed manifest."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gongshu.crypto.hashes import digest
from gongshu.crypto.sign import PrivateKey
from gongshu.wire import snapshots
from gongshu.wire.admit import admit
from gongshu.wire.envelope import loads
from gongshu.wire.errors import WireError
from gongshu.wire.snapshots import Snapshot
from gongshu.wire.trust import TrustList

log = logging.getLogger(__name__)
MANIFEST, ROWS = "manifest.json", "rows.json"
LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Product:
    """One version of a released product. `rows`: the released table, each row by column."""

    product: str
    zone: str
    version: str
    number: int
    release: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    def select(self, wanted: Mapping[str, str], limit: int, offset: int) -> list[Mapping[str, Any]]:
        """The rows whose columns equal the texts in `wanted`."""
        found = [
            row for row in self.rows if all(_text(row.get(name)) == text for name, text in wanted.items())
        ]
        return found[offset : offset + min(limit, LARGEST_PAGE)]


Version = Product | Snapshot


def _text(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | float) else str(value)


def load(folder: Path, zone: str, trust: TrustList, now: datetime, mark: str) -> Product:
    """Reads a released table; `WireError` unless the enclave signed exactly these bytes for this zone."""
    try:
        envelope = loads((folder / MANIFEST).read_bytes())
        admit(envelope, trust, now=now, mark=mark, direction="local", zone=zone)
        body = envelope.body
        data = (folder / ROWS).read_bytes()
    except OSError as error:
        raise WireError("no_product", "供数目录里的产品文件读不了。") from error
    if envelope.kind != "serving" or body["files"].get(ROWS) != digest(data):
        raise WireError("digest", "供数目录里的产品文件与清单不一致，不予回答。")
    if (folder.parent.name, folder.name) != (body["product"], body["version"]):
        raise WireError("place", "供数目录里的产品放错了位置，不予回答。")
    content = json.loads(data)
    return Product(
        body["product"],
        zone,
        body["version"],
        envelope.seq,
        body.get("release", ""),
        tuple(content["columns"]),
        tuple(content["rows"]),
    )


@dataclass
class Shelf:
    """The versions of one zone, each read once. A version that does not hold is as if it were not there, and
    is looked at again only when its manifest or the trust list changed."""

    root: Path
    zone: str
    mark: str
    sealing: PrivateKey
    held: dict[tuple[str, str], Version] = field(default_factory=dict)
    _failed: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def look(self, trust: TrustList, now: datetime) -> None:
        """Read what is new, forget what is gone. Large snapshots take seconds: not for the line's thread."""
        folders = self._folders()
        held = {key: one for key, one in self.held.items() if key in folders}
        for key, folder in folders.items():
            if key in held:
                continue
            state = (_changed(folder), trust.number)
            if self._failed.get(folder) == state:
                continue
            try:
                held[key] = self._read(folder, trust, now)
            except (WireError, ValueError, KeyError, TypeError) as error:
                self._failed[folder] = state
                log.warning("version %s of %s: %s", key[1], key[0], error)
        self.held = held

    def _folders(self) -> dict[tuple[str, str], Path]:
        return {
            (folder.parent.name, folder.name): folder
            for folder in (sorted(self.root.glob("*/*")) if self.root.is_dir() else ())
            if not folder.name.startswith(".") and (folder / MANIFEST).exists()
        }

    def _read(self, folder: Path, trust: TrustList, now: datetime) -> Version:
        if (folder / snapshots.ANSWERS).exists():
            return snapshots.read(folder, self.zone, trust, now, self.mark, self.sealing)
        return load(folder, self.zone, trust, now, self.mark)

    def live(self, named: Mapping[str, str], ceilings: Mapping[str, Mapping[str, Any]]) -> dict[str, Version]:
        """product → the version to answer from: the one the data domain names, else the highest number.

        A snapshot outside the ceiling now in force is not answered from. `ceilings`: bodies by product.
        """
        chosen: dict[str, Version] = {}
        for (product, version), one in self.held.items():
            wanted = named.get(product)
            if wanted is not None and wanted != version:
                continue
            if isinstance(one, Snapshot) and not _inside(one, ceilings.get(product)):
                continue
            before = chosen.get(product)
            if before is None or one.number > before.number:
                chosen[product] = one
        return chosen


def _inside(one: Snapshot, ceiling: Mapping[str, Any] | None) -> bool:
    return ceiling is not None and snapshots.within(one, ceiling.get("grant"), ceiling.get("fields") or ())


def _changed(folder: Path) -> int:
    try:
        return (folder / MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0
