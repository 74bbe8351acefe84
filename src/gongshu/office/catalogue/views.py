"""Pages of the catalogue: list with search, one item, editing, Excel import, handling many at once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.permissions import Refused, can
from gongshu.office.cases import lawbook
from gongshu.office.catalogue import content, deleting, importing, many, queries, services, sheets, shown
from gongshu.office.link import clock
from gongshu.ui.inputs import RawField, build, plain, whole_number
from gongshu.ui.lawforms import condition_text
from gongshu.ui.tables import Column, Filter, Table
from gongshu.ui.widgets import RowsWidget

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STATES = (
    ("draft", "草稿"),
    ("checking", "单位复核中"),
    ("submitted", "待审核"),
    ("returned", "待修改"),
    ("approved", "待发布"),
    ("published", "已发布"),
    ("withdrawn", "已撤下"),
    ("discarded", "已放弃"),
)


def _rules(zone: str) -> Any:
    return lawbook.rules_now(zone, local_day(clock.business_now()))


def form_class(zone: str) -> type[Any]:
    """The catalogue form of a zone as a page."""
    form = content.form_of(_rules(zone))
    inputs, groups = [], []
    for group in form.groups:
        if group.repeat:
            continue
        names = [each.id for each in form.of(group.id)]
        inputs += [each.ask for each in form.of(group.id)]
        groups.append((group.title, names))
    made: type[Any] = build(inputs, groups=[*groups, (form.group(content.ITEMS).title, [content.ITEMS])])
    for each in form.fields:
        if each.id in made.base_fields and each.when:
            made.base_fields[each.id].condition_text = condition_text(form, each.when)
            made.base_fields[each.id].law_required = False  # 按情形才要填，情形写在下面
    choices = {each.id: each.ask.options for each in form.of(content.ITEMS)}
    made.base_fields[content.ITEMS] = RawField(
        widget=RowsWidget(content.columns(form), choices=choices), required=False, wide=True, label="信息项"
    )
    made.base_fields[content.ITEMS].law_required = True
    made.base_fields[content.ITEMS].article = ""
    made.base_fields["version"] = forms.IntegerField(widget=forms.HiddenInput, required=False)
    return made


def _more(request: HttpRequest) -> bool:
    """“再加一行” was pressed: the page comes back with what was typed and spare rows; nothing is saved."""
    return request.method == "POST" and request.POST.get("do") == "more"


def typed_of(form: Any) -> dict[str, Any]:
    """What was typed, right or wrong, blanks left out."""
    form.is_valid()
    found: dict[str, Any] = {}
    for name, field in form.fields.items():
        if name == "version":
            continue
        value = form.cleaned_data.get(name)
        if value in (None, "", [], {}) and name in form.errors:
            value = form.data.get(name)
        if value not in (None, "", [], {}):
            found[name] = value
        del field
    return found


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The catalogue as the actor sees it; `q` searches in Chinese, whole words and parts."""
    actor = actor_of(request)
    rows = queries.visible(actor)
    table = Table(
        request,
        rows,
        [
            Column(
                "name",
                "名称",
                "name",
                order="name",
                href=lambda row: reverse("catalogue:detail", args=[row.pk]),
            ),
            Column("code", "代码", "code", order="code", kind="code", narrow=False),
            Column("provider", "提供单位", "provider.name", order="provider__name"),
            Column("rows", "数据行数", lambda row: row.facts.get("rows"), kind="number", narrow=False),
            Column("saved", "更新", "saved_at", order="saved_at", kind="date", narrow=False),
            Column(
                "state",
                "状态",
                "state",
                order="state",
                kind="state",
                label_of=lambda row: dict(STATES)[row.state],
            ),
        ],
        title="数据资源目录",
        order="name",
        filters=[
            Filter("q", "检索", queries.matching, placeholder="名称、代码、单位、摘要、信息项"),
            Filter("state", "状态", lambda found, value: found.filter(state=value), STATES),
        ],
        empty="目录里还没有内容。",
    )
    if table.wants_export:
        return table.export()
    acts = [(each.id, each.title) for each in many.ACTS.values() if many.waiting(actor, each)]
    context = {"title": table.title, "table": table, "makes": can(actor, "catalogue.make"), "acts": acts}
    return render(request, "catalogue/list.html", context)


