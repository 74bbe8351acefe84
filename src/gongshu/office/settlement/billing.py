"""The monthly bill run: from batches and signed agreements to bills, once, however often it is run.

What was billed stays: what comes later, or is taken back, becomes a correcting bill of the differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from gongshu.contract import billing as contracts
from gongshu.contract.model import BadContract, Contract, compile_contract
from gongshu.law import grounds
from gongshu.law.history import local_day
from gongshu.money import bill as bills
from gongshu.money import corrections
from gongshu.money.bill import BadUsage, Usage, month_days
from gongshu.money.pricelaw import price_law
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.link import clock, evidence
from gongshu.office.products.models import Agreement
from gongshu.office.settlement import kept
from gongshu.office.settlement.models import Bill, CallBatch, bill_id

PROCEDURE = "bill.settlement"
GROUND = "bill.settlement"


@dataclass(frozen=True)
class Run:
    """What a run made; `problems`: agreements that could not be billed, each with its sentence."""

    month: str
    made: tuple[Bill, ...]
    problems: tuple[tuple[Agreement, str], ...]


def run(*, actor: Actor, now: datetime, month: str, zone: str = "") -> Run:
    """Bill a month (`YYYY-MM`, business time) of every agreement of the actor's organisations.

    Running it again makes nothing new, unless calls came late: those make correcting bills. `Refused` when
    the month has not ended.
    """
    zone = zone or actor.zone
    check(actor, "settlement.bill", zone)
    last = ended(month, now, zone)
    made: list[Bill] = []
    wrong: list[tuple[Agreement, str]] = []
    for row in agreements(actor, zone):
        try:
            found = bill(row, actor=actor, now=now, month=month, last=last)
        except (BadUsage, BadContract) as error:
            wrong.append((row, str(error)))
        else:
            made += [found] if found else []
    return Run(month, tuple(made), tuple(wrong))


def ended(month: str, now: datetime, zone: str) -> date:
    """The last day of a month that has ended in business time; `Refused` for every other."""
    try:
        last = month_days(month)[1]
    except BadUsage as error:
        raise Refused(str(error), "input:month") from error
    if local_day(now) <= last:
        raise Refused(
            f"{month} 还没有结束，账单在月末之后出具，请从次月起办理。", "input:month", basis(zone, GROUND)
        )
    return last


def agreements(actor: Actor, zone: str) -> list[Agreement]:
    """The agreements of the actor's organisations that ever reached the gateway, by number."""
    rows = Agreement.objects.filter(
        zone_id=zone, product__operator_id__in=sorted(actor.organisations), sent__isnull=False
    )
    return list(rows.select_related("product__operator", "buyer", "case").order_by("pk"))


@transaction.atomic
def bill(
    agreement: Agreement, *, actor: Actor, now: datetime, month: str, last: date | None = None
) -> Bill | None:
    """The bill of one agreement and month, or the correction of what was billed; None when nothing is new.

    Raises `BadUsage` where the calls cannot be billed: other counts under one id, purposes outside the
    agreement, no tariff.
    """
    row = (
        Agreement.objects.select_for_update(of=("self",))
        .select_related("product", "case")
        .get(pk=agreement.pk)
    )
    last = last or ended(month, now, row.zone_id)
    contract = contract_of(row)
    if contract.tariff is None:
        return None
    law = price_law(lawbook.rules_now(row.zone_id, last))
    whole = contracts.bill(contract, month, usages(row, month), law, ended_on(row))
    before = list(Bill.objects.filter(agreement=row, month=month).order_by("place"))
    if not before:
        due = bool(whole.lines or whole.batches)
        return _keep(row, whole, 0, actor, now) if due else None
    gone = frozenset(
        CallBatch.objects.filter(zone_id=row.zone_id, contract=row.pk, dropped=True).values_list(
            "batch", flat=True
        )
    )
    found = corrections.correct([kept.read(each.data) for each in before], whole, gone)
    return _keep(row, found, len(before), actor, now) if found else None


