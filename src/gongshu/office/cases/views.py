"""Pages of cases: inbox, list, case, act, 为什么, notices, materials, proofs."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases import (
    casepage,
    deposits,
    forms,
    lawbook,
    materials,
    notices,
    parties,
    queries,
    registry,
    services,
    why,
)
from gongshu.office.cases.models import NEVER, Case, Decision, Material
from gongshu.office.link import clock, proofs
from gongshu.ui import errors
from gongshu.ui.export import attachment
from gongshu.ui.smallcalendar import Chip
from gongshu.ui.tables import Column, Filter, Table


@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for me, the nearest deadline first. `?procedure=&overdue=1&number=&after=`."""
    actor, today = actor_of(request), clock.business_today()
    chosen = {
        "procedure": request.GET.get("procedure", "")[:60],
        "overdue": request.GET.get("overdue") == "1",
        "number": request.GET.get("number", "").strip()[:40],
    }
    page = queries.inbox(actor, today, cursor=request.GET.get("after", ""), **chosen)  # type: ignore[arg-type]
    if errors.wants_json(request):
        return as_json({"rows": [inbox_row(each) for each in page.rows], "next": page.next})
    query = request.GET.copy()
    query["after"] = page.next
    context = {
        "title": "待办",
        "page": page,
        "chosen": chosen,
        "procedures": sorted(lawbook.titles(actor.zone, today).items(), key=lambda each: each[1]),
        "next_url": f"{request.path}?{query.urlencode()}" if page.next else "",
        "first_url": request.path if request.GET.get("after") else "",
    }
    return render(request, "cases/inbox.html", context)


def inbox_row(row: queries.InboxRow) -> dict[str, Any]:
    return {
        "id": row.case.id,
        "number": row.case.number,
        "title": row.case.title,
        "procedure": row.case.procedure,
        "state": row.case.state,
        "role": row.role,
        "due": row.chip.due,
        "left": row.chip.left,
        "article": row.article,
        "url": f"/cases/{row.case.id}/",
    }


