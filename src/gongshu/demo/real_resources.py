"""The two resources of the data folder: hourly air quality of stations, and a code table of divisions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gongshu.demo import acts, airlock, cast, real_files
from gongshu.demo.real_cast import ORGANISATION, Recast
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Unexpected


@dataclass(frozen=True)
class Column:
    """How the catalogue speaks of a column: its name, data type and grade."""

    title: str
    type: str
    grade: str


@dataclass(frozen=True)
class Resource:
    """What the demo knows of a resource besides its file. `rest`: grade of a column not listed."""

    key: str
    title: str
    table: str
    code: str
    summary: str
    cycle: str
    columns: Mapping[str, Column]
    rest: str
    why: str


def _all(grade: str, kind: str, **titles: str) -> dict[str, Column]:
    return {name: Column(title, kind, grade) for name, title in titles.items()}


AIR = Resource(
    key="data_air",
    title="空气质量小时监测（十二站）",
    table="air_quality",
    code="308001/000001",
    summary="国控站点逐小时的六项污染物浓度和气象要素，每站每小时一行，缺测记作 NA。"
    "原始数据为 UCI 公开的北京多站点空气质量数据集（CC BY 4.0），由提供单位合成一个文件入库。",
    cycle="never",
    columns={
        **_all("L1", "I", No="序号", year="年", month="月", day="日", hour="时"),
        **_all("L2", "N", PM10="可吸入颗粒物", SO2="二氧化硫", NO2="二氧化氮", CO="一氧化碳", O3="臭氧"),
        "PM2.5": Column("细颗粒物", "N", "L2"),
        **_all("L2", "N", TEMP="气温", PRES="气压", DEWP="露点", RAIN="降水量", WSPM="风速"),
        **_all("L1", "C", wd="风向", station="监测站点"),
    },
    rest="L2",
    why="站点的环境监测值，不指向个人或单位",
)
# what the index and the report of `real_content` read
NEEDED = ("station", "year", "month", "day", "hour", "PM2.5", "PM10", "O3")
DIVISIONS = Resource(
    key="data_divisions",
    title="行政区划代码表（乡镇街道）",
    table="divisions",
    code="101001/000001",
    summary="乡镇街道的区划代码、名称和上级代码，一行一个。只有一个年份的代码，更早的代码对不上。",
    cycle="yearly",
    columns=_all(
        "L1",
        "C",
        code="区划代码",
        name="名称",
        areaCode="县级代码",
        cityCode="地级代码",
        provinceCode="省级代码",
    ),
    rest="L1",
    why="行政区划是公开信息，不指向个人或单位",
)


def of(resource: Resource, name: str) -> Column:
    return resource.columns.get(name, Column(name, "C", resource.rest))


# ------------------------------------------------------------ steps


def put_together(stage: Stage, files: Sequence[Path]) -> str:
    """What a provider does before it hands in: one file of many, in its own place."""
    made = real_files.join(files, stage.home / "administrators" / "data" / "空气质量.csv.gz")
    absent = [name for name in NEEDED if name not in made.heads]
    if absent:
        raise Unexpected(
            f"文件里没有字段 {'、'.join(absent)}，做不成空气质量指数；请核对 {files[0].parent}。"
        )
    stage.memory.put("data_air_file", {"path": str(made.path), "heads": made.heads, "rows": made.rows})
    line = f"{made.files} 个站点文件合成一个，{made.rows} 行，{made.path.stat().st_size / 1e6:.1f} MB"
    return line + (f"；没有用：{real_files.said(made.left)}。" if made.left else "。")


def read_divisions(stage: Stage, path: Path) -> str:
    """The code table goes in as it stands."""
    heads = real_files.columns(path)
    stage.memory.put("data_divisions_file", {"path": str(path.resolve()), "heads": heads})
    return f"{path.name}：{'、'.join(of(DIVISIONS, head).title for head in heads)}。"


def catalogue(stage: Stage, resource: Resource) -> str:
    """Made, checked, approved, published: as every item of the catalogue."""
    play = Recast(stage)
    known = dict(stage.memory.get(resource.key, {}))
    if "id" not in known:
        browser = play.at_office("provider")
        mine = cast.organisation(ORGANISATION)
        page = browser.do(
            browser.open("/catalogue/new/"),
            "catalogue-form",
            button={"do": "save"},
            provider=mine.name,
            provider_code=mine.code,
            **acts.typed(_item(resource)),
            **_rows(resource, stage.memory[f"{resource.key}_file"]["heads"]),
        )
        node = page.tree.css_first("#resource-id")
        if node is None:
            raise Unexpected(f"目录“{resource.title}”没有建成：{page.words()[:200]}")
        known = stage.memory.put(resource.key, {"id": node.text().strip(), "case": acts.case_of(page)})
    case = known["case"]
    acts.do(play, "provider", case, "hand_in", shared_source="false", not_excluded="on", graded="on")
    acts.do(play, "checker", case, "check_pass")
    acts.do(play, "authority", case, "approve")
    acts.do(play, "authority", case, "publish")
    return f"目录资源 {known['id']}“{resource.title}”已发布：经办、复核、审核三个人。"


def _item(resource: Resource) -> dict[str, Any]:
    return {
        "category": "theme" if resource is AIR else "base",
        "name": resource.title,
        "code": resource.code,
        "summary": resource.summary,
        "format": ["csv"],
        "cycle": resource.cycle,
        "share_type": "unconditional",
        "share_mode": ["file"],
        "open": "true",
        "open_conditions": "注明来源",
        "in_scope": "true",
    }


def _rows(resource: Resource, heads: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, head in enumerate(heads):
        column = of(resource, head)
        found |= {
            f"items-{number}-item_name": column.title,
            f"items-{number}-item_field": head,
            f"items-{number}-item_type": column.type,
            f"items-{number}-item_grade": column.grade,
        }
    return found


def hand_in(stage: Stage, resource: Resource) -> str:
    """To the airlock and nowhere else; the office learns the outline the provider confirmed."""
    play = Recast(stage)
    file, known = stage.memory[f"{resource.key}_file"], dict(stage.memory[resource.key])
    if "snapshot" not in known:
        snapshot = airlock.hand_in(
            play,
            "provider",
            Path(file["path"]),
            zone=cast.ZONE,
            resource=known["id"],
            title=resource.title,
            table=resource.table,
            grades={head: (of(resource, head).grade, resource.why) for head in file["heads"]},
            subject="",
        )
        known = stage.memory.put(resource.key, {**known, "snapshot": snapshot})
    rows = wait_for("办公域收到提供单位确认的结构", lambda: _told(play, known["id"], known["snapshot"]))
    return f"快照 {known['snapshot']} 加密入库，{rows}；背后不是个人或单位，等级只有 L1、L2。"


def _told(stage: Stage, identifier: str, snapshot: str) -> str:
    """What the office shows of the snapshot, once it knows it."""
    page = stage.at_office("provider").open(f"/catalogue/{identifier}/")
    if snapshot not in page.text:
        return ""
    found = re.search(r"总行数\s*([\d,]+)", page.words())
    return f"办公域看到总行数 {found[1]}" if found else "办公域已收到结构"
