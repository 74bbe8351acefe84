"""Values of one column as bands that enough subjects share, and new values drawn from these bands.

An *ordered* column (numbers, dates, times) is cut at values so that each band holds at least `threshold`
subjects; a band of one single value keeps it, the outermost bands are cut at their mean, so that no
extreme of a single subject shows. A *category* keeps its words where enough subjects have them; the
others become 其他 together, and smaller ones join them until they are enough.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from gongshu.enclave.sample.model import Array

OTHER = "其他"
EMPTY = -1
COARSE = 8
"""The most bands by which combinations are compared; fewer where there are fewer subjects (`coarseness`)."""
FINEST = {"BIGINT": 64, "DATE": 400, "TIMESTAMP": 400}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (columns without a zone)
_DAY = 86400.0
QUARTER = 900
LONG = 12
"""Dates move only where they span so many times the move."""


def as_number(value: Any) -> float:
    """Numbers as they are, days as days, times as seconds since 1970."""
    if isinstance(value, dt.datetime):
        return (value.replace(tzinfo=None) - _EPOCH).total_seconds()
    if isinstance(value, dt.date):
        return float((value - _EPOCH.date()).days)
    return float(value)


def coarseness(subjects: int, threshold: int) -> int:
    """How many coarse bands: so many that a cell of two columns still holds some thresholds of subjects."""
    return int(min(COARSE, max(2, (subjects / (4 * threshold)) ** 0.5)))


@dataclass(frozen=True)
class Ordered:
    """`code`: the band of each row, -1 for empty; `low`, `high`: what may be drawn from each band."""

    type: str
    code: Array
    coarse: Array
    low: Array
    high: Array
    quantiles: Array
    times: Array | None = None

    def _bounded(self, shift: Array) -> Array:
        """The shift where the dates span long enough to hide it; a short span would only show its ends."""
        return shift if (self.high.max() - self.low.min()) > LONG * np.abs(shift).max(initial=0) else 0.0

    def place(self, numbers: Array) -> Array:
        """The coarse band of each number (as `as_number` gives it; NaN is empty)."""
        days = np.floor(numbers / _DAY) if self.type == "TIMESTAMP" else numbers
        return np.where(np.isnan(days), EMPTY, np.searchsorted(self.quantiles, days, side="right"))

    def draw(self, donors: Array, random: np.random.Generator, shift: Array) -> Array:
        """New values after the donors' bands; NaN where the donor is empty. `shift`: days a row."""
        code = self.code[donors]
        low, high = self.low[code], self.high[code]
        made = low + (high - low) * random.random(len(donors))
        if self.type in ("DATE", "TIMESTAMP"):
            moved = np.floor(made) + self._bounded(shift)
            inside = (moved >= self.low.min()) & (moved <= self.high.max())
            made = np.where(inside, moved, np.floor(made))
        if self.times is not None:
            quarter = self.times[donors] // QUARTER * QUARTER
            made = np.floor(made) * _DAY + quarter + np.floor(random.random(len(donors)) * QUARTER)
        return np.where(code == EMPTY, np.nan, made)


@dataclass(frozen=True)
class Category:
    """`words`: what each code reads; `code`: of each row; `rare`: rows whose word became 其他."""

    words: tuple[object, ...]
    code: Array
    rare: Array

    @property
    def coarse(self) -> Array:
        return self.code


def ordered(values: Array, subject: Array, type_: str, threshold: int) -> Ordered:
    """The bands of a column. `values`: objects; None is empty."""
    filled = np.array([value is not None for value in values])
    numbers = np.array([as_number(value) if value is not None else np.nan for value in values])
    times = None
    if type_ == "TIMESTAMP":
        days = np.floor(numbers / _DAY)
        times, numbers = np.where(filled, numbers - days * _DAY, 0.0), days
    code = np.full(len(values), EMPTY)
    if filled.sum() == 0:
        nothing = np.zeros(1)
        return Ordered(type_, code, code, nothing, nothing, np.zeros(0), times)
    wanted = max(threshold, int(np.unique(subject[filled]).size / FINEST.get(type_, 64)))
    cuts = _cuts(numbers[filled], subject[filled], wanted, threshold)
    code[filled] = np.searchsorted(cuts, numbers[filled], side="right") - 1
    low, high = _reach(numbers[filled], code[filled], len(cuts), type_ in ("DATE", "TIMESTAMP"))
    if (~filled).any() and np.unique(subject[~filled]).size < threshold:
        code[~filled] = code[filled][0]  # so few empty cells would point at their subjects
    steps = coarseness(np.unique(subject).size, threshold)
    quantiles = np.quantile(numbers[filled], np.linspace(0, 1, steps + 1)[1:-1])
    coarse = np.where(code == EMPTY, EMPTY, np.searchsorted(quantiles, (low + high)[code] / 2, side="right"))
    return Ordered(type_, code, coarse, low, high, quantiles, times)


