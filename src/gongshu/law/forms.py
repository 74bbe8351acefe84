"""Forms of the packs: fields in groups, with types, code lists and conditions; checked purely.

Data of a form is one mapping field id → value; a group with `repeat` holds a list of such mappings under
its own id. A problem names the field (`R11`, or `co_owners.0.R51`), a Chinese sentence and the articles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gongshu.crypto import canonical, hashes
from gongshu.law import conditions
from gongshu.law.errors import LawError
from gongshu.law.errors import Problem as PackProblem
from gongshu.law.inputs import INPUT_KINDS, Input, options_of, problem_of
from gongshu.law.packs import Library
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules, at
from gongshu.law.schema import unknown_keys

FORM_KEYS = {"title", "groups", "fields"}
GROUP_KEYS = {"id", "title", "basis", "when", "repeat", "least", "help"}
FIELD_KEYS = {
    *(
        "id",
        "group",
        "title",
        "type",
        "options",
        "options_from",
        "when",
        "optional",
        "publicity",
        "companion",
    ),
    *("help", "basis", "because", "reading", "max", "least"),
}


@dataclass(frozen=True)
class Group:
    """Fields shown together; `repeat`: as many rows as there are, at least `least`."""

    id: str
    title: str
    basis: tuple[str, ...] = ()
    when: Mapping[str, Any] | None = None
    repeat: bool = False
    least: int = 0
    help: str = ""


@dataclass(frozen=True)
class Field:
    """One field: `ask` its type, options and whether it must be given; `when` it applies at all.

    `publicity`: shown in the public notice. `because`: a choice of the project, no article. `reading`: id
    of the reading the label follows. `companion`: the field it belongs to (a link beside a yes or no).
    """

    ask: Input
    group: str
    when: Mapping[str, Any] | None = None
    publicity: bool = False
    because: str = ""
    reading: str = ""
    companion: str = ""

    @property
    def id(self) -> str:
        return self.ask.id

    @property
    def title(self) -> str:
        return self.ask.title


@dataclass(frozen=True)
class Form:
    """A whole form. `because`: how the zone came by it when no article of its own says so."""

    id: str
    title: str
    basis: tuple[str, ...]
    groups: tuple[Group, ...]
    fields: tuple[Field, ...]
    because: str = ""
    by_choice: bool = False

    def field(self, id_: str) -> Field:
        for found in self.fields:
            if found.id == id_:
                return found
        raise LawError("field", f"“{self.title}”里没有“{id_}”这一项。", self.basis)

    def group(self, id_: str) -> Group:
        return next(group for group in self.groups if group.id == id_)

    def of(self, group: str) -> tuple[Field, ...]:
        """The fields of a group, in order."""
        return tuple(found for found in self.fields if found.group == group)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    field: str
    sentence: str
    basis: tuple[str, ...] = ()


def load(rules: Rules, id_: str) -> Form:
    """The form as it holds in a zone on a day; raises UnknownRule when the zone has none."""
    rule = rules.form(id_)
    groups = tuple(
        Group(
            id=str(raw["id"]),
            title=str(raw["title"]),
            basis=tuple(raw.get("basis", ())),
            when=raw.get("when"),
            repeat=bool(raw.get("repeat", False)),
            least=int(raw.get("least", 0)),
            help=str(raw.get("help", "")),
        )
        for raw in rule["groups"]
    )
    return Form(
        id=rule.id,
        title=rule.title,
        basis=rule.basis,
        groups=groups,
        fields=tuple(_field(rules, raw) for raw in rule["fields"]),
        because=rule.because or "",
        by_choice=rule.by_choice,
    )


def _field(rules: Rules, raw: Mapping[str, Any]) -> Field:
    options = options_of(raw.get("options"))
    if "options_from" in raw:
        # a list of a limit: what each jurisdiction calls the forms of its products
        options = tuple((str(name), str(name)) for name in rules.limit(str(raw["options_from"])).value)
    ask = Input(
        id=str(raw["id"]),
        title=str(raw["title"]),
        kind=str(raw["type"]),
        required=not raw.get("optional", False),
        options=options,
        help=str(raw.get("help", "")),
        basis=tuple(raw.get("basis", ())),
        least=int(raw.get("least", 0)),
        most=int(raw.get("max", 0)),
    )
    return Field(
        ask=ask,
        group=str(raw["group"]),
        when=raw.get("when"),
        publicity=bool(raw.get("publicity", False)),
        because=str(raw.get("because", "")),
        reading=str(raw.get("reading", "")),
        companion=str(raw.get("companion", "")),
    )


# ---------------------------------------------------------------- checking data


def applies(form: Form, field: Field, data: Mapping[str, Any], row: Mapping[str, Any] | None = None) -> bool:
    """Whether a field is to be filled at all, its group's condition included."""
    seen = {**data, **(row or {})}
    return conditions.holds(form.group(field.group).when, data) and conditions.holds(field.when, seen)


