"""What an application says, judged: problems, digest, papers, notice, term. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from gongshu.crypto import canonical, hashes
from gongshu.law import forms
from gongshu.law.forms import Form, Problem
from gongshu.law.inputs import period_of
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.registration import checklist

FORM = "registration"
NAME, TYPE, SUMMARY = "R01", "R02", "R06"
TERM = {"product": "R17", "resource": "R12"}
RESOURCE_CODE = "R16"
DEPOSIT_FIELDS = ("R37", "R38", "R39")
PRODUCT = "registration.product"
Data = Mapping[str, Any]


def form_of(rules: Rules) -> Form:
    """The registration form as it holds; raises `LawError` in a zone without one."""
    return forms.load(rules, FORM)


def split(data: Data) -> tuple[dict[str, Any], dict[str, Any]]:
    """(answers of the form, materials beside it)."""
    beside = {key: value for key, value in data.items() if key.startswith(checklist.PREFIX)}
    return {key: value for key, value in data.items() if key not in beside}, beside


def problems(rules: Rules, data: Data, procedure: str) -> list[Problem]:
    """Everything wrong with an application, in the order of the form."""
    form = form_of(rules)
    answers, _ = split(data)
    found = forms.validate(form, answers)
    found += _wrong_type(form, answers, procedure)
    return found + checklist.problems(rules, data)


def _wrong_type(form: Form, data: Data, procedure: str) -> list[Problem]:
    kind = data.get(TYPE)
    if blank(kind) or (kind == "product") == (procedure == PRODUCT):
        return []
    wanted = "数据产品和服务" if procedure == PRODUCT else "数据资源"
    sentence = f"这件申请按{wanted}登记办理，“数据登记类型”应选“{wanted}”；要登记另一类的请新建申请。"
    return [Problem(TYPE, sentence, form.field(TYPE).ask.basis)]


def clean(rules: Rules, data: Data) -> dict[str, Any]:
    """The content that is submitted: without blanks and without what does not apply."""
    answers, _ = split(data)
    return forms.clean(form_of(rules), answers) | checklist.kept(rules, data)


def digest(rules: Rules, data: Data) -> str:
    """`sha256:…` over the canonical JSON of the content: what was reviewed is what is submitted."""
    return hashes.digest(canonical.dumps(clean(rules, data)))


def papers(rules: Rules, data: Data) -> dict[str, str]:
    """Field or material → digest of its value, for 一次性告知: which of them changed since."""
    return {name: hashes.digest(canonical.dumps(value)) for name, value in clean(rules, data).items()}


def deposited(data: Data) -> bool:
    """存证 before applying: how, what, and the paper that proves it."""
    return not any(blank(data.get(name)) for name in DEPOSIT_FIELDS)


def notice(rules: Rules, data: Data, *, registrant: str, application_type: str) -> list[list[str]]:
    """The public notice, line by line, exactly as it will be published."""
    answers, _ = split(data)
    lines = forms.notice(
        rules, form_of(rules), answers, registrant=registrant, application_type=application_type
    )
    return [[title, text] for title, text in lines]


def notice_digest(lines: list[list[str]]) -> str:
    return hashes.digest(canonical.dumps(lines))


def term(data: Data) -> tuple[date, date] | None:
    """First and last day of the authorised term, when the form names one."""
    start, end = period_of(data.get(TERM.get(str(data.get(TYPE)), "")))
    return (start, end) if start and end else None
