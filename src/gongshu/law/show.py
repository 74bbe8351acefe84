"""The effective rule as data: every value of it with the pack and the article it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from gongshu.law import procedures
from gongshu.law.errors import UnknownClock, UnknownRule
from gongshu.law.rules import SECTION_TITLES, Rule, Rules


def rule(rules: Rules, name: str) -> dict[str, Any]:
    """One rule by `id` or `section/id`; an id in several sections gives the first and names the rest."""
    section, slash, rest = name.partition("/")
    if slash and section in SECTION_TITLES:
        return _rule(rules, rules.find(section, rest))
    homes = [section for section in SECTION_TITLES if rules.has(section, name)]
    if not homes:
        _explain_absence(rules, name)
    shown = _rule(rules, rules.find(homes[0], name))
    return {**shown, "also": [f"{section}/{name}" for section in homes[1:]]}


def _explain_absence(rules: Rules, name: str) -> None:
    """Raises the error of the section that knows the id somewhere, else says that no section does."""
    for section in SECTION_TITLES:
        if any((section, name) in rules.library.table(zone) for zone in rules.library.zones):
            rules.find(section, name)
    raise (UnknownClock if name.count(".") else UnknownRule)(
        "rule", f"没有“{name}”这条规则，不写 id 可看 {rules.zone} 的全部规则。"
    )


def _rule(rules: Rules, found: Rule) -> dict[str, Any]:
    """The rule's own fields stand beside what is said about it; where names collide the latter wins."""
    # a procedure says only what differs from the one it is like; what holds is both together
    data = procedures.effective(rules, found.id) if found.section == "procedures" else found.data
    return {
        **plain(data),
        "ok": True,
        "id": found.id,
        "section": found.section,
        "title": found.title,
        "zone": rules.zone,
        "at": rules.on.isoformat(),
        "pack": found.pack,
        "file": found.file,
        "basis": list(found.basis),
        "articles": [
            {"basis": citation, "sentence": rules.cite(citation), **rules.text(citation).data()}
            for citation in found.basis
        ],
        "binding": found.binding,
        "because": found.because,
        "via": [{"from": step.zone, "because": step.because} for step in found.via],
        "from": found.from_.isoformat() if found.from_ else None,
        "until": found.until.isoformat() if found.until else None,
        "text_status": found.text_status,
        "in_force": found.in_force,
        "caution": found.caution,
        "rule": plain(data),
        "values": [
            {
                "path": path,
                "value": value,
                "pack": _pack(rules, found, basis),
                "basis": list(basis),
                "because": because,
            }
            for path, value, basis, because in leaves(data, found.basis, found.because)
        ],
        "digest": rules.digest,
    }


def _pack(rules: Rules, found: Rule, basis: tuple[str, ...]) -> str:
    """The pack a value comes from: for what a procedure took over, the pack of the text it cites."""
    if found.section == "procedures" and "like" in found.data and basis:
        return rules.library.source(basis[0]).pack
    return found.pack


def everything(rules: Rules) -> dict[str, Any]:
    """All ids of a zone by section, each with its title, pack and articles."""
    sections = {
        section: [
            {"id": found.id, "title": found.title, "pack": found.pack, "basis": list(found.basis)}
            for found in (rules.find(section, name) for name in rules.ids(section))
        ]
        for section in SECTION_TITLES
    }
    return {
        "ok": True,
        "zone": rules.zone,
        "at": rules.on.isoformat(),
        "digest": rules.digest,
        "sections": sections,
    }


def plain(data: Any) -> Any:
    """YAML data as JSON data: dates become text."""
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data.isoformat() if isinstance(data, date) else data


Leaf = tuple[str, Any, tuple[str, ...], str | None]


def leaves(data: Any, basis: tuple[str, ...], because: str | None, path: str = "") -> Iterator[Leaf]:
    """Every single value below `data` with the citation nearest above it."""
    if isinstance(data, Mapping):
        basis = tuple(map(str, data.get("basis") or basis))
        because = data.get("because") or because
        for key, value in data.items():
            if key not in ("basis", "because"):
                yield from leaves(value, basis, because, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list) and any(isinstance(item, Mapping | list) for item in data):
        for index, value in enumerate(data):
            name = value.get("id", index) if isinstance(value, Mapping) else index
            yield from leaves(value, basis, because, f"{path}[{name}]")
    else:
        yield path, plain(data), basis, because


def text(data: Mapping[str, Any]) -> str:
    """What a person reads: the rule line by line with its source, or the list of a zone's rules."""
    if "sections" in data:
        return "\n".join(_listing(data))
    lines = [f"{data['title']}（{data['section']}/{data['id']}，{data['zone']}，规则包 {data['pack']}）"]
    lines += [f"  {leaf['path']}：{leaf['value']}  {'、'.join(leaf['basis'])}" for leaf in data["values"]]
    lines += [f"依据：{article['sentence']}，{article['standing']}" for article in data["articles"]]
    lines += [f"理由：{data['because']}"] if data["because"] else []
    lines += [data["caution"]] if data["caution"] else []
    return "\n".join(lines)


def _listing(data: Mapping[str, Any]) -> Iterator[str]:
    for section, items in data["sections"].items():
        if items:
            yield f"{SECTION_TITLES[section]}（{section}）"
            for item in items:
                yield f"  {item['id']:<32}{item['title']}  {'、'.join(item['basis'])}"
