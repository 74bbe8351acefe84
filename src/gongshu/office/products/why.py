"""为什么 of a trip: why nothing is answered under an agreement, and what it waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.cases import why
from gongshu.office.link import clock
from gongshu.office.products import lifts, queries
from gongshu.office.products.models import Lift, Trip

TRIP = "trip"
WAITS = {
    "": "运营机构查明原因，在协议页请求解除；提供单位在闸口同意以后，网关恢复回答。",
    "asked": "提供单位在闸口答复；都同意以后，网关恢复回答。",
    "confirmed": "网关收到解除并送回回执。",
    "refused": "提供单位没有同意；运营机构可以补正后再请求。",
}


def of_trip(identifier: str, actor: Actor) -> dict[str, Any] | None:
    """`trip-…`: when and why a gateway stopped the agreement, who asked to lift it and what came of it."""
    found = Trip.objects.filter(pk=identifier, agreement__in=queries.agreements(actor))
    row = found.select_related("agreement__product", "agreement__buyer").first()
    if row is None or actor.anonymous:
        return None
    today = clock.business_today()
    last = row.lifts.order_by("-wall_at").first()
    facts = {
        "使用协议": str(row.agreement),
        "停下": moment(row.at),
        "越权": f"{row.seconds} 秒内第 {row.tries} 次" if row.tries else "多次",
        "请求解除": f"{moment(last.wall_at)}：{last.reason}" if last else "还没有",
        "恢复": moment(row.lifted) if row.lifted else "还没有",
    }
    sentence = (
        "网关已经恢复回答：这一次熔断由运营机构请求、提供单位在闸口同意解除。"
        if row.lifted
        else "网关自己停下了这份协议：越权（用途、字段或者同意的范围之外）到了协议约定的次数。"
    )
    tree = why.plain(sentence, list(basis(row.zone_id, lifts.GROUND, today)), facts, row.zone_id, today)
    return tree | {
        "id": row.id,
        "title": "熔断",
        "allowed": row.lifted is not None,
        "at": row.at,
        "choice": "" if tree["articles"] else "项目选择：没有条文写到自动熔断以后怎样恢复，取两把钥匙。",
        "changes": [] if row.lifted else [WAITS[last.state if isinstance(last, Lift) else ""]],
    }


def moment(at: datetime) -> str:
    """An instant of wall time as people read it, to the second."""
    return f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}（自然时间）"