def validate(form: Form, data: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with the data, in the order of the form; an empty list means complete."""
    found = list(_unknown(form, data))
    for group in form.groups:
        if group.repeat:
            found += _repeated(form, group, data)
        else:
            found += _plain(form, group, data, None, "")
    return found


def _plain(
    form: Form, group: Group, data: Mapping[str, Any], row: Mapping[str, Any] | None, prefix: str
) -> Iterator[Problem]:
    holder = data if row is None else row
    for field in form.of(group.id):
        value = holder.get(field.id)
        basis = field.ask.basis or group.basis or form.basis
        if applies(form, field, data, row):
            sentence = problem_of(field.ask, value)
        else:
            sentence = "" if blank(value) else f"按所填的情形不需要“{field.title}”，请清空。"
        if sentence:
            yield Problem(prefix + field.id, sentence, basis)


def _repeated(form: Form, group: Group, data: Mapping[str, Any]) -> Iterator[Problem]:
    rows = data.get(group.id)
    basis = group.basis or form.basis
    wanted = conditions.holds(group.when, data)
    least = max(group.least, 1) if wanted and (group.least or group.when) else group.least
    if not wanted:
        if not blank(rows):
            yield Problem(group.id, f"按所填的情形不需要“{group.title}”，请清空。", basis)
        return
    if blank(rows):
        if least:
            yield Problem(group.id, f"请至少填写一项“{group.title}”。", basis)
        return
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        yield Problem(group.id, f"“{group.title}”应是一张逐行填写的表。", basis)
        return
    known = {field.id for field in form.of(group.id)}
    for number, row in enumerate(rows):
        for name in sorted(set(row) - known):
            yield Problem(f"{group.id}.{number}.{name}", f"表单里没有“{name}”这一项。", basis)
        yield from _plain(form, group, data, row, f"{group.id}.{number}.")


def _unknown(form: Form, data: Mapping[str, Any]) -> Iterator[Problem]:
    repeated = {group.id for group in form.groups if group.repeat}
    known = {field.id for field in form.fields if field.group not in repeated} | repeated
    for name in data:
        if name not in known:
            yield Problem(str(name), f"表单里没有“{name}”这一项。", form.basis)


def clean(form: Form, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data without blanks and without what does not apply: what is stored and digested."""
    kept: dict[str, Any] = {}
    for group in form.groups:
        if not conditions.holds(group.when, data):
            continue
        if group.repeat:
            rows = [_kept(form, group, data, row) for row in rows_of(data.get(group.id))]
            if any(rows):
                kept[group.id] = [row for row in rows if row]
        else:
            kept.update(_kept(form, group, data, None))
    return kept


def rows_of(value: Any) -> list[Mapping[str, Any]]:
    """The rows of a repeated group that are rows at all."""
    rows = value if isinstance(value, list | tuple) else ()
    return [row for row in rows if isinstance(row, Mapping)]


def _kept(form: Form, group: Group, data: Mapping[str, Any], row: Mapping[str, Any] | None) -> dict[str, Any]:
    holder = data if row is None else row
    return {
        field.id: holder[field.id]
        for field in form.of(group.id)
        if not blank(holder.get(field.id)) and applies(form, field, data, row)
    }


def form_digest(form: Form, data: Mapping[str, Any]) -> str:
    """`sha256:…` over the canonical JSON of the cleaned data: what a reviewer saw is what is submitted."""
    return hashes.digest(canonical.dumps(clean(form, data)))


def papers(form: Form, data: Mapping[str, Any]) -> dict[str, str]:
    """Field (or repeated group) → digest of its value, for 一次性告知: which papers changed since."""
    return {name: hashes.digest(canonical.dumps(value)) for name, value in clean(form, data).items()}


def shown(form: Form, field: str, value: Any) -> str:
    """A value as people read it: the title of an option, 是 or 否, days joined, numbers with their unit."""
    ask = form.field(field).ask
    titles = dict(ask.options)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Mapping):
        if "from" in value:
            return f"{value.get('from')} 至 {value.get('until')}"
        return (
            f"{value['value']} {value.get('unit', '')}".strip()
            if "value" in value
            else str(value.get("name", ""))
        )
    if isinstance(value, list | tuple):
        return "、".join(shown(form, field, item) for item in value)
    return titles.get(str(value), "" if value is None else str(value))


