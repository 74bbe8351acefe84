"""The office's interfaces for programs as OpenAPI 3.1: one table, the paths taken from the addresses.

`document()` is served at `/portal/openapi.json`; `line()` describes the two doors of the line, for the data
domain alone. Every one of these addresses answers JSON to `Accept: application/json`, an error as
`{"ok": false, "error": {code, sentence, basis}}` with one Chinese sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import get_resolver

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999}
CONVERTER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
# 路径里的参数：不含斜杠、不空；整数的不超过数据库的整数
PARTS: Mapping[str, Schema] = {
    "str": {"type": "string", "pattern": "^[^/?#\\x00-\\x20]{1,80}$"},
    "int": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
}


def _object(*names: str, **more: Schema) -> Schema:
    return {"type": "object", "required": [*names], "properties": dict(more)}


def _rows(*names: str) -> Schema:
    return _object("rows", rows={"type": "array", "items": _object(*names)})


@dataclass(frozen=True)
class Operation:
    """One address for programs. `name`: of the URL; `query`: parameter → schema; `statuses`: refusals."""

    name: str
    title: str
    answer: Schema
    method: str = "get"
    account: bool = False
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    statuses: Sequence[int] = (400, 404, 405)


NOTICE = ("id", "zone", "lines", "digest", "from", "until", "state")
PRODUCT = ("id", "name", "form", "purpose")
SIGNED = _object("signature")
OPERATIONS: tuple[Operation, ...] = (
    # ---- 公开的，不用登录
    Operation("portal:catalogue", "公开的目录", _rows("id", "name"), query={"q": TEXT}),
    Operation("portal:products", "已登记的产品", _rows(*PRODUCT), query={"q": TEXT}),
    Operation(
        "portal:runs", "在原始数据上的运行", _object("total", "page", "pages", "rows"), query={"page": TEXT}
    ),
    Operation("portal:laws", "所依据的文本", _object("zone", "digest", "texts")),
    Operation("registration:publicity", "公示中的登记", _rows(*NOTICE), query={"q": TEXT}),
    Operation("registration:notice", "一件公示", _object(*NOTICE)),
    Operation(
        "registration:checked", "凭证查验", _object("code", "status", "genuine", "facts", "digest"),
        query={"s": TEXT},
    ),
    Operation("registration:certificate-signature", "凭证的签名", _object()),
    Operation("registration:certificate-proof", "凭证在日志里的证明", _object(),
              statuses=(400, 404, 405, 503)),
    # ---- 用账号的
    Operation(
        "cases:inbox", "轮到我办的", _object("rows", "next"), account=True,
        query={"procedure": TEXT, "overdue": {"enum": ["1"]}, "number": TEXT, "after": TEXT},
    ),
    Operation(
        "cases:case", "一件案件",
        _object("id", "number", "state", "waits_for", "deadlines", "acts", "events"),
        account=True,
    ),
    Operation("cases:why", "为什么", _object(), account=True),
    Operation("cases:proof", "一步的证明", _object(), account=True, statuses=(400, 404, 405, 503)),
    Operation(
        "catalogue:api-items", "批量编目录",
        _object("ok", "made", "refused"), "post", account=True,
        body=_object("items", items={"type": "array", "maxItems": 1000, "items": {"type": "object"}}),
    ),
    Operation("registration:deposit-receipt", "存证证明", _object(), account=True),
    Operation("products:list", "产品", _rows(*PRODUCT), account=True, query={"q": TEXT, "state": TEXT}),
    Operation("products:detail", "一个产品", _object(*PRODUCT), account=True),
    Operation(
        "products:release-record", "一次出域的记录",
        _object("id", "product", "digest", "size", "record"), account=True,
    ),
    Operation("products:to-sign", "待签的协议", _object("v", "agreement", "role", "contract"),
              account=True),
    Operation(
        "supervision:cockpit", "监管驾驶舱", _object("zone", "day", "measures"), account=True,
        query={"zone": TEXT},
    ),
    Operation(
        "supervision:totals", "总数核对", _object("zone", "lines"), account=True, query={"zone": TEXT}
    ),
)  # fmt: skip
LINE: tuple[Operation, ...] = (
    Operation("link-feed", "通知流", _object("v", "zone", "envelopes", "lease"),
              query={"zone": TEXT, "after": WHOLE, "limit": WHOLE}, statuses=(400, 405)),
    Operation("link-checkpoint", "最新的检查点", _object(), query={"from": WHOLE}, statuses=(400, 405)),
    Operation("link-entries", "日志的条目", _object("v", "entries"), query={"from": WHOLE},
              statuses=(400, 405, 503)),
    Operation("link-inbox", "送来的消息", _object(), "post",
              body=_object("v", "envelopes", envelopes={"type": "array"}), statuses=(400, 405, 413)),
    Operation("link-health", "还在", _object("ok"), statuses=(405,)),
)  # fmt: skip


def document() -> dict[str, Any]:
    """Everything a program may ask of the office."""
    return _document("公枢办公域", "公开的数据和用账号办的事；不含任何原始数据。", OPERATIONS, None)


def line() -> dict[str, Any]:
    """The line between the domains, served by the worker."""
    return _document("公枢通知流与收件箱", "只供数据域和网关。", LINE, "gongshu.office.link.urls")


def _document(
    title: str, description: str, operations: Sequence[Operation], urls: str | None
) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for each in operations:
        path, parameters = _path(each.name, urls)
        paths.setdefault(path, {})[each.method] = _operation(each, parameters)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": description},
        "paths": paths,
        "components": {
            "schemas": {"Refusal": REFUSAL},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "sessionid"}},
        },
    }


REFUSAL: Schema = _object(
    "ok",
    "error",
    ok={"const": False},
    error=_object(
        "code",
        "sentence",
        "basis",
        code={"type": "string", "minLength": 1},
        sentence={"type": "string", "pattern": "[\\u4e00-\\u9fff].*[。？]$"},
        basis={"type": "array", "items": TEXT},
    ),
)


def _path(name: str, urls: str | None) -> tuple[str, list[dict[str, Any]]]:
    """The address of a URL name as OpenAPI writes it, and the parameters in it."""
    namespace, _, own = name.rpartition(":")
    resolver: Any = get_resolver(urls)
    prefix = ""
    if namespace:
        prefix, resolver = resolver.namespace_dict[namespace]
    pattern = next(each for each in resolver.url_patterns if getattr(each, "name", "") == own)
    parameters: list[dict[str, Any]] = []

    def named(match: re.Match[str]) -> str:
        schema = PARTS[match["kind"] or "str"]
        parameters.append({"name": match["name"], "in": "path", "required": True, "schema": schema})
        return f"{{{match['name']}}}"

    return "/" + CONVERTER.sub(named, prefix + str(pattern.pattern)), parameters


def _operation(operation: Operation, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in operation.query.items()
    ]
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    statuses = sorted({*operation.statuses, *((401, 403) if operation.account else ())})
    made: dict[str, Any] = {
        "operationId": operation.name.replace(":", "-"),
        "summary": operation.title,
        "parameters": [*parameters, *query],
        "responses": {
            "200": {
                "description": operation.title,
                "content": {"application/json": {"schema": operation.answer}},
            },
            **{str(each): {"description": "没有办成，一句话说明", "content": refusal} for each in statuses},
        },
    }
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        made["requestBody"] = {"required": True, "content": content}
    if operation.account:
        made["security"] = [{"session": []}]
    return made
