"""授权确认: on one page what leaves, to whom, which fields, how often, until when; and the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from gongshu.airlock import access, waiting, words
from gongshu.airlock.forms import AnswerForm
from gongshu.enclave import clock, confirm, sources, trust
from gongshu.enclave.store.models import Ceiling, Confirmation, Grant, Lift
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant

MODES = {"answer": "只出汇总结果", "build": "在数据域内加工，结果不出域"}


def names(now: Any) -> tuple[Callable[[str], str], Callable[[str], str]]:
    """(name of a person, name of an organisation) as the trust list gives them."""
    known = trust.current(now)

    def person(id_: str) -> str:
        return str((known.person(id_) or {}).get("name", f"{id_}（不在信任名单上）"))

    def organisation(id_: str) -> str:
        return str((known.organisation(id_) or {}).get("name", f"{id_}（不在信任名单上）"))

    return person, organisation


def outline(grant: Grant) -> dict[str, Any]:
    """A grant as its provider reads it."""
    now = clock.wall_now()
    person, organisation = names(now)
    body = grant.body
    held = sources.of_grant(body)
    tables = []
    for name, table in body["tables"].items():
        source = held.get(name)
        tables.append(
            {
                "name": name,
                "owner": organisation(str(table.get("owner", ""))),
                "rows": table.get("rows") or "全部行",
                "count": source.rows if source else None,
                "subject": source.subject if source else None,
                "columns": [
                    (
                        column,
                        words.TYPES.get(said.get("type"), said.get("type")),
                        said.get("grade", ""),
                        words.GRADES.get(said.get("grade"), ""),
                    )
                    for column, said in (table.get("columns") or {}).items()
                ],
            }
        )
    return {
        "mode": MODES.get(body["mode"], body["mode"]),
        "purpose": body["purpose"],
        "from": body["from"],
        "until": body["until"],
        "developing": organisation(body["developing_org"]),
        "developers": [person(each) for each in body["developers"]],
        "reviewing": [organisation(each) for each in body["reviewing_orgs"]],
        "runs": body["runs_per_day"],
        "tables": tables,
    }


@require_GET
@access.logged_in
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    rows, (_, organisation) = waiting.visible_grants(visitor), names(clock.wall_now())
    for row in rows:
        row.developing = organisation(row.body["developing_org"])
    context = {
        "title": "授权确认",
        "waiting": waiting.grants(visitor),
        "ceilings": waiting.ceilings(visitor),
        "lifts": waiting.lifts(visitor),
        "rows": rows,
    }
    return render(request, "airlock/grants.html", context)


def _answer(
    request: HttpRequest, subject: confirm.Subject, template: str, more: dict[str, Any]
) -> HttpResponse:
    visitor = access.visitor(request)
    asked = subject.state == "awaiting" and access.can(visitor, "confirm")
    asked = asked and subject.pk in {one.pk for one in waiting.confirmations(visitor)}
    form = AnswerForm(request.POST or None) if asked else None
    status = 200
    if request.method == "POST":
        access.check(visitor, "confirm")
        if form is None:
            raise access.Refused("该项不等贵单位答复，或已经答复过。", 409, "state")
        if form.is_valid():
            try:
                confirm.answer(
                    subject,
                    organisation=visitor.organisation,
                    person=visitor.person,
                    agreed=form.agreed,
                    reason=form.cleaned_data["reason"],
                    now=clock.wall_now(),
                )
            except confirm.ConfirmError as error:
                raise access.Refused(str(error), 409, "state") from error
            messages.success(request, "已确认。" if form.agreed else "已答复不同意。")
            return redirect(request.path)
        status = 400
    answers = Confirmation.objects.filter(subject=subject.id, digest=subject.digest).order_by("given")
    person, organisation = names(clock.wall_now())
    given = [(organisation(row.organisation), person(row.person), row) for row in answers]
    context = {"subject": subject, "form": form, "answers": given, **more}
    return render(request, template, context, status=status)


@access.logged_in
def grant(request: HttpRequest, pk: str) -> HttpResponse:
    found = Grant.objects.filter(pk=pk).first()
    if found is None or found.pk not in {one.pk for one in waiting.visible_grants(access.visitor(request))}:
        raise Http404
    more = {
        "title": f"授权：{found.body.get('purpose', found.id)}",
        "said": outline(found) if found.state != "invalid" else None,
    }
    return _answer(request, found, "airlock/grant.html", more)


@access.logged_in
def ceiling(request: HttpRequest, pk: str) -> HttpResponse:
    found = Ceiling.objects.filter(pk=pk).first()
    if found is None or access.visitor(request).organisation not in confirm.required(found):
        raise Http404
    _, organisation = names(clock.wall_now())
    buyers = [(organisation(row["organisation"]), row["key"]) for row in found.body["buyers"]]
    under = Grant.objects.filter(pk=found.body.get("grant"), zone=found.zone).first()
    more = {
        "title": "产品上限",
        "body": found.body,
        "buyers": buyers,
        "consent": words.consent_text(str(found.body["consent"])),
        "grant": under,
        "said": outline(under) if under is not None and under.state != "invalid" else None,
    }
    return _answer(request, found, "airlock/ceiling.html", more)


@access.logged_in
def lift(request: HttpRequest, pk: str) -> HttpResponse:
    """解除熔断: a contract the gateway stopped by itself is to go on; the providers of its product decide."""
    found = Lift.objects.filter(pk=pk).first()
    if found is None or access.visitor(request).organisation not in confirm.required(found):
        raise Http404
    _, organisation = names(clock.wall_now())
    held = Ceiling.objects.filter(product=found.product, zone=found.zone, state="live").first()
    more = {
        "title": "解除熔断",
        "body": found.body,
        "asked": {**found.asked, "at": _moment(found.asked.get("at"))},
        "ceiling": held,
        "buyers": [organisation(row["organisation"]) for row in held.body["buyers"]] if held else [],
    }
    return _answer(request, found, "airlock/lift.html", more)


def _moment(text: Any) -> Any:
    """An instant of the wire; what is none is not shown."""
    try:
        return instant(str(text), "at")
    except WireError:
        return None
