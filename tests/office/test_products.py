"""Products: made under a grant, reviewed, registered; agreements signed by both sides; ceilings and stops."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from gongshu.contract.model import compile_ceiling, compile_contract
from gongshu.crypto.sign import PrivateKey
from gongshu.gateway.book import Book
from gongshu.office.accounts.permissions import Refused
from gongshu.office.link import effects, inbox, trust
from gongshu.office.link.models import FeedItem, InboxMessage, OutboxEntry
from gongshu.office.products import (
    agreements,
    content,
    endings,
    incoming,
    lifts,
    services,
    signing,
    standing,
    supply,
)
from gongshu.office.products.models import (
    Agreement,
    BuyerKey,
    Ceiling,
    Ending,
    Lift,
    Product,
    Released,
    Trip,
)
from gongshu.office.registration.models import Registration
from gongshu.wire import envelope as wire
from gongshu.wire.admit import admit
from gongshu.wire.envelope import body_digest
from gongshu.wire.errors import WireError
from gongshu.wire.kinds import KINDS, check_signers
from gongshu.wire.times import stamp
from support import people
from support.people import NOW
from support.products import FIELDS, INDEX, TERMS, TYPED, Market
from support.registrations import held, pdf
from support.wires import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def trusted(market: Market, monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Market]:
    market.trust(monkeypatch, tmp_path_factory.mktemp("trust"))
    yield market
    trust.store.cache_clear()


def client_of(person: Any) -> Client:
    return people.log_in(Client(), person)


def text(answer: Any) -> str:
    return answer.content.decode()


# ---------------------------------------------------------------- making and reviewing


@pytest.mark.row("L01", "L03")
def test_a_product_is_made_in_the_browser_with_the_forms_of_its_zone(market: Market) -> None:
    client = client_of(market.maker_person)
    page = text(client.get("/products/new/"))
    for form in ("数据集", "数据接口", "数据模型", "数据指数", "数据报告"):
        assert f">{form}<" in page
    data = held(page, "product-form") | {
        **TYPED, "fields": "\n".join(FIELDS), "touches": "false", "grant": market.grant
    }  # fmt: skip
    answer = client.post("/products/new/", data, follow=True)
    row = Product.objects.get()
    assert "可以提请合规审核" in text(answer)
    assert row.typed["fields"] == FIELDS
    assert row.typed["touches"] is False
    assert row.operator == market.operator
    assert row.case.subject == row.pk


@pytest.mark.row("L02")
def test_gansu_has_its_own_forms(market: Market) -> None:
    other = Market("gansu")
    page = text(client_of(other.maker_person).get("/products/new/"))
    assert ">数据服务<" in page
    assert ">数据指数<" not in page


def test_what_is_wrong_is_kept_and_told_beside_its_field(market: Market) -> None:
    client = client_of(market.maker_person)
    data = held(text(client.get("/products/new/")), "product-form") | {"name": "指数", "do": "check"}
    page = text(client.post("/products/new/", data, follow=True))
    assert "请填写“产品简介”。" in page
    assert "error-id_summary" in page
    row = Product.objects.get()
    assert row.typed == {"name": "指数"}
    nameless = client.post("/products/new/", data | {"name": " "})
    assert nameless.status_code == 400
    assert "请填写产品名称" in text(nameless)


def test_saving_over_anothers_save_is_refused(market: Market) -> None:
    row = market.begin()
    services.save(row, actor=market.maker, now=NOW, typed=TYPED, version=row.version)
    with pytest.raises(Refused, match="您自己在另一个窗口"):
        services.save(row, actor=market.maker, now=NOW, typed=TYPED, version=row.version)
    colleague = people.acting(market.operator, "operator")
    with pytest.raises(Refused, match="别人刚才保存过"):
        services.save(row, actor=colleague, now=NOW, typed=TYPED, version=row.version)


def test_only_a_grant_of_the_operators_own_project_may_be_named(market: Market) -> None:
    with pytest.raises(Refused, match="授权"):
        market.begin(grant="g-else")
    other = people.acting(people.organisation("别家公司"), "operator")
    row = market.begin()
    with pytest.raises(Refused, match="别的运营机构"):
        services.save(row, actor=other, now=NOW, typed=TYPED, version=row.version)


def test_who_may_not_make_products_is_told_so(market: Market) -> None:
    answer = client_of(market.buyer_person).get("/products/new/")
    assert answer.status_code == 403
    assert "由运营机构建立" in text(answer)


@pytest.mark.row("L06", "L18")
def test_nothing_is_reviewed_before_something_left_the_data_domain(market: Market) -> None:
    row = market.begin()
    with pytest.raises(Refused, match="出域"):
        market.do(row, "submit", market.maker)
    market.arrive("release", market.release_body(row), 1)
    market.do(row, "submit", market.maker)
    assert row.state == "submitted"


def test_a_release_belongs_to_a_product_only_under_its_grant(market: Market) -> None:
    row = market.begin()
    market.arrive("release", market.release_body(row) | {"grant": "g-other"}, 1)
    market.arrive("release", market.release_body(row, "rel-2") | {"product": "pd-none"}, 2)
    forged = market.release_body(row, "rel-3")
    market.arrive("release", forged | {"digest": "sha256:" + "0" * 64}, 3)
    assert not Released.objects.exists()
    market.arrive("release", market.release_body(row, "rel-4"), 4)
    assert incoming.collect(row, datetime.now(UTC)) == 0
    assert Released.objects.get().day.isoformat() == "2026-03-10"


def test_a_release_that_came_before_the_grant_was_chosen_is_found_again(market: Market) -> None:
    row = services.begin(actor=market.maker, now=NOW, typed={"name": "指数"})
    market.arrive("release", market.release_body(row), 1)
    assert not Released.objects.exists()
    services.save(
        row, actor=market.maker, now=NOW, typed=TYPED | {"grant": market.grant}, version=row.version
    )
    assert Released.objects.get().product == row


@pytest.mark.row("L04", "L05")
def test_every_head_is_answered_before_a_product_passes(market: Market) -> None:
    row = market.released()
    market.do(row, "submit", market.maker)
    good = {each: {"result": "pass", "reason": "符合"} for each in ("source", "masking", "no_raw", "access")}
    with pytest.raises(Refused, match="没有作答"):
        market.do(row, "pass", market.officer, answers=good)
    bad = good | {"consent": {"result": "fail", "reason": "没有配置"}}
    with pytest.raises(Refused):
        market.do(row, "pass", market.officer, answers=bad)
    market.do(row, "pass", market.officer, answers=good | {"consent": {"result": "pass", "reason": "不涉及"}})
    assert row.state == "passed"


@pytest.mark.row("L05")
def test_in_hubei_each_provider_agrees_before_the_authority_passes() -> None:
    market = Market("hubei")
    row = market.released()
    market.do(row, "submit", market.maker)
    heads = ("source", "masking", "no_raw", "access", "consent")
    answers = {each: {"result": "pass", "reason": "符合"} for each in heads}
    with pytest.raises(Refused):
        market.do(row, "pass", market.officer, answers=answers)
    stranger = people.acting(people.organisation("别的单位", zone="hubei"), "provider_checker")
    with pytest.raises(Refused):
        market.do(row, "provider_agree", stranger)
    market.do(row, "provider_agree", market.checker)
    market.do(row, "pass", market.officer, answers=answers)
    assert row.state == "passed"


def test_the_authority_reviews_in_the_browser_and_returns_items_of_the_form(market: Market) -> None:
    row = market.released()
    market.do(row, "submit", market.maker)
    client = client_of(market.officer_person)
    page = text(client.get(f"/cases/{row.case_id}/"))
    assert "公交客流指数" in page
    assert 'id="product-link"' in page
    page = text(client.get(f"/cases/{row.case_id}/acts/return/"))
    data = held(page, "act-form") | {"defects-0-item": "summary", "defects-0-sentence": "写明统计口径"}
    client.post(f"/cases/{row.case_id}/acts/return/", data)
    row.refresh_from_db()
    assert row.state == "returned"


# ---------------------------------------------------------------- registration and price


@pytest.mark.row("L08", "L18")
def test_a_passed_product_is_registered_with_what_its_page_says(market: Market) -> None:
    row = market.passed()
    resource = market.office.registered(resource="res-1")
    page = client_of(market.maker_person).post(f"/products/{row.pk}/register/", follow=True)
    made = Registration.objects.get(product=row.pk)
    assert page.status_code == 200
    assert made.typed["R14"] == "数据指数"
    assert made.typed["R18"] == "public"
    assert made.typed["R16"] == resource.certificate.code
    assert made.typed["R17"] == {"from": "2026-03-01", "until": "2027-02-28"}
    again = services.begin_registration(row, actor=market.maker, now=NOW)
    assert again.pk == made.pk


@pytest.mark.row("L18")
def test_published_means_reviewed_and_registered(market: Market) -> None:
    row = market.published()
    assert standing.published(row, market.later.date())
    assert not standing.published(row, NOW.date() + timedelta(days=4000))


def test_only_the_public_benefit_has_a_price_by_law(market: Market) -> None:
    from gongshu.office.cases import lawbook

    row = market.begin()
    found = standing.price(lawbook.rules_of(row.case), row, NOW.date())
    assert found.settled
    assert found.text == "免费提供"
    row.purpose = "industry"
    found = standing.price(lawbook.rules_of(row.case), row, NOW.date())
    assert found.text == "未定价"
    assert "政府指导价" in found.note


# ---------------------------------------------------------------- agreements


@pytest.mark.row("L12")
def test_an_agreement_without_all_seven_items_is_not_confirmed(market: Market) -> None:
    row = market.published()
    for missing in ("delivery", "pricing", "scene", "conditions", "term", "security", "breach"):
        made = market.agreement(row)
        typed = {key: value for key, value in made.typed.items() if key != missing}
        agreements.save(
            made, actor=market.maker, now=NOW, typed=typed, terms=made.terms, version=made.version
        )
        with pytest.raises(Refused, match="请填写"):
            market.confirm(made)


def test_the_operator_drafts_and_the_buyer_confirms(market: Market) -> None:
    row = market.published()
    made = market.agreement(row)
    with pytest.raises(Refused):
        market.do(made, "agree", market.maker, agreement={}, signed_on="2026-03-02")
    market.confirm(made)
    assert made.case.state == "agreed"
    with pytest.raises(Refused, match="不能再改"):
        agreements.save(made, actor=market.maker, now=NOW, typed={}, terms={}, version=made.version)


def test_fields_outside_the_product_are_refused(market: Market) -> None:
    row = market.published()
    made = market.agreement(row)
    terms = made.terms | {"fields": ["身份证号"]}
    agreements.save(made, actor=market.maker, now=NOW, typed=made.typed, terms=terms, version=made.version)
    with pytest.raises(Refused, match="产品没有这些字段"):
        market.confirm(made)


def test_an_unpublished_product_has_no_agreement_filed(market: Market) -> None:
    row = market.passed()
    market.later = NOW
    made = market.agreement(row)
    market.confirm(made)
    with pytest.raises(Refused, match="登记发布"):
        market.do(made, "submit", market.maker)


@pytest.mark.row("L12")
def test_a_filed_and_signed_agreement_reaches_the_gateway_with_both_signatures(
    trusted: Market, tmp_path: Path
) -> None:
    market = trusted
    made = market.agreement(market.published())
    with pytest.raises(Refused, match="确认协议之后"):
        agreements.to_sign(made, signing.SIDES["operator"])
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    assert not FeedItem.objects.filter(kind="contract").exists()
    market.do(made, "file", market.officer, market.later, number="黄数备〔2026〕1号")
    contract = wire.parse(FeedItem.objects.get(kind="contract").envelope)
    credential = wire.parse(FeedItem.objects.get(kind="credential").envelope)
    now = datetime.now(UTC)
    for each in (contract, credential):
        check_signers(KINDS[each.kind], wire.verify(each, trust.current(now), now))
    assert credential.seq > contract.seq
    compiled = compile_contract(market.zone, contract.body)
    assert compiled.key == market.key.public().id
    assert compiled.operator_key == market.operator_key.public().id
    assert compiled.calls_per_day == 100
    assert credential.body["contract"] == contract.body["id"]
    book = Book(tmp_path / "book.json")
    for each in (contract, credential):
        book.take(admit(each, trust.current(now), now=now, mark="test", direction="feed", zone=market.zone))
    assert book.contracts[made.pk]["key"] == market.key.public().id
    assert book.credentials[credential.body["id"]]["contract"] == made.pk


def test_signed_in_the_browser_after_filing_it_goes_at_once(trusted: Market) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="1")
    market.sign(made, "operator")
    client = client_of(market.buyer_person)
    wanted = json.loads(client.get(f"/products/agreements/{made.pk}/to-sign").content)
    assert wanted["contract"]["body"]["buyer"] == market.buyer.pk
    signed = market.signatures(made)
    data = held(text(client.get(f"/products/agreements/{made.pk}/sign/")), "sign-form")
    data |= {
        "contract_signature": signed["contract"],
        "credential_signature": json.dumps({"sig": signed["credential"]}),
    }
    page = client.post(f"/products/agreements/{made.pk}/sign/", data, follow=True)
    assert "已送往数据域" in text(page)
    made.refresh_from_db()
    assert made.sent


def test_a_signature_of_another_key_or_over_other_words_is_refused(trusted: Market) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    good = market.signatures(made)
    market.key, right = PrivateKey.generate("sm2"), market.key
    with pytest.raises(Refused, match=r"^使用协议的签名与协议的内容或公钥不符"):
        agreements.sign(made, actor=market.customer, now=NOW, given=market.signatures(made))
    with pytest.raises(Refused, match=r"^凭证的签名与"):
        mixed = {"contract": good["contract"], "credential": market.signatures(made)["credential"]}
        agreements.sign(made, actor=market.customer, now=NOW, given=mixed)
    market.key = right
    with pytest.raises(Refused, match="不符"):
        swapped = {"contract": good["credential"], "credential": good["contract"]}
        agreements.sign(made, actor=market.customer, now=NOW, given=swapped)
    with pytest.raises(Refused, match="base64"):
        agreements.sign(made, actor=market.customer, now=NOW, given=good | {"contract": "胡写"})
    with pytest.raises(Refused, match="不符"):  # 使用单位的签名不是运营机构的
        agreements.sign(made, actor=market.maker, now=NOW, given=good)
    with pytest.raises(Refused, match="各自签署"):
        agreements.sign(made, actor=market.officer, now=NOW, given=good)
    assert not Agreement.objects.get(pk=made.pk).signatures


def test_a_key_off_the_trust_list_signs_nothing(market: Market, monkeypatch: Any, tmp_path: Any) -> None:
    made = market.agreement(market.published())
    market.confirm(made)
    right = market.operator_key, market.key
    market.operator_key, market.key = PrivateKey.generate("sm2"), PrivateKey.generate("ed25519")
    market.trust(monkeypatch, tmp_path / "trust")
    market.operator_key, market.key = right
    for role, words in (("operator", "^运营机构的这把公钥"), ("buyer", "^使用单位的这把公钥")):
        with pytest.raises(Refused, match=words):
            market.sign(made, role)
    trust.store.cache_clear()


@pytest.mark.row("L12")
@pytest.mark.parametrize("order", [("operator", "buyer"), ("buyer", "operator")])
def test_neither_side_alone_sends_an_agreement_and_either_signs_first(
    trusted: Market, order: tuple[str, str]
) -> None:
    market, titles = trusted, {"operator": "运营机构", "buyer": "使用单位"}
    made = market.agreement(market.published())
    market.confirm(made)
    market.do(made, "submit", market.maker, market.later)
    market.sign(made, order[0])
    market.do(made, "file", market.officer, market.later, number="1")
    for actor in (market.maker, market.customer):
        with pytest.raises(Refused, match=f"^{titles[order[1]]}还没有用自己的钥匙签署"):
            agreements.send(made, actor=actor)
    assert not FeedItem.objects.filter(kind__in=("contract", "credential")).exists()
    market.sign(made, order[1])
    assert made.sent
    body = FeedItem.objects.get(kind="contract").envelope
    assert {(each["role"], each["key"]) for each in body["signatures"] if each["role"] != "office"} == {
        ("operator", market.operator_key.public().id),
        ("buyer", market.key.public().id),
    }
    with pytest.raises(Refused, match="不能重签"):
        market.sign(made, order[0])


@pytest.mark.parametrize("role", ["operator", "buyer"])
def test_what_either_side_signed_is_void_when_the_terms_are_negotiated_again(
    trusted: Market, role: str
) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made, role)
    first = dict(made.signed)
    market.do(made, "reopen", market.maker, market.later)
    assert (made.signatures, made.signed, made.signed_at) == ({}, {}, None)
    terms = made.terms | {"calls_per_day": "50"}
    agreements.save(made, actor=market.maker, now=NOW, typed=made.typed, terms=terms, version=made.version)
    market.confirm(made)
    market.sign(made)
    assert made.signed["contract"] != first["contract"]
    assert made.signed["contract"]["quota"]["calls_per_day"] == 50


def test_a_key_taken_off_the_list_after_signing_holds_the_agreement_back(
    market: Market, monkeypatch: Any, tmp_path: Any
) -> None:
    world = market.trust(monkeypatch, tmp_path / "trust")
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    rows = [each for each in market.key_rows() if each["role"] == "buyer"]
    now = datetime.now(UTC)
    trust.store().install(world.trust_envelope(2, keys=[*world.body()["keys"], *rows]), now)
    market.do(made, "file", market.officer, market.later, number="1")
    assert not made.sent
    assert 'id="send-form"' in text(client_of(market.buyer_person).get(f"/products/agreements/{made.pk}/"))
    with pytest.raises(Refused, match=r"^运营机构的这把公钥还没有列入信任名单"):
        agreements.send(made, actor=market.maker)
    assert not FeedItem.objects.filter(kind="contract").exists()
    trust.store().install(world.trust_envelope(3, keys=[*world.body()["keys"], *market.key_rows()]), now)
    agreements.send(made, actor=market.customer)
    made.refresh_from_db()
    assert made.sent
    trust.store.cache_clear()


def test_signatures_kept_before_operators_signed_are_the_buyers_or_void(trusted: Market) -> None:
    from django.apps import apps

    market = trusted
    product = market.published()
    sent, unsent = market.agreement(product), market.agreement(product)
    for made, number in ((sent, 7), (unsent, None)):
        market.confirm(made)
        market.sign(made, "buyer")
        old = {kind: made.signatures["buyer"][kind] for kind in ("contract", "credential")}
        Agreement.objects.filter(pk=made.pk).update(signatures=old, sent=number)
    module = importlib.import_module("gongshu.office.products.migrations.0004_both_sides")
    module.by_side(apps, None)
    sent.refresh_from_db()
    unsent.refresh_from_db()
    assert sent.signatures["buyer"]["contract"]["key"] == market.key.public().id
    assert sent.signed["contract"]["buyer"] == market.buyer.pk
    assert (unsent.signatures, unsent.signed, unsent.signed_at) == ({}, {}, None)
    page = text(client_of(market.buyer_person).get(f"/products/agreements/{sent.pk}/"))
    assert 'id="signed-operator" data-signed="no"' in page


def test_the_operator_signs_on_its_own_page_and_both_are_shown(trusted: Market) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    client = client_of(market.maker_person)
    page = text(client.get(f"/products/agreements/{made.pk}/"))
    assert 'id="sign-link"' in page and 'id="sign-now"' in page
    wanted = json.loads(client.get(f"/products/agreements/{made.pk}/to-sign").content)
    assert (wanted["role"], wanted["key"]) == ("operator", market.operator_key.public().id)
    assert "credential" not in wanted
    address = f"/products/agreements/{made.pk}/sign/"
    page = text(client.get(address))
    assert 'data-side="operator"' in page
    assert 'name="credential_signature"' not in page
    data = held(page, "sign-form") | {"contract_signature": market.signatures(made, "operator")["contract"]}
    page = text(client.post(address, data, follow=True))
    assert "还要使用单位签署" in page
    assert 'id="signed-operator" data-signed="yes"' in page
    assert 'id="signed-buyer" data-signed="no"' in page
    assert 'id="sign-now"' not in page
    assert "运营甲" in page and market.operator_key.public().id in page
    assert f'href="/why/{made.case_id}"' in page
    market.sign(made, "buyer")
    assert 'id="signed-buyer" data-signed="yes"' in text(client.get(f"/products/agreements/{made.pk}/"))
    assert client_of(market.officer_person).get(address).status_code == 403


def test_ending_an_agreement_stops_its_calls(trusted: Market) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="1")
    market.do(made, "end", market.customer, market.later, reasons="不再使用")
    stop = FeedItem.objects.get(kind="stop").envelope["body"]
    assert (stop["scope"], stop["target"]) == ("contract", made.pk)
    assert effects.of_targets(market.zone, [made.pk])[0].seconds == ()
    at = stamp(FeedItem.objects.get(kind="stop").published + timedelta(seconds=2))
    wall = datetime.now(UTC)
    key = PrivateKey.generate("ed25519")
    effect = wire.sign(
        wire.make("effect", market.zone, 9, {"stop": stop["id"], "at": at}, wall), "gateway", key
    )
    InboxMessage.objects.create(source="g", number=9, kind="effect", envelope=effect.data(), received=wall)
    shown = effects.of_targets(market.zone, [made.pk])[0]
    assert [name for name, _ in shown.seconds] == ["网关"]
    assert 1 <= shown.seconds[0][1] <= 3
    assert shown.awaited == ("计算进程", "网关")  # 名单上的网关是另一把钥匙，它还没有答
    assert shown.slowest is None
    vague = {**effect.data(), "body": {"stop": stop["id"], "at": "2026-04-01T08:00:00+00:00"}}
    InboxMessage.objects.create(source="h", number=1, kind="effect", envelope=vague, received=wall)
    assert effects.of_targets(market.zone, [made.pk])[0] == shown  # 说不清时刻的回执不算


def test_an_ended_operator_begins_nothing_more_and_nothing_of_it_stays_open(trusted: Market) -> None:
    from gongshu.office.scenarios import drafts, grants, projects
    from gongshu.office.scenarios.models import Project

    market = trusted
    row = market.published()
    submitted, drafted = market.agreement(row), market.agreement(row)
    market.confirm(submitted)
    market.sign(submitted)
    market.do(submitted, "submit", market.maker, market.later)
    with pytest.raises(Refused, match="没有终止"):  # 作罢只跟着终止运营
        market.do(drafted, "lapse", market.officer, market.later, reasons="不办了")
    given = {"actor": market.officer, "now": market.later, "reason": "严重违约"}
    endings.end_operator(organisation=market.operator.pk, **given)
    for each in (submitted, drafted):
        each.refresh_from_db()
        assert each.case.state == "ended"
    with pytest.raises(Refused):
        market.do(submitted, "file", market.officer, market.later, number="1")
    assert not FeedItem.objects.filter(kind="contract").exists()
    new: dict[str, Any] = {"name": "新项目", "requests": [], "developers": [], "start": "", "until": ""}
    for begin in (
        lambda: drafts.begin_scenario(actor=market.maker, now=market.later, name="新场景"),
        lambda: projects.begin(actor=market.maker, now=market.later, **new),
        lambda: projects.reissue(Project.objects.get(), actor=market.maker, now=market.later),
        lambda: market.do(row, "revise", market.maker, market.later, reasons="改字段"),
    ):
        with pytest.raises(Refused, match="已经终止"):
            begin()
    assert grants.Grant.objects.get().state == "stopped"


# ---------------------------------------------------------------- trips


def at_the_gateway(
    market: Market, world: World, kind: str, body: dict[str, Any], role: str, number: int
) -> None:
    """A message of the data domain signed by its true key, through the inbox."""
    now = datetime.now(UTC)
    made = wire.sign(wire.make(kind, market.zone, number, body, now), role, world.keys[role])
    assert inbox.accept(made, now)
    inbox.handle_waiting(now)
    assert not InboxMessage.objects.exclude(problem="").exists()


def test_a_trip_is_shown_and_lifted_with_two_keys(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The gateway's own book, the office's services and pages, and the airlock's true signature."""
    world = market.trust(monkeypatch, tmp_path / "trust")
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="1")
    book = Book(tmp_path / "book.json")

    def poll() -> None:
        now = datetime.now(UTC)
        for row in FeedItem.objects.filter(seq__gt=book.get(market.zone)).order_by("seq"):
            item = wire.parse(row.envelope)
            if item.kind in ("contract", "credential", "lift"):
                book.take(admit(item, trust.current(now), now=now, mark="test", direction="feed"))
            book.put(market.zone, row.seq)

    poll()
    assert made.pk in book.contracts
    at = stamp(datetime.now(UTC))
    book.change("trips", made.pk, {"id": "trip-1", "zone": market.zone, "at": at, "said": True})
    told = {"stop": "trip-1", "at": at, "contract": made.pk, "code": "tripped", "tries": 5, "seconds": 600}
    at_the_gateway(market, world, "effect", told, "gateway", 1)
    address = f"/products/agreements/{made.pk}/"
    for person in (market.maker_person, market.buyer_person, market.officer_person):
        page = text(client_of(person).get(address))
        assert "600 秒内第 5 次越权" in page and "网关不再回答" in page
        assert ('id="lift-form"' in page) is (person is market.maker_person)
        assert (
            "协议已熔断" in text(client_of(person).get(reverse("cases:notices")))
            or person is market.officer_person
        )
    reason = text(client_of(market.buyer_person).get("/why/trip-1"))
    assert "越权" in reason and "项目选择" in reason and "请求解除" in reason
    assert Client().get("/why/trip-1").status_code == 404
    for wrong in (market.customer, market.officer, market.checker):
        with pytest.raises(Refused, match="运营机构"):
            lifts.ask(Trip.objects.get(), actor=wrong, now=market.later, reason="放行")
    operator = client_of(market.maker_person)
    assert operator.post(f"{address}lift/", {"reason": " "}).status_code == 400
    answer = operator.post(f"{address}lift/", {"reason": "程序写错了用途，已经改正"}, follow=True)
    assert "已请求解除熔断" in text(answer) and "待闸口确认" in text(answer)
    row = Lift.objects.get()
    asked = FeedItem.objects.get(kind="lift_asked").envelope["body"]
    assert {key: asked[key] for key in row.body} == row.body
    assert (asked["reason"], asked["tries"], asked["at"]) == ("程序写错了用途，已经改正", 5, at)
    with pytest.raises(Refused, match="已经请求解除"):
        lifts.ask(row.trip, actor=market.maker, now=market.later, reason="再请求一次")

    said = {"id": f"{row.pk}.1", "subject": row.pk, "digest": row.digest, "organisation": market.provider.pk}
    said |= {"person": market.checker_person.pk, "answer": "confirmed"}
    at_the_gateway(market, world, "confirmation", said, "airlock", 1)
    assert not FeedItem.objects.filter(kind="lift").exists()  # 还有提供单位没有答复：没有闸口的签名
    signature = wire.consent("lift", market.zone, row.body, "airlock", world.keys["airlock"]).data()
    at_the_gateway(market, world, "confirmation", {**said, "signature": signature}, "airlock", 2)
    poll()
    assert made.pk not in book.trips and row.pk in book.effects
    page = text(operator.get(address))
    assert "提供单位已同意" in page and "恢复回答" not in page.split('id="trips"')[1].split("</section>")[0]
    done = {"stop": row.pk, "at": book.effects[row.pk]["at"]}
    at_the_gateway(market, world, "effect", done, "gateway", 2)
    page = text(operator.get(address))
    assert 'data-state="lifted"' in page and "网关不再回答" not in page
    assert Trip.objects.get().lifted is not None
    assert OutboxEntry.objects.filter(fields__act="agreement.tripped").count() == 1
    assert OutboxEntry.objects.filter(fields__act="agreement.lifted").count() == 1


