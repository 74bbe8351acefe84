"""A procedure of the law as frozen data, checked when it is built, so the engine never sees nonsense.

A procedure comes from `packs/<pack>/procedures/<id>.yaml`: states, acts, clocks and timers. Nothing in it
is an expression: a condition is the name of a predicate (`law.predicates`), a number of days the id of a
clock. Where a passage has two readings, any value may be written `{reading: ID, a: …, b: …}`; the reading
the zone has chosen decides, and the procedure remembers that it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from gongshu.law.errors import LawError, Problem
from gongshu.law.inputs import Input, options_of
from gongshu.law.packs import Library
from gongshu.law.rules import Rule, Rules, at
from gongshu.law.shapes import Act, Branch, Guard, Ledger, Procedure, State, Timer
from gongshu.law.soundness import check, check_roles

Raw = Mapping[str, Any]


class ProcedureError(LawError):
    """A procedure that cannot be built: the pack is wrong, not the person who acts."""

    def __init__(self, procedure: str, sentence: str) -> None:
        super().__init__("procedure", f"程序“{procedure}”：{sentence}")


# ---------------------------------------------------------------- reading the pack


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value)


class _Readings:
    """Replaces `{reading: ID, a: …, b: …}` by the chosen value and remembers which were used."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        self.chosen = chosen
        self.used: dict[str, str] = {}

    def resolve(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if "reading" in value:
                name = str(value["reading"])
                if name not in self.chosen:
                    raise LawError("reading", f"规则包没有选择读法“{name}”。")
                self.used[name] = self.chosen[name]
                return self.resolve(value.get(self.chosen[name]))
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.resolve(item) for item in value]
        return value


def _guard(raw: Any) -> Guard:
    if isinstance(raw, str):
        return Guard(raw)
    args = {key: value for key, value in raw.items() if key not in ("name", "sentence", "basis")}
    return Guard(str(raw["name"]), args, str(raw.get("sentence", "")), _names(raw.get("basis")))


def _guards(raw: Any) -> tuple[Guard, ...]:
    if raw is None:
        return ()
    if isinstance(raw, str | Mapping):
        raw = [raw]
    return tuple(_guard(item) for item in raw if item is not None)


def _branches(raw: Any) -> tuple[Branch, ...]:
    if isinstance(raw, str):
        return (Branch(raw),)
    return tuple(
        Branch(item) if isinstance(item, str) else Branch(str(item["state"]), _guards(item.get("when")))
        for item in raw
    )


def _input(id_: str, raw: Raw) -> Input:
    return Input(
        id=id_,
        title=str(raw["title"]),
        kind=str(raw.get("type", "text")),
        options=options_of(raw.get("options")),
        help=str(raw.get("help", "")),
        basis=_names(raw.get("basis")),
    )


def _asks(raw: Raw, inputs: Mapping[str, Input]) -> tuple[Input, ...]:
    """`asks: [reasons]` must be given, `may: [note]` can be; both name inputs of the procedure."""
    asked = [inputs[name] for name in _names(raw.get("asks"))]
    return (*asked, *(replace(inputs[name], required=False) for name in _names(raw.get("may"))))


def _act(raw: Raw, inputs: Mapping[str, Input], chosen: Mapping[str, str], roles: Mapping[str, str]) -> Act:
    readings = _Readings(chosen)
    raw = readings.resolve(raw)
    by = _names(raw["by"])
    return Act(
        id=str(raw["id"]),
        title=str(raw["title"]),
        from_=_names(raw["from"]),
        to=_branches(raw["to"]),
        by=by,
        asks=_asks(raw, inputs),
        requires=_guards(raw.get("requires")),
        basis=_names(raw.get("basis")),
        help=str(raw.get("help", "")),
        readings=tuple(readings.used) + _names(raw.get("readings")),
        keeps=_names(raw.get("keeps")),
        by_titles=tuple(roles.get(role, role) for role in by),
    )


def _ledger(raw: Raw, chosen: Mapping[str, str]) -> Ledger:
    readings = _Readings(chosen)
    raw = readings.resolve(raw)
    return Ledger(
        id=str(raw["id"]),
        clock=str(raw["clock"]),
        title=str(raw["title"]),
        starts=_names(raw["starts"]),
        stops=_names(raw.get("stops")),
        owes=_names(raw.get("owes")),
        dated=str(raw.get("dated", "")),
        since=_names(raw.get("since")),
        until=str(raw.get("until", "")),
        suspends=_names(raw.get("suspends")),
        resumes=_names(raw.get("resumes")),
        when=_guards(raw.get("when")),
        readings=tuple(readings.used),
    )


