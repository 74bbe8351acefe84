"""Registration: draft, form, materials, notice, desk, publicity, certificate refused on the last day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gongshu.law.history import local_day
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases.models import Material
from gongshu.office.link.models import OutboxEntry
from gongshu.office.registration import codes, content, drafts, handler, queries
from gongshu.office.registration.models import Certificate, Registration
from support import people
from support.people import NOW, SHANGHAI
from support.registrations import Office, after

pytestmark = pytest.mark.django_db


@pytest.mark.row("D05", "E01", "E19", "E21")
@pytest.mark.parametrize("zone", ["gansu", "huangshi", "hubei", "anhui", "chizhou"])
def test_a_resource_goes_from_draft_to_certificate_in_every_zone(zone: str) -> None:
    office = Office(zone)
    made = office.registered()
    found = Certificate.objects.get(registration=made)
    assert made.case.state == "registered"
    assert codes.read(found.code) == found.code
    assert found.issued > made.publicity_until
    assert found.valid_until == found.issued.replace(year=found.issued.year + 3)
    assert queries.status(found, found.valid_until) == "valid"
    assert queries.status(found, found.valid_until + timedelta(days=1)) == "expired"


@pytest.mark.row("E18", "E19")
def test_no_certificate_on_the_last_day_of_publicity_and_no_code_is_used_up() -> None:
    office = Office()
    made = office.in_publicity()
    last = datetime.combine(made.publicity_until, datetime.min.time(), SHANGHAI).replace(hour=23, minute=59)
    with pytest.raises(Refused) as caught:
        office.do(made, "certify", office.clerk, last)
    assert made.publicity_until.isoformat() in caught.value.sentence
    assert not Certificate.objects.exists()
    office.do(made, "certify", office.clerk, last + timedelta(minutes=1))
    assert Certificate.objects.get().code.endswith(codes.CURRENT.make("620000", "resource", 2026, 1)[-1])


def test_the_public_notice_is_what_the_preview_showed() -> None:
    office = Office()
    made = office.begin()
    before = handler.notice_of(made)
    assert [title for title, _ in before] == [
        "登记主体名称", "登记申请类型", "数据登记类型", "登记数据名称", "数据内容简介",
    ]  # fmt: skip
    assert [text for _, text in before] == [
        "市公交集团", "首次登记", "数据资源", "公交线路客流（脱敏汇总）", "公交线路按站点和小时汇总的客流。",
    ]  # fmt: skip
    published = office.in_publicity()
    assert published.notice == before
    assert published.notice_digest == content.notice_digest(before)
    assert published.publicity_from == local_day(NOW)
    assert published.publicity_until == date(2026, 3, 16)


def test_a_draft_keeps_what_is_wrong_and_cannot_be_sent() -> None:
    office = Office()
    made = office.begin()
    typed = made.typed | {
        "R28": {"value": "很多", "unit": "GB"},
        "R09": "authorised",
        "R11": "91420200MA4889M370",
    }
    made = drafts.save(made, actor=office.applicant, now=NOW, typed=typed, version=made.version)
    assert made.typed["R28"]["value"] == "很多"
    assert made.typed["R11"] == "91420200MA4889M370"
    with pytest.raises(Refused) as caught:
        office.do(made, "fill", office.applicant)
    assert "还有问题没有解决" in caught.value.sentence
    assert made.case.state == "draft"


def test_two_people_do_not_overwrite_each_other() -> None:
    office = Office()
    made = office.begin()
    drafts.save(made, actor=office.applicant, now=NOW, typed=made.typed | {"R01": "甲"}, version=made.version)
    with pytest.raises(drafts.Conflict):
        drafts.save(
            made, actor=office.applicant, now=NOW, typed=made.typed | {"R01": "乙"}, version=made.version
        )
    assert Registration.objects.get(pk=made.pk).typed["R01"] == "甲"


def test_nothing_changes_after_submission() -> None:
    office = Office()
    made = office.submitted()
    with pytest.raises(Refused) as caught:
        drafts.save(made, actor=office.applicant, now=NOW, typed={}, version=made.version)
    assert caught.value.code == "state"


@pytest.mark.row("D05")
def test_what_was_reviewed_is_what_is_submitted() -> None:
    office = Office()
    made = office.begin()
    office.do(made, "fill", office.applicant)
    office.do(made, "pass_business", office.reviewer)
    Registration.objects.filter(pk=made.pk).update(filled=made.filled | {"R06": "别的内容"})
    made.refresh_from_db()
    with pytest.raises(Refused) as caught:
        office.do(made, "submit", office.applicant)
    assert "业务审核之后内容又改过" in caught.value.sentence


@pytest.mark.row("D06")
def test_deposit_comes_before_the_application() -> None:
    office = Office()
    made = office.begin()
    typed = {key: value for key, value in made.typed.items() if key != "R39"}
    made = drafts.save(made, actor=office.applicant, now=NOW, typed=typed, version=made.version)
    with pytest.raises(Refused):
        office.do(made, "fill", office.applicant)


@pytest.mark.row("E05")
def test_a_product_needs_its_own_risk_report_and_identity_proof() -> None:
    office = Office()
    made = office.begin("product", R16="ZX-1")
    typed = {key: value for key, value in made.typed.items() if not key.startswith("M_")}
    made = drafts.save(made, actor=office.applicant, now=NOW, typed=typed, version=made.version)
    rules = handler.lawbook.rules_of(made.case)
    missing = [each.sentence for each in content.problems(rules, made.filled, made.case.procedure)]
    assert missing == ["请上传“登记主体身份证明材料”。", "请上传“安全风险评估报告”。"]


@pytest.mark.row("D03", "R16")
def test_a_product_is_not_submitted_without_review_and_a_live_resource() -> None:
    office = Office()
    resource = office.registered()
    code = resource.certificate.code
    made = office.begin("product", product="pr-1", R16="ZX-620000-R-2026-000009-5")
    office.do(made, "fill", office.applicant)
    office.do(made, "pass_business", office.reviewer)
    with pytest.raises(Refused) as caught:
        office.do(made, "submit", office.applicant)
    assert "审核" in caught.value.sentence
    pass_compliance("pr-1", office)
    with pytest.raises(Refused) as caught:
        office.do(made, "submit", office.applicant)
    assert "登记编码" in caught.value.sentence
    later = after(resource.publicity_until)
    good = office.begin("product", later, product="pr-1", R16=code)
    for act, actor in (
        ("fill", office.applicant),
        ("pass_business", office.reviewer),
        ("submit", office.applicant),
    ):
        office.do(good, act, actor, later)
    assert good.case.state == "submitted"


def pass_compliance(product: str, office: Office) -> None:
    """A compliance review that stands at passed, as the products app would leave it."""
    from gongshu.office.cases.models import Case

    Case.objects.create(
        zone_id=office.zone, number=f"C-{product}", procedure="product.compliance", title="合规审核", subject=product,
        pack_digest="x", law_day=NOW.date(), opened_by="p", opened_at=NOW, state="passed",
        procedure_title="产品合规审核", state_title="审核通过", since=NOW,
    )  # fmt: skip


@pytest.mark.row("E21")
def test_a_products_certificate_ends_with_its_authorised_term() -> None:
    office = Office()
    code = office.registered().certificate.code
    pass_compliance("pr-2", office)
    later = datetime(2026, 4, 1, 9, 0, tzinfo=SHANGHAI)
    made = office.in_publicity(
        "product", later, product="pr-2", R16=code, R17={"from": "2026-01-01", "until": "2027-06-30"}
    )
    office.do(made, "certify", office.clerk, after(made.publicity_until))
    assert made.certificate.valid_until == date(2027, 6, 30)
    assert made.certificate.code.startswith("ZX-620000-P-2026-")


def test_a_product_whose_term_is_over_gets_no_certificate() -> None:
    office = Office()
    code = office.registered().certificate.code
    pass_compliance("pr-3", office)
    later = datetime(2026, 4, 1, 9, 0, tzinfo=SHANGHAI)
    made = office.in_publicity(
        "product", later, product="pr-3", R16=code, R17={"from": "2025-01-01", "until": "2026-04-10"}
    )
    with pytest.raises(Refused) as caught:
        office.do(made, "certify", office.clerk, after(made.publicity_until))
    assert "已经结束" in caught.value.sentence
    assert Certificate.objects.count() == 1


@pytest.mark.row("E20")
def test_the_same_data_is_not_registered_twice() -> None:
    office = Office()
    office.registered(resource="cat-1")
    later = datetime(2026, 4, 1, 9, 0, tzinfo=SHANGHAI)
    made = office.submitted("resource", later, resource="cat-1", R01="换了名字的同一数据")
    office.do(made, "accept", office.clerk, later)
    with pytest.raises(Refused) as caught:
        office.do(made, "pass", office.clerk, later, checked=True)
    assert "重复登记" in caught.value.sentence
    office.do(made, "reject", office.clerk, later, art30="duplicate", reasons="同一数据已经登记")
    assert made.case.state == "not_registered"


@pytest.mark.row("E15")
def test_the_list_of_defects_is_given_once_and_the_clock_runs_again() -> None:
    office = Office()
    made = office.submitted()
    office.do(made, "return", office.clerk, defects=[{"item": "R13", "sentence": "报告没有盖章"}])
    later = NOW + timedelta(days=1)
    drafts.save(
        made,
        actor=office.applicant,
        now=later,
        typed=made.typed | {"R43": "改写后的问题"},
        version=made.version,
    )
    office.do(made, "resubmit", office.applicant, later)
    with pytest.raises(Refused) as caught:
        office.do(made, "return", office.clerk, later, defects=[{"item": "R42", "sentence": "对象不清"}])
    assert "第一次就应当一次性告知" in caught.value.sentence
    office.do(made, "return", office.clerk, later, defects=[{"item": "R43", "sentence": "还不清楚"}])
    assert made.case.state == "returned"


def test_files_taken_out_of_a_draft_leave_the_case() -> None:
    office = Office()
    made = office.begin()
    assert Material.objects.filter(case=made.case).count() == len(drafts.file_ids(made.typed))
    typed = {key: value for key, value in made.typed.items() if key != "R13"}
    made = drafts.save(made, actor=office.applicant, now=NOW, typed=typed, version=made.version)
    assert not Material.objects.filter(case=made.case, field="R13").exists()


def test_files_of_another_case_cannot_be_named() -> None:
    office, other = Office(), Office()
    theirs = other.begin()
    made = office.begin()
    stolen = theirs.typed["R13"]
    made = drafts.save(
        made, actor=office.applicant, now=NOW, typed=made.typed | {"R13": stolen}, version=made.version
    )
    assert "R13" not in made.filled


def test_another_organisation_sees_nothing_of_an_application() -> None:
    office = Office()
    made = office.begin()
    stranger = people.acting(people.organisation(zone="gansu"), "registrant", zone="gansu")
    assert not Registration.objects.for_actor(stranger).filter(pk=made.pk).exists()
    assert Registration.objects.for_actor(office.clerk).filter(pk=made.pk).exists()
    with pytest.raises(Refused):
        drafts.save(made, actor=stranger, now=NOW, typed={}, version=made.version)


def test_evidence_of_a_save_names_no_content() -> None:
    Office().begin()
    rows = OutboxEntry.objects.filter(fields__act="registration.save")
    assert rows.count() == 1
    assert "公交" not in str(rows.get().fields)


def test_who_may_not_apply_is_told_so() -> None:
    office = Office()
    with pytest.raises(Refused) as caught:
        drafts.begin(actor=office.clerk, now=NOW, zone="gansu")
    assert "登记主体" in caught.value.sentence


def test_a_zone_without_a_form_refuses_in_words() -> None:
    made: Any = people.acting(people.organisation(zone="cn"), "registrant", zone="cn")
    with pytest.raises(Refused, match="没有字段清单"):
        drafts.begin(actor=made, now=NOW, zone="cn")
