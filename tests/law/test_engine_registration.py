"""First registration walked through by the engine: the rows E01–E28, both as the nation and as Gansu has it."""

from __future__ import annotations

from datetime import date

import pytest

from gongshu.law import engine
from gongshu.law.decisions import ActRefused
from gongshu.law.errors import LawError
from gongshu.law.history import Event
from support.histories import DIGEST, FILE, Walk, in_publicity, moment, registered, submitted

ZONES = ("cn", "gansu", "hubei", "huangshi", "anhui", "chizhou")
OBJECTION = {"objector": "张某", "grounds": "权属不清", "evidence": [FILE], "real_name": True}
REG = {"registrant_organisations": ["org:provider"]}


@pytest.mark.row("E01", "E18", "E19")
@pytest.mark.parametrize("zone", ZONES)
def test_the_whole_way(zone: str) -> None:
    walk = registered(zone)
    assert walk.state == "registered"
    assert [event.act for event in walk.history] == [
        "fill", "pass_business", "submit", "accept", "pass", "certify",
    ]  # fmt: skip


@pytest.mark.row("E14")
def test_acceptance_within_three_working_days() -> None:
    walk = submitted(day="2026-03-06")
    clock = {item.id: item for item in walk.where("2026-03-06").deadlines}["acceptance"]
    assert clock.due == date(2026, 3, 11)
    assert not walk.where("2026-03-11").overdue
    assert [item.id for item in walk.where("2026-03-12").overdue] == ["acceptance"]
    assert walk.where("2026-03-12").waits_for == ("registrar",)


@pytest.mark.row("E17")
def test_examination_counts_from_acceptance() -> None:
    walk = submitted(day="2026-03-02")
    walk.do("accept", "registrar", "2026-03-04", **REG)
    clock = {item.id: item for item in walk.where("2026-03-04").deadlines}["examination"]
    assert (clock.started, clock.due) == (date(2026, 3, 4), date(2026, 4, 1))


@pytest.mark.row("E03")
def test_the_application_is_counted_from_delivery() -> None:
    walk = Walk("gansu", "registration.first")
    walk.do(
        "fill", "registrant", "2026-03-09",
        form_problems=[], form_digest=DIGEST, deposited=True, supplied_on="2026-03-02",
    )  # fmt: skip
    clock = {item.id: item for item in walk.where("2026-03-09").deadlines}["apply"]
    assert (clock.started, clock.due, clock.owes) == (date(2026, 3, 2), date(2026, 3, 30), ("registrant",))


def test_before_delivery_there_is_no_application_deadline() -> None:
    assert "apply" not in {item.id for item in submitted().where("2026-03-02").deadlines}


@pytest.mark.row("D06")
def test_evidence_comes_before_the_application() -> None:
    walk = Walk("gansu", "registration.first")
    decision = walk.ask("fill", "registrant", "2026-03-02", form_problems=[], deposited=False)
    assert not decision.allowed
    assert decision.articles == ("gansu-registration:20(三)",)
    assert "存证" in decision.sentence


def test_a_missing_fact_is_no_permission() -> None:
    walk = Walk("gansu", "registration.first")
    assert not walk.ask("fill", "registrant", "2026-03-02", form_problems=[]).allowed
    assert not walk.ask("fill", "registrant", "2026-03-02", deposited=True).allowed


@pytest.mark.row("D05")
def test_the_business_review_is_anothers() -> None:
    walk = Walk("gansu", "registration.first")
    walk.do(
        "fill", "registrant", "2026-03-02", "person:a", form_problems=[], form_digest=DIGEST, deposited=True
    )
    decision = walk.ask("pass_business", "registrant_reviewer", "2026-03-02", "person:a")
    assert (decision.allowed, decision.code) == (False, "not_actor_of")
    assert walk.ask("pass_business", "registrant_reviewer", "2026-03-02", "person:b").allowed


def test_what_was_changed_after_the_business_review_is_refused() -> None:
    walk = Walk("gansu", "registration.first")
    walk.do("fill", "registrant", "2026-03-02", form_problems=[], form_digest=DIGEST, deposited=True)
    walk.do("pass_business", "registrant_reviewer", "2026-03-02")
    other = "sha256:" + "b" * 64
    assert (
        walk.ask("submit", "registrant", "2026-03-02", form_problems=[], form_digest=other).code == "same_as"
    )


