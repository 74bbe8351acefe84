"""Cases: one door, refusals kept, deadlines, inbox, timers, recusal."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from gongshu.law.errors import LawError
from gongshu.office.accounts.models import Affiliation
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook, parties, registry, services
from gongshu.office.cases.models import (
    NEVER,
    Case,
    CaseEvent,
    Deadline,
    Decision,
    Notice,
    PackText,
    Waiting,
)
from gongshu.office.link.models import OutboxEntry
from support import people
from support.people import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def plain_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own procedures, without what the apps add to them: those have their own tests."""
    monkeypatch.setattr(registry, "HANDLERS", {})


FORM = {"form_problems": [], "form_digest": "sha256:" + "a" * 64, "deposited": True, "papers": {"R01": "x"}}
OUTPUT = "sha256:" + "b" * 64


class World:
    """A registrant with a reviewer, a registrar with two clerks, and a case on the way."""

    def __init__(self, zone: str = "gansu") -> None:
        self.zone = zone
        self.registrant = people.organisation("市公积金中心", zone=zone)
        self.registrar = people.organisation("登记中心", zone=zone)
        self.applicant = people.acting(self.registrant, "registrant")
        self.reviewer = people.acting(self.registrant, "registrant_reviewer")
        self.clerk = people.acting(self.registrar, "registrar")
        self.case = services.open_case(
            "registration.first", "s-abc", self.applicant, NOW, title="公积金缴存数据", zone=zone
        )

    def do(self, act: str, actor: Any, now: datetime = NOW, **facts: Any) -> Any:
        return services.perform(self.case, act, actor, FORM | facts, now)

    def submitted(self) -> World:
        self.do("fill", self.applicant)
        self.do("pass_business", self.reviewer)
        self.do("submit", self.applicant)
        return self

    def in_publicity(self) -> World:
        self.submitted().do("accept", self.clerk)
        self.do("pass", self.clerk, checked=True, duplicate=False)
        return self


@pytest.mark.row("E01")
def test_a_case_goes_its_way_and_every_step_is_proved() -> None:
    world = World().in_publicity()
    case = world.case
    assert case.state == "publicity"
    assert case.number == "620000-2026-000001"
    events = list(case.events.order_by("seq"))
    assert [each.act for each in events] == ["fill", "pass_business", "submit", "accept", "pass"]
    for event in events:
        entry = event.entry.fields
        assert entry["case"] == case.id
        assert entry["subject"] == "s-abc"
        assert entry["act"] == f"registration.first.{event.act}"
        assert entry["articles"]
        assert event.decision.allowed
    assert OutboxEntry.objects.filter(fields__act="cases.open.registration.first").count() == 1


def test_evidence_holds_no_name_and_no_title() -> None:
    World().in_publicity()
    text = " ".join(str(each.fields) for each in OutboxEntry.objects.all())
    assert "公积金" not in text
    assert "登记中心" not in text


@pytest.mark.row("E14", "E17", "E18")
def test_deadlines_follow_the_calendar_and_say_who_owes() -> None:
    world = World().in_publicity()
    rows = {each.ledger: each for each in world.case.deadlines.all()}
    # 2026-03-02 提交：3、4、5 日三个工作日
    assert rows["acceptance"].due == date(2026, 3, 5)
    assert rows["acceptance"].met == NOW.date()
    assert rows["publicity"].due == date(2026, 3, 16)
    assert rows["publicity"].met is None
    assert rows["publicity"].owes == []  # 等它届满，没有人因它超期
    assert rows["publicity"].fact["basis"]


def test_what_is_kept_beside_the_events_can_be_rebuilt() -> None:
    world = World().in_publicity()
    before = Case.objects.filter(pk=world.case.pk).values().get()
    waiting = list(Waiting.objects.filter(case=world.case).values_list("role", "organisation", "due"))
    Case.objects.filter(pk=world.case.pk).update(state="draft", due=NEVER, tick_day=NEVER)
    Waiting.objects.all().delete()
    services.rebuild(world.case, NOW)
    assert Case.objects.filter(pk=world.case.pk).values().get() == before
    assert list(Waiting.objects.filter(case=world.case).values_list("role", "organisation", "due")) == waiting


