"""From text to one parsed query.

sqlglot rewrites many functions into nodes of its own and prints them back as something else. Here every
function DuckDB lists is hidden from it behind a prefix, so that a call stays a call with its own name and
arguments, is judged by that name, and is printed as it was written.
"""

from __future__ import annotations

import logging

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokens import Token, TokenType

from gongshu.lens.functions import FUNCTIONS
from gongshu.lens.verdict import Refusal

MARK = "gsfn_"
_DIALECT = DuckDB()
_SYNTAX = frozenset(
    {"cast", "try_cast", "extract", "position", "substring", "trim", "coalesce", "if", "ifnull", "unnest"}
)
_CALLABLE = frozenset(
    {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.LEFT,
        TokenType.RIGHT,
        TokenType.FIRST,
        TokenType.REPLACE,
        TokenType.LIST,
        TokenType.FORMAT,
    }
)
_AFTER_STAR = frozenset({TokenType.STAR, TokenType.R_PAREN})
_FIRST_WORDS = frozenset({"SELECT", "WITH", "FROM", "VALUES", "(", "TABLE", "PIVOT", "UNPIVOT"})
_OTHER_WORDS = frozenset(
    {
        "ABORT",
        "ALTER",
        "ANALYZE",
        "ATTACH",
        "BEGIN",
        "CALL",
        "CHECKPOINT",
        "COMMENT",
        "COMMIT",
        "COPY",
        "CREATE",
        "DEALLOCATE",
        "DELETE",
        "DESC",
        "DESCRIBE",
        "DETACH",
        "DROP",
        "END",
        "EXECUTE",
        "EXPLAIN",
        "EXPORT",
        "FORCE",
        "GRANT",
        "IMPORT",
        "INSERT",
        "INSTALL",
        "LOAD",
        "MERGE",
        "PRAGMA",
        "PREPARE",
        "REINDEX",
        "RESET",
        "REVOKE",
        "ROLLBACK",
        "SET",
        "SHOW",
        "START",
        "SUMMARIZE",
        "TRUNCATE",
        "UNINSTALL",
        "UPDATE",
        "USE",
        "VACUUM",
    }
)
_MAX_CHARACTERS = 100_000
_MAX_DEPTH = 200

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def parse_query(sql: str) -> exp.Expression:
    """The one query in `sql`, or a `Refusal` (parse, statement, many_statements)."""
    if not isinstance(sql, str) or len(sql) > _MAX_CHARACTERS or "\x00" in sql:
        raise Refusal("parse", "查询为空、过长或含有不可读的字符")
    tokens = _only_statement(_tokenize(sql))
    first = tokens[0].text.upper()
    if first not in _FIRST_WORDS:
        raise Refusal(
            *(("statement", "这不是查询语句") if first in _OTHER_WORDS else ("parse", "查询读不懂"))
        )
    trees = _parse(tokens, sql)
    if len(trees) != 1 or trees[0] is None:
        raise Refusal("parse", "查询读不懂")
    return trees[0]


def parse_condition(text: str) -> exp.Expression:
    """One expression written alone, such as a grant's `rows`."""
    tokens = _only_statement(_tokenize(f"SELECT 1 WHERE (\n{text}\n)"))
    tree = _parse(tokens, text)[0]
    where = tree.args.get("where") if isinstance(tree, exp.Select) else None
    allowed = {"expressions", "where"}
    if where is None or any(value for key, value in tree.args.items() if key not in allowed):
        raise Refusal("parse", "条件读不懂")
    if not isinstance(where.this, exp.Paren) or len(tree.expressions) != 1:
        raise Refusal("parse", "条件不是一个完整的表达式")
    return where.this.this


def print_query(tree: exp.Expression) -> str:
    """DuckDB text of a tree: no comments, every name quoted, functions spelt as written."""
    text: str = tree.sql(
        dialect="duckdb",
        comments=False,
        identify=True,
        normalize_functions=False,
        unsupported_level=ErrorLevel.RAISE,
    )
    return text


def _tokenize(sql: str) -> list[Token]:
    try:
        return list(_DIALECT.tokenize(sql))
    except (SqlglotError, ValueError) as error:
        raise Refusal("parse", "查询读不懂") from error


def _only_statement(tokens: list[Token]) -> list[Token]:
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens = tokens[:-1]
    while tokens and tokens[0].token_type == TokenType.SEMICOLON:
        tokens = tokens[1:]
    if not tokens:
        raise Refusal("parse", "没有查询")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise Refusal("many_statements", "写了不止一条语句")
    return tokens


def _parse(tokens: list[Token], sql: str) -> list[exp.Expression]:
    depth = deepest = 0
    for token in tokens:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise Refusal("too_large", "查询的括号套得太深")
    try:
        trees = DuckDB.Parser(dialect=_DIALECT).parse(_mark(tokens), sql)
    except (SqlglotError, ValueError, RecursionError, TypeError, AttributeError) as error:
        raise Refusal("parse", "查询读不懂") from error
    for tree in trees:
        if tree is not None:
            _unmark(tree)
    return list(trees)


def _mark(tokens: list[Token]) -> list[Token]:
    marked = []
    for index, written in enumerate(tokens):
        token = written
        following = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        if following == TokenType.L_PAREN and _is_call(token, tokens[index - 1] if index else None):
            token = Token(
                TokenType.VAR,
                MARK + token.text,
                line=token.line,
                col=token.col,
                start=token.start,
                end=token.end,
            )
        marked.append(token)
    return marked


def _is_call(token: Token, before: Token | None) -> bool:
    name = token.text.lower()
    if token.token_type not in _CALLABLE or name not in FUNCTIONS or name in _SYNTAX:
        return False
    if token.token_type == TokenType.REPLACE and before is not None:
        return before.token_type not in _AFTER_STAR
    return True


def _unmark(tree: exp.Expression) -> None:
    for node in tree.walk():
        name = node.args.get("this")
        if (
            isinstance(name, str)
            and name.startswith(MARK)
            and isinstance(node, exp.Anonymous | exp.Identifier)
        ):
            node.set("this", name[len(MARK) :])
        if isinstance(node, exp.Anonymous) and node.expressions:
            _settle_distinct(node)


def _settle_distinct(call: exp.Anonymous) -> None:
    """`f(DISTINCT a, b)`: DISTINCT belongs to the first argument; printed so, it stays what was written."""
    first = call.expressions[0]
    order = first if isinstance(first, exp.Order) else None
    distinct = order.this if order is not None else first
    if not isinstance(distinct, exp.Distinct) or len(distinct.expressions) < 2:
        return
    head, *rest = distinct.expressions
    if order is not None:
        order.set("this", rest[-1])
        rest[-1] = order
    call.set("expressions", [exp.Distinct(expressions=[head]), *rest, *call.expressions[1:]])