def _timer(raw: Raw) -> Timer:
    return Timer(
        id=str(raw["id"]),
        state=str(raw["state"]),
        after=str(raw["after"]),
        opens=str(raw["opens"]),
        notice=str(raw["notice"]),
        unless=_guards(raw.get("unless")),
    )


def _state(id_: str, raw: Raw) -> State:
    return State(
        id=id_,
        title=str(raw["title"]),
        waits_for=_names(raw.get("waits_for")),
        final=bool(raw.get("final", False)),
        basis=_names(raw.get("basis")),
        help=str(raw.get("help", "")),
    )


def _by_id(base: Sequence[Raw], more: Sequence[Raw]) -> list[Raw]:
    """Items of `more` replace those of `base` with the same id (in place) or are added at the end."""
    merged = {str(item["id"]): item for item in base}
    merged.update({str(item["id"]): {**merged.get(str(item["id"]), {}), **item} for item in more})
    return list(merged.values())


def merge(base: Raw, raw: Raw) -> dict[str, Any]:
    """`like: other` with what differs: states, inputs by key; acts, clocks, timers by id; `drop` ids."""
    dropped = set(_names(raw.get("drop")))
    merged: dict[str, Any] = {**base, **{key: raw[key] for key in raw if key not in ("like", "drop")}}
    for key in ("states", "inputs"):
        both = {**base.get(key, {}), **raw.get(key, {})}
        merged[key] = {name: item for name, item in both.items() if name not in dropped}
    for key in ("acts", "clocks", "timers"):
        merged[key] = [
            item for item in _by_id(base.get(key, ()), raw.get(key, ())) if item["id"] not in dropped
        ]
    return merged


def effective(rules: Rules, id_: str) -> dict[str, Any]:
    """The text of a procedure with all it takes by `like`, for `gongshu law show`; readings unresolved."""
    merged = dict(whole(_text(rules.procedure(id_)), lambda name: _other(rules, name)))
    return {key: value for key, value in merged.items() if key not in ("id", "basis", "because", "like")}


def problems(library: Library) -> list[Problem]:
    """What is wrong with the procedures, role by role and zone by zone; for `gongshu law check`."""
    found = []
    for zone in library.zones:
        # one day is enough: versions differ in numbers, and a name that leads nowhere does so on every day
        rules = at(zone, CHECK_DAY, library)
        for id_ in rules.ids("procedures"):
            rule = rules.procedure(id_)
            try:
                sentences = _dangling(rules, _load(rules, id_))
            except LawError as error:
                sentences = [error.sentence]
            found += [Problem(zone, rule.file, id_, sentence) for sentence in sentences]
    return found


CHECK_DAY = date(2026, 1, 5)


def _dangling(rules: Rules, procedure: Procedure) -> list[str]:
    """Clocks, limits and documents the procedure names and the zone does not have."""
    guards = [guard for act in procedure.acts.values() for guard in act.requires]
    named = [("clocks", ledger.clock) for ledger in procedure.clocks.values()]
    for section, key in (("limits", "limit"), ("documents", "document")):
        named += [(section, str(guard.args[key])) for guard in guards if key in guard.args]
    return [f"提到本专区没有的 {section}/{name}。" for section, name in named if not rules.has(section, name)]


def _text(rule: Rule) -> dict[str, Any]:
    text = {key: value for key, value in rule.data.items() if key != "id"}
    return {**text, "id": rule.id, "basis": list(rule.basis), "because": rule.because or ""}


def _other(rules: Rules, name: str) -> dict[str, Any]:
    """`registration.first` of the same zone, or `cn/registration.first` of another one."""
    zone, slash, id_ = name.rpartition("/")
    return _text((at(zone, rules.on, rules.library) if slash else rules).procedure(id_))


def whole(raw: Raw, other: Callable[[str], Raw] | None, path: tuple[str, ...] = ()) -> Raw:
    """The text with everything it takes from the procedure named by `like`, that one's `like` included."""
    like = raw.get("like")
    if like is None:
        return raw
    if other is None or like in path:
        raise ProcedureError(str(raw.get("id", "?")), f"不能参照“{like}”。")
    return merge(whole(other(str(like)), other, (*path, str(like))), raw)


HEAD_KEYS = ("id", "title", "basis", "summary", "because", "subject", "form", "initial", "like", "drop")
PART_KEYS = ("states", "inputs", "acts", "clocks", "timers")


def load(rules: Rules, id_: str) -> Procedure:
    """The procedure as it holds in a zone on a day, built once for each text of the packs.

    Raises UnknownRule when the zone has no such procedure, ProcedureError when the pack is wrong.
    """
    key = (id(rules.library), rules.zone, rules.on, id_)
    if key not in _BUILT:
        if len(_BUILT) >= _MOST:
            _BUILT.clear()
        _BUILT[key] = (rules.library, _load(rules, id_))
    return _BUILT[key][1]


