"""Every change of the workbench: submit a run, ask for a release, note what the data domain says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts import actors
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import services as cases
from gongshu.office.link import clock, evidence, feed
from gongshu.office.scenarios.models import Grant, Project
from gongshu.office.workbench import lensing, permissions, served, words
from gongshu.office.workbench.models import Task

PROCEDURE = "release.record"
GROUND = permissions.GROUND
TRIED = ("done", "too_large", "failed")
RAN = ("run", "build")
LONGEST_NAME = 120  # 数据域给成果的名称也只留这么长
NOT_STARTED = ("refused_grant", "refused_stop", "limit")  # 数据域没有开始运行的，不占次数


@transaction.atomic
def submit_run(project: Project, *, actor: Actor, now: datetime, sql: str, title: str = "") -> Task:
    """Publish a run. `now` is business time.

    Raises `Refused`: not a developer, no live grant, the lens forbids (code `lens`), the day's runs are used.
    """
    Project.objects.select_for_update().get(pk=project.pk)  # 每日次数不因同时提交而超过
    grant = permissions.check_work(actor, project, local_day(now))
    if not sql.strip():
        raise Refused(lensing.NO_QUERY, "input:sql")
    if len(sql) > lensing.LONGEST:
        raise Refused(f"查询不能超过 {lensing.LONGEST} 个字。", "input:sql")
    advice = lensing.advise(sql, grant, local_day(now))
    check_lens(advice, grant, now)
    check_tries(project, grant, now)
    reads = {table: [column for column, _ in columns] for table, columns in advice.reads}
    name = named(title)
    body = {"sql": sql, "output": {"kind": "table", "title": name or "运行结果"}}
    return publish(project, grant, "run", name or "运行", body, actor, now, reads=reads)


def named(title: str) -> str:
    """The name of a task without blanks at its ends. Raises `Refused` when it is longer than a task keeps."""
    name = title.strip()
    if len(name) > LONGEST_NAME:
        raise Refused(f"名称不能超过 {LONGEST_NAME} 个字，现在有 {len(name)} 个，请改短。", "input:title")
    return name


def check_lens(advice: lensing.Advice, grant: Grant, now: datetime) -> None:
    """Raises `Refused` with code `lens` and the first violation unless the lens allows the query."""
    if advice.allowed:
        return
    first = advice.violations[0]["sentence"] if advice.violations else "查询没有通过检查。"
    more = f"（共 {len(advice.violations)} 处）" if len(advice.violations) > 1 else ""
    raise Refused(
        f"查询没有送出：{first}{more}",
        "lens",
        basis(grant.zone_id, GROUND, local_day(now)),
        {"codes": sorted({each["code"] for each in advice.violations}), "project": grant.project_id},
    )


def check_tries(project: Project, grant: Grant, now: datetime) -> None:
    """Raises `Refused` with code `limit` when the project's tries of this day are used up."""
    used, most = used_today(project), int(grant.body["runs_per_day"])
    if used >= most:
        raise Refused(
            f"今天的 {most} 次运行已经用完，明天再运行。",
            "limit",
            basis(grant.zone_id, GROUND, local_day(now)),
            {"used": used},
        )


def used_today(project: Project) -> int:
    """Tries of a project on raw data on this wall-clock day in Asia/Shanghai, as the data domain counts:
    runs, steps that build, and requests for release that ended as something judged on raw data may end."""
    begin = clock.wall_now().astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    tried = Task.objects.filter(project=project, kind__in=RAN).exclude(code__in=NOT_STARTED)
    tried |= Task.objects.filter(project=project, kind="release", code__in=TRIED)
    return tried.filter(wall_at__gte=begin, wall_at__lt=begin + timedelta(days=1)).count()