def test_a_lift_without_the_airlocks_signature_does_not_leave_and_a_refusal_may_be_asked_again(
    trusted: Market,
) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="1")
    trip = Trip.objects.create(id="trip-1", zone_id=market.zone, agreement=made, at=NOW)
    row = lifts.ask(trip, actor=market.maker, now=market.later, reason="已改正")
    said = {"id": "c-1", "subject": row.pk, "digest": row.digest, "organisation": market.provider.pk}
    said |= {"person": "p-1", "answer": "confirmed"}
    forged = wire.consent("lift", market.zone, row.body, "airlock", PrivateKey.generate("ed25519")).data()
    with pytest.raises(WireError, match="签名不成立"):
        market.arrive("confirmation", {**said, "signature": forged}, 30)
    assert not FeedItem.objects.filter(kind="lift").exists()
    market.arrive("confirmation", {**said, "answer": "refused"}, 31)
    row.refresh_from_db()
    assert row.state == "refused"
    assert 'id="lift-form"' in text(client_of(market.maker_person).get(f"/products/agreements/{made.pk}/"))
    lifts.ask(trip, actor=market.maker, now=market.later, reason="又核对了一遍")
    market.do(made, "end", market.customer, market.later, reasons="不再使用")
    assert "lift-form" not in text(client_of(market.maker_person).get(f"/products/agreements/{made.pk}/"))


