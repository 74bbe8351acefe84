"""The page frame of the airlock: whose domain this is, who is here, what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest

from gongshu.enclave import clock, posting
from gongshu.ui.site import Banner, NavItem, Site
from gongshu.wire import witnessing

if TYPE_CHECKING:
    from gongshu.airlock.access import Visitor

# 标题，地址，谁看得到（access.ACTS 的一项，空的是所有登录的人）
NAV = (
    ("首页", "/", ""),
    ("入库", "/intake/", "hand_in"),
    ("授权确认", "/grants/", ""),
    ("样例确认", "/samples/", "confirm"),
    ("出域审核", "/reviews/", "see"),
    ("供数版本", "/supply/", "confirm"),
    ("运行记录", "/runs/", "confirm"),
    ("删除快照", "/deletions/", "confirm"),
    ("停止", "/stops/", ""),
)


def of(request: HttpRequest) -> Site:
    """The frame for this request."""
    visitor = getattr(request, "visitor", None) or None
    site = settings.SITE
    here = request.path
    items = navigation(visitor, here) if visitor else ()
    now = clock.wall_now()
    return Site(
        name="公枢 · 闸口",
        zone_title="数据域",
        business_date=clock.business_today(site.zone, now),
        moved=clock.offset_seconds(site.zone) != 0,
        nav=items,
        banners=(*banners(), *alarms(here)),
        user=visitor.name if visitor else "",
        organisation=visitor.organisation_name if visitor else "",
        account_url="/password/",
        login_url="/login/",
        logout_url="/logout/",
        zone=site.zone,
    )


def navigation(visitor: Visitor, here: str) -> tuple[NavItem, ...]:
    """What this person can open, with the number of what waits for them."""
    from gongshu.airlock import access, waiting  # access shows refusals in this frame

    counts = {
        "/intake/": len(waiting.intakes(visitor)),
        "/grants/": len(waiting.confirmations(visitor)),
        "/samples/": len(waiting.samples(visitor)),
        "/deletions/": len(waiting.deletions(visitor)),
        "/reviews/": len(waiting.reviews(visitor)),
    }
    return tuple(
        NavItem(title, url, here == url or (url != "/" and here.startswith(url)), counts.get(url) or None)
        for title, url, act in NAV
        if not act or access.can(visitor, act)
    )


def alarms(here: str) -> tuple[Banner, ...]:
    """On the front page: evidence of this domain the office does not take, a signature that is withheld."""
    if here != "/":
        return ()
    found = []
    for one in posting.unsent():
        since = one.since.astimezone(clock.SHANGHAI)
        found.append(
            f"办公域不收来源“{one.source}”的存证：{since:%m月%d日 %H:%M} 起 {one.messages} 批，"
            f"代码 {one.code}，原话“{one.sentence}”。存证留在本域继续送，"
            "请安全管理员运行 gongshu doctor 查看。"
        )
    why = witnessing.said(settings.DOMAIN_HOME / "state").get("why", "")
    if why and why not in witnessing.SILENT:
        reason = witnessing.WITHHELD.get(why, why)
        found.append(f"本域没有给最新的检查点联署：{reason}（{why}）。请安全管理员运行 gongshu doctor 查看。")
    return tuple(Banner(each, "danger") for each in found)


def banners() -> tuple[Banner, ...]:
    """What every page must say about this installation."""
    found = [Banner("数据域 · 闸口：这里可以看到未出域的数据，请勿拍照、抄录或外传。", "info")]
    if settings.SITE.mark == "demo":
        found.append(Banner("演示环境：数据是合成的，时间可以移动，办出的文件没有效力。", "warning"))
    elif settings.SITE.mark == "test":
        found.append(Banner("测试环境：时间可以移动，办出的文件没有效力。", "warning"))
    if settings.SITE.mode == "single":
        found.append(Banner("单用户模式：各域同属一个系统用户，墙只在程序里，不在操作系统里。", "danger"))
    return tuple(found)
