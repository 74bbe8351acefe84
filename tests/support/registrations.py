"""Registrations for tests: complete answers, the people who act, and the form filled in over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from selectolax.lexbor import LexborHTMLParser

from support import people
from support.people import NOW, SHANGHAI

TERM = {"from": "2026-01-01", "until": "2028-12-31"}
COMMON: dict[str, Any] = {
    "R01": "公交线路客流（脱敏汇总）", "R03": "306001", "R04": "G5412", "R05": ["420200"],
    "R06": "公交线路按站点和小时汇总的客流。", "R07": ["交通", "公交"], "R19": False, "R24": "business",
    "R25": "structured", "R26": ["table", "csv"], "R27": "gov_cloud", "R28": {"value": "3", "unit": "GB"},
    "R29": "daily", "R30": "incremental", "R31": {"value": "5", "unit": "MB/日"}, "R32": True, "R33": ["person"],
    "R34": "200000", "R35": True, "R36": "按规则掩码", "R37": "self", "R38": "在本平台存证", "R40": "须经授权",
    "R41": "市区全部线路", "R42": "交通管理部门", "R43": "线路优化", "R44": "conditional", "R45": "用于本场景",
    "R46": ["api"], "R47": False, "R49": False, "R56": True, "R57": False,
}  # fmt: skip
RESOURCE = {**COMMON, "R02": "resource", "R08": TERM, "R09": "in_scope"}
PRODUCT = {**COMMON, "R02": "product", "R15": "公交线路客流", "R17": TERM, "R18": "public"}
FILES = {"resource": ("R13", "R39", "R55"), "product": ("R39", "R55")}


def pdf(name: str = "材料.pdf", body: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"%PDF-1.7\n" + (body or name.encode()), "application/pdf")


def posted(answers: Mapping[str, Any], page: str, form_id: str = "registration-form") -> dict[str, Any]:
    """What a browser would post: the values the form holds already, and the answers typed over them."""
    data = held(page, form_id)
    for key, value in answers.items():
        data |= typed(key, value)
    return data


def typed(key: str, value: Any) -> dict[str, Any]:
    """One answer as the controls of the page take it."""
    if isinstance(value, Mapping):
        return {f"{key}-{part}": str(item) for part, item in value.items()}
    if isinstance(value, bool):
        return {key: "true" if value else "false"} if key != "R56" else {key: "on"} if value else {}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        found = {}
        for number, row in enumerate(value):
            for name, item in row.items():
                found |= typed(f"{key}-{number}-{name}", item)
        return found
    return {key: "\n".join(value) if key in ("R05", "R07") else value}


def held(page: str, form_id: str) -> dict[str, Any]:
    """The values of a form on a page."""
    form = LexborHTMLParser(page).css_first(f"form#{form_id}")
    assert form is not None, f"没有表单 {form_id}"
    found: dict[str, Any] = {}
    for field in form.css("input, select, textarea"):
        name, kind = field.attributes.get("name"), field.attributes.get("type", "")
        if not name or kind in ("file", "submit"):
            continue
        if field.tag == "select":
            chosen = [each for each in field.css("option") if "selected" in each.attributes]
            found[name] = (chosen[0].attributes.get("value") or "") if chosen else ""
        elif field.tag == "textarea":
            found[name] = field.text().lstrip("\n")
        elif kind in ("checkbox", "radio"):
            if "checked" in field.attributes:
                found.setdefault(name, []).append(field.attributes.get("value") or "on")
        else:
            found[name] = field.attributes.get("value") or ""
    return found


class Office:
    """A registrant with applicant and reviewer, a registrar with a clerk, in one zone."""

    def __init__(self, zone: str = "gansu") -> None:
        self.zone = zone
        self.registrant = people.organisation("市公交集团", zone=zone)
        self.registrar = people.organisation("省数据登记中心", zone=zone)
        self.applicant_person = people.person(self.registrant, "registrant", zone=zone)
        self.reviewer_person = people.person(self.registrant, "registrant_reviewer", zone=zone)
        self.clerk_person = people.person(self.registrar, "registrar", zone=zone)
        self.applicant = people.actor(self.applicant_person, zone)
        self.reviewer = people.actor(self.reviewer_person, zone)
        self.clerk = people.actor(self.clerk_person, zone)

    def begin(self, kind: str = "resource", now: datetime = NOW, **more: Any) -> Any:
        """A complete application, filled through the services."""
        from gongshu.office.cases import lawbook, materials
        from gongshu.office.registration import checklist, drafts

        procedure = "registration.product" if kind == "product" else "registration.first"
        keys = {key: more.pop(key) for key in ("resource", "product", "name") if key in more}
        made = drafts.begin(actor=self.applicant, now=now, procedure=procedure, zone=self.zone, **keys)
        answers: dict[str, Any] = dict(PRODUCT if kind == "product" else RESOURCE)
        if kind == "product":
            rules = lawbook.rules_of(made.case)
            answers["R14"] = str(rules.limit("product.forms").value[0])
        answers |= more
        asked = [
            each.id for each in checklist.asked(lawbook.rules_of(made.case), answers) if not each.optional
        ]
        for field in (*FILES[kind], *asked):
            paper = materials.store(
                pdf(f"{field}.pdf"), actor=self.applicant, now=now, field=field, case=made.case
            )
            answers[field] = [paper.pk]
        return drafts.save(made, actor=self.applicant, now=now, typed=answers, version=made.version)

    def do(self, registration: Any, act: str, actor: Any, now: datetime = NOW, **facts: Any) -> Any:
        from gongshu.office.cases import services

        done = services.perform(registration.case, act, actor, facts, now)
        registration.refresh_from_db()
        if hasattr(registration.case, "_registration_row"):
            del registration.case._registration_row
        return done

    def submitted(self, kind: str = "resource", now: datetime = NOW, **more: Any) -> Any:
        made = self.begin(kind, now, **more)
        self.do(made, "fill", self.applicant, now)
        self.do(made, "pass_business", self.reviewer, now)
        self.do(made, "submit", self.applicant, now)
        return made

    def in_publicity(self, kind: str = "resource", now: datetime = NOW, **more: Any) -> Any:
        made = self.submitted(kind, now, **more)
        self.do(made, "accept", self.clerk, now)
        self.do(made, "pass", self.clerk, now, checked=True)
        return made

    def registered(self, kind: str = "resource", now: datetime = NOW, **more: Any) -> Any:
        made = self.in_publicity(kind, now, **more)
        self.do(made, "certify", self.clerk, after(made.publicity_until))
        return made


def after(last: date) -> datetime:
    """The morning of the day after a last day."""
    return datetime(last.year, last.month, last.day, 9, 0, tzinfo=SHANGHAI) + timedelta(days=1)