def test_an_operator_at_home_elsewhere_is_ended_where_it_operates(market: Market) -> None:
    """By its people's role, its projects or its products, wherever it is registered."""
    home = people.organisation("省数据集团", zone="hubei", kind="enterprise")
    people.person(home, "operator", zone="huangshi", name="省运营甲")
    assert (home.pk, home.name) in endings.running("huangshi")
    given = {"actor": market.officer, "now": NOW, "reason": "协议解除"}
    with pytest.raises(Refused, match="运营机构"):
        endings.end_operator(organisation=market.provider.pk, **given)
    endings.end_operator(organisation=home.pk, **given)
    assert home.pk not in dict(endings.running("huangshi"))


@pytest.mark.row("H20", "H23")
def test_ending_an_operator_stops_everything_built_on_it_in_one_transaction(trusted: Market) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made)
    market.do(made, "submit", market.maker, market.later)
    market.do(made, "file", market.officer, market.later, number="1")
    for wrong, words in ((market.maker, "实施机构"), (market.customer, "实施机构")):
        with pytest.raises(Refused, match=words):
            endings.end_operator(
                actor=wrong, now=market.later, organisation=market.operator.pk, reason="违约"
            )
    with pytest.raises(Refused, match="理由"):
        endings.end_operator(
            actor=market.officer, now=market.later, organisation=market.operator.pk, reason=" "
        )
    assert not FeedItem.objects.filter(kind="stop").exists()
    client = client_of(market.officer_person)
    data = held(text(client.get("/products/endings/")), "ending-form")
    page = text(
        client.post(
            "/products/endings/",
            data | {"reason": "严重违约", "organisation": market.operator.pk},
            follow=True,
        )
    )
    assert "还在等 网关、计算进程 的回执" in page
    stopped = {
        (each.envelope["body"]["scope"], each.envelope["body"]["target"])
        for each in FeedItem.objects.filter(kind="stop")
    }
    assert {("product", made.product_id), ("contract", made.pk)} <= stopped
    assert "project" in {scope for scope, _ in stopped}
    made.refresh_from_db()
    assert made.case.state == "ended"
    row = Ending.objects.get()
    wall = datetime.now(UTC)
    for number, (key, role) in enumerate(sorted(effects.receivers(market.zone).items()), 50):
        for place, item in enumerate(row.items):
            at = stamp(
                FeedItem.objects.get(kind="stop", subject=item["stop"]).published
                + timedelta(seconds=place + 1)
            )
            said = wire.make(
                "effect", market.zone, number * 10 + place, {"stop": item["stop"], "at": at}, wall
            )
            body = {
                **said.data(),
                "signatures": [{"role": role, "key": key, "alg": "sm2", "sig": "", "over": "body"}],
            }
            InboxMessage.objects.create(
                source=key, number=number * 10 + place, kind="effect", envelope=body, received=wall
            )
    shown = text(client.get(f"/products/endings/{row.pk}/?part=items"))
    assert f"全部生效，最慢 {float(len(row.items))} 秒" in shown
    assert "hx-get" not in shown
    with pytest.raises(Refused, match="已经终止"):
        market.begin(name="另一个产品")
    with pytest.raises(Refused, match="已经终止"):
        endings.end_operator(
            actor=market.officer, now=market.later, organisation=market.operator.pk, reason="再来"
        )
    assert client_of(market.maker_person).get(f"/products/endings/{row.pk}/").status_code == 200
    assert client_of(market.buyer_person).get(f"/products/endings/{row.pk}/").status_code == 404


