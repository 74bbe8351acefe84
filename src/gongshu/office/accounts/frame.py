"""The page frame of the office: navigation by role, banners, who is logged in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.permissions import can
from gongshu.office.accounts.roles import role
from gongshu.office.accounts.zones import ZONES
from gongshu.office.link import clock
from gongshu.ui import navigation
from gongshu.ui.site import Banner, NavItem, Site


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation: shown when `shown(actor)`; `count` gives the number beside it."""

    title: str
    url_name: str
    order: int
    shown: Callable[[Actor], bool]
    count: Callable[[Actor], int | None] | None = None


ENTRIES: list[Entry] = []

PUBLIC = "公开查询"
# 应用 → 它的入口放不下时收在哪个标题下；不在表里的（待办、监管驾驶舱等）总是直接列出
HEADINGS: dict[str, str] = {
    "catalogue": "目录与授权",
    "authorisation": "目录与授权",
    "registration": "登记",
    "scenarios": "场景与项目",
    "workbench": "开发",
    "products": "产品与协议",
    "consent": "同意与投诉",
    "settlement": "价格与账单",
    "accounts": "机构与账号",
}
# 放不下时依次收起
FOLDED = (
    PUBLIC,
    "价格与账单",
    "同意与投诉",
    "机构与账号",
    "产品与协议",
    "目录与授权",
    "登记",
    "场景与项目",
    "开发",
)


def add(
    title: str,
    url_name: str,
    order: int,
    shown: Callable[[Actor], bool] | None = None,
    count: Callable[[Actor], int | None] | None = None,
) -> None:
    """An app puts its entry into the navigation, in its `AppConfig.ready`; default: the logged in."""
    entry = Entry(title, url_name, order, shown or logged_in, count)
    ENTRIES[:] = sorted(
        [each for each in ENTRIES if each.url_name != url_name] + [entry], key=lambda each: each.order
    )


def logged_in(actor: Actor) -> bool:
    return not actor.anonymous


def works(actor: Actor) -> bool:
    """Logged in and not one of the three administrators, who do no business."""
    return not actor.anonymous and not any(role(each).administrator for each in actor.roles)


def everybody(_: Actor) -> bool:
    return True


def holds(*permissions: str) -> Callable[[Actor], bool]:
    """Shown to those who hold one of the permissions."""
    return lambda actor: any(can(actor, each) for each in permissions)


def heading(entry: Entry, actor: Actor) -> str:
    """Under which menu an entry goes where the row is full: what everybody sees together, else by its app."""
    if entry.shown is everybody and not actor.anonymous:
        return PUBLIC
    return HEADINGS.get(entry.url_name.partition(":")[0], "")


def of(request: HttpRequest) -> Site:
    """The frame for this request."""
    actor: Actor = request.actor
    shown = []
    for entry in ENTRIES:
        if not entry.shown(actor):
            continue
        try:
            shown.append((entry, reverse(entry.url_name)))
        except NoReverseMatch:
            continue
    here = _nearest(request.path, [url for _, url in shown])
    items = [
        (
            heading(entry, actor),
            NavItem(entry.title, url, url == here, entry.count(actor) if entry.count else None),
        )
        for entry, url in shown
    ]
    return Site(
        name="公枢",
        zone_title=ZONES[actor.zone].title,
        business_date=clock.business_today(),
        moved=clock.offset_seconds() != 0,
        nav=navigation.fold(items, FOLDED),
        banners=banners(),
        user="" if actor.anonymous else actor.name,
        organisation=actor.organisation_name,
        roles=tuple(zone_title(each, actor.zone) for each in sorted(actor.roles))
        if not actor.anonymous
        else (),
        account_url=reverse("accounts:me"),
        login_url=reverse("accounts:login"),
        logout_url=reverse("accounts:logout"),
        zone=actor.zone,
        zones=tuple((each, ZONES[each].title) for each in settings.SITE.zones if each in ZONES),
        zone_url=reverse("accounts:zone"),
    )


def _nearest(path: str, urls: list[str]) -> str:
    """The entry a page belongs to: the longest address that its own begins with."""
    return max((url for url in urls if url != "/" and path.startswith(url)), key=len, default="")


def banners() -> tuple[Banner, ...]:
    """What every page must say about this installation."""
    found = []
    if settings.SITE.mark == "demo":
        found.append(Banner("演示环境：数据是合成的，时间可以移动，办出的凭证和文件没有效力。", "warning"))
    elif settings.SITE.mark == "test":
        found.append(Banner("测试环境：时间可以移动，办出的凭证和文件没有效力。", "warning"))
    if settings.SITE.mode == "single":
        found.append(Banner("单用户模式：各域同属一个系统用户，墙只在程序里，不在操作系统里。", "danger"))
    return tuple(found)
