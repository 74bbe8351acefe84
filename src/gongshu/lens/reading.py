"""Reading an expression: the table of readers, and the judgements they share.

`read` gives the `Fact` of a node and rewrites the node in place: every column is qualified and quoted, every
use of an alias is replaced by what the alias stands for. A node type without a reader is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from gongshu.lens import counts
from gongshu.lens.facts import Fact
from gongshu.lens.frames import Frame
from gongshu.lens.state import State
from gongshu.lens.verdict import Refusal


@dataclass(slots=True)
class Context:
    """Where an expression stands.

    `aliases`: names of the SELECT list may be used. `rows`: it is computed for each row, before any grouping
    (DuckDB cannot bind a group key inside TRY, so TRY is only written there).
    """

    state: State
    frame: Frame
    aliases: bool = True
    rows: bool = True


Reader = Callable[[exp.Expression, Context], Fact]
READERS: dict[type[exp.Expression], Reader] = {}


def reads(*types: type[exp.Expression]) -> Callable[[Reader], Reader]:
    """Register the reader of node types."""

    def register(reader: Reader) -> Reader:
        READERS.update(dict.fromkeys(types, reader))
        return reader

    return register


def read(node: exp.Expression | None, context: Context) -> Fact:
    """The fact of `node`. Raises `Refusal` for what is not on the list of node types."""
    reader = READERS.get(type(node)) if node is not None else None
    if node is None or reader is None:
        raise Refusal("function", f"不允许的写法 {type(node).__name__}")
    return reader(node, context)


def ask(fact: Fact, context: Context) -> None:
    """Judge a condition that keeps rows: it may not be aimed at small groups."""
    if counts.aims_at_few(fact.tests or counts.truth(fact), context.state.grant.threshold):
        context.state.refuse("singling_out", "条件只留下人数很少的组或少数几行")


def has_limit(query: exp.Expression) -> bool:
    """Whether some LIMIT, OFFSET or sample cuts rows inside a query."""
    return query.find(exp.Limit, exp.Fetch, exp.Offset, exp.TableSample) is not None


def no_identifier(fact: Fact, context: Context, what: str) -> None:
    if fact.grade >= 4:
        context.state.refuse("identifier", f"标识字段（L4 或未定级）不能{what}")


def only_arguments(node: exp.Expression, *allowed: str) -> None:
    """Refuse parts of a node that nobody here reads."""
    for key, value in node.args.items():
        if key not in allowed and value not in (None, False, []):
            raise Refusal("statement", f"不允许的写法 {type(node).__name__}.{key}")
