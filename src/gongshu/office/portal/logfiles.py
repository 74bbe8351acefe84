"""The evidence log as anybody may fetch it: checkpoint, keys, tiles, at the addresses of tlog-tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from gongshu.evidence.checkpoint import read
from gongshu.office.link.models import FeedItem
from gongshu.office.link.witnesses import LATE

# 只有核验要用的文件；锁、备用文件和捷径不在其中
PUBLIC = re.compile(
    r"(checkpoint|checkpoints|keys|cosigned/[a-z0-9_-]{1,40}|tile(-sm3)?/(entries|\d{1,2})/(x\d{3}/){0,5}\d{3}(\.p/\d{1,3})?)\Z"
)


@dataclass(frozen=True)
class Head:
    """What the newest checkpoint says. `text` is the signed note as published."""

    origin: str
    size: int
    sha256: str
    sm3: str
    time: str
    text: str


def head() -> Head | None:
    """The newest checkpoint; None before the first."""
    path = settings.LOG_DIR / "checkpoint"
    if not path.exists():
        return None
    data = path.read_bytes()
    made, _ = read(data)
    roots = {name: root.hex() for name, root in made.roots.items()}
    return Head(made.origin, made.size, roots["sha256"], roots["sm3"], made.time, data.decode())


def keys() -> str:
    """The log's verifier lines as it keeps them."""
    path = settings.LOG_DIR / "keys"
    return path.read_text("utf-8") if path.exists() else ""


@dataclass(frozen=True)
class Cosigned:
    """How far a witness has co-signed: the size of its newest checkpoint (0: never), entries since then.

    `late`: it was shown a newer checkpoint longer ago than a witness needs.
    """

    name: str
    size: int
    behind: int
    late: bool
    file: str


EXPECTED = {"enclave": "数据域", "gateway": "网关"}
# Checkpoints of the feed looked back at: at one every ten seconds about an hour.
SHOWN = 360


def witnesses(now: datetime) -> list[Cosigned]:
    """Each witness the platform has, and any other that co-signed. `now`: wall time.

    What the witnesses say stands in their signatures; this page only reads off how old they are.
    """
    newest = head()
    folder = settings.LOG_DIR / "cosigned"
    files = {each.name: each for each in folder.iterdir() if each.is_file()} if folder.is_dir() else {}
    size = newest.size if newest else 0
    found, published = [], _published()
    for name in sorted({*EXPECTED, *files}):
        signed = read(files[name].read_bytes())[0] if name in files else None
        reached = signed.size if signed else 0
        shown = [at for to, at in published if to > reached]
        late = bool(shown) and now - min(shown) > LATE
        title = EXPECTED.get(name, name)
        found.append(Cosigned(title, reached, size - reached, late, name if signed else ""))
    return found


def _published() -> list[tuple[int, datetime]]:
    """(size, when) of the last checkpoints that were put on the feed, where the witnesses see them."""
    rows = FeedItem.objects.filter(kind="checkpoint").order_by("-seq")[:SHOWN]
    return [(int(row.envelope["body"]["proof"]["to"]), row.published) for row in rows]


def file(name: str) -> Path | None:
    """The public file of that name; None for every other, whatever the name tries."""
    if not PUBLIC.match(name):
        return None
    path = Path(settings.LOG_DIR) / name
    return path if path.is_file() and not path.is_symlink() else None
