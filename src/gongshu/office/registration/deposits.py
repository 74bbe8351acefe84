"""存证 before applying: a digest is fixed in the evidence log, and a signed receipt is the proof file."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import transaction

from gongshu.crypto import canonical, hashes
from gongshu.law.history import local_day
from gongshu.law.inputs import DIGEST
from gongshu.law.predicates import blank
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import deposits as store
from gongshu.office.cases import materials
from gongshu.office.cases.models import Case
from gongshu.office.link import clock, evidence, proofs
from gongshu.office.registration import certificates, drafts, permissions
from gongshu.office.registration.models import Deposit, Registration, deposit_id

PROOF_FIELD = "R39"
KIND = "deposit"


@transaction.atomic
def make(
    registration: Registration,
    *,
    actor: Actor,
    now: datetime,
    title: str,
    file: UploadedFile[Any] | None = None,
    digest: str = "",
) -> Deposit:
    """Deposit a file, or a digest `sha256:…` reckoned by the registrant; the receipt becomes R39 if empty.

    Raises `Refused` when neither or both are given, or the application can no longer be changed.
    """
    case = Case.objects.select_for_update(of=("self",)).get(pk=registration.case_id)
    row = Registration.objects.select_for_update(of=("self",)).get(pk=registration.pk)
    row.case = case
    permissions.check_edit(actor, row)
    title, digest = title.strip()[:200], digest.strip().lower()
    if not title:
        raise Refused("请写明存证的是什么，例如“2025 年缴存明细（脱敏样例）”。", "input:title")
    if bool(file) == bool(digest):
        raise Refused("请上传一个文件，或者填写一个摘要，二者取其一。", "input:file")
    if digest and not (DIGEST.match(digest) and digest.startswith("sha256:")):
        raise Refused("摘要应写成 sha256: 加 64 位十六进制数。", "input:digest")
    material, sm3 = None, ""
    if file is not None:
        material = materials.store(file, actor=actor, now=now, field="deposit", case=case, act="deposit")
        digest = material.digest
        sm3 = hashes.digest(store.read(digest), "sm3")
    made = deposit_id()
    wall = clock.wall_now()
    signed = receipt(made, row, title, digest, sm3, wall)
    entry = evidence.record(
        act="registration.deposit",
        actor=actor.person,
        role="registrant",
        subject=row.id,
        zone=row.zone_id,
        now=wall,
        case=case.id,
        articles=basis(row.zone_id, "registration.deposit", local_day(now)),
        digests={"deposit": digest, "receipt": message_digest(signed)}
        | ({"deposit-sm3": sm3} if sm3 else {}),
    )
    body = json.dumps(signed, ensure_ascii=False, indent=1).encode()
    upload = SimpleUploadedFile(f"存证证明-{made}.json", body, "application/json")
    paper = materials.store(upload, actor=actor, now=now, field=PROOF_FIELD, case=case, act="deposit")
    if blank(row.typed.get(PROOF_FIELD)):
        row.typed = {**row.typed, PROOF_FIELD: [paper.pk]}
        row.filled = drafts.with_files(row, row.typed)
        row.version += 1
        row.save(update_fields=["typed", "filled", "version"])
    return Deposit.objects.create(
        id=made,
        zone_id=row.zone_id,
        registration=row,
        digest=digest,
        sm3=sm3,
        title=title,
        material=material,
        receipt=paper,
        actor=actor.person,
        at=now,
        wall_at=wall,
        entry=entry,
    )


def receipt(
    identifier: str, row: Registration, title: str, digest: str, sm3: str, wall: datetime
) -> dict[str, Any]:
    """The signed proof of a deposit; `gongshu-verify` checks it."""
    key = certificates.signer()
    body: dict[str, Any] = {
        "v": 1,
        "kind": KIND,
        "id": identifier,
        "zone": row.zone_id,
        "registration": row.id,
        "body": {"title": title, "digest": digest, "sm3": sm3},
        "time": wall.isoformat(timespec="seconds"),
    }
    signature = {
        "role": certificates.ROLE,
        "key": key.public().id,
        "alg": key.alg,
        "sig": base64.b64encode(key.sign(canonical.dumps(body))).decode(),
    }
    return {**body, "signatures": [signature]}


def message_digest(signed: Mapping[str, Any]) -> str:
    """The digest of what the receipt's signature covers; the log's entry names it."""
    return hashes.digest(canonical.dumps({key: each for key, each in signed.items() if key != "signatures"}))


def with_proof(deposit: Deposit) -> dict[str, Any]:
    """The receipt with its proof of inclusion, once the log has taken it."""
    signed: dict[str, Any] = json.loads(store.read(deposit.receipt.digest))
    proof = proofs.of(deposit.entry)
    return {**signed, "proof": proof} if proof else signed