@pytest.mark.row("E19")
def test_no_certificate_on_the_last_day_of_publicity() -> None:
    world = World().in_publicity()
    last = datetime(2026, 3, 16, 17, 0, tzinfo=people.SHANGHAI)
    with pytest.raises(Refused) as caught:
        world.do("certify", world.clerk, now=last, certificate="x")
    assert "2026-03-16" in caught.value.sentence
    assert world.do("certify", world.clerk, now=last + timedelta(hours=8)).case.state == "registered"


@pytest.mark.django_db(transaction=True)
def test_a_refusal_is_kept_with_its_reason_and_evidence() -> None:
    world = World().submitted()
    with pytest.raises(Refused) as caught:
        world.do("pass", world.clerk, checked=True)
    row = Decision.objects.get(pk=caught.value.decision)
    assert (row.allowed, row.code, row.case_id, row.actor) == (
        False,
        "state",
        world.case.id,
        world.clerk.person,
    )
    assert row.entry is not None
    assert row.entry.fields["act"] == "cases.refuse"
    assert "已提交" in row.sentence
    assert CaseEvent.objects.filter(case=world.case).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_refusal_inside_a_broken_transaction_is_kept_by_the_outermost() -> None:
    world = World().submitted()
    with pytest.raises(Refused) as caught, transaction.atomic():
        world.do("pass", world.clerk, checked=True)
    assert not Decision.objects.filter(pk=caught.value.decision).exists()
    from gongshu.office.accounts.permissions import keep

    keep(caught.value, world.clerk, "x")
    assert Decision.objects.get(pk=caught.value.decision).case_id == world.case.id


def test_no_self_review() -> None:
    world = World()
    both = people.person(world.registrant, "registrant", "registrant_reviewer")
    actor = people.actor(both)
    world.do("fill", actor)
    with pytest.raises(Refused) as caught:
        world.do("pass_business", actor)
    assert caught.value.code == "not_actor_of"


@pytest.mark.row("B20")
def test_a_registrar_tied_to_the_registrant_must_stand_aside() -> None:
    world = World().submitted()
    first, second = sorted((world.registrant, world.registrar), key=lambda each: each.pk)
    Affiliation.objects.create(
        zone_id="gansu", organisation=first, other=second, kind="parent", since=date(2025, 1, 1)
    )
    with pytest.raises(Refused) as caught:
        world.do("accept", world.clerk)
    assert caught.value.code == "not_recused"
    # 声称“不用回避”也没有用：事实由平台算
    with pytest.raises(Refused):
        world.do("accept", world.clerk, recused=False)
    other = people.acting(people.organisation("另一登记机构", zone="gansu"), "registrar")
    assert world.do("accept", other).case.state == "accepted"


def test_another_organisation_cannot_touch_a_partys_case() -> None:
    world = World()
    stranger = people.acting(people.organisation(zone="gansu"), "registrant", "registrant_reviewer")
    with pytest.raises(Refused) as caught:
        world.do("fill", stranger)
    assert caught.value.code == "role"
    assert world.case not in Case.objects.for_actor(stranger)
    assert world.case in Case.objects.for_actor(world.reviewer)
    assert world.case in Case.objects.for_actor(world.clerk)
    elsewhere = people.acting(people.organisation(zone="huangshi"), "registrar")
    assert world.case not in Case.objects.for_actor(elsewhere)
    with pytest.raises(Refused) as caught:
        services.perform(world.case, "accept", elsewhere, FORM, NOW)
    assert caught.value.code == "zone"


def test_who_may_not_begin_is_told_who_may() -> None:
    clerk = people.acting(people.organisation(zone="gansu"), "registrar")
    with pytest.raises(Refused) as caught:
        services.open_case("registration.first", "s-x", clerk, NOW, title="某数据")
    assert "登记主体" in caught.value.sentence
    with pytest.raises(Refused):
        services.open_case("no.such", "s-x", clerk, NOW, title="某数据")
    assert not Case.objects.exists()


