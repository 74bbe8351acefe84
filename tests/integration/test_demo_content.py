"""What the demo's people write, without processes: queries the lens allows, steps told apart, dates, rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import uscc

from gongshu.demo import acts, cast, city, closing, content, credit_content, fund, fund_content, story
from gongshu.lens import check
from gongshu.recognise import checks

DAY = date(2026, 3, 20)
TYPES = {"成立日期": "DATE", "经营异常": "BOOLEAN", "上车时间": "TIMESTAMP"}
NUMBERS = ("缴存基数", "月缴存额", "注册资本万元", "base", "金额")


def grant(resources: tuple[Any, ...], mode: str) -> dict[str, Any]:
    """A grant over all columns of these resources, graded as the demo's providers grade them."""
    tables = {}
    for one in resources:
        columns = {
            name: {"type": TYPES.get(name, "DOUBLE" if name in NUMBERS else "VARCHAR"), "grade": grade}
            for name, (grade, _) in one.grades.items()
        }
        tables[one.table] = {"columns": columns, "subject": one.subject}
    return {
        "v": 1, "zone": "huangshi", "project": "p", "mode": mode, "purpose": "x",
        "from": "2026-01-01", "until": "2026-12-31", "tables": tables,
    }  # fmt: skip


STAYING = {
    "fund": (fund_content.QUERY, (fund_content.FUND,)),
    "credit": (credit_content.FEATURES, (credit_content.FIRMS, credit_content.SOCIAL)),
}


@pytest.mark.parametrize("name", STAYING)
def test_what_stays_in_the_data_domain_may_not_leave_as_a_query(name: str) -> None:
    sql, resources = STAYING[name]
    built = check(sql, grant(resources, "build"), at=DAY)
    assert built.allowed, built.violations
    assert built.grades["who"] == "L4" and "L4" not in {built.grades[c] for c in built.grades if c != "who"}
    assert not check(sql, grant(resources, "answer"), at=DAY).allowed


def test_the_index_may_leave_and_raw_rows_may_not() -> None:
    by = grant((content.BUS,), "answer")
    assert check(content.INDEX_SQL, by, at=DAY).allowed and check(content.SQL, by, at=DAY).allowed
    assert not check(content.RAW_SQL, by, at=DAY).allowed


def test_no_step_has_the_id_of_another() -> None:
    ids = [step.id for step in story.steps(story.ZONE, None, "small")]
    assert len(ids) == len(set(ids)) > 50


def test_without_the_stand_in_nobody_is_asked_to_prove_who_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(story.consent, "STANDIN", tmp_path / "none.py")
    ids = {step.id for step in story.steps(story.ZONE, None, "small")}
    assert "no_identity" in ids and not ids & {"consent", "verified", "refuse_withdrawn", "bill"}
    assert {"refuse_no_consent", "refuse_trip", "refuse_ended", "audit", "totals"} <= ids


def test_whoever_acts_is_in_the_cast() -> None:
    people, homes = {one.key for one in cast.PEOPLE}, {one.key for one in cast.ORGANISATIONS}
    for one in story.RESOURCES:
        assert {one.officer, one.checker} <= people and one.organisation in homes
        assert cast.person(one.officer).organisation == cast.person(one.checker).organisation
    assert all(uscc.is_valid(one.code) for one in cast.ORGANISATIONS)


@pytest.mark.parametrize(
    ("day", "then"),
    [("2026-04-01", "2026-05-01"), ("2026-12-31", "2027-01-01"), ("2026-11-05", "2026-12-01")],
)
def test_the_month_after(day: str, then: str) -> None:
    assert closing.next_month(day) == then


def test_rows_of_a_form_are_numbered() -> None:
    found = acts.typed({"split": [{"role": "a", "parts": 1}, {"role": "b", "parts": 2}], "x": ["p", "q"]})
    assert found == {
        "split-0-role": "a", "split-0-parts": "1", "split-1-role": "b", "split-1-parts": "2", "x": ["p", "q"]
    }  # fmt: skip


def test_the_same_seed_gives_the_same_city_and_its_numbers_hold(tmp_path: Path) -> None:
    size = city.Size(persons=300, enterprises=40, trips=500)
    first, again = (city.build(tmp_path / name, 7, size) for name in ("a", "b"))
    for one, other in zip(vars(first).values(), vars(again).values(), strict=True):
        if one.suffix != ".gz":
            assert one.read_bytes() == other.read_bytes()
    lines = first.enterprises.read_text(encoding="utf-8-sig").splitlines()
    assert '"经营异常"' in lines[0] and {line.split(",")[6] for line in lines[1:]} == {'"是"', '"否"'}
    assert checks.resident_id(fund._stranger().number)
