"""Powers of attorney: a principal lets an agent act for it under a deposited document, and takes it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gongshu.office.accounts import granting, uscc
from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.actors import REGISTRATIONS
from gongshu.office.accounts.models import Delegation, Organisation
from gongshu.office.accounts.permissions import Refused, can, check
from gongshu.office.cases import lawbook, materials
from gongshu.office.link import clock
from gongshu.ui.tables import Column, Table
from gongshu.ui.widgets import DateInput

ALL = "全部登记事项"


class DelegationForm(forms.Form):
    """Field names are stable: scripts fill them in too."""

    code = forms.CharField(label="代理机构的统一社会信用代码", max_length=30)
    procedure = forms.ChoiceField(
        label="委托办理什么", required=False, help_text="代理机构只能办理这里选定的登记，别的业务都不能代办"
    )
    since = forms.DateField(label="起", widget=DateInput())
    until = forms.DateField(label="止", widget=DateInput(), help_text="最后有效日")
    document = forms.FileField(label="授权委托书", help_text=f"接收 {materials.ACCEPTED}")

    def __init__(self, offered: dict[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["procedure"].choices = (("", ALL), *offered.items())

    def clean_code(self) -> Organisation:
        code = uscc.normal(self.cleaned_data["code"])
        found = Organisation.objects.filter(uscc=code, active=True).first()
        if found is None:
            raise forms.ValidationError("平台上没有这个代码的机构，请先由系统管理员建立。")
        return found


def visible(actor: Any) -> Any:
    """Delegations given or received by the actor's organisation."""
    own = Q(principal_id=actor.organisation) | Q(agent_id=actor.organisation)
    return Delegation.objects.filter(own).select_related("principal", "agent")


def registrations(zone: str) -> dict[str, str]:
    """The registrations of a zone an agent may be let do: procedure → title."""
    titles = lawbook.titles(zone, clock.business_today())
    return {key: title for key, title in sorted(titles.items()) if key.startswith(REGISTRATIONS)}


@login_required
def delegations(request: HttpRequest) -> HttpResponse:
    """`POST code, procedure, since, until, document` gives a power of attorney."""
    actor = actor_of(request)
    may_give = can(actor, "accounts.delegations")
    initial = {"since": clock.business_today()}
    offered = registrations(actor.zone)
    form = DelegationForm(offered, request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST":
        check(actor, "accounts.delegations")
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            kept = materials.store(
                given["document"], actor=actor, now=clock.business_now(), field="power_of_attorney"
            )
            granting.delegate(
                actor=actor,
                now=clock.business_now(),
                agent=given["code"],
                procedure=given["procedure"],
                since=given["since"],
                until=given["until"],
                document=kept.digest,
            )
            what = offered.get(given["procedure"], ALL)
            messages.success(request, f"已委托“{given['code'].name}”代办{what}。")
            return redirect("cases:delegations")
        except Refused as refusal:
            form.add_error("document" if refusal.code.startswith("input:") else None, refusal.sentence)
    today = clock.business_today()

    def state(row: Delegation) -> str:
        if row.revoked_at:
            return "revoked"
        return "expired" if row.until < today else "valid"

    table = Table(
        request,
        visible(actor),
        [
            Column("principal", "委托机构", "principal.name", order="principal__name"),
            Column("agent", "代理机构", "agent.name", order="agent__name"),
            Column("procedure", "委托办理", lambda row: offered.get(row.procedure, row.procedure or ALL)),
            Column("since", "起", "since", order="since", kind="date"),
            Column("until", "止", "until", order="until", kind="date"),
            Column("document", "委托书摘要", "document", kind="code", narrow=False),
            Column("state", "状态", state, kind="state"),
            Column(
                "end", "撤回", ending(actor), href=lambda row: reverse("cases:delegation-end", args=[row.pk])
            ),
        ],
        title="委托代理",
        order="-until",
        empty="还没有委托代理机构。",
    )
    if table.wants_export:
        return table.export()
    context = {"title": "委托代理", "table": table, "form": form if may_give else None}
    status = 400 if request.method == "POST" else 200
    return render(request, "cases/delegations.html", context, status=status)


def ending(actor: Any) -> Any:
    """The word of the last column: only the principal ends a delegation that still holds."""
    return lambda row: "撤回" if row.principal_id == actor.organisation and row.revoked_at is None else ""


@login_required
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, then end the delegation."""
    actor = actor_of(request)
    found = get_object_or_404(visible(actor).filter(principal_id=actor.organisation, revoked_at=None), pk=pk)
    if request.method == "POST":
        return _end(request, found)
    return render(request, "cases/delegation_end.html", {"title": "撤回委托", "delegation": found})


@require_POST
def _end(request: HttpRequest, found: Delegation) -> HttpResponse:
    granting.revoke_delegation(actor=actor_of(request), now=clock.business_now(), delegation=found)
    messages.success(request, "委托已撤回，代理机构下一次打开页面就不能再代办。")
    return redirect("cases:delegations")
