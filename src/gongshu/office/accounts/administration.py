"""Pages of the three administrators: organisations and people, roles and ties, log and logins."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gongshu.office.accounts import granting, lawroles, queries, services
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.acttitles import act_title
from gongshu.office.accounts.forms import AffiliationForm, GrantForm, OrganisationForm, PersonForm
from gongshu.office.accounts.models import Account, Affiliation, LoginAttempt, Organisation
from gongshu.office.accounts.permissions import Refused
from gongshu.office.accounts.roles import title
from gongshu.office.link import clock
from gongshu.office.link.models import OutboxEntry
from gongshu.ui.tables import Column, Filter, Table

KINDS = dict(Organisation.KINDS)
TIES = dict(Affiliation.KINDS)


def _contains(*fields: str) -> Any:
    def apply(rows: Any, value: str) -> Any:
        wanted = Q()
        for field in fields:
            wanted |= Q(**{f"{field}__icontains": value})
        return rows.filter(wanted)

    return apply


def _page(request: HttpRequest, table: Table, form: Any, **context: Any) -> HttpResponse:
    if table.wants_export:
        return table.export()
    context |= {"title": table.title, "table": table, "form": form}
    return render(
        request, "accounts/admin.html", context, status=400 if form is not None and form.errors else 200
    )


@needs("accounts.people")
def organisations(request: HttpRequest) -> HttpResponse:
    """`POST zone, name, code, kind` makes an organisation."""
    actor = actor_of(request)
    form = OrganisationForm(actor, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_organisation(actor=actor, now=clock.business_now(), **form.cleaned_data)
            messages.success(request, f"已建立机构“{made.name}”。")
            return redirect("accounts:organisations")
        except Refused as refusal:
            form.add_error("code" if "uscc" in refusal.code else None, refusal.sentence)
    table = Table(
        request,
        queries.organisations(actor),
        [
            Column("name", "机构名称", "name", order="name"),
            Column("uscc", "统一社会信用代码", "uscc", order="uscc"),
            Column("kind", "类型", lambda row: KINDS[row.kind], order="kind"),
            Column("zone", "专区", "zone.title", order="zone_id", narrow=False),
            Column("id", "编号", "id", kind="code", narrow=False),
            Column("state", "状态", lambda row: "active" if row.active else "inactive", kind="state"),
        ],
        title="机构",
        order="name",
        filters=[Filter("q", "名称或代码", _contains("name", "uscc"))],
        empty="还没有机构。",
    )
    return _page(request, table, form, submit="建立机构", legend="新机构")


@needs("accounts.people")
def people(request: HttpRequest) -> HttpResponse:
    """`POST organisation, name, username` makes a person; the activation code is shown once."""
    actor = actor_of(request)
    form = PersonForm(actor, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person, code = services.create_person(actor=actor, now=clock.business_now(), **form.cleaned_data)
            return _code_page(request, person, code)
        except Refused as refusal:
            form.add_error("username" if "username" in refusal.code else None, refusal.sentence)
    table = Table(
        request,
        queries.people(actor),
        [
            Column(
                "name",
                "姓名",
                "name",
                order="name",
                href=lambda row: reverse("accounts:person", args=[row.pk]),
            ),
            Column("username", "用户名", "account.username", order="account__username"),
            Column("organisation", "所在机构", "organisation.name", order="organisation__name"),
            Column("zone", "专区", "zone.title", order="zone_id", narrow=False),
            Column("state", "状态", _person_state, kind="state"),
        ],
        title="人员与账号",
        order="name",
        filters=[
            Filter("q", "姓名、用户名或机构", _contains("name", "account__username", "organisation__name"))
        ],
        empty="还没有人员。",
    )
    return _page(request, table, form, submit="建立账号", legend="新人员")


def _person_state(row: Any) -> str:
    if not row.active:
        return "inactive"
    return "active" if row.account.enrolled else "pending"


def _code_page(request: HttpRequest, person: Any, code: str) -> HttpResponse:
    account = Account.objects.get(person=person)
    context = {"title": "激活码", "person": person, "account": account, "code": code}
    return render(request, "accounts/code.html", context)


@needs("accounts.people")
def person(request: HttpRequest, pk: str) -> HttpResponse:
    """One person. `POST do=reset|stop|resume`."""
    actor = actor_of(request)
    found = get_object_or_404(queries.people(actor), pk=pk)
    if request.method == "POST":
        now = clock.business_now()
        if request.POST.get("do") == "reset":
            return _code_page(request, found, services.reset_account(actor=actor, now=now, person=found))
        active = request.POST.get("do") == "resume"
        services.set_person_active(actor=actor, now=now, person=found, active=active)
        messages.success(request, "账号已恢复。" if active else "账号已停用，登录已全部退出。")
        return redirect("accounts:person", pk=pk)
    held = [
        (lawroles.zone_title(each.role, each.zone_id), each) for each in found.roles.filter(revoked_at=None)
    ]
    context = {"title": found.name, "person": found, "state": _person_state(found), "held": held}
    return render(request, "accounts/person.html", context)


@needs("accounts.roles")
def grants(request: HttpRequest) -> HttpResponse:
    """`POST person, zone, role, since[, until]` gives a role."""
    actor = actor_of(request)
    form = GrantForm(actor, request.POST or None, initial={"since": clock.business_today()})
    if request.method == "POST" and form.is_valid():
        try:
            granting.grant_role(actor=actor, now=clock.business_now(), **form.cleaned_data)
            messages.success(request, "角色已授予，下一次打开页面时生效。")
            return redirect("accounts:grants")
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
    table = Table(
        request,
        queries.assignments(actor),
        [
            Column("person", "人员", "person.name", order="person__name"),
            Column("organisation", "机构", "person.organisation.name", order="person__organisation__name"),
            Column("role", "角色", lambda row: lawroles.zone_title(row.role, row.zone_id), order="role"),
            Column("zone", "专区", "zone.title", order="zone_id"),
            Column("since", "起", "since", order="since", kind="date", narrow=False),
            Column("until", "止", "until", order="until", kind="date", narrow=False),
            Column(
                "id", "收回", lambda _row: "收回", href=lambda row: reverse("accounts:revoke", args=[row.pk])
            ),
        ],
        title="角色授予",
        filters=[
            Filter(
                "role", "角色", lambda rows, value: rows.filter(role=value), granting.grantable(actor.zone)
            ),
            Filter("q", "人员或机构", _contains("person__name", "person__organisation__name")),
        ],
        empty="还没有授予任何角色。",
    )
    return _page(request, table, form, submit="授予", legend="授予角色")


@needs("accounts.roles")
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, then take the role away."""
    actor = actor_of(request)
    found = get_object_or_404(queries.assignments(actor), pk=pk)
    if request.method == "POST":
        granting.revoke_role(actor=actor, now=clock.business_now(), assignment=found)
        messages.success(request, "角色已收回。")
        return redirect("accounts:grants")
    context = {
        "title": "收回角色",
        "assignment": found,
        "role": lawroles.zone_title(found.role, found.zone_id),
    }
    return render(request, "accounts/revoke.html", context)


