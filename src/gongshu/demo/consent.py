"""Persons and firms at the portal: asked by the bank, proved, agreeing, taking back."""

from __future__ import annotations

import atexit
import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import gongshu
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.proofs import folder
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Browser, Page, Unexpected

# 统一身份认证的替身只在代码仓库里有，安装包里没有
STANDIN = Path(gongshu.__file__).resolve().parents[2] / "tests" / "standins" / "identity.py"


@dataclass(frozen=True)
class Citizen:
    """Who proves who they are. `capacity`: of a firm's person."""

    kind: str
    name: str
    number: str
    capacity: str = ""


def standin(stage: Stage) -> str:
    """Start the stand-in of the identity system unless it answers; its address."""
    place = stage.home / "office" / "state" / "identity.json"
    if place.exists():
        known = str(json.loads(place.read_text())["issuer"])
        if _answers(known):
            return known
    paths = os.pathsep.join([str(STANDIN.parents[2] / "src"), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, str(STANDIN), "0", str(place.parent)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    atexit.register(child.terminate)
    assert child.stdout is not None
    if not child.stdout.readline().strip():
        raise Unexpected("统一身份认证的替身没有起来。")
    owner = place.parent.stat()
    os.chown(place, owner.st_uid, owner.st_gid)  # 0600，要办公域自己读得到
    return str(json.loads(place.read_text())["issuer"])


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/authorize", timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def at_portal(stage: Stage, who: Citizen) -> Browser:
    """The browser of a person or firm on a phone; proved when a page first asks for it."""
    return stage.browsers.setdefault(f"portal:{who.number}", Browser(stage.urls["office"], who.name))


def _proved(browser: Browser, page: Page, who: Citizen) -> Page:
    """The page behind the identity system's question, if it asked."""
    if "identity-form" not in page.forms():
        return page
    return browser.do(
        page,
        "identity-form",
        subject_type=who.kind,
        name=who.name,
        number=who.number,
        capacity=who.capacity,
    )


def ask(stage: Stage, content: Content, name: str, kind: str, title: str) -> dict[str, str]:
    """The bank asks one subject; {request, code}. The code is all the subject needs."""
    known = remembered(stage, content)
    if f"consent_{name}" not in known:
        browser = stage.at_office("buyer")
        page = browser.open(f"/consent/requests/new/{known['agreement']}/")
        form = page.forms()["ask-form"]
        page = browser.do(
            page,
            "ask-form",
            title=title,
            purpose=str(content.agreement["purposes"]).splitlines()[0],
            fields=form.choices["fields"],
            kind=kind,
            refusal="可以改为自己提交证明。",
            reference=f"DEMO-{name}",
        )
        code = page.tree.css_first("#code")
        if code is None:
            raise Unexpected(f"没有得到办理码：{page.words()[:200]}")
        known = remember(
            stage,
            content,
            **{f"consent_{name}": page.url.rstrip("/").split("/")[-1], f"code_{name}": code.text().strip()},
        )
    return {"request": known[f"consent_{name}"], "code": known[f"code_{name}"]}


def agree(stage: Stage, content: Content, name: str, who: Citizen) -> str:
    """One tap of the subject; the path of the consent's page."""
    known = remembered(stage, content)
    if f"given_{name}" not in known:
        browser = at_portal(stage, who)
        path = f"/consent/r/{known[f'code_{name}']}/"
        page = _proved(browser, browser.open(path), who)
        if "agree-form" in page.forms():
            page = browser.do(page, "agree-form")
        if page.tree.css_first("#given") is None:
            raise Unexpected(f"同意没有办成：{page.words()[:200]}")
        known = remember(stage, content, **{f"given_{name}": page.path})
    return known[f"given_{name}"]


def envelope(stage: Stage, content: Content, name: str) -> dict[str, Any]:
    """The signed consent as the bank's system sends it with a call."""
    asked = remembered(stage, content)[f"consent_{name}"]
    page = stage.at_office("buyer").open(f"/consent/requests/{asked}/consent.json")
    found: dict[str, Any] = json.loads(page.content)
    return found


def withdraw(stage: Stage, content: Content, name: str, who: Citizen) -> float:
    """One tap; the moment it was sent, on this process's monotonic clock."""
    path = remembered(stage, content)[f"given_{name}"]
    browser = at_portal(stage, who)
    page = _proved(browser, browser.open(path), who)
    at = time.monotonic()
    if "withdraw-form" in page.forms():
        browser.do(page, "withdraw-form")
    return at


def effect(stage: Stage, content: Content, name: str, who: Citizen) -> str:
    """The seconds until each gateway stopped, as the subject's page shows them from signed receipts."""
    path = remembered(stage, content)[f"given_{name}"]
    browser = at_portal(stage, who)

    def shown() -> str:
        page = _proved(browser, browser.open(path), who)
        node = page.tree.css_first(".consent-effect")
        return str(node.attributes.get("data-seconds")) if node is not None else ""

    return str(wait_for("网关的生效回执", shown, 20))


def receipt(stage: Stage, content: Content, name: str, who: Citizen) -> Path:
    """The receipt of the withdrawal and the keys to check it with, kept beside the proofs; the receipt."""
    path = remembered(stage, content)[f"given_{name}"]
    browser = at_portal(stage, who)
    place = folder(stage)
    (place / "consent-keys.txt").write_bytes(browser.open("/consent/keys.txt").content)
    kept = place / f"receipt-{name}.json"
    kept.write_bytes(browser.open(f"{path}receipt.json").content)
    return kept


# ------------------------------------------------------------ who plays


def depositors(stage: Stage) -> list[Mapping[str, str]]:
    """The first rows of the housing fund's own file whose numbers hold: the demo plays their persons."""
    with gzip.open(stage.memory["city"]["housing_fund"], "rb") as file:
        head = file.read(200_000).decode("gb18030", "ignore")
    rows = list(csv.DictReader(io.StringIO(head.rpartition("\n")[0])))
    return [
        row for row in rows if row["缴存状态"] == "正常" and re.fullmatch(r"\d{17}[\dX]", row["身份证号"])
    ]


def firms(stage: Stage) -> list[Mapping[str, str]]:
    """The first rows of the firms' own file."""
    with Path(stage.memory["city"]["enterprises"]).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        return [row for row, _ in zip(reader, range(20), strict=False)]
