"""The public portal: every page without an account, nothing unpublished, nothing finer than a day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client

from gongshu.evidence.checkpoint import read
from gongshu.evidence.log import Log
from gongshu.office.accounts.models import RoleAssignment
from gongshu.office.accounts.permissions import Refused
from gongshu.office.authorisation.queries import Filed
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case
from gongshu.office.link import clock, feed
from gongshu.office.portal import approval, disclosure, laws, logfiles, sources
from support import people
from support.people import NOW
from support.products import FIELDS, Market

pytestmark = pytest.mark.django_db

PAGES = ("", "catalogue/", "products/", "runs/", "disclosure/", "laws/", "log/")


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def visitor() -> Client:
    return Client()


def visitor_of(zone: str) -> Client:
    client = Client()
    client.cookies["gongshu_zone"] = zone
    return client


def text(answer: Any) -> str:
    return answer.content.decode()


def at(monkeypatch: Any, moment: datetime) -> None:
    """Business time for the pages."""
    monkeypatch.setattr(clock, "business_now", lambda: moment)


def task(market: Market, identifier: str, kind: str = "run", **more: Any) -> None:
    body = {"id": identifier, "kind": kind, "grant": market.grant, "business_date": "2026-03-09", **more}
    feed.publish("task", body, zone=market.zone, now=datetime.now(UTC))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_everybody_in_an_empty_installation(visitor: Client, page: str) -> None:
    answer = visitor.get(f"/portal/{page}")
    assert answer.status_code == 200
    assert "登录" in text(answer)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("zone", ["gansu", "anhui", "cn"])
def test_every_page_opens_in_every_zone(visitor: Client, page: str, zone: str) -> None:
    visitor.cookies["gongshu_zone"] = zone
    assert visitor.get(f"/portal/{page}").status_code == 200


def test_the_site_begins_at_the_portal(visitor: Client) -> None:
    assert visitor.get("/").url == "/portal/"


@pytest.mark.row("L17", "L18")
def test_only_reviewed_and_registered_products_are_listed(
    market: Market, visitor: Client, monkeypatch: Any
) -> None:
    hidden = market.passed(name="还没登记的指数")
    assert hidden.name not in text(visitor.get("/portal/products/"))
    assert visitor.get(f"/portal/products/{hidden.pk}/").status_code == 404


@pytest.mark.row("L17", "P02")
def test_a_published_product_is_shown_with_its_price_and_registration(
    market: Market, visitor: Client, monkeypatch: Any
) -> None:
    row = market.published()
    at(monkeypatch, market.later)
    page = text(visitor.get("/portal/products/"))
    assert row.name in page
    assert "免费提供" in page
    page = text(visitor.get(f"/portal/products/{row.pk}/"))
    assert "、".join(FIELDS) in page
    assert "ZX-" in page
    assert "下载" not in page
    assert row.name in text(visitor.get("/portal/"))
    at(monkeypatch, market.later + timedelta(days=4000))
    assert visitor.get(f"/portal/products/{row.pk}/").status_code == 404


@pytest.mark.parametrize("named", ["k-1", "k-3"], ids=["the run", "its request"])
def test_runs_show_project_purpose_datasets_and_a_day(market: Market, visitor: Client, named: str) -> None:
    task(market, "k-1")
    task(market, "k-2")
    task(market, "k-3", "release", from_task="k-1")
    market.arrive("outcome", {"task": "k-2", "code": "refused_lens"}, 1)
    body = market.release_body("pd-none", "rel-9") | {"task": named}
    market.arrive("release", body, 2)
    rows = sources.runs(market.zone)
    assert [(each.id, each.released) for each in rows] == [("k-2", False), ("k-1", True)]
    assert rows[0].purpose == "公交客流指数"
    assert rows[0].datasets
    page = text(visitor.get("/portal/runs/"))
    assert "2026-03-09" in page
    assert "公交客流指数" in page
    assert "refused" not in page
    data = json.loads(visitor.get("/portal/runs/", headers={"accept": "application/json"}).content)
    assert data["total"] == 2
    assert set(data["rows"][0]) == {"id", "day", "project", "purpose", "datasets", "released"}
    assert len(data["rows"][0]["day"]) == len("2026-03-09")


def test_runs_of_another_zone_are_not_shown_and_pages_turn(market: Market, visitor: Client) -> None:
    for number in range(30):
        task(market, f"k-{number}")
    first, second = (text(visitor.get(f"/portal/runs/?page={page}")) for page in (1, 2))
    assert first.count("<tr><td") == 25
    assert second.count("<tr><td") == 5
    for strange in ("0", "-1", "x", "9999999", "９"):
        assert visitor.get("/portal/runs/", {"page": strange}).status_code == 200
    visitor.cookies["gongshu_zone"] = "gansu"
    assert "公交客流指数" not in text(visitor.get("/portal/runs/"))


def test_the_number_of_questions_does_not_grow_with_the_runs(
    market: Market, visitor: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(25):
        task(market, f"k-{number}")
    with django_assert_max_num_queries(14):
        visitor.get("/portal/runs/")


@pytest.mark.row("P01", "P02")
def test_every_item_of_the_pack_is_disclosed_or_says_why_not(market: Market, visitor: Client) -> None:
    items, basis, missing = disclosure.items(market.zone, NOW.date())
    assert not missing
    assert basis
    by_id = {each.id: each for each in items}
    assert by_id["operator"].lines == (market.operator.name,)
    assert by_id["body"].lines == (market.authority.name,)
    assert by_id["resources"].lines
    for each in items:
        assert each.lines or each.note
    page = text(visitor.get("/portal/disclosure/"))
    for each in items:
        assert each.title in page


def filed(zone: str, **changes: Any) -> Any:
    """A filed document as `sources.filed` gives it."""
    given = {
        "id": "doc-1",
        "kind": "operation_agreement",
        "kind_title": "授权运营协议",
        "name": "运营协议",
        "number": "协-1",
        "dated": NOW.date(),
        "term_from": None,
        "term_until": None,
        "parties": ("江城市数据局", "江城数据运营有限公司"),
        "digest": "sha256:" + "0" * 64,
        "zone_id": zone,
        "case_id": "c-1",
    }
    return Filed(**{**given, **changes})


@pytest.mark.row("P01", "P02")
def test_object_and_scope_come_from_what_is_filed_and_granted(market: Market, monkeypatch: Any) -> None:
    held = {
        "operation_agreement": [filed(market.zone)],
        "catalogue": [filed(market.zone, kind="catalogue", kind_title="目录", name="授权目录")],
    }
    monkeypatch.setattr(sources, "filed", lambda _zone, kind: held.get(kind, []))
    items, _, _ = disclosure.items(market.zone, NOW.date())
    by_id = {each.id: each.lines for each in items}
    assert by_id["object"] == ("江城市数据局、江城数据运营有限公司（《运营协议》）",)
    assert "授权目录" in by_id["scope"][0]
    (resource, _, _) = sources.granted_resources(market.zone, NOW.date())[0]
    assert by_id["scope"][1] == f"现行授权中的数据资源：{resource}"


@pytest.mark.row("P02")
def test_what_is_refused_unconfirmed_stopped_or_over_is_not_published_as_granted(market: Market) -> None:
    from gongshu.office.scenarios.models import Grant

    assert len(sources.granted_resources(market.zone, NOW.date())) == 1
    for state in ("awaiting", "refused", "stopped"):
        Grant.objects.update(state=state)
        assert sources.granted_resources(market.zone, NOW.date()) == [], state
    Grant.objects.update(state="live")
    until = date.fromisoformat(Grant.objects.get().body["until"])
    assert sources.granted_resources(market.zone, until)
    assert sources.granted_resources(market.zone, until + timedelta(days=1)) == []


@pytest.mark.row("P02")
def test_where_the_authority_is_the_implementing_body_it_is_named(market: Market) -> None:
    RoleAssignment.objects.filter(role="implementing_body").update(revoked_at=NOW)
    named = {each.id: each.lines for each in disclosure.items("huangshi", NOW.date())[0]}
    assert named["body"] == tuple(sources.organisations("huangshi", "data_authority"))
    assert named["body"]
    assert not sources.organisations("huangshi", "implementing_body")


@pytest.mark.row("P02")
def test_in_gansu_usage_waits_for_approval() -> None:
    market = Market("gansu")
    task(market, "k-1")
    items, _, _ = disclosure.items("gansu", NOW.date())
    usage = next(each for each in items if each.id == "usage")
    assert not usage.lines
    assert "审核同意" in usage.note


@pytest.mark.row("P02")
def test_in_gansu_both_bodies_agree_before_the_use_of_data_is_disclosed(monkeypatch: Any) -> None:
    market = Market("gansu")
    monkeypatch.setattr(clock, "business_now", lambda: NOW)
    operator = people.log_in(Client(), market.maker_person)
    assert 'id="disclose-form"' in text(operator.get("/portal/disclosure/"))
    buyer = people.log_in(Client(), market.buyer_person)
    assert 'id="disclose-form"' not in text(buyer.get("/portal/disclosure/"))
    assert buyer.post("/portal/disclosure/new/").status_code == 403
    page = operator.post("/portal/disclosure/new/", follow=True)
    assert 'id="act-form"' in text(page)
    case = Case.objects.get(procedure=approval.PROCEDURE)
    said = {"period": "2026年上半年", "usage": "用于公交线网优化，运行十二次，出域两份。"}

    body = people.acting(people.organisation("省实施机构", zone="gansu"), "implementing_body", zone="gansu")
    authority = people.acting(people.organisation("省数据局", zone="gansu"), "data_authority", zone="gansu")
    cases.perform(case, "submit", market.maker, said | {"usage": "写错了"}, NOW)
    cases.perform(case, "return", authority, {"reasons": "次数不对"}, NOW)
    cases.perform(case, "submit", market.maker, said, NOW)
    with pytest.raises(Refused):  # 实施机构不能先同意
        cases.perform(case, "body_agree", body, {}, NOW)
    cases.perform(case, "authority_agree", authority, {}, NOW)
    assert not approval.approved("gansu")
    cases.perform(case, "body_agree", body, {}, NOW)
    assert approval.approved("gansu") == [f"{market.operator.name}（2026年上半年）：{said['usage']}"]
    usage = next(each for each in disclosure.items("gansu", NOW.date())[0] if each.id == "usage")
    assert usage.lines == tuple(approval.approved("gansu")) and not usage.note
    with pytest.raises(Refused):  # 别的专区没有这项审批
        approval.begin(actor=Market().maker, now=NOW)


def test_texts_are_named_with_their_standing(visitor: Client) -> None:
    found = {each.standing.source.key: each for each in laws.texts("huangshi", NOW.date())}
    assert found["huangshi-plan"].words == "征求意见稿"
    assert found["national-registration"].words == "施行"
    visitor.cookies["gongshu_zone"] = "gansu"
    page = text(visitor.get("/portal/laws/"))
    assert "正式文本已发布、待核" in page
    assert "甘数发〔2025〕12号" in page
    ours = {each.standing.source.key: each.borrowed for each in laws.texts("huangshi", NOW.date())}
    assert not ours["huangshi-plan"] and not ours["national-registration"] and not ours["hubei-operation"]
    assert ours["gansu-registration"] == "甘肃省"
    assert "对本地没有约束力" in text(visitor_of("huangshi").get("/portal/laws/"))
    early = {each.standing.source.key: each for each in laws.texts("huangshi", NOW.date().replace(year=2024))}
    assert early["national-registration"].words == "尚未施行"


# ---------------------------------------------------------------- the log


@pytest.fixture
def log(tmp_path: Path, monkeypatch: Any) -> Path:
    from gongshu.crypto.sign import PrivateKey
    from gongshu.evidence import entry

    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    keys = {"log": PrivateKey.generate("ed25519"), "log-sm2": PrivateKey.generate("sm2")}
    made = Log(tmp_path / "log", "gongshu/huangshi", keys)
    now = datetime.now(UTC)
    made.append(
        [
            entry.make("office", n, now, "huangshi", "p-1", f"s-{n}", "registrar", "a.b", "", (), {})
            for n in range(1, 4)
        ],
        now,
    )
    made.close()
    return tmp_path / "log"


def test_the_log_is_fetched_as_it_lies(log: Path, visitor: Client) -> None:
    page = text(visitor.get("/portal/log/"))
    head = logfiles.head()
    assert head is not None
    assert head.size == 3
    assert head.sha256 in page
    for name in ("checkpoint", "keys", "tile/entries/000.p/3", "tile/0/000.p/3"):
        answer = visitor.get(f"/portal/log/{name}")
        assert answer.status_code == 200, name
        assert b"".join(answer.streaming_content) == (log / name).read_bytes()
    assert read((log / "checkpoint").read_bytes())[0].size == head.size


@pytest.mark.parametrize(
    "name",
    [
        "lock",
        "sources",
        "pending-0",
        "new/x",
        "../keys/office.pem",
        "..%2fkeys",
        "tile/../lock",
        "tile/0/abc",
        "/etc/passwd",
    ],
)
def test_nothing_else_of_the_home_is_served(log: Path, visitor: Client, name: str) -> None:
    assert visitor.get(f"/portal/log/{name}").status_code == 404
    assert logfiles.file(name) is None


def test_a_missing_app_leaves_the_portal_standing(visitor: Client, monkeypatch: Any) -> None:
    real = apps.is_installed
    gone = {f"gongshu.office.{each}" for each in ("catalogue", "scenarios", "products", "authorisation")}
    monkeypatch.setattr(apps, "is_installed", lambda name: name not in gone and real(name))
    for page in PAGES:
        assert visitor.get(f"/portal/{page}").status_code == 200


def test_publicity_is_on_the_front_page(market: Market, visitor: Client) -> None:
    made = market.office.in_publicity()
    assert made.name in text(visitor.get("/portal/"))


def test_only_published_resources_are_found_and_shown_without_data(visitor: Client) -> None:
    from gongshu.office.catalogue import services
    from gongshu.office.catalogue.models import Resource

    maker = people.acting(people.organisation("市公交集团有限公司"), "provider_officer")
    typed = {"name": "公交刷卡记录", "summary": "刷卡流水", "items": [{"item_name": "线路", "grade": "L2"}]}
    row = services.begin(actor=maker, now=NOW, typed=typed)
    assert row.name not in text(visitor.get("/portal/catalogue/", {"q": "刷卡"}))
    assert visitor.get(f"/portal/catalogue/{row.pk}/").status_code == 404
    facts = {
        "table": "trips",
        "columns": {"line": {"type": "VARCHAR", "grade": "L2"}},
        "rows": 7,
        "subject": None,
    }
    Resource.objects.filter(pk=row.pk).update(state="published", facts=facts | {"snapshot": "snap-1"})
    assert row.name in text(visitor.get("/portal/catalogue/", {"q": "刷卡"}))
    assert row.name not in text(visitor.get("/portal/catalogue/", {"q": "公积金"}))
    page = text(visitor.get(f"/portal/catalogue/{row.pk}/"))
    assert "刷卡流水" in page
    assert "L2 一般" in page
    assert "<td>文本</td>" in page
    assert "线路" in page


def test_a_missing_cosignature_of_the_newest_checkpoints_is_seen(
    log: Path, visitor: Client, tmp_path: Path
) -> None:
    from gongshu.crypto.sign import PrivateKey
    from gongshu.evidence import history, note
    from gongshu.evidence.files import Writer
    from gongshu.office.link.models import FeedItem

    now = datetime.now(UTC)
    keys = {"enclave": PrivateKey.generate("ed25519")}
    signed = (log / "checkpoint").read_bytes()
    published = read(signed)[1]
    line = note.cosign("enclave", published.text, list(keys.values()), int(now.timestamp()))
    history.store_cosignatures(
        Writer(log), signed, "".join(one.text() for one in line), [key.public() for key in keys.values()]
    )
    for number, (to, minutes) in enumerate(((2, 40), (3, 30)), 1):
        FeedItem.objects.create(
            zone="huangshi",
            seq=number,
            kind="checkpoint",
            envelope={"body": {"proof": {"to": to}}},
            published=now - timedelta(minutes=minutes),
        )
    told = {each.name: each for each in logfiles.witnesses(now)}
    assert (told["数据域"].size, told["数据域"].behind, told["数据域"].late) == (3, 0, False)
    assert (told["网关"].size, told["网关"].behind, told["网关"].late) == (0, 3, True)
    page = text(visitor.get("/portal/log/"))
    assert "没有联署过" in page and "到第 3 条" in page
    FeedItem.objects.create(
        zone="huangshi", seq=3, kind="checkpoint", envelope={"body": {"proof": {"to": 9}}}, published=now
    )
    assert not {each.name: each for each in logfiles.witnesses(now)}["数据域"].late
    assert {each.name: each for each in logfiles.witnesses(now + timedelta(hours=1))}["数据域"].late