@transaction.atomic
def request_release(
    run: Task,
    *,
    actor: Actor,
    now: datetime,
    kind: str,
    title: str,
    lead: str = "",
    product: str = "",
    terms: Mapping[str, Any] | None = None,
) -> Task:
    """Ask that a finished task's result leave: a case of `release.record` and a task of kind `release`.

    `kind`: of a run table, index, report; of a step that builds lookup, model, dataset; `lead`: the fixed
    words of a report; `product`: the project's product it serves (`served`), '' for none; `terms`: what the
    kind needs besides (`released_terms`). Raises `Refused`.
    """
    project = run.project
    grant = permissions.check_work(actor, project, local_day(now))
    articles = basis(project.zone_id, GROUND, local_day(now))
    run = Task.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.kind not in RAN or run.code != "done":
        raise Refused("只有已完成的运行和建设步骤可以申请出域。", "state", articles)
    if run.grant_id != grant.pk:
        raise Refused("这次运行用的是以前的授权，请在现在的授权下重新运行。", "state", articles)
    if run.releases.filter(code__in=("", "done")).exists():
        raise Refused("这次运行的结果已经申请过出域；要改的请重新运行。", "state", articles)
    if kind not in words.KINDS_OF[run.kind]:
        raise Refused("请选择成果的形式。", "input:kind")
    if not title.strip():
        raise Refused("请填写成果的名称。", "input:title")
    output: dict[str, Any] = {"kind": kind, "title": named(title)}
    if kind == "report" and lead.strip():
        output["lead"] = lead.strip()[:4000]
    output |= released_terms(kind, terms or {})
    body: dict[str, Any] = {"from_task": run.pk, "output": output}
    product = product.strip()
    served.check(project, product)
    if product:
        body["product"] = product
    made = publish(project, grant, "release", output["title"], body, actor, now, from_task=run)
    made.case = cases.open_case(
        PROCEDURE,
        made.pk,
        actor,
        now,
        title=f"{project.name}：{output['title']}",
        subject_kind="release",
        zone=project.zone_id,
        party_roles=_parties(project, grant),
    )
    made.save(update_fields=["case"])
    cases.perform(made.case, "request", actor, {"task": run.pk}, now)
    for before in run.releases.select_related("case").filter(case__state="failed"):
        assert before.case is not None
        cases.perform(before.case, "withdraw", actor, {"reasons": f"没有测试完，已重新申请：{made.pk}"}, now)
    return made


def released_terms(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a kind of release needs besides its title. `given`: `table` (the name of the project's table or
    model), `subject` (person or firm), `fields`, `features` (names), `target`. Raises `Refused`."""
    found: dict[str, Any] = {}
    for name, title, kinds, needed in words.TERMS:
        value = given.get(name) or ""
        if kind not in kinds:
            continue
        if not value and kind in needed:
            raise Refused(f"请填写“{title}”。", f"input:{name}")
        if value:
            found[name] = value if isinstance(value, str) else list(value)
    if "subject" in found and found["subject"] not in dict(words.SUBJECTS):
        raise Refused("请选择回答的主体是个人还是企业。", "input:subject")
    return found


def _parties(project: Project, grant: Grant) -> dict[str, Any]:
    return {
        "operator": project.operator_id,
        "developer": grant.body["developing_org"],
        "provider_officer": grant.owners,
        "reviewer": list(grant.body["reviewing_orgs"]),
    }


def publish(
    project: Project,
    grant: Grant,
    kind: str,
    title: str,
    body: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    *,
    from_task: Task | None = None,
    reads: Mapping[str, Any] | None = None,
) -> Task:
    made = Task(
        zone_id=project.zone_id,
        project=project,
        grant=grant,
        kind=kind,
        title=title,
        reads=dict(reads or {}),
        from_task=from_task,
        asked_by=actor.person,
        asked_at=now,
        wall_at=clock.wall_now(),
    )
    made.body = {
        "id": made.id,
        "kind": kind,
        "grant": grant.id,
        "business_date": local_day(now).isoformat(),
        **body,
    }
    feed.publish("task", made.body, zone=project.zone_id, now=made.wall_at)
    made.save(force_insert=True)
    evidence.record(
        act=f"task.{kind}",
        actor=actor.person,
        role="developer",
        subject=made.id,
        zone=project.zone_id,
        now=made.wall_at,
        articles=basis(project.zone_id, GROUND, local_day(now)),
        digests={"task": evidence.digest_of(made.body)[0]},
    )
    return made


@transaction.atomic
def ended(task: str, code: str, zone: str, at: datetime) -> Task | None:
    """The fixed code of a task; None when the office did not send it. Twice is harmless."""
    row = Task.objects.select_for_update(of=("self",)).filter(pk=task, zone_id=zone).first()
    if row is None or row.code:
        return row
    row.code, row.ended_at = code, at
    row.save(update_fields=["code", "ended_at"])
    evidence.record(
        act=f"task.{code}",
        actor="enclave",
        role="enclave",
        subject=row.id,
        zone=zone,
        now=clock.wall_now(),
        articles=basis(zone, GROUND),
    )
    if row.kind == "release" and code != "done" and row.case is not None and row.case.state == "requested":
        facts = {"code": code, "signature_verified": True}
        cases.perform(row.case, "note_failed", actors.enclave(zone), facts, clock.business_now())
    return row
