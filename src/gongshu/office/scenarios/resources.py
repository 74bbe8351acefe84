"""What may be asked for: published items of the catalogue, as confirmed by their providers at the airlock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gongshu.office.catalogue import queries as catalogue
from gongshu.office.catalogue.models import PUBLISHED


@dataclass(frozen=True)
class Resource:
    """Names, types and grades of one table; never a value. `columns`: name → {type, grade}."""

    id: str
    zone: str
    title: str
    table: str
    organisation: str
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    subject: str = ""
    rows: int = 0
    snapshot: str = ""
    provider: str = ""


def find(zone: str, identifier: str) -> Resource | None:
    """A resource as its provider last confirmed it; None before the first intake or when unpublished."""
    try:
        known = catalogue.resource(identifier)
    except LookupError:
        return None
    fit = known.zone_id == zone and known.confirmed and known.state in PUBLISHED
    return _read(known) if fit else None


def every(zone: str) -> list[Resource]:
    """Every resource of a zone that can be asked for, by title. One query."""
    found = [_read(each) for each in catalogue.confirmed(zone) if each.confirmed]
    return sorted(found, key=lambda each: (each.title, each.id))


def _read(known: catalogue.Known) -> Resource:
    return Resource(
        id=known.id,
        zone=known.zone_id,
        title=known.title,
        table=known.table or known.id,
        organisation=known.organisation_id,
        columns={name: dict(said) for name, said in sorted(known.columns.items())},
        subject=known.subject or "",
        rows=known.rows,
        snapshot=known.snapshot,
        provider=known.organisation_name,
    )
