"""Who reviews what leaves: the roles the zone's procedure lets vote, and the organisations that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gongshu.law.errors import LawError
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook
from gongshu.office.scenarios import queries

PROVIDERS = ("provider_officer", "provider_checker")


@dataclass(frozen=True)
class Seat:
    """One reviewing role: the organisations that may fill it; a single one needs no choice."""

    role: str
    title: str
    options: tuple[tuple[str, str], ...]

    @property
    def settled(self) -> bool:
        return len(self.options) == 1


def seats(zone: str, day: date, owners: Sequence[str]) -> tuple[tuple[Seat, ...], tuple[str, ...]]:
    """The seats of a zone on a day and the articles they stand on. `owners`: providers of the data.

    The providers all review where the zone lets providers vote; each is a settled seat.
    """
    try:
        procedure = lawbook.procedure_now(zone, day, "release.review")
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    act = procedure.act("vote")
    found: list[Seat] = []
    for role in act.by:
        title = zone_title(role, zone)
        if role in PROVIDERS:
            names = queries.names_of(owners)
            found += [Seat(role, title, ((each, names.get(each, each)),)) for each in sorted(owners)]
        else:
            held = queries.organisations_in_role(zone, (role,))
            found.append(Seat(role, title, tuple(held.items())))
    return tuple(found), tuple(act.basis)


def choose(
    zone: str, day: date, owners: Sequence[str], chosen: Mapping[str, str], developing: str
) -> list[str]:
    """The reviewing organisations; `chosen`: role → organisation where a zone has several.

    Raises `Refused` when a seat is empty or undecided, or the developing organisation would sit on one.
    """
    places, basis = seats(zone, day, owners)
    found: set[str] = set()
    for seat in places:
        options = dict(seat.options)
        if not options:
            raise Refused(
                f"出域要由{seat.title}审核，本专区还没有这个机构的账号，请先请管理员建立。",
                "reviewers",
                basis,
            )
        picked = next(iter(options)) if seat.settled else chosen.get(seat.role, "")
        if picked not in options:
            raise Refused(f"本专区有几家{seat.title}，请选择由哪一家审核出域。", "input:reviewing", basis)
        found.add(picked)
    if developing in found:
        raise Refused("开发机构不得审核自己的成果，请由别的机构开发（回避）。", "recused", basis)
    return sorted(found)
