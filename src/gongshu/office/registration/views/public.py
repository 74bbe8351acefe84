"""Pages for everybody: what is in publicity, objections, checking a certificate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from gongshu.law.inputs import Input
from gongshu.office.accounts.access import actor_of
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused, keep
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import lawbook, materials
from gongshu.office.cases.models import Material
from gongshu.office.cases.views import as_json
from gongshu.office.link import clock
from gongshu.office.registration import certificates as issuing
from gongshu.office.registration import codes, objections, pages, queries
from gongshu.office.registration.models import Certificate, Objection, Registration
from gongshu.ui import errors
from gongshu.ui.inputs import field_for
from gongshu.ui.tables import Column, Filter, Table


def zone_filter() -> Filter:
    choices = [(each, ZONES[each].title) for each in settings.SITE.zones if each in ZONES]
    return Filter("zone", "专区", lambda rows, value: rows.filter(zone_id=value), choices)


def notice_url(row: Registration) -> str:
    return reverse("registration:notice", args=[row.pk])


def publicity(request: HttpRequest) -> HttpResponse:
    """Everything in publicity now."""
    today = clock.business_today()

    def left(row: Registration) -> str:
        chip = pages.publicity_chip(row, today)
        return f"到 {chip.due}（{chip.sentence}）" if chip else ""

    table = Table(
        request,
        queries.in_publicity(),
        [
            Column("name", "登记数据名称", "name", order="name", href=notice_url),
            Column("registrant", "登记主体", "case.organisation.name", order="case__organisation__name"),
            Column("type", "类型", "get_data_type_display", order="data_type", narrow=False),
            Column("zone", "专区", "zone.title", order="zone__title", narrow=False),
            Column("from", "公示起", "publicity_from", order="publicity_from", kind="date", narrow=False),
            Column("until", "公示期", left, order="publicity_until"),
            Column("state", "状态", "case.state", kind="state", label_of=lambda row: row.case.state_title),
        ],
        title="登记公示",
        filters=[
            zone_filter(),
            Filter("type", "类型", lambda rows, value: rows.filter(data_type=value), Registration.TYPES),
            Filter("q", "名称", lambda rows, value: rows.filter(name__icontains=value)),
        ],
        empty="现在没有公示中的登记。",
    )
    if table.wants_export:
        return table.export()
    if errors.wants_json(request):
        return as_json({"rows": [notice_data(row) for row in queries.in_publicity()[:500]]})
    return render(request, "registration/publicity.html", {"title": "登记公示", "table": table})


def of_notice(pk: str) -> Registration:
    found = queries.published(pk)
    if found is None:
        raise Http404
    return found


def notice_data(found: Registration) -> dict[str, Any]:
    return {
        "id": found.pk,
        "zone": found.zone_id,
        "lines": [{"title": title, "text": text} for title, text in found.notice],
        "digest": found.notice_digest,
        "from": found.publicity_from,
        "until": found.publicity_until,
        "state": found.case.state,
        "url": notice_url(found),
    }


def notice(request: HttpRequest, pk: str) -> HttpResponse:
    """One public notice: the data the law lists, and nothing else; its days; how to object."""
    found, today = of_notice(pk), clock.business_today()
    if errors.wants_json(request):
        return as_json(notice_data(found))
    rules = lawbook.rules_of(found.case)
    context = {
        "title": found.name,
        "registration": found,
        "notice": found.notice,
        "chip": pages.publicity_chip(found, today) if found.case.state in queries.IN_PUBLICITY else None,
        "calendar": pages.publicity_calendar(found, today),
        "basis": [rules.cite(each) for each in rules.document("notice.registration").basis],
        "can_object": objections.act_for(found.case) is not None,
        "certificate": Certificate.objects.filter(registration=found).first(),
    }
    return render(request, "registration/notice.html", context)


OBJECTION_INPUTS = (
    Input("objector", "异议人姓名或名称", "text", most=120, help="与身份证明一致的真实姓名或单位全称。"),
    Input("identity_kind", "证件种类", "choice", options=tuple(Objection.IDENTITIES)),
    Input("identity", "证件号码", "text", most=30, help="只供登记机构核对身份，不公开，也不写入存证日志。"),
    Input("identity_paper", "身份证明", "file", help="身份证或者营业执照、法人证书的扫描件。"),
    Input("contact", "联系方式", "text", most=120, help="处理结果按这个方式书面告知您。"),
    Input("grounds", "异议内容", "long_text", most=4000, help="写明对哪一项有异议、事实和理由。"),
    Input("evidence", "证据材料", "files", help="可以多份；支持 PDF、OFD、Word、Excel、图片。"),
)


OBJECTOR = ("objector", "identity_kind", "identity", "contact")


class ObjectionForm(forms.Form):
    """The public objection form; the law judges it like every other."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in OBJECTION_INPUTS:
            self.fields[each.id] = field_for(each)

    def clean(self) -> dict[str, Any]:
        from gongshu.law.inputs import problem_of
        from gongshu.law.predicates import blank

        cleaned: dict[str, Any] = super().clean() or {}
        for each in OBJECTION_INPUTS:
            value = cleaned.get(each.id)
            if each.kind in materials.FILE_KINDS:
                sentence = f"请上传“{each.title}”。" if blank(value) else ""
            else:
                sentence = problem_of(each, value)
            if sentence:
                self.add_error(each.id, sentence)
        if not self.errors.get("identity") and not self.errors.get("identity_kind"):
            problem = objections.identity_problem(cleaned["identity_kind"], cleaned["identity"])
            if problem:
                self.add_error("identity", problem)
        return cleaned


