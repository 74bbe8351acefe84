"""The objection form: for visitors with an identity paper, for those logged in under their account's name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from gongshu.law.inputs import Input, problem_of
from gongshu.law.predicates import blank
from gongshu.office.accounts import actors
from gongshu.office.accounts.access import actor_of
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.cases import lawbook, materials
from gongshu.office.cases.models import Material
from gongshu.office.link import clock
from gongshu.office.registration import objections
from gongshu.office.registration.models import Objection, Registration
from gongshu.office.registration.views.public import of_notice
from gongshu.ui import errors
from gongshu.ui.inputs import field_for

NAME = Input("objector", "异议人姓名或名称", "text", most=120, help="与身份证明一致的真实姓名或单位全称。")
IDENTITY = (
    Input("identity_kind", "证件种类", "choice", options=tuple(Objection.IDENTITIES)),
    Input("identity", "证件号码", "text", most=30, help="只供登记机构核对身份，不公开，也不写入存证日志。"),
    Input("identity_paper", "身份证明", "file", help="身份证或者营业执照、法人证书的扫描件。"),
    Input("contact", "联系方式", "text", most=120, help="处理结果按这个方式书面告知您。"),
)
SUBSTANCE = (
    Input("grounds", "异议内容", "long_text", most=4000, help="写明对哪一项有异议、事实和理由。"),
    Input("evidence", "证据材料", "files", help="可以多份；支持 PDF、OFD、Word、Excel、图片。"),
)
VISITOR, ACCOUNT = (NAME, *IDENTITY, *SUBSTANCE), SUBSTANCE  # 有账号的，名字是账号的名字
OBJECTOR = ("objector", "identity_kind", "identity", "contact")


class ObjectionForm(forms.Form):
    """The objection form; the law judges it like every other."""

    use_required_attribute = False

    def __init__(self, inputs: tuple[Input, ...], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inputs = inputs
        for each in inputs:
            self.fields[each.id] = field_for(each)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for each in self.inputs:
            value = cleaned.get(each.id)
            if each.kind in materials.FILE_KINDS:
                sentence = f"请上传“{each.title}”。" if blank(value) else ""
            else:
                sentence = problem_of(each, value)
            if sentence:
                self.add_error(each.id, sentence)
        if "identity" in self.fields and not {"identity", "identity_kind"} & set(self.errors):
            problem = objections.identity_problem(cleaned["identity_kind"], cleaned["identity"])
            if problem:
                self.add_error("identity", problem)
        return cleaned


def object_to(request: HttpRequest, pk: str) -> HttpResponse:
    """Object to what is published. Who is logged in needs no identity paper: accounts are real-name."""
    found = of_notice(pk)
    act = objections.act_for(found.case)
    if act is None:
        sentence = f"这件登记现为“{found.case.state_title}”，现在不能提出异议。"
        return errors.page(request, 409, sentence, "state")
    actor = objector_of(request, found)
    inputs = VISITOR if actor.anonymous else ACCOUNT
    if request.method != "POST":
        return objection_page(request, found, ObjectionForm(inputs), None, actor)
    now = clock.business_now()
    address = objections.address_digest(request.META.get("REMOTE_ADDR", ""))
    try:
        objections.check_flood(address)
        data, wrong = materials.take_uploads(
            request.POST, request.FILES, inputs, actor=actor, now=now, act=act
        )
    except Refused as refusal:
        return objection_page(request, found, ObjectionForm(inputs, request.POST), refusal, actor)
    form = ObjectionForm(inputs, data)
    form.is_valid()
    for name, sentence in wrong.items():
        form.add_error(name, sentence)
    if form.errors:
        return objection_page(request, found, form, None, actor)
    try:
        made = raise_it(found, act, actor, form.cleaned_data, address, now)
    except Refused as refusal:
        keep(refusal, actor, f"registration.{act}")
        return objection_page(request, found, form, refusal, actor)
    return redirect("registration:objection", receipt=made.receipt)


def raise_it(
    found: Registration, act: str, actor: Actor, given: dict[str, Any], address: str, now: Any
) -> Objection:
    """Hand the objection to the service, with or without an account."""
    evidence = handed_in(actor, act, given["evidence"])
    if not actor.anonymous:
        return objections.object_by_account(
            found,
            actor=actor,
            grounds=given["grounds"],
            evidence=evidence,
            now=now,
        )
    return objections.object_publicly(
        found,
        objector=objections.Objector(*(given[key] for key in OBJECTOR)),
        grounds=given["grounds"],
        evidence=evidence,
        identity=handed_in(actor, act, given["identity_paper"]),
        address=address,
        now=now,
    )


def objector_of(request: HttpRequest, found: Registration) -> Actor:
    """The one logged in when the account reaches the zone, else a visitor of the zone."""
    actor = actor_of(request)
    if actor.anonymous or found.zone_id not in actor.zones:
        return actors.public(found.zone_id)
    return actor


def handed_in(actor: Actor, act: str, ids: list[str]) -> list[Material]:
    """The files this one has handed in and no case has taken yet; other ids are ignored."""
    return list(Material.objects.filter(pk__in=ids, case=None, uploaded_by=actor.person, act=act))


def objection_page(
    request: HttpRequest, found: Registration, form: ObjectionForm, refusal: Refused | None, actor: Actor
) -> HttpResponse:
    ids = [each for key in form.fields for each in (form.data.getlist(f"{key}__kept") if form.data else [])]
    names = dict(Material.objects.filter(pk__in=ids, uploaded_by=actor.person).values_list("pk", "name"))
    for field in form.fields.values():
        if hasattr(field.widget, "names"):
            field.widget.names = names
    rules = lawbook.rules_of(found.case)
    act = lawbook.procedure_of(found.case).acts.get(objections.act_for(found.case) or "")
    context = {
        "title": "提出异议",
        "registration": found,
        "form": form,
        "refusal": refusal,
        "basis": [rules.cite(each) for each in act.basis] if act else [],
        "account": "" if actor.anonymous else objections.account_name(actor),
    }
    status = status_of(refusal.code) if refusal else 400 if form.is_bound and form.errors else 200
    return render(request, "registration/object.html", context, status=status)


def objection(request: HttpRequest, receipt: str) -> HttpResponse:
    """How an objection stands; whoever has the query code may look."""
    found = get_object_or_404(
        Objection.objects.select_related("registration__case"), receipt=receipt.strip().upper()
    )
    context = {"title": "异议办理情况", "objection": found, "outcome": objections.outcome(found)}
    return render(request, "registration/objection.html", context)
