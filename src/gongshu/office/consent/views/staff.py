"""The accounts' pages: the buyer's requests, and the complaints that must be answered."""

from __future__ import annotations

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_POST

from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases.views import as_json
from gongshu.office.consent import complaints as answering
from gongshu.office.consent import forms, permissions, queries, requests, services
from gongshu.office.consent.models import Complaint, ConsentRequest
from gongshu.office.consent.views.subject import link_of
from gongshu.office.link import clock
from gongshu.office.products.models import Agreement
from gongshu.ui.export import attachment
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table


def url_of(row: ConsentRequest) -> str:
    return reverse("consent:asked", args=[row.pk])


def state_of(row: ConsentRequest) -> tuple[str, str]:
    """State and words; an open one past its hour is expired, without a row saying so."""
    if row.state == "open" and clock.wall_now() > row.expires:
        return "expired", "链接已失效"
    return STATES[row.state], row.get_state_display()


STATES = {"open": "waiting", "agreed": "granted", "refused": "closed", "cancelled": "withdrawn"}


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """Requests under the agreements the actor sees. Of the subject nothing is said."""
    actor = actor_of(request)
    table = Table(
        request,
        queries.requests(actor),
        [
            Column("title", "办什么事", "terms.title", href=url_of, why=lambda row: row.pk),
            Column("product", "产品", "agreement.product.name", order="agreement__product__name"),
            Column("buyer", "使用单位", "agreement.buyer.name", narrow=False),
            Column("reference", "业务编号", "reference", order="reference"),
            Column(
                "consent",
                "同意编号",
                lambda row: row.consent.pk if row.state == "agreed" else "",
                narrow=False,
            ),
            Column("at", "提出", "at", order="at", kind="time", narrow=False),
            Column(
                "state",
                "状态",
                lambda row: state_of(row)[0],
                kind="state",
                label_of=lambda row: state_of(row)[1],
            ),
        ],
        title="同意请求",
        filters=[
            Filter("state", "状态", lambda rows, value: rows.filter(state=value), ConsentRequest.STATES),
            Filter("q", "业务编号", lambda rows, value: rows.filter(reference__icontains=value)),
        ],
        empty="还没有向数据主体请求过同意。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": table.title, "table": table, "agreements": agreements_of(actor)}
    return render(request, "consent/requests.html", context)


def agreements_of(actor: Actor) -> list[Agreement]:
    """The agreements under which the actor's own organisation may ask now."""
    rows = Agreement.objects.for_actor(actor).filter(buyer_id__in=sorted(actor.organisations))
    found = []
    for row in rows.filter(case__state="filed").select_related("product", "case", "buyer")[:200]:
        try:
            permissions.check_ask(actor, row)
            requests.check_running(row, clock.business_now())
        except Refused:
            continue
        found.append(row)
    return found


