"""The clocks as a table: zone, clock, day of the event → what the law says. Reckoned by hand."""

from __future__ import annotations

from datetime import date

import pytest

from gongshu.law import clocks, packs, rules

D = date.fromisoformat

DUE = [
    # working days across Spring Festival 2026, with the made-up Saturdays 02-14 and 02-28
    ("gansu", "registration.acceptance", "2026-02-13", "2026-02-25"),
    ("gansu", "registration.publicity", "2026-02-10", "2026-03-02"),
    ("huangshi", "registration.publicity", "2026-02-10", "2026-03-02"),
    ("cn", "registration.first", "2026-04-24", "2026-05-26"),
    ("cn", "registration.legacy", "2025-03-01", "2025-04-14"),
    ("hubei", "quality.reply", "2025-09-26", "2025-09-30"),
    ("huangshi", "quality.reply", "2025-09-26", "2025-09-30"),
    ("hubei", "filing.three_party", "2025-09-30", "2025-10-14"),
    ("hubei", "filing.upward", "2025-09-30", "2025-10-14"),
    ("chizhou", "quality.fix", "2024-02-08", "2024-02-21"),
    ("gansu", "registration.change.content", "2026-05-06", "2026-05-12"),
    ("gansu", "registration.change.subject", "2026-05-06", "2026-05-19"),
    ("anhui", "registration.cancellation", "2026-06-17", "2026-07-02"),
    # from a day of rest: counting starts the day after all the same
    ("gansu", "registration.acceptance", "2026-02-17", "2026-02-26"),
    ("cn", "registration.acceptance", "2026-05-09", "2026-05-13"),
    # into a year without a paper
    ("cn", "registration.examination", "2026-12-01", "2026-12-29"),
    ("cn", "registration.examination", "2026-12-04", "2027-01-04"),
    ("gansu", "registration.acceptance", "2027-02-04", "2027-02-11"),
    # amended years
    ("gansu", "registration.acceptance", "2019-04-26", "2019-04-30"),
    ("gansu", "registration.acceptance", "2020-01-23", "2020-02-05"),
    # calendar days that end on rest roll (民法典 203); a made-up Saturday is no rest
    ("huangshi", "plan.consultation", "2026-03-02", "2026-03-09"),
    ("huangshi", "plan.consultation", "2026-09-24", "2026-10-08"),
    ("huangshi", "plan.consultation", "2026-02-21", "2026-02-28"),
    ("chizhou", "operation.cure", "2026-01-16", "2026-02-24"),
    ("chizhou", "operation.cure", "2026-03-02", "2026-04-01"),
    ("hubei", "report.operator_annual", "2025-03-01", "2026-03-02"),
    ("huangshi", "report.operator_annual", "2024-05-06", "2025-05-06"),
    # validity, terms: same day or the month's last, and never a roll
    ("gansu", "certificate.validity", "2026-03-02", "2029-03-02"),
    ("cn", "certificate.validity", "2024-02-29", "2027-02-28"),
    ("hubei", "certificate.validity", "2023-10-01", "2026-10-01"),
    ("gansu", "certificate.renewal_length", "2029-03-02", "2032-03-02"),
    ("cn", "operation.term", "2026-03-02", "2031-03-02"),
    ("gansu", "operation.term", "2026-03-02", "2031-03-02"),
    ("hubei", "operation.term", "2026-03-02", "2029-03-02"),
    ("huangshi", "operation.term", "2026-03-02", "2031-03-02"),
    ("anhui", "operation.term", "2026-03-02", "2031-03-02"),
    ("chizhou", "operation.term", "2026-03-02", "2029-03-02"),
    ("cn", "price.review_cycle", "2025-03-01", "2028-03-01"),
    ("chizhou", "price.annual_check", "2025-03-01", "2026-03-01"),
    ("cn", "rules.validity", "2025-03-01", "2030-03-01"),
    ("gansu", "rules.validity", "2024-02-29", "2026-02-28"),
    # windows and backward clocks
    ("gansu", "certificate.renewal_window", "2029-03-02", "2029-01-01"),
    ("cn", "certificate.renewal_window", "2028-04-30", "2028-03-01"),
    ("chizhou", "operation.renewal_request", "2029-05-31", "2029-02-28"),
    ("chizhou", "operation.renewal_request", "2028-05-31", "2028-02-29"),
    ("chizhou", "operation.exit_plan", "2026-05-01", "2026-02-01"),
    ("hubei", "operator.lookback", "2028-02-29", "2025-02-28"),
    ("huangshi", "operator.lookback", "2026-03-02", "2023-03-02"),
    # retention: kept through the last day, deletion from the next
    ("gansu", "retention.records", "2026-03-02", "2046-03-03"),
    ("gansu", "retention.records", "2028-02-29", "2048-03-01"),
    ("hubei", "retention.logs", "2026-08-31", "2027-03-01"),
    ("huangshi", "retention.logs", "2026-03-02", "2026-09-03"),
    # fixed dates lie in the next year and do not roll
    ("cn", "report.price", "2026-01-01", "2027-03-31"),
    ("hubei", "report.price", "2026-12-31", "2027-03-31"),
    ("gansu", "disclosure.annual", "2023-07-07", "2024-03-31"),
    ("chizhou", "report.operator_annual", "2026-05-05", "2027-01-01"),
]  # fmt: skip


