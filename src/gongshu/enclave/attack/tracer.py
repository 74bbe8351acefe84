"""Adding to each relation of a query the subjects its rows come from.

A row of a raw table has one subject; a row of an aggregated relation has a list of them, unless it is grouped
by the subject itself. Every source of a FROM keeps its own subjects: a figure that comes from one of two
joined relations is judged by the subjects of that one. What is not understood is never counted wrongly: it
raises `Untraceable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from .expressions import aggregates_of, arg, is_aggregated, leaves
from .raw import Raw, quote

_MOST_SOURCES = 16
_AGAIN = re.compile(r" #\d+$")


class Untraceable(Exception):
    """The query cannot be rewritten; nobody knows then how many subjects stand behind its cells."""


@dataclass(frozen=True)
class Who:
    """The subjects of a relation's rows: an SQL expression, one id or (`many`) a list of ids."""

    sql: str
    many: bool


Whos = dict[str, Who]
"""Name of a source's subjects → expression. The name is the family, the second of a family `family #2`."""


def family(name: str) -> str:
    """The family of a source's subjects."""
    return _AGAIN.sub("", name)


def who_column(name: str) -> str:
    """The column that carries the subjects of a relation."""
    return f"__who_{name}"


def text_of(key: str) -> str:
    """SQL of a group key as text, the same wherever cells are matched by it; null and rolled up are one."""
    return f"coalesce(CAST({key} AS VARCHAR), 'None')"


@dataclass
class Tracer:
    """Rewrites one qualified query in place. `sources`: id of a SELECT → subjects of its FROM; `units`: id of
    a SELECT → (row number, name) of the raw table about subjects it reads first."""

    raw: Raw
    sources: dict[int, Whos] = field(default_factory=dict)
    units: dict[int, tuple[str, str] | None] = field(default_factory=dict)

    def annotate(self, node: exp.Expression, env: Mapping[str, Whos], top: bool = False) -> Whos:
        """Add `__who_…` to a query (at the `top` of an aggregation `__n_…` and its keys `__k_…`); returns
        what stands behind its rows, named as another query sees them."""
        with_ = arg(node, "with")
        if with_ is not None:
            if with_.args.get("recursive"):
                raise Untraceable
            known = dict(env)
            for cte in with_.expressions:
                known[cte.alias.casefold()] = self.annotate(cte.this, known)
            env = known
        if isinstance(node, exp.Subquery):
            return self.annotate(node.this, env, top)
        if isinstance(node, exp.SetOperation):
            return self._union(node, env)
        if not isinstance(node, exp.Select):
            raise Untraceable
        return self._select(node, env, top)

    def _union(self, node: exp.SetOperation, env: Mapping[str, Whos]) -> Whos:
        if not isinstance(node, exp.Union) or node.args.get("by_name"):
            raise Untraceable
        shown = [node.left.named_selects, node.right.named_selects]
        sides = [self.annotate(node.left, env), self.annotate(node.right, env)]
        if list(sides[0].items()) != list(sides[1].items()):
            both = {
                name: Who(quote(who_column(name)), any(name in s and s[name].many for s in sides))
                for name in (*sides[0], *sides[1])
            }
            for place, names, own in zip(("this", "expression"), shown, sides, strict=True):
                node.set(place, _aligned(node.args[place], names, own, both))
            sides[0] = both
        node.set("distinct", False)
        return sides[0]

    def _source(self, source: exp.Expression, env: Mapping[str, Whos]) -> Whos:
        """The subjects of one FROM item."""
        if source.args.get("pivots") or source.args.get("sample"):
            raise Untraceable
        alias = quote(source.alias_or_name)
        if isinstance(source, exp.Subquery):
            return _seen_as(alias, self.annotate(source.this, env))
        if not isinstance(source, exp.Table):
            if any(self._reads(one.name, env) for one in source.find_all(exp.Table)):
                raise Untraceable
            return {}
        if source.name.casefold() in env:
            return _seen_as(alias, env[source.name.casefold()])
        table = self._table(source.name)
        if table is None:
            raise Untraceable
        if table in self.raw.subjects:
            return {self.raw.families[table]: Who(self.raw.who(table, alias), False)}
        return {}

    def _table(self, name: str) -> str | None:
        return next((t for t in self.raw.columns if t.casefold() == name.casefold()), None)

    def _reads(self, name: str, env: Mapping[str, Whos]) -> bool:
        return name.casefold() in env or self._table(name) is not None

    def _sources(self, node: exp.Select, env: Mapping[str, Whos]) -> Whos:
        """The subjects of all FROM items; a table joined by the same id adds nobody."""
        whos: Whos = {}
        if node.args.get("laterals") or node.args.get("sample"):
            raise Untraceable
        for source, join in _from(node):
            for name, found in self._source(source, env).items():
                if any(_joined(join, one.sql, found.sql) for one in whos.values()):
                    continue
                whos[_free(family(name), whos)] = found
            if len(whos) > _MOST_SOURCES:
                raise Untraceable
        return whos

    def _select(self, node: exp.Select, env: Mapping[str, Whos], top: bool) -> Whos:
        whos = self._sources(node, env)
        self.sources[id(node)] = whos
        self.units[id(node)] = self._unit(node, env)
        if node.args.get("distinct") and not is_aggregated(node):
            _group_distinct(node)
        aggregated = is_aggregated(node)
        single = _singly_grouped(node) if aggregated else frozenset()
        behind: Whos = {}
        keys = keys_of(node) if top and aggregated else []
        for name, who in whos.items():
            sql, many = _gathered(who, aggregated, who.sql.casefold() in single)
            column = who_column(name)
            if top and aggregated:
                sql, column = _counted(who), f"__n_{name}"
            node.select(f"{sql} AS {quote(column)}", copy=False, dialect="duckdb")
            behind[name] = Who(quote(column), many)
        for i, key in enumerate(keys):
            node.select(f"{text_of(key)} AS {quote(f'__k_{i}')}", copy=False, dialect="duckdb")
        return behind

    def _unit(self, node: exp.Select, env: Mapping[str, Whos]) -> tuple[str, str] | None:
        for source, _ in _from(node):
            table = self._table(source.name) if isinstance(source, exp.Table) else None
            if table in self.raw.subjects and source.name.casefold() not in env:
                return f"{quote(source.alias_or_name)}.rowid", str(table)
        return None


