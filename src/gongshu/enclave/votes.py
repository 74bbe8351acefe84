"""Blind votes of two reviewers over the same bytes and the same findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from gongshu.crypto.hashes import digest
from gongshu.enclave import acting, journal, trust
from gongshu.enclave.outgoing import AIRLOCK, tell_review
from gongshu.enclave.policy import reviewers_missing
from gongshu.enclave.store.models import Grant, Output, Vote
from gongshu.wire import envelope as wire


class VoteError(Exception):
    """The vote cannot be taken. `args[0]`: one Chinese sentence."""


def may_vote(output: Output, person: str, organisation: str) -> str:
    """'' when this person may vote on the output now, else why not."""
    grant = Grant.objects.get(id=output.grant)
    if output.state != "reviewing":
        return "该成果不在审核中。"
    if organisation == grant.body["developing_org"] or person in grant.body["developers"]:
        return "开发机构和开发人员不得审核自己的成果（回避）。"
    if organisation not in grant.body["reviewing_orgs"]:
        return "贵单位不是该授权写明的审核机构。"
    if Vote.objects.filter(output=output, person=person).exists():
        return "您已经投过票，不能更改。"
    return ""


@transaction.atomic
def cast(output: Output, *, person: str, organisation: str, agreed: bool, reason: str, now: datetime) -> Vote:
    """Sign and keep a vote over exactly what the reviewer saw."""
    acting.check("review", person, now, organisation)
    output = Output.objects.select_for_update().get(pk=output.pk)
    refused = may_vote(output, person, organisation)
    if refused:
        raise VoteError(refused)
    given = "confirmed" if agreed else "refused"
    body = {
        "output": output.id,
        "digest": output.digest,
        "findings": output.findings_digest,
        "product": output.product,
        "title": output.name,
        "person": person,
        "organisation": organisation,
        "answer": given,
    }
    signed = wire.sign(wire.make("vote", output.zone, 0, body, now), AIRLOCK, settings.KEYS.signer(AIRLOCK))
    try:
        vote = Vote.objects.create(
            output=output,
            person=person,
            organisation=organisation,
            answer=given,
            reason=reason,
            envelope=signed.data(),
            cast=now,
        )
    except IntegrityError as error:
        raise VoteError("您已经投过票，不能更改。") from error
    tell_review(output.id, organisation, "cast", zone=output.zone, now=now)
    journal.record(
        source="airlock",
        act="vote.cast",
        actor=person,
        role="reviewer",
        subject=output.id,
        zone=output.zone,
        now=now,
        ground="release.review",
        digests={"vote": digest(signed.message())},
    )
    return vote


def digest_of(vote: Vote) -> str:
    """How records and served versions cite a vote: the digest of what the airlock signed."""
    return digest(wire.parse(vote.envelope).message())


def counted(output: Output, now: datetime) -> list[dict[str, Any]]:
    """The votes that hold: signed by the airlock, by a person of the trust list, over these very bytes, for
    this product under this title."""
    known = trust.current(now)
    found = []
    for vote in output.votes.order_by("cast"):
        envelope = wire.parse(vote.envelope)
        body = envelope.body
        person = known.person(body["person"])
        if "airlock" not in {one.role for one in wire.verify(envelope, known, now)}:
            continue
        if (body["output"], body["digest"], body["findings"]) != (
            output.id,
            output.digest,
            output.findings_digest,
        ):
            continue
        # A vote of before these were part of it was given on a page that showed them no less.
        shown = (body.get("product", output.product), body.get("title", output.name))
        if shown != (output.product, output.name):
            continue
        if person is None or person["organisation"] != body["organisation"]:
            continue
        found.append(
            {
                "person": body["person"],
                "organisation": body["organisation"],
                "answer": body["answer"],
                "envelope": digest(envelope.message()),
            }
        )
    return found


def ruling(votes: Sequence[Mapping[str, Any]], grant: Mapping[str, Any], needed: int) -> tuple[str, bool]:
    """('' or what is missing, whether all agreed). One refusal by anyone decides once all have voted."""
    pairs = [(vote["person"], vote["organisation"]) for vote in votes]
    developers = set(grant["developers"])
    if developers & {person for person, _ in pairs}:
        return "开发人员不得审核自己的成果。", False
    missing = reviewers_missing(pairs, grant["reviewing_orgs"], grant["developing_org"], needed)
    return missing, all(vote["answer"] == "confirmed" for vote in votes)
