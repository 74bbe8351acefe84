"""Run inside a domain for the doctor: evidence the office does not take, signatures that are withheld."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gongshu.crypto import canonical
from gongshu.wire import witnessing
from gongshu.wire.settings import Settings
from gongshu.wire.times import instant

SERVICES: Mapping[str, str] = {"domain": "数据域", "gateway": "网关"}
MEND = (
    "存证留在本域，会一直再送。请与办公域的管理员核对这个来源；"
    "办公域从较旧的备份恢复过，或者被人改动过，都会这样。"
)
MEND_WITNESS = "请先看上面的存证；日志与本域的存证对不上时，请保全日志目录并运行 gongshu evidence verify。"
QUERY = (
    "select source, min(refused), count(*), (array_agg(code order by number))[1], "
    "(array_agg(sentence order by number))[1] from store_outgoing "
    "where kind = 'journal' and sent is null and refused is not null group by source order by source"
)


def _line(since: datetime, count: int, code: str, sentence: str) -> str:
    at = since.astimezone(ZoneInfo("Asia/Shanghai"))
    return f"{at:%Y-%m-%d %H:%M} 起 {count} 批没有被收下，办公域的代码 {code}，原话“{sentence}”"


def _withheld(settings: Settings, service: str) -> str:
    said = witnessing.said(settings.home / service / "state")
    why = str(said.get("why") or "")
    if not why or why in witnessing.SILENT:
        return ""
    return f"{said.get('since', '')} 起没有联署：{witnessing.WITHHELD.get(why, why)}（{why}）"


def domain(settings: Settings, _payload: object) -> dict[str, Any]:
    """`{unsent: {source: words}, withheld: words}` of the data domain."""
    import psycopg  # a machine with the gateway alone has no database

    with psycopg.connect(settings.database("domain"), autocommit=True) as line:
        rows = line.execute(QUERY).fetchall()
    unsent = {str(source): _line(since, count, code, words) for source, since, count, code, words in rows}
    return {"unsent": unsent, "withheld": _withheld(settings, "domain")}


def gateway(settings: Settings, _payload: object) -> dict[str, Any]:
    """The same of the gateway."""
    path = settings.gateway / "journal" / "posted.json"
    kept = canonical.loads(path.read_bytes()) if path.exists() else {}
    rows = list(kept.get("aside", {}).values()) if isinstance(kept, dict) else []
    unsent = {}
    if rows:
        first = min(rows, key=lambda row: str(row["since"]))
        words = _line(instant(first["since"], "since"), len(rows), first["code"], first["sentence"])
        unsent["gateway"] = words
    return {"unsent": unsent, "withheld": _withheld(settings, "gateway")}
