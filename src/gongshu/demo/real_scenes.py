"""A published list of scenarios, recorded by the authority as it was published."""

from __future__ import annotations

from pathlib import Path

import httpx

from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

TITLE = "公共数据资源授权运营应用场景清单（第一批，第三方重录）"
LIST = "/scenarios/import/"


def record(stage: Stage, path: Path) -> str:
    """The list goes in whole or not at all; its rows stand on the public page afterwards."""
    browser = stage.at_office("authority")
    page = browser.get(LIST)
    if page.status == httpx.codes.NOT_FOUND:
        raise Unexpected("这套安装没有“应用场景”部件，场景清单建不了档。")
    said = browser.do(browser.open(LIST), "import-form", title=TITLE, file=path)
    public = stage.public().open("/scenarios/published/")
    node = said.tree.css_first(".alert-success, .messages .success")
    shown = len(public.tree.css("table tbody tr"))
    told = " ".join(node.text(separator=" ").split()) if node is not None else f"公开页上有 {shown} 个场景。"
    return told
