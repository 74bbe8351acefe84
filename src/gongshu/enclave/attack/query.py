"""A query on the raw tables, rewritten so that each of its cells tells how many subjects stand behind it.

`core` is the aggregation whose cells the output shows: from it contributions of single subjects and cells of
raw rows are computed. Where the rows are no cells of one aggregation they are kept with the subjects behind
each (`kept`), so that they can still be set against another release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from .expressions import aggregates_of, arg, is_aggregated, is_flag
from .flatten import left_sides, one_aggregation
from .raw import Raw, quote
from .scalars import scalars
from .tracer import Tracer, Untraceable, Whos, family, keys_of, who_column

__all__ = [
    "EXTREME_FUNCTIONS",
    "SUM_FUNCTIONS",
    "Aggregate",
    "Core",
    "Result",
    "Untraceable",
    "family",
    "fewest",
    "parse",
    "run",
]

_EXTREMES = (exp.Min, exp.Max, exp.ArgMax, exp.ArgMin, exp.AnyValue, exp.First, exp.Last)
_SUMS = (exp.Sum, exp.Avg)
_CONDITIONAL = (exp.Case, exp.If, exp.Predicate, exp.Connector)
_MADE = count()


@dataclass(frozen=True)
class Aggregate:
    """One aggregate function in an output column: `arg` and `condition` are SQL over the core's source.
    `conditional`: its argument asks something of the row, so that it may be nothing for most."""

    index: int
    function: str
    arg: str | None
    condition: str | None
    flag: bool
    conditional: bool = False

    @property
    def plain(self) -> bool:
        """It counts rows or values, whatever they are: its subjects are those of the cell."""
        return self.function == "Count" and not (self.flag or self.condition or self.conditional)


@dataclass
class Core:
    """The aggregation itself: `source` is its FROM … WHERE (with CTEs before), `keys` the group
    expressions, `outputs` place of an output column → key expression, `whos` name → the subject's
    expression over `of[name]`, which is `source` with a row for each of several subjects (`many`); `unit`:
    (row number, name) of the raw table whose rows are counted."""

    prefix: str
    source: str
    keys: list[str]
    grouping: str
    outputs: dict[int, str]
    aggregates: list[Aggregate]
    whos: dict[str, str]
    unit: tuple[str, str] | None = None
    of: dict[str, str] = field(default_factory=dict)
    many: dict[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """The result of a query: rows of cells by column, and the subjects behind each row by source.

    `kept`: name → a relation (who, cell) of what stands behind the rows of a query without core; `unasked`:
    figures in it whose shares a subject has of them cannot be told; `parts`: the results of its scalar
    sub-queries, which stand in its cells as well.
    """

    names: list[str]
    rows: list[tuple[Any, ...]]
    subjects: list[dict[str, int]]
    keys: list[tuple[Any, ...]]
    ordered: bool = False
    core: Core | None = None
    traced: bool = True
    kept: dict[str, str] = field(default_factory=dict)
    unasked: bool = False
    parts: list[Result] = field(default_factory=list)


def fewest(subjects: Mapping[str, int]) -> int | None:
    """The fewest subjects of any source that has some, 0 when none has; null when there is no source."""
    return min((n for n in subjects.values() if n), default=0) if subjects else None


def parse(sql: str) -> exp.Query:
    """The one SELECT of a text. Raises Untraceable."""
    try:
        parsed = [one for one in sqlglot.parse(sql, dialect="duckdb") if one is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Untraceable from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise Untraceable
    return parsed[0]


def about_somebody(raw: Raw, sql: str) -> bool:
    """Whether a query names a table behind which somebody stands; true when it cannot be read."""
    try:
        named = {table.name.casefold() for table in parse(sql).find_all(exp.Table)}
    except Untraceable:
        return bool(raw.subjects)
    return any(table.casefold() in named for table in raw.subjects)


def run(raw: Raw, sql: str, traced: bool = True) -> Result:
    """Run a query on the raw tables with its subjects counted; without them (`traced` false in the result)
    where that fails. Raises Untraceable when it cannot run at all."""
    tree = parse(sql)
    if traced:
        for flat in (True, False):
            try:
                return _traced(raw, tree, flat)
            except _FAILS:
                continue
    return _plain(raw, tree)


_FAILS = (
    Untraceable, SqlglotError, duckdb.Error, RecursionError, KeyError, AttributeError, TypeError, ValueError,
)  # fmt: skip


def _plain(raw: Raw, tree: exp.Query) -> Result:
    try:
        cursor = raw.engine.execute(tree.sql("duckdb"))
        rows = cursor.fetchall()
    except (duckdb.Error, RecursionError) as error:
        raise Untraceable from error
    names = [d[0] for d in cursor.description or []]
    return Result(names, rows, [{} for _ in rows], [() for _ in rows], _ordered(tree), None, False)


def _ordered(tree: exp.Query) -> bool:
    return bool(tree.args.get("order"))


def _schema(raw: Raw) -> dict[str, dict[str, str]]:
    return {table: {c.name: c.type for c in columns.values()} for table, columns in raw.columns.items()}


def _traced(raw: Raw, tree: exp.Query, flat: bool) -> Result:
    names = [row[0] for row in raw.rows("DESCRIBE " + tree.sql("duckdb"))]
    qualified = qualify(
        tree.copy(),
        schema=_schema(raw),
        dialect="duckdb",
        validate_qualify_columns=False,
        quote_identifiers=True,
    )
    if not isinstance(qualified, exp.Query):
        raise Untraceable
    parts = [_of(raw, part, part.named_selects) for part in scalars(qualified)]
    made = _of(raw, one_aggregation(left_sides(qualified)) if flat else left_sides(qualified), names)
    made.ordered, made.parts = _ordered(tree), parts
    return made


def _of(raw: Raw, query: exp.Query, names: list[str]) -> Result:
    """The result of a qualified query, which is changed."""
    tracer = Tracer(raw)
    node = query.unnest() if isinstance(query, exp.Subquery) else query
    single = isinstance(node, exp.Select) and (is_aggregated(node) or bool(node.args.get("distinct")))
    shown = len(query.named_selects)
    whos = tracer.annotate(query, {}, top=single)
    if single and isinstance(node, exp.Select):
        return _cells(raw, query, names, shown, whos, _core(node, tracer, raw))
    return _rows(raw, query, names, shown, whos)


def _cells(raw: Raw, query: exp.Query, names: list[str], shown: int, whos: Whos, core: Core) -> Result:
    cursor = raw.engine.execute(query.sql("duckdb"))
    described = [d[0] for d in cursor.description or []]
    rows = cursor.fetchall()
    places = {name: described.index(f"__n_{name}") for name in whos}
    keys = [i for i, name in enumerate(described) if name.startswith("__k_")]
    return Result(
        names,
        [row[:shown] for row in rows],
        [{name: int(row[i] or 0) for name, i in places.items()} for row in rows],
        [tuple(row[i] for i in keys) for row in rows],
        core=core,
    )


def _rows(raw: Raw, query: exp.Query, names: list[str], shown: int, whos: Whos) -> Result:
    """A result whose rows are no cells of one aggregation: kept in the engine with who stands behind each."""
    unasked = _shares_unknown(query, raw)
    table = f"__kept_{next(_MADE)}"
    raw.engine.execute(f"CREATE TEMP TABLE {table} AS {query.sql('duckdb')}")
    described = [row[0] for row in raw.rows(f"DESCRIBE {table}")]
    cells = ", ".join(f"{quote(name)}" for name in described[:shown])
    behind = {name: quote(who_column(name)) for name in whos}
    sizes = [
        f"coalesce(len({column}), 0)" if whos[name].many else f"CAST({column} IS NOT NULL AS INTEGER)"
        for name, column in behind.items()
    ]
    rows = raw.rows(f"SELECT {', '.join([cells, *sizes])} FROM {table} ORDER BY rowid")
    return Result(
        names,
        [row[:shown] for row in rows],
        [dict(zip(behind, map(int, row[shown:]), strict=True)) for row in rows],
        [(str(at),) for at in range(len(rows))],
        kept={
            name: f"SELECT DISTINCT 0 AS u, {f'unnest({column})' if whos[name].many else column} AS who,"
            f" [CAST(rowid AS VARCHAR)] AS cell FROM {table}"
            for name, column in behind.items()
        },
        unasked=unasked and bool(whos),
    )


def _shares_unknown(query: exp.Query, raw: Raw) -> bool:
    """Whether some cell of the query is a figure that few subjects might make up."""
    return any(
        not one.plain and (one.arg is not None or one.condition is not None)
        for select in query.find_all(exp.Select)
        if _reaches(select)
        for projection in select.expressions
        if not projection.alias_or_name.startswith("__")
        for one in _read(0, projection, raw)
    )


def _reaches(select: exp.Select) -> bool:
    """Whether its rows reach the result; not those of a SEMI JOIN, of IN, EXISTS or a scalar sub-query."""
    node: exp.Expression | None = select
    while node is not None:
        above = node.parent
        if isinstance(above, exp.Join) and str(above.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
            return False
        if isinstance(node, exp.Subquery) and not isinstance(
            above, exp.From | exp.Join | exp.CTE | exp.SetOperation | exp.Subquery | None
        ):
            return False
        if isinstance(above, exp.In | exp.Exists):
            return False
        node = above
    return True


def _core(node: exp.Select, tracer: Tracer, raw: Raw) -> Core:
    """The aggregation whose groups are the rows of an annotated SELECT."""
    whos = tracer.sources[id(node)]
    keys = keys_of(node)
    bare = node.copy()
    shown = [p for p in node.expressions if not p.alias_or_name.startswith("__")]
    outputs = {i: p.unalias().sql("duckdb") for i, p in enumerate(shown)}
    group = node.args.get("group")
    all_ = bool(group is not None and group.args.get("all"))
    for name in ("group", "having", "qualify", "order", "limit", "offset", "windows", "distinct"):
        bare.set(name, None)
    bare.set("expressions", [exp.Star()])
    with_ = arg(bare, "with")
    prefix = with_.sql("duckdb") + " " if with_ is not None else ""
    for name in ("with", "with_"):
        bare.set(name, None)
    source = _text(bare)
    many = {name: who.sql for name, who in whos.items() if who.many}
    plain = all_ or group is None
    return Core(
        prefix,
        source,
        keys,
        ", ".join(keys) if plain else group.sql("duckdb").strip().removeprefix("GROUP BY "),
        {i: sql for i, sql in outputs.items() if sql in keys},
        [a for i, p in enumerate(shown) for a in _read(i, p, raw)],
        {name: '"__w"."who"' if who.many else who.sql for name, who in whos.items()},
        tracer.units.get(id(node)),
        {name: _each(bare, who.sql) if who.many else source for name, who in whos.items()},
        many,
    )


def _text(bare: exp.Select) -> str:
    return str(bare.sql("duckdb")).removeprefix("SELECT *")


def _each(bare: exp.Select, subjects: str) -> str:
    """The source with a row for each subject of a list."""
    joined = bare.copy()
    unnested = sqlglot.parse_one(
        f'SELECT * FROM x CROSS JOIN UNNEST({subjects}) AS "__w"("who")', dialect="duckdb"
    ).args["joins"]
    joined.set("joins", [*(joined.args.get("joins") or ()), *unnested])
    return _text(joined)


def _read(index: int, projection: exp.Expression, raw: Raw) -> Iterator[Aggregate]:
    """The aggregates of an output column, each with argument and condition."""
    for one in aggregates_of(projection):
        condition = None
        if isinstance(one.parent, exp.Filter):
            where = one.parent.expression
            condition = (where.this if isinstance(where, exp.Where) else where).sql("duckdb")
        argument = one.this
        if isinstance(argument, exp.Distinct):
            argument = argument.expressions[0] if argument.expressions else None
        flag = isinstance(one, exp.CountIf) or is_flag(argument, raw)
        star = argument is None or isinstance(argument, exp.Star)
        yield Aggregate(
            index,
            type(one).__name__,
            None if star or argument is None else argument.sql("duckdb"),
            condition,
            flag,
            argument is not None and argument.find(*_CONDITIONAL) is not None,
        )


def _names(types: Iterable[type[exp.Expression]]) -> tuple[str, ...]:
    return tuple(one.__name__ for one in types)


EXTREME_FUNCTIONS = _names(_EXTREMES)
SUM_FUNCTIONS = _names(_SUMS)
