"""为什么 of a grant: why work may or may not be done under it today. And of a stop."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.cases import why
from gongshu.office.link import clock, effects
from gongshu.office.scenarios import grants, queries
from gongshu.office.scenarios.models import Grant, Project, Stop
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant

GRANT = "g"
STOPS = ("x", "stop")  # 办公域发出的，闸口发出的
SOURCES = {**effects.DOMAINS, "airlock": "闸口"}


def of_grant(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`g-…`: its state, who had to confirm and who did."""
    row = Grant.objects.for_actor(actor).select_related("project").filter(pk=identifier).first()
    if row is None:
        return None
    today = clock.business_today()
    closed = grants.reason_closed(row, today)
    names = queries.names_of(row.owners)
    answers = {each.organisation: each for each in row.answers.all()}
    confirmed = [names.get(each, each) for each in row.owners if each in answers]
    facts = {
        "授权": row.id,
        "项目": row.project.name,
        "期限": f"{row.body['from']} 至 {row.body['until']}",
        "须确认的提供单位": [names.get(each, each) for each in row.owners],
        "已答复的提供单位": confirmed,
        "每日运行次数": row.body["runs_per_day"],
        "业务日期": today.isoformat(),
    }
    sentence = closed or "授权已经生效：办公域发出，涉及的提供单位都在闸口对同一份内容作了确认。"
    tree = why.plain(sentence, list(basis(row.zone_id, grants.GROUND, today)), facts, row.zone_id, today)
    return tree | {
        "id": row.id,
        "title": "数据授权的状态",
        "allowed": not closed,
        "at": row.settled_at or row.issued_at,
        "digest": {"value": row.digest, "salt": ""},
    }


def moment(at: datetime) -> str:
    """An instant of wall time as people read it, to the second."""
    return f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}（自然时间）"


def told(at: str) -> str:
    """The instant a receipt names; what is none is shown as it came."""
    try:
        return moment(instant(at, "at"))
    except WireError:
        return at


def target_of(row: Stop) -> str:
    """What was stopped, by name where this room knows it."""
    if row.scope == "all":
        return "本专区的全部"
    named = Project.objects.filter(pk=row.target) | Project.objects.filter(grants=row.target)
    project = named.first() if row.scope in ("project", "grant") else None
    return f"{project.name}（{row.target}）" if project else row.target


def of_stop(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`x-…`: who stopped what, and when each domain acted."""
    row = Stop.objects.for_actor(actor).filter(pk=identifier).first()
    if row is None or actor.anonymous:
        return None
    facts = {
        "范围": effects.SCOPES.get(row.scope, row.scope),
        "对象": target_of(row),
        "理由": row.reason or "没有写明",
        "发出": moment(row.made_at),
    }
    for each in row.effects:
        facts[f"{SOURCES.get(each['source'], each['source'])}生效"] = told(each["at"])
    today = clock.business_today()
    said = "已生效" if row.effects else "已经发出，还没有收到数据域生效的回报"
    tree = why.plain(
        f"停止{said}：停止任何一方都可以发出，一把钥匙就够，谁也不能拒绝。",
        list(basis(row.zone_id, grants.STOP_GROUND, today)),
        facts,
        row.zone_id,
        today,
    )
    return tree | {"id": row.id, "title": "停止", "at": row.made_at}