@pytest.mark.row("E15")
def test_one_list_for_each_submission() -> None:
    walk = submitted()
    walk.do("return", "registrar", "2026-03-04", defects=[{"item": "R06", "sentence": "简介不清"}])
    assert walk.state == "returned"
    form = {"form_problems": [], "form_digest": DIGEST}
    walk.do("resubmit", "registrant", "2026-03-09", **form, papers={"R01": "1", "R06": "2"})
    clock = {item.id: item for item in walk.where("2026-03-09").deadlines}["acceptance"]
    assert (clock.started, clock.due) == (date(2026, 3, 9), date(2026, 3, 12))
    late = [{"item": "R01", "sentence": "名称不规范"}]
    refused = walk.ask("return", "registrar", "2026-03-10", defects=late)
    assert (refused.allowed, refused.code) == (False, "one_list")
    assert refused.readings == {"one_list": "b"}
    again = [{"item": "R06", "sentence": "改过之后仍不清"}]
    assert walk.ask("return", "registrar", "2026-03-10", defects=again).allowed


@pytest.mark.row("E16")
def test_refusals_need_reasons() -> None:
    walk = submitted()
    refused = walk.ask("refuse", "registrar", "2026-03-03")
    assert (refused.code, refused.sentence) == ("input:reasons", "请填写“理由”。")
    assert not walk.ask("refuse", "registrar", "2026-03-03", reasons="   ").allowed
    walk.do("refuse", "registrar", "2026-03-03", reasons="不属于本机构登记范围")
    assert walk.where("2026-03-03").final


def test_the_registrar_does_not_accept_its_own_application() -> None:
    walk = submitted()
    own = {"registrant_organisations": ["org:registrar"]}
    assert walk.ask("accept", "registrar", "2026-03-03", **own).code == "organisation_not_in"
    assert walk.ask("accept", "registrar", "2026-03-03", **REG).allowed
    assert walk.ask("accept", "registrar", "2026-03-03", **REG, recused=True).code == "not_recused"
    assert walk.ask("accept", "registrar", "2026-03-03", "person:registrant", **REG).code == "not_actor_of"


@pytest.mark.row("E20")
def test_a_duplicate_is_not_registered() -> None:
    walk = submitted()
    walk.do("accept", "registrar", "2026-03-03", **REG)
    facts = {**REG, "form_problems": [], "checked": True}
    refused = walk.ask("pass", "registrar", "2026-03-04", **facts, duplicate=True)
    assert refused.articles == ("gansu-registration:30(一)",)
    walk.do("reject", "registrar", "2026-03-04", art30="duplicate", reasons="与已登记的数据相同")
    assert walk.state == "not_registered"
    assert walk.ask("reject", "registrar", "2026-03-05", art30="x", reasons="y").code == "state"


def test_only_listed_causes_count() -> None:
    walk = submitted()
    walk.do("accept", "registrar", "2026-03-03", **REG)
    refused = walk.ask("reject", "registrar", "2026-03-04", art30="dislike", reasons="不喜欢")
    assert refused.code == "input:art30"


@pytest.mark.row("E19", "E18")
@pytest.mark.parametrize("zone", ZONES)
def test_no_certificate_on_the_last_day_of_publicity(zone: str) -> None:
    walk = in_publicity(zone, "2026-03-02")
    assert {item.id: item for item in walk.where("2026-03-02").deadlines}["publicity"].due == date(
        2026, 3, 16
    )
    refused = walk.ask("certify", "registrar", "2026-03-16")
    assert (refused.allowed, refused.code) == (False, "elapsed")
    assert "2026-03-16" in refused.sentence
    assert not walk.tick("2026-03-16")
    assert [timer.opens for timer in walk.tick("2026-03-17")] == ["certify"]
    assert walk.ask("certify", "registrar", "2026-03-17").allowed


