"""Group commit: all requests answered within a few milliseconds share one write and one fsync.

The event loop puts records and waits; one thread flushes. While it flushes, the next group gathers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from gongshu.evidence.journal import FileJournal, JournalError

# Seconds between attempts to go on after a failed write.
AGAIN = 1.0


class Waiting(NamedTuple):
    """A record on its way to the disk, what it was made of, and who waits for it."""

    number: int
    record: bytes
    made: Any
    waiter: asyncio.Future[None]


class GroupCommit:
    """Makes records of one journal durable for one event loop.

    `kept` hears of every durable record once, in order, before its caller does; also of one whose caller
    went away. Of a failed flush nothing is kept, for its callers were told so.
    """

    def __init__(self, journal: FileJournal, kept: Callable[[Waiting], object]) -> None:
        self.journal = journal
        self._kept = kept
        self._waiting: list[Waiting] = []
        self._busy = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._tried = 0.0

    async def write(self, record: bytes, made: Any) -> None:
        """Returns once the record is durable. `OSError` when it could not be made so."""
        try:
            number = self.journal.put(record)
        except JournalError as error:
            self._mend()
            raise OSError(str(error)) from error
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(Waiting(number, record, made, waiter))
        if not self._busy:
            self._busy = True
            # Whoever else is answered in this turn of the loop joins the group.
            loop.call_soon(self._start, loop)
        await waiter

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting, []
        self._pool.submit(self._flush, loop, group)

    def _flush(self, loop: asyncio.AbstractEventLoop, group: list[Waiting]) -> None:
        failed: OSError | None = None
        try:
            self.journal.flush()
        except (JournalError, OSError) as error:
            failed = OSError(str(error))
        loop.call_soon_threadsafe(self._done, loop, group, failed)

    def _done(self, loop: asyncio.AbstractEventLoop, group: list[Waiting], failed: OSError | None) -> None:
        if self._waiting:
            self._start(loop)
        else:
            self._busy = False
        if failed is None:
            for one in group:
                self._kept(one)
        for one in group:
            waiter = one.waiter
            if waiter.done():  # the caller went away; its record stands
                continue
            if failed is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failed)

    def _mend(self) -> None:
        """Open the journal anew, at most once a second, off the event loop.

        Not while a group is on its way: what it put before the failure is cut off, and its flush must find
        the journal as broken as it was and say so.
        """
        now = time.monotonic()
        if self._busy or now - self._tried < AGAIN:
            return
        self._tried = now
        self._pool.submit(self._reopen)

    def _reopen(self) -> None:
        with contextlib.suppress(JournalError, OSError):
            self.journal.reopen()

    def close(self) -> None:
        self._pool.shutdown(wait=True)
