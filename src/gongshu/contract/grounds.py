"""Every ruling as a table: its code, what it says, its ground in the packs, its term of the agreement.

`ground` is an id of `grounds.yaml`: the zone's packs say which articles that is, so no article stands here.
`holds`: what is so when this does not forbid; `changes`: what would make the answer another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

AGREEMENT = "agreement.usage"
SCOPE = "operation.scope"
STOP = "operation.stop"
CONSENT = "consent.given"
WITHDRAW = "consent.withdraw"

Citing = Callable[[str], tuple[str, ...]]
"""Ground id → citations, as `law.grounds.citing` makes it."""


class Saying(NamedTuple):
    holds: str
    sentence: str
    ground: str
    term: str
    changes: str


SAYINGS: dict[str, Saying] = {
    "stopped": Saying(
        "没有被停止或者终止",
        "该产品或协议已被停止，不再回答。",
        STOP,
        "prohibitions",
        "停止不能解除；要继续使用，就没有停止的产品重新签订使用协议。",
    ),
    "tripped": Saying(
        "没有熔断",
        "多次越权调用，协议已经熔断，不再回答；请与运营机构核对后恢复。",
        STOP,
        "over_scope",
        "查明原因后，由办公域和提供单位（在闸口）各签署一次，解除的只是这一次熔断。",
    ),
    "no_ceiling": Saying(
        "提供单位确认了上限",
        "提供单位没有在闸口确认该产品的上限，不能调用。",
        SCOPE,
        "parties",
        "提供单位在闸口确认这个产品的上限。",
    ),
    "buyer": Saying(
        "使用单位和公钥在上限之内",
        "使用单位或其公钥不在提供单位确认的上限之内，不能调用。",
        SCOPE,
        "parties",
        "提供单位确认的上限列入这家使用单位和它的这把公钥。",
    ),
    "over_scope": Saying(
        "协议不超出上限",
        "使用协议的用途、字段或同意方式超出提供单位确认的上限，不能调用。",
        SCOPE,
        "purposes",
        "缩小协议，或者由提供单位确认更宽的上限。",
    ),
    "not_yet": Saying(
        "协议已经生效", "使用协议尚未生效。", AGREEMENT, "period", "到协议写明的起始日再调用。"
    ),
    "expired": Saying("协议没有到期", "使用协议已经到期，请续签。", AGREEMENT, "period", "续签使用协议。"),
    "purpose": Saying(
        "用途在约定之内",
        "用途不在使用协议约定的范围之内。",
        AGREEMENT,
        "purposes",
        "写明协议约定的用途，或者变更协议。",
    ),
    "field": Saying(
        "字段在约定之内",
        "请求的字段不在使用协议约定的范围之内。",
        AGREEMENT,
        "fields",
        "只要协议约定的字段，或者变更协议。",
    ),
    "no_consent": Saying(
        "有本人对这次调用的同意",
        "没有数据所指向的个人或企业对这次调用的同意，不能回答。",
        CONSENT,
        "consent",
        "取得本人对这家使用单位、这个产品的同意。",
    ),
    "withdrawn": Saying("同意没有撤回", "同意已经撤回，不能再回答。", WITHDRAW, "consent", "本人重新同意。"),
    "consent_expired": Saying(
        "同意在期限之内", "同意还没有生效或者已经到期，不能回答。", CONSENT, "consent", "本人再次同意。"
    ),
    "consent_scope": Saying(
        "用途和字段在同意的范围之内",
        "用途或字段超出了本人同意的范围，不能回答。",
        CONSENT,
        "consent",
        "缩小到同意的范围，或者请本人就更大的范围同意。",
    ),
    "consent_used": Saying(
        "一次性的同意没有用过",
        "这份同意只能用一次，已经用过，不能再回答。",
        CONSENT,
        "consent",
        "每次调用带来一份新的同意。",
    ),
    "rate": Saying(
        "没有超过约定的速率", "调用过快，请按协议约定的速率稍后重试。", AGREEMENT, "rate", "放慢调用。"
    ),
    "quota": Saying(
        "今日次数未满",
        "今日调用次数已达使用协议约定的上限，请明日再试。",
        AGREEMENT,
        "quota",
        "次日重新计数，或者变更协议。",
    ),
    "quota_month": Saying(
        "本月次数未满",
        "本月调用次数已达使用协议约定的上限，请下月再试。",
        AGREEMENT,
        "quota",
        "次月重新计数，或者变更协议。",
    ),
    "quota_total": Saying(
        "总次数未满",
        "调用次数已达使用协议约定的总数，请变更协议。",
        AGREEMENT,
        "quota",
        "变更协议，增加总数。",
    ),
    "subjects": Saying(
        "今日主体数未满",
        "今日涉及的主体数已达使用协议约定的上限，请明日再试。",
        AGREEMENT,
        "quota",
        "次日重新计数；今日问过的主体仍可再问。",
    ),
    "ceiling": Saying(
        "今日次数未满上限",
        "今日调用次数已达提供单位确认的上限，请明日再试。",
        SCOPE,
        "quota",
        "次日重新计数，或者确认更高的上限。",
    ),
    "ceiling_subjects": Saying(
        "今日主体数未满上限",
        "今日涉及的主体数已达提供单位确认的上限，请明日再试。",
        SCOPE,
        "quota",
        "次日重新计数，或者确认更高的上限。",
    ),
    "allowed": Saying(
        "可以回答",
        "调用在使用协议、上限和同意之内。",
        AGREEMENT,
        "purposes",
        "以上任何一项不成立，就不能回答。",
    ),
}
"""In the order they are asked; the first that forbids is the answer."""

COUNTED = frozenset({"purpose", "field", "consent_scope"})
"""Refusals that count as over-scope tries 越权 towards the trip 熔断."""
