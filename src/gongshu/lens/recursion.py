"""Recursive queries that certainly end: a counter from a constant, by a constant step, up to a constant."""

from __future__ import annotations

from datetime import date

from sqlglot import exp

MAX_STEPS = 100_000
_DAYS = {"HOUR": 1 / 24, "DAY": 1.0, "WEEK": 7.0, "MONTH": 28.0, "QUARTER": 89.0, "YEAR": 365.0}


def recursive(cte: exp.CTE) -> bool:
    """Whether a CTE asks for itself."""
    name = cte.alias.lower()
    return any(table.name.lower() == name for table in cte.this.find_all(exp.Table))


def steps(cte: exp.CTE) -> float | None:
    """How many rounds a recursive CTE can make at most; None when that cannot be told from its text."""
    union = cte.this
    if not isinstance(union, exp.Union) or not isinstance(union.this, exp.Select):
        return None
    start, again = union.this, union.expression
    if start.args.get("from_") is not None or start.args.get("joins"):
        return None
    if not isinstance(again, exp.Select) or not _plain(again, cte.alias.lower()):
        return None
    names = _names(cte, start)
    where = again.args.get("where")
    conditions = where.this.flatten() if where is not None and isinstance(where.this, exp.And) else []
    if where is not None and not conditions:
        conditions = [where.this]
    found = [_rounds(condition.unnest(), names, start, again) for condition in conditions]
    return min((rounds for rounds in found if rounds is not None), default=None)


def _plain(again: exp.Select, name: str) -> bool:
    source = again.args.get("from_")
    allowed = {"expressions", "from_", "where"}
    if source is None or any(value for key, value in again.args.items() if key not in allowed):
        return False
    tables = list(again.find_all(exp.Table))
    return (
        len(tables) == 1
        and source.this is tables[0]
        and tables[0].name.lower() == name
        and not tables[0].alias
    )


def _names(cte: exp.CTE, start: exp.Select) -> list[str]:
    renamed = cte.args["alias"].args.get("columns")
    return [
        item.name.lower() if renamed else item.alias_or_name.lower() for item in renamed or start.expressions
    ]


def _rounds(
    condition: exp.Expression, names: list[str], start: exp.Select, again: exp.Select
) -> float | None:
    if not isinstance(condition, exp.LT | exp.LTE) or not isinstance(condition.this, exp.Column):
        return None
    name = condition.this.name.lower()
    index = names.index(name) if name in names else -1
    if index < 0 or index >= min(len(start.expressions), len(again.expressions)):
        return None
    first, limit = _value(start.expressions[index]), _value(condition.expression)
    step = _step(again.expressions[index], name)
    if first is None or limit is None or step is None or step <= 0:
        return None
    return (limit - first) / step + 2


def _step(node: exp.Expression, name: str) -> float | None:
    inner = (node.this if isinstance(node, exp.Alias) else node).unnest()
    if (
        not isinstance(inner, exp.Add)
        or not isinstance(inner.this, exp.Column)
        or inner.this.name.lower() != name
    ):
        return None
    by = inner.expression.unnest()
    if isinstance(by, exp.Interval) and isinstance(by.this, exp.Literal):
        unit = _DAYS.get(by.text("unit").upper().removesuffix("S"))
        return float(by.this.name) * unit if unit and by.this.name.isdigit() else None
    return _value(by)


def _value(node: exp.Expression) -> float | None:
    """A number, or a day as a number."""
    inner = (node.this if isinstance(node, exp.Alias) else node).unnest()
    if isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Literal):
        try:
            return float(date.fromisoformat(inner.this.name[:10]).toordinal())
        except ValueError:
            return None
    if isinstance(inner, exp.Literal) and not inner.is_string:
        return float(inner.name)
    return None
