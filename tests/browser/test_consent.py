"""Consent in a real browser, at a phone's width and at a desk, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gongshu.office.consent import services
from gongshu.office.consent.models import Complaint, Consent
from gongshu.office.link import clock, trust
from gongshu.office.link.models import FeedItem
from gongshu.wire.times import stamp
from standins.identity import Standin
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations
from support.consents import PERSON, Desk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Desk]:
    from gongshu.office.accounts import zones

    zones.sync()
    made = Desk(monkeypatch, tmp_path_factory.mktemp("trust"))
    monkeypatch.setattr(clock, "business_now", lambda: made.now)
    yield made
    trust.store.cache_clear()


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        place = made.write(settings.OFFICE_HOME / "state")
        yield made
        place.unlink()


def looked_at(page: Any, name: str, scripted: bool = True) -> None:
    """Nothing of the page may be wrong."""
    width = page.viewport_size["width"]
    shot(page, f"consent-{name}-{width}")
    assert page.faults == [], (name, page.faults)
    if scripted:
        assert violations(page) == [], name
        assert overflow(page) <= 0, (name, overflow(page))


def log_in(page: Any, person: dict[str, str] = PERSON) -> None:
    """Through the identity system's own page, as a person does."""
    page.wait_for_selector("#identity-form")
    page.select_option("[name=subject_type]", person["subject_type"])
    page.fill("[name=name]", person["name"])
    page.fill("[name=number]", person["number"])
    if person.get("capacity"):
        page.select_option("[name=capacity]", person["capacity"])
    page.click("button[type=submit]")
    page.wait_for_selector(".consent-page")
    page.faults.clear()  # 替身没有图标，与我们的页面无关


@pytest.mark.parametrize(("width", "javascript"), [(PHONE, True), (DESK, False)])
@pytest.mark.row("B16")
def test_a_person_decides_looks_and_takes_back(
    desk: Desk, standin: Standin, visit: Callable[..., Any], width: int, javascript: bool
) -> None:
    row = desk.ask()
    page = visit(width, javascript=javascript)
    page.goto("/consent/")
    looked_at(page, "welcome", javascript)
    page.goto(f"/consent/r/{row.code}/")
    log_in(page)
    page.wait_for_selector("#agree")
    looked_at(page, "asked", javascript)
    box = page.locator("#agree").bounding_box()
    assert box["height"] >= 44  # 手指点得准
    page.click("#agree")
    page.wait_for_selector("#given")
    made = Consent.objects.get()
    assert page.get_attribute("#given", "data-state") == "live"
    body = {
        "product": made.product_id,
        "contract": desk.agreement.pk,
        "day": "2026-04-09",
        "counts": {made.pk: 3},
    }
    desk.arrive("uses", body, 1)
    page.goto("/consent/")
    looked_at(page, "home", javascript)
    page.goto("/consent/calls/")
    looked_at(page, "calls", javascript)
    page.goto(f"/consent/given/{made.pk}/")
    looked_at(page, "given", javascript)
    page.click("#withdraw")
    page.wait_for_selector("#withdrawn")
    assert FeedItem.objects.filter(kind="withdrawal").count() == 1
    looked_at(page, "withdrawing", javascript)
    taken = made.withdrawal
    desk.arrive("effect", {"stop": taken.pk, "at": stamp(taken.wall_at + timedelta(seconds=0.8))}, 2)
    page.reload()
    assert page.get_attribute(".consent-effect", "data-seconds") == "0.8"
    looked_at(page, "withdrawn", javascript)
    page.goto(f"/consent/why/{made.pk}/")
    looked_at(page, "why", javascript)
    page.goto(f"/consent/complain/?consent={made.pk}")
    page.select_option("#id_kind", "over_use")
    page.fill("#id_text", "我没有办过这笔业务，请查明。")
    looked_at(page, "complain", javascript)
    page.click("#complain-form button[type=submit]")
    page.wait_for_selector("#complaint")
    looked_at(page, "complaint", javascript)
    page.goto("/consent/")
    looked_at(page, "home-after", javascript)
    page.click("#leave")
    page.wait_for_selector("#enter")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_refusals_and_a_firms_key_are_told_on_pages_of_their_own(
    desk: Desk, standin: Standin, visit: Callable[..., Any], width: int
) -> None:
    from support.consents import firm

    page = visit(width)
    page.goto("/consent/r/abcdefghjkmnpqrstuvw/")
    log_in(page, firm(desk.market))
    page.wait_for_selector("#refusal")
    looked_at(page, "dead-code")
    row = desk.ask()
    page.goto(f"/consent/r/{row.code}/")
    looked_at(page, "asked-firm")
    page.click("#own-key")
    page.wait_for_selector("#key-form")
    looked_at(page, "own-key")
    page.goto(f"/consent/r/{row.code}/")
    page.click("#refuse")
    page.wait_for_selector("#asked[data-state=refused]")
    looked_at(page, "refused")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_accounts_pages(desk: Desk, visit: Callable[..., Any], width: int) -> None:
    made, waiting = desk.agreed(), desk.ask(reference="LOAN-18")
    services.complain(
        subject=made.subject, consent=made, kind="not_mine", text="不是我同意的，请查明。", now=desk.now
    )
    buyer = visit(width, str(people.log_in(Client(), desk.market.buyer_person).session.session_key))
    staff = visit(width, str(people.log_in(Client(), desk.market.officer_person).session.session_key))
    for page, name, path in (
        (buyer, "requests", "/consent/requests/"),
        (buyer, "new", f"/consent/requests/new/{desk.agreement.pk}/"),
        (buyer, "request-open", f"/consent/requests/{waiting.pk}/"),
        (buyer, "request-agreed", f"/consent/requests/{made.request_id}/"),
        (staff, "complaints", "/consent/complaints/"),
        (staff, "complaint-staff", f"/consent/complaints/{Complaint.objects.get().pk}/"),
        (staff, "why-staff", f"/why/{made.pk}"),
    ):
        assert page.goto(path).status == 200, path
        page.wait_for_load_state("networkidle")
        looked_at(page, name)
