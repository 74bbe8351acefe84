"""Values of raw columns kept ready for comparison, and the ways a column may have been moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .raw import Column, Raw, quote

_MOST = 2_000_000


@dataclass(frozen=True)
class Source:
    """A raw table, or the per-subject sums of one, that rows may have been copied from."""

    name: str
    columns: tuple[Column, ...]
    who: str


@dataclass
class Domains:
    """Distinct values by column, read once."""

    raw: Raw
    _numbers: dict[tuple[str, str], np.ndarray[Any, Any]] = field(default_factory=dict)
    _texts: dict[tuple[str, str, int], frozenset[str]] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    _digits: bool = False
    _sources: list[Source] | None = None

    def numbers(self, column: Column) -> np.ndarray[Any, Any]:
        """Sorted distinct numbers of a column."""
        key = (column.table, column.name)
        if key not in self._numbers:
            rows = self.raw.engine.execute(
                f"SELECT DISTINCT CAST({column.sql} AS DOUBLE) v FROM {quote(column.table)}"
                f" WHERE {column.sql} IS NOT NULL AND isfinite(CAST({column.sql} AS DOUBLE)) LIMIT {_MOST}"
            ).fetchnumpy()["v"]
            self._numbers[key] = np.sort(np.asarray(rows, dtype=float))
        return self._numbers[key]

    def spread(self, column: Column) -> tuple[float, ...]:
        """Mean, both deviations, least and most of a numeric column; empty when it has none."""
        c = f"CAST({column.sql} AS DOUBLE)"
        row = self.raw.rows(
            f"SELECT avg({c}), stddev_pop({c}), stddev_samp({c}), min({c}), max({c})"
            f" FROM {quote(column.table)} WHERE isfinite({c})"
        )[0]
        return () if any(v is None for v in row) else tuple(map(float, row))

    def look_for(self, texts: Iterable[str]) -> None:
        """The texts of the output, folded: only these are looked up among the raw ones, all in one pass."""
        self.wanted = sorted(set(texts))
        self._texts.clear()
        self.raw.engine.register("__wanted", pa.table({"v": pa.array(self.wanted, pa.string())}))
        self._digits = any(any(c.isdigit() for c in v) for v in self.wanted)

    def texts(self, column: Column, width: int = 0) -> frozenset[str]:
        """The texts looked for that a column holds, folded as `text_sql` folds them; with `width` those
        that are the first characters of one."""
        key = (column.table, column.name, width)
        if key not in self._texts:
            if column.kind != "text" and not self._digits:
                return frozenset()
            hours = len("2026-01-01 00")
            source = (
                self.raw.coarse(column)
                if 0 < width <= hours or not column.type.startswith("TIMESTAMP")
                else quote(column.table)
            )
            body = text_sql(column.sql)
            value = f"left({body}, {width})" if width else body
            rows = self.raw.rows(
                f"SELECT DISTINCT v FROM (SELECT {value} AS v FROM {source} WHERE {column.sql} IS NOT NULL)"
                " WHERE v IN (SELECT v FROM __wanted)"
            )
            self._texts[key] = frozenset(v for (v,) in rows)
        return self._texts[key]

    def sources(self) -> list[Source]:
        """Raw tables, and for tables with several rows a subject the figures of each subject."""
        if self._sources is None:
            self._sources = []
            for table, columns in self.raw.columns.items():
                self._sources.append(Source(table, tuple(columns.values()), self.raw.who(table)))
                sums = self._per_subject(table)
                if sums is not None:
                    self._sources.append(sums)
        return self._sources

    def _per_subject(self, table: str) -> Source | None:
        subject = self.raw.subjects.get(table)
        if subject is None:
            return None
        home = self.raw.columns[table][subject]
        numeric = [c for c in self.raw.columns[table].values() if c.kind == "number" and c.name != subject][
            :12
        ]
        if home.rows <= 1.05 * home.distinct or home.distinct == 0:
            return None
        name = f"__of_{table}"
        figures = ["count(*) AS __count"]
        for c in numeric:
            figures += [f"{f}({c.sql}) AS {quote(f'__{f}_{c.name}')}" for f in ("sum", "avg", "min", "max")]
        self.raw.engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS SELECT {home.sql}, {', '.join(figures)}"
            f" FROM {quote(table)} WHERE {home.sql} IS NOT NULL GROUP BY {home.sql}"
        )
        columns = []
        for label, type_, *_ in self.raw.rows(f"DESCRIBE {quote(name)}"):
            rows, distinct = self.raw.rows(
                f"SELECT count(*), approx_count_distinct({quote(label)}) FROM {quote(name)}"
            )[0]
            kind = "text" if label == subject and home.kind == "text" else "number"
            if label == subject:
                kind = home.kind
            columns.append(
                Column(
                    name,
                    label,
                    type_,
                    kind,
                    rows,
                    rows,
                    distinct,
                    home.identifying if label == subject else "",
                )
            )
        return Source(name, tuple(columns), quote(subject))


def text_sql(expression: str) -> str:
    """Text as compared: trimmed, folded, whole days without their midnight."""
    return f"replace(lower(trim(CAST({expression} AS VARCHAR))), ' 00:00:00', '')"


def share_of(values: np.ndarray[Any, Any], known: np.ndarray[Any, Any], half: float) -> float:
    """Share of `values` that lie within `half` of some known number."""
    if not len(values) or not len(known):
        return 0.0
    at = np.searchsorted(known, values)
    right = np.abs(known[np.minimum(at, len(known) - 1)] - values)
    left = np.abs(known[np.maximum(at - 1, 0)] - values)
    slack = half * 1.001 + 1e-9 * np.abs(values)
    return float(np.mean(np.minimum(left, right) <= slack))


def chance(values: np.ndarray[Any, Any], known: np.ndarray[Any, Any], half: float) -> float:
    """The same share for values moved by a few units of their last place: what chance alone gives."""
    unit = 2 * half
    steps = (-11, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 11)
    return float(np.mean([share_of(values + s * unit, known, half) for s in steps]))


_FORMS: tuple[tuple[str, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], str], ...] = (
    ("取负", lambda v: -v, "-({0})"),
    ("对数", lambda v: np.log(np.where(v > 0, v, np.nan)), "CASE WHEN {0} > 0 THEN ln({0}) END"),
    ("对数", lambda v: np.log1p(np.where(v > -1, v, np.nan)), "CASE WHEN {0} > -1 THEN ln({0} + 1) END"),
    ("对数", lambda v: np.log10(np.where(v > 0, v, np.nan)), "CASE WHEN {0} > 0 THEN log10({0}) END"),
    ("对数", lambda v: np.log2(np.where(v > 0, v, np.nan)), "CASE WHEN {0} > 0 THEN log2({0}) END"),
    ("开方", lambda v: np.sqrt(np.where(v >= 0, v, np.nan)), "CASE WHEN {0} >= 0 THEN sqrt({0}) END"),
    ("平方", lambda v: v * v, "({0}) * ({0})"),
    ("倒数", lambda v: 1 / np.where(v != 0, v, np.nan), "CASE WHEN {0} <> 0 THEN 1.0 / ({0}) END"),
)


def moved(
    values: np.ndarray[Any, Any], known: np.ndarray[Any, Any], half: float, spread: tuple[float, ...] = ()
) -> Iterator[tuple[str, str]]:
    """(way, SQL form) under which nearly all values become known ones, far beyond chance.

    `spread` (mean, deviations, least, most of the raw column) adds its standardised forms.
    """
    for way, function, sql in (*_FORMS, *_standard(spread)):
        with np.errstate(all="ignore"):
            image = function(known)
        image = np.sort(image[np.isfinite(image)])
        if share_of(values, image, half) >= 0.9 and chance(values, image, half) < 0.4:
            yield way, sql
    yield from _constants(values, known, half)


Form = tuple[str, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], str]


def _standard(spread: tuple[float, ...]) -> Iterator[Form]:
    """z-scores and min-max scaling by the raw column's own figures."""
    if len(spread) != 5:
        return
    mean, population, sample, least, most = spread
    for centre, scale in ((mean, population), (mean, sample), (least, most - least), (mean, 1.0)):
        if scale:
            yield "标准化", _Scaled(centre, scale), f"(({{0}}) - ({centre!r})) / ({scale!r})"


