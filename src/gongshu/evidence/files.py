"""Files that are either old or new, never half: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import itertools
import os
import secrets
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from gongshu.evidence.crash import crashpoint

ASIDE = "new"
"""The folder of temporary and spare files."""
_REST = 0.2
"""Seconds a spare file rests before it is written again: a reader may still be reading it."""


class Writer:
    """Writes files of one directory so that a kill or a power cut leaves each whole or absent.

    Files that are no longer needed are kept as spares and written again: making and deleting thousands
    of files a second is what costs most on many file systems.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._root = f"{directory}/"
        self._folders: set[str] = set()
        self._spares: deque[tuple[float, str]] = deque()
        self._numbers = itertools.count(1)
        self._token = secrets.token_hex(4)  # two writers may share a folder

    def write(self, files: Sequence[tuple[str, bytes]], *, keep: bool = False, flush: bool = True) -> None:
        """Make all `files` (path below the directory, bytes) durable under their names.

        With `keep` the files they replace become spares; without `flush` they are only whole, not durable.
        """
        changed: set[str] = set()
        self._make(self._root + ASIDE, changed)
        ready: list[tuple[str, str]] = []
        descriptors = []
        try:
            for name, data in files:
                path = self._root + name
                self._make(path.rpartition("/")[0], changed)
                temporary = self._temporary()
                descriptors.append(os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o644))
                write_all(descriptors[-1], data)
                os.ftruncate(descriptors[-1], len(data))
                ready.append((temporary, path))
            crashpoint("after_temp_file")
            # All are written before the first is flushed, so that the file system flushes them together.
            for descriptor in descriptors if flush else ():
                os.fsync(descriptor)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        crashpoint("before_rename")
        for temporary, path in ready:
            if keep:
                self._keep(path)
            os.replace(temporary, path)  # noqa: PTH105 - texts are faster here
            changed.add(path.rpartition("/")[0])
        for folder in changed if flush else ():
            sync_folder(folder)

    def discard(self, folder: str) -> None:
        """Remove a folder below the directory; its files become spares."""
        path = self._root + folder
        try:
            names = os.listdir(path)  # noqa: PTH208
        except FileNotFoundError:
            return
        for name in names:
            spare = self._new_name()
            os.replace(f"{path}/{name}", spare)  # noqa: PTH105
            self._spares.append((time.monotonic(), spare))
        Path(path).rmdir()
        self._folders.discard(path)

    def _keep(self, path: str) -> None:
        spare = self._new_name()
        try:
            os.link(path, spare)
        except FileNotFoundError:
            return
        self._spares.append((time.monotonic(), spare))

    def _temporary(self) -> str:
        if self._spares and time.monotonic() - self._spares[0][0] > _REST:
            return self._spares.popleft()[1]
        return self._new_name()

    def _new_name(self) -> str:
        return f"{self._root}{ASIDE}/{self._token}-{next(self._numbers)}"

    def _make(self, folder: str, changed: set[str]) -> None:
        """Make `folder` and those above it; what has to be flushed for that joins `changed`."""
        if folder in self._folders:
            return
        above = folder.rpartition("/")[0]
        if not Path(folder).is_dir():
            self._make(above, changed)
            Path(folder).mkdir(exist_ok=True)
            changed.add(above)
        self._folders.add(folder)

    def sweep(self) -> None:
        """Remove what an earlier process left: half-written and spare files."""
        aside = self.directory / ASIDE
        if aside.is_dir():
            for path in aside.iterdir():
                path.unlink()


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path | str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
