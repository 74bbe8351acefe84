"""计数冲突: a batch id that came with different counts, settled by what the gateway's own evidence bears out.

A gateway says a batch twice: in its journal, line by line, and in the message bills are made of. Of several
messages only one that agrees with the journal's line may be billed; otherwise the batch is billed to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.link import clock, evidence
from gongshu.office.link.models import InboxMessage, JournalLine
from gongshu.office.settlement import incoming, permissions
from gongshu.office.settlement.billing import GROUND
from gongshu.office.settlement.models import CallBatch

PREFIX = "cb"
DROP = "drop"
LEAST, MOST = 5, 2000
COUNTED = (("count", "calls"), ("hits", "hits"), ("subjects", "subjects"))
"""Numbers of a journal's line → fields of a batch."""


@dataclass(frozen=True)
class Version:
    """One content reported under a batch's id. `times`: in how many messages; `proved`: the gateway's own
    journal has the same agreement, product, counts and root."""

    key: str
    given: Mapping[str, Any]
    times: int
    proved: bool


def line_of(batch: CallBatch) -> JournalLine | None:
    """The gateway's own line of evidence about the batch (a batch's id names it); None when none came."""
    source, _, number = batch.batch.rpartition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    rows = JournalLine.objects.filter(source=source, number=int(number), fields__zone=batch.zone_id)
    found: JournalLine | None = rows.filter(fields__act="calls.batch").first()
    return found


def sentence(batch: CallBatch) -> str:
    """Where a batch stands as far as billing goes, in one sentence."""
    if batch.conflict:
        return "同一编号报来了不同的计数，查清之前这份协议的这个月都不能出账。"
    if batch.dropped:
        return "这一批已经退回，不计费。"
    return "按网关报来的计数计费；已经在账单里的，见那份账单。"


def versions(batch: CallBatch) -> list[Version]:
    """Everything reported under the batch's id, in the order in which it first came."""
    messages = InboxMessage.objects.filter(
        kind="calls", envelope__zone=batch.zone_id, envelope__body__batch=batch.batch
    )
    line, times, first = line_of(batch), dict[str, int](), dict[str, dict[str, Any]]()
    for body in messages.order_by("pk").values_list("envelope__body", flat=True):
        given = incoming.fields(body)
        if given is not None:
            key = incoming.key_of(given)
            times[key] = times.get(key, 0) + 1
            first.setdefault(key, given)
    return [Version(key, given, times[key], _agrees(given, line)) for key, given in first.items()]


def _agrees(given: Mapping[str, Any], line: JournalLine | None) -> bool:
    if line is None:
        return False
    said = line.fields
    numbers = said.get("numbers", {})
    return (
        given["contract"] == said["case"]
        and given["product"] == said["subject"]
        and given["root"] == said["digests"].get("root")
        and all(given[mine] == numbers.get(theirs) for theirs, mine in COUNTED)
    )


@transaction.atomic
def settle(batch: CallBatch, *, actor: Actor, now: datetime, take: str, reason: str) -> CallBatch:
    """Bill one of the versions (`take`: its key) or none (`drop`); the agreement's month can be billed again.

    By the operator of the agreement, as the answer to a disputed bill is. `now` is business time; raises
    `Refused`. A bill that already holds the batch is corrected by the next run.
    """
    row = CallBatch.objects.select_for_update().get(pk=batch.pk)
    permissions.check_settle(actor, row)
    articles = basis(row.zone_id, GROUND)
    if not row.conflict:
        raise Refused("这个批次没有计数冲突，或者已经查清。", "state", articles)
    reason = reason.strip()
    if not LEAST <= len(reason) <= MOST:
        raise Refused(f"请用 {LEAST} 到 {MOST} 个字写明怎样查清的。", "input:reason", articles)
    found = versions(row)
    chosen = next((each for each in found if each.key == take and each.proved), None)
    if chosen is None and take != DROP:
        raise Refused(
            "只能采用与网关自己的存证一致的计数；没有一致的，请选“都不计费”。", "input:take", articles
        )
    for name, value in (chosen.given if chosen else {}).items():
        setattr(row, name, value)
    row.conflict, row.dropped = False, chosen is None
    row.settled = {
        "take": take, "reason": reason, "by": actor.person, "for": actor.organisation_name,
        "at": now.isoformat(), "known": [each.key for each in found],
    }  # fmt: skip
    row.save()
    evidence.record(
        act="bill.batch.settled",
        actor=actor.person,
        role="operator",
        subject=f"{PREFIX}-{row.pk}",
        zone=row.zone_id,
        now=clock.wall_now(),
        case=row.contract,
        articles=articles,
        digests={"settled": evidence.digest_of(row.settled)[0]},
    )
    return row
