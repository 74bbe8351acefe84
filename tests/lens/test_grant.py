"""Grants: both spellings, dates, and everything that must refuse everything."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from gongshu import lens
from support.lens_bench import AT, GRANT

COUNT = "select city, count(*) n from person group by city"


def codes(grant: Any, sql: str = COUNT, at: date | None = AT, schema: Any = None) -> list[str]:
    return [violation.code for violation in lens.check(sql, grant, schema, at).violations]


def changed(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GRANT), **parts}


def person(**parts: Any) -> dict[str, Any]:
    grant = copy.deepcopy(GRANT)
    grant["tables"]["person"].update(parts)
    return grant


def flat() -> dict[str, Any]:
    """The same grant in the other spelling: columns a list, grades and subject maps beside."""
    grant = copy.deepcopy(GRANT)
    grant["subject"] = {}
    grant["grades"] = {}
    for name, table in grant["tables"].items():
        grades = {column: spec["grade"] for column, spec in table["columns"].items() if "grade" in spec}
        if name == "person":
            grant["grades"]["person"] = grades
        else:
            table["grades"] = grades
        table["columns"] = list(table["columns"])
        if "subject" in table:
            grant["subject"][name] = table.pop("subject")
    return grant


@pytest.mark.parametrize(
    "sql",
    [
        COUNT,
        "select id from person",
        "select income from person group by income",
        "select phone from person",
        "select avg(income) from person join visit on id = pid",
        "select city from city",
        "select city from person",
        "select secret from person",
    ],
)
def test_both_spellings_judge_alike(sql: str) -> None:
    one, other = lens.check(sql, GRANT, at=AT), lens.check(sql, flat(), at=AT)
    assert [found.code for found in one.violations] == [found.code for found in other.violations]
    assert one.reads == other.reads
    assert one.grades == other.grades


def test_a_subject_named_once_for_the_only_table_that_has_it() -> None:
    grant = changed(subject="id")
    del grant["tables"]["person"]["subject"]
    assert codes(grant, "select city from person") == ["row_output"]


def test_an_ungraded_column_is_an_identifier() -> None:
    assert "identifier" in codes(GRANT, "select phone, count(*) from person group by phone")
    grant = person()
    grant["tables"]["person"]["columns"]["city"] = {"type": "VARCHAR", "grade": None}
    assert "identifier" in codes(grant)


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (date(2025, 12, 31), ["not_yet"]),
        (date(2026, 1, 1), []),
        (date(2026, 12, 31), []),
        (date(2027, 1, 1), ["expired"]),
        (None, ["grant"]),
    ],
)
def test_the_grant_holds_from_its_first_to_its_last_day(at: date | None, found: list[str]) -> None:
    assert codes(GRANT, at=at) == found


BROKEN: list[Any] = [
    None,
    [],
    "grant",
    {},
    changed(v=2),
    changed(v=None),
    changed(v=True),
    changed(v="1"),
    changed(mode="raw"),
    changed(mode=None),
    changed(**{"from": "2026-13-01"}),
    changed(**{"from": "2026/01/01"}),
    changed(until=None),
    changed(until="2025-01-01"),
    changed(until=20261231),
    changed(tables=None),
    changed(tables=[]),
    changed(tables={"person": None}),
    changed(tables={"person": {}}),
    changed(tables={"person": {"columns": "id"}}),
    changed(tables={"": {"columns": {}}}),
    changed(tables={"a": {"columns": {}}, "A": {"columns": {}}}),
    changed(tables={"a": {"columns": ["x", "X"]}}),
    changed(tables={"a": {"columns": [1]}}),
    changed(tables={"a": {"columns": {"x": {"grade": "L5"}}}}),
    changed(tables={"a": {"columns": {"x": {"grade": "l1"}}}}),
    changed(tables={"a": {"columns": {"x": {"grade": 1}}}}),
    changed(tables={"a": {"columns": {"x": []}}}),
    changed(tables={"a": {"columns": ["x"], "grades": {"x": "secret"}}}),
    changed(tables={"a": {"columns": ["x"], "subject": 5}}),
    changed(subject={"nobody": "id"}),
    changed(grades={"nobody": {"id": "L1"}}),
    changed(zone=5),
    changed(threshold="many"),
]


@pytest.mark.parametrize("grant", BROKEN)
def test_a_broken_grant_refuses_everything(grant: Any) -> None:
    for sql in (COUNT, "select 1"):
        verdict = lens.check(sql, grant, at=AT)
        assert not verdict.allowed
        assert [found.code for found in verdict.violations] == ["grant"]
        assert verdict.sql is None


@pytest.mark.parametrize(
    "rows",
    [
        "",
        5,
        "city =",
        "city",
        "'黄石'",
        "1",
        "city || 'x'",
        "count(*) > 1",
        "row_number() over () = 1",
        "id in (select id from visit)",
        "exists (select 1)",
        "visit.pid = id",
        "city = '黄石'; drop table person",
        "true) or (true",
        "upper(city)",
        "random() > 0.5",
        "city = getenv('HOME')",
        "city = ?",
        "true union select 1",
    ],
)
def test_a_broken_row_filter_refuses_everything(rows: Any) -> None:
    grant = person(rows=rows)
    for sql in (COUNT, "select region from city"):
        assert "row_filter" in codes(grant, sql)


@pytest.mark.parametrize(
    "rows",
    [
        "city = '黄石'",
        "City IN ('黄石', '大冶') AND NOT hidden",
        "person.age between 18 and 60 or income is null",
        "hidden",
        "lower(city) like '黄%'",
        "year(birth) > 1980 and length(name) = 3",
        "case when sex = 'F' then age > 20 else age > 22 end = true",
        "TRUE",
        "city = '黄石' -- ) or (true",
    ],
)
def test_a_row_filter_may_use_columns_nobody_was_granted(rows: str) -> None:
    verdict = lens.check("select p.city, count(*) from Person p group by all", person(rows=rows), at=AT)
    assert verdict.allowed, verdict.violations
    assert verdict.reads == {"person": ["city"]}


def test_the_vaults_manifest_only_makes_it_stricter() -> None:
    schema = {"person": {"columns": {"city": {"type": "VARCHAR", "grade": "L4"}}}}
    assert "identifier" in codes(GRANT, schema=schema)
    loose = {"person": {"columns": {"id": {"type": "VARCHAR", "grade": "L1"}}}}
    assert "identifier" in codes(GRANT, "select id from person", schema=loose)
    grant = person()
    del grant["tables"]["person"]["subject"]
    held = {"person": {"columns": {}, "subject": "id"}}
    assert codes(grant, "select city from person") == []
    assert codes(grant, "select city from person", schema=held) == ["row_output"]


def test_a_missing_column_and_an_ungranted_one_read_alike() -> None:
    one = lens.check("select x from person", GRANT, {"person": {"x": "VARCHAR"}}, AT)
    other = lens.check("select x from person", GRANT, at=AT)
    assert one == other


def test_a_grant_may_ask_for_more_than_ten() -> None:
    sql = COUNT + " having count(*) between 12 and 99"
    assert codes(GRANT, sql) == []
    assert codes(changed(threshold=30), sql) == ["singling_out"]
    assert codes(changed(threshold=1), COUNT + " having count(*) = 5") == ["singling_out"]