@pytest.mark.row("B19")
def test_an_agent_acts_for_its_principal_while_the_delegation_holds() -> None:
    from gongshu.office.accounts.models import Delegation

    world = World()
    home = people.organisation("代理公司", zone="gansu", kind="enterprise")
    made = people.person(home, "agent")
    with pytest.raises(Refused):
        world.do("fill", people.actor(made))
    Delegation.objects.create(
        zone_id="gansu",
        principal=world.registrant,
        agent=home,
        since=date(2026, 1, 1),
        until=date(2026, 3, 31),
        document="sha256:" + "c" * 64,
    )
    agent = people.actor(made)
    assert world.case in Case.objects.for_actor(agent)
    assert world.do("fill", agent).event.role == "registrant"
    own = services.open_case("registration.first", "s-y", agent, NOW, title="代办")
    assert own.organisation == world.registrant
    late = people.actor(made, today=date(2026, 4, 1))
    assert late.principals_in("gansu", "registration.first") == frozenset()
    assert parties.roles(world.case, late) == {"public"}
    assert own in Case.objects.for_actor(agent)
    assert own not in Case.objects.for_actor(late)


# ------------------------------------------------------------ time


def test_no_day_is_taken_from_a_moment_as_the_database_gives_it() -> None:
    """The database gives UTC: a day of business is `local_day`. What may call `date()` already stands here."""
    office = Path(lawbook.__file__).parents[1]
    local = {"link/clock.py", "portal/sources.py", "consent/terms.py"}  # 已经换成这里的时间，或者是给定的日子
    found = {
        place.relative_to(office).as_posix()
        for place in office.rglob("*.py")
        if re.search(r"\.date\(\)", place.read_text(encoding="utf-8"))
    }
    assert found <= local, found - local


def test_timers_and_warnings_fire_once() -> None:
    world = World().in_publicity()
    assert services.tick(NOW) == 0
    over = datetime(2026, 3, 17, 0, 5, tzinfo=people.SHANGHAI)
    assert services.tick(over) == 1
    assert services.tick(over) == 0
    sent = Notice.objects.filter(case=world.case, kind="timer")
    assert [each.role for each in sent] == ["registrar"]
    assert "公示期已满" in sent.get().sentence
    assert world.case.events.count() == 5  # 时限到了只开门，凭证由人发


def test_an_overdue_case_warns_those_who_owe_and_the_authority() -> None:
    world = World().submitted()
    services.tick(datetime(2026, 3, 5, 23, 0, tzinfo=people.SHANGHAI))
    assert not Notice.objects.filter(kind="overdue").exists()
    for hour in (1, 2):
        services.tick(datetime(2026, 3, 6, hour, 0, tzinfo=people.SHANGHAI))
    sent = Notice.objects.filter(case=world.case, kind="overdue")
    assert sorted(each.role for each in sent) == ["data_authority", "registrar"]
    assert all(each.why.startswith("t-") for each in sent)


def test_a_clock_that_starts_again_leaves_one_running() -> None:
    world = World().submitted()
    world.do("return", world.clerk, defects=[{"item": "R01", "sentence": "名称不全"}])
    later = NOW + timedelta(days=3)
    world.do("resubmit", world.applicant, now=later)
    open_rows = Deadline.objects.filter(case=world.case, ledger="acceptance", met=None)
    assert [each.started for each in open_rows] == [later.date()]


# ------------------------------------------------------------ law of the day it began


