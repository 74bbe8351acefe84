"""Whatever stands in a pack's files, reading them ends in problems said, never in a crash."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.law import calendar, packs
from gongshu.law.packs import build

LAW = {
    f"{zone}/{path}": content
    for zone in ("cn", "huangshi", "hubei")
    for path, content in packs.library().packs[zone].files.items()
    if path
    in (
        "pack.yaml",
        "clocks.yaml",
        "limits.yaml",
        "not_encoded.yaml",
        "calendar/2026.yaml",
        "calendar/statutory.yaml",
    )
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=5), st.just([]), st.just({}),
    st.just([None]), st.just({"a": []}), st.just([[{}]]), st.dates(),
)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(data, dict):
        for key, value in data.items():
            found += places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += places(value, (*path, index))
    return found


def put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = put(copy[path[0]], path[1:], value)
    return copy


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_one_value_of_another_kind_is_a_problem_or_nothing(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(LAW)))
    content = yaml.safe_load(LAW[name])
    path = data.draw(st.sampled_from(places(content)))
    changed = put(content, path, data.draw(ODD))
    library = build({**LAW, name: yaml.safe_dump(changed, allow_unicode=True).encode()})
    for problem in library.problems:
        assert problem.sentence
        assert problem.file
    for pack in library.packs.values():
        calendar.problems(pack.files)


@given(st.binary(max_size=80), st.sampled_from(sorted(LAW)))
@settings(deadline=None)
def test_bytes_that_are_no_yaml_are_a_problem(content: bytes, name: str) -> None:
    assert build({**LAW, name: b"\xff" + content}).problems or name.startswith("cn/calendar")
