"""Registration as its people do it: form, deposit, review, desk, publicity, certificate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gongshu.demo import acts
from gongshu.demo.stage import Stage
from gongshu.demo.web import Page, Unexpected

CODE = re.compile(r"ZX-\d{6}-[RP]-\d{4}-\d+-[0-9A-Z*]|ZX-[0-9A-Z-]+")


def apply(
    stage: Stage,
    who: str,
    *,
    procedure: str,
    name: str,
    answers: Mapping[str, object],
    papers: Mapping[str, Path],
    resource: str = "",
    product: str = "",
) -> tuple[str, str]:
    """A filled-in draft with its deposit; (registration id, case id)."""
    browser = stage.at_office(who)
    page = browser.do(
        browser.open("/registration/new/"),
        "new-registration",
        procedure=procedure,
        name=name,
        resource=resource,
        product=product,
    )
    found = re.search(r"/registration/(r-[a-z0-9]+)/", page.url)
    if found is None:
        raise Unexpected(f"登记草稿没有建成：{page.words()[:200]}")
    registration = found[1]
    return registration, fill(stage, who, registration, answers, papers, name)


def fill(
    stage: Stage,
    who: str,
    registration: str,
    answers: Mapping[str, object],
    papers: Mapping[str, Path],
    name: str,
) -> str:
    """Deposit first, then every field and paper the page asks for; the case."""
    browser = stage.at_office(who)
    page = browser.open(f"/registration/{registration}/deposit/")
    browser.do(page, "deposit-form", title=f"{name}的表结构和说明", file=next(iter(papers.values())))
    page = browser.open(f"/registration/{registration}/edit/")
    form = page.forms()["registration-form"]
    filled = {**acts.typed(answers), "R56": "on"}
    given = {
        key: path
        for key, path in papers.items()
        if key in form.files and not (key == "R39" and form.values.get("R39__kept"))
    }
    browser.send(page, "registration-form", button={"do": "check"}, **filled, **given)
    return acts.case_of(browser.open(f"/registration/{registration}/"))


def to_publicity(stage: Stage, applicant: str, reviewer: str, registrar: str, case: str) -> None:
    """Business review by another person, submission, acceptance, examination."""
    acts.do(stage, applicant, case, "fill")
    acts.do(stage, reviewer, case, "pass_business")
    acts.do(stage, applicant, case, "submit")
    acts.do(stage, registrar, case, "accept")
    acts.do(stage, registrar, case, "pass", checked="on")


def certify(stage: Stage, registrar: str, registration: str, case: str) -> str:
    """Issue the certificate; its code."""
    acts.do(stage, registrar, case, "certify")
    page: Page = stage.at_office(registrar).open(f"/registration/{registration}/")
    found = CODE.search(page.text)
    if found is None:
        raise Unexpected(f"登记页上没有凭证编码：{page.words()[:200]}")
    return found[0]
