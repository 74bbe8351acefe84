"""Answering a complaint: by a body it was sent to or by the authority, in writing, once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.consent import notices, permissions, terms
from gongshu.office.consent.models import Complaint
from gongshu.office.link import clock, evidence

GROUND = "consent.complaint"
ROLES = ("operator", "provider_officer", "provider_checker", "data_authority")


@transaction.atomic
def answer(complaint: Complaint, *, actor: Actor, now: datetime, text: str) -> Complaint:
    """Answer and tell the subject. `now` is business time."""
    row = Complaint.objects.select_for_update(of=("self",)).get(pk=complaint.pk)
    permissions.check_answer(actor, row)
    text = text.strip()
    if not 5 <= len(text) <= 2000:
        raise Refused("请用 5 到 2000 个字写明查明的情况和处理结果。", "input:answer")
    if wrong := terms.personal_problem(text, "答复"):
        raise Refused(wrong, "input:answer")
    row.state, row.answer = "answered", text
    row.answered_by, row.answered_for, row.answered_at = actor.person, actor.organisation_name, now
    row.save()
    wall = clock.wall_now()
    evidence.record(
        act="consent.answer",
        actor=actor.person,
        role=next(each for each in ROLES if each in actor.roles_in(row.zone_id)),
        subject=row.pk,
        zone=row.zone_id,
        now=wall,
        articles=basis(row.zone_id, GROUND),
        digests={"answer": evidence.digest_of(text)[0]},
    )
    notices.tell(row.subject, f"answered:{row.pk}", f"您的投诉 {row.pk} 有了答复。", row.pk, wall)
    return row
