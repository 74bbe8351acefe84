"""A task of kind `sample`: drawn under a live grant, measured, kept until its providers confirm it, sent."""

from __future__ import annotations

import base64
import logging
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu import __version__
from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import digest, salted
from gongshu.enclave import clock, confirm, halting, journal, outgoing, sources, tasks, thresholds
from gongshu.enclave.policy import lens_grant, rows_of
from gongshu.enclave.sample import files, measure, pseudonyms, trial
from gongshu.enclave.sample.draw import draw
from gongshu.enclave.sample.model import Column, Drawn, SampleError, Settings, Source
from gongshu.enclave.store.models import Grant, Sample, Task
from gongshu.enclave.vault import VaultError
from gongshu.evidence.ids import fresh

log = logging.getLogger(__name__)
SECRET = "sample-master"  # noqa: S105 (the name of a key)
LARGEST = 8 * 1024 * 1024
GROUND = "development.controlled"


def key_of(zone: str, project: str) -> bytes:
    """The key of a project's pseudonyms; its secret is drawn when first needed and never leaves."""
    return pseudonyms.project_key(settings.KEYS.create_secret(SECRET), zone, project)


def settings_of(grant: Grant, now: datetime) -> Settings:
    """The threshold of the zone's packs on the business day; the rest is this version's."""
    limits = thresholds.at(grant.zone, clock.business_today(grant.zone, now))
    return Settings(threshold=limits.floor.threshold)


def request(task: Task, now: datetime) -> None:
    """Draw the sample of a grant once for its snapshots; whatever happens, one outcome code is kept."""
    grant = Grant.objects.get(id=task.grant)
    held = sources.of_grant(grant.body)
    snapshots = sorted(source.snapshot for source in held.values())
    known = Sample.objects.filter(grant=grant.id, snapshots=snapshots).order_by("made").last()
    if known is not None:
        # One a grant and snapshots: asking again draws nothing new, so nothing can be averaged away.
        tasks.end(task, "done" if known.state in ("awaiting", "agreed", "sent") else "failed", now)
        return
    tasks.note(task, snapshots)
    try:
        with tasks.breakable(task), sources.vault().stage(wanted(held)) as staged:
            key, ways = key_of(grant.zone, grant.project), settings_of(grant, now)
            seed = f"{grant.digest}\0{' '.join(snapshots)}"
            drawn, frames = draw(plan(grant, staged), key, ways, seed=seed)
            halting.check()
            measures = measure.measured(drawn, frames, key, ways)
            try_on(measures, drawn, grant, now)
        keep(task, grant, drawn, measures, snapshots, clock.wall_now())
    except halting.Halted:
        tasks.end(task, "cancelled", clock.wall_now())
    except (SampleError, VaultError) as error:
        tasks.end(task, "failed", clock.wall_now(), str(error))
    except Exception as error:
        log.exception("sample %s failed", task.id)
        tasks.end(task, "failed", clock.wall_now(), f"{type(error).__name__}: {error}")


def wanted(held: Mapping[str, Any]) -> dict[str, str]:
    """table → snapshot."""
    return {name: source.snapshot for name, source in held.items()}


def plan(grant: Grant, staged: Mapping[str, Path]) -> list[Source]:
    """The granted tables with the stricter grades of manifest and grant, and the kinds of the manifest."""
    held = sources.of_grant(grant.body)
    by = lens_grant(grant.body, held)
    found = []
    for name, table in by["tables"].items():
        manifest = sources.vault().manifest(held[name].snapshot)
        # in the snapshot's own order: a message's keys have none
        columns = tuple(
            Column(one.name, said["type"], said["grade"], one.kind)
            for one in manifest.columns
            if (said := table["columns"].get(one.name)) is not None
        )
        subject = table.get("subject")
        if subject and subject not in table["columns"]:
            raise SampleError(f"授权没有包含表“{name}”的主体字段，抽不出可连接的样例。")
        found.append(Source(name, staged[name], columns, subject, rows_of(name, table, held[name])))
    return found


def try_on(measures: dict[str, Any], drawn: Mapping[str, Drawn], grant: Grant, now: datetime) -> None:
    """Add the release attack's findings to the measures; what blocks a dataset blocks a sample."""
    settings.STAGING_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    today = clock.business_today(grant.zone, now)
    halting.check()
    for name, found in trial.attacked(drawn, grant.zone, today, settings.STAGING_DIR).items():
        measures["tables"][name]["attack"] = found
        if found["verdict"] == "block":
            measures["blocked"].append(f"表“{name}”没有通过出域攻击的检查，不能离开数据域。")


