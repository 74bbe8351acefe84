"""What gateways tell: when a withdrawal took effect, and how often a consent was used on a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gongshu.office.consent import notices, terms
from gongshu.office.consent.models import Consent, ConsentUse, Withdrawal
from gongshu.office.link import inbox
from gongshu.wire import envelope as wire
from gongshu.wire.times import instant

MOST = 10**9


def listen() -> None:
    """Register for the messages this app acts on."""
    inbox.on("effect")(on_effect)
    inbox.on("uses")(on_uses)


def on_effect(made: wire.Envelope, verified: list[wire.Verified], _now: datetime) -> None:
    """A gateway acted on a withdrawal; its first word counts. Other effects are none of ours."""
    row = (
        Withdrawal.objects.select_for_update(of=("self",))
        .select_related("consent__subject", "consent__buyer")
        .filter(pk=made.body["stop"], zone_id=made.zone)
        .first()
    )
    sender = next((each for each in verified if each.role == "gateway"), None)
    if row is None or sender is None or sender.key in row.effects:
        return
    at = instant(made.body["at"], "at")
    row.effects = {**row.effects, sender.key: made.body["at"]}
    row.save(update_fields=["effects"])
    seconds = max(0.0, round((at - row.wall_at).total_seconds(), 1))
    words = f"网关在您撤回后 {seconds} 秒停止向{row.consent.buyer.name}回答。"
    notices.tell(row.consent.subject, f"effect:{row.pk}:{sender.key}", words, row.consent_id, at)


def on_uses(made: wire.Envelope, verified: list[wire.Verified], _now: datetime) -> None:
    """The day's counts so far, by consent. A later total replaces a smaller one, never a larger."""
    sender = next((each for each in verified if each.role == "gateway"), None)
    day = terms.day(made.body["day"])
    if sender is None or day is None:
        return
    counts = {key: count for key, count in made.body["counts"].items() if _whole(count)}
    rows = Consent.objects.filter(
        pk__in=list(counts), zone_id=made.zone, agreement_id=made.body["contract"]
    ).select_related("subject", "buyer")
    for row in rows:
        _use(row, sender.key, day, counts[row.pk], instant(made.issued, "issued"))


def _whole(value: Any) -> bool:
    return type(value) is int and 0 < value <= MOST


def _use(row: Consent, gateway: str, day: Any, count: int, at: datetime) -> None:
    first = not row.uses.exists()
    known, new = ConsentUse.objects.select_for_update().get_or_create(
        consent=row, gateway=gateway, day=day, defaults={"zone_id": row.zone_id, "count": count}
    )
    if not new and count > known.count:
        known.count = count
        known.save(update_fields=["count"])
    if first:
        words = f"{row.buyer.name}在 {day} 第一次凭您的同意使用了数据。"
        notices.tell(row.subject, f"used:{row.pk}", words, row.pk, at)
