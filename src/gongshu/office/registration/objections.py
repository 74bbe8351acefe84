"""异议: by anybody under the real name, with evidence; from outside through the public form."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from gongshu.law.history import local_day
from gongshu.office.accounts import actors
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.ids import ALPHABET
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import lawbook, services
from gongshu.office.cases.models import Case, CaseEvent, Material
from gongshu.office.link import clock, evidence
from gongshu.office.registration.models import Objection, Registration

ACTS = ("object", "object_after")
NAME_MOST = 120
A_DAY = 5  # 项目选择：同一来源一天最多提五件，防止用公开表单灌水
AN_HOUR = 100  # 还没有成为异议的上传件，全站一小时最多收这么多
OTHER_NUMBER = re.compile(r"[0-9A-Za-z()（）-]{5,20}")
KIND_CHECKS = {"person": ric.validate, "organisation": uscc.validate}


@dataclass(frozen=True)
class Objector:
    """Who objects from outside: real name, the number of the identity paper, how to be reached."""

    name: str
    identity_kind: str
    identity: str
    contact: str


def act_for(case: Case) -> str | None:
    """The act by which an objection enters the case now; None when its state takes none."""
    acts = lawbook.procedure_of(case).acts
    return next((act for act in ACTS if act in acts and case.state in acts[act].from_), None)


def identity_problem(kind: str, number: str) -> str:
    """What is wrong with the number of an identity paper, or an empty string."""
    if kind == "other":
        return (
            "" if OTHER_NUMBER.fullmatch("".join(number.split())) else "证件号码应是 5 到 20 位字母和数字。"
        )
    check = KIND_CHECKS.get(kind)
    if check is None:
        return "请选择证件种类。"
    try:
        check("".join(number.split()).upper())
    except ValidationError:
        name = "居民身份证号码（18 位）" if kind == "person" else "统一社会信用代码（18 位）"
        return f"{name}不对：位数或者校验码有误，请核对证件。"
    return ""


def address_digest(address: str) -> str:
    """A keyed digest of an address, kept only to limit floods."""
    secret = settings.KEYS.create_secret("objections")
    return hmac.new(secret, address.encode(), hashlib.sha256).hexdigest()


def check_flood(address: str) -> None:
    """Raise on too many objections from one address in a day, or too many files from anywhere in an hour."""
    now = clock.wall_now()
    loose = Material.objects.filter(uploaded_by="public", case=None, wall_at__gte=now - timedelta(hours=1))
    if loose.count() >= AN_HOUR:
        raise Refused("现在提交异议的人太多，请稍后再提，或者到登记机构窗口办理。", "too_many")
    since = now - timedelta(days=1)
    if address and Objection.objects.filter(address=address, wall_at__gte=since).count() >= A_DAY:
        raise Refused("今天从您这里提交的异议已经太多，请明天再提，或者到登记机构窗口办理。", "too_many")


def object_publicly(
    registration: Registration,
    *,
    objector: Objector,
    grounds: str,
    evidence: Sequence[Material],
    identity: Sequence[Material],
    address: str,
    now: datetime,
) -> Objection:
    """An objection of somebody without an account. Counts from now; the registrar checks the identity paper.

    The identity paper stays out of the case's materials: only the registrar may open it.

    Raises `Refused` when the state takes no objection, the identity is no identity or evidence is missing.
    """
    problem = identity_problem(objector.identity_kind, objector.identity)
    if problem or not identity or not objector.name.strip():
        raise Refused(problem or "提出异议应当实名，请写明姓名或名称并上传身份证明。", "input:identity")
    check_flood(address)
    case = registration.case
    act = act_for(case)
    if act is None:
        raise Refused(f"这件登记现为“{case.state_title}”，不在可以提出异议的阶段。", "state")
    actor = actors.public(case.zone_id)
    made = new_receipt()
    shown = [{"name": each.name, "digest": each.digest} for each in evidence]
    facts = {
        "objector": objector.name.strip(),
        "grounds": grounds.strip(),
        "evidence": shown,
        "real_name": True,
    }
    with transaction.atomic():
        done = services.perform(case, act, actor, facts, now, evidence)
        row = Objection.objects.get(pk=done.event.data["objection"])
        row.identity_kind, row.identity = objector.identity_kind, "".join(objector.identity.split()).upper()
        row.identity_paper = identity[0]
        row.contact, row.address, row.receipt = objector.contact.strip(), address, made
        row.save()
    return row


def object_by_account(
    registration: Registration,
    *,
    actor: Actor,
    grounds: str,
    evidence: Sequence[Material],
    now: datetime,
) -> Objection:
    """An objection of somebody logged in: accounts are real-name, so neither name nor paper is asked."""
    case = registration.case
    act = act_for(case)
    if act is None:
        raise Refused(f"这件登记现为“{case.state_title}”，不在可以提出异议的阶段。", "state")
    shown = [{"name": each.name, "digest": each.digest} for each in evidence]
    facts = {"grounds": grounds.strip(), "evidence": shown}  # 异议人由账号给出
    done = services.perform(case, act, actor, facts, now, evidence)
    return Objection.objects.get(pk=done.event.data["objection"])


def account_name(actor: Actor) -> str:
    """The objector's name as the account has it: the organisation and the person."""
    name = actor.name[:60]
    home = actor.organisation_name[: NAME_MOST - len(name) - 2]
    return f"{home}（{name}）" if home else name


def enter(case: Case, event: CaseEvent, actor: Actor, now: datetime) -> Objection:
    """The row of an objection that was just raised, inside the transaction of its act."""
    made = Objection(
        zone_id=case.zone_id,
        registration=Registration.objects.get(case=case),
        act=event.act,
        objector=str(event.data.get("objector", ""))[:NAME_MOST],
        grounds=str(event.data.get("grounds", "")),
        by_account="" if actor.anonymous else actor.person,
        receipt=new_receipt(),
        at=now,
        wall_at=clock.wall_now(),
    )
    made.save(force_insert=True)
    event.data = {**event.data, "objection": made.pk}
    event.save(update_fields=["data"])
    return made


@transaction.atomic
def read_identity(objection: Objection, *, actor: Actor) -> Material:
    """The identity paper of an objector, for the registrar of the zone alone; looking leaves evidence."""
    check(actor, "registration.desk", objection.zone_id)
    if objection.identity_paper is None:
        raise Refused("这件异议没有身份证明。", "state")
    evidence.record(
        act="registration.identity_read",
        actor=actor.person,
        role="registrar",
        subject=objection.pk,
        zone=objection.zone_id,
        now=clock.wall_now(),
        case=objection.registration.case_id,
    )
    return objection.identity_paper


def new_receipt() -> str:
    """A random query code; whoever has it may see how the objection stands."""
    return "YY" + "".join(secrets.choice(ALPHABET) for _ in range(18)).upper()


def outcome(objection: Objection) -> str:
    """How the objection stands, in a sentence for the one who raised it."""
    case = objection.registration.case
    procedure = lawbook.procedure_of(case)
    decided = None
    for event in case.events.order_by("seq"):
        if event.at < objection.at or event.act in ACTS:
            continue
        named = event.data.get("objection")
        if named == objection.pk or event.act in ("uphold", "reject", "settle_upheld", "revoke_objection"):
            decided = event
    if decided is None:
        return f"登记机构正在处理，案件现为“{case.state_title}”。"
    return f"{local_day(decided.at).isoformat()} 作出决定：{procedure.act(decided.act).title}。"
