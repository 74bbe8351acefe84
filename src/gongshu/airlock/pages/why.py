"""为什么: one page for every mark of the airlock, and who may see which."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from gongshu.airlock import access, reasons, waiting
from gongshu.airlock.pages import runs
from gongshu.airlock.why import Screen
from gongshu.enclave import confirm
from gongshu.enclave.store.models import Ceiling, Intake, Lift, Output, Stop, Task

ACT = "act"


@require_GET
@access.logged_in
def page(request: HttpRequest, identifier: str) -> HttpResponse:
    """The screen of an id; 404 for what there is not and for what does not concern the visitor alike."""
    found = resolve(identifier, access.visitor(request))
    if found is None:
        raise Http404
    return render(request, "airlock/why.html", {"title": f"为什么：{found['title']}", "why": found})


def resolve(identifier: str, visitor: access.Visitor) -> Screen | None:
    """The screen of an id, or of a place in it; None where there is none or it concerns others."""
    id_, _, place = identifier.partition(".")
    if id_ == ACT:
        return reasons.of_act(place, visitor) if place in access.ACTS else None
    for find, tell in KINDS:
        row = find(id_, visitor)
        if row is not None:
            found = tell(row, place, visitor)
            return None if found is None else {**found, "id": identifier}
    return None


# ---------------------------------------------------------------- who may see what


def _among(rows: Callable[[access.Visitor], Iterable[Any]]) -> Callable[[str, access.Visitor], Any]:
    return lambda id_, visitor: next((each for each in rows(visitor) if each.pk == id_), None)


def _provided(model: Any) -> Callable[[str, access.Visitor], Any]:
    def find(id_: str, visitor: access.Visitor) -> Any:
        row = model.objects.filter(pk=id_).first()
        return row if row is not None and visitor.organisation in confirm.required(row) else None

    return find


def _seen_outputs(visitor: access.Visitor) -> list[Output]:
    return waiting.visible_outputs(visitor) if access.can(visitor, "see") else []


def _own_intake(id_: str, visitor: access.Visitor) -> Intake | None:
    found = Intake.objects.filter(pk=id_, organisation=visitor.organisation).first()
    return found if access.can(visitor, "hand_in") else None


def _own_task(id_: str, visitor: access.Visitor) -> Task | None:
    if not access.can(visitor, "confirm"):
        return None
    return Task.objects.filter(pk=id_, grant__in=runs.provided(visitor)).first()


def _any_stop(id_: str, _visitor: access.Visitor) -> Stop | None:
    return Stop.objects.filter(pk=id_).first()


KINDS: tuple[tuple[Callable[[str, access.Visitor], Any], Callable[..., Screen | None]], ...] = (
    (_among(_seen_outputs), reasons.of_output),
    (_among(waiting.visible_samples), reasons.of_sample),
    (_among(waiting.visible_grants), reasons.of_asked),
    (_provided(Ceiling), reasons.of_asked),
    (_provided(Lift), reasons.of_asked),
    (_own_task, reasons.of_task),
    (_own_intake, reasons.of_intake),
    (_any_stop, reasons.of_stop),
)
