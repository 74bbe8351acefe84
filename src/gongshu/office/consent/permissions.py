"""Which accounts may do what here; subjects need none, they act on what is their own."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, can, check, declare
from gongshu.office.consent.models import COMPLAINT_READERS, Complaint
from gongshu.office.products.models import Agreement

declare(
    "consent.ask",
    "请求数据主体同意",
    ["buyer"],
    "consent.given",
    "同意由产品使用单位按自己签订的使用协议请求，您的账号没有这个角色。",
)
declare(
    "consent.answer",
    "答复数据主体的投诉",
    ["operator", "provider_officer", "provider_checker", "data_authority"],
    "consent.complaint",
    "投诉由运营机构、数据提供单位或者数据管理部门答复，您的账号没有这个角色。",
)
OVERSEES = frozenset({"supervisor", "implementing_body", "sector_department", "auditor"})
declare(
    "consent.complaints",
    "查看数据主体的投诉",
    COMPLAINT_READERS,
    "consent.complaint",
    "数据主体的投诉只给答复它的单位和监督部门看，您的账号没有这样的角色。",
)


def asks(actor: Actor) -> bool:
    """Sees requests for consent: buyers, and who oversees them."""
    return not actor.anonymous and bool(actor.roles & {"buyer", "operator", "data_authority", *OVERSEES})


def sees_complaints(actor: Actor) -> bool:
    return not actor.anonymous and can(actor, "consent.complaints")


def check_ask(actor: Actor, agreement: Agreement) -> None:
    """Raise unless the actor is the agreement's own buyer."""
    check(actor, "consent.ask", agreement.zone_id)
    if agreement.buyer_id not in actor.organisations:
        raise Refused("这份协议由别的使用单位签订，您的机构不能据此请求同意。", "organisation")


def check_answer(actor: Actor, complaint: Complaint) -> None:
    """Raise unless it was sent to the actor's organisation, or the actor is the zone's authority."""
    check(actor, "consent.answer", complaint.zone_id)
    own = set(complaint.sent_to) & actor.organisations
    if not own and "data_authority" not in actor.roles_in(complaint.zone_id):
        raise Refused("这件投诉没有送交您的机构。", "organisation")
    if complaint.state != "open":
        raise Refused("这件投诉已经答复。", "state")
