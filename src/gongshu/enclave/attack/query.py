"""A query on the raw tables, rewritten so that each of its cells tells how many subjects stand behind it.

`traced` adds to every relation of the query the subjects its rows come from (one id, or a list once
aggregated) and to the result their number. `core` is the aggregation whose cells the output shows: from
it contributions of single subjects and cells of raw rows are computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from .expressions import aggregates_of, arg, is_aggregated, is_flag, leaves
from .raw import Raw, quote

_EXTREMES = (exp.Min, exp.Max, exp.ArgMax, exp.ArgMin, exp.AnyValue, exp.First, exp.Last)
_SUMS = (exp.Sum, exp.Avg)


class Untraceable(Exception):
    """The query cannot be rewritten; it is then judged by its result alone."""


@dataclass(frozen=True)
class Aggregate:
    """One aggregate function in an output column: `arg` and `condition` are SQL over the core's source."""

    index: int
    function: str
    arg: str | None
    condition: str | None
    flag: bool


@dataclass
class Core:
    """The aggregation itself: `source` is its FROM … WHERE (with CTEs before), `keys` the group
    expressions, `outputs` place of an output column → key expression, `whos` family → the subject's
    expression."""

    prefix: str
    source: str
    keys: list[str]
    grouping: str
    outputs: dict[int, str]
    aggregates: list[Aggregate]
    whos: dict[str, str]
    unit: str | None = None


@dataclass
class Result:
    """The result of a query: rows of cells by column, and the subjects behind each row by family."""

    names: list[str]
    rows: list[tuple[Any, ...]]
    subjects: list[dict[str, int]]
    keys: list[tuple[Any, ...]]
    ordered: bool = False
    core: Core | None = None
    traced: bool = True


