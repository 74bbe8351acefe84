"""What the page frame needs to know about the site and the one who looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class NavItem:
    """One entry of the main navigation, or a menu of several (`items`, no address of its own).
    `count` is shown beside it when not None."""

    title: str
    url: str
    active: bool = False
    count: int | None = None
    items: tuple[NavItem, ...] = ()


@dataclass(frozen=True)
class Banner:
    """A sentence across every page. `tone` is `warning` (演示环境), `danger` (单用户模式) or `info`."""

    sentence: str
    tone: str = "warning"


@dataclass(frozen=True)
class Site:
    """The frame of a page; a context processor puts it into every template as `site`."""

    name: str
    zone_title: str
    business_date: date
    home_url: str = "/"
    nav: tuple[NavItem, ...] = ()
    banners: tuple[Banner, ...] = ()
    user: str = ""
    organisation: str = ""
    roles: tuple[str, ...] = ()
    account_url: str = ""
    login_url: str = ""
    logout_url: str = ""
    zones: tuple[tuple[str, str], ...] = ()
    zone: str = ""
    zone_url: str = ""
    moved: bool = False
    extra: dict[str, str] = field(default_factory=dict)
