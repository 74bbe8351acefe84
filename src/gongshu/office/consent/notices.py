"""Notices: to subjects in their own list, about complaints to the bodies that must act."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from gongshu.office.cases.models import Notice
from gongshu.office.consent.models import Complaint, Subject, SubjectNotice
from gongshu.office.link import clock

DAY = timedelta(days=1)
COMPLAINTS = 10  # 项目选择：一个主体一天最多提这么多件，防止灌水


def tell(subject: Subject, key: str, sentence: str, about: str, wall: datetime) -> bool:
    """One sentence to a subject; a key already used says nothing more."""
    _, new = SubjectNotice.objects.get_or_create(
        subject=subject,
        key=key[:80],
        defaults={
            "zone_id": subject.zone_id,
            "sentence": sentence[:300],
            "about": about,
            "wall_at": wall,
        },
    )
    return new


def seen(rows: Iterable[SubjectNotice], wall: datetime) -> set[int]:
    """Mark a subject's own notices as seen; the ids of those that were not."""
    unread = {each.pk for each in rows if each.seen_at is None}
    SubjectNotice.objects.filter(pk__in=unread).update(seen_at=wall)
    return unread


def of_complaint(row: Complaint) -> None:
    """Tell the operator and the providers by organisation, the authority by role. No name, no text."""
    about = f"“{row.consent.product.name}”" if row.consent else "公共数据的使用"
    sentence = f"收到数据主体关于{about}的投诉（{row.get_kind_display()}），编号 {row.pk}，请查明并答复。"
    case = row.consent.agreement.case if row.consent else None
    to = [("data_authority", "")]
    if row.consent:
        operator = row.consent.product.operator_id
        to += [("operator" if each == operator else "provider_officer", each) for each in row.sent_to]
    for role, organisation in to:
        Notice.objects.create(
            case=case,
            zone_id=row.zone_id,
            kind="complaint",
            key=f"complaint:{row.pk}",
            role=role,
            organisation=organisation,
            sentence=sentence[:400],
            why=row.pk,
            at=row.at,
            wall_at=clock.wall_now(),
        )