@pytest.mark.row("E24", "E25", "B29")
def test_an_objection_is_decided_and_publicity_does_not_stop() -> None:
    walk = in_publicity(day="2026-03-02")
    anonymous = {**OBJECTION, "real_name": False}
    assert walk.ask("object", "public", "2026-03-05", **anonymous).code == "holds"
    walk.do("object", "public", "2026-03-05", **OBJECTION)
    assert walk.state == "objected"
    assert walk.ask("certify", "registrar", "2026-03-20").code == "state"
    assert not walk.tick("2026-03-20")
    walk.do("dismiss", "registrar", "2026-03-10", reasons="证据不足", notified=True)
    assert walk.state == "publicity"
    assert not walk.ask("certify", "registrar", "2026-03-16").allowed
    assert walk.ask("certify", "registrar", "2026-03-17").allowed


def test_two_objections_are_decided_one_by_one() -> None:
    walk = in_publicity()
    walk.do("object", "public", "2026-03-05", **OBJECTION, objection="o1")
    walk.do("object", "public", "2026-03-06", **OBJECTION, objection="o2")
    decided = {"reasons": "证据不足", "notified": True}
    assert walk.ask("dismiss", "registrar", "2026-03-09", **decided).code == "names_open"
    walk.do("dismiss", "registrar", "2026-03-09", **decided, objection="o2")
    assert walk.state == "objected"
    assert walk.ask("dismiss", "registrar", "2026-03-09", **decided, objection="o2").code == "names_open"
    walk.do("dismiss", "registrar", "2026-03-10", **decided, objection="o1")
    assert walk.state == "publicity"


@pytest.mark.row("E25")
def test_a_hard_case_goes_to_court_and_comes_back() -> None:
    walk = in_publicity()
    walk.do("object", "public", "2026-03-05", **OBJECTION)
    walk.do("refer", "registrar", "2026-03-09", reasons="难以核实", notified=True)
    assert walk.state == "awaiting_ruling"
    walk.do("settle_dismissed", "registrar", "2026-06-09", ruling=FILE, notified=True)
    assert walk.state == "publicity"
    assert walk.ask("certify", "registrar", "2026-06-09").allowed


def test_the_nation_ends_the_registration_when_an_objection_is_upheld() -> None:
    walk = in_publicity("huangshi")
    walk.do("object", "public", "2026-03-05", **OBJECTION)
    outcome = walk.do("uphold", "registrar", "2026-03-09", reasons="权属不清", notified=True)
    assert outcome.title == "终止登记"
    assert "national-registration:12" in outcome.decision.articles


@pytest.mark.row("E26")
def test_after_registration_the_flag_comes_first() -> None:
    walk = registered()
    walk.do("object_after", "public", "2026-04-01", **OBJECTION)
    assert walk.state == "flagged"
    walk.do("refer_after", "registrar", "2026-04-03", reasons="难以核实", notified=True)
    assert walk.where("2026-04-03").title.startswith("已登记（异议标识")
    walk.do("clear", "registrar", "2026-09-01", reasons="裁决驳回", notified=True, ruling=FILE)
    assert walk.state == "registered"


@pytest.mark.row("E27")
def test_revocation_needs_a_verified_cause() -> None:
    walk = registered()
    assert (
        walk.ask("revoke", "registrar", "2026-04-01", breach="fraud", reasons="材料虚假").code
        == "input:verified"
    )
    walk.do("revoke", "registrar", "2026-04-01", breach="fraud", reasons="材料虚假", verified=True)
    assert walk.where("2026-04-01").final


@pytest.mark.row("E11", "E12", "E13")
def test_cancellation_is_done_within_ten_working_days_of_its_acceptance() -> None:
    walk = registered()
    assert (
        walk.ask("apply_cancellation", "registrant", "2026-05-06", cause="lost", proof=[FILE]).code
        == "input:original"
    )
    walk.do("apply_cancellation", "registrant", "2026-05-06", cause="lost", proof=[FILE], original="620000-1")
    assert "cancellation" not in {item.id for item in walk.where("2026-05-06").deadlines}
    walk.do("accept_cancellation", "registrar", "2026-05-07")
    clock = {item.id: item for item in walk.where("2026-05-07").deadlines}["cancellation"]
    # Saturday 9 May 2026 is a make-up day and counts
    assert clock.due == date(2026, 5, 20)
    walk.do("cancel", "registrar", "2026-05-19")
    assert walk.state == "cancelled"


