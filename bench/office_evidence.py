"""Evidence one a transaction: 8 writers through the office's own `record`, until a checkpoint covers all.

    .venv/bin/python bench/office_evidence.py [--entries 20000] [--writers 8] [--json]

A real embedded PostgreSQL with fsync and synchronous_commit on; every writer is a process of its own that
opens a transaction, writes one entry with `gongshu.office.link.evidence.record` and commits. Beside them
the worker's sequencer runs as in the worker: it numbers, appends to the log and signs checkpoints. The
clock runs from the first transaction until a signed, flushed checkpoint covers the last entry. The peer in
the same run: the same writers insert a row of the same size with plain psycopg and nothing else, which is
what this PostgreSQL gives on this disk. Fails under 2,500 entries a second, when fsync was off, when the
log does not verify or an acknowledged entry is missing from it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
WANTED = 2_500
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
DIGEST = "sha256:" + "a" * 64
PEER_ENTRIES = 4_000
START_SECONDS = 300.0


class BenchFailed(Exception):
    """The bench cannot stand as it is: a sentence why."""


def prepare() -> None:
    """A home, a durable cluster and the office's tables."""
    from support.django_env import prepare as home

    home("gongshu.office.settings", "DATABASE_URL", durable=True)
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    from django.conf import settings

    settings.KEYS.create("log-sm2", "sm2")
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "create table bench_plain (id bigserial primary key, fields jsonb, written timestamptz)"
        )
        for name in DURABLE:
            cursor.execute(f"show {name}")
            if (said := cursor.fetchone()[0]) != "on":
                raise BenchFailed(f"PostgreSQL 的 {name} 是 {said}，测出来的不算数。")
    connection.close()


def act(number: int) -> None:
    """One act of the office that writes its evidence and nothing else."""
    from django.db import transaction

    from gongshu.office.link import evidence

    with transaction.atomic():
        evidence.record(
            act="registration.first.accept",
            actor=f"person:{number % 500}",
            role="registrar",
            subject=f"resource:{number}",
            zone="huangshi",
            now=datetime.now(UTC),
            case=f"case:{number // 5}",
            articles=["gansu-registration:26"],
            digests={"facts": DIGEST},
        )


def plain(number: int) -> None:
    """What any PostgreSQL client does: begin, insert a row of the same size, commit."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into bench_plain (fields, written) values (%s::jsonb, now())",
            [json.dumps({"act": "registration.first.accept", "number": number, "digest": DIGEST})],
        )


WORK = {"evidence": act, "plain": plain}


def write(kind: str, start: int, count: int, ready: Barrier) -> None:
    """One writer: its own process and connection."""
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    ready.wait()
    for number in range(start, start + count):
        WORK[kind](number)
    connection.close()


def writers(kind: str, total: int, many: int) -> tuple[list[Any], Barrier]:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(many + 1)
    each = total // many
    started = [
        spawn.Process(target=write, args=(kind, n * each, each, ready), daemon=True) for n in range(many)
    ]
    for process in started:
        process.start()
    return started, ready


def finished(started: list[Any]) -> bool:
    if any(process.exitcode not in (None, 0) for process in started):
        raise BenchFailed("有写入进程失败。")
    return all(process.exitcode == 0 for process in started)


def plain_rate(total: int, many: int) -> float:
    """Commits a second of the same writers without evidence."""
    started, ready = writers("plain", total, many)
    ready.wait(START_SECONDS)
    begun = time.perf_counter()
    while not finished(started):
        time.sleep(0.01)
    return total // many * many / (time.perf_counter() - begun)


def evidence_rate(total: int, many: int) -> tuple[float, float]:
    """(entries a second until covered by a checkpoint, until committed), the sequencer running beside."""
    from gongshu.office.link import sequencer

    total = total // many * many
    before = sequencer.log().size
    started, ready = writers("evidence", total, many)
    ready.wait(START_SECONDS)
    begun = time.perf_counter()
    committed = 0.0
    while sequencer.log().size - before < total:
        # 与 worker 同样的节奏：每 0.1 秒一步，步内做到没有剩的为止
        woke = time.perf_counter()
        sequencer.step(datetime.now(UTC))
        if not committed and finished(started):
            committed = time.perf_counter() - begun
        time.sleep(max(0.0, min(0.1, 0.1 - (time.perf_counter() - woke))))
    seconds = time.perf_counter() - begun
    for process in started:
        process.join()
    return total / seconds, total / (committed or seconds)


def check(total: int) -> None:
    """Every acknowledged entry is in the log, and the log verifies with its keys."""
    from django.conf import settings

    from gongshu.evidence import check as evidence
    from gongshu.office.link import sequencer
    from gongshu.office.link.models import OutboxEntry

    keys = [settings.KEYS.public(name) for name in sequencer.KEYS]
    report = evidence.verify(settings.LOG_DIR, keys)
    rows = OutboxEntry.objects.count()
    if not report.ok or report.size != rows or rows < total:
        raise BenchFailed(f"日志 {report.size} 条、已提交 {rows} 条：{report.problems}")


def measure(total: int, many: int) -> dict[str, Any]:
    prepare()
    peer = plain_rate(PEER_ENTRIES, many)
    covered, committed = evidence_rate(total, many)
    check(total // many * many)
    return {
        "ok": covered >= WANTED,
        "entries": total // many * many,
        "writers": many,
        "per_second": round(covered),
        "committed_per_second": round(committed),
        "plain_insert_per_second": round(peer),
        "ratio": round(covered / peer, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        found = measure(args.entries, args.writers)
    except BenchFailed as error:
        print(f"失败：{error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(f"存证逐条 {found['per_second']:,} 条/秒（{many_of(found)}，到签名的检查点为止）")
        print(f"同样的写入者只插一行：{found['plain_insert_per_second']:,} 条/秒，比 {found['ratio']}")
        print(f"机器负载 {found['load']}")
    return 0 if found["ok"] else 1


def many_of(found: dict[str, Any]) -> str:
    return f"{found['writers']} 个写入进程，{found['entries']:,} 条"


if __name__ == "__main__":
    sys.exit(main())