def keep(
    task: Task,
    grant: Grant,
    drawn: Mapping[str, Drawn],
    measures: dict[str, Any],
    snapshots: list[str],
    now: datetime,
) -> Sample | None:
    """Write the files and wait for the providers; too large, blocked or stopped meanwhile ends here."""
    made = {name: files.parquet(one) for name, one in drawn.items()}
    if sum(map(len, made.values())) > LARGEST:
        tasks.end(task, "too_large", now)
        return None
    sample_id = fresh("sm", 12)
    place = settings.OUTPUTS_DIR / sample_id
    place.mkdir(mode=0o700, parents=True)
    told = [files.described(drawn[name], n, made[name]) for n, name in enumerate(drawn)]
    for each in told:
        (place / each["name"]).write_bytes(made[each["table"]])
    salt = secrets.token_bytes(16)
    with transaction.atomic():
        confirm.hold_stops()
        if closed := confirm.closed(grant, clock.business_today(grant.zone, now), now):
            shutil.rmtree(place)
            tasks.end(task, closed, now)
            return None
        sample = Sample.objects.create(
            id=sample_id,
            zone=task.zone,
            task=task,
            grant=grant.id,
            project=grant.project,
            path=str(place),
            files=told,
            snapshots=snapshots,
            salt=salt.hex(),
            digest=salted(dumps({"id": sample_id, "files": told}), salt),
            measures=measures,
            state="blocked" if measures["blocked"] else "awaiting",
            sentence=" ".join(measures["blocked"])[:400],
            made=now,
        )
        record(sample, "sample.blocked" if measures["blocked"] else "sample.drawn", "enclave", now)
        tasks.end(task, "failed" if measures["blocked"] else "done", now, sample.sentence)
    return sample


def step(now: datetime) -> int:
    """Send what all its providers have confirmed; how many left."""
    return sum(send(sample.id, now) for sample in Sample.objects.filter(state="agreed"))


@transaction.atomic
def send(sample_id: str, now: datetime) -> bool:
    """Send exactly the confirmed bytes to the office, while the grant lives."""
    sample = Sample.objects.select_for_update().get(id=sample_id)
    grant = Grant.objects.get(id=sample.grant)
    closed = confirm.closed(grant, clock.business_today(grant.zone, now), now)
    if sample.state != "agreed" or closed == "refused_grant":
        return False
    if closed:
        sample.state = "stopped"
        sample.save(update_fields=["state"])
        return False
    data = {each["name"]: (Path(sample.path) / each["name"]).read_bytes() for each in sample.files}
    if not unchanged(sample, data):
        log.error("sample %s was changed after its confirmation", sample.id)
        sample.state, sample.sentence = "blocked", "样例在确认之后被改动过，不予提供。"
        sample.save(update_fields=["state", "sentence"])
        return False
    outgoing.post("sample", _body(sample, grant, data, now), zone=sample.zone, now=now)
    sample.state, sample.decided = "sent", now
    sample.save(update_fields=["state", "decided"])
    record(sample, "sample.sent", "enclave", now, {"sample": sample.digest, "grant": grant.digest})
    return True


def unchanged(sample: Sample, data: Mapping[str, bytes]) -> bool:
    """Whether the files are those whose digest the providers confirmed."""
    told = dumps({"id": sample.id, "files": sample.files})
    return salted(told, bytes.fromhex(sample.salt)) == sample.digest and all(
        digest(data[each["name"]]) == each["digest"] for each in sample.files
    )


def _body(sample: Sample, grant: Grant, data: Mapping[str, bytes], now: datetime) -> dict[str, Any]:
    """The message: files, the confirmed digest with its salt, and usefulness without raw numbers."""
    return {
        "id": sample.id,
        "task": sample.task.pk,
        "grant": grant.id,
        "digest": sample.digest,
        "salt": sample.salt,
        "files": [
            {**each, "content": base64.b64encode(data[each["name"]]).decode()} for each in sample.files
        ],
        "record": {
            "v": 1,
            "project": grant.project,
            "grant": grant.digest,
            "versions": {"gongshu": __version__},
            "mark": settings.SITE.mark,
            "business_date": clock.business_today(grant.zone, now).isoformat(),
        },
    }


def record(
    sample: Sample, act: str, actor: str, now: datetime, digests: Mapping[str, str] | None = None
) -> None:
    """One line of evidence; a digest of the sample only once it has left."""
    journal.record(
        source="enclave" if actor == "enclave" else "airlock",
        act=act,
        actor=actor,
        role="enclave" if actor == "enclave" else "provider",
        subject=sample.id,
        zone=sample.zone,
        now=now,
        ground=GROUND,
        digests=digests or {},
    )
