"""A resource in words: what is missing, what the airlock confirmed, whether it is authorised."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import can
from gongshu.office.cases import lawbook
from gongshu.office.catalogue import content
from gongshu.office.catalogue.models import Resource
from gongshu.ui.states import DATA_TYPES


def authorisation_title(row: Resource) -> str:
    """授权状态 as the procedure calls it."""
    asked = lawbook.procedure_of(row.case).act("flag").asks
    options = next((dict(each.options) for each in asked if each.id == "authorisation"), {})
    return options.get(row.authorisation, row.authorisation)


def stored(row: Resource) -> dict[str, Any] | None:
    """What the airlock confirmed, in words."""
    if not row.facts:
        return None
    columns = [
        (name, DATA_TYPES.get(each.get("type", ""), each.get("type", "")), each.get("grade", ""))
        for name, each in row.facts.get("columns", {}).items()
    ]
    return {"rows": f"{int(row.facts.get('rows', 0)):,}", "columns": columns}


def named(row: Resource, wrong: list[Any]) -> list[tuple[str, str]]:
    """(name of the field on the page, sentence); its title first where the sentence lacks it."""
    form = content.form_of(lawbook.rules_of(row.case))
    titles = {each.id: each.title for each in form.fields} | {group.id: group.title for group in form.groups}
    found = []
    for each in wrong:
        title = titles.get(each.field.split(".")[-1], each.field)
        sentence = each.sentence if title in each.sentence else f"{title}：{each.sentence}"
        found.append((each.field.split(".")[0], sentence))
    return found


def known_of(actor: Actor) -> dict[str, str]:
    """What a new item is known to say: the provider is the account's own organisation, with its code."""
    own = Organisation.objects.filter(pk=actor.organisation).first()
    return {"provider": own.name, "provider_code": own.uscc} if own else {}


def registers(actor: Actor, row: Resource) -> bool:
    """Registering is the next step: published, the actor's own, and not begun. The app of registration comes
    after this one and may be absent."""
    mine = row.provider_id in actor.organisations and can(actor, "registration.apply", row.zone_id)
    if row.state != "published" or not mine or not apps.is_installed("gongshu.office.registration"):
        return False
    begun = apps.get_model("registration", "Registration").objects.filter(resource=row.pk)
    return not begun.exists()
