"""Consent: asked under an agreement, given by a proved subject, sealed to the gateway, taken back at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from django.test import Client

from gongshu.gateway.book import Book  # noqa: F401 — the gateway's own reading is tested in its room
from gongshu.office.accounts import actors, granting, roles
from gongshu.office.accounts.permissions import Refused, can
from gongshu.office.consent import complaints, forms, identity, notices, queries, requests, services, terms
from gongshu.office.consent.models import (
    COMPLAINT_READERS,
    Consent,
    ConsentRequest,
    ConsentUse,
    Subject,
    Withdrawal,
)
from gongshu.office.link import clock, trust
from gongshu.office.link.models import FeedItem, OutboxEntry
from gongshu.wire import envelope as wire
from gongshu.wire import subjects
from gongshu.wire.admit import admit
from gongshu.wire.times import stamp
from support import people
from support.consents import ASKED, OTHER, PERSON, Desk
from support.products import FIELDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Desk]:
    made = Desk(monkeypatch, tmp_path_factory.mktemp("trust"))
    monkeypatch.setattr(clock, "business_now", lambda: made.now)
    yield made
    trust.store.cache_clear()


def item(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = FeedItem.objects.get(kind=kind).envelope
    return found


def admitted(desk: Desk, envelope: dict[str, Any]) -> Any:
    now = datetime.now(UTC)
    return admit(wire.parse(envelope), desk.world.trust(), now=now, mark="test", direction="feed")


# ---------------------------------------------------------------- asking


@pytest.mark.row("L13")
def test_a_buyer_asks_within_its_own_agreement(desk: Desk) -> None:
    row = desk.ask()
    assert row.state == "open"
    assert row.terms["fields"] == ASKED["fields"]
    assert len(row.code) == 20
    assert OutboxEntry.objects.filter(fields__act="consent.ask", fields__subject=row.pk).exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("purpose", "advertising", "用途"),
        ("fields", ["线路", "身份证号"], "数据项"),
        ("fields", [], "数据项"),
        ("until", "2027-06-30", "使用协议的期限"),
        ("from", "2026-01-01", "使用协议的期限"),
        ("until", "2026-04-07", "不能早于"),
        ("kind", "forever", "使用次数"),
        ("refusal", "", "不同意会怎样"),
        ("title", "", "办什么事"),
        ("hours", "0", "链接"),
        ("hours", "9999", "链接"),
        ("reference", "11010519491231002X", "证件号码"),
        ("reference", "13812345678", "证件号码"),
        ("reference", "贷款 17", "业务编号"),
    ],
)
def test_a_request_beyond_its_agreement_is_refused(desk: Desk, name: str, value: Any, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        desk.ask(**{name: value})
    assert caught.value.code.startswith("input:")
    assert caught.value.articles
    assert not ConsentRequest.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("hours", "0000720000000000", "链接"),
        ("hours", "0000011000", "链接"),
        ("hours", "７２", "链接"),
        ("title", "张三 420204199001011234 贷款", "证件号码"),
        ("title", "李四１３８１２３４５６７８的贷款", "证件号码"),
        ("refusal", "可以拨打13812345678改为自己提交。", "证件号码"),
    ],
)
def test_no_text_names_the_subject_and_no_link_lasts_longer_than_its_limit(
    name: str, value: str, words: str
) -> None:
    day = terms.day
    allowed = {
        "purposes": ["transport"], "fields": FIELDS, "today": day("2026-04-08"),
        "from": day("2026-03-01"), "until": day("2027-02-28"),
    }  # fmt: skip
    assert terms.problem(ASKED, allowed) is None
    found = terms.problem({**ASKED, name: value}, allowed)
    assert found is not None and found[0] == name and words in found[1]


def test_only_the_agreements_own_buyer_asks(desk: Desk) -> None:
    other = people.acting(people.organisation("别的银行"), "buyer")
    for actor, words in ((other, "别的使用单位"), (desk.market.maker, "由产品使用单位")):
        with pytest.raises(Refused, match=words):
            requests.ask(desk.agreement, actor=actor, now=desk.now, typed=ASKED)


def test_where_each_call_needs_a_new_consent_only_such_are_asked_for(
    monkeypatch: Any, tmp_path_factory: Any
) -> None:
    """The gateway lets no standing consent carry a call there; the subject would have agreed for nothing."""
    desk = Desk(monkeypatch, tmp_path_factory.mktemp("trust"), "each_call")
    with pytest.raises(Refused, match="每次调用都要新的同意") as refused:
        desk.ask(kind="standing")
    assert refused.value.code == "input:kind"
    assert desk.ask(kind="once").terms["kind"] == "once"
    form = forms.ask_form(requests.allowed(desk.agreement, desk.now))
    assert "standing" not in str(form["kind"]) and "once" in str(form["kind"])
    trust.store.cache_clear()


def test_no_consent_without_an_agreement_in_force_or_a_gateway_to_seal_to(
    desk: Desk, monkeypatch: Any
) -> None:
    row, subject = desk.ask(), desk.subject()
    desk.market.do(desk.agreement, "end", desk.market.officer, desk.now, reasons="违约")
    desk.agreement.refresh_from_db()
    with pytest.raises(Refused, match="备案"):
        desk.ask()
    with pytest.raises(Refused, match="备案"):
        services.agree(row.code, subject=subject, number=PERSON["number"], now=desk.now)
    assert not FeedItem.objects.filter(kind="consent").exists()


def test_a_product_that_touches_nobody_needs_no_consent(desk: Desk) -> None:
    desk.agreement.typed["touches"] = False
    desk.agreement.product.typed["touches"] = False
    with pytest.raises(Refused, match="不需要数据主体同意"):
        desk.ask()


def test_a_cancelled_request_answers_nobody(desk: Desk) -> None:
    row = desk.ask()
    requests.cancel(row, actor=desk.market.customer)
    with pytest.raises(Refused, match="没有可以办理的请求"):
        services.pending(row.code, desk.subject())
    with pytest.raises(Refused, match="不能取消"):
        requests.cancel(row, actor=desk.market.customer)


# ---------------------------------------------------------------- giving


@pytest.mark.row("B16", "L13")
def test_a_consent_reaches_the_data_domain_signed_and_readable_by_the_gateway_alone(desk: Desk) -> None:
    made = desk.agreed()
    envelope = item("consent")
    taken = admitted(desk, envelope)
    assert taken.signed_by("portal")
    body = envelope["body"]
    assert body == made.body
    assert body["kind"] == "standing"
    assert (body["buyer"], body["contract"]) == (desk.market.buyer.pk, desk.agreement.pk)
    assert (body["from"], body["until"]) == ("2026-04-01", "2026-09-30")
    who = subjects.name("person", PERSON["number"])
    assert subjects.speaks_of(body, who, desk.world.keys["sealing"])
    assert not subjects.speaks_of(body, subjects.name("person", OTHER["number"]), desk.world.keys["sealing"])
    assert envelope["seq"] == made.sent
    entry = OutboxEntry.objects.get(fields__act="consent.agree")
    assert entry.pk == made.entry_id
    assert entry.fields["subject"] == made.pk


@pytest.mark.row("B16")
def test_no_number_lies_anywhere_in_the_database(desk: Desk) -> None:
    """The whole database as text, every table: neither the number nor the name of a person is in it."""
    made = desk.agreed()
    services.withdraw(made, subject=made.subject, now=desk.now)
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if "_" in name]
        for table in tables:
            cursor.execute(f'select t::text from "{table}" t')
            text = "\n".join(row[0] or "" for row in cursor.fetchall())
            assert PERSON["number"] not in text, table
            assert PERSON["number"][:-1] not in text, table
            assert PERSON["name"] not in text, table
    assert len(tables) > 40


def test_the_same_person_is_known_again_and_shown_masked(desk: Desk) -> None:
    first, again, other = desk.subject(), desk.subject(), desk.subject(OTHER)
    assert first.pk == again.pk != other.pk
    assert (first.name, first.number) == ("李**", "1****************X")
    assert len(first.token) == 64
    assert Subject.objects.count() == 2


def test_only_the_one_who_was_proved_can_be_sealed_in(desk: Desk) -> None:
    row = desk.ask()
    with pytest.raises(Refused, match="不一致"):
        services.agree(row.code, subject=desk.subject(), number=OTHER["number"], now=desk.now)


def test_an_answer_is_given_once(desk: Desk) -> None:
    made = desk.agreed()
    code = made.request.code
    with pytest.raises(Refused, match="已经答复过"):
        services.agree(code, subject=made.subject, number=PERSON["number"], now=desk.now)
    with pytest.raises(Refused, match="已经答复过"):
        services.refuse(code, subject=made.subject, now=desk.now)
    assert Consent.objects.count() == 1


@pytest.mark.row("B16")
def test_refusing_sends_nothing_and_needs_no_reason(desk: Desk) -> None:
    row, subject = desk.ask(), desk.subject()
    services.refuse(row.code, subject=subject, now=desk.now)
    row.refresh_from_db()
    assert row.state == "refused"
    assert not FeedItem.objects.filter(kind="consent").exists()
    assert OutboxEntry.objects.filter(fields__act="consent.refuse").exists()


def test_every_dead_code_gives_the_same_answer(desk: Desk) -> None:
    """Unknown, expired, cancelled and answered by somebody else cannot be told apart."""
    theirs = desk.agreed(OTHER).request
    expired, cancelled = desk.ask(), desk.ask()
    ConsentRequest.objects.filter(pk=expired.pk).update(expires=clock.wall_now() - timedelta(seconds=1))
    requests.cancel(cancelled, actor=desk.market.customer)
    said = set()
    for code in ("a" * 20, expired.code, cancelled.code, theirs.code):
        with pytest.raises(Refused) as caught:
            services.pending(code, desk.subject())
        said.add((caught.value.code, caught.value.sentence, caught.value.articles))
    assert said == {("gone", services.GONE, ())}


def test_a_failure_at_the_end_leaves_nothing_behind(desk: Desk, monkeypatch: Any) -> None:
    """Rows, evidence and feed are one transaction."""
    row, subject = desk.ask(), desk.subject()
    before = OutboxEntry.objects.count()
    monkeypatch.setattr(notices, "tell", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        services.agree(row.code, subject=subject, number=PERSON["number"], now=desk.now)
    assert OutboxEntry.objects.count() == before
    assert not FeedItem.objects.filter(kind="consent").exists()
    assert not Consent.objects.exists()


# ---------------------------------------------------------------- taking back


@pytest.mark.row("B16", "L13")
def test_a_withdrawal_goes_out_at_once_and_is_never_refused(desk: Desk) -> None:
    made = desk.agreed()
    desk.market.do(desk.agreement, "end", desk.market.officer, desk.now, reasons="违约")
    taken = services.withdraw(made, subject=made.subject, now=desk.now + timedelta(days=4000))
    envelope = item("withdrawal")
    assert envelope["body"] == {"id": taken.pk, "consent": made.pk}
    assert envelope["expires"] is None
    assert admitted(desk, envelope).signed_by("portal")
    again = services.withdraw(made, subject=made.subject, now=desk.now)
    assert again.pk == taken.pk
    assert FeedItem.objects.filter(kind="withdrawal").count() == 1


def test_nobody_withdraws_anothers_consent(desk: Desk) -> None:
    made = desk.agreed()
    with pytest.raises(Refused, match="没有可以办理"):
        services.withdraw(made, subject=desk.subject(OTHER), now=desk.now)
    assert not Withdrawal.objects.exists()


def test_the_gateways_word_says_when_it_took_effect(desk: Desk) -> None:
    made = desk.agreed()
    taken = services.withdraw(made, subject=made.subject, now=desk.now)
    at = stamp(taken.wall_at + timedelta(seconds=1.2))
    desk.arrive("effect", {"stop": taken.pk, "at": at}, 1)
    desk.arrive("effect", {"stop": taken.pk, "at": stamp(taken.wall_at + timedelta(seconds=9))}, 2)
    desk.arrive("effect", {"stop": "x-unknown", "at": at}, 3)
    taken.refresh_from_db()
    key = desk.world.keys["gateway"].public().id
    assert queries.effects(taken) == [(key, 1.2)]
    sentences = [each.sentence for each in queries.notices(made.subject)]
    assert any("1.2 秒停止" in each for each in sentences)


# ---------------------------------------------------------------- use


def uses(desk: Desk, made: Consent, counts: Any, number: int, day: str = "2026-04-09") -> None:
    body = {"product": made.product_id, "contract": desk.agreement.pk, "day": day, "counts": counts}
    desk.arrive("uses", body, number)


def test_a_days_uses_are_the_greatest_total_a_gateway_told(desk: Desk) -> None:
    made = desk.agreed()
    uses(desk, made, {made.pk: 3}, 1)
    uses(desk, made, {made.pk: 2, "cs-unknown": 5}, 2)
    uses(desk, made, {made.pk: 7}, 3)
    uses(desk, made, {made.pk: 1}, 4, "2026-04-10")
    uses(desk, made, {made.pk: "x"}, 5, "2026-04-11")
    uses(desk, made, {made.pk: -4}, 6, "2026-04-12")
    assert list(ConsentUse.objects.order_by("day").values_list("count", flat=True)) == [7, 1]
    view = queries.given(made.subject, terms.day("2026-04-10"))[0]
    assert (view.uses, str(view.last), view.state) == (8, "2026-04-10", "live")
    first = [each for each in queries.notices(made.subject) if "第一次" in each.sentence]
    assert len(first) == 1


def test_uses_told_for_another_agreement_do_not_count(desk: Desk) -> None:
    made = desk.agreed()
    body = {"product": made.product_id, "contract": "ag-else", "day": "2026-04-09", "counts": {made.pk: 3}}
    desk.arrive("uses", body, 1)
    assert not ConsentUse.objects.exists()


def test_how_a_consent_stands(desk: Desk) -> None:
    made = desk.agreed(kind="once")
    day = terms.day
    stand = lambda at: queries.given(made.subject, day(at))[0].state  # noqa: E731
    assert stand("2026-03-31") == "not_yet"
    assert stand("2026-04-01") == "live"
    assert stand("2026-09-30") == "live"
    assert stand("2026-10-01") == "expired"
    uses(desk, made, {made.pk: 1}, 1)
    assert stand("2026-04-10") == "used"
    desk.market.do(desk.agreement, "end", desk.market.officer, desk.now, reasons="违约")
    assert stand("2026-04-10") == "ended"
    services.withdraw(made, subject=made.subject, now=desk.now)
    assert stand("2026-04-10") == "withdrawn"


# ---------------------------------------------------------------- who sees what


def test_accounts_see_no_subject_and_others_see_nothing(desk: Desk) -> None:
    made = desk.agreed()
    for actor in (desk.market.customer, desk.market.officer, desk.market.maker):
        assert not Subject.objects.for_actor(actor).exists()
        assert made in Consent.objects.for_actor(actor)
    stranger = people.acting(people.organisation(), "buyer")
    assert made not in Consent.objects.for_actor(stranger)
    assert not queries.requests(stranger).exists()
    page = people.log_in(Client(), desk.market.buyer_person).get(f"/consent/requests/{made.request_id}/")
    text = page.content.decode()
    assert made.pk in text
    for secret in (made.subject_id, made.subject.name, made.body["subject"]):
        assert secret not in text


def test_the_buyers_why_says_nothing_of_the_subject(desk: Desk) -> None:
    made = desk.agreed()
    client = people.log_in(Client(), desk.market.buyer_person)
    found = client.get(f"/why/{made.pk}", HTTP_ACCEPT="application/json").json()
    text = json.dumps(found, ensure_ascii=False)
    assert "国家" not in made.subject.name
    assert made.subject.name not in text
    assert made.subject_id not in text
    assert found["articles"]
    stranger = people.person(people.organisation(), "buyer")
    assert people.log_in(Client(), stranger).get(f"/why/{made.pk}").status_code == 404
    assert Client().get(f"/why/{made.pk}").status_code == 404


def test_a_complaint_and_its_answer_hold_no_number_either(desk: Desk) -> None:
    made = desk.agreed()
    told = {"subject": made.subject, "consent": made, "kind": "other", "now": desk.now}
    with pytest.raises(Refused, match="证件号码") as caught:
        services.complain(**told, text="我的电话是13812345678，请回电。")
    assert caught.value.code == "input:text"
    row = services.complain(**told, text="请说明 2026 年 4 月 9 日的三次查询。")
    with pytest.raises(Refused, match="证件号码") as caught:
        complaints.answer(
            row, actor=desk.market.officer, now=desk.now, text="110105194912310021 的查询已查明。"
        )
    assert caught.value.code == "input:answer"
    row.refresh_from_db()
    assert row.state == "open" and not row.answer


def test_complaints_are_read_by_those_who_answer_or_oversee_and_by_no_other_role(desk: Desk) -> None:
    """Every role in the organisation it was sent to, in a strange one, and in another zone."""
    made, home, strange = desk.agreed(), desk.market.operator, people.organisation()
    row = services.complain(
        subject=made.subject, consent=made, kind="other", text="请说明用途。", now=desk.now
    )
    known = sorted({each for each, _ in granting.grantable("huangshi")})
    assert set(known) >= COMPLAINT_READERS
    for name in known:

        def sees(organisation: Any, zone: str = "huangshi", name: str = name) -> bool:
            held = {zone: frozenset({name})}
            actor = actors.Actor("p-1", "某人", organisation.pk, organisation.name, zone, held)
            assert can(actor, "consent.complaints") is (name in COMPLAINT_READERS), name
            return row in queries.complaints(actor)

        reads = name in COMPLAINT_READERS
        assert sees(home) is reads, name
        assert sees(strange) is (reads and roles.role(name).officer), name
        assert not sees(home, "chizhou"), name


def test_rows_can_be_written_out_and_hold_no_salt_of_the_token(desk: Desk) -> None:
    made = desk.agreed()
    text = serializers.serialize("json", [made.subject])
    assert PERSON["number"] not in text


def test_an_identity_without_a_real_number_is_nobody() -> None:
    for wrong in (
        PERSON | {"number": "110105194912310021"},
        PERSON | {"name": " "},
        PERSON | {"subject_type": "robot"},
        {"subject_type": "firm", "name": "某公司", "number": people.credit_code(1)},
        {"subject_type": "person"},
    ):
        with pytest.raises(identity.IdentityError):
            identity.read(wrong)


def test_the_buyers_system_gets_the_signed_message_to_send_with_a_call(desk: Desk) -> None:
    made = desk.agreed(kind="once")
    path = f"/consent/requests/{made.request.pk}/consent.json"
    client = people.log_in(Client(), desk.market.buyer_person)
    taken = admitted(desk, json.loads(client.get(path).content))
    assert taken.envelope.body == made.body and taken.signed_by("portal")
    assert PERSON["number"] not in client.get(path).content.decode()
    open_one = desk.ask()
    assert client.get(f"/consent/requests/{open_one.pk}/consent.json").status_code == 404
    for other in (desk.market.maker_person, desk.market.officer_person):
        assert people.log_in(Client(), other).get(path).status_code == 404


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("11010519491231002X", True),
        ("11010519491231002x", True),
        ("420299196909174474", True),  # 区划已经没有的号码，人还在
        ("110105194912310021", False),
        ("110105194913310028", False),
        ("990105194912310021", False),
        ("", False),
    ],
)
def test_a_number_is_judged_by_its_check_character_and_not_by_todays_divisions(
    number: str, good: bool
) -> None:
    said = PERSON | {"number": number}
    if good:
        assert identity.read(said).number == number.upper()
    else:
        with pytest.raises(identity.IdentityError):
            identity.read(said)
