"""A role's day in the browser: one page of a person who is logged in, looked at on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from support import people
from support.browser import DESK, HEIGHTS, PHONE, overflow, shot, violations


class Day:
    """`opened` an address, work on `page`, `good` where nothing may be wrong, `wrong` where a mistake is told."""

    def __init__(self, visit: Callable[..., Any], person: Any = None, name: str = "") -> None:
        self.page = visit(session=session(person) if person is not None else "")
        self.page.on("dialog", lambda asked: asked.accept())
        self.name = name

    def opened(self, path: str) -> Any:
        answer = self.page.goto(path)
        assert answer.status == 200, (path, answer.status)
        return self.page

    def good(self, name: str, phone: bool = False) -> None:
        """Nothing of the page as it is may be wrong; with `phone` at 390 px too."""
        page = self.page
        page.wait_for_load_state("load")
        for width in (PHONE, DESK) if phone else (DESK,):
            if page.viewport_size["width"] != width:
                page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            assert violations(page) == [], (name, width)
            assert overflow(page) <= 0, (name, width, overflow(page))
        assert page.faults == [], (name, page.faults)
        shot(page, f"{self.name}-{name}")

    def wrong(self, name: str, selector: str = ".form-errors", phone: bool = False) -> str:
        """What the page says is wrong; the browser notes the status as an error, and that is wanted."""
        self.page.wait_for_selector(selector)
        self.page.faults.clear()
        self.good(name, phone)
        return str(self.page.inner_text(selector))

    def why(self, place: str = "#content", name: str = "") -> str:
        """What the first 为什么 in `place` says; it is opened beside the page, which stays as it is."""
        address = self.page.locator(f"{place} a.why").first.get_attribute("href")
        own, self.page = self.page, self.page.context.new_page()
        self.page.faults = []
        self.page.set_viewport_size(own.viewport_size)
        self.opened(address)
        assert self.page.inner_text("#why").strip(), address
        if name:
            self.good(name)
        said = str(self.page.inner_text("#content"))
        self.page.close()
        self.page = own
        return said

    def send(self, selector: str) -> Any:
        """Press a button that sends a form, and wait for what comes of it."""
        with self.page.expect_navigation():
            self.page.click(selector)
        self.page.wait_for_load_state("load")
        return self.page


def session(person: Any) -> str:
    return str(people.log_in(Client(), person).session.session_key)
