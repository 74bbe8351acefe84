"""Widgets for what one input box cannot hold: periods, quantities, kept files, tables, answers by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

SPARE_ROWS = 3
LEAST_ROWS = 4
MOST_ROWS = 400
RESULTS = (("", "请选择"), ("pass", "通过"), ("fail", "不通过"))


class DateInput(forms.DateInput):
    """A day, always written `YYYY-MM-DD`."""

    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class DatalistInput(forms.TextInput):
    """A text box that offers what the person may name: (value, words). Plain HTML, no JavaScript needed;
    something else may still be typed, and the service judges it."""

    def __init__(self, offered: Sequence[tuple[str, str]] = (), attrs: Any = None) -> None:
        super().__init__(attrs)
        self.offered = tuple(offered)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, {**(attrs or {}), "list": f"offered-{name}"}, renderer)
        return format_html("{}{}", box, datalist(f"offered-{name}", self.offered))


def datalist(id_: str, offered: Sequence[tuple[str, str]]) -> SafeString:
    """`<datalist>` of (value, words)."""
    options = format_html_join("", '<option value="{}">{}</option>', offered)
    return format_html('<datalist id="{}">{}</datalist>', id_, options)


class CompoundWidget(forms.Widget):
    """Base of widgets made of several boxes; a subclass reads and draws them itself."""

    def id_for_label(self, id_: str) -> str:
        return id_

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class PeriodWidget(CompoundWidget):
    """Two days → {from, until}; both empty is None."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        start = (data.get(f"{name}-from") or "").strip()
        end = (data.get(f"{name}-until") or "").strip()
        return {"from": start, "until": end} if start or end else None

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        value = value if isinstance(value, dict) else {}
        return format_html(
            '<span class="compound"><input type="date" class="form-control" id="{}" name="{}-from" value="{}" aria-label="起">'
            '<span>至</span><input type="date" class="form-control" name="{}-until" value="{}" aria-label="止"></span>',
            (attrs or {}).get("id", name), name, value.get("from") or "", name, value.get("until") or "",
        )  # fmt: skip


class QuantityWidget(CompoundWidget):
    """A number and its unit → {value, unit}."""

    def __init__(self, units: Sequence[tuple[str, str]] = (), attrs: Any = None) -> None:
        super().__init__(attrs)
        self.units = units

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = (data.get(f"{name}-value") or "").replace(",", "").strip()
        unit = (data.get(f"{name}-unit") or "").strip()
        return {"value": value, "unit": unit} if value else None

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        value = value if isinstance(value, dict) else {}
        unit = value.get("unit") or ""
        if self.units:
            choices = forms.Select(
                choices=(("", "单位"), *self.units), attrs={"class": "form-select", "aria-label": "单位"}
            )
            box = choices.render(f"{name}-unit", unit)
        else:
            box = format_html(
                '<input class="form-control" name="{}-unit" value="{}" aria-label="单位">', f"{name}", unit
            )
        return format_html(
            '<span class="compound"><input class="form-control" inputmode="decimal" id="{}" name="{}-value" value="{}">{}</span>',
            (attrs or {}).get("id", name), name, value.get("value") or "", box,
        )  # fmt: skip


class KeptFilesWidget(CompoundWidget):
    """Files already handed in (`<name>__kept`: ids) and a box for more. The value is the list of ids.

    The view stores new uploads first and adds their ids, so that a mistake elsewhere loses no file.
    """

    needs_multipart_form = True

    def __init__(self, single: bool = False, attrs: Any = None) -> None:
        super().__init__(attrs)
        self.single = single
        self.names: dict[str, str] = {}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        key = f"{name}__kept"
        found = data.getlist(key) if hasattr(data, "getlist") else data.get(key, [])
        return [each for each in found if each]

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        kept = format_html_join(
            "",
            '<label class="kept-file"><input type="checkbox" name="{}__kept" value="{}" checked> {}</label>',
            ((name, each, self.names.get(each, "已上传的文件")) for each in (value or [])),
        )
        return format_html(
            '<span class="files">{}<input type="file" class="form-control" id="{}" name="{}"{}></span>',
            kept,
            (attrs or {}).get("id", name),
            name,
            "" if self.single else mark_safe(" multiple"),
        )


