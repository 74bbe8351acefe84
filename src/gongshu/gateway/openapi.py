"""The gateway's interface as OpenAPI 3.1, printed from the tables the gateway answers by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gongshu.gateway import testing
from gongshu.gateway.errors import ERRORS, RETRIES, WORDS
from gongshu.gateway.keyring import LONGEST
from gongshu.gateway.products import LARGEST_PAGE
from gongshu.gateway.singles import LONGEST_NUMBER, MOST

_VALUE = {"type": ["string", "integer", "boolean", "null"]}
_PRODUCT: dict[str, Any] = {
    "name": "product",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,80}$"},
}
_CREDENTIAL = {**_PRODUCT, "name": "credential"}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "同一键、同一正文在 24 小时内得到同一回答，只计一次；同一键、另一正文为 422。",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], title: str) -> dict[str, Any]:
    return {"description": title, "content": {"application/json": {"schema": schema}}}


def _refusals(statuses: Iterable[int]) -> dict[str, Any]:
    made = {}
    for status in statuses:
        codes = "、".join(code for code, row in ERRORS.items() if row.status == status)
        made[str(status)] = _json(_ref("Refusal"), f"代码：{codes}")
    return made


def _single(operation: str, title: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": title,
        "parameters": [_PRODUCT, _IDEMPOTENCY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(f"{operation.capitalize()}Request")}},
        },
        "responses": {
            "200": _json(_ref("Answers"), "每个主体一个回答，次序与请求相同"),
            **_refusals((400, 401, 403, 404, 405, 409, 413, 422, 429, 503)),
        },
        "security": [{"signature": []}],
    }


_OWN_PROPERTIES: dict[str, dict[str, Any]] = {
    "verify": {"values": {"type": "object", "minProperties": 1, "additionalProperties": _VALUE}},
    "lookup": {"fields": {"type": ["array", "null"], "items": {"type": "string"}}},
}


def _items(operation: str) -> dict[str, Any]:
    own = _OWN_PROPERTIES[operation]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["subject", *(("values",) if operation == "verify" else ())],
        "properties": {
            "subject": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_NUMBER,
                "pattern": "^[\\x00-\\x7f]+$",
                "description": "个人的公民身份号码，或企业的统一社会信用代码",
            },
            "consent": {
                "type": ["object", "null"],
                "description": "本人签名的同意（每次调用都要同意的协议）",
            },
            **own,
        },
    }


def _request(operation: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["purpose", "items"],
        "properties": {
            "purpose": {"type": "string"},
            "items": {"type": "array", "minItems": 1, "maxItems": MOST, "items": _items(operation)},
        },
    }


def _schemas() -> dict[str, Any]:
    return {
        "VerifyRequest": _request("verify"),
        "LookupRequest": _request("lookup"),
        "Answer": {
            "type": "object",
            "required": ["answer", "word"],
            "properties": {
                "answer": {"enum": list(WORDS)},
                "word": {"enum": list(WORDS.values())},
                "fields": {"type": "object", "additionalProperties": _VALUE},
                "code": {"type": "string"},
                "sentence": {"type": "string"},
                "basis": {"type": "array", "items": {"type": "string"}},
                "clause": {"type": "string"},
                "retry": {"enum": list(RETRIES)},
            },
        },
        "Answers": {
            "type": "object",
            "required": ["ok", "call", "nonce", "product", "version", "results"],
            "properties": {
                "ok": {"const": True},
                "call": {"type": "string"},
                "nonce": {"type": "string", "description": "随机数：使对账文件里回答的摘要不能被人试出来"},
                "product": {"type": "string"},
                "version": {"type": "string"},
                "results": {"type": "array", "items": _ref("Answer")},
            },
        },
        "Rows": {
            "type": "object",
            "required": ["ok", "call", "product", "version", "columns", "rows"],
            "properties": {
                "columns": {"type": "array", "items": {"type": "string"}},
                "rows": {"type": "array", "items": {"type": "object"}},
            },
        },
        "Refusal": {
            "type": "object",
            "required": ["ok", "error"],
            "properties": {
                "ok": {"const": False},
                "error": {
                    "type": "object",
                    "required": ["code", "sentence", "basis"],
                    "properties": {
                        "code": {"enum": sorted(ERRORS)},
                        "sentence": {"type": "string"},
                        "basis": {"type": "array", "items": {"type": "string"}},
                        "clause": {"type": "string"},
                        "retry": {"enum": list(RETRIES)},
                        "answer": {"enum": ["unauthorised", "over_quota"]},
                        "word": {"enum": [WORDS["unauthorised"], WORDS["over_quota"]]},
                    },
                },
            },
        },
    }


def _rows() -> dict[str, Any]:
    number: dict[str, Any] = {"in": "query", "required": False}
    return {
        "operationId": "rows",
        "summary": "已出域的表：协议约定的字段",
        "parameters": [
            _PRODUCT,
            {"name": "purpose", "in": "query", "required": True, "schema": {"type": "string"}},
            {**number, "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}},
            {**number, "name": "offset", "schema": {"type": "integer", "minimum": 0}},
        ],
        "responses": {
            "200": _json(_ref("Rows"), "查到的行"),
            **_refusals((400, 401, 403, 404, 405, 429, 503)),
        },
        "security": [{"signature": []}],
    }


def _secret() -> dict[str, Any]:
    body = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"keep_old_seconds": {"type": "integer", "minimum": 0, "maximum": LONGEST}},
    }
    made = {
        "type": "object",
        "required": ["ok", "credential", "secret", "previous_until"],
        "properties": {"secret": {"type": "string"}, "previous_until": {"type": ["string", "null"]}},
    }
    return {
        "operationId": "drawSecret",
        "summary": "用自己的私钥签名，领取或更换 HMAC 密钥；更换期间两把都有效",
        "parameters": [_CREDENTIAL],
        "requestBody": {"required": False, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _json(made, "新的密钥"), **_refusals((400, 401, 405, 413, 503))},
        "security": [{"signature": []}],
    }


def _reconciliation() -> dict[str, Any]:
    day = {"name": "day", "in": "path", "required": True, "schema": {"type": "string", "format": "date"}}
    file = {
        "description": "CSV；摘要、签名、钥匙和是否已完整在响应头 X-Gongshu-*",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "reconciliation",
        "summary": "一个凭证一天的对账文件",
        "parameters": [_CREDENTIAL, day],
        "responses": {"200": file, **_refusals((400, 401, 404, 405))},
        "security": [{"signature": []}],
    }


def document() -> dict[str, Any]:
    """The whole document."""
    paths = {
        "/v1/products/{product}/verify": {"post": _single("verify", "核验：给出的值与数据是否一致")},
        "/v1/products/{product}/lookup": {"post": _single("lookup", "查询：协议约定的字段")},
        "/v1/products/{product}/rows": {"get": _rows()},
        "/v1/credentials/{credential}/secret": {"post": _secret()},
        "/v1/credentials/{credential}/reconciliation/{day}": {"get": _reconciliation()},
        "/v1/test/products/{product}/verify": {"post": _test("verify")},
        "/v1/test/products/{product}/lookup": {"post": _test("lookup")},
        "/healthz": {
            "get": {
                "operationId": "health",
                "summary": "网关和各区域的状态",
                "responses": {"200": _json({"type": "object", "required": ["ok", "zones"]}, "状态")},
            }
        },
    }
    scheme = {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "GS1-HMAC-SHA256、GS1-HMAC-SM3 或 GS1-KEY，见 docs/gateway-api.md",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "公枢网关", "version": "1", "description": "已出域产品的调用接口。"},
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": {"signature": scheme}},
    }


def _test(operation: str) -> dict[str, Any]:
    made = _single(operation, "测试环境：固定的主体，不计费，不碰数据")
    return {**made, "operationId": f"test{operation.capitalize()}", "x-test": testing.described()}
