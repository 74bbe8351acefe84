"""Login, inbox, case, act and 为什么 in a real browser, at 1440 and 390 px, with and without JavaScript."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from django.test import Client

from gongshu.office.cases import registry, services
from gongshu.office.link import clock
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DIGEST = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def plain_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own procedures, without what the apps add to them: those have their own tests."""
    monkeypatch.setattr(registry, "HANDLERS", {})


def session_of(made: Any) -> str:
    client = Client()
    people.log_in(client, made)
    return str(client.session.session_key)


class Town:
    """Registrations on their way at a registrar of Gansu."""

    def __init__(self) -> None:
        now = clock.business_now()
        self.home = people.organisation("兰州市住房公积金管理中心", zone="gansu", kind="institution")
        self.registrar = people.organisation("甘肃省公共数据登记中心", zone="gansu", kind="institution")
        self.applicant = people.acting(self.home, "registrant")
        reviewer = people.acting(self.home, "registrant_reviewer")
        self.clerk = people.person(self.registrar, "registrar", name="王登记")
        facts = {"form_problems": [], "form_digest": DIGEST, "deposited": True, "papers": {}}
        self.cases = []
        names = ("住房公积金缴存信息", "不动产登记信息", "公交客流统计", "企业社保缴纳情况", "空气质量监测")
        for number, name in enumerate(names):
            case = services.open_case(
                "registration.first", f"s-{number}", self.applicant, now, title=name, zone="gansu"
            )
            services.perform(case, "fill", self.applicant, facts, now)
            services.perform(case, "pass_business", reviewer, facts, now)
            services.perform(case, "submit", self.applicant, facts, now)
            self.cases.append(case)
        clerk = people.actor(self.clerk)
        for case in self.cases[1:]:
            services.perform(case, "accept", clerk, facts, now)
        services.perform(self.cases[2], "pass", clerk, facts | {"checked": True, "duplicate": False}, now)


@pytest.fixture
def town() -> Town:
    return Town()


def good(page: Any, name: str, width: int) -> None:
    assert overflow(page) <= 0, name
    assert violations(page) == [], name
    shot(page, f"{name}-{width}")
    assert page.faults == [], name


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_clerk_logs_in_and_works_through_the_inbox(visit: Any, town: Town, width: int) -> None:
    page = visit(width)
    page.goto("/inbox/")
    good(page, "login", width)
    page.fill("#id_username", town.clerk.account.username)
    page.fill("#id_password", people.PASSWORD)
    page.fill("#id_code", pyotp.TOTP(people.secret_of(town.clerk)).now())
    page.click("#login-submit")
    page.wait_for_url("**/inbox/")
    good(page, "inbox", width)
    page.click(f"text={town.cases[0].number}")
    page.wait_for_selector("#case-state[data-state=submitted]")
    good(page, "case-submitted", width)
    page.click("#act-accept a")
    page.click("#act-submit")
    page.wait_for_selector("#case-state[data-state=accepted]")
    assert page.get_attribute("#case-state", "data-state") == "accepted"
    good(page, "case-accepted", width)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_refused_certificate_shows_why(visit: Any, town: Town, width: int) -> None:
    page = visit(width, session_of(town.clerk))
    page.goto(f"/cases/{town.cases[2].id}/")
    good(page, "case-publicity", width)
    assert "该日结束后才能办理" in page.inner_text("#act-certify")
    page.goto(f"/cases/{town.cases[2].id}/acts/certify/")
    page.click("#act-submit")
    page.wait_for_selector("#refusal .why")
    page.faults.clear()  # 浏览器把 409 记成一条错误，这正是要的
    good(page, "act-refused", width)
    page.click("#refusal .why")
    page.wait_for_selector("#why")
    assert "该日结束后才能办理" in page.inner_text("#why")
    good(page, "why-decision", width)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_form_with_a_mistake_keeps_what_was_typed(visit: Any, town: Town, width: int) -> None:
    page = visit(width, session_of(town.clerk))
    page.goto(f"/cases/{town.cases[0].id}/acts/return/")
    good(page, "act-return", width)
    page.fill("[name=defects-0-item]", "R01 登记数据名称")
    page.click("#act-submit")
    page.wait_for_selector(".form-errors")
    page.faults.clear()
    assert page.input_value("[name=defects-0-item]") == "R01 登记数据名称"
    assert page.evaluate("document.activeElement.classList.contains('form-errors')")
    good(page, "act-return-mistake", width)


def test_everything_works_without_javascript(visit: Any, town: Town) -> None:
    page = visit(DESK, session_of(town.clerk), javascript=False)
    page.goto("/cases/")
    page.fill("[name=q]", "公交")
    page.click("text=筛选")
    page.wait_for_url("**/cases/?*q=*")
    assert page.locator("tbody tr").count() == 1
    page.goto(f"/cases/{town.cases[0].id}/acts/refuse/")
    page.fill("[name=reasons]", "不属于本机构登记范围")
    page.click("#act-submit")
    page.wait_for_selector("#case-state[data-state=not_accepted]")


def test_the_keyboard_alone_reaches_the_acts(visit: Any, town: Town) -> None:
    page = visit(DESK, session_of(town.clerk))
    page.goto(f"/cases/{town.cases[0].id}/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#act-accept') !== null"):
            break
    else:
        pytest.fail("三十次 Tab 还到不了办理按钮")


def test_lists_sort_by_htmx_without_leaving_the_page(visit: Any, town: Town) -> None:
    page = visit(DESK, session_of(town.clerk))
    page.goto("/cases/")
    page.evaluate("window.stayed = true")
    page.click("thead >> text=事项")
    page.wait_for_selector("th[aria-sort=ascending]")
    assert page.evaluate("window.stayed") is True
    assert "sort=title" in page.url
    good(page, "cases", DESK)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_pages_of_the_administrators(visit: Any, town: Town, width: int) -> None:
    system = people.person(town.registrar, "system_administrator")
    security = people.person(town.registrar, "security_administrator")
    audit = people.person(town.registrar, "audit_administrator")
    for made, urls in (
        (system, ["/admin/organisations/", "/admin/people/"]),
        (security, ["/admin/grants/", "/admin/affiliations/"]),
        (audit, ["/admin/audit/", "/me/", "/roles/"]),
    ):
        page = visit(width, session_of(made))
        for url in urls:
            page.goto(url)
            good(page, url.strip("/").replace("/", "-"), width)


def test_printing_hides_what_is_not_paper(visit: Any, town: Town) -> None:
    page = visit(DESK, session_of(town.clerk))
    page.goto(f"/cases/{town.cases[2].id}/")
    page.emulate_media(media="print")
    assert not page.is_visible(".site-header")
    assert page.is_visible("#case-state")