def test_the_whole_agreement_is_filled_in_the_browser(market: Market) -> None:
    row = market.published()
    market.hand_in_key()
    client = client_of(market.maker_person)
    page = text(client.get(f"/products/{row.pk}/agreements/new/"))
    answer = client.post(
        f"/products/{row.pk}/agreements/new/", held(page, "new-agreement") | {"buyer": market.buyer.pk}
    )
    made = Agreement.objects.get()
    assert answer.url == f"/products/agreements/{made.pk}/edit/"
    data = held(text(client.get(answer.url)), "agreement-form") | {
        "delivery": "api", "pricing": "free", "scene": "监测", "conditions": "本单位", "term-from": "2026-04-01",
        "term-until": "2026-12-31", "security": "三级", "breach": "停止", "touches": "false", "purposes": "transport",
        "fields": "\n".join(FIELDS), "calls_per_day": "100", "key": market.key.public().id,
    }  # fmt: skip
    page = client.post(answer.url, data, follow=True)
    assert "七项已写全" in text(page)
    buyer = client_of(market.buyer_person)
    act = f"/cases/{made.case_id}/acts/agree/"
    given = held(text(buyer.get(act)), "act-form") | {"agreement": pdf("协议.pdf"), "signed_on": "2026-03-02"}
    assert buyer.post(act, given).status_code == 302
    assert Agreement.objects.get().case.state == "agreed"
    stranger = people.person(people.organisation("路人"), "buyer")
    assert client_of(stranger).get(f"/products/agreements/{made.pk}/").status_code == 404


