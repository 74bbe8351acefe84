"""What people may do in the data domain, by the roles of the trust list; plain values, no database."""

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
