"""Every change of a product: begin, save as typed, ask again for review, begin its registration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.law import forms as law_forms
from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.law.predicates import blank
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.accounts.queries import saved_between
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case
from gongshu.office.link import clock, evidence
from gongshu.office.products import content, incoming, permissions, upstream
from gongshu.office.products.models import Product
from gongshu.office.registration import drafts
from gongshu.office.registration import queries as registration
from gongshu.office.registration.models import Registration

COMPLIANCE = "product.compliance"


@transaction.atomic
def begin(*, actor: Actor, now: datetime, typed: Mapping[str, Any], zone: str = "") -> Product:
    """A product with the draft of its compliance review. `now` is business time.

    Wrong or missing answers are kept as typed. Raises `Refused` when the actor may not, or has no name.
    """
    zone = zone or actor.zone
    check(actor, "products.make", zone)
    _check_form(zone, now)
    if actor.organisation is None:
        raise Refused("您的账号没有所在机构，不能建立产品。", "input:organisation")
    permissions.check_running(actor.organisation, zone)
    name = _name(typed)
    made = Product(zone_id=zone, operator_id=actor.organisation)
    made.case = _open(made.pk, name, actor, now, zone)
    _write(made, typed, actor, now)
    made.save(force_insert=True)
    incoming.collect(made, clock.wall_now())
    _record("product.begin", made, actor)
    return made


def _check_form(zone: str, now: datetime) -> None:
    try:
        content.form_of(lawbook.rules_now(zone, local_day(now)), content.PRODUCT)
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error


def _name(typed: Mapping[str, Any]) -> str:
    name = str(typed.get("name") or "").strip()[:200]
    if not name:
        raise Refused("请填写产品名称。", "input:name")
    return name


def _open(product: str, name: str, actor: Actor, now: datetime, zone: str) -> Case:
    return cases.open_case(COMPLIANCE, product, actor, now, title=name, subject_kind="product", zone=zone)


@transaction.atomic
def save(product: Product, *, actor: Actor, now: datetime, typed: Mapping[str, Any], version: int) -> Product:
    """Keep what was typed, right or wrong. Raises `Refused` when it may not be changed now."""
    Case.objects.select_for_update(of=("self",)).get(pk=product.case_id)
    row = Product.objects.select_for_update(of=("self",)).select_related("case").get(pk=product.pk)
    permissions.check_edit(actor, row)
    if version != row.version:
        raise Refused(saved_between(row.saved_by, actor), "version")
    _name(typed)
    _write(row, typed, actor, now)
    row.save()
    Case.objects.filter(pk=row.case_id).update(title=row.name)
    incoming.collect(row, clock.wall_now())
    _record("product.save", row, actor)
    return row


def _write(row: Product, typed: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    grant = str(typed.get("grant") or "").strip()
    if grant and grant != row.grant:
        _check_grant(grant, actor, row)
    row.typed = dict(typed)
    row.name = _name(typed)
    row.form, row.purpose = (str(typed.get(key) or "")[:20] for key in ("form", "purpose"))
    row.grant = grant[:60]
    row.state = row.case.state
    row.version += 1
    row.saved_at, row.saved_by = now, actor.person


def _check_grant(grant: str, actor: Actor, row: Product) -> None:
    """A product is made under a grant of the operator's own project, and keeps it once something left."""
    if grant not in {each.id for each in upstream.grants(actor, row.zone_id)}:
        raise Refused("所填的授权不是您的机构经营的项目的授权，请从列表里选择。", "input:grant")
    if row.version and row.releases.exists():
        raise Refused("这个产品已有出域的内容，不能改换授权；另一项授权请建另一个产品。", "input:grant")


@transaction.atomic
def review_again(product: Product, *, actor: Actor, now: datetime) -> Product:
    """A new compliance review after the last one failed."""
    row = Product.objects.select_for_update(of=("self",)).select_related("case").get(pk=product.pk)
    permissions.check_operator(actor, row, "products.make")
    if not row.case.closed:
        raise Refused(f"上一次审核还没有办结，现为“{row.case.state_title}”。", "state")
    row.case = _open(row.pk, row.name, actor, now, row.zone_id)
    row.state = row.case.state
    row.save(update_fields=["case", "state"])
    _record("product.review_again", row, actor)
    return row


def begin_registration(product: Product, *, actor: Actor, now: datetime) -> Registration:
    """A draft of the product's registration with what the product's page says already (R14–R18)."""
    permissions.check_operator(actor, product, "products.make")
    running = next((row for row in registration.of_product(product.pk) if not row.case.closed), None)
    if running is not None and not hasattr(running, "certificate"):
        return running
    return drafts.begin(
        actor=actor,
        now=now,
        procedure=drafts.PRODUCT,
        zone=product.zone_id,
        product=product.pk,
        name=product.name,
        answers=registration_answers(product, local_day(now)),
    )


def registration_answers(product: Product, today: Any) -> dict[str, Any]:
    """Answers of the registration form that follow from the product and its grant."""
    form = content.form_of(lawbook.rules_of(product.case), content.PRODUCT)
    typed = law_forms.clean(form, product.typed)
    found: dict[str, Any] = {
        "R06": typed.get("summary"),
        "R14": typed.get("form"),
        "R18": typed.get("purpose"),
    }
    grant = upstream.grant(product.grant, product.zone_id)
    if grant is not None:
        found["R17"] = {"from": grant.since, "until": grant.until}
        names = upstream.resource_names(set(grant.resources))
        found["R15"] = "、".join(names[each] for each in grant.resources if each in names)[:200]
        for resource in grant.resources:
            for row in registration.of_resource(resource):
                certificate = getattr(row, "certificate", None)
                if certificate is not None and registration.live(certificate.code, today, "resource"):
                    found.setdefault("R16", certificate.code)
    return {key: value for key, value in found.items() if not blank(value)}


def _record(act: str, row: Product, actor: Actor) -> None:
    evidence.record(
        act=act,
        actor=actor.person,
        role="operator",
        subject=row.pk,
        zone=row.zone_id,
        now=clock.wall_now(),
        case=row.case_id,
        digests={"content": evidence.digest_of(row.typed)[0]},
    )
