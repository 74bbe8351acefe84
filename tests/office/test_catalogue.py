"""The catalogue: kept as typed, judged by the law, made by one and checked by another, found in Chinese."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook
from selectolax.lexbor import LexborHTMLParser

from gongshu.law.inputs import Input
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import services as cases
from gongshu.office.catalogue import content, queries, services, sheets
from gongshu.office.catalogue.models import Resource
from gongshu.office.link import clock
from gongshu.ui.inputs import whole_number
from support import people

pytestmark = pytest.mark.django_db
HAND_IN = {"shared_source": False, "not_excluded": True, "graded": True}
ANSWERED = {"shared_source": "false", "not_excluded": "on", "graded": "on"}


def item(name: str = "公交刷卡记录", **changes: Any) -> dict[str, Any]:
    return {
        "category": "theme",
        "name": name,
        "code": "306001/000012",
        "provider": "公交集团",
        "provider_code": people.credit_code(7),
        "summary": "全市公交车上车刷卡和扫码的记录。",
        "format": ["csv"],
        "cycle": "daily",
        "items": [
            {"item_name": "卡号", "item_type": "C", "item_grade": "L4"},
            {"item_name": "线路", "item_type": "C", "item_grade": "L1"},
        ],
        "share_type": "none",
        "share_conditions": "含个人出行轨迹",
        "open": False,
        "in_scope": True,
        **changes,
    }


@pytest.fixture
def bus() -> Any:
    return people.organisation("公交集团")


@pytest.fixture
def maker(bus: Any) -> Any:
    return people.acting(bus, "provider_officer")


def now() -> datetime:
    return clock.business_now()


def publish(row: Resource, maker: Any, bus: Any) -> Resource:
    cases.perform(row.case, "hand_in", maker, HAND_IN, now())
    cases.perform(row.case, "check_pass", people.acting(bus, "provider_checker"), {}, now())
    authority = people.acting(None, "data_authority")
    cases.perform(row.case, "approve", authority, {}, now())
    cases.perform(row.case, "publish", authority, {}, now())
    row.refresh_from_db()
    return row


@pytest.mark.row("C01", "C04")
def test_an_item_is_made_checked_approved_and_published(maker: Any, bus: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    assert not content.problems(cases.lawbook.rules_of(row.case), row.typed)
    assert publish(row, maker, bus).state == "published"
    assert [one.id for one in queries.published("huangshi")] == [row.id]


def test_an_incomplete_item_is_kept_and_not_handed_in(maker: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed={"name": "半成品", "provider_code": "写错了"})
    row.refresh_from_db()
    assert row.typed["provider_code"] == "写错了"
    with pytest.raises(Refused):
        cases.perform(row.case, "hand_in", maker, HAND_IN, now())


def test_the_maker_does_not_check(maker: Any, bus: Any) -> None:
    both = people.acting(bus, "provider_officer", "provider_checker")
    row = services.begin(actor=both, now=now(), typed=item())
    cases.perform(row.case, "hand_in", both, HAND_IN, now())
    with pytest.raises(Refused):
        cases.perform(row.case, "check_pass", both, {}, now())


def test_shared_data_needs_the_sharers_consent(maker: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    with pytest.raises(Refused) as caught:
        cases.perform(row.case, "hand_in", maker, {**HAND_IN, "shared_source": True}, now())
    assert "同意" in caught.value.sentence


def test_content_changed_after_handing_in_is_not_approved(maker: Any, bus: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    cases.perform(row.case, "hand_in", maker, HAND_IN, now())
    with pytest.raises(Refused):
        services.save(row, actor=maker, now=now(), typed=item("别的"), version=row.version)
    Resource.objects.filter(pk=row.pk).update(typed=item("偷改"))
    with pytest.raises(Refused):
        cases.perform(row.case, "check_pass", people.acting(bus, "provider_checker"), {}, now())


def test_nobody_overwrites_what_another_saved(maker: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    services.save(row, actor=maker, now=now(), typed=item("一改"), version=row.version)
    with pytest.raises(Refused) as caught:
        services.save(row, actor=maker, now=now(), typed=item("二改"), version=row.version)
    assert caught.value.code == "version"


def test_only_a_provider_makes_and_only_their_own(maker: Any) -> None:
    with pytest.raises(Refused):
        services.begin(actor=people.acting(None, "operator"), now=now(), typed=item())
    row = services.begin(actor=maker, now=now(), typed=item())
    other = people.acting(None, "provider_officer")
    with pytest.raises(Refused):
        services.save(row, actor=other, now=now(), typed=item(), version=row.version)


@pytest.mark.parametrize("word", ["公交", "刷卡", "客流", "306001", "卡", "出行 记录"])
def test_chinese_search_finds_words_parts_and_codes(maker: Any, bus: Any, word: str) -> None:
    found = item("公交刷卡记录", summary="客流出行的基础记录。")
    publish(services.begin(actor=maker, now=now(), typed=found), maker, bus)
    water = item(
        "水质监测",
        summary="断面水质。",
        code="307002/000001",
        provider="环保",
        items=[{"item_name": "断面", "item_type": "C", "item_grade": "L1"}],
    )
    publish(services.begin(actor=maker, now=now(), typed=water), maker, bus)
    names = {row.name for row in queries.matching(queries.published("huangshi"), word)}
    assert names == {"公交刷卡记录"}


def test_facts_come_only_from_the_provider_of_the_item(maker: Any, bus: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    body = {
        "organisation": bus.id,
        "table": "trips",
        "columns": {"卡号": {"type": "VARCHAR", "grade": "L4"}},
        "subject": "卡号",
        "rows": 3,
        "snapshot": "s-1",
    }
    wall = datetime.now(UTC)
    assert not services.take_facts(row.id, "huangshi", {**body, "organisation": "org-else"}, wall)
    assert not services.take_facts("res-nosuch", "huangshi", body, wall)
    assert services.take_facts(row.id, "huangshi", body, wall)
    known = queries.resource(row.id)
    assert known.confirmed and known.rows == 3 and known.columns["卡号"]["grade"] == "L4"
    with pytest.raises(LookupError):
        queries.resource("res-nosuch")


def logged_in(client: Client, home: Any, *roles: str) -> Client:
    people.log_in(client, people.person(home, *roles))
    return client


def test_pages_keep_what_was_typed(client: Client, bus: Any) -> None:
    logged_in(client, bus, "provider_officer")
    assert client.get("/catalogue/new/").status_code == 200
    answer = client.post("/catalogue/new/", {"name": "", "summary": "写了一半"})
    assert answer.status_code == 400 and "写了一半" in answer.content.decode()
    assert "请填写“共享条件”" not in answer.content.decode()  # a draft needs its name alone
    answer = client.post("/catalogue/new/", {"name": "台账", "summary": "写了一半", "do": "save"})
    assert answer.status_code == 302
    row = Resource.objects.get()
    page = client.get(f"/catalogue/{row.id}/edit/").content.decode()
    assert "写了一半" in page and "还差" in page
    data = {"name": "台账", "provider_code": "错码", "version": str(row.version), "do": "check"}
    assert "错码" in client.post(f"/catalogue/{row.id}/edit/", data).content.decode()
    assert client.post(f"/catalogue/{row.id}/edit/", data).status_code == 409


def test_items_are_chosen_from_the_codes_and_a_strange_one_is_kept(
    client: Client, maker: Any, bus: Any
) -> None:
    items = [{"item_name": "卡号", "item_type": "X9", "item_grade": "L4"}]
    row = services.begin(actor=maker, now=now(), typed=item(items=items))
    logged_in(client, bus, "provider_officer")
    page = client.get(f"/catalogue/{row.id}/edit/").content.decode()
    assert '<select name="items-0-item_grade"' in page and '<option value="L4" selected>' in page
    assert '<option value="X9" selected>X9</option>' in page
    assert "“是否向社会开放”为“是”时填写" in page


def test_what_the_airlock_confirmed_is_shown_in_words(client: Client, maker: Any, bus: Any) -> None:
    row = publish(services.begin(actor=maker, now=now(), typed=item()), maker, bus)
    columns = {"卡号": {"type": "VARCHAR", "grade": "L4"}, "票价": {"type": "DECIMAL(18,2)", "grade": "L2"}}
    facts = {"table": "trips", "columns": columns, "subject": "卡号", "rows": 3_000_000, "snapshot": "s-1"}
    services.take_facts(row.id, "huangshi", {"organisation": bus.id, **facts}, datetime.now(UTC))
    authority = people.acting(None, "data_authority")
    cases.perform(row.case, "flag", authority, {"authorisation": "closed"}, now())
    logged_in(client, bus, "provider_officer")
    page = client.get(f"/catalogue/{row.id}/").content.decode()
    for wanted in ("3,000,000", "文本", "金额", "L4 可识别", "不可授权"):
        assert wanted in page, wanted
    assert "VARCHAR" not in page


def test_the_list_searches_and_exports(client: Client, bus: Any, maker: Any) -> None:
    services.begin(actor=maker, now=now(), typed=item())
    logged_in(client, bus, "provider_officer")
    assert "公交刷卡记录" in client.get("/catalogue/", {"q": "刷卡"}).content.decode()
    assert "公交刷卡记录" not in client.get("/catalogue/", {"q": "地铁"}).content.decode()
    book = load_workbook(BytesIO(client.get("/catalogue/", {"export": "xlsx"}).content))
    assert "公交刷卡记录" in [row[0] for row in book.active.iter_rows(values_only=True)]


def test_many_at_once_names_what_was_refused(client: Client, bus: Any, maker: Any) -> None:
    good = services.begin(actor=maker, now=now(), typed=item("好的"))
    bad = services.begin(actor=maker, now=now(), typed={"name": "坏的"})
    logged_in(client, bus, "provider_officer")
    answer = client.post("/catalogue/many/hand_in/", {"item": [good.id, bad.id], **ANSWERED})
    page = answer.content.decode()
    assert "坏的" in page and "没有办成" in page
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state) == ("checking", "draft")
    assert client.get("/catalogue/many/nosuch/").status_code == 400


@pytest.mark.row("C04")
def test_many_at_once_asks_what_the_law_asks_and_answers_nothing_itself(
    client: Client, bus: Any, maker: Any
) -> None:
    row = services.begin(actor=maker, now=now(), typed=item("好的"))
    logged_in(client, bus, "provider_officer")
    page = client.get("/catalogue/many/hand_in/").content.decode()
    for asked in ("shared_source", "not_excluded", "graded"):
        assert f'name="{asked}"' in page
    cited = LexborHTMLParser(page).css("#many-asked .mark-article")
    assert len(cited) == 3 and all("《" in each.text() for each in cited)
    for missing in ANSWERED:
        given = {key: value for key, value in ANSWERED.items() if key != missing}
        answer = client.post("/catalogue/many/hand_in/", {"item": [row.id], **given})
        assert answer.status_code == 400
        assert not row.case.events.exists()
    # 共享获得的要有同意文件：文件是每一条自己的，不能跟着一批略过
    shared = {"item": [row.id], **ANSWERED, "shared_source": "true"}
    answer = client.post("/catalogue/many/hand_in/", shared)
    assert answer.status_code == 409 and "同意文件" in answer.content.decode()
    assert not row.case.events.exists()
    assert client.post("/catalogue/many/hand_in/", {"item": [row.id], **ANSWERED}).status_code == 302
    said = row.case.events.get()
    assert {key: said.data[key] for key in HAND_IN} == HAND_IN


def test_a_draft_never_handed_in_is_given_up_and_stays_in_the_books(
    client: Client, bus: Any, maker: Any
) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    logged_in(client, bus, "provider_officer")
    assert f"/cases/{row.case_id}/acts/discard/" in client.get(f"/catalogue/{row.id}/").content.decode()
    assert client.post(f"/cases/{row.case_id}/acts/discard/").status_code == 302
    row.refresh_from_db()
    assert row.state == "discarded" and row.case.closed
    assert not row.case.waiting.exists()
    assert row.case.events.get().entry.fields["act"] == "catalogue.publication.discard"
    with pytest.raises(Refused) as caught:
        services.save(row, actor=maker, now=now(), typed=item("改名"), version=row.version)
    assert caught.value.code == "state"


def test_what_was_published_once_is_no_draft_to_give_up(maker: Any, bus: Any) -> None:
    row = publish(services.begin(actor=maker, now=now(), typed=item()), maker, bus)
    cases.perform(row.case, "revise", maker, {}, now())
    with pytest.raises(Refused) as caught:
        cases.perform(row.case, "discard", maker, {}, now())
    assert "已经提交过" in caught.value.sentence
    other = services.begin(actor=maker, now=now(), typed=item("另一条"))
    with pytest.raises(Refused) as caught:
        cases.perform(other.case, "discard", people.acting(bus, "provider_checker"), {}, now())
    assert caught.value.code == "role"


@pytest.mark.parametrize("odd", ["²", "9" * 5000, "-1", "１", ""])
def test_an_odd_number_is_said_and_never_breaks_the_page(
    client: Client, bus: Any, maker: Any, odd: str
) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    logged_in(client, bus, "provider_officer")
    answer = client.post(f"/catalogue/{row.id}/edit/", {"name": "甲", "version": odd})
    assert answer.status_code == 409
    assert whole_number(odd) is None
    number = Input("n", "数", "number")
    assert sheets._value(number, odd) == odd and sheets._value(number, "12") == 12


def filled(rows: list[dict[str, str]]) -> bytes:
    form = content.form_of(cases.lawbook.rules_now("huangshi", now().date()))
    book = load_workbook(BytesIO(sheets.template(form)))
    sheet = book[sheets.SHEET]
    heads = [cell.value for cell in sheet[1]]
    for row in rows:
        sheet.append([row.get(str(head), "") for head in heads])
    items = book[sheets.ITEM_SHEET]
    for row in rows:
        items.append([row["信息资源名称"], "卡号", "", "字符型 C", "L4 可识别"])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


SHEET_ROW = {
    "信息资源分类": "主题信息资源",
    "信息资源名称": "公交线路",
    "信息资源代码": "306001/000020",
    "信息资源提供方": "公交集团",
    "信息资源提供方代码": "",
    "信息资源摘要": "线路走向",
    "信息资源格式": "CSV、Excel",
    "更新周期": "每日",
    "共享类型": "不予共享",
    "共享条件": "商业秘密",
    "是否向社会开放": "否",
    "是否可以纳入授权运营范围": "是",
}


def test_excel_in_names_every_bad_cell_and_takes_the_good_rows(client: Client, bus: Any) -> None:
    logged_in(client, bus, "provider_officer")
    good = {**SHEET_ROW, "信息资源提供方代码": people.credit_code(9)}
    bad = {**good, "信息资源名称": "坏行", "信息资源提供方代码": "123", "更新周期": "天天"}
    file = SimpleUploadedFile("目录.xlsx", filled([good, bad]))
    page = client.post("/catalogue/import/", {"file": file}).content.decode()
    assert "可以导入 1 条" in page and "目录!E3" in page, page[-3000:]
    assert client.get("/catalogue/import/left.xlsx").status_code == 200
    assert client.post("/catalogue/import/", {"do": "take"}).status_code == 302
    row = Resource.objects.get()
    assert row.name == "公交线路" and row.typed["items"][0]["item_grade"] == "L4"
    assert row.typed["cycle"] == "daily" and row.typed["format"] == ["csv", "excel"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"a,b\n1,2\n"])
def test_a_file_that_is_no_template_is_said_in_one_sentence(client: Client, bus: Any, data: bytes) -> None:
    logged_in(client, bus, "provider_officer")
    answer = client.post("/catalogue/import/", {"file": SimpleUploadedFile("x.xlsx", data)})
    assert answer.status_code == 400
    assert client.post("/catalogue/import/", {}).status_code == 400


def test_programs_hand_in_many(client: Client, bus: Any) -> None:
    logged_in(client, bus, "provider_officer")

    def post(body: Any) -> Any:
        return client.post("/catalogue/api/items", json.dumps(body), content_type="application/json")

    answer = post({"items": [item("甲"), {"summary": "没有名字"}, item("乙")]}).json()
    assert len(answer["made"]) == 2 and answer["refused"][0]["item"] == 1
    for broken in ({}, {"items": "x"}, {"items": [1]}, []):
        assert post(broken).status_code == 400


def test_others_pages_are_closed(client: Client, bus: Any, maker: Any) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    logged_in(client, people.organisation("别家"), "operator")
    assert client.get(f"/catalogue/{row.id}/").status_code == 404
    assert client.get("/catalogue/new/").status_code == 403


def test_a_new_item_knows_its_provider(client: Client, bus: Any) -> None:
    people.log_in(client, people.person(bus, "provider_officer"))
    page = client.get("/catalogue/new/").content.decode()
    assert f'value="{bus.name}"' in page and f'value="{bus.uscc}"' in page


def test_more_rows_come_without_losing_or_saving_anything(client: Client, bus: Any) -> None:
    people.log_in(client, people.person(bus, "provider_officer"))
    rows = {f"items-{number}-item_name": f"字段{number}" for number in range(4)}
    page = client.post("/catalogue/new/", {"name": "刷卡", "do": "more", **rows}).content.decode()
    assert all(f'value="字段{number}"' in page for number in range(4))
    assert 'name="items-6-item_name"' in page and 'value="刷卡"' in page
    assert "请填写" not in page
    assert not Resource.objects.exists()
    client.post("/catalogue/new/", {"name": "刷卡", "do": "save", **rows})
    row = Resource.objects.get()
    given = {"name": "改名", "do": "more", "version": "1", **rows}
    page = client.post(f"/catalogue/{row.pk}/edit/", given).content.decode()
    assert 'value="改名"' in page and 'name="version" value="1"' in page
    row.refresh_from_db()
    assert row.name == "刷卡"


def test_the_page_offers_to_register_what_is_published_and_not_registered(
    client: Client, bus: Any, maker: Any
) -> None:
    row = services.begin(actor=maker, now=now(), typed=item())
    people.log_in(client, people.person(bus, "provider_officer", "registrant"))
    address = f"/catalogue/{row.pk}/"
    assert 'id="register-link"' not in client.get(address).content.decode()
    Resource.objects.update(state="published")
    page = client.get(address).content.decode()
    assert f"/registration/new/?resource={row.pk}" in page
    answer = client.post("/registration/new/", {"resource": row.pk})
    assert answer.status_code == 302
    assert 'id="register-link"' not in client.get(address).content.decode()
