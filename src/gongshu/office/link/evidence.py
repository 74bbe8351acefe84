"""Evidence of an act, written in the transaction of the act."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from gongshu.crypto import canonical
from gongshu.crypto.hashes import salted
from gongshu.evidence import entry
from gongshu.office.link import clock
from gongshu.office.link.models import OutboxEntry

SOURCE = "office"
# 字段、时钟能不能移动、写入时间。移动过的时钟记入条目（秒），没有移动就没有这一项
WRITE = f"""
    insert into link_outboxentry (fields, written, chain)
    select %s::jsonb || coalesce(
        (select jsonb_build_object('moved', seconds) from ({clock.NEWEST}) as clock
          where seconds <> 0 and %s), '{{}}'), %s, ''
    returning id, fields::text
"""  # noqa: S608 — 拼进来的是本应用的常量


class NoTransaction(RuntimeError):
    """Evidence was to be written outside the transaction of its act."""


def digest_of(value: Any) -> tuple[str, str]:
    """(salted digest, salt) of what was decided on; the salt stays with the row that was decided on."""
    salt = secrets.token_bytes(16)
    return salted(canonical.dumps(value), salt), salt.hex()


def record(
    *,
    act: str,
    actor: str,
    role: str,
    subject: str,
    zone: str,
    now: datetime,
    case: str = "",
    articles: Iterable[str] = (),
    digests: Mapping[str, str] | None = None,
) -> OutboxEntry:
    """Write one entry of the office's journal. `now` is wall time; ids are opaque, nothing is free text.

    Raises `NoTransaction` outside a transaction, and `ValueError` when a field has not the shape an
    entry may have (evidence.entry).
    """
    if not connection.in_atomic_block:
        raise NoTransaction("存证必须写在同一事务里。")
    made = entry.make(
        SOURCE,
        1,
        now,
        zone,
        actor,
        subject,
        role,
        act,
        case,
        sorted(set(articles)),
        dict(digests or {}),
    )
    return _write({key: value for key, value in made.items() if key not in ("source", "seq")}, now)


def _write(fields: dict[str, Any], now: datetime) -> OutboxEntry:
    """The row, by one plain statement that also says how far the clock is moved: every act waits for it, and
    the ORM's insert, or a question to the clock before it, costs as much again."""
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [json.dumps(fields, ensure_ascii=False), clock.movable(), now])
        number, kept = cursor.fetchone()
    row = OutboxEntry(pk=number, fields=json.loads(kept), written=now)
    row._state.adding, row._state.db = False, connection.alias
    return row
