"""The components as template tags; each renders one small template of `ui/parts/`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import template
from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    Form,
    RadioSelect,
    Select,
    Textarea,
)
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from gongshu.ui.smallcalendar import WEEKDAYS, Chip, SmallCalendar
from gongshu.ui.states import DATA_TYPES, look
from gongshu.ui.tables import Table
from gongshu.ui.widgets import CompoundWidget

register = template.Library()
WALL = "机器自己的时钟，演示时钟移动它也不变；没有写“自然时间”的都是业务时间。"


@register.simple_tag
def badge(state: str, label: str = "") -> SafeString:
    """`{% badge "accepted" "已受理" %}`: the state in its one colour."""
    found = look(str(state), label)
    return format_html('<span class="badge-state tone-{}">{}</span>', found.tone, found.label)


@register.simple_tag
def why(identifier: str | None, text: str = "") -> SafeString:
    """`{% why decision.id %}`: the small mark that opens 为什么; nothing when there is no id."""
    if not identifier:
        return mark_safe("")
    return format_html(
        '<a class="why" href="/why/{}" title="为什么" aria-label="为什么{}">?</a>',
        identifier,
        f"：{text}" if text else "",
    )


@register.inclusion_tag("ui/parts/chip.html")
def deadline(chip: Chip) -> dict[str, Any]:
    """`{% deadline chip %}`: a deadline in one line."""
    return {"chip": chip}


@register.inclusion_tag("ui/parts/calendar.html")
def smallcalendar(calendar: SmallCalendar | None) -> dict[str, Any]:
    """`{% smallcalendar calendar %}`: the months of a deadline."""
    return {"calendar": calendar, "weekdays": WEEKDAYS}


@register.inclusion_tag("ui/parts/timeline.html")
def timeline(items: list[Any]) -> dict[str, Any]:
    """`{% timeline items %}`: objects with title, at, who, sentence, tone, why, proof, details."""
    return {"items": items}


@register.inclusion_tag("ui/parts/table.html", takes_context=True)
def table(context: template.Context, rows: Table) -> dict[str, Any]:
    """`{% table table %}`: the whole list with filters, headings, pages and export."""
    return {"table": rows, "site": context.get("site")}


@register.inclusion_tag("ui/parts/empty.html")
def empty(sentence: str, next_step: str = "", url: str = "") -> dict[str, Any]:
    """`{% empty "还没有案件。" "去申请登记" url %}`."""
    return {"sentence": sentence, "next_step": next_step, "url": url}


@register.inclusion_tag("ui/parts/form.html")
def fields(form: Form) -> dict[str, Any]:
    """`{% fields form %}`: errors, groups and fields of a form, without the form element itself."""
    return {"form": form, "groups": groups_of(form)}


@register.inclusion_tag("ui/parts/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """`{% field form.name %}`: label, control, help and errors of one field."""
    return field_context(bound)


def groups_of(form: Form) -> list[dict[str, Any]]:
    """The fields of a form under the headings the form names (`groups`: [(title, [field, …])])."""
    named = getattr(form, "groups", None)
    if not named:
        return [{"title": "", "fields": form.visible_fields()}]
    seen = {name for _, names in named for name in names}
    rest = [each for each in form.visible_fields() if each.name not in seen]
    found = [
        {"title": title, "fields": [form[name] for name in names if name in form.fields]}
        for title, names in named
    ]
    return [*found, {"title": "", "fields": rest}] if rest else found


def field_context(bound: BoundField) -> dict[str, Any]:
    widget = bound.field.widget
    kind = (
        "check"
        if isinstance(widget, CheckboxInput)
        else "choices"
        if isinstance(widget, CheckboxSelectMultiple | RadioSelect)
        else "control"
    )
    css = "form-select" if isinstance(widget, Select) and kind == "control" else "form-control"
    if kind == "check":
        css = "form-check-input"
    described = [f"help-{bound.id_for_label}"] if bound.help_text else []
    described += [f"error-{bound.id_for_label}"] if bound.errors else []
    attributes: dict[str, Any] = {"class": css + (" is-invalid" if bound.errors else "")}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    compound = isinstance(widget, CompoundWidget)
    if compound:
        attributes.pop("class")
    control = bound.as_widget(attrs=attributes) if kind != "choices" else bound.as_widget()
    return {
        "bound": bound,
        "kind": kind,
        "control": control,
        "wide": isinstance(widget, Textarea) or kind == "choices" or getattr(bound.field, "wide", False),
        "required": getattr(bound.field, "law_required", bound.field.required),
        "article": getattr(bound.field, "article", ""),
        "condition": getattr(bound.field, "condition_text", ""),
        "public": getattr(bound.field, "is_public", False),
    }


@register.filter
def day(value: date | datetime | None) -> str:
    """`2026-03-02`, in Asia/Shanghai."""
    if value is None or value == "":
        return "—"
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    return value.isoformat() if isinstance(value, date) else str(value)


@register.filter
def moment(value: datetime | None) -> str:
    """`2026-03-02 14:05`, in Asia/Shanghai."""
    if not isinstance(value, datetime):
        return day(value)
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")


@register.simple_tag(takes_context=True)
def wall(context: template.Context, value: datetime | None, *, seconds: bool = False) -> str:
    """`{% wall row.received %}`: a moment of the machine's own clock; `seconds=True` shows them.

    Where business time was moved the two clocks differ, and this one says that it is the other; everywhere
    else there is one time and nothing to say. Moments of business time are written with `moment`.
    """
    text = moment(value)
    if seconds and isinstance(value, datetime):
        text = timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S")
    moved = getattr(context.get("site"), "moved", False)
    if not moved or not isinstance(value, datetime):
        return text
    return format_html('<span class="wall-time" title="{}">{} <small>自然时间</small></span>', WALL, text)


@register.filter
def short(value: str, length: int = 12) -> str:
    """A digest or id cut for reading; the whole stays in a title."""
    text = str(value or "")
    return text if len(text) <= length else f"{text[:length]}…"


@register.filter
def weekday(value: date) -> str:
    return "周" + WEEKDAYS[value.weekday()]


@register.filter
def thousands(value: Any) -> str:
    """`3,000,000`; what is no whole number stays as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@register.filter
def datatype(value: str) -> str:
    """`VARCHAR` → 文本; a type that is not listed stays as it is."""
    return DATA_TYPES.get(value, value)
