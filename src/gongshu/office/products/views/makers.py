"""Pages of a product: list, form, page, registration, ceiling, stop, what was released."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.cases import casepage, deposits, lawbook
from gongshu.office.cases.views import as_json, attachment
from gongshu.office.link import clock, effects
from gongshu.office.products import (
    content,
    forms,
    permissions,
    queries,
    services,
    standing,
    supply,
    upstream,
)
from gongshu.office.products.models import Ceiling, Product, Released
from gongshu.office.registration import queries as registration
from gongshu.ui import errors
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table

STATES = (
    ("draft", "草稿"),
    ("submitted", "待审核"),
    ("returned", "待修改"),
    ("passed", "审核通过"),
    ("failed", "审核未通过"),
)


def rules_now(zone: str) -> Any:
    return lawbook.rules_now(zone, local_day(clock.business_now()))


def visible(request: HttpRequest, pk: str) -> Product:
    """The product, or 404: who may not see it is not told that it exists."""
    found: Product = get_object_or_404(queries.products(actor_of(request)), pk=pk)
    return found


def url_of(row: Product) -> str:
    return reverse("products:detail", args=[row.pk])


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """The products the actor may see."""
    actor = actor_of(request)
    purposes = content.purposes(rules_now(actor.zone))
    table = Table(
        request,
        queries.products(actor),
        [
            Column("name", "产品名称", "name", order="name", href=url_of),
            Column("form", "形态", "form", order="form"),
            Column("purpose", "用途", lambda row: purposes.get(row.purpose, ""), narrow=False),
            Column("operator", "运营机构", "operator.name", order="operator__name", narrow=False),
            Column(
                "state",
                "合规审核",
                "state",
                order="state",
                kind="state",
                label_of=lambda row: row.case.state_title,
            ),
            Column("saved", "更新", "saved_at", order="saved_at", kind="date", narrow=False),
        ],
        title="数据产品和服务",
        order="name",
        filters=[
            Filter("q", "名称", lambda rows, value: rows.filter(name__icontains=value)),
            Filter("state", "合规审核", lambda rows, value: rows.filter(state=value), STATES),
        ],
        empty="还没有产品。",
    )
    if table.wants_export:
        return table.export()
    if errors.wants_json(request):
        return as_json({"rows": [product_data(row) for row in queries.products(actor)[:500]]})
    return render(
        request,
        "products/list.html",
        {"title": table.title, "table": table, "makes": can(actor, "products.make")},
    )


def product_data(row: Product) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "form": row.form,
        "purpose": row.purpose,
        "operator": row.operator_id,
        "grant": row.grant,
        "state": row.state,
        "case": row.case_id,
        "published": standing.published(row, clock.business_today()),
        "url": url_of(row),
    }


@needs("products.make")
def new(request: HttpRequest) -> HttpResponse:
    """A new product: anything may still be wrong, only the name must be there."""
    actor = actor_of(request)
    rules = law_of(actor.zone)
    given = {"grant": request.GET.get("grant", ""), "name": request.GET.get("name", "")[:200]}
    form = forms.product_form(rules, actor, actor.zone, given, request.POST or None)
    if request.method == "POST":
        try:
            made = services.begin(actor=actor, now=clock.business_now(), typed=forms.answers(form))
        except Refused as refusal:
            return refused(request, actor, form, refusal, "新产品", "product.begin")
        return saved(request, made)
    return edit_page(request, form, None, "新产品")


def law_of(zone: str) -> Any:
    rules = rules_now(zone)
    try:
        content.form_of(rules, content.PRODUCT)
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    return rules


def refused(
    request: HttpRequest, actor: Actor, form: Any, refusal: Refused, title: str, act: str, row: Any = None
) -> HttpResponse:
    """The page again with the reason beside its field, and everything typed."""
    keep(refusal, actor, act)
    name = refusal.code.removeprefix("input:")
    form.is_valid()
    form.add_error(name if name in form.fields else None, refusal.sentence)
    return edit_page(request, form, row, title, status=status_of(refusal.code))


def edit_page(
    request: HttpRequest, form: Any, row: Product | None, title: str, status: int = 200
) -> HttpResponse:
    rules = lawbook.rules_of(row.case) if row else rules_now(actor_of(request).zone)
    made = content.form_of(rules, content.PRODUCT)
    context = {"title": title, "form": form, "row": row, "because": made.because}
    return render(request, "products/edit.html", context, status=status)


def saved(request: HttpRequest, row: Product) -> HttpResponse:
    left = content.problems(lawbook.rules_of(row.case), row.typed)
    messages.success(
        request, f"已保存。还有 {len(left)} 处没有填好。" if left else "已保存，可以提请合规审核。"
    )
    address = reverse("products:edit", args=[row.pk])
    wanted = request.POST.get("do", "save")
    return redirect(f"{address}?check=1" if wanted == "check" else url_of(row))


@login_required
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """The form of a product. `do`: save, or check (save and say what is wrong)."""
    row, actor = visible(request, pk), actor_of(request)
    permissions.check_edit(actor, row)
    rules = lawbook.rules_of(row.case)
    form = forms.product_form(rules, actor, row.zone_id, row.typed, request.POST or None, row.version)
    if request.method == "POST":
        typed = forms.answers(form)
        version = forms.version_of(form, row.version)
        try:
            made = services.save(row, actor=actor, now=clock.business_now(), typed=typed, version=version)
        except Refused as refusal:
            return refused(request, actor, form, refusal, row.name, "product.save", row)
        return saved(request, made)
    if request.GET.get("check") == "1":
        form = forms.product_form(rules, actor, row.zone_id, row.typed, checking(row), row.version)
        form.show(content.problems(rules, row.typed))
    return edit_page(request, form, row, row.name)


def checking(row: Product) -> dict[str, Any]:
    """What the page would have posted, so that problems stand beside what was typed."""
    words = {True: "true", False: "false"}
    found: dict[str, Any] = {"version": row.version}
    for key, value in row.typed.items():
        found[key] = "\n".join(value) if isinstance(value, list) else words.get(value, value)
    return found


@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A product: where it stands, what it says, what was released, who may call it, what comes next."""
    row, actor = visible(request, pk), actor_of(request)
    if errors.wants_json(request):
        return as_json(product_data(row))
    rules, today = lawbook.rules_of(row.case), clock.business_today()
    insider = Product.objects.filter(pk=row.pk).exists() and is_inside(row, actor)
    granted = upstream.grant(row.grant, row.zone_id)
    agreements = queries.agreements(actor).filter(product=row)
    ceilings = list(Ceiling.objects.for_actor(actor).filter(product=row).order_by("-at")[:10])
    names = {each for one in ceilings for each in one.providers}
    names |= {buyer["organisation"] for one in ceilings for buyer in one.body["buyers"]}
    names |= set(granted.owners) if granted else set()
    known = upstream.organisation_names(names)
    context = {
        "title": row.name,
        "row": row,
        "page": casepage.build(row.case, actor, clock.business_now()) if insider else None,
        "insider": insider,
        "sections": queries.shown(rules, row.typed),
        "problems": content.problems(rules, row.typed)
        if insider and row.state in permissions.EDITABLE
        else [],
        "releases": list(row.releases.order_by("-received")[:50]),
        "may_read": may_read(row, actor),
        "certificate": standing.certificate(row, today),
        "registrations": list(registration.of_product(row.pk)[:5]) if insider else [],
        "price": standing.price(rules, row, today),
        "granted": granted,
        "resources": upstream.resource_names(set(granted.resources)) if granted else {},
        "owners": [known.get(each, each) for each in granted.owners] if granted else [],
        "agreements": list(agreements[:50]),
        "ceilings": [ceiling_view(each, known) for each in ceilings],
        "stops": effects.of_targets(row.zone_id, [row.pk, *(each.pk for each in agreements)])
        if insider
        else [],
        "edits": permissions.can_(permissions.check_edit, actor, row),
        "operates": permissions.can_(permissions.check_operator, actor, row, "products.make"),
        "stops_it": can(actor, "products.stop", row.zone_id),
    }
    return render(request, "products/detail.html", context)


