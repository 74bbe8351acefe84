"""A grant, read strictly: what an enclave may read for a project (design section 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlglot import exp

from gongshu.lens.facts import kind_of
from gongshu.lens.functions import FUNCTIONS
from gongshu.lens.tokens import parse_condition, print_query
from gongshu.lens.verdict import Refusal

GRADES = {"L1": 1, "L2": 2, "L3": 3, "L4": 4}
UNGRADED = 4
THRESHOLD = 10
"""Fewest subjects a filter may be aimed at; the attack's own threshold can only be stricter."""

MODES = ("answer", "build")


@dataclass(frozen=True, slots=True)
class GrantedColumn:
    name: str
    type: str
    grade: int


@dataclass(frozen=True, slots=True)
class GrantedTable:
    """One table: columns by lower-case name, the row filter as a tree, whether subjects stand behind it."""

    name: str
    columns: Mapping[str, GrantedColumn]
    rows: exp.Expression | None
    subject: bool


@dataclass(frozen=True, slots=True)
class Grant:
    mode: str
    since: date
    until: date
    tables: Mapping[str, GrantedTable]
    threshold: int


def read_grant(data: Any, schema: Mapping[str, Any] | None = None) -> Grant:
    """The grant in `data`. Raises `Refusal` with code `grant` or `row_filter`.

    `schema` is the vault's own manifest, `{table: {"columns": {name: {"type", "grade"}}, "subject": name}}`;
    where it is stricter than the grant it wins, it never loosens anything.
    """
    body = _mapping(data, "授权不是一个对象")
    if body.get("v") != 1 or isinstance(body.get("v"), bool):
        raise Refusal("grant", "授权的版本号不是 1")
    mode = body.get("mode", "answer")
    if mode not in MODES:
        raise Refusal("grant", "授权的用法既不是 answer 也不是 build")
    since, until = _day(body.get("from")), _day(body.get("until"))
    if until < since:
        raise Refusal("grant", "授权的止期早于起期")
    tables = _mapping(body.get("tables"), "授权没有写明表")
    grades, subjects = body.get("grades", {}), body.get("subject", {})
    read: dict[str, GrantedTable] = {}
    for name, table in tables.items():
        if not isinstance(name, str) or not name or name.lower() in read:
            raise Refusal("grant", "授权里有空的或重复的表名")
        read[name.lower()] = _table(name, table, grades, subjects, _manifest(schema, name))
    _check_top(body, read)
    return Grant(mode, since, until, read, _threshold(body.get("threshold")))


