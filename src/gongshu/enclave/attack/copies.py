"""Checks `row_copy` and `unique`: records of single subjects that come back, whole, cut, moved or shuffled.

A coincidence is told from a copy by chance itself: the same comparison is made with the figures moved by
a few units of their last place, or the columns turned against each other. Only what hits far more often
than that is a copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from .cells import is_suppressed, number, text
from .domains import Domains, Source, chance, moved, share_of, text_sql
from .explain import Explained
from .identifiers import place
from .model import Finding, Table
from .raw import Column, Raw, quote
from .sentences import rows_phrase, say
from .shape import is_numeric
from .spec import Spec

_QUANTILE = re.compile(r"中位|分位|median|quantile|percentile|\bp\d{1,2}\b|_p\d{1,2}|四分", re.I)
Named = Any


@dataclass(frozen=True)
class Pair:
    """An output column beside the raw column its values come from. `places`: decimals compared."""

    index: int
    column: Column
    form: str
    numeric: bool
    places: int
    width: int
    way: str = ""


class Copies:
    """The search over one document."""

    def __init__(self, raw: Raw, spec: Spec, named: Named) -> None:
        self.raw, self.spec, self.named = raw, spec, named
        self.domains = Domains(raw)
        self.count = 0
        self._made: dict[Any, str] = {}

    def table(
        self,
        table: Table,
        explained: Explained | None,
        roles: Mapping[int, str],
        computed: Callable[[int], bool],
        single: bool = False,
    ) -> list[Finding]:
        """Findings on one table. `computed(column)`: an aggregate that the raw data gives exactly;
        `single`: its groups are known to be single raw rows."""
        columns = [i for i in range(len(table.columns)) if not computed(i) and not _empty(table, i)]
        if not columns or not table.height:
            return []
        shape = self._aggregate_shaped(table, explained, roles) and not single
        self.domains.look_for(_fold(c) for i in columns for c in table.columns[i] if not is_suppressed(c))
        found: list[Finding] = []
        for source in self.domains.sources():
            pairs = self._pairs(table, columns, source)
            if pairs:
                found += self._rows(table, pairs, source, shape, roles)
            if not shape:
                found += self._columns(table, pairs)
        return found

    def _aggregate_shaped(self, table: Table, explained: Explained | None, roles: Mapping[int, str]) -> bool:
        """One row a combination of dimensions, and enough subjects behind each as far as it is known."""
        keys = [i for i, role in roles.items() if role == "dimension"]
        values = [i for i, role in roles.items() if role != "dimension"]
        if not values:
            return False
        labels = (
            list(zip(*(map(text, table.columns[k]) for k in keys), strict=True))
            if keys
            else [()] * table.height
        )
        if len(set(labels)) < len(labels):
            return False
        if explained is None:
            return table.height <= 1 or (bool(keys) and not self._fine(table, keys))
        counts = [n for r in explained.rows if (n := explained.subjects(r)) is not None]
        return not counts or sum(n >= self.spec.threshold for n in counts) >= 0.5 * len(counts)

    def _fine(self, table: Table, keys: list[int]) -> bool:
        """Keys as many as the raw rows have subjects: the table lists subjects, whatever they are called."""
        distinct = max(len(set(map(text, table.columns[k]))) for k in keys)
        return distinct >= 0.95 * table.height and table.height >= 50

    def _pairs(self, table: Table, columns: list[int], source: Source) -> list[Pair]:
        options: list[tuple[float, Pair]] = []
        for i in columns:
            options += self._options(table, i, source)
        chosen: dict[int, Pair] = {}
        used: set[str] = set()
        for _, pair in sorted(options, key=lambda o: -o[0]):
            if pair.index not in chosen and pair.column.name not in used:
                chosen[pair.index] = pair
                used.add(pair.column.name)
        return [chosen[i] for i in sorted(chosen)]

    def _options(self, table: Table, i: int, source: Source) -> list[tuple[float, Pair]]:
        cells = [c for c in table.columns[i] if not is_suppressed(c)]
        header = table.headers[i].strip().casefold()
        numeric = is_numeric(table.columns[i])
        found: list[tuple[float, Pair]] = []
        if numeric:
            values, places = _figures(cells)
            half = 0.5 * 10.0**-places
            for column in source.columns:
                if column.kind != "number":
                    continue
                known = self.domains.numbers(column)
                share = share_of(np.unique(values), known, half)
                same = header == column.name.casefold()
                if share >= (0.3 if same else 0.6):
                    rarity = 1 - chance(np.unique(values), known, half)
                    found.append((share + rarity + same, Pair(i, column, "{0}", True, places, 0)))
                elif len(np.unique(values)) >= 5:
                    for way, form in moved(np.unique(values), known, half, self.domains.spread(column)):
                        found.append((0.9, Pair(i, column, form, True, places, 0, way)))
        texts = {_fold(c) for c in cells}
        width = min((len(t) for t in texts), default=0)
        for column in source.columns:
            if column.kind == "number" and numeric:
                continue
            share = len(texts & self.domains.texts(column)) / len(texts) if texts else 0.0
            same = header == column.name.casefold()
            if share >= (0.3 if same else 0.5):
                found.append((share + same + 0.1, Pair(i, column, "{0}", False, 0, 0)))
            elif (
                column.kind == "date"
                and width >= 4
                and len({len(t) for t in texts}) == 1
                and len(texts & self.domains.texts(column, width)) >= 0.9 * len(texts)
            ):
                found.append((0.7 + same, Pair(i, column, "{0}", False, 0, width)))
        return found

    def _register(self, table: Table, pairs: list[Pair]) -> str:
        """The output's cells as a table of the engine, as they are compared."""
        self.count += 1
        name = f"__out_{self.count}"
        arrays: dict[str, Any] = {"r": pa.array(range(table.height), pa.int64())}
        for pair in pairs:
            cells = table.columns[pair.index]
            if pair.numeric:
                figures = [number(c) if not is_suppressed(c) else None for c in cells]
                arrays[f"c{pair.index}"] = pa.array(
                    [None if n is None else _unit(n.value, pair.places) for n in figures], pa.int64()
                )
            else:
                arrays[f"c{pair.index}"] = pa.array(
                    [None if is_suppressed(c) else _fold(c) for c in cells], pa.string()
                )
        self.raw.engine.register(name, pa.table(arrays))
        return name

    def _few(self, out: str, pairs: list[Pair], source: Source) -> str:
        """The raw combinations of the pairs that few enough subjects share, as a table made once.

        Only values that stand in the output, or within the steps of `_beyond_chance`, are read on, so the
        table is small whatever the raw one's size.
        """
        key = (out, source.name, tuple((p.index, p.column.name, p.form) for p in pairs))
        if key not in self._made:
            name = f"__few_{id(self)}_{len(self._made)}"
            values = ", ".join(f"{_raw_sql(p)} AS c{p.index}" for p in pairs)
            near = " AND ".join(
                f"c{p.index} IN (SELECT c{p.index} + s FROM {out}, range(-5, 6) steps(s))"
                if p.numeric
                else f"c{p.index} IN (SELECT c{p.index} FROM {out})"
                for p in pairs
            )
            names = ", ".join(f"c{p.index}" for p in pairs)
            self.raw.engine.execute(
                f"CREATE TEMP TABLE {name} AS SELECT {names}, count(DISTINCT who) AS n FROM"
                f" (SELECT {values}, t.{source.who} AS who FROM {quote(source.name)} t) WHERE {near}"
                f" GROUP BY ALL HAVING n BETWEEN 1 AND {self._most}"
            )
            self._made[key] = name
        return self._made[key]

    @property
    def _most(self) -> int:
        """Fewer subjects than this and one are singled out; without subjects, so few raw rows."""
        return 3 if self.spec.nobody else self.spec.threshold - 1

    def _match(
        self,
        out: str,
        pairs: list[Pair],
        source: Source,
        turn: tuple[int, ...] = (),
        step: int = 0,
    ) -> dict[int, int]:
        """Output row → distinct subjects of raw rows equal in all pairs, if they are few. `turn` columns are
        moved by `step`: figures by units, texts by rows."""
        ours = out
        if turn and step:
            moved_ = [
                f"lag(c{p.index}, {step}) OVER (ORDER BY r) AS c{p.index}"
                if p.index in turn and not p.numeric
                else (f"c{p.index} + {step} AS c{p.index}" if p.index in turn else f"c{p.index}")
                for p in pairs
            ]
            ours = f"(SELECT r, {', '.join(moved_)} FROM {out})"
        conditions = " AND ".join(f"o.c{p.index} = t.c{p.index}" for p in pairs)
        few = self._few(out, pairs, source)
        rows = self.raw.rows(f"SELECT o.r, sum(t.n) FROM {ours} o JOIN {few} t ON {conditions} GROUP BY o.r")
        return {int(r): int(n) for r, n in rows}

    def _rows(
        self, table: Table, pairs: list[Pair], source: Source, shaped: bool, roles: Mapping[int, str]
    ) -> list[Finding]:
        out = self._register(table, pairs)
        try:
            best = self._best(table, out, pairs, source, shaped, roles)
        except duckdb.Error:
            return [say("unexplained", "review", table.name, "not_asked")]
        finally:
            self.raw.engine.unregister(out)
        return best

    def _best(
        self,
        table: Table,
        out: str,
        pairs: list[Pair],
        source: Source,
        shaped: bool,
        roles: Mapping[int, str],
    ) -> list[Finding]:
        subsets = [pairs]
        if len(pairs) > 2:
            subsets += [[p for p in pairs if p is not left] for left in pairs]
        for subset in subsets[:14]:
            values = tuple(p.index for p in subset if self._is_value(p, roles, shaped))
            if shaped and not values:
                continue
            hits = self._singled(self._match(out, subset, source))
            if not hits:
                continue
            turn = values or tuple(p.index for p in subset if p.column.distinct > 1)[:1]
            if not self._beyond_chance(table, out, subset, source, turn, hits, len(values)):
                continue
            found = self._tell(table, subset, values, hits, shaped)
            if found:
                return found
        return []

    def _is_value(self, pair: Pair, roles: Mapping[int, str], shaped: bool) -> bool:
        if pair.column.identifying:
            return True
        if shaped:
            return roles.get(pair.index) != "dimension"
        return pair.numeric and pair.column.distinct > 30

    def _singled(self, matches: Mapping[int, int]) -> set[int]:
        """Rows that point at few enough subjects; without subjects, at few enough raw rows."""
        return {row for row, n in matches.items() if 1 <= n <= self._most}

    def _beyond_chance(
        self,
        table: Table,
        out: str,
        pairs: list[Pair],
        source: Source,
        turn: tuple[int, ...],
        hits: set[int],
        values: int,
    ) -> bool:
        rates = []
        numeric = any(p.numeric and p.index in turn for p in pairs)
        for step in (1, 2, 3, 5) if numeric else (1, 2, 3):
            if not numeric and step >= table.height:
                break
            moved_ = self._match(out, pairs, source, turn, step)
            rates.append(len(self._singled(moved_)) / table.height)
        rate = sum(rates) / len(rates) if rates else 0.0
        expected = rate * table.height
        if rate == 0:
            return len(hits) >= (1 if values >= 2 or len(pairs) >= 3 or self._rare(pairs, turn) else 2)
        return len(hits) > expected + 4 * (expected * (1 - rate)) ** 0.5 + 1 and len(hits) > 1.5 * expected

    def _rare(self, pairs: list[Pair], turn: tuple[int, ...]) -> bool:
        """A figure so finely written that even one hit is no chance."""
        return any(
            p.index in turn and p.numeric and p.places >= 2 and p.column.distinct >= 100 for p in pairs
        )

    def _tell(
        self, table: Table, pairs: list[Pair], values: tuple[int, ...], hits: set[int], shaped: bool
    ) -> list[Finding]:
        rows = {table.origin[r][0] for r in hits} if table.origin else hits
        where = f"{table.name} {rows_phrase(rows)}"
        if shaped:
            if len(values) >= 2 and len(hits) >= max(1, 0.2 * table.height):
                return [say("row_copy", "block", where)]
            if (
                not self.spec.nobody
                and len(hits) >= 0.6 * table.height
                and not _QUANTILE.search(table.headers[values[0]])
            ):
                return [
                    say("extreme", "review", f"{place(table, values[0], self.named)} {rows_phrase(rows)}")
                ]
            return []
        found = [say("row_copy", "block", where)]
        if not self.spec.nobody and any(not p.column.identifying for p in pairs):
            found.append(say("unique", "block", where))
        return found

    def _columns(self, table: Table, pairs: list[Pair]) -> list[Finding]:
        """Columns that hold raw figures though their rows no longer fit together."""
        found = []
        for pair in pairs:
            if not pair.numeric or pair.column.distinct < 50 or (pair.column.identifying and not pair.way):
                continue
            values, places = _figures([c for c in table.columns[pair.index] if not is_suppressed(c)])
            if self._is_copied(np.unique(values), pair, places):
                way = pair.way or "原值或取整"
                where = place(table, pair.index, self.named)
                found.append(say("row_copy", "block", where, "row_copy_column", way=way))
        return found

    def _is_copied(self, values: np.ndarray[Any, Any], pair: Pair, places: int) -> bool:
        if len(values) < 8:
            return False
        half = 0.5 * 10.0**-places
        if pair.way:
            return True
        known = self.domains.numbers(pair.column)
        share, luck = share_of(values, known, half), chance(values, known, half)
        return share >= 0.8 and luck < 0.5 and len(values) * (share - luck) > 6


