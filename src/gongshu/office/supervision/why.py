"""为什么 of a number of the cockpit, of a line of the totals, of a draw."""

from __future__ import annotations

from typing import Any

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import can
from gongshu.office.cases import lawbook, why
from gongshu.office.link import clock
from gongshu.office.supervision import measures, sampling, totals
from gongshu.office.supervision.models import Draw

MEASURE, TOTAL, DRAW = "sv", "st", "dr"


def _zone(actor: Actor, zone: str) -> bool:
    return zone in actor.officer_zones() and can(actor, "supervision.see", actor.zone)


def of_measure(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`sv-<measure>-<zone>`: how the number was counted, now."""
    _, _, rest = identifier.partition("-")
    name, _, zone = rest.rpartition("-")
    measure = measures.measures().get(name)
    if measure is None or not _zone(actor, zone):
        return None
    ask = ask_of(actor, zone)
    made = measures.shown(measure, ask)
    facts = {measure.title: f"{made.value} {measure.unit}"}
    facts |= {f"{each.group} {each.label}".strip(): each.shown for each in made.parts[:40]}
    tree = why.plain(measure.how, list(measure.articles(ask.rules)), facts, zone, ask.today)
    return tree | {
        "id": identifier,
        "title": measure.title,
        "allowed": None,
        "at": clock.business_now(),
        "changes": list(measure.changes),
        "choice": "" if tree["articles"] else "项目选择：怎样计数由平台规定，没有条文规定。",
    }


def of_total(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`st-<line>-<zone>`: both numbers, where each was counted, what to do about a difference."""
    _, _, rest = identifier.partition("-")
    name, _, zone = rest.rpartition("-")
    if not _zone(actor, zone):
        return None
    line = next((each for each in totals.lines(zone) if each.id == name), None)
    if line is None:
        return None
    said = "两边一致。" if line.agrees else f"相差 {line.difference}。{line.next}"
    facts = {line.left_title: line.left, line.right_title: line.right, "差额": line.difference}
    tree = why.plain(f"{line.how}{said}", [], facts, zone, clock.business_today())
    return tree | {
        "id": identifier,
        "title": line.title,
        "allowed": line.agrees,
        "at": clock.business_now(),
        "changes": [line.next],
        "choice": "项目选择：平台自己规定的核对，没有条文规定。",
    }


def of_draw(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`dr-…`: from which population and with which seed the cases were drawn."""
    row = Draw.objects.for_actor(actor).filter(pk=identifier).select_related("entry").first()
    if row is None or not can(actor, "supervision.see", row.zone_id):
        return None
    first = row.numbers[0]
    facts = {
        "种子": row.seed,
        "立案自": row.since.isoformat() if row.since else "最早",
        "立案至": row.until.isoformat(),
        "程序": row.procedure or "全部",
        "总体件数": row.population,
        "总体摘要": row.population_digest,
        "抽取件数": len(row.numbers),
        "第一件": f"{first}（{sampling.place(row.seed, first).hex()[:16]}…）",
        "抽样摘要": row.digest,
    }
    sentence = (
        "对总体里的每一件算 SHA-256（种子、换行、案号），取最小的若干件；"
        "种子、总体和日期相同，任何人抽到的都一样。"
    )
    tree = why.plain(sentence, [], facts, row.zone_id, local_day(row.at))
    return tree | {
        "id": row.pk,
        "title": "抽样",
        "allowed": None,
        "at": row.at,
        "wall_at": row.wall_at,
        "changes": ["换一个种子、日期或者程序，抽到的就不同；每次抽样都记在存证日志里。"],
        "choice": "项目选择：抽样的办法由平台规定，没有条文规定。",
        **why.proof_of(row.entry, row.pk),
        "proof": "",
    }


def ask_of(actor: Actor, zone: str) -> measures.Ask:
    """What a number is asked with: the rules in use today, both clocks."""
    today = clock.business_today()
    return measures.Ask(actor, zone, today, clock.wall_now(), lawbook.rules_now(zone, today))


__all__ = ["DRAW", "MEASURE", "TOTAL", "ask_of", "of_draw", "of_measure", "of_total"]
