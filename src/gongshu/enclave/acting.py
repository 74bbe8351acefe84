"""Who may act in the data domain: each service asks the trust list itself, whoever called it.

A page asks too, to say no before it shows a form; what counts is asked here.
"""

from __future__ import annotations

from datetime import datetime

from gongshu.enclave import trust

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


class Forbidden(Exception):
    """The person may not do it. `args[0]`: one Chinese sentence."""


def check(act: str, person: str, now: datetime, organisation: str = "") -> None:
    """Raises `Forbidden` unless the trust list names the person with a role for the act, in this organisation
    where one is said. `now`: wall time. `WireError` while there is no list: nobody may anything."""
    roles, sentence = ACTS[act]
    known = trust.current(now).person(person)
    if known is None or organisation not in ("", known["organisation"]):
        raise Forbidden("信任名单上这个单位没有这个人，不能办理；请安全管理员核对名单。")
    if not roles & set(known.get("roles", ())):
        raise Forbidden(sentence)
