"""Lists that sort, filter, page and export, and work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from math import ceil
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gongshu.ui.export import workbook_response

PER_PAGE = 25
MAX_EXPORT = 50_000


@dataclass(frozen=True)
class Column:
    """One column. `value` is an attribute path (`organisation.name`) or a function of the row.

    `order` is the field the database sorts by, None when the column cannot be sorted; `kind` is one of
    `text number date time wall state code` (`time`: business time, `wall`: the machine's own clock); `href`
    gives the address the cell links to; `why` the id behind the 为什么 mark (a `state` has that of its row's
    `case_id`); `narrow` columns stay visible at 390 px.
    """

    key: str
    label: str
    value: str | Callable[[Any], Any]
    order: str | None = None
    kind: str = "text"
    href: Callable[[Any], str] | None = None
    label_of: Callable[[Any], str] | None = None
    why: Callable[[Any], str | None] | None = None
    narrow: bool = True

    def of(self, row: Any) -> Any:
        if callable(self.value):
            return self.value(row)
        found = row
        for part in self.value.split("."):
            found = found[part] if isinstance(found, dict) else getattr(found, part, None)
            if found is None:
                return None
        return found() if callable(found) else found


@dataclass(frozen=True)
class Filter:
    """A filter of the list. With `choices` it is a select, else a text box; `apply(rows, value)`."""

    name: str
    label: str
    apply: Callable[[Any, str], Any]
    choices: Sequence[tuple[str, str]] = ()
    placeholder: str = ""


@dataclass(frozen=True)
class Cell:
    column: Column
    value: Any
    href: str
    label: str
    why: str | None


@dataclass(frozen=True)
class Heading:
    column: Column
    url: str
    direction: str  # "" up down


@dataclass
class Table:
    """A list as one page shows it. `rows` is a queryset or a list already narrowed to the actor.

    Sorting, filters and page come from the query string, unknown values are ignored. A view returns
    `table.export()` when `table.wants_export` and else renders `{% table table %}`.
    """

    request: HttpRequest
    rows: Any
    columns: Sequence[Column]
    name: str = "list"
    title: str = ""
    filters: Sequence[Filter] = ()
    per_page: int = PER_PAGE
    order: str = ""
    empty: str = "还没有内容。"
    empty_next: str = ""
    exportable: bool = True
    actions: Sequence[tuple[str, str]] = field(default_factory=tuple)

    @property
    def wants_export(self) -> bool:
        return self.exportable and self.request.GET.get("export") == "xlsx"

    @cached_property
    def values(self) -> dict[str, str]:
        """The filters in use."""
        return {each.name: self.request.GET.get(each.name, "").strip()[:100] for each in self.filters}

    @cached_property
    def filtered(self) -> Any:
        rows = self.rows
        for each in self.filters:
            value = self.values[each.name]
            allowed = {key for key, _ in each.choices}
            if value and (not allowed or value in allowed):
                rows = each.apply(rows, value)
        column, descending = self.sorting
        if column is not None and column.order:
            if isinstance(rows, list):
                rows = sorted(rows, key=lambda row: _sort_key(column.of(row)), reverse=descending)
            else:
                rows = rows.order_by(("-" if descending else "") + column.order, "pk")
        return rows

    @cached_property
    def sorting(self) -> tuple[Column | None, bool]:
        wanted = self.request.GET.get("sort", self.order)
        descending = wanted.startswith("-")
        key = wanted.removeprefix("-")
        found = next((each for each in self.columns if each.key == key and each.order), None)
        return found, descending

    @cached_property
    def total(self) -> int:
        return len(self.filtered) if isinstance(self.filtered, list) else self.filtered.count()

    @property
    def pages(self) -> int:
        return max(1, ceil(self.total / self.per_page))

    @cached_property
    def number(self) -> int:
        try:
            wanted = int(self.request.GET.get("page", "1"))
        except ValueError:
            wanted = 1
        return min(max(1, wanted), self.pages)

    @cached_property
    def page(self) -> list[list[Cell]]:
        start = (self.number - 1) * self.per_page
        return [self._cells(row) for row in self.filtered[start : start + self.per_page]]

    @property
    def headings(self) -> Iterable[Heading]:
        current, descending = self.sorting
        for column in self.columns:
            here = column is current
            target = ("" if here and descending else "-" if here else "") + column.key
            direction = ("down" if descending else "up") if here else ""
            yield Heading(column, self.url(sort=target, page=None) if column.order else "", direction)

    @property
    def previous_url(self) -> str:
        return self.url(page=self.number - 1) if self.number > 1 else ""

    @property
    def next_url(self) -> str:
        return self.url(page=self.number + 1) if self.number < self.pages else ""

    @property
    def export_url(self) -> str:
        return self.url(export="xlsx", page=None) if self.exportable else ""

    @property
    def controls(self) -> list[dict[str, Any]]:
        return [{"filter": each, "value": self.values[each.name]} for each in self.filters]

    @property
    def sort_value(self) -> str:
        return self.request.GET.get("sort", "")

    def url(self, **changes: Any) -> str:
        """This address with some parameters of the query changed (None removes one)."""
        query = self.request.GET.copy()
        query.pop("export", None)
        for key, value in changes.items():
            query.pop(key, None)
            if value is not None:
                query[key] = str(value)
        return f"{self.request.path}?{query.urlencode()}" if query else self.request.path

    def export(self) -> HttpResponse:
        """The whole filtered list as an Excel file (at most 50,000 rows, said in the last row)."""
        rows = self.filtered[: MAX_EXPORT + 1]
        lines = [[_plain(cell) for cell in self._cells(row)] for row in rows[:MAX_EXPORT]]
        if len(rows) > MAX_EXPORT:
            lines.append([f"只导出了前 {MAX_EXPORT} 行，请先筛选。"])
        return workbook_response(self.title or self.name, [each.label for each in self.columns], lines)

    def _cells(self, row: Any) -> list[Cell]:
        return [_cell(each, row) for each in self.columns]


def _cell(column: Column, row: Any) -> Cell:
    value = column.of(row)
    return Cell(
        column=column,
        value=value,
        href=column.href(row) if column.href and value not in (None, "") else "",
        label=column.label_of(row) if column.label_of else "",
        why=column.why(row) if column.why else _why_of(column, row),
    )


def _why_of(column: Column, row: Any) -> str | None:
    """A state without a 为什么 of its own opens that of the row's case, where the row has one."""
    return getattr(row, "case_id", None) if column.kind == "state" else None


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is None, value if isinstance(value, int | float | date) else str(value or ""))


def _plain(cell: Cell) -> Any:
    if cell.label:
        return cell.label
    if isinstance(cell.value, datetime):
        return timezone.localtime(cell.value).replace(tzinfo=None)
    return cell.value if isinstance(cell.value, int | float | date) else str(cell.value or "")
