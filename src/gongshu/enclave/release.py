"""Release 出域: attack, blind votes, and then exactly the reviewed bytes with a signed record."""

from __future__ import annotations

import base64
import logging
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.db import transaction

from gongshu import __version__
from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import digest, salted
from gongshu.enclave import (
    attack,
    channel,
    clock,
    confirm,
    halting,
    history,
    journal,
    outgoing,
    products,
    render,
    serve,
    sources,
    tasks,
    thresholds,
    votes,
)
from gongshu.enclave.attack.model import CHECKS
from gongshu.enclave.policy import lens_grant
from gongshu.enclave.project import leaving, supply, tables
from gongshu.enclave.project.answers import Unfit
from gongshu.enclave.store.models import Grant, Output, ProjectTable, Release, Task
from gongshu.enclave.vault import VaultError
from gongshu.evidence.ids import fresh
from gongshu.law import grounds
from gongshu.lens import check as lens_check

log = logging.getLogger(__name__)
KINDS = ("table", "index", "report", *leaving.KINDS)
LARGEST = 8 * 1024 * 1024
LONGEST = {"title": 200, "lead": 4000}
"""Characters of the texts the office adds: so short that they measure nothing of the table beside them."""
PRODUCT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")


Forbidden = leaving.Forbidden


def misworded(task: Task, wanted: Mapping[str, Any]) -> str:
    """Why the office's words in a release task cannot be taken, '' when they can."""
    product = task.body.get("product")
    if product and not (isinstance(product, str) and PRODUCT.fullmatch(product)):
        return "产品编号只能用字母、数字、点、横线和下划线，不超过80个字符。"
    for key, longest in LONGEST.items():
        if len(str(wanted.get(key) or "")) > longest:
            return f"成果的名称或导语太长，最多{longest}字。"
    return ""


# What ends a request with its own sentence, kept for the airlock; the office hears only `failed`.
SAID = (
    products.Elsewhere,
    render.RenderError,
    VaultError,
    attack.BadSpec,
    attack.BadRaw,
    Unfit,
    tables.TableError,
)


def request(task: Task, now: datetime) -> None:
    """A task of kind `release`: put an earlier task's result into its form, attack it, ask the reviewers."""
    wanted = task.body.get("output") or {}
    own = wanted.get("kind") in leaving.KINDS
    output = None if own else _kept(task)
    if wanted.get("kind") not in KINDS or (output is None and not own):
        tasks.end(task, "failed", now, "没有可申请出域的运行结果，或形式不认识。")
        return
    if why := misworded(task, wanted):
        tasks.end(task, "failed", now, why)
        return
    try:
        product, today = str(task.body.get("product") or ""), clock.business_today(task.zone, now)
        products.check(task.zone, product, task.grant, today)
        if confirm.stopped(task.zone, product=product):
            tasks.end(task, "refused_stop", now)
            return
        task.reached = now  # from here on the answer depends on raw data, so the try counts
        task.save(update_fields=["reached"])
        with tasks.breakable(task):
            if output is None:
                tasks.note(task, leaving.find(task, wanted).sources.values())
                made = leaving.request(task, wanted, earlier_of(task, wanted), now)
                judge(task, made.output, made.path, made.report, made.spec, clock.wall_now())
            else:
                tasks.note(task, output.sources)
                _table(task, output, wanted, now)
    except halting.Halted:
        tasks.end(task, "cancelled", clock.wall_now())
    except Forbidden:
        tasks.end(task, "refused_lens", clock.wall_now())
    except SAID as error:
        tasks.end(task, "failed", clock.wall_now(), str(error))
    except Exception as error:
        log.exception("release %s failed", task.id)
        tasks.end(task, "failed", clock.wall_now(), f"{type(error).__name__}: {error}")


def _kept(task: Task) -> Output | None:
    """The result of the run named, not yet asked out."""
    mine = Output.objects.filter(task_id=task.body.get("from_task"), grant=task.grant, zone=task.zone)
    return mine.filter(state="kept").first()


def _table(task: Task, output: Output, wanted: Mapping[str, Any], now: datetime) -> None:
    """Render, attack and judge the result of a run."""
    ending, data = render.form(wanted["kind"], wanted, Path(output.path))
    if len(data) > LARGEST:
        tasks.end(task, "too_large", now)
        return
    path = Path(output.path).with_name(f"leaving.{ending}")
    path.write_bytes(data)
    report, spec = assault(output, path, wanted, now)
    judge(task, output, path, report, spec, clock.wall_now())


