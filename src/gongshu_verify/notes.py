"""Signed notes and checkpoints, read independently of the program that writes them (C2SP)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gongshu_verify.keys import LOG, Key

_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """Not a signed checkpoint. A Chinese sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read: `lines` are (name, key id, signature)."""

    text: str
    origin: str
    size: int
    sha256: bytes
    sm3: bytes | None
    time: str
    lines: tuple[tuple[str, bytes, bytes], ...]

    def root(self, alg: str) -> bytes | None:
        return self.sha256 if alg == "sha256" else self.sm3


def read(data: bytes) -> Checkpoint:
    """Raises `NoteError` unless `data` is a checkpoint in a signed note."""
    try:
        text, separator, tail = data.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise NoteError("检查点不是 UTF-8 文本。") from error
    if not separator or not tail.endswith("\n"):
        raise NoteError("检查点没有签名行，或者不完整。")
    lines = []
    for line in tail[:-1].split("\n"):
        match = _LINE.fullmatch(line)
        raw = _base64(match[2]) if match else None
        if match is None or raw is None or len(raw) < 5:
            raise NoteError("检查点的签名行写法不对。")
        lines.append((match[1], raw[:4], raw[4:]))
    body = text.split("\n")
    if len(body) < 3 or not body[0] or not _NUMBER.fullmatch(body[1]):
        raise NoteError("检查点缺少名称、条数或根。")
    extensions = dict(line.split(" ", 1) for line in body[3:] if " " in line)
    root, sm3 = _base64(body[2]), _base64(extensions.get("sm3", ""))
    if root is None or len(root) != 32 or (sm3 and len(sm3) != 32):
        raise NoteError("检查点的根不是 32 个字节。")
    time = extensions.get("time", "")
    return Checkpoint(text + "\n", body[0], int(body[1]), root, sm3 or None, time, tuple(lines))


def signers(point: Checkpoint, keys: Sequence[Key]) -> tuple[list[Key], list[str]]:
    """(keys whose line as the log's own signer holds, sentences on lines of theirs that do not)."""
    held, problems = [], []
    for name, identifier, signature in point.lines:
        if name != point.origin:
            continue
        for key in keys:
            if identifier == key.note_id(name) and key.speaks_for(LOG):
                if key.verify(signature, point.text.encode()):
                    held.append(key)
                else:
                    problems.append(f"条数为 {point.size} 的检查点的 {key.alg} 签名通不过验证。")
    return held, problems


def expected(point: Checkpoint, keys: Sequence[Key]) -> set[str]:
    """The algorithms of the reader's keys for this very log: each of them must have signed it."""
    return {key.alg for key in keys if point.origin in key.logs}


def witnesses(point: Checkpoint, keys: Sequence[Key]) -> tuple[list[dict[str, object]], list[str]]:
    """(witnesses whose cosignature holds: name, size, seconds, alg; sentences on those that do not)."""
    held: list[dict[str, object]] = []
    problems = []
    for name, identifier, signature in point.lines:
        for key in keys:
            if identifier != key.note_id(name, cosigner=True):
                continue
            if not key.speaks_for(name):
                problems.append(f"条数为 {point.size} 的检查点上，“{name}”的见证是用别家的公钥签的。")
                continue
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{point.text}".encode()
            if len(signature) > 8 and key.verify(signature[8:], message):
                held.append({"name": name, "size": point.size, "seconds": seconds, "alg": key.alg})
            else:
                problems.append(f"见证人“{name}”对条数为 {point.size} 的检查点的签名通不过验证。")
    return held, problems


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