def object_to(request: HttpRequest, pk: str) -> HttpResponse:
    """The public objection form. With an account the same act is on the case page."""
    found = of_notice(pk)
    act = objections.act_for(found.case)
    if act is None:
        sentence = f"这件登记现为“{found.case.state_title}”，现在不能提出异议。"
        return errors.page(request, 409, sentence, "state")
    if request.method != "POST":
        return objection_page(request, found, ObjectionForm(), None)
    address, now = request.META.get("REMOTE_ADDR", ""), clock.business_now()
    keyed = objections.address_digest(address)
    try:
        objections.check_flood(keyed)
        data, wrong = materials.take_uploads(
            request.POST,
            request.FILES,
            OBJECTION_INPUTS,
            actor=public_actor(found),
            now=now,
            act=act,
        )
    except Refused as refusal:
        return objection_page(request, found, ObjectionForm(request.POST), refusal)
    form = ObjectionForm(data)
    form.is_valid()
    for name, sentence in wrong.items():
        form.add_error(name, sentence)
    if form.errors:
        return objection_page(request, found, form, None)
    given = form.cleaned_data
    try:
        made = objections.object_publicly(
            found,
            objector=objections.Objector(*(given[key] for key in OBJECTOR)),
            grounds=given["grounds"],
            evidence=handed_in(found, act, given["evidence"]),
            identity=handed_in(found, act, given["identity_paper"]),
            address=keyed,
            now=now,
        )
    except Refused as refusal:
        keep(refusal, public_actor(found), f"registration.{act}")
        return objection_page(request, found, form, refusal)
    return redirect("registration:objection", receipt=made.receipt)


def public_actor(found: Registration) -> Any:
    from gongshu.office.accounts import actors

    return actors.public(found.zone_id)


def handed_in(found: Registration, act: str, ids: list[str]) -> list[Material]:
    """The files a visitor has handed in and nobody has taken yet; other ids are ignored."""
    return list(
        Material.objects.filter(pk__in=ids, case=None, zone_id=found.zone_id, uploaded_by="public", act=act)
    )


def objection_page(
    request: HttpRequest, found: Registration, form: ObjectionForm, refusal: Refused | None
) -> HttpResponse:
    ids = [each for key in form.fields for each in (form.data.getlist(f"{key}__kept") if form.data else [])]
    names = dict(Material.objects.filter(pk__in=ids, uploaded_by="public").values_list("pk", "name"))
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


def certificates(request: HttpRequest) -> HttpResponse:
    """Everything registered: the public query of results."""
    today = clock.business_today()
    table = Table(
        request,
        queries.issued(),
        [
            Column("code", "登记编码", "code", order="code", href=check_url),
            Column("name", "登记数据名称", "name", order="name", href=check_url),
            Column("registrant", "登记主体", lambda row: row.facts["registrant"], narrow=False),
            Column("type", "类型", lambda row: dict(Registration.TYPES)[row.data_type], narrow=False),
            Column("zone", "专区", "zone.title", order="zone__title", narrow=False),
            Column("issued", "发放日期", "issued", order="issued", kind="date", narrow=False),
            Column("until", "有效期至", "valid_until", order="valid_until", kind="date"),
            Column(
                "status",
                "状态",
                lambda row: queries.STATUS_TONES[queries.status(row, today)],
                kind="state",
                label_of=lambda row: queries.STATUS_TITLES[queries.status(row, today)],
            ),
        ],
        title="登记结果",
        filters=[
            zone_filter(),
            Filter("type", "类型", lambda rows, value: rows.filter(data_type=value), Registration.TYPES),
            Filter("q", "名称", lambda rows, value: rows.filter(name__icontains=value)),
        ],
        empty="还没有登记结果。",
    )
    if table.wants_export:
        return table.export()
    return render(request, "registration/certificates.html", {"title": "登记结果", "table": table})


def check_url(row: Certificate) -> str:
    return reverse("registration:checked", args=[row.code])


def check(request: HttpRequest) -> HttpResponse:
    """Check a certificate by the code printed on it: a form that leads to the page of the code."""
    typed = request.GET.get("code", "").strip()[:60]
    if not typed:
        return render(request, "registration/check.html", {"title": "凭证查验"})
    return checked(request, typed)


def checked(request: HttpRequest, code: str) -> HttpResponse:
    """What a code stands for, whether it is valid today, and whether the QR's signature is genuine."""
    found = queries.certificate(code)
    seal = request.GET.get("s", "")[:200]
    if found is None:
        return unknown(request, code)
    today = clock.business_today()
    state = queries.status(found, today)
    genuine = issuing.seal_holds(found, seal) if seal else None
    if errors.wants_json(request):
        return as_json(
            {
                "code": found.code,
                "status": state,
                "genuine": genuine,
                "facts": found.facts,
                "digest": found.digest,
            }
        )
    context = {
        "title": "凭证查验",
        "certificate": found,
        "status": state,
        "status_title": queries.STATUS_TITLES[state],
        "status_tone": queries.STATUS_TONES[state],
        "genuine": genuine,
        "sealed": bool(seal),
        "today": today,
    }
    return render(request, "registration/checked.html", context)


def unknown(request: HttpRequest, code: str) -> HttpResponse:
    """A mistyped code is told apart from a well-formed one that was never given."""
    if codes.read(code) is None:
        sentence = "这不是登记编码：位数不对，或者校验字符不符，请照凭证重新输入。"
        status, kind = 400, "code"
    else:
        sentence = "编码格式正确，但是没有发放过这个编码的凭证；出示这样的凭证是伪造的。"
        status, kind = 404, "unknown_code"
    if errors.wants_json(request):
        return errors.page(request, status, sentence, kind)
    context = {"title": "凭证查验", "typed": code[:60], "sentence": sentence, "actor": actor_of(request)}
    return render(request, "registration/check.html", context, status=status)
