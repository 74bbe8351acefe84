"""JSON: lists of records, columns, line-delimited, and anything nested inside."""

from __future__ import annotations

import json
from typing import Any

from ..model import Document, Fragment, Table
from .tabular import MAX_CELLS, plain
from .text import Unreadable, decode


def parse(text: str) -> Any:
    """One JSON value, or a list of the values of a line-delimited file."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    except RecursionError as error:
        raise Unreadable("嵌套过深") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 1:
        raise Unreadable("空文件")
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        raise Unreadable("不是 JSON") from error


def read_json(data: bytes) -> Document:
    """Every list of records and every object of equally long lists becomes a table."""
    document = Document("json")
    value = parse(decode(data))
    _walk(value, "", document)
    document.model = value
    return document


def records(rows: list[Any], name: str) -> Table:
    """A list of objects as a table whose headers are the dotted paths of all their keys."""
    headers: dict[str, int] = {}
    flat: list[dict[str, Any]] = []
    for row in rows:
        one: dict[str, Any] = {}
        _flatten("", row, one)
        flat.append(one)
        for key in one:
            headers.setdefault(key, len(headers))
    if len(headers) * len(rows) > MAX_CELLS:
        raise OverflowError
    return Table(name, list(headers), [[plain(row.get(key)) for row in flat] for key in headers])


def _flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, one in value.items():
            _flatten(f"{prefix}.{key}" if prefix else str(key), one, into)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for i, one in enumerate(value):
            _flatten(f"{prefix}.{i}", one, into)
    else:
        into[prefix or "value"] = value


def _scalars(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)


def _walk(value: Any, path: str, document: Document) -> None:
    name = f"表 {len(document.tables) + 1}"
    if isinstance(value, list):
        _walk_list(value, path, name, document)
    elif isinstance(value, dict):
        lists = {key: one for key, one in value.items() if _scalars(one)}
        lengths = {len(one) for one in lists.values()}
        if lists and len(lists) == len(value) and len(lengths) == 1 and lengths != {0}:
            document.tables.append(
                Table(name, [str(k) for k in lists], [[plain(v) for v in c] for c in lists.values()])
            )
            return
        split = value.get("data"), value.get("columns")
        if isinstance(split[0], list) and _scalars(split[1]) and all(_scalars(r) for r in split[0]):
            heads = [str(h) for h in split[1] or []]
            document.tables.append(records([dict(zip(heads, r, strict=False)) for r in split[0]], name))
            value = {k: v for k, v in value.items() if k not in ("data", "columns")}
        if _map_of_records(value):
            rows = [
                {"键": key, **one} if isinstance(one, dict) else {"键": key, "值": one}
                for key, one in value.items()
            ]
            document.tables.append(records(rows, name))
            return
        for key, one in value.items():
            document.fragments.append(Fragment(f"键{path}", str(key)))
            _walk(one, f"{path}/{key}", document)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        document.fragments.append(Fragment("JSON 的值", str(value)))


def _map_of_records(value: dict[str, Any]) -> bool:
    """`{"A": {"n": 1}, "B": {"n": 2}}` or `{"A": 1, "B": 2}`: keys are data."""
    parts = list(value.values())
    if len(parts) < 2:
        return False
    if all(isinstance(one, dict) for one in parts):
        return len({tuple(sorted(one)) for one in parts}) == 1 and all(
            not isinstance(v, dict | list) for one in parts for v in one.values()
        )
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in parts)


def _walk_list(value: list[Any], path: str, name: str, document: Document) -> None:
    if value and all(isinstance(one, dict) for one in value):
        document.tables.append(records(value, name))
    elif value and all(isinstance(one, list) for one in value):
        if all(_scalars(one) for one in value):
            width = max(len(one) for one in value)
            header = value[0] if all(isinstance(c, str) for c in value[0]) and len(value) > 1 else None
            body = value[1:] if header else value
            heads = [str(c) for c in header or range(width)]
            columns = [[plain(r[i]) if i < len(r) else None for r in body] for i in range(width)]
            heads += [""] * (width - len(heads))
            document.tables.append(Table(name, heads, columns))
        else:
            for one in value:
                _walk(one, path, document)
    elif value:
        mixed = [one for one in value if isinstance(one, dict | list)]
        scalars = [plain(one) for one in value if not isinstance(one, dict | list)]
        if scalars:
            document.tables.append(Table(name, [path.rsplit("/", 1)[-1] or "value"], [scalars]))
        for one in mixed:
            _walk(one, path, document)
