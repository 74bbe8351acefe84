"""The stage: a running installation, its people logged in, its trust list, its clock."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyotp

from gongshu.demo import cast
from gongshu.demo.memory import Memory
from gongshu.demo.web import Browser, Page, Unexpected

WAIT = 60.0


def command(
    home: Path, *words: str, timeout: float = 180, say: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """One `gongshu` command as an administrator would type it; its JSON. `say` hears what it said besides."""
    done = subprocess.run(
        [sys.executable, "-m", "gongshu.cli.main", *words, "--home", str(home), "--json"],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    try:
        data: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise Unexpected(f"gongshu {' '.join(words[:2])} 没有回答：{done.stderr.strip()[-300:]}") from error
    if done.returncode == 2 or data.get("ok") is False:
        raise Unexpected(f"gongshu {' '.join(words[:2])}：{data.get('error', {}).get('sentence', data)}")
    if say is not None:
        for line in done.stderr.splitlines():
            say(line)
    return data


def wait_for(what: str, look: Callable[[], Any], seconds: float = WAIT) -> Any:
    """Look again until something is there; says what was waited for in vain."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Unexpected(f"等了 {seconds:.0f} 秒，没有等到：{what}。")
        time.sleep(0.3)


def password() -> str:
    """A random password of every kind of character."""
    return f"Aa1-{secrets.token_urlsafe(12)}"


class Stage:
    """Everything the steps act on. `urls`: doors of the running installation."""

    def __init__(self, home: Path, urls: Mapping[str, str], memory: Memory) -> None:
        self.home = home
        self.urls = urls
        self.memory = memory
        self.browsers: dict[str, Browser] = {}

    # people of the office

    def at_office(self, key: str) -> Browser:
        """The logged-in browser of a person (or `system`, `security`, the administrators)."""
        if key not in self.browsers:
            account = self.memory["accounts"][key]
            browser = Browser(self.urls["office"], account["name"])
            _log_in(browser, account)
            self.browsers[key] = browser
        return self.browsers[key]

    def at_airlock(self, key: str) -> Browser:
        """The logged-in browser of a person at the airlock."""
        name = f"airlock:{key}"
        if name not in self.browsers:
            account = self.memory["airlock"][key]
            browser = Browser(self.urls["airlock"], account["name"])
            _log_in(browser, account)
            self.browsers[name] = browser
        return self.browsers[name]

    def public(self) -> Browser:
        """A visitor who has not logged in."""
        return self.browsers.setdefault("public", Browser(self.urls["office"], "社会公众"))

    def organisation(self, key: str) -> str:
        return str(self.memory["organisations"][key])

    def person(self, key: str) -> str:
        return str(self.memory["people"][key])

    # time

    def move_to(self, day: str, hour: int = 9, *, anywhere: bool = False) -> Page:
        """Move business time as the system administrator, unless it is there or past it already.

        `anywhere`: the first move of a story, which may go back.
        """
        browser = self.at_office("system")
        page = browser.open("/admin/clock/")
        node = page.tree.css_first("#business-now")
        now = node.text() if node is not None else ""
        if not anywhere and now >= f"{day} {hour:02d}:00":
            return page
        return browser.do(page, "clock-form", day=day, hour=str(hour))


def _log_in(browser: Browser, account: Mapping[str, str]) -> None:
    """A code is good once: when it was just used, wait for the next."""
    for attempt in range(3):
        try:
            browser.log_in(account["username"], account["password"], account["totp"])
            return
        except Unexpected as error:
            if attempt == 2 or not any(word in str(error) for word in ("动态口令", "刚刚用过")):
                raise
            time.sleep(31 - time.time() % 30)


def enrol_administrators(stage: Stage) -> None:
    """The first two administrators, from the console, as the only accounts no page makes."""
    if "accounts" in stage.memory:
        return
    made = command(
        stage.home,
        "office",
        "enrol",
        "--zone",
        cast.ZONE,
        "--organisation",
        cast.organisation("authority").name,
        "--code",
        cast.organisation("authority").code,
    )
    keys = {"system_administrator": "system", "security_administrator": "security"}
    stage.memory.put(
        "accounts",
        {
            keys[row["role"]]: {
                "name": {"system": "系统管理员", "security": "安全管理员"}[keys[row["role"]]],
                "username": row["username"],
                "password": row["password"],
                "totp": row["totp"],
            }
            for row in made["accounts"]
        },
    )


def make_organisations(stage: Stage) -> None:
    """The system administrator enters the organisations."""
    browser = stage.at_office("system")
    known = stage.memory.get("organisations", {})
    for one in cast.ORGANISATIONS:
        if one.key in known:
            continue
        page = browser.open("/admin/organisations/", q=one.name)
        if one.name not in page.words():
            browser.do(page, "new-form", zone=cast.ZONE, name=one.name, code=one.code, kind=one.kind)
        known[one.key] = _organisation_id(browser, one)
        stage.memory.put("organisations", known)


def _organisation_id(browser: Browser, one: cast.Organisation) -> str:
    page = browser.open("/admin/people/")
    node = next((o for o in page.tree.css("select[name=organisation] option") if one.name in o.text()), None)
    if node is None:
        raise Unexpected(f"机构“{one.name}”没有建成。")
    return str(node.attributes["value"])


def make_people(stage: Stage) -> None:
    """The system administrator makes the accounts, each person activates their own."""
    browser = stage.at_office("system")
    people = stage.memory.get("people", {})
    accounts = stage.memory["accounts"]
    for one in cast.PEOPLE:
        if one.key in accounts and one.key in people:
            continue
        page = browser.open("/admin/people/")
        username = f"demo.{one.key}"
        organisation = stage.organisation(one.organisation)
        shown = browser.do(page, "new-form", organisation=organisation, name=one.name, username=username)
        code = shown.tree.css_first("#activation-code")
        person = shown.tree.css_first("#person-id")
        if code is None or person is None:
            raise Unexpected(f"没有得到“{one.name}”的激活码。")
        secret, chosen = _activate(stage.urls["office"], username, code.text().strip())
        people[one.key] = person.text().strip()
        accounts[one.key] = {"name": one.name, "username": username, "password": chosen, "totp": secret}
        stage.memory.put("people", people)
        stage.memory.put("accounts", accounts)


def _activate(site: str, username: str, code: str) -> tuple[str, str]:
    """(TOTP secret, password): what the person sets, nobody else sees."""
    browser = Browser(site, username)
    page = browser.do(browser.open("/activate/"), "activation-form", username=username, activation=code)
    node = page.tree.css_first("#totp-secret")
    if node is None:
        raise Unexpected("激活页没有给出动态口令密钥。")
    secret, chosen = str(node.attributes["data-secret"]), password()
    browser.do(page, "enrol-form", password=chosen, again=chosen, code=pyotp.TOTP(secret).now())
    return secret, chosen


def grant_roles(stage: Stage) -> None:
    """The security administrator gives each person their roles."""
    browser = stage.at_office("security")
    given = stage.memory.get("roles", [])
    for one in cast.PEOPLE:
        for role in one.roles:
            if f"{one.key}:{role}" in given:
                continue
            page = browser.open("/admin/grants/")
            browser.do(page, "new-form", person=stage.person(one.key), zone=cast.ZONE, role=role)
            given.append(f"{one.key}:{role}")
            stage.memory.put("roles", given)
