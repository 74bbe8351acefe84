"""Where a domain keeps its anchors, trust list and place in each feed: small files, replaced whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gongshu.crypto import canonical
from gongshu.crypto.sign import PublicKey
from gongshu.wire.envelope import Envelope, parse
from gongshu.wire.errors import WireError
from gongshu.wire.trust import TrustList, anchors_of


def write_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replaces `path` so that a crash leaves the old or the new content, never a part."""
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(handle, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    temp.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class TrustStore:
    """The anchors and the latest list of one home, in one file so that a crash cannot part them.

    Readers notice a list that another process put there.
    """

    NAME = "trust.json"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._seen: tuple[int, int] | None = None
        self._list: TrustList | None = None

    @property
    def path(self) -> Path:
        return self.directory / self.NAME

    def anchors(self) -> dict[str, PublicKey]:
        """The security administrators' public keys by id; empty before `gongshu trust init`."""
        if not self.path.exists():
            return {}
        return anchors_of(self._read())

    def current(self, now: datetime) -> TrustList:
        """The installed list, checked again when its file changed."""
        try:
            stat = self.path.stat()
        except FileNotFoundError as error:
            raise WireError(
                "no_trust", "本域还没有信任名单，请在数据域的机器上运行 gongshu trust init。"
            ) from error
        seen = (stat.st_mtime_ns, stat.st_ino)
        if self._list is None or seen != self._seen:
            content = self._read()
            self._list = TrustList.load(parse(content["list"]), anchors_of(content), now)
            self._seen = seen
        return self._list

    def number(self, now: datetime) -> int:
        """The number of the installed list, 0 when there is none."""
        return self.current(now).number if self.path.exists() else 0

    def accept(self, envelope: Envelope, now: datetime) -> TrustList:
        """Takes a newer list signed by two anchors, however it came; raises `WireError` otherwise."""
        anchors = self.anchors()
        if not anchors:
            raise WireError("no_trust", "第一份信任名单只能用 gongshu trust init 装入，不能经通知流。")
        made = TrustList.load(envelope, anchors, now, self.current(now))
        if set(anchors_of(envelope.body)) != set(anchors):
            raise WireError("administrators", "更换安全管理员只能在数据域的机器上用 gongshu trust init。")
        self._write(envelope)
        return made

    def install(self, envelope: Envelope, now: datetime) -> TrustList:
        """`gongshu trust init`: pins the administrators the list names, then takes the list.

        Where anchors are already pinned, a list naming others must be signed by two of the present ones
        as well. Installing the same list again changes nothing.
        """
        named = anchors_of(envelope.body)
        present = self.anchors()
        current = self.current(now) if present else None
        if current is not None and current.envelope.id == envelope.id:
            return current
        made = TrustList.load(envelope, named, now, current)
        if present and set(present) != set(named):
            TrustList.load(envelope, present, now, current)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(envelope)
        return made

    def _read(self) -> dict[str, Any]:
        try:
            content = canonical.loads(self.path.read_bytes())
        except canonical.CanonicalError as error:
            raise WireError("no_trust", f"{self.path} 已损坏，请重新运行 gongshu trust init。") from error
        if not isinstance(content, dict) or set(content) != {"administrators", "list"}:
            raise WireError("no_trust", f"{self.path} 已损坏，请重新运行 gongshu trust init。")
        return content

    def _write(self, envelope: Envelope) -> None:
        content = {"administrators": envelope.body["administrators"], "list": envelope.data()}
        write_file(self.path, canonical.dumps(content))


class FeedState(Protocol):
    """A domain's place in the feeds: the number of the last item taken, a zone."""

    def get(self, zone: str) -> int:
        """The last number taken, 0 before the first."""

    def put(self, zone: str, seq: int) -> None:
        """Remembers durably that everything up to `seq` was taken."""

    def transaction(self) -> AbstractContextManager[object]:
        """Holds one item's effects and its number together, where the store can."""


class FileFeedState:
    """The place in the feeds in one small file (gateway). Effects of an item must be idempotent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        if path.exists():
            self._places = canonical.loads(path.read_bytes())

    def get(self, zone: str) -> int:
        return self._places.get(zone, 0)

    def put(self, zone: str, seq: int) -> None:
        places: Mapping[str, int] = {**self._places, zone: seq}
        write_file(self.path, canonical.dumps(dict(places)))
        self._places = dict(places)

    def transaction(self) -> AbstractContextManager[object]:
        return nullcontext()