@pytest.mark.row("E03", "E04", "E06", "E07", "E12", "E14", "E17", "E18", "E21", "E22")
@pytest.mark.row("G10", "H14", "H15", "J18", "K08", "K09", "P13", "P14", "P17", "A31")
@pytest.mark.parametrize(("zone", "clock", "start", "due"), DUE)
def test_due(zone: str, clock: str, start: str, due: str) -> None:
    assert clocks.deadline(rules.at(zone, D(start)), clock, D(start)).due == D(due)


UNNUMBERED = [
    ("cn", "registration.change.content", "prompt"),
    ("anhui", "registration.change.subject", "prompt"),
    ("cn", "registration.reasons", "prompt"),
    ("gansu", "registration.change.other", "prompt"),
    ("gansu", "registration.objection", "prompt"),
    ("gansu", "registration.reasons", "prompt"),
    ("gansu", "filing.upward", "prompt"),
    ("gansu", "quality.handling", "prompt"),
    ("hubei", "operation.revocation", "prompt"),
    ("huangshi", "operation.revocation", "prompt"),
    ("hubei", "risk.report", "prompt"),
    ("huangshi", "risk.report", "prompt"),
    ("hubei", "risk.stop", "immediate"),
    ("huangshi", "risk.stop", "immediate"),
    ("hubei", "report.incident", "immediate"),
    ("huangshi", "report.incident", "immediate"),
]


@pytest.mark.row("E31", "H17", "K11", "O03")
@pytest.mark.parametrize(("zone", "clock", "kind"), UNNUMBERED)
def test_prompt_and_immediate_are_never_given_a_number(zone: str, clock: str, kind: str) -> None:
    due = clocks.deadline(rules.at(zone, D("2026-03-02")), clock, D("2026-03-02"))
    assert (due.due, due.value, due.unit, due.kind) == (None, None, None, kind)
    assert not due.provisional
    assert not due.skipped


LACKING = [
    ("cn", "quality.reply"), ("gansu", "quality.fix"), ("hubei", "quality.fix"), ("huangshi", "quality.fix"),
    ("cn", "operation.cure"), ("anhui", "operation.cure"), ("huangshi", "operation.renewal_request"),
    ("cn", "plan.consultation"), ("hubei", "plan.consultation"), ("chizhou", "filing.upward"),
    ("cn", "filing.upward"), ("chizhou", "filing.three_party"), ("chizhou", "retention.logs"),
    ("hubei", "retention.records"), ("huangshi", "retention.records"), ("cn", "operator.lookback"),
    ("chizhou", "operator.lookback"), ("gansu", "operator.lookback"), ("anhui", "report.operator_annual"),
    ("cn", "registration.objection"), ("hubei", "registration.change.other"), ("hubei", "rules.validity"),
    ("chizhou", "rules.validity"), ("chizhou", "risk.stop"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "clock"), LACKING)
def test_a_clock_the_texts_do_not_give_is_refused_with_a_sentence(zone: str, clock: str) -> None:
    with pytest.raises(clocks.UnknownClock) as refused:
        clocks.deadline(rules.at(zone, D("2026-03-02")), clock, D("2026-03-02"))
    assert refused.value.code == "clock"
    assert clock in refused.value.sentence


def test_days_skipped_and_counted_are_told_one_by_one() -> None:
    due = clocks.deadline(rules.at("gansu", D("2026-02-13")), "registration.acceptance", D("2026-02-13"))
    assert [skip.date for skip in due.skipped] == [date(2026, 2, day) for day in range(15, 24)]
    assert [skip.date for skip in due.worked] == [date(2026, 2, 14)]
    assert all("国办发明电〔2025〕7号" in skip.why for skip in (*due.skipped, *due.worked))
    assert due.papers == ("国办发明电〔2025〕7号",)


def test_a_roll_names_the_days_and_the_article() -> None:
    due = clocks.deadline(rules.at("huangshi", D("2026-09-24")), "plan.consultation", D("2026-09-24"))
    assert due.nominal == D("2026-10-01")
    assert [skip.date.day for skip in due.skipped] == [1, 2, 3, 4, 5, 6, 7]
    assert "civil-code:203" in due.basis
    straight = clocks.deadline(rules.at("huangshi", D("2026-03-02")), "plan.consultation", D("2026-03-02"))
    assert "civil-code:203" not in straight.basis
    assert straight.skipped == ()


