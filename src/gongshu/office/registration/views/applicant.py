"""Pages of those who apply, and the registrar's desk."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from gongshu.law.clocks import remaining
from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import casepage, lawbook, materials
from gongshu.office.cases.models import NEVER, Material
from gongshu.office.cases.queries import calendar
from gongshu.office.link import clock
from gongshu.office.registration import (
    content,
    deposits,
    drafts,
    forms,
    handler,
    pages,
    permissions,
    queries,
)
from gongshu.office.registration.models import Certificate, Registration
from gongshu.ui.inputs import plain
from gongshu.ui.smallcalendar import Chip
from gongshu.ui.tables import Column, Filter, Table

HANDS = (("待受理", "submitted"), ("待审查", "accepted"), ("公示中", "publicity"), ("异议待处理", "objected"))


def visible(request: HttpRequest, pk: str) -> Registration:
    """The application, or 404: who may not see it is not told that it exists."""
    found = Registration.objects.for_actor(actor_of(request))
    return get_object_or_404(found.select_related("case", "case__organisation", "zone"), pk=pk)


def detail_url(row: Registration) -> str:
    return reverse("registration:detail", args=[row.pk])


def due_text(row: Registration, today: date) -> str:
    """The nearest deadline of an application's case, or the days of publicity, in words."""
    chip = pages.publicity_chip(row, today)
    if chip and row.case.state == "publicity":
        return f"公示到 {chip.due}（{chip.sentence}）"
    if row.case.due == NEVER:
        return ""
    left = remaining(row.case.due, today, calendar())
    return f"{row.case.due.isoformat()}（{Chip('', row.case.due, left).sentence}）"


def state_title(row: Registration) -> str:
    return row.case.state_title


def columns(today: date, *, desk: bool) -> list[Column]:
    made = [
        Column("number", "案号", "case.number", order="case__number", href=detail_url),
        Column("name", "登记数据名称", lambda row: row.name or row.case.title, order="name", href=detail_url),
        Column("type", "类型", "get_data_type_display", order="data_type", narrow=False),
        Column("organisation", "登记主体", "case.organisation.name", "case__organisation__name", narrow=desk),
        Column("state", "状态", "case.state", "case__state", kind="state", label_of=state_title),
        Column("due", "最近期限", lambda row: due_text(row, today), order="case__due"),
        Column("opened", "发起日期", "case.opened_at", order="case__opened_at", kind="date", narrow=False),
    ]  # fmt: skip
    if desk:
        made.append(Column("work", "办理", lambda _: "打开案件", href=lambda row: f"/cases/{row.case_id}/"))
    return made


def states(zone: str) -> list[tuple[str, str]]:
    """Every state the registrations of a zone may be in, in the order and the words of its procedures."""
    found: dict[str, str] = {}
    for name in handler.PROCEDURES:
        try:
            procedure = lawbook.procedure_now(zone, local_day(clock.business_now()), name)
        except LawError:  # the zone has no such registration
            continue
        for state, each in procedure.states.items():
            found.setdefault(state, each.title)
    return list(found.items())


def filters(zone: str, only: Collection[str] = ()) -> tuple[Filter, ...]:
    """The filters of a list of applications; of the states only those named, when any are."""
    offered = [each for each in states(zone) if not only or each[0] in only]
    return (
        Filter("state", "状态", lambda rows, value: rows.filter(case__state=value), offered),
        *FILTERS,
    )


FILTERS = (
    Filter("type", "类型", lambda rows, value: rows.filter(data_type=value), Registration.TYPES),
    Filter(
        "q", "名称或案号", lambda rows, value: rows.filter(Q(name__icontains=value) | Q(case__number=value))
    ),
)


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """The applications the actor may see."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.registrations(actor),
        columns(clock.business_today(), desk=False),
        title="登记申请",
        filters=filters(actor.zone),
        empty="还没有登记申请。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "登记申请", "table": table, "can_apply": permissions.applies(actor)}
    return render(request, "registration/list.html", context)


@needs("registration.desk")
def desk(request: HttpRequest) -> HttpResponse:
    """The registrar's desk: everything that waits for the registrar, the nearest deadline first."""
    actor, today = actor_of(request), clock.business_today()
    rows = queries.desk(actor)
    table = Table(
        request,
        rows,
        columns(today, desk=True),
        title="登记工作台",
        filters=filters(actor.zone, queries.AT_DESK),
        empty="现在没有要办的登记。",
    )
    if table.wants_export:
        return table.export()
    states = dict(rows.order_by().values_list("case__state").annotate(number=Count("pk")))
    counted = [(title, state, states.get(state, 0)) for title, state in HANDS]
    ready = rows.filter(case__state="publicity", publicity_until__lt=today)
    context = {
        "title": "登记工作台",
        "table": table,
        "counted": counted,
        "ready": list(ready[:20]),
        "overdue": rows.filter(case__due__lt=today).exclude(case__state="publicity").count(),
    }
    return render(request, "registration/desk.html", context)


