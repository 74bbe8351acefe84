"""The law as a case sees it: the packs it began under, as of the day it began."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

from gongshu.law import packs, procedures, rules
from gongshu.law.calendar import Calendar
from gongshu.law.errors import LawError
from gongshu.law.packs import Library
from gongshu.law.rules import Rules
from gongshu.law.shapes import Procedure
from gongshu.office.cases.models import Case, PackText


def rules_of(case: Case) -> Rules:
    """The rules of a case. An older text is read back from the database, the current one from its files."""
    return _rules(case.pack_digest, case.zone_id, case.law_day)


def procedure_of(case: Case) -> Procedure:
    return procedures.load(rules_of(case), case.procedure)


def rules_now(zone: str, day: date) -> Rules:
    """The rules in use today for a case that would begin on `day`."""
    return _rules(packs.library().digest(zone), zone, day)


def procedure_now(zone: str, day: date, procedure: str) -> Procedure:
    """A procedure as a new case would follow it; raises `LawError` when the zone has none."""
    return procedures.load(rules_now(zone, day), procedure)


def titles(zone: str, day: date) -> dict[str, str]:
    """Procedure id → title of all procedures of a zone."""
    held = rules_now(zone, day)
    found = {}
    for name in held.ids("procedures"):
        try:
            found[name] = procedures.load(held, name).title
        except LawError:
            found[name] = name
    return found


def keep_text(zone: str, now: datetime) -> str:
    """Store the text of the packs in use for a zone, once a digest; returns the digest."""
    library = packs.library()
    digest = library.digest(zone)
    if not PackText.objects.filter(pk=digest).exists():
        texts = {path: body.decode("utf-8") for path, body in library.texts(zone).items()}
        packed = zlib.compress(json.dumps(texts, ensure_ascii=False, sort_keys=True).encode())
        PackText.objects.get_or_create(
            digest=digest, defaults={"zone": zone, "texts": packed, "stored_at": now}
        )
    return digest


@lru_cache(maxsize=256)
def _rules(digest: str, zone: str, day: date) -> Rules:
    found = rules.at(zone, day, _library(digest, zone))
    # 放假安排不是规则的一版：新公布的通知对在办的案子一样算数
    return replace(found, calendar=Calendar.of(packs.library()))


@lru_cache(maxsize=32)
def _library(digest: str, zone: str) -> Library:
    current = packs.library()
    if current.digest(zone) == digest:
        return current
    row = PackText.objects.filter(pk=digest).first()
    if row is None:
        raise LawError("pack_text", "数据库里没有这件案子开始时适用的规则包文本，请从备份恢复。")
    texts = json.loads(zlib.decompress(bytes(row.texts)))
    return packs.build({path: body.encode() for path, body in texts.items()})
