"""Whose product it is: bound to a grant at first use, whatever the office says later."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from gongshu.enclave import journal, sources
from gongshu.enclave.policy import owners, within
from gongshu.enclave.store.models import Grant, ProductOfGrant

ELSEWHERE = "这个产品已在另一项授权下出域或设了上限，换一项授权不能再用它；请为本授权另立产品编号。"


class Elsewhere(Exception):
    """The product belongs to another grant. `args[0]`: one Chinese sentence."""


def grant_of(zone: str, product: str) -> str:
    """The grant a product belongs to, '' while it was never used."""
    found = ProductOfGrant.objects.filter(zone=zone, product=product)
    return found.values_list("grant", flat=True).first() or ""


def check(zone: str, product: str, grant: str, today: date) -> None:
    """Raises `Elsewhere` when the product belongs to another grant. `today`: business day.

    A grant that followed one now over, of the same project, developer and providers, takes its products
    over: the same organisations have confirmed both.
    """
    bound = grant_of(zone, product)
    if product and bound not in ("", grant) and not _follows(zone, bound, grant, today):
        raise Elsewhere(ELSEWHERE)


@transaction.atomic
def bind(zone: str, product: str, grant: str, today: date, now: datetime) -> None:
    """The product belongs to this grant from now on. Raises `Elsewhere`. `now`: wall time."""
    if not product:
        return
    defaults = {"grant": grant, "bound": now}
    row, new = ProductOfGrant.objects.select_for_update().get_or_create(
        zone=zone, product=product, defaults=defaults
    )
    check(zone, product, grant, today)
    if not new and row.grant == grant:
        return
    row.grant, row.bound = grant, now
    row.save(update_fields=["grant", "bound"])
    journal.record(
        source="enclave",
        act="product.bound",
        actor="enclave",
        role="enclave",
        subject=product,
        zone=zone,
        now=now,
        case=grant,
    )


def _follows(zone: str, before: str, grant: str, today: date) -> bool:
    old = Grant.objects.filter(id=before, zone=zone).first()
    new = Grant.objects.filter(id=grant, zone=zone).first()
    if old is None or new is None or (old.state == "live" and not within(old.body, today)):
        return False
    same = ("project", "developing_org")
    return all(old.body[key] == new.body[key] for key in same) and _providers(old) == _providers(new)


def _providers(grant: Grant) -> tuple[str, ...]:
    return owners(sources.of_grant(grant.body))
