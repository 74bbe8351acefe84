"""What is registered, what is in publicity, whether a certificate is valid: reading only.

Other apps use `live`, `of_resource`, `of_product`, `status`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q

from gongshu.law.predicates import blank, open_items
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import lawbook, services
from gongshu.office.cases.models import Case
from gongshu.office.link import clock
from gongshu.office.registration import codes, content
from gongshu.office.registration.models import Certificate, Objection, Registration

# 案件的状态 → 凭证的状态；其余在登记的按日期看
ENDED = {"cancelled": "cancelled", "revoked": "revoked"}
FLAGGED = ("flagged", "flagged_ruling")
HELD = ("registered", "cancel_requested", "cancelling", *FLAGGED)
IN_PUBLICITY = ("publicity", "objected", "awaiting_ruling")
STATUS_TITLES = {
    "valid": "有效",
    "flagged": "有效，有异议标识",
    "expired": "已过有效期",
    "cancelled": "已注销",
    "revoked": "已撤销",
}
STATUS_TONES = {
    "valid": "valid",
    "flagged": "objected",
    "expired": "expired",
    "cancelled": "closed",
    "revoked": "revoked",
}
AT_DESK = (
    "submitted",
    "accepted",
    "publicity",
    "objected",
    "awaiting_ruling",
    "cancel_requested",
    "cancelling",
    *FLAGGED,
)


# 清单不读的大字段
CONTENT = ("typed", "filled", "notice")


def registrations(actor: Actor) -> Any:
    """The applications the actor may see, the newest first."""
    found = Registration.objects.for_actor(actor).select_related("case", "case__organisation", "zone")
    return found.defer(*CONTENT).order_by("-case__opened_at", "pk")


def desk(actor: Actor) -> Any:
    """What lies at the registrar's desk, the nearest deadline first."""
    found = Registration.objects.for_actor(actor).filter(zone_id__in=actor.officer_zones())
    found = found.filter(case__state__in=AT_DESK).select_related("case", "case__organisation", "zone")
    return found.defer(*CONTENT).order_by("case__due", "case__number")


def desk_count(actor: Actor) -> int | None:
    """Applications that wait for acceptance or examination."""
    zones = [zone for zone in actor.held if "registrar" in actor.held[zone]]
    waiting = Case.objects.filter(
        zone_id__in=zones,
        procedure__in=("registration.first", content.PRODUCT),
        state__in=("submitted", "accepted", "objected"),
    )
    return waiting.count() or None


def in_publicity(zone: str = "") -> Any:
    """Everything in publicity, the one that ends first at the top. Public."""
    found = Registration.objects.filter(case__state__in=IN_PUBLICITY, publicity_until__isnull=False)
    found = found.filter(zone_id=zone) if zone else found
    found = found.select_related("case", "zone", "case__organisation").defer("typed", "filled")
    return found.order_by("publicity_until", "pk")


def published(identifier: str) -> Registration | None:
    """A registration whose notice was published at some time. Public."""
    found = Registration.objects.filter(pk=identifier, publicity_until__isnull=False)
    return found.select_related("case", "zone", "case__organisation").first()


def issued(zone: str = "") -> Any:
    """Every certificate, the newest first. Public."""
    found = Certificate.objects.filter(zone_id=zone) if zone else Certificate.objects.all()
    return found.select_related("registration__case", "zone").order_by("-issued", "code")


def certificate(code: str) -> Certificate | None:
    """The certificate of a code as typed by anybody; None when there is none."""
    read = codes.read(code)
    if read is None:
        return None
    return Certificate.objects.select_related("registration__case", "zone", "entry").filter(pk=read).first()


def status(found: Certificate, today: date) -> str:
    """`valid`, `flagged`, `expired`, `cancelled` or `revoked` on a day; the last day counts as valid."""
    state = found.registration.case.state
    if state in ENDED:
        return ENDED[state]
    if today > found.valid_until:
        return "expired"
    return "flagged" if state in FLAGGED else "valid"


def live(code: str, today: date, data_type: str = "") -> Certificate | None:
    """The certificate of a code when it holds on a day (an objection flag does not end it)."""
    found = certificate(code)
    if found is None or (data_type and found.data_type != data_type):
        return None
    return found if status(found, today) in ("valid", "flagged") else None


def of_resource(resource: str) -> Any:
    """Registrations of a resource (opaque id), the newest first."""
    return _of(Q(resource=resource), bool(resource))


def of_product(product: str) -> Any:
    """Registrations of a product (opaque id), the newest first."""
    return _of(Q(product=product), bool(product))


def _of(wanted: Q, given: bool) -> Any:
    found = Registration.objects.filter(wanted) if given else Registration.objects.none()
    return found.select_related("case", "certificate").order_by("-case__opened_at", "pk")


def duplicate(registration: Registration, today: date) -> Certificate | None:
    """A live certificate of the same data: the same resource or product, or one registrant's same name."""
    same = Q(
        data_type=registration.data_type,
        name=registration.name,
        organisation=registration.case.organisation_id or "-",
    )
    if registration.resource:
        same |= Q(
            data_type=registration.data_type,
            registration__resource=registration.resource,
            registration__product=registration.product,
        )
    if registration.product:
        same |= Q(registration__product=registration.product)
    others = Certificate.objects.filter(same).exclude(registration=registration)
    return next(
        (
            each
            for each in others.select_related("registration__case")
            if status(each, today) in ("valid", "flagged")
        ),
        None,
    )


def compliance_passed(product: str) -> bool:
    """The product's newest compliance review stands at passed."""
    if not product:
        return False
    cases = Case.objects.filter(procedure="product.compliance", subject=product).order_by("-opened_at", "-pk")
    return cases.values_list("state", flat=True).first() == "passed"


def registered_resource(registration: Registration, today: date) -> Certificate | None:
    """The live resource registration whose code the application names (R16)."""
    code = registration.filled.get(content.RESOURCE_CODE)
    return None if blank(code) else live(str(code), today, "resource")


def open_objections(case: Case) -> list[Objection]:
    """Objections of a case that are not decided yet, the oldest first."""
    procedure = lawbook.procedure_of(case)
    opening = [act for act in ("object", "object_after") if act in procedure.acts]
    history = services.history_of(case)
    left: set[str] = set()
    for act in opening:
        closing = [each for each in ("dismiss", "settle_dismissed", "clear") if each in procedure.acts]
        left |= set(open_items(history, [act], closing))
    return list(Objection.objects.filter(registration__case=case, pk__in=left).order_by("at", "pk"))


def today() -> date:
    return clock.business_today()
