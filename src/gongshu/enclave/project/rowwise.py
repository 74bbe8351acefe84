"""May a table be trained on? Only where the text of its query shows that each row is made of rows of the
subject it names.

Subjects are held back from training by the pseudonym in the row. A query that puts one subject's values
under another's name (a join of a table with itself, a window that looks at the next row) would carry them
past that, and copies of a row under many names would pass for many subjects. So: tables are joined by
identifiers alone, and nothing looks at other rows. What is not understood is refused.
"""

from __future__ import annotations

from collections.abc import Set

import sqlglot
from sqlglot import exp

_LOOKS_ELSEWHERE = (exp.Window, exp.Unnest, exp.Lateral, exp.Pivot, exp.Explode, exp.Exists, exp.Values)


def own_rows(sql: str, identifying: Set[str]) -> bool:
    """`identifying`: columns of grade L4 of everything the query may read, `casefold`ed."""
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return False
    if tree.find(*_LOOKS_ELSEWHERE) is not None:
        return False
    return (
        all(_is_source(one) for one in tree.find_all(exp.Select))
        and all(_keeps_names(one, identifying) for one in tree.find_all(exp.Alias))
        and not any(one.args.get("recursive") for one in tree.find_all(exp.With))
        and not any(one.args.get("columns") for one in tree.find_all(exp.TableAlias))
        and all(_by_identifier(one, identifying) for one in tree.find_all(exp.Join))
    )


def _is_source(select: exp.Select) -> bool:
    """The whole query, a part of a set operation, or what a FROM, a JOIN or a WITH names: no scalar query."""
    above = select.parent
    while isinstance(above, exp.SetOperation | exp.Paren):
        above = above.parent
    if isinstance(above, exp.Subquery):
        while isinstance(above, exp.Subquery):
            above = above.parent
        return above is None or isinstance(above, exp.From | exp.Join | exp.CTE | exp.SetOperation)
    return above is None or isinstance(above, exp.CTE)


def _plain(one: exp.Expression | None) -> exp.Expression | None:
    while isinstance(one, exp.Paren):
        one = one.this
    return one


def _is_identifier(one: exp.Expression | None, identifying: Set[str]) -> bool:
    found = _plain(one)
    return isinstance(found, exp.Column) and found.name.casefold() in identifying


def _keeps_names(alias: exp.Alias, identifying: Set[str]) -> bool:
    """No other column takes an identifier's name, so that the joins are by what they seem to be."""
    if alias.alias.casefold() not in identifying:
        return True
    made = _plain(alias.this)
    if isinstance(made, exp.Anonymous) and made.name.casefold() == "pseudonym" and len(made.expressions) == 1:
        made = made.expressions[0]
    return _is_identifier(made, identifying)


def _by_identifier(join: exp.Join, identifying: Set[str]) -> bool:
    """An equality of two tables' identifiers is among what is asked of the joined rows."""
    if join.args.get("method") or join.args.get("match_condition"):
        return False  # NATURAL, ASOF, POSITIONAL
    using = join.args.get("using") or ()
    if any(one.name.casefold() in identifying for one in using):
        return True
    asked = join.args.get("on")
    for one in _conjuncts(asked):
        if (
            isinstance(one, exp.EQ)
            and _is_identifier(one.left, identifying)
            and _is_identifier(one.right, identifying)
            and _table(one.left) != _table(one.right)
        ):
            return True
    return False


def _table(one: exp.Expression) -> str:
    found = _plain(one)
    return found.table.casefold() if isinstance(found, exp.Column) else ""


def _conjuncts(asked: exp.Expression | None) -> list[exp.Expression]:
    one = _plain(asked)
    if isinstance(one, exp.And):
        return [*_conjuncts(one.left), *_conjuncts(one.right)]
    return [one] if one is not None else []
