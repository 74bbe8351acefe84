"""Who may act in the data domain: each service asks the trust list itself, whoever called it.

A page asks too, to say no before it shows a form; what counts is asked here.
"""

from __future__ import annotations

from datetime import datetime

from gongshu.enclave import trust
from gongshu.enclave.acts import ACTS


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
