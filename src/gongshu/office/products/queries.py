"""Reading products and agreements: lists for people, and what the public sees."""

from __future__ import annotations

from datetime import date
from typing import Any

from gongshu.law import forms
from gongshu.law.rules import Rules
from gongshu.office.accounts.actors import Actor
from gongshu.office.products import content, standing
from gongshu.office.products.models import PASSED, Agreement, BuyerKey, Product, Released


def products(actor: Actor) -> Any:
    return Product.objects.for_actor(actor).select_related("operator", "case", "zone").order_by("name")


def agreements(actor: Actor) -> Any:
    found = Agreement.objects.for_actor(actor).select_related("case", "product__operator", "buyer", "zone")
    return found.order_by("-case__opened_at")


def keys(actor: Actor) -> Any:
    return BuyerKey.objects.for_actor(actor).select_related("organisation").order_by("-at")


def of_buyer(product: Product, actor: Actor, today: date) -> bool:
    """Has the actor's organisation a filed agreement on the product that runs today?"""
    rows = Agreement.objects.filter(
        product=product, buyer_id__in=sorted(actor.organisations), case__state="filed"
    )
    for row in rows:
        term = row.typed.get("term") or {}
        if str(term.get("from", "")) <= today.isoformat() <= str(term.get("until", "")):
            return True
    return False


def inside(product: Product, actor: Actor) -> bool:
    """Operator, officers and providers see a product's releases; buyers those they have an agreement for."""
    return not actor.anonymous and Released.objects.for_actor(actor).filter(product=product).exists()


def shown(rules: Rules, typed: dict[str, Any]) -> list[dict[str, Any]]:
    """A product's page as people read it: groups of lines."""
    form = content.form_of(rules, content.PRODUCT)
    return [
        {
            "title": group.title,
            "lines": [
                (each.title, forms.shown(form, each.id, typed.get(each.id))) for each in form.of(group.id)
            ],
        }
        for group in form.groups
    ]


def published(zone: str, today: date) -> list[tuple[Product, Any]]:
    """(product, certificate) of what is reviewed and registered: the public list."""
    rows = Product.objects.filter(state=PASSED).select_related("operator", "zone", "case")
    found = list(rows.filter(zone_id=zone).order_by("name") if zone else rows.order_by("name"))
    held = standing.certificates([row.pk for row in found], today)
    return [(row, held[row.pk]) for row in found if row.pk in held]


def public(identifier: str, today: date) -> tuple[Product, Any] | None:
    """One published product with its certificate; None for every other."""
    row = (
        Product.objects.filter(pk=identifier, state=PASSED).select_related("operator", "zone", "case").first()
    )
    certificate = standing.certificate(row, today) if row else None
    return (row, certificate) if row and certificate else None