# the library is kept beside the procedure so that its id cannot be given to another one
_BUILT: dict[tuple[int, str, date, str], tuple[Library, Procedure]] = {}
_MOST = 2000


def _load(rules: Rules, id_: str) -> Procedure:
    rule = rules.procedure(id_)
    made = build(
        _text(rule),
        readings={name: str(rules.reading(name)["takes"]) for name in rules.ids("readings")},
        roles={name: rules.role(name).title for name in rules.ids("roles")},
        other=lambda name: _other(rules, name),
        pack=rule.pack,
        zone=rules.zone,
    )
    return _localised(made, rules.own)


def _localised(made: Procedure, own: Callable[[Sequence[str]], tuple[str, ...]]) -> Procedure:
    """The procedure citing only texts that bind its zone: what it took from a neighbour is 项目选择 here."""

    def guard(each: Guard) -> Guard:
        return replace(each, basis=own(each.basis))

    def asked(each: Input) -> Input:
        return replace(each, basis=own(each.basis))

    def act(each: Act) -> Act:
        return replace(
            each,
            basis=own(each.basis),
            asks=tuple(map(asked, each.asks)),
            requires=tuple(map(guard, each.requires)),
        )

    return replace(
        made,
        basis=own(made.basis),
        acts={name: act(each) for name, each in made.acts.items()},
        states={name: replace(each, basis=own(each.basis)) for name, each in made.states.items()},
    )


def _applicable(raw: Raw, chosen: Mapping[str, str]) -> dict[str, Any]:
    """Without the states, acts, clocks and timers that belong to a reading the zone has not taken.

    Such a part is marked `only: {reading: ID, is: a}`.
    """

    def kept(item: Raw) -> bool:
        only = item.get("only")
        return only is None or chosen.get(str(only["reading"])) == only["is"]

    lists = {key: [item for item in raw.get(key, ()) if kept(item)] for key in ("acts", "clocks", "timers")}
    states = {name: item for name, item in raw["states"].items() if kept(item)}
    return {**raw, **lists, "states": states}


def _partial(raw: Raw) -> set[str]:
    """The readings some part of the text depends on."""
    parts = [
        *raw["states"].values(),
        *(item for key in ("acts", "clocks", "timers") for item in raw.get(key, ())),
    ]
    return {str(item["only"]["reading"]) for item in parts if "only" in item}


def build(
    raw: Raw,
    *,
    readings: Mapping[str, str],
    roles: Mapping[str, str],
    other: Callable[[str], Raw] | None = None,
    pack: str = "",
    zone: str = "",
) -> Procedure:
    """A checked procedure from its pack text.

    `readings`: reading id → choice of the zone. `roles`: role id → Chinese title. `other`: gives the raw
    text of the procedure named by `like`. Raises ProcedureError naming what is wrong.
    """
    id_ = str(raw.get("id", "?"))
    try:
        text = whole(raw, other)
        unknown = set(text) - {*HEAD_KEYS, *PART_KEYS}
        if unknown:
            raise ProcedureError(id_, f"不认识的栏目：{'、'.join(sorted(unknown))}。")
        procedure = _made(text, readings, roles)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ProcedureError(id_, f"写法不对：{error!r}。") from error
    problems = [*check(procedure), *check_roles(procedure, roles)]
    if problems:
        raise ProcedureError(id_, " ".join(problems))
    return replace(procedure, pack=pack, zone=zone)


def _made(text: Raw, chosen: Mapping[str, str], roles: Mapping[str, str]) -> Procedure:
    raw = _applicable(text, chosen)
    standing = _Readings(chosen)
    states = {name: _state(name, standing.resolve(item)) for name, item in raw["states"].items()}
    inputs = {name: _input(name, item) for name, item in raw.get("inputs", {}).items()}
    acts = {str(item["id"]): _act(item, inputs, chosen, roles) for item in raw["acts"]}
    clocks = {str(item["id"]): _ledger(item, chosen) for item in raw["clocks"]}
    used = {*standing.used, *_partial(text)}
    used.update(name for act in acts.values() for name in act.readings)
    used.update(name for clock in clocks.values() for name in clock.readings)
    return Procedure(
        id=str(raw["id"]),
        title=str(raw["title"]),
        basis=_names(raw["basis"]),
        initial=str(raw["initial"]),
        states=states,
        acts=acts,
        clocks=clocks,
        timers=tuple(_timer(item) for item in raw["timers"]),
        subject=str(raw.get("subject", "")),
        summary=str(raw.get("summary", "")),
        because=str(raw.get("because", "")),
        form=str(raw.get("form", "")),
        readings={name: chosen[name] for name in sorted(used) if name in chosen},
    )
