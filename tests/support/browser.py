"""Pytest fixtures for browser tests: Debian's Chromium, real pages of a live server, axe, screenshots.

Use with `-p support.office_env -p support.browser`. `chromium` is started once a session; `visit` opens a
page at a width; `faults` says what axe and the console found.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# 浏览器的同步接口自己带事件循环，Django 会误以为我们在异步代码里
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".assets" / "axe" / "axe.min.js"
DESK, PHONE = 1440, 390
HEIGHTS = {DESK: 900, PHONE: 844}
SERIOUS = ("serious", "critical")


def executable() -> str | None:
    """Where Chromium lies; None when there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = executable()
    if path is None:
        pytest.skip("没有 Chromium：apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--font-render-hinting=none", "--lang=zh-CN"],
            env={**os.environ, "LANGUAGE": "zh_CN"},
        )
        yield running
        running.close()


@pytest.fixture
def visit(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """`visit(width=1440, session=None, javascript=True)` → a page whose errors are collected in `page.faults`."""
    contexts = []

    def opened(width: int = DESK, session: str = "", javascript: bool = True) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            base_url=live_server.url,
            locale="zh-CN",
            java_script_enabled=javascript,
            bypass_csp=False,
        )
        contexts.append(context)
        if session:
            context.add_cookies([{"name": "gongshu_office", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.faults = []
        page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()


def violations(page: Any, *ignored: str) -> list[str]:
    """What axe calls serious or critical on the page as it is, one line each."""
    # axe 从测试里注入，不经页面的内容安全策略
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}：{each['help']}（{each['nodes'][0]['html'][:160]}）"
        for each in found["violations"]
        if each["impact"] in SERIOUS and each["id"] not in ignored
    ]


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than its window, once it has one."""
    page.wait_for_load_state("load")
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def shot(page: Any, name: str, full: bool = True) -> None:
    """Screenshots at both widths in the folder `GONGSHU_SHOTS`; nothing when it is not set.

    `name` may end with a width, which is left out: each picture is `NAME-WIDTH.png`. `GONGSHU_SHOTS_OF` names
    a file with the wanted names, one a line, so that `make screens` takes no others.
    """
    folder, wanted = os.environ.get("GONGSHU_SHOTS"), os.environ.get("GONGSHU_SHOTS_OF")
    base = re.sub(rf"-({DESK}|{PHONE})$", "", name)
    if not folder or (wanted and base not in Path(wanted).read_text("utf-8").split()):
        return
    before = page.viewport_size
    Path(folder).mkdir(parents=True, exist_ok=True)
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page.screenshot(path=Path(folder) / f"{base}-{width}.png", full_page=full)
    page.set_viewport_size(before)
