"""The story as a table: which steps, in which order, for which zone and data."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gongshu.demo import cast, city, content, flow, real, scenes
from gongshu.demo.play import Step
from gongshu.demo.product import Content
from gongshu.demo.stage import Stage

ZONE = cast.ZONE
ZONES = (ZONE,)
SIZES = {
    "full": city.Size(),
    "small": city.Size(persons=4_000, enterprises=600, trips=60_000),
}


def founding() -> list[Step]:
    """People, keys, clock: the same for every story."""
    return [
        Step("administrators", "从控制台建立第一批管理员", scenes.administrators),
        Step("first_day", f"业务时间移到 {scenes.FIRST_DAY}", scenes.first_day),
        Step("people", "建立机构、人员和角色", scenes.people),
        Step("trust", "签署并装入信任名单", scenes.trust_list),
        Step("airlock_accounts", "开通闸口账号", scenes.airlock_accounts),
    ]


def steps(zone: str, data: Path | None, size: str) -> list[Step]:
    """All steps of the story asked for."""
    del zone
    if data is not None:
        return real.steps(data, founding())
    return [
        *founding(),
        Step("documents", "方案、遴选、协议建档", scenes.documents),
        Step("catalogue", "编制、复核、审核、发布目录；拒绝自己复核自己", scenes.catalogue),
        Step("city", "生成合成城市", partial(scenes.make_city, size=SIZES[size])),
        Step("hand_in", "在闸口入库", scenes.hand_in),
        Step("register", "数据资源首次登记", scenes.register_resource),
        Step("refuse_certificate", "拒绝：公示最后一日发证", scenes.refuse_early_certificate),
        Step("certificate", "公示结束，发放登记凭证", scenes.certificate),
        *flow.way_in(bus),
        Step("forged_grant", "拒绝：伪造的授权", scenes.forged_grant),
        *flow.refusal_steps(bus, content.RAW_SQL, content.SMALL_SQL),
        flow.release_step(bus, "index", "index", "公交客流指数", content.INDEX_SQL),
        flow.release_step(bus, "report", "report", "公交客流月报", content.SQL, content.LEAD),
        *flow.way_out(bus),
        Step("portal", "公众在门户看到什么", scenes.portal),
        Step("verify", "离线核验日志、凭证和出域记录", scenes.verify),
    ]


def bus(stage: Stage) -> Content:
    """The passenger-flow product."""
    return Content(
        key="bus_product",
        resource=stage.memory["resource"]["id"],
        resource_title=str(content.CATALOGUE["name"]),
        scenario=content.SCENARIO,
        need=content.NEED,
        columns=content.COLUMNS,
        purpose=content.PURPOSE,
        since=content.SINCE,
        until=content.UNTIL,
        product=content.PRODUCT,
        heads=content.HEADS,
        registration=content.PRODUCT_REGISTRATION,
        agreement=content.AGREEMENT,
    )