@dataclass(frozen=True)
class _Scaled:
    centre: float
    scale: float

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        scaled: np.ndarray[Any, Any] = (values - self.centre) / self.scale
        return scaled


def _constants(
    values: np.ndarray[Any, Any], known: np.ndarray[Any, Any], half: float
) -> Iterator[tuple[str, str]]:
    probe = values[np.linspace(0, len(values) - 1, min(len(values), 24)).astype(int)]
    if len(np.unique(probe)) < 5 or len(known) < 20 or len(known) > 400_000:
        return
    for way, sql in (("平移", "({{0}}) + {0!r}"), ("缩放", "({{0}}) * {0!r}")):
        if way == "缩放":
            base = known[known != 0]
            if probe[0] == 0 or not len(base):
                continue
            candidates = probe[0] / base
        else:
            candidates = probe[0] - known
        for value in probe[1:]:
            if not len(candidates):
                break
            if way == "平移":
                target, slack = value - candidates, half * 2.002
            else:
                with np.errstate(all="ignore"):
                    target = value / candidates
                slack = np.abs(half / np.where(candidates == 0, 1, candidates)) * 2.002 + 1e-9 * np.abs(
                    target
                )
            at = np.clip(np.searchsorted(known, target), 1, len(known) - 1)
            near = np.minimum(np.abs(known[at] - target), np.abs(known[at - 1] - target))
            candidates = candidates[near <= slack + 1e-9 * np.abs(target)]
        trivial = 0.0 if way == "平移" else 1.0
        distinct = np.unique(np.round(candidates, 9))
        distinct = distinct[np.abs(distinct - trivial) > 1e-9]
        if 1 <= len(distinct) <= 3:
            yield way, sql.format(float(distinct[0]))
