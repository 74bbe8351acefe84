"""The query to run: row filters cut in at every reference of a table."""

from __future__ import annotations

from sqlglot import exp

from gongshu.lens.frames import Relation
from gongshu.lens.state import State


def cut_rows(state: State) -> None:
    """Replace each reference of a table that has `rows` by the used columns under the filter."""
    for relation in state.bases:
        table = relation.table
        if table is not None and table.rows is not None and relation.node is not None:
            _cut(relation, relation.node, table.rows)


def _cut(relation: Relation, node: exp.Expression, rows: exp.Expression) -> None:
    table = relation.table
    if table is None:
        return
    names = [column.name for key, column in table.columns.items() if key in relation.used]
    columns: list[exp.Expression] = [
        exp.Column(
            this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(table.name, quoted=True)
        )
        for name in names
    ]
    inner = exp.Select(
        expressions=columns or [exp.alias_(exp.Literal.number(1), "_row", quoted=True)],
        from_=exp.From(this=exp.Table(this=exp.to_identifier(table.name, quoted=True))),
        where=exp.Where(this=rows.copy()),
    )
    node.replace(
        exp.Subquery(
            this=inner,
            alias=exp.TableAlias(this=exp.to_identifier(relation.name, quoted=True)),
            joins=node.args.get("joins"),
            sample=node.args.get("sample"),
        )
    )
