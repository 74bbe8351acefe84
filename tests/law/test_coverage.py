"""Coverage: every row is there, honestly called; an encoded row without a marked test is found."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gongshu.cli.commands import law as commands
from gongshu.law import clocks, coverage, packs, rules
from gongshu.law.pages import pages

LIBRARY = packs.library()
ROWS = coverage.rows(LIBRARY)
HOW_MANY = {
    "A": 35, "B": 35, "C": 26, "D": 23, "E": 31, "F": 8, "G": 13, "H": 27, "I": 19,
    "J": 19, "K": 19, "L": 18, "M": 13, "N": 5, "O": 17, "P": 17,
}  # fmt: skip
"""Rows of each section of the requirements: 325 in all."""

DOCS = Path(__file__).parents[2] / "docs"
PAGES = pages(LIBRARY)


def test_every_row_once() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    wanted = [f"{letter}{n:02}" for letter, count in HOW_MANY.items() for n in range(1, count + 1)]
    wanted += [f"R{n:02}" for n in range(1, 59)]
    wanted += [f"plan-P{n}" for n in range(1, 13)] + [f"agreement-A{n}" for n in range(1, 14)]
    assert sum(HOW_MANY.values()) == 325
    assert ids[: len(wanted)] == wanted
    assert all(name.startswith("clock:") for name in ids[len(wanted) :])


def test_the_rows_hold_together() -> None:
    assert coverage.problems(LIBRARY) == []


def test_a_row_called_encoded_has_a_marked_test() -> None:
    assert [row.id for row in ROWS if row.state == "encoded" and not row.tests] == []


def test_every_mark_names_a_row() -> None:
    known = {row.id for row in ROWS}
    assert sorted(set(coverage.marks(coverage.TESTS)) - known) == []


def test_a_row_no_test_ran_for_is_unproven() -> None:
    encoded = [row for row in ROWS if row.state == "encoded"]
    everything = {row.id for row in encoded}
    assert coverage.unproven(ROWS, everything) == []
    assert [row.id for row in coverage.unproven(ROWS, everything - {"E14"})] == ["E14"]


def test_marks_are_read_without_importing() -> None:
    source = (
        "import nowhere\npytestmark = pytest.mark.row('A01')\n"
        "@pytest.mark.row('R01-R03', 'plan-P9-plan-P11')\ndef test_x():\n    raise SystemExit\n"
    )
    assert dict(coverage.marked_functions(source)) == {
        "module": ["A01"],
        "test_x": ["R01", "R02", "R03", "plan-P9", "plan-P10", "plan-P11"],
    }


@pytest.mark.parametrize(
    ("place", "there"),
    [
        ("procedures/registration.first", True), ("forms/registration#R01", True), ("law.certificates", True),
        ("forms/registration#R99", False), ("clocks/nowhere", False), ("law.nowhere", False), ("moon", False),
    ],
)  # fmt: skip
def test_a_place_that_does_not_exist_is_found(place: str, there: bool) -> None:
    assert coverage.exists(place, LIBRARY) is there


def test_the_command_prints_every_row() -> None:
    answer = commands.coverage(["--json"])
    assert answer.ok
    assert {"id", "state", "where", "tests", "reason"} <= set(answer.data["rows"][0])
    assert len(answer.data["rows"]) == len(ROWS)
    assert {row["state"] for row in answer.data["rows"]} <= set(coverage.STATES)


@pytest.mark.row(
    "clock:registration.first", "clock:registration.legacy", "clock:registration.acceptance",
    "clock:registration.examination", "clock:registration.publicity", "clock:registration.change.content",
    "clock:registration.change.subject", "clock:registration.change.other", "clock:registration.cancellation",
    "clock:registration.objection", "clock:registration.reasons", "clock:certificate.validity",
    "clock:certificate.renewal_window", "clock:certificate.renewal_length", "clock:quality.reply",
    "clock:quality.fix", "clock:quality.handling", "clock:filing.three_party", "clock:filing.upward",
    "clock:operation.term", "clock:operation.renewal_request", "clock:operation.exit_plan",
    "clock:operation.cure", "clock:operation.revocation", "clock:operator.lookback",
    "clock:report.operator_annual", "clock:report.price", "clock:report.incident", "clock:disclosure.annual",
    "clock:price.review_cycle", "clock:price.annual_check", "clock:retention.logs", "clock:retention.records",
    "clock:risk.stop", "clock:risk.report", "clock:plan.consultation", "clock:rules.validity",
    "clock:supervision.correction", "clock:supervision.registrar",
)  # fmt: skip
def test_every_clock_reckons_in_every_zone_that_has_it() -> None:
    reckoned = set()
    for zone in LIBRARY.zones:
        found = rules.at(zone, date(2026, 3, 2))
        for name in found.ids("clocks"):
            due = clocks.deadline(found, name, date(2026, 3, 2))
            assert due.basis or (due.because or "").startswith("项目选择"), (zone, name)
            assert "（）" not in due.sentence
            assert (due.due is None) == (due.kind in ("prompt", "immediate"))
            reckoned.add(f"clock:{name}")
    assert reckoned == {row.id for row in ROWS if row.id.startswith("clock:")}


def test_readings_of_clocks_and_procedures_are_the_same_choice() -> None:
    for zone in LIBRARY.zones:
        found = rules.at(zone, date(2026, 3, 2))
        for name in found.ids("readings"):
            reading = found.reading(name)
            assert reading["takes"] in ("a", "b", "both")
            assert reading["why"]
            assert reading["a"] != reading["b"]


def test_all_nineteen_readings_are_decided_somewhere() -> None:
    numbers = {
        effective.versions[0].data["number"]
        for zone in LIBRARY.zones
        for (section, _), effective in LIBRARY.table(zone).items()
        if section == "readings"
    }
    assert numbers == set(range(1, 20))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name], "运行 python -m gongshu.law.pages docs"


def test_the_diagram_command() -> None:
    answer = commands.diagram(["registration.first", "--zone", "gansu"])
    assert answer.data["mermaid"].startswith("stateDiagram-v2")
    assert "flagged : 已登记（异议标识）" in answer.text