def _fold(cell: Any) -> str:
    """A cell's text as `text_sql` gives a raw one's."""
    return text(cell).lower().replace(" 00:00:00", "")


def _raw_sql(pair: Pair) -> str:
    expression = pair.form.format(f"t.{pair.column.sql}")
    if pair.numeric:
        return f"TRY_CAST(round(CAST({expression} AS DOUBLE) * {10.0**pair.places!r}) AS BIGINT)"
    folded = text_sql(expression)
    return f"left({folded}, {pair.width})" if pair.width else folded


def _unit(value: float, places: int) -> int | None:
    scaled = value * 10.0**places
    return int(np.floor(abs(scaled) + 0.5) * (1 if scaled >= 0 else -1)) if abs(scaled) < 9e18 else None


def _figures(cells: list[Any]) -> tuple[np.ndarray[Any, Any], int]:
    """Numbers of a column and the decimals they are compared with: at most six, negative for tens."""
    numbers = [n for c in cells if (n := number(c)) is not None]
    values = np.array([n.value for n in numbers], dtype=float)
    places = min(6, max((n.decimals + (2 if n.percent else 0) for n in numbers), default=0))
    if places == 0 and len(np.unique(values)) >= 5:
        while places > -4 and bool((values % 10 ** (1 - places) == 0).all()):
            places -= 1
    return values, places


def _empty(table: Table, i: int) -> bool:
    return all(is_suppressed(c) for c in table.columns[i])