@needs("registration.apply")
def new(request: HttpRequest) -> HttpResponse:
    """Begin an application: which registration, for whom, about which resource or product."""
    actor = actor_of(request)
    given = request.POST if request.method == "POST" else request.GET
    chosen = {
        key: plain(given.get(key, "")).strip()[:200]
        for key in ("procedure", "resource", "product", "name", "organisation")
    }
    refusal = None
    if request.method == "POST":
        try:
            drafts.check_named(chosen)
            drafts.known_resource(chosen["resource"], must_exist=True)
            made = drafts.begin(
                actor=actor,
                now=clock.business_now(),
                procedure=chosen["procedure"] or drafts.RESOURCE,
                **{key: chosen[key] for key in ("resource", "product", "name", "organisation")},
            )
        except Refused as found:
            keep(found, actor, "registration.begin")
            refusal = found
        else:
            messages.success(request, f"已新建，案号 {made.case.number}。边填边存，随时可以离开。")
            return redirect("registration:edit", pk=made.pk)
    known = drafts.known_resource(chosen["resource"])
    title = known.title if known.shown_to(actor) else ""
    context = {
        "title": "新建登记申请",
        "chosen": chosen | {"name": chosen["name"] or title},
        "procedures": kinds(actor),
        "resources": drafts.registrable(actor),
        "principals": Organisation.objects.filter(pk__in=principals(actor)).order_by("name"),
        "zone_title": ZONES[actor.zone].title,
        "refusal": refusal,
    }
    return render(
        request, "registration/new.html", context, status=status_of(refusal.code) if refusal else 200
    )


def principals(actor: Actor) -> set[str]:
    """For whom an agent may apply in the working zone, whichever the registration; the service asks again."""
    return {each for name in handler.PROCEDURES for each in actor.principals_in(actor.zone, name)}


def kinds(actor: Actor) -> list[tuple[str, str, str]]:
    """The registrations of the zone: (procedure, title, what it is)."""
    day = local_day(clock.business_now())
    found = []
    for name in handler.PROCEDURES:
        try:
            procedure = lawbook.procedure_now(actor.zone, day, name)
        except LawError:
            continue
        found.append((name, procedure.title, "数据产品和服务" if name == content.PRODUCT else "数据资源"))
    return found


@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """An application: where it stands, what it says, its papers, notice, deposits, certificate."""
    found, actor = visible(request, pk), actor_of(request)
    page = casepage.build(found.case, actor, clock.business_now())
    context = {
        "title": found.name or found.case.title,
        "registration": found,
        "page": page,
        "sections": pages.sections(found),
        "papers": papers(found),
        "progress": pages.progress(found),
        "editable": permissions.can_edit(actor, found),
        "notice": found.notice or handler.notice_of(found),
        "deposits": list(found.deposits.select_related("receipt", "entry").order_by("wall_at")),
        "objections": list(found.objections.order_by("at")),
        "sees_identity": permissions.sees_identity(actor, found),
        "certificate": Certificate.objects.filter(registration=found).first(),
        "by_choice": content.form_of(lawbook.rules_of(found.case)).because,
    }
    return render(request, "registration/detail.html", context)


def papers(found: Registration) -> list[dict[str, Any]]:
    return [
        {"paper": each, "look": pages.PAPER_LOOK[each.state][0], "label": pages.PAPER_LOOK[each.state][1]}
        for each in pages.papers(found)
    ]


@login_required
def preview(request: HttpRequest, pk: str) -> HttpResponse:
    """The public notice exactly as it will be published, and what is still missing."""
    found, actor = visible(request, pk), actor_of(request)
    rules = lawbook.rules_of(found.case)
    page = casepage.build(found.case, actor, clock.business_now())
    context = {
        "title": "公示预览",
        "registration": found,
        "notice": found.notice or handler.notice_of(found),
        "published": bool(found.notice),
        "basis": [rules.cite(each) for each in rules.document("notice.registration").basis],
        "progress": pages.progress(found),
        "papers": papers(found),
        "editable": permissions.can_edit(actor, found),
        "acts": page.mine,
    }
    return render(request, "registration/preview.html", context)


