"""The pages of registration in a real browser: console, axe, width, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from gongshu.office.registration.models import Objection
from support import people
from support.browser import DESK, PHONE, overflow, shot, violations
from support.registrations import Office, pdf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def session(person: Any) -> str:
    return str(people.log_in(Client(), person).session.session_key)


def looked_at(page: Any, path: str, name: str, width: int) -> None:
    """Open a page; nothing of it may be wrong."""
    answer = page.goto(path)
    assert answer.status == 200, (path, answer.status)
    page.wait_for_load_state("networkidle")
    shot(page, f"registration-{name}-{width}")
    assert page.faults == [], (path, page.faults)
    assert violations(page) == [], path
    assert overflow(page) <= 0, (path, overflow(page))


@pytest.fixture
def office(clean_zones: None) -> Office:
    return Office()


@pytest.fixture
def clean_zones() -> None:
    from gongshu.office.accounts import zones

    zones.sync()


@pytest.mark.row("R01-R58")
def test_the_applicants_pages(office: Office, visit: Callable[..., Any]) -> None:
    made = office.begin()
    typed = made.typed | {"R28": {"value": "很多", "unit": "GB"}, "R11": "123"}
    from gongshu.office.registration import drafts

    drafts.save(made, actor=office.applicant, now=people.NOW, typed=typed, version=made.version)
    page = visit(session=session(office.applicant_person))
    for name, path in {
        "list": "/registration/",
        "new": "/registration/new/",
        "edit": f"/registration/{made.pk}/edit/",
        "check": f"/registration/{made.pk}/edit/?check=1",
        "preview": f"/registration/{made.pk}/preview/",
        "deposit": f"/registration/{made.pk}/deposit/",
        "detail": f"/registration/{made.pk}/",
    }.items():
        looked_at(page, path, name, DESK)


def test_what_does_not_apply_is_put_away_and_comes_back(office: Office, visit: Callable[..., Any]) -> None:
    made = office.begin()
    page = visit(session=session(office.applicant_person))
    page.goto(f"/registration/{made.pk}/edit/")
    assert not page.locator("#field-R11").is_visible()
    page.select_option("#id_R09", "authorised")
    assert page.locator("#field-R11").is_visible()
    assert not page.locator("#field-R16").is_visible()
    plain = visit(session=session(office.applicant_person), javascript=False)
    plain.goto(f"/registration/{made.pk}/edit/")
    assert plain.locator("#field-R11").is_visible()


def test_the_registrars_pages(office: Office, visit: Callable[..., Any]) -> None:
    made, waiting = office.in_publicity(), office.submitted(R01="公积金缴存汇总")
    files = {"identity_paper": pdf("身份证.pdf"), "evidence": pdf("证据.pdf")}
    given = {"objector": "王某", "identity_kind": "person", "identity": "11010519491231002X",
             "contact": "13800000000", "grounds": "数据权属有争议"}  # fmt: skip
    Client().post(f"/registration/publicity/{made.pk}/object/", given | files)
    page = visit(session=session(office.clerk_person))
    looked_at(page, "/registration/desk/", "desk", DESK)
    looked_at(page, f"/cases/{made.case_id}/", "case", DESK)
    looked_at(page, f"/cases/{waiting.case_id}/acts/return/", "return", DESK)
    looked_at(page, f"/cases/{made.case_id}/acts/dismiss/", "dismiss", DESK)
    done = office.registered(R01="空气质量监测汇总")
    looked_at(page, f"/registration/{done.pk}/", "registered", DESK)
    looked_at(page, f"/cases/{done.case_id}/", "registered-case", DESK)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_public_pages(office: Office, visit: Callable[..., Any], width: int) -> None:
    made = office.in_publicity(R01="公积金缴存汇总")
    done = office.registered()
    files = {"identity_paper": pdf("身份证.pdf"), "evidence": pdf("证据.pdf")}
    given = {"objector": "王某", "identity_kind": "person", "identity": "11010519491231002X",
             "contact": "13800000000", "grounds": "数据权属有争议"}  # fmt: skip
    page = visit(width)
    looked_at(page, "/registration/publicity/", "publicity", width)
    looked_at(page, f"/registration/publicity/{made.pk}/", "notice", width)
    looked_at(page, f"/registration/publicity/{made.pk}/object/", "object", width)
    Client().post(f"/registration/publicity/{made.pk}/object/", given | files)
    looked_at(page, f"/registration/objections/{Objection.objects.get().receipt}/", "objection", width)
    looked_at(page, "/registration/check/", "check-code", width)
    looked_at(page, f"/registration/check/{done.certificate.code}", "checked", width)
    looked_at(page, "/registration/certificates/", "certificates", width)
    looked_at(page, f"/why/{done.certificate.code}", "why", width)
