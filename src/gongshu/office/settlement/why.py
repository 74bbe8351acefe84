"""为什么 of a bill (`bl-…`), a line (`bl-….<n>`), one fen (`bl-….fen<n>`), a maximum (`mx-…`), a batch of
calls (`cb-…`)."""

from __future__ import annotations

from typing import Any

from gongshu.law.why import Why
from gongshu.money import maximum as revenue
from gongshu.money import why as money_why
from gongshu.money.bill import BadUsage, month_days
from gongshu.money.pricelaw import price_law
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.cases import lawbook
from gongshu.office.cases import why as cases_why
from gongshu.office.products.preview import named
from gongshu.office.products.upstream import organisation_names
from gongshu.office.settlement import billing, conflicts, kept
from gongshu.office.settlement.models import Bill, CallBatch, Maximum

BILL, MAXIMUM, BATCH = "bl", "mx", conflicts.PREFIX
Screen = dict[str, Any]


def of_bill(identifier: str, actor: Actor) -> Screen | None:
    """The screen of a bill, a line or a fen; None when there is none or the actor may not see it."""
    id_, _, place = identifier.partition(".")
    row = Bill.objects.for_actor(actor).select_related("case", "agreement").filter(pk=id_).first()
    if row is None:
        return None
    rules = lawbook.rules_now(row.zone_id, month_days(row.month)[1])
    try:
        bill = kept.read(row.data)
    except BadUsage as error:
        return _changed(row, str(error), identifier)
    try:
        if not place:
            found = money_why.explain_bill(bill, rules)
        elif place.startswith("fen"):
            found = money_why.explain_fen(bill, int(place[3:]), rules)
        else:
            found = money_why.explain_line(bill, bill.lines[int(place)].id, rules)
    except (ValueError, IndexError, KeyError):
        return None
    names = organisation_names({each.share.organisation for each in bill.parts})
    return _screen(found, identifier, names) | {"agreement": row.agreement_id, **_issued(row)}


def _changed(row: Bill, sentence: str, identifier: str) -> Screen:
    """A bill that is no longer what was issued: nothing of it is explained but that, and what was proved."""
    facts = [("月份", row.month), ("出账时的摘要", row.digest), ("案号", row.case.number)]
    cited = list(basis(row.zone_id, billing.GROUND, month_days(row.month)[1]))
    found = cases_why.plain(sentence, cited, {}, row.zone_id, month_days(row.month)[1])
    return found | {
        "kind": "bill",
        "title": "账单被改过",
        "facts": [{"name": name, "title": name, "value": value} for name, value in facts],
        "changes": ["从备份恢复出账时的账单，摘要相符以后才能确认和收款。"],
        "id": identifier,
        **_issued(row),
    }


def _issued(row: Bill) -> Screen:
    """When a bill was issued, its case, and the proof of that step."""
    event = row.case.events.select_related("entry", "decision").order_by("seq").first()
    proof = cases_why.proof_of(event.entry, event.decision_id) if event else {}
    return {"at": row.at, **cases_why.case_of(row.case), **proof}


def of_batch(identifier: str, actor: Actor) -> Screen | None:
    """The screen of one batch of calls: where it stands, and for a conflict what each message said."""
    number = identifier.partition("-")[2]
    rows = CallBatch.objects.for_actor(actor)
    row = (
        rows.filter(pk=number).first() if number.isascii() and number.isdigit() and len(number) < 19 else None
    )
    if row is None:
        return None
    facts = [("批次", row.batch), ("业务日期", row.day.isoformat()), ("回答次数", str(row.calls))]
    if row.conflict or row.settled:
        facts += [
            (
                f"第 {place} 种计数",
                f"{each.given['calls']} 次，{'与' if each.proved else '不与'}网关的存证一致",
            )
            for place, each in enumerate(conflicts.versions(row), 1)
        ]
    if row.settled:
        facts.append(("怎样查清的", row.settled["reason"]))
    found = cases_why.plain(
        conflicts.sentence(row), list(basis(row.zone_id, billing.GROUND, row.day)), {}, row.zone_id, row.day
    )
    return found | {
        "kind": "batch",
        "title": f"调用批次 {row.batch}",
        "facts": [{"name": name, "title": name, "value": value} for name, value in facts],
        "changes": ["运营机构查清冲突以后，下一次出账就把它算进去，或者写明不计费。"] if row.conflict else [],
        "id": identifier,
    }


def of_maximum(identifier: str, actor: Actor) -> Screen | None:
    """The screen of a maximum that was assessed, with the newest yearly check."""
    row = Maximum.objects.for_actor(actor).select_related("case").filter(pk=identifier).first()
    if row is None or not row.survey:
        return None
    rules = lawbook.rules_of(row.case)
    law, checked = price_law(rules), row.checks[-1] if row.checks else {}
    survey = revenue.read({**row.survey, **({"actual": checked["actual"]} if checked else {})})
    found = money_why.explain_maximum(survey, revenue.compute(survey, law), law, rules)
    event = row.case.events.filter(act="assess").select_related("entry").order_by("-seq").first()
    return _screen(found, row.pk, {}) | {
        "at": row.at,
        **cases_why.case_of(row.case),
        **(cases_why.proof_of(event.entry, event.decision_id) if event else {}),
    }


def _screen(found: Why, identifier: str, names: dict[str, str]) -> Screen:
    data = _named(found.data(), names) if names else found.data()
    return {**data, "id": identifier}


def _named(value: Any, names: dict[str, str]) -> Any:
    """The same tree with organisations by their names."""
    if isinstance(value, str):
        return named(value, names)
    if isinstance(value, list | tuple):
        return [_named(each, names) for each in value]
    return {key: _named(each, names) for key, each in value.items()} if isinstance(value, dict) else value