class RowsWidget(CompoundWidget):
    """A small table → list of {column: text}; empty rows are left out.

    `choices`: column → (value, title) for columns that are chosen; a value outside them is kept and shown.
    """

    def __init__(
        self,
        columns: Sequence[tuple[str, str]],
        attrs: Any = None,
        choices: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    ) -> None:
        super().__init__(attrs)
        self.columns = tuple(columns)
        self.choices = {key: tuple(each) for key, each in (choices or {}).items() if each}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        rows = []
        for number in range(min(self._count(data, name), MOST_ROWS)):
            row = {key: (data.get(f"{name}-{number}-{key}") or "").strip() for key, _ in self.columns}
            if any(row.values()):
                rows.append(row)
        return rows or None

    def _count(self, data: Any, name: str) -> int:
        """One more than the highest row number sent."""
        numbers = [
            int(parts[1])
            for key in data
            if key.startswith(f"{name}-")
            and len(parts := key.rsplit("-", 2)) == 3
            and parts[0] == name
            and parts[1].isascii()
            and parts[1].isdecimal()
            and len(parts[1]) < 6
        ]
        return max(numbers, default=-1) + 1

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given = [row for row in (value or []) if isinstance(row, dict)]
        rows = given + [{}] * max(SPARE_ROWS if given else LEAST_ROWS, LEAST_ROWS - len(given))
        head = format_html_join("", '<th scope="col">{}</th>', ((title,) for _, title in self.columns))
        body = format_html_join(
            "", "<tr>{}</tr>", ((self._row(name, number, row),) for number, row in enumerate(rows))
        )
        return format_html(
            '<table class="rows-input" id="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
            (attrs or {}).get("id", name), head, body,
        )  # fmt: skip

    def _row(self, name: str, number: int, row: dict[str, Any]) -> SafeString:
        cells = (
            (self._cell(f"{name}-{number}-{key}", key, row.get(key) or "", f"第{number + 1}行 {title}"),)
            for key, title in self.columns
        )
        return format_html_join("", "<td>{}</td>", cells)

    def _cell(self, name: str, key: str, value: Any, label: str) -> SafeString:
        offered = self.choices.get(key)
        if offered:
            kept = () if not value or value in dict(offered) else ((value, value),)
            attrs = {"class": "form-select form-select-sm", "aria-label": label}
            return forms.Select(choices=(("", ""), *offered, *kept), attrs=attrs).render(name, value)
        return format_html(
            '<input class="form-control form-control-sm" name="{}" value="{}" aria-label="{}">',
            name,
            value,
            label,
        )


class AnswersWidget(CompoundWidget):
    """A result and a reason for each item → {id: {result, reason}}; items without a result are left out."""

    def __init__(self, rows: Sequence[tuple[str, str]], attrs: Any = None) -> None:
        super().__init__(attrs)
        self.rows = tuple(rows)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        found = {}
        for key, _ in self.rows:
            result = (data.get(f"{name}-{key}-result") or "").strip()
            if result:
                found[key] = {"result": result, "reason": (data.get(f"{name}-{key}-reason") or "").strip()}
        return found or None

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given = value if isinstance(value, dict) else {}
        body = format_html_join(
            "",
            '<tr><th scope="row">{}</th><td>{}</td><td><input class="form-control form-control-sm" name="{}-{}-reason" value="{}" aria-label="{} 的理由"></td></tr>',
            (
                (title, self._choice(name, key, title, given.get(key) or {}), name, key, (given.get(key) or {}).get("reason") or "", title)
                for key, title in self.rows
            ),
        )  # fmt: skip
        return format_html(
            '<table class="rows-input" id="{}"><thead><tr><th scope="col">审核内容</th><th scope="col">结论</th>'
            '<th scope="col">理由</th></tr></thead><tbody>{}</tbody></table>',
            (attrs or {}).get("id", name), body,
        )  # fmt: skip

    def _choice(self, name: str, key: str, title: str, given: dict[str, Any]) -> str:
        box = forms.Select(
            choices=RESULTS, attrs={"class": "form-select form-select-sm", "aria-label": f"{title} 的结论"}
        )
        return box.render(f"{name}-{key}-result", given.get("result") or "")
