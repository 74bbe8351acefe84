"""Work on raw data inside the enclave's own process (samples, attacks), and how a stop breaks it off.

A run has a sandbox that can be killed; this work has queries, which are interrupted, and pauses between
them, in which it asks `check`. One thread computes, so there is one such work at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Interrupt = Callable[[], object]


class Halted(Exception):
    """The work was broken off by a stop; what it has found so far is thrown away."""


class Breaker:
    """One work. `cancel` may come from another thread, and more than once: a query may have begun since."""

    def __init__(self) -> None:
        self.off = False
        self._interrupts: list[Interrupt] = []

    def watch(self, interrupt: Interrupt) -> None:
        """Interrupt this too; at once when the work is broken off already."""
        self._interrupts.append(interrupt)
        if self.off:
            interrupt()

    def forget(self, interrupt: Interrupt) -> None:
        self._interrupts = [one for one in self._interrupts if one != interrupt]

    def cancel(self, _run: str = "") -> None:
        self.off = True
        for interrupt in list(self._interrupts):
            interrupt()


_CURRENT: list[Breaker] = []


@contextmanager
def breakable() -> Iterator[Breaker]:
    """The work of this block can be broken off by what is yielded; whatever it raises then is `Halted`."""
    made = Breaker()
    _CURRENT.append(made)
    try:
        yield made
    except Exception as error:
        if made.off:
            raise Halted from error
        raise
    finally:
        _CURRENT.remove(made)


@contextmanager
def watched(interrupt: Interrupt) -> Iterator[None]:
    """A stop interrupts this during the block, when the block is part of breakable work."""
    current = _CURRENT[-1] if _CURRENT else None
    if current is not None:
        current.watch(interrupt)
    try:
        yield
    finally:
        if current is not None:
            current.forget(interrupt)


def check() -> None:
    """Raises `Halted` when the present work was broken off."""
    if _CURRENT and _CURRENT[-1].off:
        raise Halted
