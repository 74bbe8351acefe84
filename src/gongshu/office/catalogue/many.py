"""One act on many items of the catalogue: what the law asks is asked once, and answered by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongshu.law import engine
from gongshu.law.history import local_day
from gongshu.law.inputs import Input
from gongshu.law.rules import Rules
from gongshu.law.shapes import Procedure
from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook
from gongshu.office.cases import services as cases
from gongshu.office.cases.materials import FILE_KINDS
from gongshu.office.catalogue import queries, services
from gongshu.office.catalogue.models import Resource
from gongshu.office.link import clock
from gongshu.ui.inputs import LawForm, build

MOST_AT_ONCE = 200


@dataclass(frozen=True)
class Batch:
    """An act of the procedure done item by item in one go; `from_`, `by`: whom to show the page to."""

    id: str
    title: str
    from_: tuple[str, ...]
    by: frozenset[str]


# 这里只决定给谁看这一页；每一条由规则包重新判断
ACTS = {
    each.id: each
    for each in (
        Batch("hand_in", "提交复核", ("draft", "returned"), frozenset({"provider_officer"})),
        Batch("check_pass", "复核通过", ("checking",), frozenset({"provider_checker"})),
        Batch("approve", "审核通过", ("submitted",), frozenset({"data_authority"})),
        Batch(
            "publish",
            "发布",
            ("approved",),
            frozenset({"provider_officer", "provider_checker", "data_authority"}),
        ),
    )
}
OF_PROVIDER = frozenset({"provider_officer", "provider_checker"})


def waiting(actor: Actor, act: Batch) -> list[Resource]:
    """Items of the working zone on which the actor could do an act now (the law decides again for each)."""
    if not actor.roles & act.by:
        return []
    rows = queries.visible(actor).filter(zone_id=actor.zone, state__in=act.from_)
    if actor.roles & OF_PROVIDER and "data_authority" not in actor.roles:
        rows = rows.filter(provider_id__in=actor.organisations)
    return list(rows.order_by("name")[: MOST_AT_ONCE + 1])


def asked(procedure: Procedure, act: Batch) -> list[Input]:
    """What must be answered for every item. A file belongs to one item: that item is handled alone."""
    return [each for each in engine.asks(procedure, act.id) if each.required and each.kind not in FILE_KINDS]


def form_class(procedure: Procedure, rules: Rules, act: Batch) -> type[LawForm]:
    """The questions of the act, each with its articles; an answer holds for every chosen item."""
    inputs = asked(procedure, act)
    made = build(inputs)
    for each in inputs:
        cited = [rules.cite(one) for one in each.basis or procedure.act(act.id).basis]
        made.base_fields[each.id].article = "；".join(cited)
    return made


@login_required
def many(request: HttpRequest, act: str) -> HttpResponse:
    """Do one act on many items; what is refused is named with its reason, the rest is done."""
    actor = actor_of(request)
    if act not in ACTS:
        raise Refused("没有这种批量办理。", "input:act")
    batch, day = ACTS[act], local_day(clock.business_now())
    procedure = lawbook.procedure_now(actor.zone, day, services.PROCEDURE)
    made_for = form_class(procedure, lawbook.rules_now(actor.zone, day), batch)
    form, rows = made_for(request.POST if request.method == "POST" else None), waiting(actor, batch)
    chosen = set(request.POST.getlist("item"))
    done, refused, status = 0, [], 200
    if request.method == "POST" and not chosen:
        messages.error(request, "请先选择要办理的目录。")
    elif request.method == "POST" and not form.is_valid():
        status = 400
    elif request.method == "POST":
        wanted = [row for row in rows if row.pk in chosen][:MOST_AT_ONCE]
        done, refused = _each(actor, batch, wanted, form.facts())
        status = 409 if refused and not done else 200
        if done:
            messages.success(request, f"{batch.title}：办理了 {done} 条。")
        rows = waiting(actor, batch)
        if done and not refused:
            return redirect("catalogue:many", act=act) if rows else redirect("catalogue:list")
    context = {
        "title": f"批量{batch.title}",
        "act": act,
        "form": form,
        "rows": rows[:MOST_AT_ONCE],
        "chosen": chosen,
        "refused": refused,
        "word": batch.title,
    }
    return render(request, "catalogue/many.html", context, status=status)


def _each(
    actor: Actor, act: Batch, rows: list[Resource], facts: dict[str, Any]
) -> tuple[int, list[tuple[Resource, Refused]]]:
    """How many were done, and which were refused and why."""
    done, refused = 0, []
    for row in rows:
        try:
            cases.perform(row.case_id, act.id, actor, facts, clock.business_now())
            done += 1
        except Refused as refusal:
            refused.append((row, refusal))
    return done, refused
