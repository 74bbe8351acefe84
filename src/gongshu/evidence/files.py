"""Files that are either old or new, never half: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gongshu.evidence.crash import crashpoint

_MARK = ".new"


class Writer:
    """Writes files of one directory so that a kill or a power cut leaves each whole or absent."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._made: set[Path] = set()

    def write(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Make all `files` (path below the directory, bytes) durable under their names."""
        ready = []
        for name, data in files:
            path = self.directory / name
            self._make(path.parent)
            temporary = path.with_name(path.name + _MARK)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            ready.append((temporary, path))
        crashpoint("after_temp_file")
        crashpoint("before_rename")
        for temporary, path in ready:
            temporary.replace(path)
        for folder in {path.parent for _, path in ready}:
            sync_folder(folder)

    def _make(self, folder: Path) -> None:
        if folder in self._made:
            return
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            new.mkdir()
            sync_folder(new.parent)
        self._made.update(missing)

    def forget(self, folder: Path) -> None:
        """`folder` was removed; make it again when it is needed."""
        self._made.discard(folder)

    def sweep(self) -> None:
        """Remove temporary files a crash left behind."""
        for path in self.directory.rglob(f"*{_MARK}"):
            path.unlink()


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
