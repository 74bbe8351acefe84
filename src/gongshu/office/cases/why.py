"""The screen of 为什么: facts → rule → article → what would change it → who and when → proof."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from gongshu.law import engine
from gongshu.law import why as law_why
from gongshu.law.decisions import Check
from gongshu.law.decisions import Decision as LawDecision
from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.law.rules import Rules
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.permissions import can
from gongshu.office.accounts.queries import organisation_names, person_names
from gongshu.office.cases import lawbook, registry, services
from gongshu.office.cases.models import Case, Deadline, Decision
from gongshu.office.link import proofs
from gongshu.office.link.models import OutboxEntry

Screen = dict[str, Any]


def screen(identifier: str, actor: Actor) -> Screen | None:
    """The screen behind an id, None when there is none or the actor may not see it."""
    resolver = registry.RESOLVERS.get(identifier.partition("-")[0])
    found = resolver(identifier, actor) if resolver else None
    return dict(found) if found is not None else None


def _visible(case: Case | None, actor: Actor) -> bool:
    return case is not None and Case.objects.for_actor(actor).filter(pk=case.pk).exists()


# ------------------------------------------------------------ decisions


def of_decision(identifier: str, actor: Actor) -> Screen | None:
    """`d-…`: an act allowed or refused."""
    row = Decision.objects.select_related("case", "entry").filter(pk=identifier).first()
    if row is None:
        return None
    own = row.actor == actor.person and not actor.anonymous
    audits = row.zone_id in actor.zones and can(actor, "accounts.audit", row.zone_id)
    if not (own or audits or _visible(row.case, actor)):
        return None
    tree = _decision_tree(row)
    name, organisation = person_names({row.actor}).get(row.actor, ("", ""))
    return tree | {
        "id": row.id,
        "allowed": row.allowed,
        "code": row.code,
        "who": name,
        "organisation": organisation,
        "role": zone_title(row.role, row.zone_id) if row.role else "",
        "at": row.at,
        "wall_at": row.wall_at,
        "pack": row.pack_digest,
        "digest": {"value": row.digest, "salt": row.salt},
        **case_of(row.case),
        **proof_of(row.entry, row.id),
    }


def _decision_tree(row: Decision) -> Screen:
    """The tree of the law room for an act of a procedure; a plain one for a missing permission."""
    if row.case is None or not row.procedure:
        return plain(row.sentence, row.articles, row.facts, row.zone_id, local_day(row.at))
    decision = LawDecision(
        allowed=row.allowed,
        code=row.code,
        sentence=row.sentence,
        articles=tuple(row.articles),
        facts=row.facts,
        act=row.act,
        procedure=row.procedure,
        state=row.state,
        checks=tuple(
            Check(each["name"], each["title"], each["held"], each["sentence"], tuple(each["basis"]))
            for each in row.checks
        ),
        readings=row.readings,
    )
    return _named(law_why.explain(decision, lawbook.rules_of(row.case)).data(), row.facts)


def _named(tree: Screen, facts: Mapping[str, Any]) -> Screen:
    """The tree with organisations by their names; the kept facts hold their ids."""
    held = {fact["name"]: facts.get(fact["name"]) for fact in tree["facts"] if fact["name"] in ORGANISATIONS}
    ids = {each: [value] if isinstance(value, str) else value for each, value in held.items() if value}
    names = organisation_names({str(one) for several in ids.values() for one in several})
    for fact in tree["facts"]:
        if fact["name"] in ids:
            fact["value"] = "、".join(names.get(str(one), str(one)) for one in ids[fact["name"]])
    return tree


def plain(sentence: str, articles: list[str], facts: Mapping[str, Any], zone: str, day: date) -> Screen:
    """A tree for an answer that no procedure gave: a permission, a ceiling, a price. For other apps too."""
    rules = lawbook.rules_now(zone, day)
    return {
        "kind": "refusal",
        "title": "没有准许" if facts else "说明",
        "sentence": sentence,
        "facts": [
            {"name": key, "title": TITLES.get(key, key), "value": _shown(value)}
            for key, value in facts.items()
        ],
        "rule": [],
        "articles": [vars(each) for each in known_articles(articles, rules)],
        "changes": [],
        "choice": "" if articles else "项目选择：平台的权限规则，没有条文规定。",
        "children": [],
    }


ORGANISATIONS = {
    "actor_organisation",
    "registrant_organisations",
    "developing_organisations",
    "providers",
    "addressees",
}
"""Facts that are ids of organisations."""
TITLES = {"permission": "需要的权限", "roles": "您的角色", "zone": "专区", "related": "有关联的机构"}


def _shown(value: Any) -> str:
    return "、".join(map(str, value)) or "无" if isinstance(value, list) else law_why.shown(value)


def known_articles(citations: list[str], rules: Rules) -> tuple[law_why.Article, ...]:
    """The articles among the citations that the packs know; an unknown one is left out, never invented."""
    found: list[law_why.Article] = []
    for each in citations:
        try:
            found += law_why.articles([each], rules)
        except LawError:
            continue
    return tuple(found)


# ------------------------------------------------------------ the state of a case


def of_case(identifier: str, actor: Actor) -> Screen | None:
    """`c-…`: why a case is in its state: the decision that led there, or that it was opened."""
    case = Case.objects.filter(pk=identifier).first()
    if case is None or not _visible(case, actor):
        return None
    last = case.events.exclude(decision=None).order_by("-seq").first()
    found = of_decision(last.decision_id, actor) if last else None
    if found is None:
        procedure, rules = lawbook.procedure_of(case), lawbook.rules_of(case)
        basis = list(procedure.basis)
        sentence = f"立案以后还没有人办理，按《{procedure.title}》的程序等下一步。"
        found = plain(sentence, basis, {}, case.zone_id, case.law_day) | {
            "at": case.opened_at,
            "pack": case.pack_digest,
            "articles": [vars(each) for each in known_articles(basis, rules)],
            **case_of(case),
        }
    return found | {"id": case.pk, "title": f"现在是“{case.state_title}”"}


# ------------------------------------------------------------ deadlines


def of_deadline(identifier: str, actor: Actor) -> Screen | None:
    """`t-…`: how a deadline was reckoned, day by day."""
    row = Deadline.objects.select_related("case").filter(pk=identifier).first()
    return reckoned(row) if row is not None and _visible(row.case, actor) else None


def reckoned(row: Deadline) -> Screen | None:
    """How one running of a clock was reckoned; the caller has asked who may see it."""
    case = row.case
    procedure, rules = lawbook.procedure_of(case), lawbook.rules_of(case)
    running = next(
        (
            each
            for each in reversed(engine.ledger(procedure, rules, services.history_of(case)))
            if (each.id, each.started) == (row.ledger, row.started)
        ),
        None,
    )
    if running is None:
        return None
    starting = case.events.filter(at__date=row.started).select_related("entry").order_by("seq").first()
    return law_why.explain(running, rules).data() | {
        "id": row.id,
        "due": row.due,
        "started": row.started,
        "met": row.met,
        "late": row.late,
        "provisional": row.provisional,
        "owes": [zone_title(each, case.zone_id) for each in row.owes],
        "pack": case.pack_digest,
        **case_of(case),
        **(proof_of(starting.entry, starting.decision_id) if starting else {}),
    }


# ------------------------------------------------------------ shared


def case_of(case: Case | None) -> Screen:
    if case is None:
        return {}
    return {"case": {"id": case.id, "number": case.number, "title": case.title, "url": f"/cases/{case.id}/"}}


def proof_of(entry: OutboxEntry | None, identifier: str) -> Screen:
    """Where the proof file is fetched, or that it is still being written."""
    if entry is None:
        return {}
    ready = entry.index is not None and entry.index < proofs.covered()
    return {"proof": f"/proof/{identifier}.json" if ready else "", "entry": entry.pk}
