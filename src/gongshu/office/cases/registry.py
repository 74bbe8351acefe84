"""How other apps attach to cases: a handler a procedure, and resolvers for `/why/<id>`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.forms import Form
from django.http import HttpRequest

if TYPE_CHECKING:
    from gongshu.law.shapes import Act
    from gongshu.office.accounts.actors import Actor
    from gongshu.office.cases.models import Case, CaseEvent


class Handler:
    """What an app adds to the cases of its procedure. Every method has a sensible default.

    `panel` is a template shown on the case page with `panel_context`; `facts` are what the guards need
    beside what the act asks; `form` replaces the form built from the act; `follow` runs inside the
    transaction of an act that was done; `subject_url` links the case to its subject.
    """

    panel: str = ""

    def panel_context(self, case: Case, actor: Actor) -> Mapping[str, Any]:
        return {}

    def facts(self, case: Case, act: str, actor: Actor, now: datetime) -> Mapping[str, Any]:
        return {}

    def certain(self, case: Case, act: str, actor: Actor) -> Mapping[str, Any]:
        """Facts that follow from who acts and that no caller can say otherwise."""
        return {}

    def form(self, case: Case, act: Act, actor: Actor, request: HttpRequest | None) -> type[Form] | None:
        return None

    def cleaned(self, case: Case, act: Act, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Facts from the cleaned data of the handler's own form."""
        return data

    def follow(self, case: Case, event: CaseEvent, actor: Actor, now: datetime) -> None:
        return None

    def subject_url(self, case: Case) -> str:
        return ""


HANDLERS: dict[str, Handler] = {}
DEFAULT = Handler()


def register(procedure: str, handler: Handler) -> None:
    """Attach a handler to a procedure id; call it in `AppConfig.ready`."""
    HANDLERS[procedure] = handler


def handler(procedure: str) -> Handler:
    return HANDLERS.get(procedure, DEFAULT)


Check = Callable[[str, str, str], None]
BEGINNING: list[Check] = []


def check_beginning(check: Check) -> None:
    """`check(role, organisation, zone)` raises `Refused` when the organisation may begin nothing more in
    that role: of a later app, asked wherever something new is begun."""
    if check not in BEGINNING:
        BEGINNING.append(check)


def may_begin(role: str, organisation: str | None, zone: str) -> None:
    """Raise `Refused` when some app forbids the organisation to begin anything in the role."""
    for check in BEGINNING if organisation else ():
        check(role, str(organisation), zone)


Resolver = Callable[[str, "Actor"], "Mapping[str, Any] | None"]
RESOLVERS: dict[str, Resolver] = {}


def explain_with(prefix: str, resolver: Resolver) -> None:
    """`/why/<prefix>-…` is answered by `resolver(id, actor)`: the screen of 为什么 as data, or None.

    The data: {id, title, sentence, allowed?, code?, tree, articles: [{citation, words, standing}], facts,
    who, at, proof}. See `cases.why`.
    """
    RESOLVERS[prefix] = resolver
