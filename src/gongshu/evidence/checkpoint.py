"""The checkpoint: how many entries the log has and both roots, in a signed note (C2SP tlog-checkpoint).

<origin>
<number of entries>
<SHA-256 root, base64>
sm3 <SM3 root, base64>
time <wall time>
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime

from gongshu.evidence.entry import stamp
from gongshu.evidence.note import Note, NoteError, parse

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says. `roots` maps `sha256` and `sm3` to 32 bytes each."""

    origin: str
    size: int
    roots: dict[str, bytes]
    time: str

    def text(self) -> str:
        encoded = {alg: base64.b64encode(root).decode() for alg, root in self.roots.items()}
        return f"{self.origin}\n{self.size}\n{encoded['sha256']}\nsm3 {encoded['sm3']}\ntime {self.time}\n"


def of(origin: str, size: int, sha256: bytes, sm3: bytes, now: datetime) -> Checkpoint:
    return Checkpoint(origin, size, {"sha256": sha256, "sm3": sm3}, stamp(now))


def read(data: bytes | Note) -> tuple[Checkpoint, Note]:
    """The checkpoint and its note; says nothing about signatures. Raises `NoteError`."""
    note = data if isinstance(data, Note) else parse(data)
    lines = note.text.removesuffix("\n").split("\n")
    extensions = dict(line.split(" ", 1) for line in lines[3:] if " " in line)
    try:
        origin, size, root = lines[:3]
        roots = {"sha256": _root(root), "sm3": _root(extensions["sm3"])}
    except (ValueError, KeyError) as error:
        raise NoteError("检查点缺少条数、SHA-256 根或 SM3 根。") from error
    if not origin or not _SIZE.fullmatch(size):
        raise NoteError("检查点的名称或条数写法不对。")
    return Checkpoint(origin, int(size), roots, extensions.get("time", "")), note


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NoteError("检查点的根不是 base64。") from error
    if len(root) != 32:
        raise NoteError("检查点的根应为 32 个字节。")
    return root
