"""入库: a provider's file is read into a draft, decided on field by field, and becomes a snapshot.

Nothing of it, names included, goes to the office before the provider confirmed it.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import transaction

from gongshu.crypto.hashes import digest
from gongshu.enclave import acting, intake, journal, outgoing, sources
from gongshu.enclave.intake import Decision, IntakeError, Proposal
from gongshu.enclave.store.models import Intake, Snapshot
from gongshu.enclave.vault import Manifest, Vault, VaultError
from gongshu.evidence.ids import fresh

DRAFTS = "intake-drafts"


class HandInError(Exception):
    """The hand-in cannot go on. `args[0]`: one Chinese sentence."""


@lru_cache(maxsize=1)
def drafts() -> Vault:
    """Where files lie until their provider decided: encrypted like snapshots, under another key."""
    master = settings.KEYS.create_secret(DRAFTS)
    return Vault(
        settings.INTAKE_DIR / "drafts",
        master,
        settings.KEYS.signer("enclave"),
        settings.SITE.cipher,
        private=settings.STAGING_DIR,
    )


@transaction.atomic
def begin(
    *,
    zone: str,
    organisation: str,
    person: str,
    resource: str,
    title: str,
    table: str,
    filename: str,
    path: Path,
    now: datetime,
) -> Intake:
    """Note a file handed in; it is read by `read`, which may take its time."""
    acting.check("hand_in", person, now, organisation)
    made = Intake.objects.create(
        id=fresh("in"),
        zone=zone,
        organisation=organisation,
        person=person,
        resource=resource,
        title=title,
        table=table,
        filename=filename,
        path=str(path),
        size=path.stat().st_size,
        received=now,
    )
    _journal("intake.received", made, person, now)
    return made


def read(made: Intake, now: datetime, header: bool = True) -> Intake:
    """Recognise the file; its plain copy is removed whatever happens. `header=False`: no header row."""
    path = Path(made.path)
    try:
        proposal = intake.read(path, drafts(), now=now, name=made.filename, header=header)
    except (IntakeError, VaultError) as error:
        made.state, made.sentence = "failed", error.sentence[:400]
    else:
        made.state, made.proposal, made.digest = "read", proposal.to_dict(), proposal.digest
    finally:
        path.unlink(missing_ok=True)
    made.save()
    return made


def proposal_of(made: Intake) -> Proposal:
    """What was recognised."""
    return Proposal.from_dict(made.proposal)


def confirm(made: Intake, decision: Decision, *, person: str, now: datetime) -> Manifest:
    """Take the provider's decision: the snapshot enters the vault and the office hears its outline."""
    with transaction.atomic():
        made = Intake.objects.select_for_update().get(pk=made.pk)
        acting.check("hand_in", person, now, made.organisation)
        if made.state != "read":
            raise HandInError("这次入库已经处理过。")
        before = sources.newest(made.zone, made.resource)
        if before is not None and before.organisation != made.organisation:
            raise HandInError("该资源由别的单位提供，不能由贵单位入库。")
        sources.vault().discard(snapshot_of(made))  # left by a confirmation that broke off before its row
        try:
            manifest = intake.confirm(
                proposal_of(made),
                decision,
                drafts=drafts(),
                vault=sources.vault(),
                zone=made.zone,
                resource=made.resource,
                owner=made.organisation,
                table=made.table,
                title=made.title,
                now=now,
                confirmed_by=person,
                parent=before.snapshot if before else None,
                snapshot=snapshot_of(made),
            )
        except (IntakeError, VaultError) as error:
            raise HandInError(error.sentence) from error
        Snapshot.objects.create(
            id=manifest.id,
            zone=made.zone,
            resource=made.resource,
            organisation=made.organisation,
            table=made.table,
            rows=manifest.rows,
            made=now,
        )
        made.state, made.snapshot, made.decided = "confirmed", manifest.id, now
        made.save()
        body = {
            "id": made.resource,
            "organisation": made.organisation,
            "title": made.title,
            "table": made.table,
            "columns": {c.name: {"type": c.type, "grade": c.grade} for c in manifest.columns},
            "subject": manifest.subject or "",
            "rows": manifest.rows,
            "snapshot": manifest.id,
        }
        outgoing.post("resource", body, zone=made.zone, now=now, source=outgoing.AIRLOCK)
        _journal("intake.confirmed", made, person, now, manifest=manifest.digest)
        proposal = proposal_of(made)
        # only when the snapshot is on record: until then the draft is all there is of the file
        transaction.on_commit(lambda: intake.refuse(proposal, drafts=drafts(), now=now), robust=True)
    return manifest


def snapshot_of(made: Intake) -> str:
    """The id the snapshot of a hand-in has or will have; as hard to guess as the hand-in's own."""
    return f"s-{digest(f'gongshu intake {made.id}'.encode()).split(':')[1][:20]}"


def sweep(now: datetime) -> int:
    """Mend what a crash left of hand-ins: drafts of decided ones, snapshots of undecided ones; how many."""
    kept = {one.id for one in drafts().snapshots()}
    decided = Intake.objects.filter(state="confirmed", proposal__draft__in=kept)
    for made in decided:
        intake.refuse(proposal_of(made), drafts=drafts(), now=now)
    lost = 0
    for pk in Intake.objects.filter(state="read").values_list("pk", flat=True):
        with transaction.atomic():
            # another process may be confirming it: its row is locked, and its snapshot is no leftover
            left = Intake.objects.select_for_update(skip_locked=True).filter(pk=pk, state="read").first()
            lost += left is not None and sources.vault().discard(snapshot_of(left))
    return len(decided) + lost


UPLOAD = "upload-"
BROKEN_OFF = "接收文件时系统中断了，请重新交入。"


def sweep_uploads() -> int:
    """When the airlock starts, and nothing is being received: plain files a crash left, and their rows; how
    many files."""
    strays = sorted(settings.INTAKE_DIR.glob(f"{UPLOAD}*"))
    for stray in strays:
        stray.unlink(missing_ok=True)
    Intake.objects.filter(state="received").update(state="failed", sentence=BROKEN_OFF)
    return len(strays)


def lost(made: Intake, why: str) -> Intake:
    """The draft of a hand-in is gone or broken: it cannot be decided on any more."""
    Intake.objects.filter(pk=made.pk, state="read").update(
        state="failed", sentence=f"{why}请退回后重新交入。"[:400], proposal={}
    )
    made.refresh_from_db()
    return made


@transaction.atomic
def send_back(made: Intake, *, person: str, reason: str, now: datetime) -> Intake:
    """The provider takes the file back: draft and key are destroyed."""
    made = Intake.objects.select_for_update().get(pk=made.pk)
    acting.check("hand_in", person, now, made.organisation)
    if made.state != "read":
        raise HandInError("这次入库已经处理过。")
    intake.refuse(proposal_of(made), drafts=drafts(), now=now)
    made.state, made.sentence, made.decided = "refused", reason[:400], now
    made.proposal = {}
    made.save()
    _journal("intake.sent_back", made, person, now)
    return made


def _journal(act: str, made: Intake, person: str, now: datetime, manifest: str = "") -> None:
    digests = {"manifest": manifest} if manifest else {}
    journal.record(
        source="airlock",
        act=act,
        actor=person,
        role="provider",
        subject=made.id,
        zone=made.zone,
        now=now,
        ground="intake.handin",
        digests={**digests, "resource": digest(made.resource.encode())},
    )