# ---------------------------------------------------------------- keys, ceilings, stops


def test_a_key_is_handed_in_once_and_a_private_one_never(market: Market) -> None:
    client = client_of(market.buyer_person)
    pem = market.key.public().to_pem().decode()
    for _ in range(2):
        assert client.post("/products/keys/", {"key": pem, "note": "调度系统"}).status_code == 302
    assert BuyerKey.objects.get().key == market.key.public().id
    operator = client_of(market.maker_person)
    assert operator.post("/products/keys/", {"key": market.operator_key.public().encode()}).status_code == 302
    assert BuyerKey.objects.get(organisation=market.operator).key == market.operator_key.public().id
    secret = client.post("/products/keys/", {"key": market.key.to_pem().decode()})
    assert secret.status_code == 400
    assert "这是私钥" in text(secret)
    assert "PRIVATE KEY" not in text(secret).replace("PUBLIC KEY", "")
    assert client.post("/products/keys/", {"key": "abc"}).status_code == 400


def test_a_ceiling_goes_to_the_airlock_and_counts_once_every_provider_confirmed(market: Market) -> None:
    row = market.released()
    key = market.hand_in_key()
    client = client_of(market.maker_person)
    address = f"/products/{row.pk}/ceiling/"
    data = held(text(client.get(address)), "ceiling-form") | {
        "buyers": [f"{market.buyer.pk}|{key.key}"], "purposes": "transport", "calls_per_day": "1000",
    }  # fmt: skip
    assert client.post(address, data).status_code == 302
    made = Ceiling.objects.get()
    body = FeedItem.objects.get(kind="ceiling").envelope["body"]
    assert compile_ceiling(body).buyers == {market.buyer.pk: key.key}
    answer = {
        "id": "x", "subject": made.pk, "digest": made.digest, "organisation": market.provider.pk, "person": "p",
        "answer": "confirmed",
    }  # fmt: skip
    market.arrive("confirmation", answer | {"digest": "sha256:" + "0" * 64}, 2)
    made.refresh_from_db()
    assert made.state == "asked"
    market.arrive("confirmation", answer | {"organisation": "o-else"}, 3)
    made.refresh_from_db()
    assert made.state == "asked"
    market.arrive("confirmation", answer, 4)
    made.refresh_from_db()
    assert made.state == "confirmed"
    assert made.digest == body_digest("ceiling", market.zone, body)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"calls_per_day": "0"}, "每日最多调用次数"),
        ({"calls_per_day": "很多"}, "每日最多调用次数"),
        ({"fields": ["身份证号"]}, "产品没有的字段"),
        ({"purposes": []}, "用途"),
    ],
)
def test_a_malformed_ceiling_is_refused_in_words(market: Market, more: dict[str, Any], words: str) -> None:
    row, key = market.released(), market.hand_in_key()
    with pytest.raises(Refused, match=words):
        supply.ask_ceiling(
            row, actor=market.maker, now=NOW, buyers=[(market.buyer.pk, key.key)], terms=TERMS | more
        )
    assert not FeedItem.objects.filter(kind="ceiling").exists()


