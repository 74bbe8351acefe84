"""为什么 of a consent, a withdrawal, a request and a complaint: for their subject, and for accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.cases import why as cases_why
from gongshu.office.consent import services
from gongshu.office.consent.models import Complaint, Consent, ConsentRequest, Subject, Withdrawal

PREFIXES = ("cs", "wd", "cq", "cp")
Screen = dict[str, Any]


def for_staff(identifier: str, actor: Actor) -> Screen | None:
    """The screen for an account: of what its organisation may see, without whose consent it is."""
    model = MODELS[identifier.partition("-")[0]]
    row = model.objects.for_actor(actor).filter(pk=identifier).first()
    return None if row is None else screen(row)


def for_subject(identifier: str, subject: Subject) -> Screen | None:
    """The screen for the subject whose it is."""
    model = MODELS.get(identifier.partition("-")[0])
    row = model.objects.filter(pk=identifier).first() if model else None
    if row is None or owner(row) != subject.pk:
        return None
    return screen(row) | {"proof": _proof(row)}


def owner(row: Any) -> str:
    found = row.consent if isinstance(row, Withdrawal) else row
    return str(found.subject_id)


def _proof(row: Any) -> str:
    if isinstance(row, Consent):
        return reverse("consent:document", args=[row.pk])
    return reverse("consent:receipt", args=[row.consent_id]) if isinstance(row, Withdrawal) else ""


def screen(row: Any) -> Screen:
    """The screen itself; who may see it is the caller's to know."""
    sentence, ground, facts, changes, at = WORDS[type(row)](row)
    articles = list(basis(row.zone_id, ground, local_day(at)))
    found = cases_why.plain(sentence, articles, {}, row.zone_id, local_day(at))
    return found | {
        "kind": "consent",
        "title": row._meta.verbose_name,
        "facts": [{"name": name, "title": name, "value": value} for name, value in facts],
        "changes": changes,
        "id": row.pk,
        "at": at,
        "wall_at": row.wall_at,
    }


def _consent(row: Consent) -> tuple[Any, ...]:
    said: Mapping[str, Any] = row.document["said"]
    facts = [(name, str(said[name])) for name, _ in services.facts_of(row.request)]
    changes = ["本人随时撤回，几秒之内停止。", "到期、用完一次或者使用协议终止，同意即不再有效。"]
    return "本人同意之后，使用单位才能凭这份协议查询本人的数据。", services.GIVEN, facts, changes, row.at


def _withdrawal(row: Withdrawal) -> tuple[Any, ...]:
    facts = [("撤回的同意", row.consent_id), ("通知流", f"第 {row.sent} 号")]
    changes = ["撤回不能取消；要恢复，须由使用单位重新请求，由本人重新同意。"]
    return "本人撤回同意，不需要理由，平台不得拒绝。", services.WITHDRAW, facts, changes, row.at


def _request(row: ConsentRequest) -> tuple[Any, ...]:
    changes = ["使用协议写得更少，能请求的就更少。", "本人拒绝即止，同一件事可以改走别的办法。"]
    sentence = "使用单位只能在自己已备案的使用协议之内请求，由本人自愿决定。"
    return sentence, services.FREE, services.facts_of(row), changes, row.at


def _complaint(row: Complaint) -> tuple[Any, ...]:
    facts = [("事由", row.get_kind_display()), ("状态", row.get_state_display())]
    sentence = "投诉送交运营机构、数据提供单位和数据管理部门，由其查明并书面答复。"
    return sentence, services.COMPLAINT, facts, ["查明属实的，提供单位和运营机构都可以停止产品。"], row.at


MODELS: dict[str, Any] = dict(zip(PREFIXES, (Consent, Withdrawal, ConsentRequest, Complaint), strict=True))
WORDS: dict[Any, Callable[[Any], tuple[Any, ...]]] = {
    Consent: _consent,
    Withdrawal: _withdrawal,
    ConsentRequest: _request,
    Complaint: _complaint,
}
