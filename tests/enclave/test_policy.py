"""A grant can only be stricter than the vault's manifest."""

from __future__ import annotations

import copy
from datetime import date

import pytest

from gongshu.enclave.policy import (
    PolicyError,
    Source,
    check_grant,
    lens_grant,
    owners,
    reviewers_missing,
    rows_of,
    within,
)

SOURCE = Source(
    "s1",
    "r1",
    "org-bus",
    "trips",
    {"card": {"type": "VARCHAR", "grade": "L4"}, "line": {"type": "VARCHAR", "grade": "L1"}},
    "card",
    10,
)
GRANT = {
    "v": 1,
    "id": "g1",
    "zone": "huangshi",
    "project": "p1",
    "mode": "answer",
    "purpose": "x",
    "from": "2026-03-02",
    "until": "2026-12-31",
    "developing_org": "org-dev",
    "developers": ["p-dev"],
    "reviewing_orgs": ["org-auth", "org-bus"],
    "runs_per_day": 5,
    "tables": {
        "trips": {
            "resource": "r1",
            "owner": "org-bus",
            "subject": "card",
            "columns": {
                "card": {"type": "VARCHAR", "grade": "L4"},
                "line": {"type": "VARCHAR", "grade": "L2"},
            },
        }
    },
}


def changed(path: str, value: object) -> dict:
    body = copy.deepcopy(GRANT)
    place = body
    *parents, last = path.split("/")
    for part in parents:
        place = place[part]
    place[last] = value
    return body


def test_a_grant_as_strict_as_the_manifest_is_accepted() -> None:
    check_grant(GRANT, {"trips": SOURCE})
    assert owners({"trips": SOURCE}) == ("org-bus",)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("v", 2),
        ("tables", {}),
        ("tables/trips/owner", "org-dev"),
        ("tables/trips/subject", "line"),
        ("tables/trips/subject", None),
        ("tables/trips/columns/card/grade", "L3"),
        ("tables/trips/columns/card/grade", "L1"),
        ("tables/trips/columns/line/type", "BIGINT"),
        ("tables/trips/columns/nosuch", {"type": "VARCHAR", "grade": "L4"}),
        ("tables/trips/columns", {}),
        ("reviewing_orgs", []),
        ("reviewing_orgs", ["org-dev"]),
        ("runs_per_day", 0),
    ],
)
def test_a_weaker_grant_is_refused(path: str, value: object) -> None:
    with pytest.raises(PolicyError):
        check_grant(changed(path, value), {"trips": SOURCE})


def test_a_table_without_snapshot_is_refused() -> None:
    with pytest.raises(PolicyError):
        check_grant(GRANT, {})


def test_the_lens_judges_by_the_stricter_grade() -> None:
    columns = lens_grant(GRANT, {"trips": SOURCE})["tables"]["trips"]["columns"]
    assert columns["line"]["grade"] == "L2"
    assert columns["card"]["grade"] == "L4"


@pytest.mark.parametrize(
    ("day", "holds"),
    [("2026-03-01", False), ("2026-03-02", True), ("2026-12-31", True), ("2027-01-01", False)],
)
def test_until_is_the_last_day(day: str, holds: bool) -> None:
    assert (within(GRANT, date.fromisoformat(day)) == "") is holds


@pytest.mark.parametrize(
    ("votes", "enough"),
    [
        ([("a", "org-auth"), ("b", "org-bus")], True),
        ([("a", "org-auth")], False),
        ([("a", "org-auth"), ("a", "org-bus")], False),
        ([("a", "org-auth"), ("b", "org-auth")], False),
        ([("a", "org-auth"), ("b", "org-bus"), ("c", "org-dev")], False),
        ([("a", "org-auth"), ("b", "org-bus"), ("c", "org-else")], False),
    ],
)
def test_two_people_of_the_reviewing_organisations(votes: list, enough: bool) -> None:
    assert (reviewers_missing(votes, ["org-auth", "org-bus"], "org-dev", 2) == "") is enough


@pytest.mark.parametrize(
    ("which", "day"), [("from", "2099-99-99"), ("until", "2026-02-30"), ("until", "2020-01-01")]
)
def test_a_term_that_is_none_makes_the_grant_invalid(which: str, day: str) -> None:
    with pytest.raises(PolicyError, match="期"):
        check_grant(changed(which, day), {"trips": SOURCE})


@pytest.mark.parametrize(
    "rows",
    [
        "false UNION ALL SELECT id FROM person",
        "true) UNION ALL SELECT (true",
        "line IN (SELECT line FROM person)",
        "read_text('/etc/passwd') = ''",
        "nosuch = 1",
        "line",
        7,
    ],
)
def test_a_filter_that_is_more_than_a_condition_on_its_own_table_makes_the_grant_invalid(
    rows: object,
) -> None:
    with pytest.raises(PolicyError, match="行范围"):
        check_grant(changed("tables/trips/rows", rows), {"trips": SOURCE})


def test_a_filter_runs_as_the_lens_renders_it() -> None:
    table = {"rows": "line = '1路' -- AND card IS NOT NULL"}
    assert rows_of("trips", table, SOURCE) == '"trips"."line" = \'1路\''
    assert rows_of("trips", {}, SOURCE) == ""
    check_grant(changed("tables/trips/rows", "line = '1路'"), {"trips": SOURCE})
