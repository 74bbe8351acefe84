"""After the calls: the month's bill, the end of an agreement, an auditor's draw, totals that agree."""

from __future__ import annotations

import re
import time

import httpx

from gongshu.demo import acts, calls
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.proofs import folder, keys_file, verify_offline
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Page, Unexpected

DRAWN = 30
SEED = "演示抽样 2026"
STOPPED = ("stopped",)


def next_month(day: str) -> str:
    year, month = int(day[:4]), int(day[5:7])
    return f"{year + month // 12}-{month % 12 + 1:02d}-01"


def billed(stage: Stage, content: Content) -> str:
    """Once the month has ended the operator bills it; every fen opens its 为什么, the parts add up."""
    month = stage.memory.get("billed_month") or stage.memory.put("billed_month", acts.today(stage)[:7])
    stage.move_to(next_month(f"{month}-01"))
    page = _bill(stage, content, month)
    total = _fen(page)
    parts = [" ".join(row.text(separator=" ").split()) for row in page.tree.css("#bill-parts tbody tr")]
    if not total or not parts:
        raise Unexpected(f"账单是空的：{page.words()[:200]}")
    why = _why(stage, page)
    return f"{month} 合计 {total} 分；分成：{'；'.join(parts)}。为什么：{why}"


def _bill(stage: Stage, content: Content, month: str) -> Page:
    """The product's bill of the month; the run is repeated until the gateway's batches have come."""
    browser = stage.at_office("operator")
    known = remembered(stage, content)

    def made() -> str:
        page = browser.open("/settlement/")
        if "run-form" in page.forms():
            page = browser.do(page, "run-form", month=month)
        for row in page.tree.css("table tbody tr"):
            link = row.css_first("a[href*='/settlement/bills/']")
            if link is not None and str(content.product["name"]) in row.text():
                return str(link.attributes["href"])
        return ""

    path = known.get("bill") or str(wait_for("账单", made, 60))
    remember(stage, content, bill=path)
    return browser.open(path)


def _fen(page: Page) -> int:
    node = page.tree.css_first("#bill-total")
    return int(str(node.attributes.get("data-fen"))) if node is not None else 0


def _why(stage: Stage, page: Page) -> str:
    """The screen behind the first line of a bill: calls → tariff line → clause → article."""
    link = page.tree.css_first("#bill-lines tbody a.why")
    if link is None:
        raise Unexpected("账单的行没有“为什么”。")
    shown = stage.at_office("operator").open(str(link.attributes["href"]))
    return shown.words()[:160]


def confirmed(stage: Stage, content: Content) -> str:
    """The bank checks the bill and agrees to it."""
    page = stage.at_office("buyer").open(remembered(stage, content)["bill"])
    acts.do(stage, "buyer", acts.case_of(page), "confirm")
    return f"使用单位确认账单，合计 {_fen(page)} 分。"


def ended(stage: Stage, content: Content) -> str:
    """One party ends the agreement; the seconds until the calls stop, by calls and by signed receipts."""
    known = remembered(stage, content)
    browser = stage.at_office("operator")
    if "ended_after" not in known:
        form = browser.open(f"/cases/{known['agreement_case']}/acts/end/")
        begun = time.monotonic()
        browser.do(form, "act-form", reasons="演示：协议双方商定提前终止。")
        said = calls.answered("终止之后的调用", lambda: calls.probe(stage, content), STOPPED, 10)
        seconds = f"{time.monotonic() - begun:.2f}"
        known = remember(stage, content, ended_after=seconds, ended_said=said.sentence)

    def effects() -> str:
        page = browser.open(f"/products/agreements/{known['agreement']}/")
        node = page.tree.css_first("#stops .stop")
        text = " ".join(node.text(separator=" ").split()) if node is not None else ""
        return text if re.search(r"\d 秒", text) else ""

    shown = str(wait_for("停止的生效回执", effects, 20))
    return f"终止后 {known['ended_after']} 秒，网关：{known['ended_said']}回执：{shown[:120]}"


def _written(page: Page) -> bytes:
    """The archive, empty while the newest steps are still on their way into the log."""
    if page.status == httpx.codes.OK:
        return bytes(page.content)
    if page.status != httpx.codes.SERVICE_UNAVAILABLE:
        raise Unexpected(f"下载压缩包得到 {page.status}。")
    return b""


def audited(stage: Stage) -> str:
    """An auditor draws thirty cases with a seed of their own and checks the archive offline."""
    browser = stage.at_office("auditor")
    if "draw" not in stage.memory:
        page = browser.open("/supervision/draws/")
        made = browser.do(page, "draw-form", seed=SEED, wanted=str(DRAWN))
        stage.memory.put("draw", made.path)
    path = stage.memory["draw"]
    page = browser.open(path)
    many = len(page.tree.css("table tbody tr"))
    kept = folder(stage) / "审计抽样.zip"
    kept.write_bytes(wait_for("抽样的压缩包", lambda: _written(browser.get(f"{path}archive.zip"))))
    proof = verify_offline(kept, keys_file(stage))
    if many != DRAWN:
        raise Unexpected(f"抽出的案件是 {many} 件，不是 {DRAWN} 件。")
    return f"种子“{SEED}”抽出 {many} 件，一个压缩包带全部证明，离线核验{proof}。"


def totals(stage: Stage) -> str:
    """The supervisor's page on which both sides of every total agree."""
    browser = stage.at_office("supervisor")

    def agree() -> str:
        page = browser.open("/supervision/totals/")
        node = page.tree.css_first("#totals-right")
        return " ".join(node.text().split()) if node is not None else ""

    try:
        return str(wait_for("总数核对", agree, 20))
    except Unexpected as error:
        page = browser.open("/supervision/totals/")
        node = page.tree.css_first("#totals-wrong")
        text = " ".join(node.text(separator=" ").split()) if node is not None else page.words()[:200]
        raise Unexpected(f"总数核对：{text[:300]}") from error
