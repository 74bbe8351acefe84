"""The grant of a project: its body, its publication, the answers from the airlock, and stops."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check_zone
from gongshu.office.link import clock, evidence, feed
from gongshu.office.link.models import FeedItem, InboxMessage
from gongshu.office.scenarios import permissions, resources
from gongshu.office.scenarios.models import DataRequest, Grant, GrantAnswer, Project, Stop
from gongshu.wire.envelope import Envelope, body_digest
from gongshu.wire.times import instant

log = logging.getLogger(__name__)
GROUND = "data.grant"
STOP_GROUND = "operation.stop"
SCOPES = ("all", "grant", "project", "product", "contract")
DATA_DOMAIN = "data-domain"


def tables_of(requests: Sequence[DataRequest]) -> dict[str, dict[str, Any]]:
    """The tables of a grant: the agreed fields with types, grades and subject as confirmed at the airlock.

    Raises `Refused` when a resource has changed since, or two tables have one name.
    """
    found: dict[str, dict[str, Any]] = {}
    for request in requests:
        articles = basis(request.zone_id, GROUND)
        outline = resources.find(request.zone_id, request.resource)
        if outline is None:
            raise Refused(
                f"资源“{request.resource_title}”现在没有入库的数据，不能授权。", "input:requests", articles
            )
        gone = [name for name in request.granted if name not in outline.columns]
        if gone or not request.granted:
            raise Refused(
                f"资源“{outline.title}”重新入库后没有字段“{gone[0]}”，请重新申请。"
                if gone
                else f"资源“{outline.title}”没有一个同意的字段。",
                "input:requests",
                articles,
            )
        table = found.setdefault(
            outline.table,
            {"resource": outline.id, "owner": outline.organisation, "columns": {}}
            | ({"subject": outline.subject} if outline.subject else {}),
        )
        if table["resource"] != outline.id:
            raise Refused(
                f"有两项资源的表都叫“{outline.table}”，不能放进同一个项目；请提供单位入库时换个表名。",
                "input:requests",
                articles,
            )
        table["columns"] |= {name: dict(outline.columns[name]) for name in request.granted}
    return found


@transaction.atomic
def issue(project: Project, *, actor: Actor, now: datetime, body: Mapping[str, Any]) -> Grant:
    """Publish a grant on the feed and keep it as it was published. `now` is business time."""
    made = Grant(zone_id=project.zone_id, project=project, issued_at=now)
    full = {**body, "v": 1, "id": made.id, "zone": project.zone_id, "project": project.id}
    item = feed.publish("grant", full, zone=project.zone_id, now=clock.wall_now())
    made.body, made.feed = full, item.seq
    made.digest = body_digest("grant", project.zone_id, full)
    made.save(force_insert=True)
    evidence.record(
        act="grant.issued",
        actor=actor.person,
        role="operator",
        subject=made.id,
        zone=project.zone_id,
        now=clock.wall_now(),
        articles=basis(project.zone_id, GROUND, local_day(now)),
        digests={"body": made.digest},
    )
    return made


@transaction.atomic
def answered(made: Envelope, now: datetime) -> Grant | None:
    """A provider's answer from the airlock; None when it is about something else. Twice is harmless.

    An answer over another digest than the one published is not counted.
    """
    body = made.body
    grant = (
        Grant.objects.select_for_update(of=("self",)).filter(pk=body["subject"], zone_id=made.zone).first()
    )
    if grant is None:
        return None
    if body["digest"] != grant.digest:
        log.warning("confirmation of %s is over another digest", grant.pk)
        return None
    GrantAnswer.objects.get_or_create(
        grant=grant,
        organisation=body["organisation"],
        defaults={
            "zone_id": made.zone,
            "person": body["person"],
            "answer": body["answer"],
            "sentence": str(body.get("sentence") or "")[:400],
            "at": instant(made.issued, "issued"),
        },
    )
    if grant.state != "awaiting":
        return grant
    given = {row.organisation: row for row in grant.answers.all()}
    refused = next((row for row in given.values() if row.answer == "refused"), None)
    if refused is not None:
        by = "数据域核对后不采纳" if refused.organisation == DATA_DOMAIN else "提供单位在闸口没有同意"
        grant.state, grant.sentence = "refused", refused.sentence or f"{by}。"
    elif all(owner in given for owner in grant.owners):
        grant.state = "live"
    else:
        return grant
    grant.settled_at = now
    grant.save(update_fields=["state", "sentence", "settled_at"])
    evidence.record(
        act=f"grant.{grant.state}",
        actor="airlock",
        role="airlock",
        subject=grant.id,
        zone=grant.zone_id,
        now=now,
        articles=basis(grant.zone_id, GROUND),
        digests={"body": grant.digest},
    )
    return grant


# ------------------------------------------------------------ stops


@transaction.atomic
def stop(*, actor: Actor, zone: str, scope: str, target: str, reason: str) -> Stop:
    """Publish a stop. Nobody who may see the zone and holds a part is refused; it acts in the data domain
    whatever the office does afterwards. Later apps stop products and contracts with it."""
    check_zone(actor, zone)
    if scope not in SCOPES:
        raise Refused("没有这一种停止的范围。", "input:scope")
    if not reason.strip():
        raise Refused("请写明停止的理由。", "input:reason", basis(zone, STOP_GROUND))
    wall = clock.wall_now()
    made = Stop(
        zone_id=zone,
        scope=scope,
        target=target,
        reason=reason.strip()[:400],
        made_by=actor.person,
        made_at=wall,
    )
    body = {"id": made.id, "scope": scope, "target": target, "reason": made.reason[:200]}
    feed.publish("stop", body, zone=zone, now=wall)
    made.save(force_insert=True)
    _halt(zone, scope, target)
    evidence.record(
        act="stop.issued",
        actor=actor.person,
        role=next(iter(sorted(actor.roles_in(zone))), "none"),
        subject=made.id,
        zone=zone,
        now=wall,
        articles=basis(zone, STOP_GROUND),
    )
    return made


def stop_project(project: Project, *, actor: Actor, reason: str) -> Stop:
    """Stop a project: its grants, waiting and running work, and outputs that have not left."""
    if not permissions.can_stop(actor, project):
        raise Refused(
            "停止由项目的参与机构和监督部门发出，您的账号没有这个角色；发现问题请告诉提供单位或者数据管理部门。",
            "forbidden",
            basis(project.zone_id, STOP_GROUND),
        )
    return stop(actor=actor, zone=project.zone_id, scope="project", target=project.id, reason=reason)


def withdraw(request: DataRequest, *, actor: Actor, reason: str) -> list[Stop]:
    """A provider takes its data back: every open grant that names the resource stops."""
    open_ = Grant.objects.filter(zone_id=request.zone_id, state__in=("awaiting", "live"))
    found = open_.filter(project__requests=request).distinct()
    return [
        stop(actor=actor, zone=each.zone_id, scope="grant", target=each.pk, reason=reason) for each in found
    ]


def _halt(zone: str, scope: str, target: str) -> None:
    hit = Grant.objects.filter(zone_id=zone, state__in=("awaiting", "live"))
    if scope == "grant":
        hit = hit.filter(pk=target)
    elif scope == "project":
        hit = hit.filter(project_id=target)
    elif scope != "all":
        return
    hit.update(state="stopped")


@transaction.atomic
def took_effect(made: Envelope, role: str) -> Stop | None:
    """A domain (`role` of the signature that holds) says when a stop acted there, in wall time.

    One made in the data domain becomes known by the first word that says what it is for, and with it what
    others told before. None for what is no stop: withdrawals and trips come the same way.
    """
    body = made.body
    row: Any = Stop.objects.select_for_update(of=("self",)).filter(pk=body["stop"]).first()
    if row is None:
        said = _said(made)
        if not said:
            return None
        row = Stop(pk=body["stop"], zone_id=made.zone, effects=_told_before(made), **said)
    if not any(each["source"] == role for each in row.effects):
        row.effects = [*row.effects, {"source": role, "at": body["at"]}]
    row.save()
    _halt(row.zone_id, row.scope, row.target)
    made_: Stop = row
    return made_


def _said(made: Envelope) -> dict[str, Any]:
    """The stop a message is about, as the office published it, else as told; {} when nobody says what for."""
    told = made.body
    item = FeedItem.objects.filter(kind="stop", zone=made.zone, subject=told["stop"]).first()
    if item is not None:
        body = item.envelope["body"]
        given = {"scope": body["scope"], "target": body["target"], "reason": body["reason"]}
        return given | {"origin": "office", "made_at": item.published}
    if not told.get("scope"):
        return {}
    return {
        "scope": str(told["scope"]),
        "target": str(told.get("target") or ""),
        "origin": str(told.get("origin") or "airlock"),
        "made_at": instant(made.issued, "issued"),
    }


def _told_before(made: Envelope) -> list[dict[str, str]]:
    """What others told of the stop before anybody said what it is for, each domain's first word."""
    rows = InboxMessage.objects.filter(kind="effect", envelope__body__stop=made.body["stop"])
    found: dict[str, str] = {}
    for row in rows.filter(handled__isnull=False).order_by("pk"):
        signed = next((one for one in row.envelope["signatures"] if one["key"] == row.source), None)
        if signed is not None:
            found.setdefault(signed["role"], row.envelope["body"]["at"])
    return [{"source": role, "at": at} for role, at in found.items()]


def reason_closed(grant: Grant | None, today: date) -> str:
    """'' when work may be done under the grant on a business day, else one sentence why not."""
    if grant is None:
        return "项目还没有数据授权。"
    state = grant.state_on(today)
    if state == "awaiting":
        left = len(grant.owners) - grant.answers.exclude(organisation=DATA_DOMAIN).count()
        return f"授权还在等 {left} 家提供单位在闸口确认，确认以后才能运行。"
    if state == "refused":
        return f"授权没有得到确认：{grant.sentence}"
    if state == "stopped":
        return "项目或者授权已经停止，不能再运行。"
    if state == "expired":
        return f"授权已于 {grant.body['until']} 到期，请重新申请。"
    if today < date.fromisoformat(grant.body["from"]):
        return f"授权自 {grant.body['from']} 起生效，现在还不能运行。"
    return ""


def lens_grant(grant: Grant) -> dict[str, Any]:
    """The grant as the lens reads it."""
    kept = ("v", "zone", "project", "mode", "purpose", "from", "until")
    tables = {
        name: {key: table[key] for key in ("columns", "rows", "subject") if key in table}
        for name, table in grant.body["tables"].items()
    }
    return {**{key: grant.body[key] for key in kept}, "tables": tables}
