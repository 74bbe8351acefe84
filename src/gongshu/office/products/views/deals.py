"""Pages of usage agreements and of the keys both sides sign them with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.contract.evaluate import inside_ceiling
from gongshu.contract.model import compile_ceiling, compile_contract, validate
from gongshu.law import forms as law_forms
from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.grounds import cited
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, can, keep
from gongshu.office.accounts.queries import person_names
from gongshu.office.cases import casepage, lawbook
from gongshu.office.cases.views import as_json, attachment
from gongshu.office.link import clock, effects
from gongshu.office.products import (
    agreements,
    content,
    forms,
    lifts,
    permissions,
    preview,
    queries,
    signing,
    supply,
)
from gongshu.office.products.models import Agreement, Ceiling
from gongshu.office.products.views.makers import visible as visible_product
from gongshu.ui.inputs import plain
from gongshu.ui.tables import Column, Filter, Table
from gongshu.wire.kinds import KINDS

STATES = (
    ("draft", "草稿"),
    ("agreed", "使用单位已确认"),
    ("submitted", "待备案"),
    ("returned", "待补正"),
    ("filed", "已备案"),
    ("ended", "已终止"),
)


def url_of(row: Agreement) -> str:
    return reverse("products:agreement", args=[row.pk])


def visible(request: HttpRequest, pk: str) -> Agreement:
    found: Agreement = get_object_or_404(queries.agreements(actor_of(request)), pk=pk)
    return found


@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """The agreements of the actor's organisation, or of the zone for its officers."""
    table = Table(
        request,
        queries.agreements(actor_of(request)),
        [
            Column("number", "案号", "case.number", order="case__number", href=url_of),
            Column("product", "产品", "product.name", order="product__name", href=url_of),
            Column("buyer", "使用单位", "buyer.name", order="buyer__name"),
            Column("term", "使用期限", term_of, narrow=False),
            Column(
                "state",
                "状态",
                "case.state",
                order="case__state",
                kind="state",
                label_of=lambda row: row.case.state_title,
            ),
            Column("sent", "数据域", lambda row: "已送达通知流" if row.sent else "", narrow=False),
        ],
        title="使用协议",
        filters=[
            Filter("state", "状态", lambda rows, value: rows.filter(case__state=value), STATES),
            Filter("q", "产品", lambda rows, value: rows.filter(product__name__icontains=value)),
        ],
        empty="还没有使用协议。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "products/agreements.html", {"title": table.title, "table": table})


def term_of(row: Agreement) -> str:
    term = row.typed.get("term") or {}
    return f"{term.get('from', '')} 至 {term.get('until', '')}" if term else ""


@login_required
def new(request: HttpRequest, pk: str) -> HttpResponse:
    """Begin an agreement: with whom."""
    product, actor = visible_product(request, pk), actor_of(request)
    permissions.check_operator(actor, product, "products.agree")
    refusal = None
    if request.method == "POST":
        try:
            made = agreements.begin(
                product, actor=actor, now=clock.business_now(), buyer=request.POST.get("buyer", "")
            )
        except Refused as error:
            keep(error, actor, "agreement.begin")
            refusal = error
        else:
            messages.success(request, f"协议草稿已建立，案号 {made.case.number}。请写全七项。")
            return redirect("products:agreement-edit", pk=made.pk)
    context = {
        "title": "新使用协议",
        "product": product,
        "buyers": forms.buyers_of(product.zone_id, product.operator_id),
        "refusal": refusal,
    }
    return render(
        request, "products/agreement_new.html", context, status=status_of(refusal.code) if refusal else 200
    )


@login_required
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """The seven items and the terms of the calls. `do`: save, or check."""
    row, actor = visible(request, pk), actor_of(request)
    permissions.check_draft(actor, row)
    rules = lawbook.rules_of(row.case)
    form = forms.agreement_form(rules, row, request.POST or None)
    if request.method != "POST":
        if request.GET.get("check") == "1":
            return edit_page(request, form, row, problems=problems_of(row))
        return edit_page(request, form, row)
    typed, terms = forms.terms_of(forms.answers(form, *forms.FIXED))
    version = forms.version_of(form, row.version)
    try:
        saved = agreements.save(
            row, actor=actor, now=clock.business_now(), typed=typed, terms=terms, version=version
        )
    except Refused as refusal:
        keep(refusal, actor, "agreement.save")
        form.add_error(None, refusal.sentence)
        return edit_page(request, form, row, status=status_of(refusal.code))
    left = problems_of(saved)
    words = f"已保存。还有 {len(left)} 处没有填好。" if left else "已保存，七项已写全，等使用单位确认。"
    messages.success(request, words)
    if request.POST.get("do") == "check":
        return redirect(f"{reverse('products:agreement-edit', args=[pk])}?check=1")
    return redirect("products:agreement", pk=pk)


def problems_of(row: Agreement) -> list[Any]:
    return agreements.problems(row, clock.business_today())


def said(row: Agreement, problems: Sequence[Any]) -> list[dict[str, Any]]:
    """Problems for a page: the articles in words."""
    return [
        {"field": each.field, "sentence": each.sentence, "basis": cited(row.zone_id, each.basis)}
        for each in problems
    ]


def edit_page(
    request: HttpRequest, form: Any, row: Agreement, status: int = 200, problems: Any = ()
) -> HttpResponse:
    made = content.form_of(lawbook.rules_of(row.case), content.AGREEMENT)
    context = {
        "title": made.title,
        "form": form,
        "row": row,
        "because": made.because if made.by_choice else "",
        "problems": said(row, problems),
        "preview": preview.of(row, row.typed, row.terms),
    }
    return render(request, "products/agreement_edit.html", context, status=status)


@require_POST
@login_required
def look(request: HttpRequest, pk: str) -> HttpResponse:
    """What is wrong with the page as it is typed now, and what would be signed; nothing is saved."""
    row, actor = visible(request, pk), actor_of(request)
    permissions.check_draft(actor, row)
    form = forms.agreement_form(lawbook.rules_of(row.case), row, request.POST)
    typed, terms = forms.terms_of(forms.answers(form, *forms.FIXED))
    typed = agreements.fixed(row, typed)
    context = {
        "problems": said(row, agreements.problems_with(row, typed, terms, clock.business_today())),
        "preview": preview.of(row, typed, terms),
        "live": True,
    }
    return render(request, "products/agreement_look.html", context)


@login_required
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    """An agreement: where it stands, the seven items, the terms, signatures, and the way to the gateway."""
    row, actor = visible(request, pk), actor_of(request)
    rules = lawbook.rules_of(row.case)
    form = content.form_of(rules, content.AGREEMENT)
    called = content.called(row.typed)
    signs = called and permissions.can_(permissions.check_sign, actor, row)
    context = {
        "title": f"{row.product.name}：使用协议",
        "row": row,
        "page": casepage.build(row.case, actor, clock.business_now()),
        "lines": [
            (each.title, law_forms.shown(form, each.id, row.typed.get(each.id)))
            for group in form.groups
            for each in form.of(group.id)
            if law_forms.applies(form, each, row.typed)
        ],
        "preview": preview.of(row, row.typed, row.terms),
        "problems": problems_of(row) if row.case.state == "draft" else [],
        "called": called,
        "sides": sides_of(row) if called else (),
        "ceiling": ceiling_answer(row) if called else None,
        "edits": permissions.can_(permissions.check_draft, actor, row),
        "signs": signs,
        "signs_now": signs and permissions.side_of(actor, row) not in row.signatures,
        "sends": called and sendable(row) and is_party(row, actor),
        "stops": effects.of_targets(row.zone_id, [row.product_id, row.pk]),
        **trips_of(row, actor),
    }
    return render(request, "products/agreement.html", context)


def sides_of(row: Agreement) -> list[dict[str, Any]]:
    """Each side for the page: its key, whether the trust list has it, and who signed when."""
    people = person_names({each["by"] for each in row.signatures.values()})
    found = []
    for side in signing.SIDES.values():
        key, kept = signing.named_key(row, side), row.signatures.get(side.role)
        found.append(
            {
                "role": side.role,
                "title": side.title,
                "organisation": row.product.operator if side.role == "operator" else row.buyer,
                "key": key,
                "trusted": bool(key and signing.on_list(key, row.zone_id, side.role)),
                "person": people.get(kept["by"], (kept["by"], ""))[0] if kept else "",
                "at": datetime.fromisoformat(kept["at"]) if kept else None,
            }
        )
    return found


def trips_of(row: Agreement, actor: Actor) -> dict[str, Any]:
    """The trips of an agreement for its page; `lifting`: the one the actor may ask to lift now."""
    found = lifts.trips(row) if row.sent else []
    asks = permissions.can_(permissions.check_operator, actor, row.product, "products.lift")
    return {
        "trips": found,
        "tripped": any(each.lifted is None for each in found),
        "lifting": lifts.to_ask(found) if asks and row.case.state == "filed" else None,
    }


@login_required
@require_POST
def lift(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask that a tripped agreement go on."""
    row, actor = visible(request, pk), actor_of(request)
    trip = lifts.to_ask(lifts.trips(row))
    if trip is None:
        raise Refused("这份协议没有等待解除的熔断。", "state")
    lifts.ask(trip, actor=actor, now=clock.business_now(), reason=plain(request.POST.get("reason", "")))
    messages.success(request, "已请求解除熔断：提供单位在闸口同意以后，网关恢复回答。")
    return redirect("products:agreement", pk=pk)


def sendable(row: Agreement) -> bool:
    """Filed, signed by both sides, and held back so far (a key was off the trust list)."""
    return row.case.state == "filed" and not row.sent and not signing.waited_for(row)


def is_party(row: Agreement, actor: Actor) -> bool:
    return bool({row.product.operator_id, row.buyer_id} & actor.organisations)


def ceiling_answer(row: Agreement) -> dict[str, Any]:
    """Whether the agreement lies within the ceiling the providers confirmed, as the gateway will see it."""
    confirmed = Ceiling.objects.filter(product=row.product_id, state="confirmed").order_by("-at").first()
    try:
        body = agreements.bodies(row)["contract"]
    except Refused as refusal:
        return {"allowed": False, "sentence": refusal.sentence}
    contract = compile_contract(row.zone_id, body)
    ceiling = compile_ceiling(confirmed.body) if confirmed else None
    ruling = inside_ceiling(contract, ceiling)
    wrong = validate(body, ceiling=ceiling) if ceiling else []
    return {
        "allowed": ruling.allowed,
        "sentence": "" if ruling.allowed else "".join(each.sentence for each in wrong) or ruling.sentence,
    }


@require_GET
@login_required
def to_sign(request: HttpRequest, pk: str) -> HttpResponse:
    """What the tool of the reader's side signs, as JSON; who is neither sees the buyer's, which is all."""
    row = visible(request, pk)
    side = signing.SIDES[permissions.side_of(actor_of(request), row) or "buyer"]
    answer = as_json(agreements.to_sign(row, side))
    answer["Content-Disposition"] = attachment(f"to-sign-{row.pk}.json")
    return answer


@login_required
def sign(request: HttpRequest, pk: str) -> HttpResponse:
    """Hand in the signatures of one's own side."""
    row, actor = visible(request, pk), actor_of(request)
    side = signing.SIDES.get(permissions.side_of(actor, row))
    kinds = side.kinds if side else ()
    refusal, given = None, {}
    if request.method == "POST":
        given = {kind: plain(request.POST.get(f"{kind}_signature", "")) for kind in kinds}
        try:
            made = agreements.sign(row, actor=actor, now=clock.business_now(), given=given)
        except Refused as error:
            keep(error, actor, "agreement.sign")
            refusal = error
        else:
            messages.success(request, signed_words(made))
            return redirect("products:agreement", pk=pk)
    permissions.check_sign(actor, row) if refusal is None else None
    fields = [(kind, KINDS[kind].title, given.get(kind, "")) for kind in kinds]
    context = {"title": "签署使用协议", "row": row, "refusal": refusal, "side": side, "fields": fields}
    return render(request, "products/sign.html", context, status=status_of(refusal.code) if refusal else 200)


def signed_words(row: Agreement) -> str:
    """What follows from the signature just taken."""
    left = [side.title for side in signing.waited_for(row)]
    if left:
        return f"已签署；还要{left[0]}签署，双方都签了才送往数据域。"
    return "双方都已签署，协议和凭证已送往数据域。" if row.sent else "双方都已签署；协议备案时送往数据域。"


@login_required
@require_POST
def send(request: HttpRequest, pk: str) -> HttpResponse:
    """Send a filed and signed agreement to the data domain."""
    agreements.send(visible(request, pk), actor=actor_of(request))
    messages.success(request, "协议和凭证已送往数据域。")
    return redirect("products:agreement", pk=pk)


@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """The parties' keys: hand one in, see for which side the trust list has it."""
    actor = actor_of(request)
    refusal, typed = None, ""
    if request.method == "POST":
        typed = plain(request.POST.get("key", ""))
        try:
            made = supply.hand_in_key(
                actor=actor, now=clock.business_now(), text=typed, note=plain(request.POST.get("note", ""))
            )
        except Refused as error:
            keep(error, actor, "party.key")
            refusal = error
        else:
            messages.success(request, f"公钥已提交，指纹 {made.key}。列入信任名单之后才能签署协议。")
            return redirect("products:keys")
    rows = [{"row": each, "listed": signing.listed(each, each.zone_id)} for each in queries.keys(actor)[:200]]
    context = {
        "title": "签署协议的公钥",
        "rows": rows,
        "hands_in": can(actor, "products.key"),
        "refusal": refusal,
        "typed": "" if refusal and "PRIVATE" in typed else typed,
    }
    return render(request, "products/keys.html", context, status=status_of(refusal.code) if refusal else 200)
