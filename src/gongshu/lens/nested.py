"""Reading queries inside expressions."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gongshu.lens.facts import Fact, Level
from gongshu.lens.reading import Context, reads
from gongshu.lens.state import QueryResult
from gongshu.lens.verdict import Refusal


def subquery(node: exp.Expression, context: Context, exists: bool = False) -> QueryResult:
    """Read a query inside an expression: rows it was not aggregated from make this row theirs too."""
    if context.state.query is None:
        raise Refusal("parse", "这里不能有子查询")
    result = context.state.query(context.state, node, context.frame, exists)
    frame = context.frame
    merged_here = frame.aggregated and context.rows and frame.input_level == Level.SUBJECT
    if result.level == Level.SUBJECT and not merged_here:
        frame.raise_level(Level.SUBJECT)
    return result


@reads(exp.Subquery, exp.Select, exp.Union, exp.Intersect, exp.Except)
def _scalar_query(node: exp.Expression, context: Context) -> Fact:
    result = subquery(node, context)
    if len(result.facts) != 1:
        raise Refusal("parse", "标量子查询只能有一列")
    if not result.single and result.level != Level.PUBLIC:
        context.state.refuse("error_oracle", "标量子查询可能多于一行而出错，出错与否会泄露数据")
    if result.level != Level.SUBJECT:
        context.frame.raise_level(result.level)
    return replace(result.facts[0], bare=None, constant=False, flag=False)


@reads(exp.Exists)
def _exists(node: exp.Expression, context: Context) -> Fact:
    subquery(node.this, context, exists=True)
    return Fact(grade=2, flag=True, kind="boolean")
