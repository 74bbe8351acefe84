"""The row of the navigation: it fits a common screen for every role, and hides nothing."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from gongshu.office.accounts import frame, roles
from gongshu.ui import navigation
from gongshu.ui.site import NavItem
from support import people


def flat(items: tuple[NavItem, ...]) -> list[str]:
    return [each.title for item in items for each in (item.items or (item,))]


def test_what_fits_is_not_folded() -> None:
    row = [("登记", NavItem("登记申请", "/a/")), ("登记", NavItem("登记公示", "/b/"))]
    assert navigation.fold(row, ["登记"]) == (row[0][1], row[1][1])


def test_headings_are_folded_in_turn_until_the_row_fits() -> None:
    row = [
        ("", NavItem("待办", "/a/", count=3)),
        ("登记", NavItem("登记申请", "/b/", count=2)),
        ("公开", NavItem("登记公示", "/c/", active=True)),
        ("登记", NavItem("登记工作台", "/d/", count=1)),
        ("公开", NavItem("凭证查验", "/e/")),
        ("单", NavItem("只有一项", "/f/")),
    ]
    whole = sum(navigation.width(each) for _, each in row)
    once = navigation.fold(row, ["公开", "登记"], room=whole - 1)
    assert [each.title for each in once] == ["待办", "登记申请", "公开", "登记工作台", "只有一项"]
    assert once[2].active and once[2].count is None
    twice = navigation.fold(row, ["公开", "登记", "单"], room=1)
    assert [each.title for each in twice] == ["待办", "登记", "公开", "只有一项"]
    assert twice[1].count == 3 and [each.url for each in twice[1].items] == ["/b/", "/d/"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", sorted(roles.REGISTRY))
def test_every_role_has_one_row_that_fits(role: str) -> None:
    request = RequestFactory().get("/cases/")
    request.actor = people.acting(people.organisation(), role)  # type: ignore[attr-defined]
    site = frame.of(request)
    assert sum(navigation.width(each) for each in site.nav) <= navigation.ROOM, [
        each.title for each in site.nav
    ]
    everything = [each.title for each in frame.ENTRIES if each.shown(request.actor)]  # type: ignore[attr-defined]
    assert sorted(flat(site.nav)) == sorted(everything)


def test_every_heading_is_folded_some_time() -> None:
    assert set(frame.HEADINGS.values()) | {frame.PUBLIC} == set(frame.FOLDED)
