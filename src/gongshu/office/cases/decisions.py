"""Decisions as rows: what was asked, what the law answered, on which facts; refusals included."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from gongshu.law import decisions as law
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases.models import Case, Decision, decision_id, jsonable
from gongshu.office.link import clock, evidence


def draft(case: Case | None, decision: law.Decision, actor: Actor, role: str, zone: str) -> dict[str, Any]:
    """The fields of a Decision row, not yet stored."""
    return {
        "id": decision_id(),
        "zone_id": zone,
        "case": case,
        "procedure": decision.procedure,
        "act": decision.act,
        "state": decision.state,
        "allowed": decision.allowed,
        "code": decision.code,
        "sentence": decision.sentence,
        "articles": list(decision.articles),
        "facts": jsonable(dict(decision.facts)),
        "checks": [jsonable(each) for each in decision.checks],
        "readings": dict(decision.readings),
        "pack_digest": case.pack_digest if case else "",
        "actor": actor.person,
        "role": role,
    }


def store(fields: dict[str, Any], act: str) -> Decision:
    """Write the row with its evidence, in the caller's transaction. `act` is the dotted act of the entry."""
    wall, business = clock.wall_now(), clock.business_now()
    content = {
        key: fields.get(key)
        for key in ("procedure", "act", "state", "allowed", "code", "sentence", "articles", "facts", "checks")
    }
    digest, salt = evidence.digest_of(_without_floats(content))
    case = fields.get("case")
    entry = evidence.record(
        act=act,
        actor=fields["actor"],
        role=fields.get("role") or "none",
        subject=(case.subject if case else "") or fields["id"],
        zone=fields["zone_id"],
        now=wall,
        case=case.id if case else "",
        articles=fields.get("articles", ()),
        digests={"decision": digest},
    )
    return Decision.objects.create(**fields, at=business, wall_at=wall, digest=digest, salt=salt, entry=entry)


def _without_floats(value: Any) -> Any:
    """Floats are written as text: a digest must not depend on how a number is printed."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_floats(item) for item in value]
    return value


def keep_refusal(refusal: Refused, actor: Actor, act: str) -> None:
    """Store a refusal outside the transaction it broke; inside one it stays pending for the outermost caller.

    Afterwards `refusal.decision` is the id its 为什么 is found under.
    """
    if refusal.decision and refusal.pending is None:
        return
    if refusal.pending is None:
        if actor.anonymous:
            return  # 访客被拒只是没有登录，不是对某个人的决定
        refusal.pending = {
            "id": decision_id(),
            "zone_id": actor.zone,
            "case": None,
            "act": act[:80],
            "allowed": False,
            "code": refusal.code[:80],
            "sentence": refusal.sentence,
            "articles": list(refusal.articles),
            "facts": jsonable(refusal.facts),
            "actor": actor.person,
            "role": next(iter(sorted(actor.roles)), ""),
        }
    refusal.decision = refusal.pending["id"]
    if connection.in_atomic_block:
        return
    fields, refusal.pending = refusal.pending, None
    with transaction.atomic():
        store(fields, "cases.refuse")
