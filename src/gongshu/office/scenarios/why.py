"""为什么 of a grant: why work may or may not be done under it today. And of a stop."""

from __future__ import annotations

from typing import Any

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.cases import why
from gongshu.office.link import clock
from gongshu.office.scenarios import grants, queries
from gongshu.office.scenarios.models import Grant, Stop

GRANT = "g"
STOPS = ("x", "stop")  # 办公域发出的，闸口发出的


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


def of_stop(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`x-…`: who stopped what, and when each domain acted."""
    row = Stop.objects.for_actor(actor).filter(pk=identifier).first()
    if row is None or actor.anonymous:
        return None
    facts = {"范围": row.scope, "对象": row.target, "理由": row.reason, "发出": row.made_at.isoformat()}
    facts |= {f"{each['source']} 生效": each["at"] for each in row.effects}
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
