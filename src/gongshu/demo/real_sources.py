"""Descriptions of data sources become items of the catalogue: what they do not say stays 未说明."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from openpyxl import load_workbook

from gongshu.demo import cast, real_files
from gongshu.demo.real_cast import MAKER, ORGANISATION
from gongshu.demo.stage import Stage
from gongshu.demo.web import Browser, Page, Unexpected

BATCH = 200
UNSAID = "未说明"
CODES = "399001/"  # a class and list of the demo's own; the serial is the line of the file
CYCLES = {
    "real-time": "realtime",
    "daily": "daily",
    "weekly": "weekly",
    "monthly": "monthly",
    "quarterly": "quarterly",
    "annual": "yearly",
    "irregular": "irregular",
}
SCOPES = {"global": "全球", "national": "全国（或一国）", "regional": "区域", "subnational": "地方"}
AUTHORITIES = {
    "government": "政府",
    "international": "国际组织",
    "research": "科研机构",
    "market": "市场机构",
    "commercial": "商业机构",
    "other": "其他",
}
NOT_OURS = "只登载来源：数据由来源单位持有，不是本行政区公共管理和服务机构产生的公共数据。"
SEEN = "来源说明没有写明许可，以来源网站的使用条款为准。"
# 谁 → 批量办理 → 页面上的叫法
ROUND = (
    (MAKER[0], "hand_in", "提交复核"),
    (MAKER[1], "check_pass", "复核"),
    ("authority", "approve", "审核"),
    ("authority", "publish", "发布"),
)


def word(value: Any) -> str:
    """Chinese where there is some, else any language; blank when nothing is said."""
    if isinstance(value, Mapping):
        value = value.get("zh") or value.get("en") or next((each for each in value.values() if each), "")
    text = value if isinstance(value, str) else ""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def words(value: Any) -> list[str]:
    """Each line of a list given once or in languages."""
    if isinstance(value, Mapping):
        value = value.get("zh") or value.get("en") or next((each for each in value.values() if each), [])
    rows = value if isinstance(value, list) else [value]
    return [text for text in (word(row) for row in rows) if text]


def summary(source: Mapping[str, Any]) -> str:
    """What the source is, and where it can be looked up; every name as the file gives it."""
    scope, level = word(source.get("geographic_scope")), word(source.get("authority_level"))
    cycle = word(source.get("update_frequency"))
    facts = [
        ("来源标识", word(source.get("id"))),
        ("网站", word(source.get("website"))),
        ("数据入口", word(source.get("data_url"))),
        ("接口", word(source.get("api_url"))),
        ("国家或地区", word(source.get("country"))),
        ("范围", SCOPES.get(scope, scope)),
        ("来源性质", AUTHORITIES.get(level, level)),
        ("更新频率", "" if cycle in CYCLES else cycle or UNSAID),
    ]
    tail = "；".join(f"{title}：{text}" for title, text in facts if text)
    lead = (word(source.get("description")) or f"说明：{UNSAID}。")[:1200]
    return f"{lead}\n{tail}。"[:2000]


def item(source: Mapping[str, Any], line: int, twice: bool) -> dict[str, Any]:
    """One item of the catalogue form. `twice`: another source has this name, so the id is added."""
    name = word(source.get("name"))
    identifier = word(source.get("id")) or f"第{line}行"
    mine = cast.organisation(ORGANISATION)
    rows = [
        {"item_name": text[:200], "item_type": "G", "item_grade": "L1"}
        for text in words(source.get("data_content"))
    ]
    return {
        "category": "theme",
        "name": f"{name[:150]}（{identifier[:40]}）" if twice else name[:200],
        "code": f"{CODES}{line:06d}",
        "provider": mine.name,
        "provider_code": mine.code,
        "summary": summary(source),
        "format": ["api", "other"] if word(source.get("api_url")) else ["other"],
        "cycle": CYCLES.get(word(source.get("update_frequency")), "irregular"),
        "items": rows or [{"item_name": UNSAID, "item_type": "G", "item_grade": "L1"}],
        "share_type": "conditional",
        "share_conditions": SEEN,
        "share_mode": ["other"],
        "open": False,
        "in_scope": False,
        "not_reason": NOT_OURS,
    }


def items(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """(code → item, line → why it was left out)."""
    left: dict[str, str] = {}
    good: list[tuple[int, Mapping[str, Any]]] = []
    for line, source in real_files.records(path):
        if source is None:
            left[f"第 {line} 行"] = "不是一条 JSON 记录"
        elif not word(source.get("name")):
            left[f"第 {line} 行"] = "没有名称"
        else:
            good.append((line, source))
    names = Counter(word(source.get("name")) for _, source in good)
    made = [item(source, line, names[word(source.get("name"))] > 1) for line, source in good]
    return {each["code"]: each for each in made}, left


# ------------------------------------------------------------ steps


def enter(stage: Stage, path: Path) -> str:
    """Drafts by the maker's session, in batches; codes already in the catalogue are passed over."""
    made, left = items(path)
    if not made:
        raise Unexpected(f"{path.name} 里没有一条可以用的来源说明：{real_files.said(left)}。")
    browser = stage.at_office(MAKER[0])
    known = catalogued(browser)
    waiting = [each for code, each in made.items() if code not in known]
    entered = 0
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        answer = _post(browser, batch)
        entered += len(answer["made"])
        for each in answer["refused"]:
            left[batch[each["item"]]["name"]] = each["sentence"]
    line = f"{len(made) + _broken(left)} 条来源说明，新编制 {entered} 条草稿"
    line += f"，{len(made) - len(waiting)} 条原来就有" if len(waiting) < len(made) else ""
    return line + (f"；没有编制：{real_files.said(left)}。" if left else "。")