def ended_on(row: Agreement) -> date | None:
    """The business day on which the agreement was ended early; None where it was not."""
    event = row.case.events.filter(act="end").order_by("seq").first()
    return local_day(event.at) if event else None


def contract_of(row: Agreement) -> Contract:
    """The contract exactly as it was signed."""
    signed = row.signed.get("contract")
    if signed is None:
        raise BadContract("使用协议还没有签署，不能出账。")
    return compile_contract(row.zone_id, signed, grounds.citing(row.zone_id, row.case.law_day))


def usages(row: Agreement, month: str) -> list[Usage]:
    """The month's batches of an agreement, as money counts them."""
    first, last = month_days(month)
    found = CallBatch.objects.filter(
        zone_id=row.zone_id, contract=row.pk, day__range=(first, last), dropped=False
    )
    if found.filter(conflict=True).exists():
        raise BadUsage(
            "有调用批次以同一编号报来两种计数，查清之前不能计费；请在“还没有计费的调用”里点开标着“计数冲突”的批次处理。"
        )
    return [usage(each) for each in found.order_by("batch")]


def usage(each: CallBatch) -> Usage:
    return Usage(each.batch, each.day, each.purpose, each.calls, each.hits, each.subjects)


def _keep(row: Agreement, made: bills.Bill, place: int, actor: Actor, now: datetime) -> Bill:
    """The row, its case, and its first step: the bill is issued, or closed at once when nothing is due."""
    word = "账单" if place == 0 else f"更正账单（{place}）"
    id_ = bill_id()
    case = cases.open_case(
        PROCEDURE,
        id_,
        actor,
        now,
        title=f"{row.product.name} {made.month} {word}"[:200],
        subject_kind="bill",
        zone=row.zone_id,
        party_roles={"operator": row.product.operator_id, "buyer": row.buyer_id},
    )
    kept_ = Bill.objects.create(
        id=id_,
        zone_id=row.zone_id,
        agreement=row,
        case=case,
        month=made.month,
        place=place,
        data=made.data(),
        digest=made.id,
        total=made.total,
        calls=made.calls,
        receivers=sorted({part.share.organisation for part in made.parts}),
        at=now,
    )
    cases.perform(case, "issue" if made.total else "close", actor, {}, now)
    evidence.record(
        act="bill.issued" if place == 0 else "bill.corrected",
        actor=actor.person,
        role="operator",
        subject=kept_.pk,
        zone=row.zone_id,
        now=clock.wall_now(),
        case=case.pk,
        articles=basis(row.zone_id, GROUND, local_day(now)),
        digests={"bill": evidence.digest_of(kept_.data)[0]},
    )
    return kept_


def drop(row: Bill, batches: Sequence[str], *, actor: Actor, now: datetime) -> Bill | None:
    """Take batches back out of a bill and make the correcting bill, in the caller's transaction."""
    wanted = {each.strip() for each in batches if each.strip()}
    unknown = wanted - set(billed_of(row))
    if unknown or not wanted:
        named = "、".join(sorted(unknown)) or "没有写明批次"
        raise Refused(f"这些不是本月账单里的调用批次：{named}。", "input:dropped", basis(row.zone_id, GROUND))
    CallBatch.objects.filter(zone_id=row.zone_id, contract=row.agreement_id, batch__in=sorted(wanted)).update(
        dropped=True
    )
    try:
        return bill(row.agreement, actor=actor, now=now, month=row.month)
    except (BadUsage, BadContract) as error:
        raise Refused(str(error), "bill", basis(row.zone_id, GROUND)) from error


def billed_of(row: Bill) -> Iterable[str]:
    """The batches that stand billed for the bill's agreement and month."""
    found: set[str] = set()
    for each in Bill.objects.filter(agreement=row.agreement_id, month=row.month).order_by("place"):
        found ^= set(each.data["batches"])
    return found
