"""出域审核: the output beside its findings, and a vote nobody sees before both are cast."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from gongshu.airlock import access, waiting, words
from gongshu.airlock.forms import VoteForm
from gongshu.airlock.pages.grants import names
from gongshu.enclave import clock, products, thresholds, votes
from gongshu.enclave.attack.model import CHECKS
from gongshu.enclave.store.models import Grant, Output
from gongshu.law import rules

SHOWN = 200
LARGEST_TEXT = 200_000


def preview(output: Output) -> dict[str, Any]:
    """The bytes that would leave, shown and never executed: a table of cells, or plain text."""
    path = Path(output.path)
    data = path.read_bytes()
    if output.spec.get("kind") == "lookup":
        shown = output.spec["distribution"]
        fields = [
            (one["name"], words.ANSWERS[one["type"]], shown[one["name"]])
            for one in output.spec["sheet"]["fields"]
        ]
        return {"fields": fields, "total": output.spec["sheet"]["rows"], "size": len(data)}
    if path.suffix == ".csv":
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        return {"columns": rows[0], "rows": rows[1 : SHOWN + 1], "total": len(rows) - 1, "size": len(data)}
    return {"text": data.decode("utf-8", "replace")[:LARGEST_TEXT], "size": len(data)}


def findings(output: Output) -> list[dict[str, Any]]:
    """What the attack found, with the articles in words."""
    today = clock.business_today(output.zone, clock.wall_now())
    law = rules.at(output.zone, today)
    return [
        {
            **each,
            "why": f"{output.id}.f{number}",
            "title": words.CHECKS.get(each["check"], each["check"]),
            "articles": words.cited(law, output.zone, each["basis"]),
        }
        for number, each in enumerate(output.findings)
    ]


@require_GET
@access.needs("see")
def index(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    mine = {one.pk for one in waiting.reviews(visitor)}
    rows = [
        (output, words.FORMS.get(output.spec.get("kind", ""), ""), output.pk in mine)
        for output in waiting.visible_outputs(visitor)
    ]
    return render(request, "airlock/reviews.html", {"title": "出域审核", "rows": rows})


def _visible(request: HttpRequest, pk: str) -> Output:
    found = Output.objects.filter(pk=pk).first()
    if found is None or found.pk not in {one.pk for one in waiting.visible_outputs(access.visitor(request))}:
        raise Http404
    return found


@access.needs("see")
def one(request: HttpRequest, pk: str) -> HttpResponse:
    output = _visible(request, pk)
    visitor = access.visitor(request)
    refused = votes.may_vote(output, visitor.person, visitor.organisation)
    if not refused and not access.can(visitor, "review"):
        refused = access.ACTS["review"][1]
    form = VoteForm(request.POST or None) if not refused else None
    status = 200
    if request.method == "POST":
        access.check(visitor, "review")
        if form is None:
            raise access.Refused(refused, 409, "state")
        if form.is_valid():
            try:
                votes.cast(
                    output,
                    person=visitor.person,
                    organisation=visitor.organisation,
                    agreed=form.agreed,
                    reason=form.cleaned_data["reason"],
                    now=clock.wall_now(),
                )
            except votes.VoteError as error:
                raise access.Refused(str(error), 409, "state") from error
            messages.success(request, "已投票。两位审核人员都投票后才公布结果。")
            return redirect("review", pk=pk)
        status = 400
    return render(
        request,
        "airlock/review.html",
        {**_context(output, visitor), "form": form, "refused": refused},
        status=status,
    )


def _gravity(finding: dict[str, Any]) -> bool:
    return bool(finding["severity"] == "block")


def _context(output: Output, visitor: access.Visitor) -> dict[str, Any]:
    now = clock.wall_now()
    grant = Grant.objects.get(id=output.grant)
    person, organisation = names(now)
    limits = thresholds.at(output.zone, clock.business_today(output.zone, now))
    worst = {each["check"]: each["severity"] for each in sorted(output.findings, key=_gravity)}
    decided = output.state in ("released", "refused")
    own = [row for row in output.votes.all() if row.person == visitor.person]
    shown = output.votes.order_by("cast") if decided else own
    return {
        "title": output.name or output.id,
        "output": output,
        "grant": grant,
        "bound": products.grant_of(output.zone, output.product),
        "developing": organisation(grant.body["developing_org"]),
        "reviewing": [organisation(each) for each in grant.body["reviewing_orgs"]],
        "preview": preview(output),
        "findings": findings(output),
        "checks": [(words.CHECKS.get(check, check), worst.get(check, "pass")) for check in CHECKS],
        "form_title": words.FORMS.get(output.spec.get("kind", ""), ""),
        "reviewers": limits.reviewers,
        "limits": words.limits_text(limits.data()),
        "limits_why": f"{output.id}.limits",
        "vote_why": f"{output.id}.vote",
        "replay": output.replay,
        "votes": [(person(row.person), organisation(row.organisation), row) for row in shown],
        "media": words.MEDIA.get(Path(output.path).suffix, ""),
    }


@require_GET
@access.needs("review")
def file(request: HttpRequest, pk: str) -> HttpResponse:
    """The bytes under review, as a download that no browser runs."""
    output = _visible(request, pk)
    path = Path(output.path)
    answer = HttpResponse(path.read_bytes(), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{output.id}{path.suffix}"'
    return answer