@pytest.mark.row("L13")
def test_a_product_that_touches_persons_gets_no_ceiling_without_consent(market: Market) -> None:
    row, key = market.released(touches=True), market.hand_in_key()
    asked = {"actor": market.maker, "now": NOW, "buyers": [(market.buyer.pk, key.key)]}
    for more, words in (
        ({}, "同意方式"),
        ({"consent": "standing"}, "主体数"),
        ({"consent": "never"}, "同意方式"),
    ):
        with pytest.raises(Refused, match=words):
            supply.ask_ceiling(row, terms=TERMS | more, **asked)
    made = supply.ask_ceiling(row, terms=TERMS | {"consent": "each_call", "subjects_per_day": "50"}, **asked)
    assert (made.body["consent"], made.body["subjects_per_day"]) == ("each_call", 50)
    plain = supply.ask_ceiling(market.begin(), terms=TERMS | {"consent": "standing"}, **asked)
    assert plain.body["consent"] == "none"


def test_one_key_is_enough_to_stop(market: Market) -> None:
    row = market.released()
    market.do(row, "submit", market.maker)
    with pytest.raises(Refused):
        supply.stop(row, actor=market.customer)
    client = client_of(market.checker_person)
    assert client.post(f"/products/{row.pk}/stop/", {"reason": "发现风险"}).status_code == 302
    body = FeedItem.objects.get(kind="stop").envelope["body"]
    assert (body["scope"], body["target"]) == ("product", row.pk)


