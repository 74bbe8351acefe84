"""Rewriting a qualified query into one whose cells can be traced, with the same rows.

An aggregation that an outer SELECT only shows again (`WITH g AS (SELECT … GROUP BY …) SELECT … FROM g`)
becomes one aggregation. EXCEPT and INTERSECT become their left side, kept where the whole has the same row.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from .expressions import arg, is_aggregated
from .raw import quote
from .tracer import Untraceable, keys_of

_AROUND = ("with", "with_", "order", "limit", "offset")


def left_sides(tree: exp.Query) -> exp.Query:
    """Each EXCEPT and INTERSECT as its left side filtered by the whole. Raises Untraceable where its columns
    have no names of their own."""
    for node in [*tree.find_all(exp.Except, exp.Intersect)][::-1]:  # the inner ones first
        made = _left_side(node)
        if node is tree:
            tree = made
        else:
            node.replace(made)
    return tree


def _left_side(node: exp.SetOperation) -> exp.Select:
    names = node.left.named_selects
    if len(set(names)) < len(names) or "" in names or "*" in names:
        raise Untraceable
    left, whole = node.left.copy(), node.copy()
    for name in _AROUND:
        whole.set(name, None)
    shown = [f'"__l".{quote(name)}' for name in names]
    same = " AND ".join(f'"__l".{quote(name)} IS NOT DISTINCT FROM "__e".{quote(name)}' for name in names)
    inner = (
        sqlglot.select(
            *(f"{sql} AS {quote(name)}" for sql, name in zip(shown, names, strict=True)), dialect="duckdb"
        )
        .from_(
            exp.Subquery(this=_bare(left), alias=exp.TableAlias(this=exp.to_identifier("__l", quoted=True)))
        )
        .join(
            exp.Subquery(this=whole, alias=exp.TableAlias(this=exp.to_identifier("__e", quoted=True))),
            on=sqlglot.condition(same, dialect="duckdb"),
            join_type="semi",
        )
    )
    made = sqlglot.select(*(quote(name) for name in names), dialect="duckdb").from_(
        exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("__s", quoted=True)))
    )
    for name in _AROUND:
        if node.args.get(name) is not None:
            made.set(name, node.args[name].copy())
    return made


def _bare(node: exp.Expression) -> exp.Expression:
    return node.unnest() if isinstance(node, exp.Subquery) else node


def one_aggregation(tree: exp.Query) -> exp.Query:
    """The query as one aggregation where an outer SELECT only computes with the cells of an inner one; else
    unchanged."""
    for _ in range(8):
        made = _merged(tree) if isinstance(tree, exp.Select) else None
        if made is None:
            return tree
        tree = made
    return tree


_OWN = ("group", "having", "distinct", "joins", "laterals", "windows", "sample")
_INNER = ("distinct", "limit", "offset", "qualify", "windows", "sample")


def _merged(outer: exp.Select) -> exp.Select | None:
    from_ = arg(outer, "from")
    if from_ is None or is_aggregated(outer) or any(outer.args.get(name) for name in _OWN):
        return None
    source = from_.this
    inner = _inner(outer, source)
    if inner is None or not is_aggregated(inner) or any(inner.args.get(name) for name in _INNER):
        return None
    if any(p.find(exp.Window) for p in inner.expressions) or any(
        inner.named_selects.count(n) > 1 for n in inner.named_selects
    ):
        return None
    parts = [*outer.expressions, *(outer.args.get(n) for n in ("where", "qualify", "order", "limit"))]
    if any(part is not None and part.find(exp.Select, exp.Star) for part in parts):
        return None
    where = outer.args.get("where")
    if where is not None and where.find(exp.Window):
        return None
    return _put_together(outer, inner, source.alias_or_name)


def _inner(outer: exp.Select, source: exp.Expression) -> exp.Select | None:
    """The SELECT of a FROM item: a derived table, or a CTE of this very query."""
    if source.args.get("pivots") or source.args.get("sample"):
        return None
    if isinstance(source, exp.Subquery):
        alias = source.args.get("alias")
        found = source.this if alias is None or not alias.args.get("columns") else None
    elif isinstance(source, exp.Table):
        with_ = arg(outer, "with")
        if with_ is None or with_.args.get("recursive"):
            return None
        found = next(
            (
                cte.this
                for cte in with_.expressions
                if cte.alias.casefold() == source.name.casefold()
                and not cte.args["alias"].args.get("columns")
            ),
            None,
        )
    else:
        found = None
    return found if isinstance(found, exp.Select) and arg(found, "with") is None else None


def _put_together(outer: exp.Select, inner: exp.Select, alias: str) -> exp.Select:
    made, base = outer.copy(), inner.copy()
    cells = {p.alias_or_name.casefold(): p.unalias() for p in base.expressions}

    def put(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.table.casefold() == alias.casefold():
            cell = cells.get(node.name.casefold())
            if cell is None:
                raise Untraceable
            return cell.copy() if isinstance(cell, exp.Column | exp.Func) else exp.Paren(this=cell.copy())
        return node

    def shown(projection: exp.Expression) -> exp.Expression:
        found = projection.unalias().transform(put)
        return found.this if isinstance(found, exp.Paren) else found

    names = outer.named_selects
    made.set(
        "expressions",
        [exp.alias_(shown(p), name, quoted=True) for p, name in zip(made.expressions, names, strict=True)],
    )
    for name in ("qualify", "order"):
        if made.args.get(name) is not None:
            made.set(name, made.args[name].transform(put))
    asked = [one.this for one in (base.args.get("having"),) if one is not None]
    if made.args.get("where") is not None:
        asked.append(made.args["where"].this.transform(put))
        made.set("where", None)
    if asked:
        made.set("having", exp.Having(this=exp.and_(*asked)))
    group = base.args.get("group")
    if group is not None and group.args.get("all"):
        keys = [sqlglot.parse_one(key, dialect="duckdb") for key in keys_of(base)]
        group = exp.Group(expressions=keys) if keys else None
    made.set("group", group)
    for name in ("from", "from_"):
        made.set(name, None)
    place = "from_" if "from_" in base.args else "from"
    for name in (place, "joins", "where", "laterals"):
        made.set(name, base.args.get(name))
    return made