def earlier_of(task: Task, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a dataset of a project is set against; models and answers are no tables to subtract from."""
    return history.before(set(leaving.find(task, wanted).sources)) if wanted["kind"] == "dataset" else []


def assault(
    output: Output, path: Path, wanted: Mapping[str, Any], now: datetime
) -> tuple[attack.AttackReport, dict[str, Any]]:
    """Attack the bytes that would leave with the snapshots they came from. Returns report and spec."""
    grant = Grant.objects.get(id=output.grant)
    today = clock.business_today(output.zone, now)
    manifests = {one: sources.vault().manifest(one) for one in output.sources}
    by_resource = {manifest.resource: manifest for manifest in manifests.values()}
    names = {
        name: by_resource[table["resource"]]
        for name, table in grant.body["tables"].items()
        if table["resource"] in by_resource
    }
    verdict = lens_check(
        output.sql,
        lens_grant(grant.body, sources.of_grant(grant.body)),
        at=today,
        cite=grounds.citing(output.zone, today),
    )
    if not verdict.allowed:
        raise Forbidden
    limits = thresholds.at(output.zone, today)
    previous = history.before(set(by_resource), output.id)
    spec = leaving.spec_of(wanted["kind"], names, limits.floor, output.zone, previous) | {"sql": verdict.sql}
    with sources.vault().stage({name: m.id for name, m in names.items()}) as staged:
        report = attack.run(path, dict(staged), spec, settings.OUTPUTS_DIR, floor=limits.floor, at=today)
    return report, spec


@transaction.atomic
def judge(
    task: Task, output: Output, path: Path, report: attack.AttackReport, spec: dict[str, Any], now: datetime
) -> None:
    """Keep what was found; the office learns the verdict and which checks spoke. What was stopped while it
    was attacked stays stopped."""
    confirm.hold_stops()
    if shut := _shut(task, output, now):
        Output.objects.filter(pk=output.pk).update(state="stopped")
        tasks.end(task, shut, now)
        return
    output.path, output.digest = str(path), digest(path.read_bytes())
    output.product = str(task.body.get("product") or "")
    output.name = str((task.body.get("output") or {}).get("title", ""))[:120]
    output.spec = history.told(spec)
    output.verdict = report.verdict
    output.findings = [finding.data() for finding in report.findings]
    salt = secrets.token_bytes(16)
    output.findings_salt = salt.hex()
    output.findings_digest = salted(dumps(output.findings), salt)
    output.replay = report.replay
    output.state = "blocked" if report.verdict == "block" else "reviewing"
    output.save()
    checks = channel.told(report.verdict, output.findings)
    body = {"task": task.id, "output": output.id, "verdict": report.verdict, "checks": checks}
    heard = outgoing.next_full_ten(now)
    outgoing.post("verdict", body, zone=output.zone, now=now, not_before=heard)
    if output.state == "reviewing":
        for organisation in Grant.objects.get(id=output.grant).body["reviewing_orgs"]:
            outgoing.tell_review(
                output.id, organisation, "awaited", zone=output.zone, now=now, not_before=heard
            )
    tasks.end(task, "done", now)


def _shut(task: Task, output: Output, now: datetime) -> str:
    """'' while the output may go before reviewers, else the outcome code."""
    grant, product = Grant.objects.get(id=output.grant), str(task.body.get("product") or "")
    if confirm.stopped(output.zone, product=product):
        return "refused_stop"
    return confirm.closed(grant, clock.business_today(output.zone, now), now)


# Outputs whose decision broke, so that each is told once and not twice a second.
BROKEN: set[str] = set()


def step(now: datetime) -> int:
    """Release what its reviewers have agreed to; how many left. A broken output stops no other."""
    done = 0
    for output in Output.objects.filter(state="reviewing").values_list("id", flat=True):
        try:
            done += decide(output, now)
        except Exception:
            if output not in BROKEN:
                log.exception("output %s cannot be decided", output)
            BROKEN.add(output)
        else:
            BROKEN.discard(output)
    return done


@transaction.atomic
def decide(output_id: str, now: datetime) -> bool:
    """Count the votes of one output; True when it left. The bytes are those whose digest was voted on."""
    output = Output.objects.select_for_update().get(id=output_id)
    if output.state != "reviewing":
        return False
    grant = Grant.objects.get(id=output.grant)
    today = clock.business_today(output.zone, now)
    limits = thresholds.at(output.zone, today)
    counted = votes.counted(output, now)
    missing, agreed = votes.ruling(counted, grant.body, limits.reviewers)
    if missing:
        return False
    if not agreed:
        _refuse(output, now)
        return False
    if confirm.closed(grant, today, now) or confirm.stopped(output.zone, product=output.product):
        return False  # stopped or expired since: nothing leaves
    data = Path(output.path).read_bytes()
    if digest(data) != output.digest:
        log.error("output %s was changed after review", output.id)
        output.state = "blocked"
        output.save(update_fields=["state"])
        return False
    if history.unmet(output) and not _stands(output, now):
        _refuse(output, now)
        return False
    try:
        products.bind(output.zone, output.product, grant.id, today, now)
    except products.Elsewhere:  # another grant's output for the same product left first
        _refuse(output, now)
        return False
    _leave(output, grant, counted, limits, data, now)
    return True


def _stands(output: Output, now: datetime) -> bool:
    """Attacked again with what left since: whether nothing is found that its reviewers did not see. What is
    found is kept for the airlock."""
    wanted, path = {"kind": output.spec["kind"]}, Path(output.path)
    try:
        if table := output.spec.get("table"):
            row = ProjectTable.objects.get(id=table)
            met = history.before(set(row.sources), output.id)
            report, spec = leaving.assault(row, path, wanted, {}, met, now)
        else:
            report, spec = assault(output, path, wanted, now)
    except (Forbidden, VaultError, attack.BadSpec, attack.BadRaw) as error:
        log.warning("output %s cannot be attacked again: %s", output.id, type(error).__name__)
        return False
    if supply.unseen(output, report):
        output.verdict, output.replay = report.verdict, report.replay
        output.findings = [finding.data() for finding in report.findings]
        output.save(update_fields=["verdict", "findings", "replay"])
        return False
    output.spec = {**output.spec, **{key: history.told(spec)[key] for key in ("previous", "met")}}
    output.save(update_fields=["spec"])
    return True


def _refuse(output: Output, now: datetime) -> None:
    """It stays inside; the office hears that, and not whose vote it was."""
    output.state = "refused"
    output.save(update_fields=["state"])
    _journal("release.refused", output, now, {})
    outgoing.tell_review(output.id, "all", "cast", zone=output.zone, now=now, result="refused")


def _leave(
    output: Output,
    grant: Grant,
    counted: list[dict[str, Any]],
    limits: thresholds.Limits,
    data: bytes,
    now: datetime,
) -> None:
    release_id = fresh("rel")
    path = Path(output.path)
    # named by the output: a decision that broke off and is made again writes the same file again
    kept = settings.RELEASES_DIR / f"{output.id}{path.suffix}"
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.write_bytes(data)
    media = render.MEDIA[path.suffix.lstrip(".")]
    manifests = [sources.vault().manifest(one) for one in output.sources]
    record = {
        "v": 1,
        "title": output.name,
        "kind": output.spec["kind"],
        "product": output.product,
        "project": grant.project,
        "purpose": grant.body["purpose"],
        "grant": grant.digest,
        "grant_id": grant.id,
        "checks": list(CHECKS),
        "findings": [{"check": f["check"], "severity": f["severity"]} for f in output.findings],
        "findings_digest": output.findings_digest,
        "findings_salt": output.findings_salt,
        "verdict": output.verdict,
        "thresholds": limits.data(),
        "earlier_releases": len(output.spec["previous"]),
        "versions": {"gongshu": __version__, "duckdb": duckdb.__version__, "packs": limits.packs},
        "mark": settings.SITE.mark,
        "business_date": clock.business_today(output.zone, now).isoformat(),
    }
    file = {
        "name": f"{release_id}{path.suffix}",
        "media": media,
        "size": len(data),
        "digest": output.digest,
        "content": base64.b64encode(data).decode(),
    }
    body = {
        "id": release_id,
        "output": output.id,
        "task": output.task_id,
        "grant": grant.id,
        "product": output.product,
        "digest": output.digest,
        "votes": counted,
        "sources": [{"snapshot": m.id, "resource": m.resource, "manifest": m.digest} for m in manifests],
        "record": record,
        "files": [file],
    }
    Release.objects.create(
        id=release_id,
        output=output,
        digest=output.digest,
        record=body["record"],
        path=str(kept),
        released=now,
    )
    output.state = "released"
    output.save(update_fields=["state"])
    outgoing.post("release", body, zone=output.zone, now=now)
    _journal("release.left", output, now, {"file": output.digest, "grant": grant.digest})
    if output.product and output.spec["kind"] in serve.SERVED:
        # only when the release is on record: the gateway answers from nothing that has no evidence
        transaction.on_commit(lambda: serve.publish(output, release_id, data, counted, now))


def _journal(act: str, output: Output, now: datetime, digests: Mapping[str, str]) -> None:
    journal.record(
        source="enclave",
        act=act,
        actor="enclave",
        role="enclave",
        subject=output.id,
        zone=output.zone,
        now=now,
        ground="release.review",
        digests=digests,
    )
