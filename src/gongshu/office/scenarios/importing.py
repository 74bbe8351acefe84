"""Scenarios published elsewhere, taken from a CSV list: all rows or none, each problem with its line."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.law.inputs import day_of
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.cases import deposits
from gongshu.office.link import clock, evidence
from gongshu.office.scenarios.models import Scenario

LARGEST = 5 * 1024 * 1024
MOST_ROWS = 5000
ENCODINGS = ("utf-8-sig", "gb18030")
GROUND = "scenario.record"
# 列 → 表头的写法；前一个是页面上的叫法
COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("应用场景", "场景名称", "场景"),
    "domain": ("领域", "应用领域", "行业领域"),
    "resource": ("资源内容", "数据资源", "数据内容", "资源名称"),
    "provider": ("数据提供部门", "数据提供单位", "提供部门", "提供单位"),
    "direction": ("方向", "应用方向", "类别"),
    "products": ("产品和服务", "产品与服务", "产品及服务", "产品服务"),
}
DIRECTIONS = (("公共治理", "public"), ("公益", "public"), ("产业", "industry"), ("行业", "industry"))


@dataclass
class Report:
    """What an import did: names taken, names known before, and sentences with line numbers."""

    taken: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def decode(data: bytes) -> str:
    """The text of a list in UTF-8 or GB18030; `Refused` when it is neither."""
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("文件的编码认不出来，请另存为 UTF-8 或者 GB18030 的 CSV。", "input:file")


def read(data: bytes) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of a list, columns under our names. Raises `Refused`."""
    if len(data) > LARGEST:
        raise Refused("文件太大，场景清单不应超过 5 MB。", "input:file")
    if b"\0" in data:
        raise Refused("这不是 CSV 文件，请在表格软件里另存为 CSV。", "input:file")
    reader = csv.reader(io.StringIO(decode(data), newline=""))
    try:
        heading = [cell.strip() for cell in next(reader)]
        places = {name: _place(heading, titles) for name, titles in COLUMNS.items()}
        if places["name"] is None:
            raise Refused(f"第一行没有“{COLUMNS['name'][0]}”这一列，请核对表头。", "input:file")
        rows = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, _row(places, cells)))
    except StopIteration:
        raise Refused("文件是空的。", "input:file") from None
    except csv.Error as error:
        raise Refused("文件不是规范的 CSV，请在表格软件里另存为 CSV。", "input:file") from error
    if not rows:
        raise Refused("清单里没有一个场景。", "input:file")
    if len(rows) > MOST_ROWS:
        raise Refused(f"一次最多导入 {MOST_ROWS} 个场景。", "input:file")
    return rows


def _place(heading: list[str], titles: tuple[str, ...]) -> int | None:
    return next((heading.index(title) for title in titles if title in heading), None)


def _row(places: Mapping[str, int | None], cells: list[str]) -> dict[str, str]:
    return {
        name: cells[place].strip() if place is not None and place < len(cells) else ""
        for name, place in places.items()
    }


def _direction(text: str) -> str:
    return next((found for word, found in DIRECTIONS if word in text), "")


def _public(row: Mapping[str, str]) -> list[list[str]]:
    return [[COLUMNS[name][0], row[name]] for name in COLUMNS]


def judge(rows: list[tuple[int, dict[str, str]]]) -> list[str]:
    """What is wrong, with the line."""
    problems, seen = [], {}
    for line, row in rows:
        name = row["name"]
        if not name:
            problems.append(f"第 {line} 行没有场景名称。")
        elif len(name) > 200:
            problems.append(f"第 {line} 行的场景名称超过 200 个字。")
        elif name in seen:
            problems.append(f"第 {line} 行与第 {seen[name]} 行的场景同名。")
        seen.setdefault(name, line)
    return problems


def take(
    data: bytes, *, actor: Actor, now: datetime, title: str, number: str = "", day: str = "", zone: str = ""
) -> Report:
    """Record the scenarios of a list. `title`, `number`, `day`: the document that published it.

    Rows recorded before under the same name are left as they are; with any broken row nothing is taken.
    """
    zone = zone or actor.zone
    check(actor, "scenarios.record", zone)
    if not title.strip():
        raise Refused("请填写发布这份清单的文件名称。", "input:title", basis(zone, GROUND, local_day(now)))
    published = day_of(day.strip()) if day.strip() else local_day(now)
    if published is None or published > local_day(now):
        raise Refused(
            "发布日期写成 YYYY-MM-DD，不能晚于今天。", "input:day", basis(zone, GROUND, local_day(now))
        )
    rows = read(data)
    report = Report(problems=judge(rows))
    if report.problems:
        return report
    source = {"title": title.strip()[:200], "number": number.strip()[:100], "day": published.isoformat()}
    _store(rows, report, data, source, actor, zone, published)
    return report


@transaction.atomic
def _store(
    rows: list[tuple[int, dict[str, str]]],
    report: Report,
    data: bytes,
    source: dict[str, Any],
    actor: Actor,
    zone: str,
    published: date,
) -> None:
    digest = deposits.put_bytes(data)
    authority = "data_authority" in actor.roles_in(zone)
    names = [row["name"] for _, row in rows]
    known = set(
        Scenario.objects.filter(zone_id=zone, source__isnull=False, name__in=names).values_list(
            "name", flat=True
        )
    )
    made = [
        Scenario(
            zone_id=zone,
            name=row["name"],
            domain=row["domain"][:100],
            direction=_direction(row["direction"]),
            source=source | {"digest": digest, "line": line},
            recorded_by_authority=authority,
            published=published,
            public=_public(row),
            saved_by=actor.person,
        )
        for line, row in rows
        if row["name"] not in known
    ]
    Scenario.objects.bulk_create(made)
    report.taken, report.known = [each.name for each in made], sorted(known)
    if not made:
        return
    evidence.record(
        act="scenarios.recorded",
        actor=actor.person,
        role="data_authority" if authority else "operator",
        subject=made[0].id,
        zone=zone,
        now=clock.wall_now(),
        articles=basis(zone, GROUND),
        digests={"file": "sha256:" + hashlib.sha256(data).hexdigest()},
    )
