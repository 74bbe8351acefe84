"""What an output is set against: tables that left before of the same data, and those that may leave any day.

Two outputs under review may each be harmless alone and tell a person together, so the later one is attacked
with the earlier one whether or not that has left. `met` in an output's spec: those it was attacked with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from gongshu.enclave import sources
from gongshu.enclave.store.models import Output, Release
from gongshu.enclave.vault import VaultError

NO_TABLES = ("model", "lookup")
"""Kinds that are no tables to subtract from."""


def resources(output: Output) -> set[str] | None:
    """The resources it was made of; null when a snapshot was lawfully deleted and nobody knows any more."""
    try:
        return {sources.vault().manifest(one).resource for one in output.sources}
    except VaultError:
        return None


def _of(mine: set[str], but: str) -> Iterator[Output]:
    rows = Output.objects.filter(Q(release__isnull=False) | Q(state="reviewing")).exclude(id=but)
    for output in rows.select_related("release").order_by("release__released", "made", "id"):
        if (output.spec or {}).get("kind") in NO_TABLES:
            continue
        theirs = resources(output)
        if theirs is None or mine & theirs:  # the numbers of deleted data may still be subtracted
            yield output


def before(mine: set[str], but: str = "") -> list[dict[str, Any]]:
    """Tables made of any of these resources that left or are under review, `but` one: what the attack takes
    as `previous`, with the output's id; `released` is '' for those that have not left."""
    return [
        {
            "id": output.id,
            "output": left.path if (left := _left(output)) else output.path,
            "sql": (output.spec or {}).get("sql"),
            "released": left.released.date().isoformat() if left else "",
        }
        for output in _of(mine, but)
    ]


def _left(output: Output) -> Release | None:
    return getattr(output, "release", None)


def told(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec as it is kept: of what it was set against the dates of those that left and all the ids."""
    previous = spec["previous"]
    dates = [row["released"] for row in previous if row["released"]]
    return {**spec, "previous": dates, "met": [row["id"] for row in previous]}


def unmet(output: Output) -> bool:
    """Whether something of the same data left that the output was never set against."""
    if output.spec["kind"] in NO_TABLES:
        return False
    mine, met = resources(output), set(output.spec.get("met", ()))
    return mine is None or any(one.id not in met for one in _of(mine, output.id) if _left(one))
