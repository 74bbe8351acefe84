"""Requests made up from an OpenAPI description, and what every answer must be, whatever was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

EXAMPLES = (50, pytest.param(1000, marks=pytest.mark.fault))
"""Per operation: in `make test`, and in `make fault`."""


def names(document: Mapping[str, Any]) -> list[str]:
    """Every operationId of a description."""
    return [one["operationId"] for methods in document["paths"].values() for one in methods.values()]


def operation(document: Mapping[str, Any], name: str) -> Any:
    """One operation, as Schemathesis reads it."""
    schema = schemathesis.openapi.from_dict(dict(document))
    found = (each.ok() for each in schema.get_all_operations())
    return next(each for each in found if each.definition.raw["operationId"] == name)


def prepared(case: Any) -> requests.PreparedRequest:
    """The request of a case as it would go over HTTP: `method`, `path_url`, `body`, `headers`."""
    kwargs = case.as_transport_kwargs(base_url="http://127.0.0.1")
    kept = ("method", "url", "headers", "params", "json", "data", "files", "cookies")
    return requests.Request(**{key: kwargs[key] for key in kept if key in kwargs}).prepare()


def drive(
    document: Mapping[str, Any],
    name: str,
    examples: int,
    ask: Callable[[requests.PreparedRequest], Any],
    known: Sequence[Mapping[str, Any]] = (),
) -> dict[int, int]:
    """Ask `examples` times: lawful, lawful with parts that are `known`, and broken requests; status → count.

    `known`: `path_parameters`, `query`, `body` to be used as they are. Derandomised: the same code gives the same requests. `ask` gives a response with `status_code`, `headers`
    and `json()`; the assertion that fails names the request.
    """
    tried = operation(document, name)
    told = tried.definition.raw
    seen: dict[int, int] = {}
    made = [tried.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    for given_ in known:
        made.append(tried.as_strategy(generation_mode=GenerationMode.POSITIVE, **given_))
    if told.get("parameters") or told.get("requestBody"):
        made.append(tried.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
        derandomize=True,
    )
    @given(st.one_of(made))
    def run(case: Any) -> None:
        request = prepared(case)
        answer = ask(request)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        judge(document, told, request, answer)

    run()
    return seen


def judge(document: Mapping[str, Any], told: Mapping[str, Any], request: Any, answer: Any) -> None:
    """No 5xx but the 503 a description names; a refusal has code and Chinese sentence; a 200 its schema."""
    where = f"{request.method} {request.path_url} {request.body!r:.200} → {answer.status_code}"
    responses, status = told["responses"], str(answer.status_code)
    assert answer.status_code < 500 or (status == "503" and status in responses), where
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"], where
        assert error["sentence"].endswith(("。", "？")), (where, error)
        assert any("\u4e00" <= each <= "\u9fff" for each in error["sentence"]), (where, error)
    # 造坏的路径可以不再是这个地址
    assert status in responses or answer.status_code in (404, 405), where
    content = responses.get(status, {}).get("content", {})
    for media, body in content.items():
        assert answer.headers["content-type"].partition(";")[0] == media or answer.status_code >= 400, where
        if media == "application/json":
            schema = {**body["schema"], "components": document["components"]}
            jsonschema_rs.validator_for(schema).validate(answer.json())
