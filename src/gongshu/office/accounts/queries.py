"""Reading organisations, people and roles, always as an actor."""

from __future__ import annotations

from typing import Any

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Affiliation, Organisation, Person, RoleAssignment, Zone


def organisations(actor: Actor) -> Any:
    return Organisation.objects.for_actor(actor).select_related("zone")


def people(actor: Actor) -> Any:
    return Person.objects.for_actor(actor).select_related("zone", "organisation", "account")


def assignments(actor: Actor) -> Any:
    """Roles not revoked, the newest first."""
    return (
        RoleAssignment.objects.for_actor(actor)
        .filter(revoked_at=None)
        .select_related("zone", "person__organisation")
        .order_by("-granted_at")
    )


def affiliations(actor: Actor) -> Any:
    return Affiliation.objects.for_actor(actor).select_related("organisation", "other")


def zones(actor: Actor) -> list[tuple[str, str]]:
    """The zones an actor sees: (id, title), the nation first."""
    return list(Zone.objects.filter(pk__in=actor.zones).order_by("code").values_list("id", "title"))


def person_name(person_id: str) -> str:
    """A name for a page; the platform itself and visitors have none in the table."""
    fixed = {"system": "系统", "public": "社会公众", "enclave": "数据域"}
    return fixed.get(person_id) or (
        Person.objects.filter(pk=person_id).values_list("name", flat=True).first() or "（已移除的人员）"
    )


def person_names(ids: set[str]) -> dict[str, tuple[str, str]]:
    """id → (name, organisation) for a timeline, in one query."""
    found = {"system": ("系统", ""), "public": ("社会公众", ""), "enclave": ("数据域", "")}
    rows = Person.objects.filter(pk__in=ids - found.keys()).values_list("id", "name", "organisation__name")
    return found | {each: (name, organisation) for each, name, organisation in rows}


def organisation_names(ids: set[str]) -> dict[str, str]:
    """id → name, in one query; an unknown id is left out."""
    return dict(Organisation.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def saved_between(saver: str, actor: Actor) -> str:
    """Why a page opened before the last save may not be saved: one's own other page, or somebody else."""
    if saver == actor.person:
        return "您自己在另一个窗口（或者退回来的旧页）保存过，请先看最新的内容，再补上这次的修改。"
    return f"别人刚才保存过（{person_name(saver)}），请先看最新的内容，再把您的修改补上。"