def _cuts(numbers: Array, subject: Array, wanted: int, threshold: int) -> Array:
    """First values of the bands: each of at least `wanted` subjects; a value that alone has so many and
    whose neighbours have enough stands alone."""
    order = np.argsort(numbers, kind="stable")
    values, starts = np.unique(numbers[order], return_index=True)
    people = subject[order]
    cuts, seen = [values[0]], set[int]()
    for place, start in enumerate(starts):
        stop = starts[place + 1] if place + 1 < len(starts) else len(people)
        if len(seen) >= wanted:
            cuts.append(values[place])
            seen = set()
        seen.update(people[start:stop].tolist())
    if len(seen) < threshold and len(cuts) > 1:
        cuts.pop()
    return np.array(cuts)


def _reach(numbers: Array, code: Array, bands: int, days: bool) -> tuple[Array, Array]:
    """Lowest and highest value drawn from each band; the ends of the outermost ones are their means."""
    low, high = np.full(bands, np.inf), np.full(bands, -np.inf)
    np.minimum.at(low, code, numbers)
    np.maximum.at(high, code, numbers)
    means = np.bincount(code, numbers, bands) / np.maximum(np.bincount(code, minlength=bands), 1)
    single = low == high
    if not single[0]:
        low[0] = means[0]
    if not single[-1]:
        high[-1] = means[-1]
    return low, high + (1.0 if days else 0.0) * ~single


def category(values: Array, subject: Array, threshold: int, grouped: bool = True) -> Category:
    """The words of a column, rare ones together. `grouped`: False for public words of tables about nobody."""
    words, code = np.unique(np.array([repr(value) for value in values], dtype=object), return_inverse=True)
    first: dict[int, object] = {}
    for one, value in zip(code, values, strict=True):
        first.setdefault(int(one), value)
    raw = [first[one] for one in range(len(words))]
    if not grouped:
        return Category(tuple(raw), code, np.zeros(len(values), dtype=bool))
    counts = _subjects(code, subject, len(words))
    rare = _rare(counts, code, subject, threshold)
    kept = [one for one in range(len(words)) if one not in rare]
    moved = {one: at for at, one in enumerate(kept)}
    new = np.array([moved.get(one, len(kept)) for one in range(len(words))])
    other = OTHER if any(isinstance(one, str) for one in raw) else None
    return Category((*(raw[one] for one in kept), other), new[code], np.isin(code, list(rare)))


def _subjects(code: Array, subject: Array, size: int) -> Array:
    pairs = np.unique(np.stack([code, subject]), axis=1)
    return np.bincount(pairs[0].astype(int), minlength=size)


def _rare(counts: Array, code: Array, subject: Array, threshold: int) -> set[int]:
    """Words of fewer subjects than the threshold, and the next smallest until together they are enough."""
    order = np.argsort(counts, kind="stable")
    rare = {int(one) for one in order if counts[one] < threshold}
    if not rare:
        return rare
    for one in order:
        together = np.unique(subject[np.isin(code, list(rare))]).size
        if together >= threshold:
            break
        rare.add(int(one))
    return rare


def written(numbers: Array, type_: str) -> list[object]:
    """Drawn numbers as the column's own type; NaN becomes None."""
    write = WRITE.get(type_, WRITE["DECIMAL"] if type_.startswith("DECIMAL") else WRITE["DOUBLE"])
    return [None if np.isnan(one) else write(float(one)) for one in numbers]


WRITE: Mapping[str, Any] = {
    "BIGINT": round,
    "DOUBLE": lambda one: float(f"{one:.4g}"),
    "DECIMAL": lambda one: Decimal(str(round(one, 2))).quantize(Decimal("0.01")),
    "DATE": lambda one: (_EPOCH + dt.timedelta(days=int(one))).date(),
    "TIMESTAMP": lambda one: _EPOCH + dt.timedelta(seconds=int(one)),
}