@pytest.mark.row("E23")
def test_an_expired_certificate_is_cancelled_and_announced() -> None:
    walk = registered()
    assert walk.ask("expire", "registrar", "2029-03-17", announced=True).code == "elapsed"
    assert [timer.id for timer in walk.tick("2029-03-18")] == ["certificate_over"]
    assert walk.ask("expire", "registrar", "2029-03-18").code == "input:announced"
    assert walk.ask("expire", "registrar", "2029-03-18", announced=True).allowed


@pytest.mark.row("E22")
def test_the_renewal_window_opens_sixty_days_before_the_end() -> None:
    clock = {item.id: item for item in registered().where("2026-04-01").deadlines}["renewal_window"]
    assert clock.due == date(2029, 1, 16)


def test_timers_have_a_stable_key() -> None:
    walk = in_publicity()
    assert [timer.key for timer in walk.tick("2026-03-17")] == [
        timer.key for timer in walk.tick("2026-04-17")
    ]


def test_the_ledger_says_what_was_met_and_what_was_late() -> None:
    walk = submitted(day="2026-03-02")
    walk.do("accept", "registrar", "2026-03-09", **REG)
    ledger = {item.id: item for item in engine.ledger(walk.procedure, walk.rules, walk.history)}
    assert (ledger["acceptance"].met, ledger["acceptance"].late) == (date(2026, 3, 9), True)
    assert ledger["examination"].met is None


def test_a_history_that_could_not_have_happened_is_named() -> None:
    walk = Walk("gansu", "registration.first")
    walk.history = (Event("certify", moment("2026-03-02"), "person:x", "registrar"),)
    with pytest.raises(LawError, match="第 1 步“发放电子凭证”不能发生在“草稿”"):
        _ = walk.state


def test_an_unknown_act_and_a_wrong_role() -> None:
    walk = submitted()
    with pytest.raises(LawError, match="没有“fly”这个动作"):
        walk.ask("fly", "registrar", "2026-03-02")
    refused = walk.ask("accept", "operator", "2026-03-03", **REG)
    assert (refused.code, refused.sentence) == ("role", "“受理”由登记机构办理，您没有这个角色。")
    with pytest.raises(ActRefused) as caught:
        walk.do("accept", "operator", "2026-03-03", **REG)
    assert caught.value.decision == refused


def test_a_decision_says_which_facts_it_looked_at() -> None:
    decision = submitted().ask("accept", "registrar", "2026-03-03", **REG)
    assert decision.allowed
    assert set(decision.facts) == {"recused", "actor_organisation", "registrant_organisations"}
    assert decision.articles == ("gansu-registration:26",)


def test_an_hour_past_midnight_in_shanghai_is_the_next_day() -> None:
    walk = in_publicity(day="2026-03-02")
    facts = {"recused": False, "actor_organisation": "org:registrar"}
    late = moment("2026-03-16", 23)
    for now, allowed in ((late, False), (moment("2026-03-17", 0), True)):
        found = engine.decide(
            walk.procedure, walk.rules, walk.history, "certify", "registrar", facts, now, actor_id="p"
        )
        assert found.allowed is allowed


@pytest.mark.parametrize(
    ("zone", "caution"),
    [("gansu", "依据征求意见稿，正式文本已发布、待核。"), ("huangshi", ""), ("cn", "")],
)
def test_a_decision_says_when_its_text_is_a_draft(zone: str, caution: str) -> None:
    assert submitted(zone).ask("accept", "registrar", "2026-03-03", **REG).caution == caution


def test_what_could_have_been_named_in_the_list_before_may_not_come_later() -> None:
    walk = submitted()
    form = {"form_problems": [], "form_digest": DIGEST}
    walk.do("return", "registrar", "2026-03-03", defects=[{"item": "R06", "sentence": "不清"}])
    walk.do("resubmit", "registrant", "2026-03-04", **form, papers={"R01": "2", "R06": "2"})
    walk.do("return", "registrar", "2026-03-05", defects=[{"item": "R06", "sentence": "仍不清"}])
    walk.do("resubmit", "registrant", "2026-03-06", **form, papers={"R01": "2", "R06": "3"})
    late = [{"item": "R01", "sentence": "第二次提交时就已是这样"}]
    assert walk.ask("return", "registrar", "2026-03-09", defects=late).code == "one_list"
    fresh = [{"item": "R06", "sentence": "还是不清"}]
    assert walk.ask("return", "registrar", "2026-03-09", defects=fresh).allowed