def _broken(left: Mapping[str, str]) -> int:
    return sum(1 for name in left if re.fullmatch(r"第 \d+ 行", name))


def catalogued(browser: Browser) -> dict[str, str]:
    """code → state of the items the list exports, as the maker sees it."""
    answer = browser.client.get("/catalogue/", params={"export": "xlsx"})
    if answer.status_code != httpx.codes.OK:
        raise Unexpected(f"目录清单导不出来（{answer.status_code}）。")
    sheet = load_workbook(io.BytesIO(answer.content), read_only=True).active
    rows: Iterable[Sequence[Any]] = sheet.iter_rows(values_only=True) if sheet is not None else ()
    heads: list[str] = []
    found: dict[str, str] = {}
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        if "代码" in cells:
            heads = cells
        elif heads:
            found[cells[heads.index("代码")]] = cells[heads.index("状态")]
    if not heads:
        raise Unexpected("导出的目录清单里没有“代码”一列。")
    return found


def _post(browser: Browser, batch: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A program of the maker's posts drafts; the form token is the one of the maker's own page."""
    page = browser.open("/catalogue/new/")
    token = page.forms()["catalogue-form"].values["csrfmiddlewaretoken"][0]
    answer = browser.client.post(
        "/catalogue/api/items",
        json={"items": list(batch)},
        headers={"referer": page.url, "x-csrftoken": token},
    )
    try:
        told: dict[str, Any] = answer.json()
    except ValueError as error:
        raise Unexpected(f"批量编制目录得到 {answer.status_code}。") from error
    if "made" not in told:
        raise Unexpected(f"批量编制目录得到 {answer.status_code}：{told.get('error', {}).get('sentence')}")
    return told


def publish(stage: Stage) -> str:
    """Handed in, checked, approved, published: each act by its own person, two hundred at a time."""
    told = []
    for who, act, title in ROUND:
        done, refused = many(stage.at_office(who), act)
        told.append(f"{title} {done} 条")
        if refused:
            told.append(f"没有办成 {real_files.said(refused)}")
    states = Counter(
        state for code, state in catalogued(stage.at_office(MAKER[0])).items() if code.startswith(CODES)
    )
    return f"{'，'.join(told)}；目录里来源说明 {sum(states.values())} 条，已发布 {states['已发布']} 条。"


def many(browser: Browser, act: str) -> tuple[int, dict[str, str]]:
    """One act on all items of this provider that wait for it; (how many were done, name → why not)."""
    done, refused, tried = 0, dict[str, str](), set[str]()
    while True:
        page = browser.open(f"/catalogue/many/{act}/")
        chosen = [pk for pk in waiting(page) if pk not in tried]
        if not chosen:
            return done, refused
        tried |= set(chosen)
        answer = browser.send(page, "many-form", item=chosen)
        if answer.status >= httpx.codes.BAD_REQUEST and answer.status != httpx.codes.CONFLICT:
            raise Unexpected(f"批量办理“{act}”得到 {answer.status}：{answer.words()[:200]}")
        told = refusals(answer)
        refused |= told
        done += len(chosen) - len(told)


def waiting(page: Page) -> list[str]:
    """Ids of the rows on the page whose provider is ours."""
    found = []
    for row in page.tree.css("#many-form tbody tr"):
        cells = row.css("td")
        tick = row.css_first("input[name=item]")
        if tick is not None and cells[-1].text(strip=True) == cast.organisation(ORGANISATION).name:
            found.append(tick.attributes["value"] or "")
    return found


def refusals(page: Page) -> dict[str, str]:
    found = {}
    for row in page.tree.css(".alert-danger li"):
        link = row.css_first("a")
        text = " ".join(row.text(separator=" ").split())
        found[link.text(strip=True) if link is not None else text[:40]] = text
    return found