def notice(
    rules: Rules, form: Form, data: Mapping[str, Any], *, registrant: str, application_type: str
) -> list[tuple[str, str]]:
    """The exact public notice (title, text): the items of `documents/notice.registration`, nothing else.

    `registrant` comes from the real-name account, `application_type` is the procedure's Chinese title.
    """
    given = {"registrant": registrant, "application_type": application_type}
    lines = []
    for item in rules.document("notice.registration")["items"]:
        field = item.get("field")
        text = shown(form, field, data.get(field)) if field else given[str(item["id"])]
        lines.append((str(item["title"]), text))
    return lines


# ---------------------------------------------------------------- checking packs


def check(data: Mapping[str, Any]) -> list[str]:
    """What is wrong with a form as its pack writes it."""
    found = [f"不认识的字段“{key}”。" for key in unknown_keys(data, FORM_KEYS | {"id"})]
    groups = [raw.get("id") for raw in data.get("groups", ())]
    names = [raw.get("id") for raw in data.get("fields", ())]
    for raw in data.get("groups", ()):
        found += [f"分组“{raw.get('id')}”里不认识“{key}”。" for key in unknown_keys(raw, GROUP_KEYS)]
    found += [f"“{name}”出现了两次。" for name in sorted({str(n) for n in names if names.count(n) > 1})]
    for raw in data.get("fields", ()):
        found += [f"“{raw.get('id')}”：{sentence}" for sentence in _check_field(raw, groups, names)]
    return found


def _check_field(raw: Mapping[str, Any], groups: list[Any], names: list[Any]) -> Iterator[str]:
    for key in unknown_keys(raw, FIELD_KEYS):
        yield f"不认识“{key}”。"
    if raw.get("group") not in groups:
        yield f"没有“{raw.get('group')}”这个分组。"
    if not raw.get("title"):
        yield "没有名称。"
    if raw.get("type") not in INPUT_KINDS:
        yield f"不认识的类型“{raw.get('type')}”。"
    if raw.get("type") in ("choice", "choices") and not (raw.get("options") or raw.get("options_from")):
        yield "没有选项。"
    if "when" in raw:
        if sentence := conditions.problem(raw["when"]):
            yield sentence
        else:
            yield from (
                f"条件提到不存在的“{n}”。" for n in conditions.fields_of(raw["when"]) if n not in names
            )


def problems(library: Library) -> list[PackProblem]:
    """Limits that give options, readings and documents' fields that do not exist, zone by zone."""
    found = []
    for zone in library.zones:
        rules = at(zone, CHECK_DAY, library)
        for id_ in rules.ids("forms"):
            rule = rules.form(id_)
            sentences = check(rule.data)
            try:
                form = load(rules, id_)
                missing = [field.reading for field in form.fields if field.reading]
                sentences += [
                    f"没有“{name}”这个读法。" for name in missing if not rules.has("readings", name)
                ]
            except (LawError, KeyError, TypeError, ValueError) as error:
                sentences = sentences or [str(error)]
            found += [PackProblem(zone, rule.file, id_, sentence) for sentence in sentences]
    return found


CHECK_DAY = date(2026, 1, 5)
