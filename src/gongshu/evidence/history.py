"""Every checkpoint there ever was, and the newest one each witness co-signed."""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from gongshu.crypto.sign import PublicKey
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import note
from gongshu.evidence.files import Writer, write_all

CHECKPOINT, HISTORY, COSIGNED = "checkpoint", "checkpoints", "cosigned"
_KEPT = 1024


class History:
    """The file `checkpoints`: one signed note a line, as JSON text, appended after it was published.

    It is a record for witnesses and verifiers, not the commit: its newest line may be lost in a crash
    and is then written again from the checkpoint itself.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / HISTORY
        self._descriptor = -1
        self._recent: OrderedDict[int, bytes] = OrderedDict()

    def add(self, size: int, signed: bytes) -> None:
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        write_all(self._descriptor, json.dumps(signed.decode(), ensure_ascii=False).encode() + b"\n")
        self._recent[size] = signed
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def catch_up(self, size: int, signed: bytes) -> None:
        """After opening: cut what was half-written at the end, add the current checkpoint if missing."""
        data = self.path.read_bytes() if self.path.exists() else b""
        keep, last = len(data), None
        while keep and last is None:
            end, keep = keep, data.rfind(b"\n", 0, keep - 1) + 1
            last = _note(data[keep:end])
        if last is not None:
            keep = end
        if keep != len(data):
            os.truncate(self.path, keep)
        if last != signed:
            self.add(size, signed)

    def find(self, size: int) -> bytes | None:
        """The checkpoint of exactly `size` entries, or None."""
        if size in self._recent:
            return self._recent[size]
        if not self.path.exists():
            return None
        for _, signed in read_history(self.path):
            if signed is not None and checkpoints.read(signed)[0].size == size:
                return signed
        return None


def read_history(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """(line number from 1, signed note) of every line; None for a line that cannot be read."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield number, _note(line)


def _note(line: bytes) -> bytes | None:
    """The signed note of a whole line; None for one half-written or spoilt."""
    try:
        text = json.loads(line) if line.endswith(b"\n") else None
        return text.encode() if isinstance(text, str) else None
    except (ValueError, UnicodeEncodeError):
        return None


def store_cosignatures(writer: Writer, signed: bytes, lines: str, keys: Sequence[PublicKey]) -> None:
    """Keep `lines` of one witness over a checkpoint, unless a newer one of the same witness is kept."""
    said, published = checkpoints.read(signed)
    parsed = [note.parse_line(line) for line in lines.splitlines() if line]
    names = {line.name for line in parsed}
    if len(names) != 1:
        raise note.NoteError("见证签名应来自同一个见证人。")
    if not any(note.cosigned_by(published.text, line, keys) for line in parsed):
        raise note.NoteError("见证签名不是信任名单里的见证人签的。")
    name = f"{COSIGNED}/{re.sub(r'[^A-Za-z0-9._-]', '-', names.pop())}"
    path = writer.directory / name
    if path.exists() and checkpoints.read(path.read_bytes())[0].size > said.size:
        return
    writer.write([(name, note.Note(published.text, (*published.lines, *parsed)).encode())])
