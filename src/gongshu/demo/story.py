"""The story as a table: which steps, in which order, for which zone and data."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gongshu.demo import cast, city, real, scenes
from gongshu.demo.play import Step

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
        Step("catalogue", "编制、复核、审核、发布目录", scenes.catalogue),
        Step("city", "生成合成城市", partial(scenes.make_city, size=SIZES[size])),
        Step("hand_in", "在闸口入库", scenes.hand_in),
        Step("register", "数据资源首次登记", scenes.register_resource),
        Step("refuse_certificate", "公示最后一日不能发证", scenes.refuse_early_certificate),
        Step("certificate", "公示结束，发放登记凭证", scenes.certificate),
    ]
