"""Group commit on a failing disk: who was told that it failed is not found again, who was told it is durable is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from gongshu.evidence.journal import FileJournal
from gongshu.gateway.group import GroupCommit, Waiting


class Disk:
    """`os.fdatasync` that fails while `full`, after the bytes are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._real = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def sync(self, descriptor: int) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self._real(descriptor)


def numbers(folder: Path) -> list[int]:
    with FileJournal(folder) as journal:
        return [one.data["n"] for one in journal.read()]


def test_after_a_failed_flush_only_what_was_said_durable_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, kept = Disk(monkeypatch), []
    journal = FileJournal(tmp_path)
    group = GroupCommit(journal, lambda one: kept.append(one.made))

    async def write(n: int) -> bool:
        try:
            await group.write(b'{"n":%d}' % n, n)
        except OSError:
            return False
        return True

    async def run() -> None:
        assert await write(1)
        disk.full = True
        # the second group was put while the first was on its way to the disk
        first = [asyncio.ensure_future(write(n)) for n in (2, 3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = [asyncio.ensure_future(write(n)) for n in (4, 5)]
        assert await asyncio.gather(*first, *second) == [False] * 4
        disk.full = False
        for _ in range(200):
            if await write(6):
                break
            group._tried = 0.0
            await asyncio.sleep(0.01)
        assert await write(7)

    asyncio.run(run())
    group.close()
    journal.close()
    assert kept == [1, 6, 7]
    assert numbers(tmp_path) == [1, 6, 7]


def test_no_group_is_told_that_it_is_durable_by_an_empty_flush(tmp_path: Path, monkeypatch: Any) -> None:
    """A flush that fails takes along what a later group has put; that group's own flush finds nothing."""
    disk = Disk(monkeypatch)
    journal = FileJournal(tmp_path)
    group = GroupCommit(journal, lambda _one: None)
    disk.full = True
    journal.put(b'{"n":1}')
    with pytest.raises(Exception, match="写不进磁盘"):
        journal.flush()

    async def late() -> BaseException | None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        group._waiting.append(Waiting(1, b'{"n":1}', None, waiter))
        group._start(loop)
        await asyncio.wait([waiter], timeout=5)
        return waiter.exception()

    assert isinstance(asyncio.run(late()), OSError)
    group.close()
    journal.reopen()
    journal.close()
    assert numbers(tmp_path) == []
