"""Maximum revenue, caps and price lists: begun here, decided by the acts of their cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from gongshu.law.forms import Problem
from gongshu.law.history import local_day
from gongshu.law.inputs import day_of
from gongshu.law.rules import Rules
from gongshu.money import maximum as revenue
from gongshu.money import tariff as tariffs
from gongshu.money.amounts import decimal_text
from gongshu.money.caps import cap_problems
from gongshu.money.pricelaw import price_law
from gongshu.money.reading import Reading
from gongshu.money.tariff import Price
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.models import Organisation, RoleAssignment
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.link import clock, evidence
from gongshu.office.products import terms
from gongshu.office.products.models import Product
from gongshu.office.settlement import permissions
from gongshu.office.settlement.amounts import fen
from gongshu.office.settlement.models import Cap, Maximum, PriceList, cap_id, maximum_id

MAXIMUM, CAP = "price.maximum", "price.cap"
ANY = "any"
# 上限已经制定的状态：报告前后都执行
IN_FORCE = ("set", "reported")


@transaction.atomic
def begin_maximum(*, actor: Actor, now: datetime, operator: str) -> Maximum:
    """Open the case of an operator's maximum revenue; the request itself is its first act."""
    check(actor, "settlement.maximum")
    home = operators(actor.zone).get(operator)
    if home is None:
        raise Refused("请选择本专区的运营机构。", "input:operator", basis(actor.zone, MAXIMUM))
    id_ = maximum_id()
    case = cases.open_case(
        MAXIMUM,
        id_,
        actor,
        now,
        title=f"{home}：最高准许收入",
        subject_kind="maximum",
        party_roles={"operator": operator},
    )
    return Maximum.objects.create(id=id_, zone_id=case.zone_id, case=case, operator_id=operator, at=now)


def operators(zone: str) -> dict[str, str]:
    """Organisations with operators in the zone: id → name."""
    rows = RoleAssignment.objects.filter(zone=zone, role="operator", revoked_at=None)
    ids = rows.values_list("person__organisation_id", flat=True)
    return dict(Organisation.objects.filter(pk__in=ids).order_by("name").values_list("pk", "name"))


