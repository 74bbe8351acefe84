"""Pages for everybody: what is in publicity, objections, checking a certificate."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from gongshu.office.accounts.access import actor_of
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import lawbook
from gongshu.office.cases.views import as_json
from gongshu.office.link import clock
from gongshu.office.registration import certificates as issuing
from gongshu.office.registration import codes, objections, pages, queries
from gongshu.office.registration.models import Certificate, Registration
from gongshu.ui import errors
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
            Column(
                "state",
                "状态",
                "case.state",
                kind="state",
                label_of=lambda row: row.case.state_title,
                why=lambda row: row.pk,
            ),
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
                why=lambda row: row.code,
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
