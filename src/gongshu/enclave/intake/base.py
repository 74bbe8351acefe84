"""What every kind of file is read as."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from .problems import Broken
from .records import Row

BATCH = 20_000


class Source(ABC):
    """`names` are known once the first batch has been read; all batches have the same schema."""

    names: list[str]
    kind: str
    typed = False

    def __init__(self) -> None:
        self.broken = Broken()
        self.names = []

    @abstractmethod
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in order, at most `BATCH` at a time; text unless `typed`."""

    @abstractmethod
    def format(self) -> dict[str, Any]:
        """What the file turned out to be, for the provider's screen."""


def texts(rows: Sequence[Row], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array(c, pa.string()) for c in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=distinct(names))


def distinct(names: Sequence[str]) -> list[str]:
    """Arrow needs distinct names; the draft's are numbers, the provider sees `names`."""
    return [f"c{n}" for n in range(len(names))]
