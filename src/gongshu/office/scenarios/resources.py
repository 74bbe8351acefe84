"""What the providers confirmed of their resources at the airlock: the newest signed outline of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

from gongshu.office.accounts.models import Organisation
from gongshu.office.link.models import InboxMessage


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
    """The outline of a resource as its provider last confirmed it, None before the first intake."""
    wanted = {"kind": "resource", "envelope__zone": zone, "envelope__body__id": identifier}
    row = InboxMessage.objects.filter(**wanted).order_by("-id").first()
    return _read(row) if row and identifier else None


def every(zone: str) -> list[Resource]:
    """Every resource of a zone that lies in the data domain, by title."""
    found: dict[str, Resource] = {}
    for row in InboxMessage.objects.filter(kind="resource", envelope__zone=zone).order_by("id"):
        made = _read(row)
        found[made.id] = made
    names = dict(
        Organisation.objects.filter(pk__in={each.organisation for each in found.values()}).values_list(
            "pk", "name"
        )
    )
    named = [
        Resource(**{**vars(each), "provider": names.get(each.organisation, "")}) for each in found.values()
    ]
    return sorted(named, key=lambda each: (each.title, each.id))


def _read(row: InboxMessage) -> Resource:
    body = row.envelope["body"]
    return Resource(
        id=body["id"],
        zone=row.envelope["zone"],
        title=_catalogue_title(body["id"]) or body["title"],
        table=body.get("table") or body["id"],
        organisation=body["organisation"],
        columns={name: dict(said) for name, said in sorted(body["columns"].items())},
        subject=body.get("subject") or "",
        rows=body["rows"],
        snapshot=body.get("snapshot") or "",
    )


def _catalogue_title(identifier: str) -> str:
    """The catalogue's own title, where that app is installed and knows the resource."""
    try:
        found = import_module("gongshu.office.catalogue.queries").resource(identifier)
    except (ImportError, AttributeError, LookupError):
        return ""
    return str(getattr(found, "title", None) or getattr(found, "name", None) or "")
