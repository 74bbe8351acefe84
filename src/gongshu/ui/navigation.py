"""The main navigation in one row: entries that do not fit are gathered under the heading of their stage.

A menu is a `<details>`: it opens without JavaScript, by mouse, finger and keyboard.
"""

from __future__ import annotations

from collections.abc import Sequence

from gongshu.ui.site import NavItem

# 常见的办公屏幕宽 1366 像素；以下几个宽度与 gongshu.css 里 .site-nav 的字号和间距一致
ROOM = 1310
CHARACTER, PADDING, COUNT, ARROW = 14, 30, 26, 16


def width(item: NavItem) -> int:
    """How wide an entry is, in pixels at a desk."""
    extra = (COUNT if item.count is not None else 0) + (ARROW if item.items else 0)
    return CHARACTER * len(item.title) + PADDING + extra


def fold(
    entries: Sequence[tuple[str, NavItem]], order: Sequence[str], room: int = ROOM
) -> tuple[NavItem, ...]:
    """`entries`: (heading, entry) in their order. One heading after another is folded, in `order`, until the
    row fits; a heading not in `order` never is, nor one with a single entry. What fits stays as it is."""
    row = list(entries)
    for heading in order:
        if sum(width(item) for _, item in row) <= room:
            break
        row = _folded(row, heading)
    return tuple(item for _, item in row)


def _folded(row: list[tuple[str, NavItem]], heading: str) -> list[tuple[str, NavItem]]:
    """The row with the entries of one heading in a menu, which stands where the first of them stood."""
    found = [item for group, item in row if group == heading]
    if len(found) < 2:
        return row
    counts = [item.count for item in found if item.count is not None]
    menu = NavItem(
        heading,
        "",
        any(item.active for item in found),
        sum(counts) if counts else None,
        tuple(found),
    )
    first = next(place for place, (group, _) in enumerate(row) if group == heading)
    rest = [(group, item) for group, item in row if group != heading]
    before = sum(group != heading for group, _ in row[:first])
    return [*rest[:before], (heading, menu), *rest[before:]]
