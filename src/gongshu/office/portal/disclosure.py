"""信息披露: the items the pack lists, each with what exists; an item without content says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.law.errors import LawError
from gongshu.law.rules import Rules
from gongshu.office.accounts.lawroles import law_roles, zone_title
from gongshu.office.cases import lawbook
from gongshu.office.portal import approval, sources

AGREEMENT = "operation_agreement"
BODY, AUTHORITY = "implementing_body", "data_authority"
DOCUMENT = "disclosure"


@dataclass(frozen=True)
class Item:
    """One item of disclosure: its lines as people read them, and its articles in words. `asked`: it is let
    out only after approval."""

    id: str
    title: str
    by: str
    lines: tuple[str, ...]
    basis: tuple[str, ...]
    note: str = ""
    asked: bool = False


@dataclass(frozen=True)
class Asked:
    """What an item is filled from."""

    zone: str
    today: date
    rules: Rules


def _term(row: Any) -> str:
    if row.term_from is None and row.term_until is None:
        return "文件没有写明期限"
    return f"{row.term_from or '—'} 至 {row.term_until or '—'}"


def _object(asked: Asked) -> list[str]:
    rows = sources.filed(asked.zone, AGREEMENT)
    return [f"{'、'.join(row.parties)}（《{row.name}》）" for row in rows if row.parties]


def _content(asked: Asked) -> list[str]:
    kinds = ("plan", "selection", AGREEMENT)
    rows = [row for kind in kinds for row in sources.filed(asked.zone, kind)]
    return [f"{row.kind_title}：《{row.name}》{row.number}，{row.dated}，摘要 {row.digest}" for row in rows]


def _scope(asked: Asked) -> list[str]:
    rows = sources.filed(asked.zone, "catalogue") + sources.filed(asked.zone, "product_list")
    lists = [f"{row.kind_title}：《{row.name}》{row.number}，{row.dated}" for row in rows]
    granted = dict.fromkeys(name for name, _, _ in sources.granted_resources(asked.zone, asked.today))
    return lists + ([f"现行授权中的数据资源：{'、'.join(granted)}"] if granted else [])


def _body(asked: Asked) -> list[str]:
    """Who holds the role; the data authority where the zone's text makes it the implementing body itself."""
    held = sources.organisations(asked.zone, BODY)
    roles = law_roles(asked.zone, asked.today)
    same = {BODY, AUTHORITY} <= roles.keys() and roles[BODY].who == roles[AUTHORITY].who
    return held or (sources.organisations(asked.zone, AUTHORITY) if same else [])


def _terms(asked: Asked) -> list[str]:
    return [f"《{row.name}》：{_term(row)}" for row in sources.filed(asked.zone, AGREEMENT)]


def _resources(asked: Asked) -> list[str]:
    rows = sources.granted_resources(asked.zone, asked.today)
    return [f"{name}（{since} 至 {until}）" for name, since, until in rows]


def _products(asked: Asked) -> list[str]:
    rows = sources.products(asked.zone, asked.today)
    return [f"{row.name}（{row.form}，{row.operator.name}，登记编码 {made.code}）" for row, made in rows]


def _charges(asked: Asked) -> list[str]:
    standing = sources.ask("products", "standing")
    if standing is None:
        return []
    rows = sources.products(asked.zone, asked.today)
    prices = [(row.name, standing.price(asked.rules, row, asked.today)) for row, _ in rows]
    return [f"{name}：{price.text}" for name, price in prices]


def _caps(asked: Asked) -> list[str]:
    return [
        f"{row.product.name}：{row.caps}{'（试行）' if row.trial else ''}"
        for row in sources.prices(asked.zone, asked.today)
        if row.caps
    ]


def _usage(asked: Asked) -> list[str]:
    count = sources.raw_tasks(asked.zone).count()
    return [f"在原始数据上运行 {count} 次，逐次列在运行公示。"] if count else []


FILL: dict[str, Callable[[Asked], list[str]]] = {
    "object": _object,
    "content": _content,
    "scope": _scope,
    "term": _terms,
    "body": _body,
    "operator": lambda asked: sources.organisations(asked.zone, "operator"),
    "resources": _resources,
    "products": _products,
    "caps": _caps,
    "charges": _charges,
    "usage": _usage,
}
NOTES = {
    "caps": "授权主体还没有在本平台公布上限收费标准。",
    "charges": "还没有登记发布的产品，没有收费。",
    "usage": "还没有在原始数据上运行过。",
}
UNAPPROVED = "按规定先经数据主管部门和实施机构审核同意才能披露，本平台还没有收到同意。"


def items(zone: str, today: date) -> tuple[list[Item], tuple[str, ...], str]:
    """(the items, the articles in words, why there are none). `today` is the business day."""
    rules = lawbook.rules_now(zone, today)
    try:
        document = rules.document(DOCUMENT)
    except LawError as error:
        return [], (), error.sentence
    asked = Asked(zone, today, rules)
    found = [_item(asked, raw) for raw in document["items"]]
    return found, tuple(rules.cite(each) for each in rules.own(document.basis)), ""


def _item(asked: Asked, raw: Any) -> Item:
    name = str(raw["id"])
    waits = bool(raw.get("approval"))
    fill = (lambda asked: approval.approved(asked.zone)) if waits else FILL.get(name)
    lines = tuple(fill(asked)) if fill else ()
    note = "" if lines else UNAPPROVED if waits else NOTES.get(name, "现在还没有可以公开的内容。")
    return Item(
        name,
        str(raw["title"]),
        zone_title(str(raw.get("by", "")), asked.zone),
        lines,
        tuple(asked.rules.cite(each) for each in raw.get("basis", ())),
        note,
        waits,
    )