@pytest.mark.parametrize(
    ("zone", "clock", "start", "provisional"),
    [
        ("cn", "registration.examination", "2026-12-01", False),
        ("cn", "registration.examination", "2026-12-04", True),
        ("chizhou", "operation.cure", "2026-12-10", True),
        ("chizhou", "operation.cure", "2026-11-02", False),
        ("cn", "registration.acceptance", "2018-12-20", True),
        ("cn", "certificate.validity", "2026-03-02", False),
        ("gansu", "certificate.renewal_window", "2027-03-02", False),
        ("cn", "report.price", "2026-03-02", False),
    ],
)
def test_provisional_only_where_an_unpublished_year_decides(
    zone: str, clock: str, start: str, provisional: bool
) -> None:
    due = clocks.deadline(rules.at(zone, D(start)), clock, D(start))
    assert due.provisional is provisional
    assert ("放假安排未收录" in due.sentence) is provisional


@pytest.mark.row("A32")
@pytest.mark.parametrize(
    ("zone", "clock", "start", "in_force", "status"),
    [
        ("cn", "registration.first", "2025-02-28", False, "in_force"),
        ("cn", "registration.first", "2025-03-01", True, "in_force"),
        ("cn", "registration.first", "2030-03-01", True, "in_force"),
        ("cn", "registration.first", "2030-03-02", False, "in_force"),
        ("hubei", "registration.first", "2026-03-02", True, "in_force"),
        ("gansu", "registration.first", "2026-03-02", False, "superseded_draft"),
        ("hubei", "quality.reply", "2026-03-02", False, "superseded_draft"),
        ("huangshi", "quality.reply", "2026-03-02", False, "superseded_draft"),
        ("huangshi", "operation.term", "2026-03-02", False, "draft"),
        ("chizhou", "operation.term", "2026-03-02", False, "superseded_draft"),
        ("cn", "disclosure.annual", "2025-06-01", True, "in_force"),
        ("cn", "disclosure.annual", "2024-06-01", False, "in_force"),
    ],
)
def test_a_rule_outside_its_dates_still_counts_and_says_so(
    zone: str, clock: str, start: str, in_force: bool, status: str
) -> None:
    due = clocks.deadline(rules.at(zone, D(start)), clock, D(start))
    assert (due.in_force, due.text_status) == (in_force, status)
    assert due.due is not None
    assert ("依据征求意见稿，正式文本已发布、待核" in due.sentence) is (status == "superseded_draft")
    assert ("不在这条规则的施行期内" in due.sentence) is (status == "in_force" and not in_force)


@pytest.mark.parametrize(
    ("known", "start", "due"),
    [
        ("2019-03-21", "2019-04-26", "2019-05-02"),
        ("2019-03-22", "2019-04-26", "2019-04-30"),
        ("2020-01-26", "2020-01-23", "2020-02-03"),
        ("2020-01-27", "2020-01-23", "2020-02-05"),
    ],
)
def test_as_known_at_a_day(known: str, start: str, due: str) -> None:
    found = rules.at("gansu", D(known), known=D(known))
    assert clocks.deadline(found, "registration.acceptance", D(start)).due == D(due)


def test_a_paper_that_arrives_is_named_when_it_moves_a_deadline() -> None:
    def reckon(known: str) -> clocks.Due:
        found = rules.at("cn", D("2025-10-01"), known=D(known))
        return clocks.deadline(found, "registration.acceptance", D("2025-12-31"))

    before, after = reckon("2025-11-03"), reckon("2025-11-04")
    assert before.provisional
    assert not after.provisional
    sentence = clocks.moved(before, after)
    assert sentence is not None
    assert "国办发明电〔2025〕7号" in sentence
    assert str(after.due) in sentence
    assert clocks.moved(after, after) is None


def test_a_year_that_is_published_later_is_reckoned_again() -> None:
    paper = """
year: 2027
papers:
  - number: 国办发明电〔某年〕某号
    issued: 2026-11-25
    published: 2026-11-25
    festivals:
      - {name: 元旦, rest: [2027-01-01, 2027-01-04], work: [2027-01-09]}
"""
    library = packs.library().plus({"cn/calendar/2027.yaml": paper.encode()})
    assert library.problems == ()
    start = D("2026-12-30")
    before = clocks.deadline(rules.at("hubei", start), "quality.reply", start)
    after = clocks.deadline(rules.at("hubei", start, library), "quality.reply", start)
    assert (before.due, before.provisional) == (D("2027-01-05"), True)
    assert (after.due, after.provisional) == (D("2027-01-06"), False)
    assert "国办发明电〔某年〕某号" in str(clocks.moved(before, after))
    assert library.digest("hubei") != packs.library().digest("hubei")