@needs("catalogue.make")
def new(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    try:
        made_for = form_class(actor.zone)
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    form = made_for(request.POST or None, initial=shown.known_of(actor))
    if _more(request):
        form = made_for(initial=typed_of(form))
    elif request.method == "POST":
        try:
            made = services.begin(actor=actor, now=clock.business_now(), typed=typed_of(form))
        except Refused as refusal:
            form.errors.clear()  # 草稿只要有名称就能存，别的以后再检查
            form.add_error("name" if refusal.code == "input:name" else None, refusal.sentence)
            return render(request, "catalogue/edit.html", {"form": form, "title": "新目录"}, status=400)
        return redirect(
            "catalogue:edit" if request.POST.get("do") == "check" else "catalogue:detail", pk=made.pk
        )
    return render(request, "catalogue/edit.html", {"form": form, "title": "新目录"})


@login_required
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Edit a draft: saved as typed at every save, with what is still missing beside each field."""
    actor = actor_of(request)
    row = get_object_or_404(queries.visible(actor), pk=pk)
    cls = form_class(row.zone_id)
    if _more(request):
        typed = typed_of(cls(request.POST)) | {"version": request.POST.get("version")}
        context = {"form": cls(initial=typed), "row": row, "title": row.name}
        return render(request, "catalogue/edit.html", context)
    if request.method == "POST":
        form = cls(request.POST)
        version = whole_number(request.POST.get("version")) or 0
        try:
            row = services.save(
                row, actor=actor, now=clock.business_now(), typed=typed_of(form), version=version
            )
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
            return render(
                request, "catalogue/edit.html", {"form": form, "row": row, "title": row.name}, status=409
            )
        messages.success(request, "已保存。")
        if request.POST.get("do") != "check":
            return redirect("catalogue:detail", pk=row.pk)
    form = cls(initial={**row.typed, "version": row.version})
    wrong = content.problems(lawbook.rules_of(row.case), row.typed)
    context = {"form": form, "row": row, "title": row.name, "problems": shown.named(row, wrong)}
    return render(request, "catalogue/edit.html", context)


@require_GET
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """One resource: its item, what the airlock confirmed, its registrations. Published items are public."""
    actor = actor_of(request)
    row = get_object_or_404(queries.visible(actor), pk=pk)
    form = content.form_of(lawbook.rules_of(row.case))
    from gongshu.law import forms as law_forms

    groups = [
        (
            group.title,
            [
                (each.title, law_forms.shown(form, each.id, row.typed.get(each.id)))
                for each in form.of(group.id)
            ],
        )
        for group in form.groups
        if not group.repeat
    ]
    items = [
        [law_forms.shown(form, name, item.get(name)) for name, _ in content.columns(form)]
        for item in row.typed.get(content.ITEMS) or []
    ]
    wrong = (
        content.problems(lawbook.rules_of(row.case), row.typed) if row.state in services.OPEN_STATES else []
    )
    mine = row.provider_id in actor.organisations and can(actor, "catalogue.make", row.zone_id)
    context = {
        "title": row.name,
        "row": row,
        "stored": shown.stored(row),
        "authorisation_title": shown.authorisation_title(row) if row.authorisation else "",
        "shown": groups,
        "heads": [title for _, title in content.columns(form)],
        "items": items,
        "problems": shown.named(row, wrong),
        "mine": mine,
        "discards": mine and row.state == "draft" and not row.case.events.exists(),
        "open": row.state in services.OPEN_STATES,
        "registers": shown.registers(actor, row),
        "inside": not actor.anonymous,
        "deletes": can(actor, "catalogue.delete", row.zone_id),
        "deleting": deleting.ordered(row)[:16].replace("T", " "),
        "state_title": dict(STATES).get(row.state, row.state),
    }
    return render(request, "catalogue/detail.html", context)


@require_POST
@needs("catalogue.delete")
def delete_data(request: HttpRequest, pk: str) -> HttpResponse:
    """Order that the data of a resource be deleted; the provider agrees at the airlock."""
    actor = actor_of(request)
    row = get_object_or_404(queries.visible(actor), pk=pk)
    deleting.order(row, actor=actor, reason=str(plain(request.POST.get("reason", ""))))
    messages.success(request, "删除指令已发到数据域；提供单位在闸口同意以后，数据才销毁。")
    return redirect("catalogue:detail", pk=row.pk)


@require_GET
@needs("catalogue.make")
def template(request: HttpRequest) -> HttpResponse:
    """The Excel template of the zone."""
    data = sheets.template(content.form_of(_rules(actor_of(request).zone)))
    answer = HttpResponse(data, content_type=XLSX)
    answer["Content-Disposition"] = (
        f"attachment; filename=\"catalogue-template.xlsx\"; filename*=UTF-8''{quote('目录模板.xlsx')}"
    )
    return answer


def uploaded(request: HttpRequest) -> bytes:
    """The bytes of the uploaded sheet."""
    file: Any = request.FILES["file"]
    return bytes(file.read())


@needs("catalogue.make")
def import_sheet(request: HttpRequest) -> HttpResponse:
    """Upload a filled-in template: see good and bad rows first, then take the good ones."""
    actor = actor_of(request)
    context: dict[str, Any] = {"title": "从 Excel 导入目录"}
    if request.method == "POST" and request.POST.get("do") == "take":
        made, left = importing.take(actor, request.session.pop("catalogue-import", []), clock.business_now())
        messages.success(request, f"导入了 {made} 条草稿。" + (f"另有 {left} 条没有导入。" if left else ""))
        return redirect("catalogue:list")
    if request.method == "POST" and "file" in request.FILES:
        form = content.form_of(_rules(actor.zone))
        try:
            lines = importing.judged(form, sheets.read(form, uploaded(request)))
        except sheets.BadSheet as error:
            context["error"] = str(error)
            return render(request, "catalogue/import.html", context, status=400)
        good = [line for line in lines if not line.problems]
        request.session["catalogue-import"] = [line.typed for line in good]
        request.session["catalogue-left"] = [
            {"number": line.number, "typed": line.typed, "problems": line.problems}
            for line in lines
            if line.problems
        ]
        context |= {"good": good, "bad": [line for line in lines if line.problems], "read": True}
    elif request.method == "POST":
        context["error"] = "请选择填好的 Excel 文件。"
        return render(request, "catalogue/import.html", context, status=400)
    return render(request, "catalogue/import.html", context)


@require_GET
@needs("catalogue.make")
def left_over(request: HttpRequest) -> HttpResponse:
    """The rows that were not taken, to be mended and uploaded again."""
    kept = request.session.get("catalogue-left", [])
    lines = [sheets.Line(row["number"], row["typed"], [tuple(p) for p in row["problems"]]) for row in kept]
    data = sheets.left_over(content.form_of(_rules(actor_of(request).zone)), lines)
    answer = HttpResponse(data, content_type=XLSX)
    answer["Content-Disposition"] = 'attachment; filename="not-imported.xlsx"'
    return answer


@require_POST
@needs("catalogue.make")
def api_items(request: HttpRequest) -> JsonResponse:
    """`POST {"items": [{field: value}]}`: drafts from a program; each item is taken or refused for itself."""
    actor = actor_of(request)
    try:
        items = json.loads(request.body)["items"]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        sentence = '正文应是 {"items": [{字段: 值}]}。'
        return JsonResponse(
            {"ok": False, "error": {"code": "shape", "sentence": sentence, "basis": []}},
            status=400,
            json_dumps_params={"ensure_ascii": False},
        )
    made, refused = [], []
    for number, item in enumerate(items[: importing.MOST]):
        try:
            made.append(services.begin(actor=actor, now=clock.business_now(), typed=item).pk)
        except Refused as refusal:
            refused.append({"item": number, "code": refusal.code, "sentence": refusal.sentence})
    return JsonResponse(
        {"ok": not refused, "made": made, "refused": refused}, json_dumps_params={"ensure_ascii": False}
    )
