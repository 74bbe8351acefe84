"""为什么 of a certificate: why it holds until that day, and its state. Public, like the certificate."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from gongshu.law.errors import LawError
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook, why
from gongshu.office.link import proofs
from gongshu.office.registration import certificates, queries

PREFIX, NOTICE = "ZX", "r"
CHANGES = [
    "登记主体在期满前申请续展，有效期会延长。",
    "有人对登记提出异议，会先作标识；异议成立的会撤销。",
    "注销、撤销之后，凭证不再有效。",
]
MEANING = {
    "valid": "有效期内，没有异议标识，也没有注销或者撤销。",
    "flagged": "登记后有人提出异议，处理之前先作标识；标识不影响有效期。",
    "expired": "有效期已过，没有续展。",
    "cancelled": "登记已经注销。",
    "revoked": "登记已经撤销。",
}


def of_publicity(identifier: str, actor: Actor) -> dict[str, Any] | None:  # noqa: ARG001
    """`r-…`: how the last day of a publicity was reckoned. Everybody may see it, and no more than that."""
    found = queries.published(identifier)
    if found is None:
        return None
    row = found.case.deadlines.filter(started__lte=found.publicity_from, due=found.publicity_until).last()
    screen = why.reckoned(row) if row is not None else None
    return screen and {**screen, "id": identifier, "case": None}


def of_certificate(identifier: str, actor: Actor) -> dict[str, Any] | None:  # noqa: ARG001
    """`ZX-…`: the screen as data. Everybody may see it; it says no more than the certificate."""
    found = queries.certificate(identifier)
    if found is None:
        return None
    rules, today = lawbook.rules_of(found.registration.case), queries.today()
    state = queries.status(found, today)
    try:
        reckoned = certificates.validity(found.registration, rules, found.issued)
        sentence, basis = reckoned.sentence, list(reckoned.basis)
    except LawError as error:
        sentence, basis = error.sentence, list(error.basis)
    facts = {
        "登记编码": found.code,
        "发放日期": found.issued.isoformat(),
        "有效期至": found.valid_until.isoformat(),
        "查验日期": today.isoformat(),
        "状态": queries.STATUS_TITLES[state],
    }
    ended = (
        MEANING[state]
        if found.facts["mark"] == "production"
        else f"{MEANING[state]}演示或测试环境签发，没有效力。"
    )
    tree = why.plain(f"{ended}{sentence.rstrip('。')}。", basis, facts, found.zone_id, found.issued)
    return tree | {
        "id": found.code,
        "title": "凭证的状态和有效期",
        "at": None,
        "pack": found.facts["pack"],
        "entry": found.entry_id,
        "proof": reverse("registration:certificate-proof", args=[found.code])
        if proofs.of(found.entry)
        else "",
        "changes": CHANGES,
        "choice": "" if basis else tree["choice"],
    }