def _mapping(value: Any, sentence: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refusal("grant", sentence)
    return value


def _day(value: Any) -> date:
    try:
        if not isinstance(value, str) or len(value) != len("2026-01-01"):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError as error:
        raise Refusal("grant", "授权的起止日期缺失或不是 YYYY-MM-DD") from error


def _threshold(value: Any) -> int:
    if value is None:
        return THRESHOLD
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal("grant", "授权的最少人数不是整数")
    return max(THRESHOLD, value)


def _check_top(body: Mapping[str, Any], tables: Mapping[str, GrantedTable]) -> None:
    """Names in the top-level maps must be tables of the grant: a slip there would loosen it silently."""
    for key in ("grades", "subject"):
        value = body.get(key)
        if isinstance(value, Mapping) and any(str(name).lower() not in tables for name in value):
            flat = key == "grades" and all(isinstance(grade, str) for grade in value.values())
            if not flat:
                raise Refusal("grant", "授权的级别或主体写给了不在授权里的表")
    for key in ("zone", "project", "purpose"):
        if not isinstance(body.get(key, ""), str):
            raise Refusal("grant", "授权的专区、项目或用途不是文字")


def _manifest(schema: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    for key, value in (schema or {}).items():
        if str(key).lower() == name.lower() and isinstance(value, Mapping):
            return value
    return {}


def _lowered(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return next((part for key, part in value.items() if str(key).lower() == name.lower()), None)
    return None


def _table(name: str, table: Any, grades: Any, subjects: Any, manifest: Mapping[str, Any]) -> GrantedTable:
    body = _mapping(table, f"授权里的表 {name} 不是一个对象")
    beside = body.get("grades")
    if beside is None:
        beside = _lowered(grades, name)
        if beside is None and isinstance(grades, Mapping):
            beside = {key: value for key, value in grades.items() if isinstance(value, str)}
    known = manifest.get("columns", manifest)
    columns: dict[str, GrantedColumn] = {}
    for column, spec in _column_items(name, body.get("columns")):
        if not isinstance(column, str) or not column or column.lower() in columns:
            raise Refusal("grant", f"表 {name} 里有空的或重复的字段名")
        columns[column.lower()] = _column(column, spec, beside, _lowered(known, column))
    return GrantedTable(
        name, columns, _rows(name, body, columns), _subject(name, body, subjects, columns, manifest)
    )


def _column_items(name: str, columns: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(columns, Mapping):
        return columns.items()
    if isinstance(columns, list | tuple):
        return [(item.get("name"), item) if isinstance(item, Mapping) else (item, {}) for item in columns]
    raise Refusal("grant", f"授权没有写明表 {name} 的字段")


def _column(name: str, spec: Any, beside: Any, known: Any) -> GrantedColumn:
    if spec is None:
        spec = {}
    if isinstance(spec, str):
        spec = {"grade": spec} if spec in GRADES else {"type": spec}
    body = _mapping(spec, f"字段 {name} 的说明不是一个对象")
    kind = body.get("type") or (known.get("type") if isinstance(known, Mapping) else known) or ""
    if not isinstance(kind, str):
        raise Refusal("grant", f"字段 {name} 的类型不是文字")
    stated = body.get("grade")
    grade = _grade(name, stated if stated is not None else _lowered(beside, name))
    if isinstance(known, Mapping) and "grade" in known:
        grade = max(grade, _grade(name, known["grade"]))
    return GrantedColumn(name, kind, grade)


def _grade(name: str, value: Any) -> int:
    if value is None or value == "":
        return UNGRADED
    if not isinstance(value, str) or value not in GRADES:
        raise Refusal("grant", f"字段 {name} 的级别不是 L1 至 L4")
    return GRADES[value]


def _subject(
    name: str,
    body: Mapping[str, Any],
    subjects: Any,
    columns: Mapping[str, GrantedColumn],
    manifest: Mapping[str, Any],
) -> bool:
    stated = [body.get("subject"), _lowered(subjects, name), manifest.get("subject")]
    if isinstance(subjects, str) and subjects.lower() in columns:
        stated.append(subjects)
    for value in stated:
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            continue
        if value is not None and not isinstance(value, str):
            raise Refusal("grant", f"表 {name} 的主体字段不是文字")
    return any(bool(value) for value in stated)


_PREDICATES = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.Predicate,
    exp.In,
    exp.Between,
    exp.Boolean,
    exp.Is,
    exp.Column,
)
_ROW_NODES = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.Predicate,
    exp.In,
    exp.Between,
    exp.Boolean,
    exp.Is,
    exp.Null,
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.IntDiv,
    exp.DPipe,
    exp.Cast,
    exp.TryCast,
    exp.DataType,
    exp.DataTypeParam,
    exp.Extract,
    exp.Var,
    exp.Interval,
    exp.Substring,
    exp.Trim,
    exp.Coalesce,
    exp.StrPosition,
    exp.Anonymous,
    exp.RawString,
    exp.Case,
    exp.If,
    exp.Array,
    exp.Collate,
    exp.Tuple,
    exp.CurrentDate,
)
_ROW_FUNCTIONS = frozenset({"scalar", "part", "truncate", "band"})
_BOOLEAN_FUNCTIONS = frozenset(
    {
        "list_contains",
        "isnan",
        "starts_with",
        "ends_with",
        "contains",
        "prefix",
        "suffix",
        "regexp_matches",
        "regexp_full_match",
    }
)


def row_filter(table: str, text: Any, types: Mapping[str, str]) -> str:
    """The row filter `text` of a grant's table as the engine may be given it: one condition on this table
    alone, its columns named `"table"."column"`, comments gone; '' without one. `types`: column → type.

    Raises `Refusal` (code `row_filter`).
    """
    columns = {name.lower(): GrantedColumn(name, kind, UNGRADED) for name, kind in types.items()}
    tree = _rows(table, {"rows": text or None}, columns)
    if tree is None:
        return ""
    if any(node.name.lower() not in columns for node in tree.find_all(exp.Column)):
        raise Refusal("row_filter", f"表 {table} 的行范围用了没有的字段")
    return print_query(tree)


def _rows(table: str, body: Mapping[str, Any], columns: Mapping[str, GrantedColumn]) -> exp.Expression | None:
    text = body.get("rows")
    if text is None:
        return None
    if not isinstance(text, str) or not text.strip():
        raise Refusal("row_filter", f"表 {table} 的行范围不是一个条件")
    try:
        tree = parse_condition(text)
    except Refusal as error:
        raise Refusal("row_filter", f"表 {table} 的行范围读不懂") from error
    for node in tree.walk():
        if not isinstance(node, _ROW_NODES) or isinstance(node, exp.SubqueryPredicate):
            raise Refusal("row_filter", f"表 {table} 的行范围含有不允许的写法")
        if isinstance(node, exp.Anonymous) and FUNCTIONS.get(str(node.this).lower()) not in _ROW_FUNCTIONS:
            raise Refusal("row_filter", f"表 {table} 的行范围用了不允许的函数")
        if isinstance(node, exp.In) and node.args.get("query"):
            raise Refusal("row_filter", f"表 {table} 的行范围含有子查询")
        if isinstance(node, exp.Column):
            _own_column(table, node)
    if not _is_boolean(tree, columns):
        raise Refusal("row_filter", f"表 {table} 的行范围不是真假条件")
    return tree


def _is_boolean(tree: exp.Expression, columns: Mapping[str, GrantedColumn]) -> bool:
    if isinstance(tree, exp.Paren):
        return _is_boolean(tree.this, columns)
    if isinstance(tree, exp.Column):
        column = columns.get(tree.name.lower())
        return column is None or kind_of(column.type) in ("", "boolean")
    if isinstance(tree, exp.Anonymous):
        return str(tree.this).lower() in _BOOLEAN_FUNCTIONS
    return isinstance(tree, _PREDICATES)


def _own_column(table: str, node: exp.Column) -> None:
    if (
        node.args.get("db")
        or node.args.get("catalog")
        or (node.table and node.table.lower() != table.lower())
    ):
        raise Refusal("row_filter", f"表 {table} 的行范围用了别的表的字段")
    node.set("table", exp.to_identifier(table, quoted=True))
