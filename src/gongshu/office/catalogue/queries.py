"""Reading the catalogue: lists, search, and what other rooms ask of a resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Q

from gongshu.office.accounts.actors import Actor
from gongshu.office.catalogue import content
from gongshu.office.catalogue.models import Resource


@dataclass(frozen=True)
class Known:
    """A resource as other rooms know it. `columns`: name → {type, grade}, as confirmed at the airlock."""

    id: str
    title: str
    zone_id: str
    organisation_id: str
    organisation_name: str
    state: str
    table: str = ""
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    subject: str | None = None
    rows: int = 0
    snapshot: str = ""

    @property
    def confirmed(self) -> bool:
        """Has its provider handed in data at the airlock?"""
        return bool(self.snapshot)


def known(row: Resource) -> Known:
    facts = row.facts or {}
    return Known(
        row.id,
        row.name,
        row.zone_id,
        row.provider_id,
        row.provider.name,
        row.state,
        str(facts.get("table", "")),
        dict(facts.get("columns", {})),
        facts.get("subject") or None,
        int(facts.get("rows", 0)),
        str(facts.get("snapshot", "")),
    )


def resource(identifier: str) -> Known:
    """The facts of a resource; `LookupError` when there is none."""
    row = Resource.objects.select_related("provider").filter(pk=identifier).first()
    if row is None:
        raise LookupError(identifier)
    return known(row)


def confirmed(zone: str) -> list[Known]:
    """Published resources of a zone whose data is in the vault: what can be asked for."""
    rows = Resource.objects.published(zone).select_related("provider").exclude(facts={})
    return [known(row) for row in rows.order_by("name")]


def matching(rows: Any, text: str) -> Any:
    """Rows that hold the words of `text` (all of them), or whose name or code contains it as written."""
    wanted = content.tokens(text)
    if not wanted:
        return rows
    query = SearchQuery("", config="simple")
    for number, word in enumerate(wanted.split()):
        one = SearchQuery(word, config="simple")
        query = one if number == 0 else query & one
    found = rows.annotate(rank=SearchRank(F("search"), query))
    return found.filter(Q(search=query) | Q(name__icontains=text) | Q(code__icontains=text))


def visible(actor: Actor) -> Any:
    return Resource.objects.for_actor(actor).select_related("provider", "zone", "case")


def published(zone: str) -> Any:
    """The public catalogue of a zone."""
    return Resource.objects.published(zone).select_related("provider", "zone")
