"""Materials: what people hand in, its type judged by its content, kept under its digest."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.http import QueryDict

from gongshu.law.inputs import Input
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import deposits
from gongshu.office.cases.models import Case, Material
from gongshu.office.link import clock

MAX_BYTES = 50 * 1024 * 1024
FILE_KINDS = ("file", "files")
TEXT_ENDINGS = {"txt": "text/plain", "csv": "text/csv", "json": "application/json", "md": "text/markdown"}
# 内容开头 → （允许的扩展名，类型）
MAGIC: tuple[tuple[bytes, tuple[str, ...], str], ...] = (
    (b"%PDF-", ("pdf",), "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", ("png",), "image/png"),
    (b"\xff\xd8\xff", ("jpg", "jpeg"), "image/jpeg"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("doc", "xls", "wps", "et"), "application/x-ole-storage"),
)
ZIP_ENDINGS = {
    "docx": ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xlsx": ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "ofd": ("OFD.xml", "application/ofd"),
}
ACCEPTED = "PDF、OFD、Word、Excel、PNG、JPEG、TXT、CSV、JSON"


def media_type(file: UploadedFile[Any]) -> str:
    """The type the content shows; `Refused` when the name says something else or it is not accepted."""
    name = str(file.name or "")
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    for magic, endings, found in MAGIC:
        if head.startswith(magic):
            return found if ending in endings else _wrong(name)
    if head.startswith(b"PK\x03\x04") and ending in ZIP_ENDINGS:
        return _zipped(file, ending, name)
    if ending in TEXT_ENDINGS and b"\0" not in head and not head.startswith((b"PK", b"\x7fELF", b"MZ")):
        return TEXT_ENDINGS[ending]
    return _wrong(name)


def _zipped(file: UploadedFile[Any], ending: str, name: str) -> str:
    wanted, found = ZIP_ENDINGS[ending]
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return _wrong(name)
    finally:
        file.seek(0)
    if any("vbaProject" in each for each in members):
        raise Refused(f"“{name[:60]}”含有宏，不接收。请另存为不含宏的文件。", "input:file")
    return found if any(each.startswith(wanted) for each in members) else _wrong(name)


def _wrong(name: str) -> str:
    raise Refused(f"“{name[:60]}”的内容与扩展名不符，或者不是接收的类型（{ACCEPTED}）。", "input:file")


def store(
    file: UploadedFile[Any],
    *,
    actor: Actor,
    now: datetime,
    field: str = "",
    case: Case | None = None,
    act: str = "",
) -> Material:
    """Keep an uploaded file. Raises `Refused` when it is empty, too large or of a type not accepted."""
    size = file.size or 0
    name = clean_name(str(file.name or ""))
    if size == 0:
        raise Refused(f"“{name}”是空文件。", "input:file")
    if size > MAX_BYTES:
        raise Refused(f"“{name}”超过 50 MB，请压缩或拆分后再上传。", "too_large")
    kind = media_type(file)
    digest, stored = deposits.put(file.chunks(1 << 20))
    return Material.objects.create(
        zone_id=case.zone_id if case else actor.zone,
        case=case,
        organisation=actor.organisation or "",
        act=act,
        field=field,
        digest=digest,
        name=name,
        media_type=kind,
        size=stored,
        uploaded_by=actor.person,
        at=now,
        wall_at=clock.wall_now(),
    )


def clean_name(name: str) -> str:
    """The last part of a file name, without control characters, at most 200 characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).strip()[:200] or "未命名"


def visible(actor: Actor) -> Any:
    """Materials of the cases an actor sees, and those the actor handed in."""
    cases = Case.objects.for_actor(actor).values("pk")
    own = Q(uploaded_by=actor.person) if not actor.anonymous else Q(pk__in=[])
    return Material.objects.for_actor(actor).filter(Q(case__in=cases) | own)


def take_uploads(
    post: QueryDict,
    files: Any,
    inputs: Iterable[Input],
    *,
    actor: Actor,
    now: datetime,
    case: Case | None = None,
    act: str = "",
) -> tuple[QueryDict, dict[str, str]]:
    """Store every new upload of the file inputs first; the data with their ids added, and field → problem.

    So a mistake in another field loses no file.
    """
    data, problems = post.copy(), {}
    for asked in inputs:
        if asked.kind not in FILE_KINDS:
            continue
        for file in files.getlist(asked.id):
            try:
                made = store(file, actor=actor, now=now, field=asked.id, case=case, act=act)
            except Refused as refusal:
                problems[asked.id] = refusal.sentence
                continue
            if asked.kind == "file":
                data.setlist(f"{asked.id}__kept", [made.pk])
            else:
                data.appendlist(f"{asked.id}__kept", made.pk)
    return data, problems


def usable(actor: Actor, case: Case | None) -> Any:
    """What may be handed in with an act: own uploads that no case has yet, and papers of the same case."""
    found = Q(pk__in=[]) if actor.anonymous else Q(case=None, uploaded_by=actor.person)
    return Material.objects.filter(found | Q(case=case) if case else found)


def as_facts(
    inputs: Iterable[Input], facts: Mapping[str, Any], actor: Actor, case: Case | None = None
) -> tuple[dict[str, Any], list[Material]]:
    """Ids of kept files → `{name, digest}` as the law asks; the Material rows for the act.

    Only what is `usable` counts: a paper of another case stays there, whoever names its id.
    """
    found, used = dict(facts), []
    for asked in inputs:
        if asked.kind not in FILE_KINDS or not facts.get(asked.id):
            continue
        rows = {row.pk: row for row in usable(actor, case).filter(pk__in=facts[asked.id])}
        kept = [rows[each] for each in facts[asked.id] if each in rows]
        used += kept
        shown = [{"name": each.name, "digest": each.digest} for each in kept]
        found[asked.id] = shown if asked.kind == "files" else (shown[-1] if shown else None)
    return found, used