def test_released_bytes_are_read_by_the_parties_only(trusted: Market) -> None:
    market = trusted
    row = market.published()
    address = f"/products/releases/{row.releases.get().pk}/file"
    assert b"".join(client_of(market.maker_person).get(address).streaming_content) == INDEX
    buyer = client_of(market.buyer_person)
    assert buyer.get(address).status_code == 404
    assert client_of(people.person(people.organisation("路人"), "developer")).get(address).status_code == 404


def test_the_bodies_follow_from_the_agreement_alone() -> None:
    typed = {"delivery": "api", "term": {"from": "2026-04-01", "until": "2026-12-31"}}
    split = [{"role": "operator", "organisation": "op-1", "parts": "2"}]
    terms = {**TERMS, "purposes": ["b", "a", "a"], "fields": ["x"], "calls_per_day": "10"}
    terms |= {"key": "ab", "operator_key": "cd"}
    body = content.contract_body("ag-1", "pd-1", "op-1", "o-1", "huangshi", typed, {**terms, "split": split})
    assert (body["v"], body["purposes"], body["quota"]["calls_per_day"]) == (2, ["a", "b"], 10)
    assert (body["operator_key"], body["key"]) == ("cd", "ab")
    assert body["rate"] == {"per_second": 10, "burst": 20}
    assert content.credential_body("ag-1", "o-1") == {"id": "cr-1", "contract": "ag-1", "buyer": "o-1"}


