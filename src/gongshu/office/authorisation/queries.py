"""Reading filed documents. Other apps use `filed`, `in_force` and `one`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.queries import person_names
from gongshu.office.authorisation import services
from gongshu.office.authorisation.models import FILED, FiledDocument
from gongshu.office.cases import lawbook


@dataclass(frozen=True)
class Filed:
    """A filed document as other rooms know it; `digest` is `sha256:<hex>`, days are whole business days.

    `term_until` is the last day; both None when the document names no term.
    """

    id: str
    kind: str
    kind_title: str
    name: str
    number: str
    dated: date
    term_from: date | None
    term_until: date | None
    parties: tuple[str, ...]
    digest: str
    zone_id: str
    case_id: str


@dataclass(frozen=True)
class Shown:
    """A document as a page shows it: titles instead of codes, names instead of ids."""

    row: FiledDocument
    kind_title: str
    state_title: str
    entered_by: str
    confirmed_by: str
    because: str


def visible(actor: Actor) -> Any:
    """The documents the actor may see, the newest first."""
    rows = FiledDocument.objects.for_actor(actor).select_related("case", "zone", "material")
    return rows.order_by("-dated", "pk")


def filed(zone: str, kind: str | None = None) -> list[Filed]:
    """Documents of a zone that are 已建档 (not superseded), the newest first; of one kind when given."""
    rows = FiledDocument.objects.filter(zone_id=zone, state=FILED).select_related("case")
    rows = rows.filter(kind=kind) if kind else rows
    return [known(row) for row in rows.order_by("-dated", "pk")]


def in_force(zone: str, kind: str, day: date) -> list[Filed]:
    """Filed documents of a kind whose date has come and whose term, when they name one, holds the day."""
    open_start = Q(term_from=None) | Q(term_from__lte=day)
    open_end = Q(term_until=None) | Q(term_until__gte=day)
    rows = FiledDocument.objects.filter(open_start, open_end, zone_id=zone, state=FILED, kind=kind)
    rows = rows.filter(dated__lte=day).select_related("case").order_by("-dated", "pk")
    return [known(row) for row in rows]


def one(identifier: str) -> Filed:
    """A filed document; `LookupError` when there is none that is 已建档."""
    row = FiledDocument.objects.filter(pk=identifier, state=FILED).select_related("case").first()
    if row is None:
        raise LookupError(identifier)
    return known(row)


def known(row: FiledDocument) -> Filed:
    return Filed(
        row.pk,
        row.kind,
        kind_titles(row).get(row.kind, row.kind),
        row.name,
        row.number,
        row.dated,
        row.term_from,
        row.term_until,
        tuple(row.parties),
        row.digest,
        row.zone_id,
        row.case_id,
    )


def kind_titles(row: FiledDocument) -> dict[str, str]:
    """Kind → title under the rules the document was filed by."""
    asked = lawbook.procedure_of(row.case).act(services.ENTER).asks
    return next((dict(each.options) for each in asked if each.id == "kind"), {})


def shown(row: FiledDocument) -> Shown:
    """The document for its page. One query for the names."""
    names = person_names({each for each in (row.entered_by, row.confirmed_by) if each})
    procedure = lawbook.procedure_of(row.case)
    return Shown(
        row,
        kind_titles(row).get(row.kind, row.kind),
        procedure.state(row.state).title,
        _named(names, row.entered_by),
        _named(names, row.confirmed_by),
        procedure.because,
    )


def _named(names: dict[str, tuple[str, str]], person: str) -> str:
    name, organisation = names.get(person, ("", ""))
    return f"{name}（{organisation}）" if organisation else name
