"""Released products as the enclave laid them into `serving/`: a signed manifest and the rows that left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gongshu.crypto.hashes import digest
from gongshu.wire.admit import admit
from gongshu.wire.envelope import loads
from gongshu.wire.errors import WireError
from gongshu.wire.trust import TrustList

MANIFEST, ROWS = "manifest.json", "rows.json"
LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Product:
    """One version of a released product. `rows`: the released table, each row by column."""

    id: str
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


def _text(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | float) else str(value)


def load(folder: Path, zone: str, trust: TrustList, now: datetime, mark: str) -> Product:
    """Reads one version; `WireError` unless the enclave signed exactly these bytes for this zone."""
    try:
        admitted = admit(
            loads((folder / MANIFEST).read_bytes()), trust, now=now, mark=mark, direction="local", zone=zone
        )
        body = admitted.envelope.body
        data = (folder / ROWS).read_bytes()
    except OSError as error:
        raise WireError("no_product", "供数目录里的产品文件读不了。") from error
    if admitted.envelope.kind != "serving" or body["files"].get(ROWS) != digest(data):
        raise WireError("digest", "供数目录里的产品文件与清单不一致，不予回答。")
    if (folder.parent.name, folder.name) != (body["product"], body["version"]):
        raise WireError("place", "供数目录里的产品放错了位置，不予回答。")
    content = json.loads(data)
    return Product(
        body["product"],
        zone,
        body["version"],
        admitted.envelope.seq,
        body.get("release", ""),
        tuple(content["columns"]),
        tuple(content["rows"]),
    )


def scan(
    serving: Path,
    zone: str,
    trust: TrustList,
    now: datetime,
    mark: str,
    known: Mapping[tuple[str, str], Product],
) -> dict[str, Product]:
    """product → its version of the highest number. `known`: versions already read, kept as they are."""
    newest: dict[str, Product] = {}
    root = serving / zone / "products"
    for folder in sorted(root.glob("*/*")) if root.is_dir() else ():
        if folder.name.startswith(".") or not (folder / MANIFEST).exists():
            continue
        try:
            product = known.get((folder.parent.name, folder.name)) or load(folder, zone, trust, now, mark)
        except (WireError, ValueError, KeyError, TypeError):
            continue  # a version that does not verify is as if it were not there
        before = newest.get(product.id)
        if before is None or product.number > before.number:
            newest[product.id] = product
    return newest