def survey_of(zone: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What an assessment typed, as `gongshu money maximum` reads it; `Refused` beside the faulty input."""
    rows = list(data.get("items") or ())
    return {
        "zone": zone,
        "items": [
            {
                "name": str(row.get("name") or ""),
                "amount": fen(row.get("amount"), "items", str(row.get("name") or "成本项目")),
            }
            for row in rows
        ],
        "subsidy": fen(data.get("subsidy"), "subsidy", "政府补助"),
        "bond_yield": str(data.get("bond_yield") or ""),
        "margin": str(data.get("margin") or ""),
        "tax": fen(data.get("tax"), "tax", "税金"),
        "deduct": fen(data.get("deduct") or "0", "deduct", "扣减以前周期的超收"),
        "cycles": terms.number(data.get("cycles") or "1"),
    }


def computed(rules: Rules, survey: Mapping[str, Any]) -> revenue.Maximum:
    """The maximum of a survey under the rules; `Refused` with the article where there is none."""
    law = price_law(rules)
    try:
        found = revenue.compute(revenue.read(dict(survey)), law)
    except revenue.BadSurvey as error:
        raise Refused(str(error), "survey", found_basis(rules)) from error
    if found.refused:
        raise Refused(found.refused, "input:margin", found.basis)
    return found


def found_basis(rules: Rules) -> tuple[str, ...]:
    return tuple(rules.basis("price.maximum"))


def assess(row: Maximum, rules: Rules, data: Mapping[str, Any]) -> None:
    """Keep what was assessed, in the transaction of the act."""
    row.survey = survey_of(row.zone_id, data)
    row.result = computed(rules, row.survey).data()
    row.save(update_fields=["survey", "result"])


def yearly(row: Maximum, rules: Rules, data: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    """年度检视: the actual income of a year against the maximum, and what follows; once a year."""
    year = terms.number(data.get("year"))
    if not isinstance(year, int) or not 2000 <= year < local_day(now).year:
        raise Refused("检视的年度应是已经过完的年度，写成四位数字。", "input:year", found_basis(rules))
    if any(each["year"] == year for each in row.checks):
        raise Refused(f"{year} 年度已经检视过。", "input:year", found_basis(rules))
    found = computed(rules, {**row.survey, "actual": fen(data.get("actual"), "actual", "实际收入")})
    said = found.data()
    row.checks = [
        *row.checks,
        {
            "year": year,
            "actual": fen(data.get("actual"), "actual", "实际收入"),
            "maximum": said["maximum"],
            "deviation": said["deviation"],
            "adjust": said["adjust"],
            "carry": said["carry"],
            "deductions": said["deductions"],
            "by": actor.person,
            "at": local_day(now).isoformat(),
        },
    ]
    row.save(update_fields=["checks"])


# ------------------------------------------------------------ caps


@transaction.atomic
def begin_cap(product: Product, *, actor: Actor, now: datetime) -> Cap:
    """Open the case of a product's caps. Who sets them is what the zone's procedure says."""
    check(actor, "settlement.cap", product.zone_id)
    id_ = cap_id()
    case = cases.open_case(
        CAP,
        id_,
        actor,
        now,
        title=f"{product.name}：上限收费标准",
        subject_kind="cap",
        zone=product.zone_id,
        party_roles={"operator": product.operator_id},
    )
    return Cap.objects.create(id=id_, zone_id=case.zone_id, case=case, product=product, at=now)


def caps_of(data: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """(unit → {fen, per}, what is wrong) of the rows an act gave. One unit has one cap: none is chosen."""
    found: dict[str, dict[str, Any]] = {}
    twice = []
    for row in data.get("caps") or ():
        per, unit = terms.number(row.get("per")), str(row.get("unit") or "")
        if unit in found:
            named = tariffs.UNITS.get(unit, unit)
            twice.append(Problem("caps", f"计价单位“{named}”写了不止一行，一个单位只能有一个上限。"))
        found[unit] = {"fen": terms.number(row.get("fen")), "per": 1 if per is None else per}
    return found, [*twice, *tariffs.read_caps(found)[1]]


def set_cap(row: Cap, rules: Rules, data: Mapping[str, Any]) -> None:
    """Keep caps that were set: what held before ends the day before. `Refused` for faulty ones."""
    made, wrong = caps_of(data)
    cited = tuple(rules.basis("price.cap"))
    if wrong or not made:
        raise Refused(wrong[0].sentence if wrong else "请至少写一项上限。", "input:caps", cited)
    trial = data.get("trial") is True
    if not trial and fixed_maximum(row.product.operator_id, row.zone_id) is None:
        raise Refused(
            "还没有核定这家运营机构的最高准许收入；尚无完整年度运营情况的，请按试行标准制定。",
            "input:trial",
            cited,
        )
    row.caps, row.trial, row.since = made, trial, day_of(data.get("since"))
    row.save(update_fields=["caps", "trial", "since"])
    _end_earlier(row)


def _end_earlier(row: Cap) -> None:
    """What held before ends the day before, for good: ending the new caps later revives nothing."""
    last = row.since - timedelta(days=1)
    earlier = Cap.objects.filter(product=row.product_id, since__lte=row.since, case__state__in=IN_FORCE)
    open_ended = Q(until=None) | Q(until__gt=last)
    earlier.exclude(pk=row.pk).filter(open_ended).update(until=last)


def fixed_maximum(operator: str, zone: str) -> Maximum | None:
    """The maximum in force of an operator."""
    rows = Maximum.objects.filter(operator_id=operator, zone_id=zone, case__state="fixed")
    return rows.order_by("-fixed_on").first()


def cap_in_force(product: str, day: date) -> Cap | None:
    """The caps of a product that hold on a day: the newest begun, reported or not."""
    rows = Cap.objects.filter(product=product, since__lte=day, case__state__in=IN_FORCE)
    return (
        rows.filter(Q(until=None) | Q(until__gte=day))
        .select_related("case")
        .order_by("-since", "-at", "-case__number")
        .first()
    )


def caps(product: str, day: date) -> dict[str, Price]:
    """Unit → cap of a product on a day; empty while none was set, so that no fee may be asked."""
    row = cap_in_force(product, day)
    return {unit: Price(each["fen"], each["per"]) for unit, each in row.caps.items()} if row else {}


# ------------------------------------------------------------ price lists


@transaction.atomic
def publish(
    product: Product, *, actor: Actor, now: datetime, rows: Sequence[Mapping[str, Any]], since: str
) -> PriceList:
    """Publish what a product costs from a day on; `Refused` when a price is above its cap."""
    permissions.check_price(actor, product)
    day = day_of(since)
    cited = basis(product.zone_id, "price.list", local_day(now))
    if day is None or day < local_day(now):
        raise Refused("执行起日应是今天或者以后的一天。", "input:since", cited)
    given, law = terms.tariff({"tariff": list(rows)}), price_law(lawbook.rules_now(product.zone_id, day))
    reading = Reading()
    read = tariffs.read(reading, given, frozenset({ANY}))
    wrong = reading.problems or cap_problems(read, caps(product.pk, day), law)
    if wrong:
        raise Refused(wrong[0].sentence, "input:tariff", wrong[0].basis or cited)
    made = PriceList.objects.create(
        zone_id=product.zone_id, product=product, tariff=given, since=day, by=actor.person, at=now
    )
    evidence.record(
        act="price.published",
        actor=actor.person,
        role="operator",
        subject=made.pk,
        zone=product.zone_id,
        now=clock.wall_now(),
        case=product.case_id,
        articles=cited,
        digests={"tariff": evidence.digest_of(given)[0]},
    )
    return made


def list_in_force(product: str, day: date) -> PriceList | None:
    """The price list that holds on a day."""
    return PriceList.objects.filter(product=product, since__lte=day).order_by("-since", "-at").first()


def listed(product: str, day: date) -> tuple[str, date] | None:
    """(what a product costs in words, since when) by the price list of a day; None before one came out."""
    row = list_in_force(product, day)
    return (words(row.tariff) or "免费", row.since) if row else None


def words(tariff: Mapping[str, Any]) -> str:
    """A tariff in one sentence: 每次查到 0.30 元（至 10000），…"""
    read = tariffs.read(Reading(), tariff, frozenset({ANY}))
    return "；".join(
        f"{tariffs.UNITS[line.unit]} "
        + "，".join(f"{price_words(band.price)}{_until(band)}" for band in line.bands)
        for line in read.lines
    )


def price_words(price: Price) -> str:
    """A price as people read it: 0.30 元, or 1.00 元/每 100 个."""
    text = f"{decimal_text(price.exact / 100 * price.per, 2)} 元"
    return text if price.per == 1 else f"{text}/每 {price.per} 个"


def _until(band: tariffs.Band) -> str:
    return f"（至第 {band.up_to} 个）" if band.up_to is not None else ""


def cap_lines(row: Cap) -> list[tuple[str, str]]:
    """(unit, cap) of caps in words."""
    return [
        (tariffs.UNITS[unit], price_words(Price(each["fen"], each["per"])))
        for unit, each in sorted(row.caps.items())
    ]
