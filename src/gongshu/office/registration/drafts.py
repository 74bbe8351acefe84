"""Applications before they are submitted: begin, save as typed, keep files; every change leaves evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from django.db import transaction

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.law.predicates import blank
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.accounts.queries import saved_between
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import lawbook, services
from gongshu.office.cases.materials import FILE_KINDS
from gongshu.office.cases.models import Case, Material
from gongshu.office.link import clock, evidence
from gongshu.office.registration import checklist, content, permissions
from gongshu.office.registration.models import Registration

RESOURCE, PRODUCT = "registration.first", content.PRODUCT
OFFERED = 200
PROCEDURES = {RESOURCE: "resource", PRODUCT: "product"}


class Conflict(Refused):
    """Somebody else has saved in the meantime."""


@dataclass(frozen=True)
class Known:
    """What another room says about the thing to be registered; empty where it says nothing."""

    title: str = ""
    zone: str = ""
    organisation: str = ""
    public: bool = False

    def shown_to(self, actor: Actor) -> bool:
        """The name of what is not published yet is shown to its own organisation only."""
        own = actor.organisations | actor.principals_in(self.zone, RESOURCE)
        return self.public or self.organisation in own


class NotInCatalogue(Refused):
    """The catalogue is there and has no such resource."""


def known_resource(identifier: str, *, must_exist: bool = False) -> Known:
    """The catalogue's facts about a resource, read lazily: the catalogue may not be installed.

    Raises `NotInCatalogue` with `must_exist` when the catalogue says that there is no such resource.
    """
    if not identifier:
        return Known()
    try:
        found = import_module("gongshu.office.catalogue.queries").resource(identifier)
    except LookupError:
        if must_exist:
            sentence = f"目录里没有编号为“{identifier[:40]}”的资源，请从目录的资源页进入，或者空着。"
            raise NotInCatalogue(sentence, "input:resource") from None
        return Known()
    except (ImportError, AttributeError):
        return Known()
    return Known(
        str(getattr(found, "title", "")),
        str(getattr(found, "zone_id", "")),
        str(getattr(found, "organisation_id", "")),
        getattr(found, "state", "") == "published",
    )


def check_named(given: Mapping[str, str]) -> None:
    """Raise before a case number is used up when nothing says what is to be registered."""
    if not any(given.get(key) for key in ("name", "resource", "product")):
        raise Refused(
            "请填写登记数据名称，或者选定目录中的资源、产品；什么都没写的不建草稿，不占案号。", "input:name"
        )


def registrable(actor: Actor) -> list[tuple[str, str]]:
    """(id, name) of the published resources of the actor's own organisation and, for an agent, of those that
    let it register resources for them; read lazily."""
    try:
        rows = import_module("gongshu.office.catalogue.queries").published(actor.zone)
    except (ImportError, AttributeError):
        return []
    own = actor.organisations | actor.principals_in(actor.zone, RESOURCE)
    found = rows.filter(provider_id__in=sorted(own)).order_by("name")
    return list(found.values_list("pk", "name")[:OFFERED])


@transaction.atomic
def begin(
    *,
    actor: Actor,
    now: datetime,
    procedure: str = RESOURCE,
    zone: str = "",
    resource: str = "",
    product: str = "",
    name: str = "",
    organisation: str = "",
    answers: Mapping[str, Any] | None = None,
) -> Registration:
    """Open a case with an empty draft (or with `answers`, field id → value). `now` is business time.

    Raises `Refused` when the actor may not apply, or the zone has no registration form.
    """
    zone = zone or actor.zone
    check(actor, "registration.apply", zone)
    if procedure not in PROCEDURES:
        raise Refused("没有这一种登记。", "input:procedure")
    rules = lawbook.rules_now(zone, local_day(now))
    try:
        content.form_of(rules)
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    _check_applicant(actor, zone, procedure, organisation)
    known = known_resource(resource)
    title = (name or (known.title if known.shown_to(actor) else "")).strip()[:200]
    made = Registration(zone_id=zone, data_type=PROCEDURES[procedure], resource=resource, product=product)
    made.case = services.open_case(
        procedure,
        made.id,
        actor,
        now,
        title=title or f"未命名的{made.get_data_type_display()}",
        subject_kind="registration",
        zone=zone,
        organisation=organisation,
    )
    typed = prefilled(made, title) | dict(answers or {})
    made.name, made.typed, made.filled = title, typed, dict(typed)
    made.saved_at, made.saved_by = now, actor.person
    made.save(force_insert=True)
    return made


def prefilled(made: Registration, title: str) -> dict[str, Any]:
    """What is known before anybody types: the type, the name, the place, the item of the catalogue."""
    known: dict[str, Any] = {content.TYPE: made.data_type}
    if title:
        known[content.NAME] = title
    if made.zone_id != "cn":
        known["R05"] = [ZONES[made.zone_id].code]
    if made.resource:
        known |= {"R57": True, "R57_link": made.resource}
    return known


def _check_applicant(actor: Actor, zone: str, procedure: str, organisation: str) -> None:
    """An agent applies for a principal that has given it a power of attorney, never in its own name."""
    if "registrant" in actor.roles_in(zone) and organisation in ("", actor.organisation):
        return
    principals = actor.principals_in(zone, procedure)
    if not principals or (organisation and organisation not in principals):
        raise Refused(
            "代理机构凭登记主体的授权委托书办理，还没有登记主体把这种登记委托给您的机构，请先由登记主体登记委托。",
            "delegation",
            basis(zone, "registration.apply"),
        )


@transaction.atomic
def save(
    registration: Registration, *, actor: Actor, now: datetime, typed: Mapping[str, Any], version: int
) -> Registration:
    """Keep what was typed, right or wrong. `version` is the one the page was opened with.

    The case's row is locked first, as an act does, so that nothing is changed behind a submission.
    Raises `Conflict` when somebody saved in between, `Refused` when it may not be changed any more.
    """
    case = Case.objects.select_for_update(of=("self",)).get(pk=registration.case_id)
    row = Registration.objects.select_for_update(of=("self",)).get(pk=registration.pk)
    row.case = case
    permissions.check_edit(actor, row)
    if version != row.version:
        raise Conflict(saved_between(row.saved_by, actor), "conflict")
    row.typed = dict(typed)
    row.filled = with_files(row, typed)
    row.name = str(typed.get(content.NAME) or "").strip()[:200]
    row.version += 1
    row.saved_at, row.saved_by = now, actor.person
    row.save()
    if row.name:
        Case.objects.filter(pk=case.pk).update(title=row.name)
    _release_dropped(row)
    evidence.record(
        act="registration.save",
        actor=actor.person,
        role="registrant",
        subject=row.id,
        zone=row.zone_id,
        now=clock.wall_now(),
        case=case.id,
        digests={"content": evidence.digest_of(row.filled)[0]},
    )
    return row


def with_files(row: Registration, typed: Mapping[str, Any]) -> dict[str, Any]:
    """`typed` as the law reads it: file ids become {name, digest}; ids of other cases are dropped."""
    rules = lawbook.rules_of(row.case)
    form = content.form_of(rules)
    kinds = {each.id: each.ask.kind for each in form.fields if each.ask.kind in FILE_KINDS}
    kinds |= {each.id: "files" for each in checklist.items(rules, typed) if each.asked}
    repeated = {group.id for group in form.groups if group.repeat}
    files = _files(row, typed, kinds, repeated)
    found: dict[str, Any] = {}
    for key, value in typed.items():
        if key in repeated and isinstance(value, list):
            found[key] = [{name: _file(kinds, files, name, item) for name, item in r.items()} for r in value]
        else:
            found[key] = _file(kinds, files, key, value)
    return {key: value for key, value in found.items() if not blank(value)}


def _files(
    row: Registration, typed: Mapping[str, Any], kinds: Mapping[str, str], repeated: set[str]
) -> dict[str, dict[str, str]]:
    rows = [typed, *(each for key in repeated for each in typed.get(key) or ())]
    ids = {each for r in rows for key in kinds if isinstance(r.get(key), list) for each in r[key]}
    held = Material.objects.filter(pk__in=ids, case_id=row.case_id)
    return {each.pk: {"name": each.name, "digest": each.digest} for each in held}


def _file(kinds: Mapping[str, str], files: Mapping[str, Any], key: str, value: Any) -> Any:
    if key not in kinds or not isinstance(value, list):
        return value
    kept = [files[each] for each in value if each in files]
    return (kept[-1] if kept else None) if kinds[key] == "file" else kept


def file_ids(typed: Any) -> set[str]:
    """Every material id an application refers to."""
    if isinstance(typed, Mapping):
        return {each for value in typed.values() for each in file_ids(value)}
    if isinstance(typed, list):
        return {each for value in typed for each in file_ids(value)}
    return {typed} if isinstance(typed, str) and typed.startswith("m-") else set()


def _release_dropped(row: Registration) -> None:
    """Files taken out again before they were ever handed in leave the case's list of materials."""
    dropped = Material.objects.filter(case_id=row.case_id, act="").exclude(pk__in=file_ids(row.typed))
    dropped.update(case=None)


def hand_in(row: Registration, act: str) -> None:
    """The files an act hands in belong to the record from now on."""
    Material.objects.filter(pk__in=file_ids(row.typed), case_id=row.case_id, act="").update(act=act)