@needs("accounts.affiliations")
def affiliations(request: HttpRequest) -> HttpResponse:
    """`POST one, other, kind, since[, until]` enters a tie."""
    actor = actor_of(request)
    form = AffiliationForm(actor, request.POST or None, initial={"since": clock.business_today()})
    if request.method == "POST" and form.is_valid():
        try:
            granting.add_affiliation(actor=actor, now=clock.business_now(), **form.cleaned_data)
            messages.success(request, "关联关系已登记，回避从现在起按它计算。")
            return redirect("accounts:affiliations")
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
    table = Table(
        request,
        queries.affiliations(actor),
        [
            Column("one", "机构", "organisation.name", order="organisation__name"),
            Column("other", "关联机构", "other.name", order="other__name"),
            Column("kind", "方式", lambda row: TIES[row.kind], order="kind"),
            Column("since", "起", "since", order="since", kind="date"),
            Column("until", "止", "until", order="until", kind="date"),
        ],
        title="关联关系",
        filters=[Filter("q", "机构", _contains("organisation__name", "other__name"))],
        empty="还没有登记关联关系。",
    )
    return _page(request, table, form, submit="登记", legend="登记关联")


@needs("accounts.audit")
def audit(request: HttpRequest) -> HttpResponse:
    """The office's journal, newest first; the log itself holds opaque ids, the names are of today."""
    actor = actor_of(request)
    named = cache(queries.person_name)
    rows = OutboxEntry.objects.filter(fields__zone__in=sorted(actor.zones))
    table = Table(
        request,
        rows.order_by("-id"),
        [
            Column("number", "序号", "number", kind="number"),
            Column("written", "时间", "written", kind="wall"),
            Column(
                "act",
                "动作",
                lambda row: act_title(row.fields.get("act", ""), row.fields.get("zone") or actor.zone),
            ),
            Column("code", "动作代码", lambda row: row.fields.get("act"), narrow=False),
            Column("role", "角色", lambda row: title(row.fields.get("role", ""))),
            Column("who", "办理人", lambda row: named(row.fields.get("actor") or "system")),
            Column("actor", "办理人编号", lambda row: row.fields.get("actor"), kind="code", narrow=False),
            Column("subject", "对象", lambda row: row.fields.get("subject"), kind="code", narrow=False),
            Column("case", "案件", lambda row: row.fields.get("case"), kind="code", narrow=False),
            Column("index", "日志位置", "index", kind="number", narrow=False),
        ],
        title="存证日志",
        filters=[
            Filter("act", "动作代码", lambda found, value: found.filter(fields__act__startswith=value)),
            Filter("actor", "办理人编号", lambda found, value: found.filter(fields__actor=value)),
        ],
        empty="还没有日志。",
    )
    failed = LoginAttempt.objects.filter(ok=False, at__gt=clock.wall_now() - services.ACTIVATION).count()
    return _page(request, table, None, note=f"最近七天登录失败 {failed} 次。")


@require_POST
@needs("accounts.people")
def stop_organisation(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop or resume an organisation: its people can no longer log in."""
    actor = actor_of(request)
    found = get_object_or_404(queries.organisations(actor), pk=pk)
    active = request.POST.get("do") == "resume"
    services.set_organisation_active(actor=actor, now=clock.business_now(), organisation=found, active=active)
    messages.success(request, "机构已恢复。" if active else "机构已停用。")
    return redirect("accounts:organisations")
