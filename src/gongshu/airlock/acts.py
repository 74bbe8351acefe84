"""What one may do at the airlock, by the roles of the trust list; printed in `docs/permissions.md`."""

from __future__ import annotations

# What one may do here → the roles of the trust list that may; the sentence says whom to ask.
ACTS: dict[str, tuple[frozenset[str], str]] = {
    "hand_in": (
        frozenset({"provider_officer", "provider_checker"}),
        "入库由数据提供单位的经办人办理，您没有这个角色。",
    ),
    "confirm": (
        frozenset({"provider_officer", "provider_checker"}),
        "授权由数据提供单位确认，您没有这个角色。",
    ),
    "see": (
        frozenset({"reviewer", "provider_officer", "provider_checker"}),
        "未出域的成果只给审核机构和提供全部数据的单位的人看，您没有这个角色。",
    ),
    "review": (
        frozenset({"reviewer"}),
        "出域审核由授权写明的审核机构的审核人员办理，您没有这个角色。",
    ),
    "stop": (
        frozenset({"provider_officer", "provider_checker", "reviewer", "security_administrator"}),
        "停止由提供单位、审核人员或安全管理员作出，您没有这个角色。",
    ),
}
TITLES = {
    "hand_in": "入库：交来、确认、退回（本单位的）",
    "confirm": "确认授权、上限、样例、解除熔断（本单位数据的）",
    "see": "看未出域的成果、检验发现和攻击回放（审核机构的，或者数据全由本单位提供的）",
    "review": "对未出域的成果表决（授权写明的审核机构的）",
    "stop": "停止（从不被拒绝给有这些角色的人）",
}