@login_required
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """The form. `do`: save, check (save and say what is wrong), next (save and show the notice)."""
    found, actor = visible(request, pk), actor_of(request)
    permissions.check_edit(actor, found)
    rules = lawbook.rules_of(found.case)
    if request.method != "POST":
        form = forms.build(rules, found.typed, version=found.version, names=names_of(found))
        if request.GET.get("check") == "1":
            form.show_problems(pages.progress(found).problems)
        return edit_page(request, found, form)
    now = clock.business_now()
    blank = forms.build(rules, found.typed, request.POST)
    posted, wrong = materials.take_uploads(
        request.POST, request.FILES, forms.file_inputs(blank), actor=actor, now=now, case=found.case
    )
    form = forms.build(rules, found.typed, posted)
    typed = form.typed()
    version = form.cleaned_data.get("version")
    names = names_of(found)
    for field in form.fields.values():
        if hasattr(field.widget, "names"):
            field.widget.names = names
    try:
        saved = drafts.save(
            found, actor=actor, now=now, typed=typed, version=found.version if version is None else version
        )
    except Refused as refusal:
        keep(refusal, actor, "registration.save")
        form.add_error(None, refusal.sentence)
        return edit_page(request, found, form, status=status_of(refusal.code))
    if wrong:
        again = forms.build(rules, saved.typed, version=saved.version, names=names_of(saved))
        left = pages.progress(saved).problems if request.POST.get("do") == "check" else ()
        again.show_problems(
            [forms.Problem(name, sentence) for name, sentence in wrong.items()]
            + [each for each in left if each.field not in wrong]
        )
        return edit_page(request, saved, again, status=400)
    return after_saving(request, saved, request.POST.get("do", "save"))


def after_saving(request: HttpRequest, saved: Registration, wanted: str) -> HttpResponse:
    done = pages.progress(saved)
    left = (
        f"还有 {len(done.problems)} 处没有填好，送审之前再补。" if done.problems else "已经填好，可以送审。"
    )
    messages.success(request, f"草稿已保存。{left}")
    if wanted == "next":
        return redirect("registration:preview", pk=saved.pk)
    address = reverse("registration:edit", args=[saved.pk])
    return redirect(f"{address}?check=1" if wanted == "check" else address)


def names_of(found: Registration) -> dict[str, str]:
    """Material id → file name."""
    return dict(Material.objects.filter(case_id=found.case_id).values_list("pk", "name"))


def edit_page(request: HttpRequest, found: Registration, form: Any, status: int = 200) -> HttpResponse:
    rules = lawbook.rules_of(found.case)
    law_form = content.form_of(rules)
    context = {
        "title": law_form.title,
        "registration": found,
        "form": form,
        "blocks": forms.laid_out(form, found.filled),
        "progress": pages.progress(found),
        "because": law_form.because,
        "basis": forms.cited(rules, law_form.basis),
        "deposits": list(found.deposits.select_related("receipt").order_by("wall_at")),
    }
    return render(request, "registration/edit.html", context, status=status)


@login_required
def deposit(request: HttpRequest, pk: str) -> HttpResponse:
    """存证 of a file or of a digest, before the application is made."""
    found, actor = visible(request, pk), actor_of(request)
    permissions.check_edit(actor, found)
    refusal = None
    if request.method == "POST":
        try:
            made = deposits.make(
                found,
                actor=actor,
                now=clock.business_now(),
                title=plain(request.POST.get("title", "")),
                file=request.FILES.get("file"),
                digest=request.POST.get("digest", ""),
            )
        except Refused as error:
            keep(error, actor, "registration.deposit")
            refusal = error
        else:
            messages.success(request, f"已存证，编号 {made.pk}，证明文件已放入“存证证明文件”一项。")
            return redirect("registration:deposit", pk=pk)
    law = lawbook.rules_now(found.zone_id, clock.business_today())
    context = {
        "title": "存证",
        "registration": found,
        "deposits": list(found.deposits.select_related("receipt", "entry").order_by("-wall_at")),
        "refusal": refusal,
        "given": request.POST,
        "basis": forms.cited(law, law.basis("registration.deposit")),
    }
    return render(request, "registration/deposit.html", context, status=400 if refusal else 200)