def ceiling_view(row: Ceiling, names: dict[str, str]) -> dict[str, Any]:
    waiting = [names.get(each, each) for each in row.providers if each not in row.answers]
    buyers = [
        (names.get(each["organisation"], each["organisation"]), each["key"]) for each in row.body["buyers"]
    ]
    return {"row": row, "waiting": waiting, "buyers": buyers}


def is_inside(row: Product, actor: Actor) -> bool:
    """Operator, officers and providers, who see its cases."""
    if row.operator_id in actor.organisations or row.zone_id in actor.officer_zones():
        return True
    return bool(set(standing.providers(row)) & actor.organisations)


def may_read(row: Product, actor: Actor) -> bool:
    """Who may download what was released: insiders, and buyers with a filed agreement that runs."""
    return is_inside(row, actor) or queries.of_buyer(row, actor, clock.business_today())


@login_required
@require_POST
def review(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask for review again after it failed."""
    row = services.review_again(visible(request, pk), actor=actor_of(request), now=clock.business_now())
    messages.success(request, f"已重新建立审核，案号 {row.case.number}。")
    return redirect("products:detail", pk=pk)


@login_required
@require_POST
def register(request: HttpRequest, pk: str) -> HttpResponse:
    """Begin (or go on with) the product's registration; what the product says already is filled in."""
    made = services.begin_registration(
        visible(request, pk), actor=actor_of(request), now=clock.business_now()
    )
    messages.success(request, f"产品登记的申请已备好，案号 {made.case.number}，请补齐其余各项。")
    return redirect(
        "registration:edit" if made.case.state in ("draft", "returned") else "registration:detail", pk=made.pk
    )


@login_required
def ceiling(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask the providers for a ceiling."""
    row, actor = visible(request, pk), actor_of(request)
    permissions.check_operator(actor, row, "products.ceiling")
    form = forms.CeilingForm(row, request.POST or None)
    status = 200
    if request.method == "POST":
        form.is_valid()
        terms = {each.id: form.cleaned_data.get(each.id) for each in content.CEILING if each.id != "buyers"}
        try:
            made = supply.ask_ceiling(
                row, actor=actor, now=clock.business_now(), buyers=form.buyers(), terms=terms
            )
        except Refused as refusal:
            keep(refusal, actor, "ceiling.ask")
            name = refusal.code.removeprefix("input:")
            form.add_error(name if name in form.fields else None, refusal.sentence)
            status = status_of(refusal.code)
        else:
            messages.success(request, f"上限 {made.pk} 已送往闸口，等提供单位确认。")
            return redirect("products:detail", pk=pk)
    context = {"title": "提出上限", "row": row, "form": form}
    return render(request, "products/ceiling.html", context, status=status)


@login_required
def stop(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop a product: asked once more, never refused to those who may."""
    row, actor = visible(request, pk), actor_of(request)
    if request.method == "POST":
        supply.stop(row, actor=actor, reason=plain(request.POST.get("reason", "")))
        messages.success(request, "停止已发出；网关在下一次轮询时生效，生效的时间会显示在产品页。")
        return redirect("products:detail", pk=pk)
    return render(request, "products/stop.html", {"title": f"停止提供：{row.name}", "row": row})


def released(request: HttpRequest, pk: str) -> Released:
    row = get_object_or_404(Released.objects.select_related("product__case"), pk=pk)
    actor = actor_of(request)
    if row.product.zone_id not in actor.zones or not may_read(row.product, actor):
        raise Http404
    return row


@login_required
def release_file(request: HttpRequest, pk: str) -> HttpResponse | FileResponse:
    """The released bytes, checked against their digest before they are handed out."""
    row = released(request, pk)
    try:
        file = deposits.open_checked(row.digest)
    except deposits.DepositError as error:
        return errors.page(request, 500, str(error), "deposit")
    answer = FileResponse(file, content_type=row.media)
    answer["Content-Disposition"] = attachment(row.name)
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


@login_required
def release_record(request: HttpRequest, pk: str) -> HttpResponse:
    """The disclosure record of a release."""
    row = released(request, pk)
    return as_json(
        {
            "id": row.pk,
            "product": row.product_id,
            "digest": row.digest,
            "size": row.size,
            "record": row.record,
        }
    )
