"""The catalogue and the filed documents in a real browser, on a desk and on a phone."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from support.browser import DESK, HEIGHTS, PHONE, overflow, shot, violations

if os.environ.get("DJANGO_SETTINGS_MODULE") == "gongshu.airlock.settings":
    pytest.skip("办公域的页面：用 -p support.office_env 运行", allow_module_level=True)

from django.test import Client
from openpyxl import load_workbook

from gongshu.office.authorisation.models import FiledDocument
from gongshu.office.cases import lawbook
from gongshu.office.catalogue import content, sheets
from gongshu.office.catalogue.models import Resource
from gongshu.office.link import clock
from support import people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _zones() -> None:
    from gongshu.office.accounts import zones

    zones.sync()


@pytest.fixture
def inside(visit: Callable[..., Any]) -> Callable[[Any], Any]:
    """A page in the name of a person."""

    def opened(person: Any) -> Any:
        return visit(session=str(people.log_in(Client(), person).session.session_key))

    return opened


def good(page: Any, name: str) -> None:
    """Nothing of the page as it is may be wrong, on a desk nor on a phone."""
    page.wait_for_load_state("networkidle")
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        shot(page, f"{name}-{width}")
        assert violations(page) == [], (name, width)
        assert overflow(page) <= 0, (name, width, overflow(page))
    assert page.faults == [], (name, page.faults)


def wrong(page: Any, name: str, selector: str) -> None:
    """A page that says what is wrong; the browser notes the status as an error, and that is wanted."""
    page.wait_for_selector(selector)
    page.faults.clear()
    good(page, name)


def fill_item(page: Any) -> None:
    """An item of the catalogue as its maker types it."""
    page.select_option("[name=category]", "theme")
    page.fill("[name=name]", "公交刷卡记录")
    page.fill("[name=code]", "306001/000012")
    page.fill("[name=provider]", "江城公共交通集团有限公司")
    page.fill("[name=provider_code]", people.credit_code(7))
    page.fill("[name=summary]", "全市公交车上车刷卡和扫码的记录，含线路、站点和时间。")
    page.check("[name=format][value=csv]")
    page.select_option("[name=cycle]", "daily")
    page.select_option("[name=share_type]", "none")
    page.fill("[name=share_conditions]", "含个人出行轨迹")
    page.select_option("[name=open]", "false")
    page.select_option("[name=in_scope]", "true")
    for number, (name, kind, grade) in enumerate((("卡号", "C", "L4"), ("线路", "C", "L1"))):
        page.fill(f"[name=items-{number}-item_name]", name)
        for column, value in (("item_type", kind), ("item_grade", grade)):
            box = page.locator(f"[name=items-{number}-{column}]")
            if box.evaluate("each => each.tagName") == "SELECT":
                box.select_option(value)
            else:
                box.fill(value)


def sheet(path: Path) -> Path:
    """The template filled in with a good and a bad row."""
    form = content.form_of(lawbook.rules_now("huangshi", clock.business_today()))
    book = load_workbook(BytesIO(sheets.template(form)))
    heads = [str(cell.value) for cell in book[sheets.SHEET][1]]
    good_row = {
        "信息资源分类": "主题信息资源",
        "信息资源名称": "公交线路",
        "信息资源代码": "306001/000020",
        "信息资源提供方": "公交集团",
        "信息资源提供方代码": people.credit_code(9),
        "信息资源摘要": "线路走向",
        "信息资源格式": "CSV、Excel",
        "更新周期": "每日",
        "共享类型": "不予共享",
        "共享条件": "商业秘密",
        "是否向社会开放": "否",
        "是否可以纳入授权运营范围": "是",
    }
    for row in (
        good_row,
        good_row | {"信息资源名称": "坏行", "更新周期": "天天", "信息资源提供方代码": "123"},
    ):
        book[sheets.SHEET].append([row.get(head, "") for head in heads])
        book[sheets.ITEM_SHEET].append([row["信息资源名称"], "线路", "", "字符型 C", "L1 公开"])
    place = path / "目录.xlsx"
    book.save(place)
    return place


def test_the_catalogue_from_a_draft_to_its_publication(inside: Callable[[Any], Any], tmp_path: Path) -> None:
    bus = people.organisation("江城公共交通集团有限公司")
    page = inside(people.person(bus, "provider_officer", name="周经办"))
    page.goto("/catalogue/")
    good(page, "catalogue-empty")
    page.goto("/catalogue/new/")
    good(page, "catalogue-new")
    page.click("#catalogue-form button[value=save]")
    wrong(page, "catalogue-new-mistake", ".form-errors")
    page.fill("[name=name]", "公交刷卡记录")
    page.click("#catalogue-form button[value=check]")
    page.wait_for_selector("#missing")
    good(page, "catalogue-edit-missing")
    fill_item(page)
    page.click("#catalogue-form button[value=save]")
    page.wait_for_selector("#resource-id")
    assert page.locator("#missing").count() == 0, page.inner_text("#missing")
    good(page, "catalogue-detail-draft")
    page.goto("/catalogue/import/")
    good(page, "catalogue-import")
    page.set_input_files("[name=file]", sheet(tmp_path))
    page.click("#import-form button[type=submit]")
    page.wait_for_selector("#take-form")
    good(page, "catalogue-import-judged")
    page.click("#take-form button")
    page.wait_for_selector(".alert-success")
    good(page, "catalogue-list")
    page.goto("/catalogue/many/hand_in/")
    good(page, "catalogue-many")
    page.select_option("[name=shared_source]", "false")
    page.check("[name=not_excluded]")
    page.check("[name=graded]")
    page.click("#many-form button[type=submit]")
    page.wait_for_selector(".alert-success")
    assert set(Resource.objects.values_list("state", flat=True)) == {"checking"}
    row = Resource.objects.get(name="公交刷卡记录")
    columns = {"卡号": {"type": "VARCHAR", "grade": "L4"}, "线路": {"type": "VARCHAR", "grade": "L1"}}
    facts = {"table": "trips", "columns": columns, "subject": "卡号", "rows": 3_000_000, "snapshot": "s-1"}
    Resource.objects.filter(pk=row.pk).update(facts=facts, confirmed_at=clock.wall_now())
    page.goto(f"/catalogue/{row.pk}/")
    good(page, "catalogue-detail-stored")


def test_a_plan_is_filed_by_two_people(inside: Callable[[Any], Any], tmp_path: Path) -> None:
    bureau = people.organisation("江城市数据局")
    plan = tmp_path / "实施方案.pdf"
    plan.write_bytes(b"%PDF-1.7\nplan")
    page = inside(people.person(bureau, "data_authority", name="陈录入"))
    page.goto("/authorisation/")
    good(page, "authorisation-empty")
    page.goto("/authorisation/new/")
    good(page, "authorisation-new")
    page.select_option("[name=kind]", "plan")
    page.fill("[name=name]", "江城市公共数据资源授权运营实施方案")
    page.fill("[name=dated]", "2025-11-20")
    page.fill("[name=term-from]", "2026-01-01")
    page.fill("[name=term-until]", "2028-12-31")
    page.fill("[name=parties]", "江城市数据局\n江城数据运营有限公司")
    page.set_input_files("[name=file]", plan)
    page.click("#filing-submit")
    wrong(page, "authorisation-mistake", ".form-errors")
    assert page.is_checked("[name=file__kept]") and page.input_value("[name=term-until]") == "2028-12-31"
    page.fill("[name=number]", "江政办〔2025〕31号")
    page.click("#filing-submit")
    page.wait_for_selector("#document-digest")
    good(page, "authorisation-entered")
    row = FiledDocument.objects.get()
    page.goto(f"/cases/{row.case_id}/acts/confirm/")
    page.click("#act-submit")
    wrong(page, "authorisation-own", "#refusal")
    colleague = inside(people.person(bureau, "data_authority", name="何复核"))
    colleague.goto(f"/authorisation/{row.pk}/")
    colleague.click("#case-link")
    colleague.wait_for_selector("#filed-document")
    good(colleague, "authorisation-case")
    colleague.click("#act-confirm a")
    colleague.click("#act-submit")
    colleague.wait_for_selector("#case-state[data-state=filed]")
    colleague.goto(f"/authorisation/{row.pk}/")
    good(colleague, "authorisation-filed")
    colleague.goto("/authorisation/")
    good(colleague, "authorisation-list")
