"""What the gateways report of calls: each batch once, whatever order or however often it comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest
from gongshu.office.link import inbox
from gongshu.office.settlement.models import CallBatch
from gongshu.wire import envelope as wire

COUNTS = ("calls", "hits", "subjects")


def listen() -> None:
    """Register for the messages this app acts on."""
    inbox.on("calls")(on_calls)


def on_calls(made: wire.Envelope, _verified: list[wire.Verified], now: datetime) -> None:
    """Keep a batch. The same id with the same counts changes nothing; with others nobody may bill it until
    it was settled (settlement.conflicts); a version that was judged then opens nothing again.

    Batches written before calls had a day and a purpose name no id: they can be counted, not billed.
    """
    given = fields(made.body)
    if given is None:
        return
    row, new = CallBatch.objects.get_or_create(
        zone_id=made.zone, batch=made.body["batch"], defaults={**given, "received": now}
    )
    differs = any(getattr(row, key) != value for key, value in given.items())
    if not new and differs and key_of(given) not in row.settled.get("known", ()):
        row.conflict = True
        row.save(update_fields=["conflict"])


def key_of(given: Mapping[str, Any]) -> str:
    """By which one content of a batch is known: its digest."""
    return digest(canonical.dumps({name: str(value) for name, value in given.items()}))


def fields(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """A batch as its row holds it; None for one that cannot be billed."""
    try:
        return {
            "contract": str(body["contract"]),
            "product": str(body["product"]),
            "day": date.fromisoformat(str(body["day"])),
            "purpose": str(body["purpose"])[:200],
            "calls": int(body["count"]),
            "hits": int(body["hits"]),
            "subjects": int(body["subjects"]),
            "root": str(body["root"]),
        }
    except (KeyError, ValueError, TypeError):
        return None