def test_a_case_keeps_the_law_it_began_under(monkeypatch: pytest.MonkeyPatch) -> None:
    from gongshu.law import packs

    world = World().submitted()
    old = packs.library()
    changed = packs.build(
        {
            path: body.replace(
                "title: 受理\n    from: submitted".encode(), "title: 接收\n    from: submitted".encode()
            )
            for zone in old.zones
            for path, body in old.texts(zone).items()
        }
    )
    assert changed.digest("gansu") != old.digest("gansu")
    monkeypatch.setattr(packs, "library", lambda: changed)
    lawbook._rules.cache_clear()
    lawbook._library.cache_clear()
    try:
        assert lawbook.procedure_of(world.case).act("accept").title == "受理"
        assert lawbook.procedure_now("gansu", NOW.date(), "registration.first").act("accept").title == "接收"
        assert PackText.objects.filter(pk=world.case.pack_digest).count() == 1
        PackText.objects.all().delete()
        lawbook._library.cache_clear()
        lawbook._rules.cache_clear()
        with pytest.raises(LawError):
            lawbook.procedure_of(world.case)
    finally:
        lawbook._rules.cache_clear()
        lawbook._library.cache_clear()


def test_an_enclave_acts_in_its_own_role_only() -> None:
    from gongshu.office.accounts import actors

    operator = people.acting(people.organisation(zone="huangshi"), "operator")
    case = services.open_case(
        "release.review",
        "r-1",
        actors.enclave("huangshi"),
        NOW,
        title="客流指数",
        party_roles={"operator": [operator.organisation]},
    )
    facts = {"verdict": "pass", "output_digest": OUTPUT, "findings_digest": OUTPUT}
    with pytest.raises(Refused):
        services.perform(case, "present", operator, facts, NOW)
    done = services.perform(case, "present", actors.enclave("huangshi"), facts, NOW)
    assert done.case.state == "reviewing"


def test_who_waits_for_a_period_sees_its_end_and_is_never_overdue() -> None:
    from gongshu.office.cases import queries

    world = World().in_publicity()
    row = Waiting.objects.get(case=world.case, role="registrar")
    assert (row.due, row.period) == (date(2026, 3, 16), True)
    shown = queries.inbox(world.clerk, NOW.date()).rows[0]
    assert shown.chip.sentence == "还有 10 个工作日"
    assert not queries.inbox(world.clerk, date(2026, 4, 1), overdue=True).rows
    assert queries.inbox(world.clerk, date(2026, 4, 1)).rows[0].chip.sentence == "已届满"


PAPER = """
year: 2027
papers:
  - number: 国办发明电〔2026〕99号
    title: 测试用的放假通知
    issued: 2026-11-01
    published: 2026-11-01
    festivals:
      - {name: 元旦, rest: [2027-01-01, 2027-01-03]}
      - {name: 春节, rest: [2027-01-18, 2027-01-26], work: [2027-01-30]}
"""


def test_a_holiday_paper_that_arrives_moves_running_deadlines_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gongshu.law import packs
    from gongshu.office.cases import recount

    world = World()
    at = datetime(2026, 12, 28, 10, 0, tzinfo=people.SHANGHAI)
    for act, actor in (
        ("fill", world.applicant),
        ("pass_business", world.reviewer),
        ("submit", world.applicant),
    ):
        world.do(act, actor, now=at)
    world.do("accept", world.clerk, now=at)
    row = world.case.deadlines.get(ledger="examination")
    before = row.due
    assert row.provisional
    old = packs.library()
    files = {path: body for zone in old.zones for path, body in old.texts(zone).items()}
    path = next(each.replace("2026", "2027") for each in files if each.endswith("calendar/2026.yaml"))
    new = packs.build(files | {path: PAPER.encode()})
    monkeypatch.setattr(packs, "library", lambda: new)
    lawbook._rules.cache_clear()
    try:
        recount._DONE.clear()
        services.tick(at)
        row.refresh_from_db()
        assert not row.provisional
        assert row.due is not None
        assert before is not None
        assert row.due > before
        sent = Notice.objects.get(case=world.case, kind="moved")
        assert "国办发明电〔2026〕99号" in sent.sentence
        assert str(row.due) in sent.sentence
        recount._DONE.clear()
        services.tick(at)
        assert Notice.objects.filter(kind="moved").count() == 1
    finally:
        recount._DONE.clear()
        lawbook._rules.cache_clear()