# ---------------------------------------------------------------- the terms of version 2


def priced(market: Market, row: Any, **more: Any) -> Any:
    """An agreement whose calls cost 30 fen, from the 10,001st 20 fen."""
    tariff = [
        {"unit": "hit", "up_to": "10000", "fen": "30", "per": "1", "partial": ""},
        {"unit": "hit", "up_to": "", "fen": "20", "per": "1", "partial": ""},
        {"unit": "month", "up_to": "", "fen": "500000", "per": "", "partial": "by_day"},
    ]
    return market.agreement(row, terms={"tariff": tariff, **more}, pricing="per_call", price_note="见价目")


@pytest.mark.row("L12", "M06")
def test_rows_of_one_unit_become_the_bands_of_a_line(market: Market) -> None:
    made = priced(market, market.published(), discounts=[{"purposes": "transport", "pay": "0.80"}])
    body = agreements.bodies(made)["contract"]
    assert body["tariff"]["lines"] == [
        {"id": "hit", "unit": "hit", "bands": [{"up_to": 10000, "fen": 30, "per": 1}, {"up_to": None, "fen": 20, "per": 1}]},
        {"id": "month", "unit": "month", "fen": 500000, "partial": "by_day"},
    ]  # fmt: skip
    assert body["tariff"]["discounts"] == [{"id": "discount-1", "purposes": ["transport"], "pay": "0.80"}]
    assert compile_contract(market.zone, body).shares[0].organisation == market.operator.pk


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ({"calls_per_day": "一百"}, "calls_per_day", "整数"),
        ({"calls_per_month": "5"}, "calls_per_day", "额度前后不合"),
        ({"rate_burst": "1"}, "rate_burst", "突发"),
        ({"over_tries": ""}, "over_tries", "熔断"),
        ({"public_benefit": ["else"]}, "public_benefit", "公益"),
        ({"discounts": [{"purposes": "else", "pay": "0.5"}]}, "discounts", "优惠"),
        ({"split": [{"role": "developer", "organisation": "x", "parts": "1"}]}, "split", "运营机构"),
        ({"tariff": [{"unit": "call", "up_to": "", "fen": "1.5", "per": "1", "partial": ""}]}, "tariff", "单价"),
    ],
)  # fmt: skip
def test_every_fault_stands_beside_its_field_and_nothing_typed_is_lost(
    market: Market, more: dict[str, Any], place: str, words: str
) -> None:
    made = market.agreement(market.published(), terms=more)
    found = agreements.problems(made, NOW.date())
    assert any(each.field == place and words in each.sentence for each in found), found
    assert {key: made.terms[key] for key in more} == more
    with pytest.raises(Refused):
        market.confirm(made)


@pytest.mark.row("L13")
def test_calls_about_persons_need_a_way_to_consent(market: Market) -> None:
    made = market.agreement(market.published(), terms={"consent": "none"}, touches=True)
    found = {each.field: each for each in agreements.problems(made, NOW.date())}
    assert "取得同意" in found["consent"].sentence
    assert found["consent"].basis


def test_an_agreement_called_free_charges_nothing(market: Market) -> None:
    row = market.published()
    made = priced(market, row)
    agreements.save(
        made, actor=market.maker, now=NOW, typed={**made.typed, "pricing": "free"}, terms=made.terms,
        version=made.version,
    )  # fmt: skip
    made.refresh_from_db()
    assert any("免费" in each.sentence for each in agreements.problems(made, NOW.date()))


def test_the_page_tells_what_is_wrong_before_anything_is_saved(market: Market) -> None:
    made = market.agreement(market.published())
    client = client_of(market.maker_person)
    page = text(client.get(f"/products/agreements/{made.pk}/edit/"))
    typed = held(page, "agreement-form")
    assert (typed["tariff-0-unit"], typed["split-0-organisation"]) == ("call", market.operator.pk)
    address = f"/products/agreements/{made.pk}/look/"
    good = text(client.post(address, typed))
    assert "已写全" in good
    assert "每次回答" in good
    assert market.operator.name in good
    bad = text(client.post(address, typed | {"rate_burst": "很多", "calls_per_day": ""}))
    assert "突发次数" in bad
    assert "每日调用次数" in bad
    assert Agreement.objects.get(pk=made.pk).terms["rate_burst"] == "20"
    assert client_of(market.buyer_person).post(address, typed).status_code == 403


def test_what_was_signed_stays_though_the_program_would_say_it_otherwise(trusted: Market) -> None:
    market = trusted
    made = market.agreement(market.published())
    market.confirm(made)
    market.sign(made)
    made.refresh_from_db()
    signed = dict(made.signed["contract"])
    made.terms = {**made.terms, "calls_per_day": "999"}
    assert agreements.bodies(made)["contract"] == signed
