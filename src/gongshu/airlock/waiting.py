"""What concerns a person at the airlock, by their organisation and role on the trust list."""

from __future__ import annotations

from gongshu.airlock import seeing
from gongshu.airlock.access import Visitor, can
from gongshu.enclave import confirm, votes
from gongshu.enclave.deletions import ordered
from gongshu.enclave.sample import confirming
from gongshu.enclave.store.models import Ceiling, Confirmation, Grant, Intake, Lift, Output, Sample, Snapshot


def deletions(visitor: Visitor) -> list[Snapshot]:
    """Snapshots of the own organisation that the office ordered deleted and that wait for its word."""
    if not can(visitor, "confirm"):
        return []
    found = [row for zone in visitor.zones for row in ordered(zone)]
    return [row for row in found if row.organisation == visitor.organisation]


def intakes(visitor: Visitor) -> list[Intake]:
    """Hand-ins of the own organisation that wait for a decision."""
    if not can(visitor, "hand_in"):
        return []
    return list(Intake.objects.filter(organisation=visitor.organisation, state="read").order_by("-received"))


def _asked(visitor: Visitor, subject: confirm.Subject) -> bool:
    if visitor.organisation not in confirm.required(subject):
        return False
    answered = Confirmation.objects.filter(
        subject=subject.id, digest=subject.digest, organisation=visitor.organisation
    )
    return not answered.exists()


def grants(visitor: Visitor) -> list[Grant]:
    """Grants that wait for the own organisation's answer."""
    rows = Grant.objects.filter(state="awaiting").order_by("received") if can(visitor, "confirm") else ()
    return [grant for grant in rows if _asked(visitor, grant)]


def ceilings(visitor: Visitor) -> list[Ceiling]:
    """Ceilings that wait for the own organisation's answer."""
    rows = Ceiling.objects.filter(state="awaiting").order_by("received") if can(visitor, "confirm") else ()
    return [ceiling for ceiling in rows if _asked(visitor, ceiling)]


def lifts(visitor: Visitor) -> list[Lift]:
    """Tripped contracts whose going on waits for the own organisation's answer."""
    rows = Lift.objects.filter(state="awaiting").order_by("received") if can(visitor, "confirm") else ()
    return [lift for lift in rows if _asked(visitor, lift)]


def confirmations(visitor: Visitor) -> list[confirm.Subject]:
    """All that waits for the own organisation's confirmation."""
    return [*grants(visitor), *ceilings(visitor), *lifts(visitor)]


def reviews(visitor: Visitor) -> list[Output]:
    """Outputs this person may vote on and has not."""
    rows = Output.objects.filter(state="reviewing").order_by("made") if can(visitor, "review") else ()
    return [output for output in rows if not votes.may_vote(output, visitor.person, visitor.organisation)]


def samples(visitor: Visitor) -> list[Sample]:
    """Samples that wait for the own organisation's answer."""
    rows = Sample.objects.filter(state="awaiting").order_by("made") if can(visitor, "confirm") else ()
    return [sample for sample in rows if confirming.asked(sample, visitor.organisation)]


def visible_samples(visitor: Visitor) -> list[Sample]:
    """Samples of tables the own organisation provides; nobody else sees the raw marginals beside them."""
    if not can(visitor, "confirm"):
        return []
    rows = Sample.objects.order_by("-made")
    return [sample for sample in rows if visitor.organisation in confirming.required(sample)]


def visible_grants(visitor: Visitor) -> list[Grant]:
    """Grants the own organisation provides data for or reviews."""
    return [
        grant
        for grant in Grant.objects.order_by("-received")
        if visitor.organisation in (*confirm.required(grant), *grant.body.get("reviewing_orgs", ()))
    ]


def stoppable(visitor: Visitor) -> list[tuple[str, str]]:
    """What the own organisation may name in a stop, (id, kind and purpose): its grants, their projects and
    the products of its ceilings."""
    live = [grant for grant in visible_grants(visitor) if grant.state in ("awaiting", "live")]
    projects = {grant.project: grant.body["purpose"] for grant in live}
    purposes = {grant.id: grant.body["purpose"] for grant in visible_grants(visitor)}
    products = {
        one.product: purposes[one.body["grant"]]
        for one in Ceiling.objects.exclude(state="refused").order_by("received")
        if one.body.get("grant") in purposes
    }
    return [
        *((grant.id, f"授权：{grant.body['purpose']}") for grant in live),
        *((id_, f"项目：{purpose}") for id_, purpose in projects.items()),
        *((id_, f"产品：{purpose}") for id_, purpose in products.items()),
    ]


def handed_in(visitor: Visitor) -> list[tuple[str, str]]:
    """(resource, title) of what the own organisation handed in before, the newest first."""
    rows = Intake.objects.filter(organisation=visitor.organisation).order_by("-received")
    titles: dict[str, str] = {}
    for row in rows[:500]:
        titles.setdefault(row.resource, row.title)
    return list(titles.items())


def visible_outputs(visitor: Visitor) -> list[Output]:
    """Outputs the own organisation reviews or provided all data of, once a release was asked for."""
    mine = {grant.id: grant for grant in visible_grants(visitor)}
    asked = Output.objects.filter(grant__in=mine).exclude(state__in=("kept", "attacking")).order_by("-made")
    return [one for one in asked if seeing.output(visitor, one, mine[one.grant])]
