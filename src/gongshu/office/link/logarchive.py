"""The whole log as one zip: what its newest checkpoint covers, and nothing that came later.

Unpacked it is a log directory as `gongshu evidence verify --dir` and `gongshu-verify` read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import tiles
from gongshu.evidence.history import CHECKPOINT, HISTORY
from gongshu.evidence.note import NoteError
from gongshu.office.link import zips

KEYS, COSIGNED = "keys", "cosigned"
TRIES = 3
Files = list[tuple[str, zips.Content]]


class NoLog(Exception):
    """There is no checkpoint yet. `args[0]` is a Chinese sentence."""


def stream() -> tuple[int, Iterator[bytes]]:
    """(how many entries, the pieces of the zip). Raises `NoLog` before the first checkpoint."""
    for _ in range(TRIES):
        try:
            size, first, last = _taken(Path(settings.LOG_DIR))
            return size, zips.stream([*first, *_full(tiles.Reader(Path(settings.LOG_DIR), size)), *last])
        except tiles.TileError:
            continue  # 日志刚长了一截，没有写满的瓦片换了名字，再取一次
    raise NoLog("存证日志正在更新，请稍后再下载。")


def _taken(directory: Path) -> tuple[int, Files, Files]:
    """(size, what is signed, the tiles that are not full yet), all read now: these files change.

    Witnesses are read before the checkpoint, so that none speaks of more than it covers.
    """
    cosigned = _cosigned(directory)
    try:
        signed = (directory / CHECKPOINT).read_bytes()
    except FileNotFoundError as error:
        raise NoLog("存证日志还没有检查点，没有可以下载的内容。") from error
    size = checkpoints.read(signed)[0].size
    first: Files = [
        (CHECKPOINT, signed),
        (HISTORY, _history(directory, size)),
        (KEYS, (directory / KEYS).read_bytes()),
        *((f"{COSIGNED}/{name}", data) for name, data in sorted(cosigned.items())),
    ]
    return size, first, _open(tiles.Reader(directory, size))


def _open(reader: tiles.Reader) -> Files:
    """The bundle and the SHA-256 tiles that are not full; an open SM3 tile is no file of a log."""
    found: Files = []
    number, width = divmod(reader.size, tiles.WIDTH)
    if width:
        found.append((tiles.bundle_path(number, width), tiles.encode_bundle(reader.bundle(number))))
    level = 0
    while count := reader.size >> (8 * level):
        number, width = divmod(count, tiles.WIDTH)
        if width:
            found.append(
                (tiles.tile_path("sha256", level, number, width), reader.tile("sha256", level, number))
            )
        level += 1
    return found


def _full(reader: tiles.Reader) -> Files:
    """The full bundles and tiles, opened when their turn comes: they never change again."""
    paths = [tiles.bundle_path(number) for number in range(reader.size // tiles.WIDTH)]
    for alg in tiles.ROOTS:
        level = 0
        while count := reader.size >> (8 * level):
            paths += [tiles.tile_path(alg, level, number) for number in range(count // tiles.WIDTH)]
            level += 1
    return [(path, _opener(reader.directory / path)) for path in paths]


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _cosigned(directory: Path) -> dict[str, bytes]:
    folder = directory / COSIGNED
    return {each.name: each.read_bytes() for each in folder.iterdir()} if folder.is_dir() else {}


def _history(directory: Path, size: int) -> bytes:
    """The lines of the history up to this size; a line may be half written at the end."""
    kept = []
    for line in (directory / HISTORY).read_bytes().splitlines(keepends=True):
        try:
            point = checkpoints.read(str(json.loads(line)).encode())[0]
        except (ValueError, NoteError):
            break
        if not line.endswith(b"\n") or point.size > size:
            break
        kept.append(line)
    return b"".join(kept)
