"""Who may act is asked by each service of the trust list itself, whatever page or program called it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gongshu.enclave import acting, confirm, handin, intake, stops, votes
from gongshu.enclave.project import supply
from gongshu.enclave.sample import confirming
from gongshu.enclave.store.models import Confirmation, Grant, Intake, Output, Sample, Stop, Task, Vote
from support import trips
from support.domainworld import BUS, OPERATOR, ZONE, Domain

YES = {"agreed": True, "reason": ""}
# service → the act it is, and the service called by a person
SERVICES: dict[str, tuple[str, Callable[[Domain, str, str], object]]] = {
    "confirm.answer": ("confirm", lambda d, o, p: confirm.answer(Grant.objects.get(), organisation=o, person=p, now=d.now, **YES)),
    "confirming.answer": ("confirm", lambda d, o, p: confirming.answer(Sample.objects.get(), organisation=o, person=p, now=d.now, **YES)),
    "votes.cast": ("review", lambda d, o, p: votes.cast(Output.objects.get(), organisation=o, person=p, now=d.now, **YES)),
    "stops.stop": ("stop", lambda d, _, p: stops.stop(zone=ZONE, scope="all", target="", reason="", origin="airlock", person=p, now=d.now)),
    "supply.choose": ("confirm", lambda d, o, p: supply.choose(ZONE, "pd-1", "", organisation=o, person=p, now=d.now)),
    "supply.retry": ("confirm", lambda d, o, p: supply.retry(ZONE, "pd-1", organisation=o, person=p, now=d.now)),
    "handin.begin": ("hand_in", lambda d, o, p: handin.begin(zone=ZONE, organisation=o, person=p, resource="r", title="t", table="t", filename="f", path=Path(__file__), now=d.now)),
    "handin.confirm": ("hand_in", lambda d, _, p: handin.confirm(Intake.objects.get(), intake.Decision((), None), person=p, now=d.now)),
    "handin.send_back": ("hand_in", lambda d, _, p: handin.send_back(Intake.objects.get(), person=p, reason="", now=d.now)),
}  # fmt: skip
STRANGERS = [(OPERATOR, "p-dev"), (BUS, "p-nobody"), (OPERATOR, "p-bus"), (BUS, "")]


@pytest.fixture
def things(domain: Domain, tmp_path: Path) -> Domain:
    """One of each thing that is acted on."""
    path = trips.write(tmp_path / "trips.csv")
    assert domain.hand_in(path, "res-1", "trips", trips.graded).state == "confirmed"
    Intake.objects.update(state="read")
    domain.feed("grant", domain.grant("res-1", "trips"))
    now = datetime.now(UTC)
    task = Task.objects.create(id="t-1", zone=ZONE, kind="run", grant="g-1", body={}, received=now)
    Output.objects.create(
        id="o-1",
        zone=ZONE,
        task=task,
        grant="g-1",
        name="x",
        path="",
        digest="x",
        state="reviewing",
        made=now,
    )
    Sample.objects.create(
        id="sm-1", zone=ZONE, task=task, grant="g-1", project="pr-1", path="", salt="", digest="x", made=now
    )
    return domain


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_asks_the_trust_list_who_may(things: Domain, name: str) -> None:
    act, call = SERVICES[name]
    for organisation, person in STRANGERS:
        if (name, person) in (
            ("stops.stop", "p-bus"),
            ("handin.confirm", "p-bus"),
            ("handin.send_back", "p-bus"),
        ):
            continue  # these take no organisation: it is the thing's own, or any
        with pytest.raises(acting.Forbidden):
            call(things, organisation, person)
    assert not Stop.objects.exists() and not Vote.objects.exists() and not Confirmation.objects.exists()
    assert Intake.objects.count() == 1 and Intake.objects.get().state == "read"
    roles, _ = acting.ACTS[act]
    assert roles and "developer" not in roles


def test_a_person_taken_off_the_list_may_nothing_any_more(things: Domain) -> None:
    acting.check("confirm", "p-bus", things.now, BUS)
    with pytest.raises(acting.Forbidden, match="信任名单"):
        acting.check("confirm", "p-gone", things.now, BUS)
    with pytest.raises(acting.Forbidden, match="没有这个角色"):
        acting.check("confirm", "p-bus2", things.now, BUS)