@login_required
def case_list(request: HttpRequest) -> HttpResponse:
    """Every case the actor may see."""
    actor, today = actor_of(request), clock.business_today()

    def chip(row: Case) -> str:
        if row.due == NEVER:
            return ""
        left = queries.left(row.due, today)
        return f"{row.due.isoformat()}（{Chip('', row.due, left).sentence}）"

    table = Table(
        request,
        queries.cases(actor),
        [
            Column("number", "案号", "number", order="number", href=lambda row: f"/cases/{row.pk}/"),
            Column("title", "事项", "title", order="title", href=lambda row: f"/cases/{row.pk}/"),
            Column("procedure", "程序", "procedure_title", order="procedure"),
            Column("organisation", "申请机构", "organisation.name", order="organisation__name", narrow=False),
            Column(
                "state",
                "状态",
                "state",
                order="state",
                kind="state",
                label_of=lambda row: row.state_title,
                why=lambda row: row.pk,
            ),
            Column("due", "最近期限", chip, order="due"),
            Column("opened", "发起日期", "opened_at", order="opened_at", kind="date", narrow=False),
        ],
        title="案件",
        filters=[
            Filter(
                "procedure",
                "程序",
                lambda rows, value: rows.filter(procedure=value),
                sorted(lawbook.titles(actor.zone, today).items(), key=lambda each: each[1]),
            ),
            Filter(
                "status",
                "办理情况",
                lambda rows, value: (
                    rows.filter(due__lt=today, closed=False)
                    if value == "overdue"
                    else queries.settled_only(rows)
                    if value == "closed"
                    else queries.running_only(rows)
                ),
                [("open", "办理中"), ("overdue", "已超期"), ("closed", "已办结")],
            ),
            Filter(
                "q",
                "案号或事项",
                lambda rows, value: rows.filter(Q(number=value) | Q(title__icontains=value)),
            ),
        ],
        empty="没有符合条件的案件。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "cases/list.html", {"title": "案件", "table": table})


def visible_case(request: HttpRequest, pk: str) -> Case:
    """The case, or 404: who may not see it is not told that it exists."""
    found = Case.objects.for_actor(actor_of(request)).select_related("organisation", "zone")
    return get_object_or_404(found, pk=pk)


@login_required
def case(request: HttpRequest, pk: str) -> HttpResponse:
    """Where it is, whom it waits for, how many days are left, under which article, what comes next."""
    found = visible_case(request, pk)
    page = casepage.build(found, actor_of(request), clock.business_now())
    if errors.wants_json(request):
        return as_json(case_data(page))
    return render(request, "cases/case.html", {"title": found.title, "page": page, **page.panel_context})


def case_data(page: casepage.CasePage) -> dict[str, Any]:
    """The case page as data, for programs."""
    case = page.case
    return {
        "id": case.id,
        "number": case.number,
        "title": case.title,
        "procedure": case.procedure,
        "subject": case.subject,
        "state": page.position.state,
        "state_title": page.position.title,
        "closed": page.position.final,
        "waits_for": list(page.position.waits_for),
        "deadlines": [
            {
                "id": each.row.id,
                "clock": each.row.clock,
                "title": each.row.title,
                "started": each.row.started,
                "due": each.row.due,
                "left": each.chip.left,
                "met": each.row.met,
                "provisional": each.row.provisional,
                "basis": each.row.fact.get("basis", []),
            }
            for each in page.deadlines
        ],
        "acts": [
            {
                "id": each.act.id,
                "title": each.act.title,
                "mine": each.mine,
                "by": list(each.act.by),
                "refusal": each.refusal,
                "url": f"/cases/{case.id}/acts/{each.act.id}/",
            }
            for each in page.acts
        ],
        "events": [
            {"title": each.title, "at": each.at, "why": each.why, "proof": each.proof}
            for each in page.timeline
        ],
    }


@login_required
def act(request: HttpRequest, pk: str, act_id: str) -> HttpResponse:
    """The form of one act; `POST` does it. Refused: the page again with the reason and everything typed."""
    actor = actor_of(request)
    found = visible_case(request, pk)
    procedure, rules = lawbook.procedure_of(found), lawbook.rules_of(found)
    if act_id not in procedure.acts:
        raise Http404
    wanted = procedure.act(act_id)
    form_class = forms.act_form(found, procedure, rules, wanted, actor, request)
    if request.method != "POST":
        return act_page(request, found, wanted, form_class(), None, 200)
    now = clock.business_now()
    inputs = getattr(form_class, "inputs", wanted.asks)
    # 状态不对、角色不对，填什么都没有用：先说这个，文件也不收
    possible = found.state in wanted.from_ and parties.roles(found, actor) & set(wanted.by)
    # 收下的文件先不属于案件：办成了才随这一步进案卷
    data, problems = (
        materials.take_uploads(request.POST, request.FILES, inputs, actor=actor, now=now, act=act_id)
        if possible
        else (request.POST, {})
    )
    form = form_class(data)
    form.is_valid()
    for name, sentence in problems.items():
        form.add_error(name if name in form.fields else None, sentence)
    if possible and not form.is_valid():
        return act_page(request, found, wanted, form, None, 400)
    cleaned = form.cleaned_data if form.is_valid() else {}
    given = form.facts() if cleaned and isinstance(form, forms.LawForm) else cleaned
    facts, used = materials.as_facts(inputs, given, actor, found)
    try:
        done = services.perform(
            found, act_id, actor, registry.handler(found.procedure).cleaned(found, wanted, facts), now, used
        )
    except Refused as refusal:
        keep(refusal, actor, f"cases.{act_id}")
        return act_page(request, found, wanted, refused_form(form, refusal), refusal, status_of(refusal.code))
    if errors.wants_json(request):
        return as_json({"ok": True, "state": done.case.state, "why": done.decision.id, "case": done.case.id})
    messages.success(request, f"已{wanted.title}，现为“{done.case.state_title}”。")
    return redirect("cases:case", pk=pk)


def refused_form(form: Any, refusal: Refused) -> Any:
    """The refusal beside the field it is about, when it is about one."""
    name = refusal.code.removeprefix("input:")
    if name in form.fields and name != refusal.code:
        form.add_error(name, refusal.sentence)
    return form


def act_page(
    request: HttpRequest, found: Case, wanted: Any, form: Any, refusal: Refused | None, status: int
) -> HttpResponse:
    if errors.wants_json(request) and (refusal or form.errors):
        if refusal:
            return errors.page(
                request, status, refusal.sentence, refusal.code, refusal.articles, refusal.decision or ""
            )
        first = next(iter(form.errors.values()))[0]
        return errors.page(request, status, str(first), "input")
    names_of_files(form, actor_of(request))
    rules = lawbook.rules_of(found)
    context = {
        "title": wanted.title,
        "case": found,
        "act": wanted,
        "form": form,
        "refusal": refusal,
        "articles": [rules.cite(each) for each in wanted.basis],
        "refusal_articles": [rules.cite(each) for each in refusal.articles] if refusal else [],
        "mine": bool(parties.roles(found, actor_of(request)) & set(wanted.by)),
    }
    return render(request, "cases/act.html", context, status=status)


def names_of_files(form: Any, actor: Any) -> None:
    """The names of files already handed in, so that the form shows them instead of ids."""
    for field in form.fields.values():
        if hasattr(field.widget, "names"):
            ids = [each for name in form.fields for each in _kept(form, name)]
            field.widget.names = dict(materials.visible(actor).filter(pk__in=ids).values_list("pk", "name"))


def _kept(form: Any, name: str) -> list[str]:
    """The ids of files a field holds: as posted, else as the form begins."""
    if form.is_bound:
        return list(form.data.getlist(f"{name}__kept"))
    held = form.get_initial_for_field(form.fields[name], name)
    return list(held) if held and hasattr(form.fields[name].widget, "names") else []


def why_page(request: HttpRequest, identifier: str) -> HttpResponse:
    """为什么, as a page or, for programs, as data."""
    found = why.screen(identifier, actor_of(request))
    if found is None:
        raise Http404
    if errors.wants_json(request) or request.GET.get("format") == "json":
        return as_json(found)
    return render(request, "cases/why.html", {"title": "为什么", "why": found})


@login_required
def proof(request: HttpRequest, identifier: str) -> HttpResponse:
    """The proof file of a decision: `gongshu-verify` checks it offline."""
    if why.screen(identifier, actor_of(request)) is None:
        raise Http404
    row = get_object_or_404(Decision.objects.select_related("entry"), pk=identifier)
    made = proofs.of(row.entry) if row.entry else None
    if made is None:
        return errors.page(request, 503, "这一步正在写入存证日志，几秒钟后就能下载证明。", "proof_wait")
    answer = JsonResponse(made, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = attachment(f"proof-{identifier}.json")
    return answer


@login_required
def notice_list(request: HttpRequest) -> HttpResponse:
    """Notices to me, the newest first."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.notices(actor),
        [
            Column("unread", "", lambda row: "unread" if row.unread else "", kind="state"),
            Column("at", "时间", "at", kind="time", order="wall_at"),
            Column("sentence", "内容", "sentence", href=notice_url, why=lambda row: row.why or None),
            Column("number", "案号", "case.number", narrow=False),
        ],
        title="通知",
        filters=[
            Filter(
                "kind",
                "种类",
                lambda rows, value: rows.filter(kind=value),
                [
                    ("turn", "轮到您"),
                    ("news", "进展"),
                    ("timer", "时限届满"),
                    ("overdue", "超期"),
                    ("moved", "期限重算"),
                ],
            )
        ],
        empty="还没有通知。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "cases/notices.html", {"title": "通知", "table": table})


def notice_url(row: Any) -> str:
    return reverse("cases:case", args=[row.case_id]) if row.case_id else ""


@login_required
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Everything of the last thirty days is read."""
    actor = actor_of(request)
    notices.read_all(queries.unread(actor, clock.wall_now() - queries.RECENT), actor)
    return redirect("cases:notices")


@login_required
def material(request: HttpRequest, pk: str) -> HttpResponse | FileResponse:
    """A material as a download, checked against its digest before it leaves."""
    row: Material = get_object_or_404(materials.visible(actor_of(request)), pk=pk)
    try:
        file = deposits.open_checked(row.digest)
    except deposits.DepositError as error:
        return errors.page(request, 500, str(error), "deposit")
    answer = FileResponse(file, content_type=row.media_type)
    answer["Content-Disposition"] = attachment(row.name)
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def as_json(data: Any, status: int = 200) -> HttpResponse:
    text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, default=None)
    return HttpResponse(text, content_type="application/json; charset=utf-8", status=status)
