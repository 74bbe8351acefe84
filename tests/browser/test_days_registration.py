"""A day of a registrar's clerk, and of a citizen who looks, checks a certificate and objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gongshu.office.link import clock
from gongshu.office.registration.models import Objection
from support.days import Day
from support.people import NOW
from support.registrations import Office

# 一天走得长，归入长测试：make fault 和 make screens 走它
pytestmark = [pytest.mark.browser, pytest.mark.fault, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    from gongshu.office.accounts import zones

    zones.sync()
    monkeypatch.setattr(clock, "business_now", lambda: NOW)
    return Office()


def test_a_day_of_a_registrars_clerk(office: Office, visit: Callable[..., Any]) -> None:
    """The inbox; one case returned with its defects, one accepted, examined and put to the public."""
    faulty, fine = office.submitted(R01="公积金缴存汇总"), office.submitted(R01="公交线路客流（脱敏汇总）")
    day = Day(visit, office.clerk_person, "clerk")
    page = day.opened("/inbox/")
    day.good("inbox", phone=True)
    page.click(f"text={faulty.case.number}")
    page.wait_for_selector("#case-state[data-state=submitted]")
    day.good("case-submitted", phone=True)
    assert "工作日" in day.why("#case-due", "why-deadline")
    page.click("#act-return a")
    page.select_option("[name=defects-0-item]", index=6)
    chosen = page.input_value("[name=defects-0-item]")
    day.send("#act-submit")
    day.wrong("return-mistake", phone=True)
    assert page.input_value("[name=defects-0-item]") == chosen != ""
    page.fill("[name=defects-0-sentence]", "没有写明统计的时间范围。")
    day.send("#act-submit")
    assert page.get_attribute("#case-state", "data-state") == "returned"
    day.good("case-returned", phone=True)

    day.opened(f"/cases/{fine.case_id}/acts/accept/")
    day.send("#act-submit")
    day.opened(f"/cases/{fine.case_id}/acts/pass/")
    day.send("#act-submit")
    day.wrong("pass-mistake")
    page.check("[name=checked]")
    day.send("#act-submit")
    assert page.get_attribute("#case-state", "data-state") == "publicity"
    day.good("case-publicity", phone=True)
    assert "该日结束后才能办理" in page.inner_text("#act-certify")
    day.opened(f"/cases/{fine.case_id}/acts/certify/")
    day.send("#act-submit")
    assert "没有办成" in day.wrong("certify-refused", "#refusal", phone=True)
    assert "条" in day.why("#refusal", "why-refused")
    day.opened("/registration/desk/")
    day.good("desk", phone=True)


def test_a_day_of_a_citizen(office: Office, visit: Callable[..., Any], tmp_path: Path) -> None:
    """From the front page to a publicity, an objection under the real name, and a certificate checked."""
    shown, done = office.in_publicity(R01="公积金缴存汇总"), office.registered(R01="空气质量监测汇总")
    paper = tmp_path / "身份证.pdf"
    paper.write_bytes(b"%PDF-1.7\nidentity")
    day = Day(visit, name="citizen")
    page = day.opened("/portal/")
    if page.locator("#zone-form").count():
        page.select_option("#id_zone", "gansu")
        day.send("#zone-form button")
    day.good("portal", phone=True)
    page.click(f"#home-publicity a[href*='{shown.pk}']")
    page.wait_for_selector("#publicity-days")
    day.good("notice", phone=True)
    page.click("#object-link")
    page.fill("[name=objector]", "王小平")
    page.select_option("[name=identity_kind]", "person")
    page.fill("[name=identity]", "110105194912310021")
    page.fill("[name=contact]", "13800000000")
    page.fill("[name=grounds]", "公示的归集范围与我单位提供的不一致。")
    for name in ("identity_paper", "evidence"):
        page.set_input_files(f"[name={name}]", paper)
    day.send("#objection-submit")
    assert "校验码" in day.wrong("object-mistake", phone=True)
    assert page.input_value("[name=grounds]").startswith("公示的归集范围")
    page.fill("[name=identity]", "11010519491231002X")
    for name in ("identity_paper", "evidence"):
        if page.locator(f"[name={name}__kept]").count() == 0:
            page.set_input_files(f"[name={name}]", paper)
    day.send("#objection-submit")
    assert Objection.objects.get().receipt in page.inner_text("#content")
    day.good("objection", phone=True)

    day.opened("/registration/check/")
    page.fill("#id_code", "ZX-0000")
    page.click("#check-form button")
    day.wrong("check-mistake", "#check-refusal", phone=True)
    page.fill("#id_code", done.certificate.code)
    page.click("#check-form button")
    page.wait_for_selector("#certificate-status")
    day.good("checked", phone=True)
    assert done.certificate.code in day.why("#certificate", "why-certificate")
