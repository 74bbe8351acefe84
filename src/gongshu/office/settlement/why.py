"""为什么 of a bill (`bl-…`), a line (`bl-….<n>`), one fen (`bl-….fen<n>`), a maximum (`mx-…`)."""

from __future__ import annotations

from typing import Any

from gongshu.law.why import Why
from gongshu.money import maximum as revenue
from gongshu.money import why as money_why
from gongshu.money.bill import month_days
from gongshu.money.pricelaw import price_law
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook
from gongshu.office.cases import why as cases_why
from gongshu.office.products.preview import named
from gongshu.office.products.upstream import organisation_names
from gongshu.office.settlement import kept
from gongshu.office.settlement.models import Bill, Maximum

BILL, MAXIMUM = "bl", "mx"
Screen = dict[str, Any]


def of_bill(identifier: str, actor: Actor) -> Screen | None:
    """The screen of a bill, a line or a fen; None when there is none or the actor may not see it."""
    id_, _, place = identifier.partition(".")
    row = Bill.objects.for_actor(actor).select_related("case", "agreement").filter(pk=id_).first()
    if row is None:
        return None
    bill, rules = kept.read(row.data), lawbook.rules_now(row.zone_id, month_days(row.month)[1])
    try:
        if not place:
            found = money_why.explain_bill(bill, rules)
        elif place.startswith("fen"):
            found = money_why.explain_fen(bill, int(place[3:]), rules)
        else:
            found = money_why.explain_line(bill, bill.lines[int(place)].id, rules)
    except (ValueError, IndexError, KeyError):
        return None
    event = row.case.events.select_related("entry", "decision").order_by("seq").first()
    names = organisation_names({each.share.organisation for each in bill.parts})
    return _screen(found, identifier, names) | {
        "at": row.at,
        "agreement": row.agreement_id,
        **cases_why.case_of(row.case),
        **(cases_why.proof_of(event.entry, event.decision_id) if event else {}),
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