def _from(node: exp.Select) -> Iterator[tuple[exp.Expression, exp.Join | None]]:
    """FROM items whose rows reach the result, each with its join; those that only filter do not."""
    from_ = arg(node, "from")
    if from_ is not None:
        yield from_.this, None
    for join in node.args.get("joins") or ():
        if str(join.args.get("kind") or "").upper() not in ("SEMI", "ANTI"):
            yield join.this, join


def _seen_as(alias: str, behind: Whos) -> Whos:
    return {name: Who(f"{alias}.{quote(who_column(name))}", who.many) for name, who in behind.items()}


def _free(name: str, taken: Whos) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} #{number}"
    return found


def _joined(join: exp.Join | None, one: str, other: str) -> bool:
    """Whether an inner join asks that both ids are the same."""
    if join is None or join.args.get("side"):
        return False
    asked = join.args.get("on")
    parts = list(asked.flatten()) if isinstance(asked, exp.And) else [asked]
    wanted = {one.casefold(), other.casefold()}
    return any(
        isinstance(part, exp.EQ)
        and {part.left.sql("duckdb").casefold(), part.right.sql("duckdb").casefold()} == wanted
        for part in parts
    )


def _aligned(side: exp.Expression, shown: list[str], own: Whos, both: Whos) -> exp.Expression:
    """One side of a union with the columns of both: a missing subject is null, one id a list of one."""
    if len(set(shown)) < len(shown):
        raise Untraceable
    columns = [quote(name) for name in shown]
    for name, who in both.items():
        column = quote(who_column(name))
        if name not in own:
            columns.append(f"NULL AS {column}")
        elif who.many and not own[name].many:
            columns.append(f"[{column}] AS {column}")
        else:
            columns.append(column)
    inner = side.unnest() if isinstance(side, exp.Subquery) else side
    inner.pop()
    wrapped = sqlglot.select(*columns, dialect="duckdb").from_(exp.Subquery(this=inner, alias="__side"))
    return wrapped


def _group_distinct(node: exp.Select) -> None:
    """`SELECT DISTINCT a, b` is a grouping over a and b."""
    distinct = node.args["distinct"]
    if not isinstance(distinct, exp.Distinct) or distinct.args.get("on"):
        raise Untraceable
    if any(isinstance(p.unalias(), exp.Star) or p.find(exp.Window) for p in node.expressions):
        raise Untraceable
    node.set("distinct", None)
    node.set("group", exp.Group(expressions=[p.unalias().copy() for p in node.expressions]))


def _singly_grouped(node: exp.Select) -> frozenset[str]:
    """Keys of a plain GROUP BY: in no row are they rolled up."""
    group = node.args.get("group")
    if group is None or any(group.args.get(name) for name in ("rollup", "cube", "grouping_sets")):
        return frozenset()
    if any(isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets) for part in group.expressions):
        return frozenset()
    return frozenset(key.casefold() for key in keys_of(node))


def _gathered(who: Who, aggregated: bool, keyed: bool) -> tuple[str, bool]:
    """(SQL, many) of a row's subjects after a SELECT."""
    if not aggregated or (keyed and not who.many):
        return who.sql, who.many
    if who.many:
        return f"list_distinct(flatten(list({who.sql})))", True
    return f"list(DISTINCT {who.sql}) FILTER (WHERE {who.sql} IS NOT NULL)", True


def _counted(who: Who) -> str:
    return f"len({_gathered(who, True, False)[0]})" if who.many else f"count(DISTINCT {who.sql})"


def keys_of(node: exp.Select) -> list[str]:
    """The group expressions of an aggregation."""
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
