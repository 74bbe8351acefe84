"""The evidence log as anybody may fetch it: checkpoint, keys, tiles, at the addresses of tlog-tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from gongshu.evidence.checkpoint import read

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


def witnesses() -> list[str]:
    folder = settings.LOG_DIR / "cosigned"
    return sorted(each.name for each in folder.iterdir() if each.is_file()) if folder.is_dir() else []


def file(name: str) -> Path | None:
    """The public file of that name; None for every other, whatever the name tries."""
    if not PUBLIC.match(name):
        return None
    path = Path(settings.LOG_DIR) / name
    return path if path.is_file() and not path.is_symlink() else None
