"""Every kind of message as a table: who sends it, what its body must hold, who must have signed.

An unknown kind, a missing field or a missing signer is refused. Fields not named here may be present:
a newer office may say more, never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gongshu.wire import subjects
from gongshu.wire.envelope import Verified
from gongshu.wire.errors import WireError

DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
DIGEST = re.compile(r"(sha256|sm3):[0-9a-f]{64}\Z")
OUTCOMES = (
    "done",
    "refused_lens",
    "refused_grant",
    "refused_stop",
    "limit",
    "too_large",
    "timeout",
    "failed",
    "no_sandbox",
    "cancelled",
)
KEY_LENGTH = 80
SCOPES = ("all", "grant", "project", "product", "contract")


def _integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _words(value: object) -> bool:
    """Text without NUL, which no database keeps."""
    return isinstance(value, str) and "\0" not in value


def one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: value in words


SHAPES: Mapping[str, Callable[[object], bool]] = {
    "id": lambda value: _words(value) and 0 < len(value) <= 200,  # type: ignore[arg-type]
    # what the data domain keeps in a column of its own; the columns are as long as this
    "key": lambda value: _words(value) and 0 < len(value) <= KEY_LENGTH,  # type: ignore[arg-type]
    "target": lambda value: _words(value) and len(value) <= KEY_LENGTH,  # type: ignore[arg-type]
    "text": _words,
    "number": _integer,
    "count": lambda value: _integer(value) and value >= 0,  # type: ignore[operator]
    "flag": lambda value: isinstance(value, bool),
    "map": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "ids": lambda value: isinstance(value, list) and all(isinstance(item, str) and item for item in value),
    "day": lambda value: isinstance(value, str) and DAY.match(value) is not None,
    "digest": lambda value: isinstance(value, str) and DIGEST.match(value) is not None,
    "outcome": one_of(*OUTCOMES),
    "scope": one_of(*SCOPES),
    "task": one_of("run", "release", "sample", "build", "drop"),
    "mode": one_of("answer", "build"),
    "verdict": one_of("pass", "review", "block"),
    "confirmation": one_of("confirmed", "refused"),
    "review": one_of("awaited", "cast"),
    "subject": lambda value: isinstance(value, str) and subjects.FORM.match(value) is not None,
    "consent": one_of("standing", "once"),
}


class Signer(NamedTuple):
    """A signature a kind needs: any of these roles, at least so many different keys."""

    roles: tuple[str, ...]
    at_least: int = 1


@dataclass(frozen=True)
class Kind:
    """One kind of message. `direction`: feed (office → domain), inbox (domain → office), local (inside
    the data domain). `never_expires`: a late message of this kind still counts (stops, trust lists)."""

    title: str
    direction: str
    fields: Mapping[str, str]
    signers: Sequence[Signer]
    never_expires: bool = False


OFFICE = Signer(("office",))
ADMINISTRATORS = Signer(("administrator",), 2)
ANYONE = Signer(
    ("office", "portal", "airlock", "enclave", "gateway", "administrator", "operator", "buyer", "subject")
)
OPERATOR = Signer(("operator",))
BUYER = Signer(("buyer",))
SUBJECT = Signer(("portal", "subject"))
AIRLOCK = Signer(("airlock",))
ENCLAVE = Signer(("enclave",))
GATEWAY = Signer(("gateway",))
DOMAIN = Signer(("airlock", "enclave", "gateway"))

KINDS: Mapping[str, Kind] = {
    # 办公域 → 数据域
    "trust": Kind(
        "信任名单",
        "feed",
        {
            "number": "count",
            "zones": "ids",
            "administrators": "list",
            "keys": "list",
            "organisations": "list",
            "people": "list",
            "accounts": "list",
        },
        (ADMINISTRATORS,),
        never_expires=True,
    ),
    "grant": Kind(
        "授权",
        "feed",
        {
            "id": "key",
            "zone": "key",
            "project": "key",
            "mode": "mode",
            "purpose": "text",
            "from": "day",
            "until": "day",
            "tables": "map",
            "developing_org": "id",
            "developers": "ids",
            "reviewing_orgs": "ids",
            "runs_per_day": "count",
            "v": "number",
        },
        (OFFICE,),
    ),
    "ceiling": Kind(
        "上限",
        "feed",
        {
            "id": "key",
            "product": "key",
            "grant": "key",
            "buyers": "list",
            "purposes": "ids",
            "fields": "ids",
            "calls_per_day": "count",
            "subjects_per_day": "count",
            "consent": "id",
        },
        (OFFICE,),
    ),
    "task": Kind("任务", "feed", {"id": "key", "kind": "task", "grant": "key"}, (OFFICE,)),
    "stop": Kind(
        "停止",
        "feed",
        {"id": "key", "scope": "scope", "target": "target", "reason": "text"},
        (ANYONE,),
        never_expires=True,
    ),
    # 网关自己停下的协议（熔断）：办公域发布，闸口代提供单位签署，只对这一次熔断有效
    "lift": Kind(
        "解除熔断",
        "feed",
        {"id": "id", "contract": "id", "product": "id", "trip": "id"},
        (OFFICE, AIRLOCK),
    ),
    # 请提供单位在闸口确认的正是同一编号的 lift 的正文
    "lift_asked": Kind(
        "请求解除熔断",
        "feed",
        {"id": "key", "contract": "key", "product": "key", "trip": "key", "reason": "text", "at": "id"},
        (OFFICE,),
    ),
    # 双方签同一份正文；正文写明双方是谁、各用哪一把钥匙
    "contract": Kind(
        "使用协议",
        "feed",
        {
            "id": "id",
            "product": "id",
            "operator": "id",
            "operator_key": "id",
            "buyer": "id",
            "key": "id",
            "from": "day",
            "until": "day",
        },
        (OFFICE, OPERATOR, BUYER),
    ),
    "credential": Kind("凭证", "feed", {"id": "id", "contract": "id", "buyer": "id"}, (OFFICE, BUYER)),
    "consent": Kind(
        "同意",
        "feed",
        {
            "id": "id",
            "subject": "subject",
            "product": "id",
            "buyer": "id",
            "contract": "id",
            "purpose": "id",
            "fields": "ids",
            "from": "day",
            "until": "day",
            "kind": "consent",
        },
        (SUBJECT,),
    ),
    "withdrawal": Kind("撤回同意", "feed", {"id": "id", "consent": "id"}, (SUBJECT,), never_expires=True),
    "calendar": Kind("工作日历", "feed", {"digest": "digest", "days": "list"}, (OFFICE,)),
    "clock": Kind("业务时钟", "feed", {"offset_seconds": "number"}, (OFFICE,)),
    "delete": Kind("删除快照", "feed", {"id": "key", "snapshot": "key"}, (OFFICE,)),
    "checkpoint": Kind(
        "存证检查点",
        "feed",
        {"checkpoint": "text", "proof": "map"},
        (OFFICE,),
        never_expires=True,
    ),
    # 数据域 → 办公域
    "journal": Kind("流水", "inbox", {"source": "id", "entries": "list"}, (DOMAIN,)),
    "resource": Kind(
        "资源结构",
        "inbox",
        {"id": "id", "organisation": "id", "title": "text", "columns": "map", "rows": "count"},
        (AIRLOCK,),
    ),
    # 提供单位在闸口同意以后，一份快照已经销毁
    "deleted": Kind(
        "快照已删除",
        "inbox",
        {"id": "id", "organisation": "id", "snapshot": "key"},
        (AIRLOCK,),
    ),
    "confirmation": Kind(
        "提供方确认",
        "inbox",
        {
            "id": "id",
            "subject": "id",
            "digest": "digest",
            "organisation": "id",
            "person": "id",
            "answer": "confirmation",
        },
        (AIRLOCK,),
    ),
    "outcome": Kind("任务结果", "inbox", {"task": "id", "code": "outcome"}, (ENCLAVE,)),
    "verdict": Kind(
        "出域检查结论",
        "inbox",
        {"task": "id", "output": "id", "verdict": "verdict", "checks": "ids"},
        (ENCLAVE,),
    ),
    "review": Kind(
        "盲审进度",
        "inbox",
        {"output": "id", "organisation": "id", "state": "review"},
        (AIRLOCK,),
    ),
    "release": Kind(
        "出域",
        "inbox",
        {"id": "id", "output": "id", "digest": "digest", "votes": "list", "sources": "list", "record": "map"},
        (ENCLAVE,),
    ),
    # digest、salt：提供单位在闸口确认的正是这些文件
    "sample": Kind(
        "样例",
        "inbox",
        {
            "id": "id",
            "task": "id",
            "grant": "id",
            "digest": "digest",
            "salt": "id",
            "files": "list",
            "record": "map",
        },
        (ENCLAVE,),
    ),
    "calls": Kind(
        "调用批次",
        "inbox",
        {"product": "id", "contract": "id", "count": "count", "root": "digest"},
        (GATEWAY,),
    ),
    # 一天之内每份同意被用了几次，到此刻为止的总数：重发、乱序都不会多算
    "uses": Kind(
        "同意的使用",
        "inbox",
        {"product": "id", "contract": "id", "day": "day", "counts": "map"},
        (GATEWAY,),
    ),
    "cosign": Kind("见证", "inbox", {"size": "count", "line": "text"}, (Signer(("enclave", "gateway")),)),
    # stop: 停止、撤回、熔断或者解除熔断的编号
    "effect": Kind("停止或撤回生效", "inbox", {"stop": "id", "at": "id"}, (DOMAIN,)),
    # 数据域之内
    "vote": Kind(
        "审核票",
        "local",
        {
            "output": "id",
            "digest": "digest",
            "findings": "digest",
            "product": "text",
            "title": "text",
            "person": "id",
            "organisation": "id",
            "answer": "confirmation",
        },
        (AIRLOCK,),
    ),
    "serving": Kind("供数快照", "local", {"product": "id", "version": "id", "files": "map"}, (ENCLAVE,)),
    "serving_state": Kind(
        "闸口停止与上限",
        "local",
        {"number": "count", "stops": "list", "ceilings": "list"},
        (Signer(("enclave", "airlock")),),
    ),
    "resume": Kind(
        "恢复后的起点",
        "local",
        {"number": "count"},
        (ADMINISTRATORS,),
    ),
}


def kind_of(name: str, direction: str) -> Kind:
    """The row of the table, or a refusal when this direction does not carry it."""
    kind = KINDS.get(name)
    if kind is None or kind.direction != direction:
        raise WireError("kind", "消息的种类不认识，本域不接受。")
    return kind


def check_body(_name: str, kind: Kind, body: Mapping[str, Any]) -> None:
    for field, shape in kind.fields.items():
        if field not in body:
            raise WireError("body", f"“{kind.title}”消息缺少“{field}”。")
        if not SHAPES[shape](body[field]):
            raise WireError("body", f"“{kind.title}”消息的“{field}”写法不对。")


def check_signers(kind: Kind, verified: Sequence[Verified]) -> None:
    """Raises unless every signature the kind needs is among those that hold."""
    for signer in kind.signers:
        if len({one.key for one in verified if one.role in signer.roles}) < signer.at_least:
            raise WireError("signer", f"“{kind.title}”消息缺少应有的签名，不予接受。")