@login_required
def new(request: HttpRequest, agreement: str) -> HttpResponse:
    """Ask one subject."""
    actor, now = actor_of(request), clock.business_now()
    row = get_object_or_404(
        Agreement.objects.for_actor(actor).select_related("product", "buyer", "case"), pk=agreement
    )
    permissions.check_ask(actor, row)
    requests.check_running(row, now)
    form = forms.ask_form(requests.allowed(row, now), request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            made = requests.ask(row, actor=actor, now=now, typed=form.cleaned_data)
        except Refused as refusal:
            keep(refusal, actor, "consent.ask")
            field = refusal.code.partition(":")[2]
            form.add_error(field if field in form.fields else None, refusal.sentence)
            status = status_of(refusal.code)
        else:
            messages.success(request, "请求已建立。请把链接或二维码交给本人。")
            return redirect("consent:asked", pk=made.pk)
    elif request.method == "POST":
        status = 400
    return render(request, "consent/new.html", {"title": "请求同意", "row": row, "form": form}, status=status)


@require_GET
@login_required
def asked(request: HttpRequest, pk: str) -> HttpResponse:
    """One request: link and QR for its subject while it is open, and how it stands."""
    actor = actor_of(request)
    row = get_object_or_404(queries.requests(actor), pk=pk)
    link = link_of(request, row)
    state, words = state_of(row)
    mine = row.agreement.buyer_id in actor.organisations
    # segno 画的 SVG 只含我们自己的地址编码，没有用户输入的标记
    qr = mark_safe(segno.make(link, error="m", micro=False).svg_inline(border=2, omitsize=True))  # noqa: S308
    consent = getattr(row, "consent", None)
    context = {
        "title": row.terms["title"],
        "row": row,
        "facts": services.facts_of(row),
        "link": link,
        "qr": qr,
        "state": state,
        "words": words,
        "mine": mine,
        "open": mine and state == "waiting",
        "consent": consent,
        "view": queries.views_of([consent], clock.business_today())[0] if consent else None,
    }
    return render(request, "consent/request.html", context)


@require_GET
@login_required
def envelope(request: HttpRequest, pk: str) -> HttpResponse:
    """The consent as the data domain got it, for the system of the buyer to send with its call.

    Whose it is, only the gateway can open.
    """
    actor = actor_of(request)
    row = get_object_or_404(queries.requests(actor), pk=pk)
    consent = getattr(row, "consent", None)
    if consent is None or row.agreement.buyer_id not in actor.organisations:
        raise Http404
    answer = as_json(queries.envelope(consent))
    answer["Content-Disposition"] = attachment(f"{consent.pk}.json")
    return answer


@require_POST
@login_required
def cancel(request: HttpRequest, pk: str) -> HttpResponse:
    actor = actor_of(request)
    requests.cancel(get_object_or_404(queries.requests(actor), pk=pk), actor=actor)
    messages.success(request, "请求已取消，链接不再有效。")
    return redirect("consent:asked", pk=pk)


@needs("consent.complaints")
def complaints(request: HttpRequest) -> HttpResponse:
    """Complaints sent to the actor's organisation, or of the zone for its officers."""
    table = Table(
        request,
        queries.complaints(actor_of(request)),
        [
            Column("id", "编号", "id", href=lambda row: reverse("consent:complaint-staff", args=[row.pk])),
            Column("kind", "事由", "get_kind_display", order="kind", why=lambda row: row.pk),
            Column("product", "产品", "consent.product.name"),
            Column("buyer", "使用单位", "consent.buyer.name", narrow=False),
            Column("at", "提出", "at", order="at", kind="time"),
            Column(
                "state", "状态", lambda row: "waiting" if row.state == "open" else "done", kind="state",
                label_of=lambda row: row.get_state_display(),
            ),
        ],
        title="数据主体的投诉",
        filters=[Filter("state", "状态", lambda rows, value: rows.filter(state=value), Complaint.STATES)],
        empty="没有数据主体的投诉。",
    )  # fmt: skip
    if table.wants_export:
        return table.export()
    return render(request, "consent/complaints.html", {"title": table.title, "table": table})


@needs("consent.complaints")
def complaint(request: HttpRequest, pk: str) -> HttpResponse:
    """One complaint and its answer. Who complained is not shown."""
    actor = actor_of(request)
    row = get_object_or_404(queries.complaints(actor), pk=pk)
    refusal, text = None, ""
    if request.method == "POST":
        text = plain(request.POST.get("answer", ""))
        try:
            answering.answer(row, actor=actor, now=clock.business_now(), text=text)
        except Refused as error:
            keep(error, actor, "consent.answer")
            refusal = error
        else:
            messages.success(request, "已答复，本人会在自己的页面看到。")
            return redirect("consent:complaint-staff", pk=pk)
    days = queries.by_day([row.consent_id]) if row.consent_id else []
    context = {
        "title": f"投诉：{row.get_kind_display()}",
        "row": row,
        "days": days,
        "text": text,
        "refusal": refusal,
        "answers": can_answer(actor, row),
    }
    status = status_of(refusal.code) if refusal else 200
    return render(request, "consent/complaint_staff.html", context, status=status)


def can_answer(actor: Actor, row: Complaint) -> bool:
    try:
        permissions.check_answer(actor, row)
    except Refused:
        return False
    return True
