"""The pages' forms: product, agreement with its terms, ceiling; built from the packs and the tables here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import RoleAssignment
from gongshu.office.products import content, signing, terms, upstream
from gongshu.office.products.models import Agreement, BuyerKey, Product
from gongshu.ui import lawforms
from gongshu.ui.inputs import RawField, field_for, plain
from gongshu.ui.widgets import RowsWidget

FIXED = ("product", "buyer", "buyer_code")
NOTHING = ("", "请选择")


def product_form(
    rules: Rules,
    actor: Actor,
    zone: str,
    typed: Mapping[str, Any] | None = None,
    data: Any = None,
    version: int = 0,
) -> lawforms.PackForm:
    """The page of a product; the grants to choose from are those of the operator's projects."""
    made = lawforms.build(content.form_of(rules, content.PRODUCT), typed, data, cite=rules.cite)
    options = [(each.id, grant_title(each)) for each in upstream.grants(actor, zone)]
    kept = str((typed or {}).get("grant") or "")
    if kept and kept not in dict(options):
        options.append((kept, kept))
    made.fields["grant"].widget = forms.Select(choices=[NOTHING, *options])
    return with_version(made, version)


def grant_title(granted: upstream.Granted) -> str:
    name = granted.title or granted.purpose[:40]
    return f"{name}（{granted.since} 至 {granted.until}，{granted.id}）"


def with_version(made: Any, version: int) -> Any:
    made.fields["version"] = forms.IntegerField(
        widget=forms.HiddenInput, required=False, initial=version, min_value=0
    )
    return made


def answers(form: lawforms.PackForm, *left_out: str) -> dict[str, Any]:
    """What was typed, right or wrong, without the version and these names."""
    typed = form.typed()
    for name in form.fields:
        if name not in typed and name in form.errors and not blank(form.data.get(name)):
            typed[name] = plain(form.data.get(name))
    return {key: value for key, value in typed.items() if key not in ("version", *left_out)}


def version_of(form: Any, current: int) -> int:
    """The version the page was opened with; the current one when the page did not say."""
    found = form.cleaned_data.get("version")
    return current if found is None else int(found)


def agreement_form(rules: Rules, row: Agreement, data: Any = None) -> lawforms.PackForm:
    """The seven items of the law, and below them the terms of the calls."""
    made = lawforms.build(
        content.form_of(rules, content.AGREEMENT), {**row.typed, **row.terms}, data, cite=rules.cite
    )
    for name in FIXED:
        made.fields.pop(name, None)
    made.groups = [(title, names) for title, names in made.groups if set(names) & made.fields.keys()]
    parties = shareholders(row)
    for each in terms.TERMS:
        made.fields[each.id] = term_field(each, parties)
        made.inputs.append(each)
    for side in signing.SIDES.values():
        held = BuyerKey.objects.filter(organisation_id=side.organisation(row)).order_by("-at")
        choices = [NOTHING, *((each.key, key_title(each)) for each in held)]
        made.fields[side.term].widget = forms.Select(choices=choices)
    made.initial.update(row.terms)
    made.groups += [(title, list(names)) for title, names in terms.GROUPS]
    return with_version(made, row.version)


def shareholders(row: Agreement) -> tuple[tuple[str, str], ...]:
    """Who may have a share: the operator, the providers of the data, the developers of the project."""
    found = upstream.grant(row.product.grant, row.zone_id)
    others = {*found.owners, found.developing_org} if found else set()
    names = upstream.organisation_names({row.product.operator_id, *others})
    return tuple(sorted(names.items(), key=lambda each: each[1]))


def term_field(asked: Any, parties: Sequence[tuple[str, str]] = ()) -> Any:
    field: Any = field_for(asked)
    if asked.id in terms.COLUMNS:
        choices = {**terms.CHOICES.get(asked.id, {})}
        if asked.id == "split":
            choices["organisation"] = tuple(parties)
        field.widget = RowsWidget(terms.COLUMNS[asked.id], choices=choices)
    field.law_required = asked.required
    field.article = lawforms.BY_CHOICE  # 条文只要求写明使用条件，怎样写成机器能核对的由本项目定
    field.help_text = asked.help
    return field


def key_title(key: BuyerKey) -> str:
    return f"{key.key}（{key.alg}{'，' + key.note if key.note else ''}）"


def terms_of(typed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the seven items, the terms) of what was typed on one page."""
    found = {key: typed[key] for key in terms.NAMES if not blank(typed.get(key))}
    return {key: value for key, value in typed.items() if key not in terms.NAMES}, found


class CeilingForm(forms.Form):
    """What a product may answer at most; `buyers` are organisation|key."""

    use_required_attribute = False

    def __init__(self, product: Product, data: Any = None, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"fields": list(product.typed.get("fields") or ()), **(initial or {})})
        keys = BuyerKey.objects.filter(zone=product.zone_id).select_related("organisation")
        keys = keys.exclude(organisation=product.operator_id)
        options = [
            (f"{each.organisation_id}|{each.key}", f"{each.organisation.name} · {key_title(each)}")
            for each in keys.order_by("organisation__name", "-at")
        ]
        for asked in content.CEILING:
            self.fields[asked.id] = field_for(asked)
            self.fields[asked.id].help_text = asked.help
        self.fields["buyers"] = RawField(
            widget=forms.CheckboxSelectMultiple(choices=options),
            required=False,
            wide=True,
            label="使用单位和公钥",
            help_text="可以选多家；一家一把公钥。",
        )

    def buyers(self) -> list[tuple[str, str]]:
        chosen: Sequence[str] = self.cleaned_data.get("buyers") or ()
        pairs = [str(each).partition("|") for each in chosen]
        return [(organisation, key) for organisation, _, key in pairs]


def buyers_of(zone: str, operator: str) -> list[tuple[str, str]]:
    """Organisations with buyers in the zone: (id, name)."""
    rows = RoleAssignment.objects.filter(zone=zone, role="buyer", revoked_at=None)
    rows = rows.exclude(person__organisation=operator)
    named = rows.values_list("person__organisation_id", "person__organisation__name").distinct()
    return sorted(named, key=lambda each: each[1])