def parse(sql: str) -> exp.Query:
    """The one SELECT of a text. Raises Untraceable."""
    try:
        parsed = [one for one in sqlglot.parse(sql, dialect="duckdb") if one is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Untraceable from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise Untraceable
    return parsed[0]


def run(raw: Raw, sql: str, traced: bool = True) -> Result:
    """Run a query on the raw tables with its subjects counted. Raises Untraceable when it cannot run."""
    tree = parse(sql)
    if traced:
        try:
            return _traced(raw, tree)
        except (Untraceable, SqlglotError, duckdb.Error, RecursionError, KeyError, AttributeError, TypeError):
            pass
    return _plain(raw, tree)


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


def _traced(raw: Raw, tree: exp.Query) -> Result:
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
    tracer = _Tracer(raw)
    whos = tracer.annotate(qualified, {}, top=True)
    core = tracer.core(qualified)
    count = len(names)
    cursor = raw.engine.execute(qualified.sql("duckdb"))
    described = [d[0] for d in cursor.description or []]
    rows = cursor.fetchall()
    if described[:count] and len(described) < count:
        raise Untraceable
    families = {name: described.index(f"__n_{i}") for i, name in enumerate(whos)}
    keys = [i for i, name in enumerate(described) if name.startswith("__k_")]
    return Result(
        names,
        [row[:count] for row in rows],
        [{name: int(row[i] or 0) for name, i in families.items()} for row in rows],
        [tuple(row[i] for i in keys) for row in rows],
        _ordered(tree),
        core,
        True,
    )


class _Tracer:
    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.tables = {name.casefold(): name for name in raw.columns}
        self._sources: dict[int, dict[str, tuple[str, str]]] = {}
        self._units: dict[int, str | None] = {}
        self._in_union = False

    def annotate(
        self, node: exp.Expression, env: dict[str, dict[str, str]], top: bool = False
    ) -> dict[str, str]:
        """Add `__who_i` (or at the top `__n_i`) to a query in place; returns family → scalar or list."""
        with_ = arg(node, "with")
        if with_ is not None:
            if with_.args.get("recursive"):
                raise Untraceable
            env = dict(env)
            for cte in with_.expressions:
                env[cte.alias.casefold()] = self.annotate(cte.this, env)
        if isinstance(node, exp.Subquery):
            return self.annotate(node.this, env, top)
        if isinstance(node, exp.SetOperation):
            return self._union(node, env, top)
        if not isinstance(node, exp.Select):
            raise Untraceable
        return self._select(node, env, top)

    def _union(self, node: exp.SetOperation, env: dict[str, dict[str, str]], top: bool) -> dict[str, str]:
        if not isinstance(node, exp.Union):
            raise Untraceable
        self._in_union = True
        left, right = self.annotate(node.left, env, top), self.annotate(node.right, env, top)
        if left != right:
            raise Untraceable
        node.set("distinct", False)
        return left

    def _source(self, source: exp.Expression, env: dict[str, dict[str, str]]) -> dict[str, tuple[str, str]]:
        """family → (expression, scalar or list) of one FROM item."""
        if isinstance(source, exp.Subquery):
            kinds = self.annotate(source.this, env)
            return {f: (f"{quote(source.alias)}.{quote(_who(f))}", k) for f, k in kinds.items()}
        if not isinstance(source, exp.Table):
            return {}
        if source.args.get("pivots") or source.args.get("sample"):
            raise Untraceable
        alias = source.alias_or_name
        if source.name.casefold() in env:
            kinds = env[source.name.casefold()]
            return {f: (f"{quote(alias)}.{quote(_who(f))}", k) for f, k in kinds.items()}
        table = self.tables.get(source.name.casefold())
        if table is None:
            raise Untraceable
        if table in self.raw.subjects:
            return {self.raw.families[table]: (self.raw.who(table, quote(alias)), "scalar")}
        return {}

    def _select(self, node: exp.Select, env: dict[str, dict[str, str]], top: bool) -> dict[str, str]:
        from_ = arg(node, "from")
        sources = [from_.this] if from_ is not None else []
        for join in node.args.get("joins") or ():
            if str(join.args.get("kind") or "").upper() not in ("SEMI", "ANTI"):
                sources.append(join.this)
        whos: dict[str, tuple[str, str]] = {}
        unit = None
        for source in sources:
            for family, found in self._source(source, env).items():
                whos.setdefault(family, found)
                if unit is None and isinstance(source, exp.Table) and source.name.casefold() not in env:
                    unit = f"{quote(source.alias_or_name)}.rowid"
        self._sources[id(node)] = whos
        self._units[id(node)] = unit
        aggregated = is_aggregated(node)
        if node.args.get("distinct") and not aggregated:
            return self._distinct(node, whos, top)
        kinds: dict[str, str] = {}
        for i, (family, (expression, kind)) in enumerate(whos.items()):
            sql, out = _gathered(expression, kind, aggregated)
            if top:
                sql = (
                    f"count(DISTINCT {expression})" if aggregated and kind == "scalar" else _length(sql, out)
                )
            node.select(
                f"{sql} AS {quote(f'__n_{i}' if top else _who(family))}", copy=False, dialect="duckdb"
            )
            kinds[family] = out
        if top and aggregated and not self._in_union:
            self._add_keys(node)
        return kinds

    def _distinct(self, node: exp.Select, whos: dict[str, tuple[str, str]], top: bool) -> dict[str, str]:
        """`SELECT DISTINCT a, b` is a grouping over a and b."""
        if not isinstance(node.args["distinct"], exp.Distinct) or node.args["distinct"].args.get("on"):
            raise Untraceable
        if any(isinstance(p.unalias(), exp.Star) or p.find(exp.Window) for p in node.expressions):
            raise Untraceable
        node.set("distinct", None)
        keys = [p.unalias().sql("duckdb") for p in node.expressions]
        group = exp.Group(expressions=[sqlglot.parse_one(k, dialect="duckdb") for k in keys])
        node.set("group", group)
        kinds: dict[str, str] = {}
        for i, (family, (expression, kind)) in enumerate(whos.items()):
            sql, out = _gathered(expression, kind, True)
            if top:
                sql = f"count(DISTINCT {expression})" if kind == "scalar" else _length(sql, out)
            node.select(
                f"{sql} AS {quote(f'__n_{i}' if top else _who(family))}", copy=False, dialect="duckdb"
            )
            kinds[family] = out
        if top and not self._in_union:
            self._add_keys(node)
        return kinds

    def _add_keys(self, node: exp.Select) -> None:
        for i, key in enumerate(self._keys(node)):
            node.select(f"{key} AS {quote(f'__k_{i}')}", copy=False, dialect="duckdb")

    def _keys(self, node: exp.Select) -> list[str]:
        group = node.args.get("group")
        if group is None:
            return []
        if group.args.get("all"):
            return [
                p.unalias().sql("duckdb")
                for p in node.expressions
                if not p.alias_or_name.startswith("__") and not any(aggregates_of(p))
            ]
        parts = list(group.expressions)
        for name in ("rollup", "cube", "grouping_sets"):
            parts += group.args.get(name) or ()
        return list(dict.fromkeys(leaf.sql("duckdb") for part in parts for leaf in leaves(part)))

    def core(self, top: exp.Query) -> Core | None:
        """The aggregation whose groups are the result's rows; null when ids are no longer single there."""
        node = top.this if isinstance(top, exp.Subquery) else top
        if not isinstance(node, exp.Select) or not is_aggregated(node):
            return None
        whos = self._sources.get(id(node), {})
        if any(kind != "scalar" for _, kind in whos.values()):
            return None
        keys = self._keys(node)
        bare = node.copy()
        shown = [p for p in node.expressions if not p.alias_or_name.startswith("__")]
        outputs = {i: p.unalias().sql("duckdb") for i, p in enumerate(shown)}
        aggregates = [a for i, p in enumerate(shown) for a in _read(i, p, self.raw)]
        group = node.args.get("group")
        all_ = bool(group is not None and group.args.get("all"))
        for name in ("group", "having", "qualify", "order", "limit", "offset", "windows", "distinct"):
            bare.set(name, None)
        bare.set("expressions", [exp.Star()])
        with_ = arg(bare, "with")
        prefix = with_.sql("duckdb") + " " if with_ is not None else ""
        for name in ("with", "with_"):
            bare.set(name, None)
        source = bare.sql("duckdb").removeprefix("SELECT *")
        grouping = (
            ", ".join(keys)
            if all_ or group is None
            else group.sql("duckdb").strip().removeprefix("GROUP BY ")
        )
        return Core(
            prefix,
            source,
            keys,
            grouping,
            {i: sql for i, sql in outputs.items() if sql in keys},
            aggregates,
            {family: expression for family, (expression, _) in whos.items()},
            self._units.get(id(node)),
        )


def _who(family: str) -> str:
    return f"__who_{family}"


def _gathered(expression: str, kind: str, aggregated: bool) -> tuple[str, str]:
    if not aggregated:
        return expression, kind
    if kind == "scalar":
        return f"list(DISTINCT {expression}) FILTER (WHERE {expression} IS NOT NULL)", "list"
    return f"list_distinct(flatten(list({expression})))", "list"


def _length(sql: str, kind: str) -> str:
    return f"len({sql})" if kind == "list" else f"(CASE WHEN {sql} IS NULL THEN 0 ELSE 1 END)"


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
        function = type(one).__name__
        yield Aggregate(
            index,
            function,
            None if star or argument is None else argument.sql("duckdb"),
            condition,
            flag,
        )


EXTREME_FUNCTIONS = tuple(c.__name__ for c in _EXTREMES)
SUM_FUNCTIONS = tuple(c.__name__ for c in _SUMS)
