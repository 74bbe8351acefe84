"""Reads the packs: YAML folders → `Library`, the only thing the rest of `law` asks.

Pure but for the reading of the package's own files; `build` takes the texts themselves, so that a case can
be judged by the packs it began under and stories can be run on changed packs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

from gongshu.law import schema
from gongshu.law.errors import LawError, PackError, Problem, UnknownZone
from gongshu.law.reader import Reader
from gongshu.law.schema import Inherit, Pack, Source, Value

ROOT = Path(__file__).resolve().parent.parent / "packs"

# the nation first, then provinces with their cities: the order of every list of zones
NATION = "cn"
ORDER = (NATION, "gansu", "hubei", "huangshi", "anhui", "chizhou")


@dataclass(frozen=True)
class Step:
    """One hop a value took on its way into a zone."""

    zone: str
    because: str | None


@dataclass(frozen=True)
class Effective:
    """The versions of one value that hold in a zone, and the way they came."""

    versions: tuple[Value, ...]
    via: tuple[Step, ...] = ()

    @property
    def binding(self) -> bool:
        return any(version.binding for version in self.versions)


Table = Mapping[tuple[str, str], Effective]


@dataclass(frozen=True)
class Library:
    """All packs together. `zones` are their ids in reading order, the nation first."""

    packs: Mapping[str, Pack]
    loading: tuple[Problem, ...] = ()
    _tables: dict[str, tuple[Table, tuple[Problem, ...]]] = field(default_factory=dict, repr=False)

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(self.packs)

    def pack(self, zone: str) -> Pack:
        if zone not in self.packs:
            raise UnknownZone("zone", f"没有“{zone}”这个专区，可用的有：{'、'.join(self.packs)}。")
        return self.packs[zone]

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        return {key: source for pack in self.packs.values() for key, source in pack.sources.items()}

    def source(self, citation: str) -> Source:
        """The text behind a citation `source-key:article` or a bare source key."""
        key = citation.partition(":")[0]
        if key not in self.sources:
            raise LawError("source", f"规则包里没有“{key}”这份文本。")
        return self.sources[key]

    def lineage(self, zone: str) -> tuple[str, ...]:
        """The packs a zone's rules may come from, itself first."""
        found: dict[str, None] = {}
        waiting = [zone]
        while waiting:
            current = waiting.pop(0)
            if current not in found:
                found[current] = None
                waiting += [step.zone for step in self.pack(current).inherit if step.zone in self.packs]
        return tuple(found)

    def above(self, zone: str) -> tuple[str, ...]:
        """The zone itself and the zones whose texts bind it: its parents, the nation last."""
        found: list[str] = []
        current: str | None = zone
        while current is not None and current in self.packs and current not in found:
            found.append(current)
            current = self.packs[current].parent
        return tuple(dict.fromkeys([*found, NATION]))

    def digest(self, zone: str) -> str:
        """`sha256:<hex>` over every pack a zone's rules may come from."""
        parts = "\n".join(f"{name} {self.packs[name].digest}" for name in sorted(self.lineage(zone)))
        return "sha256:" + sha256(parts.encode()).hexdigest()

    def needed(self, zone: str) -> tuple[str, ...]:
        """The packs behind a zone's rules and the packs whose texts these cite (a project choice may)."""
        found: dict[str, None] = {}
        waiting = [zone]
        while waiting:
            current = waiting.pop(0)
            if current not in found:
                found[current] = None
                cited = {citation.partition(":")[0] for citation in pack_citations(self.packs[current])}
                waiting += self.lineage(current)
                waiting += sorted(self.sources[key].pack for key in cited if key in self.sources)
        return tuple(found)

    def texts(self, zone: str) -> dict[str, bytes]:
        """`zone/path` → bytes of every file `build` needs to make the rules behind `digest(zone)` again."""
        return {
            f"{name}/{path}": content
            for name in self.needed(zone)
            for path, content in self.packs[name].files.items()
        }

    def table(self, zone: str) -> Table:
        """(section, id) → what holds in the zone."""
        return self._resolve(zone)[0]

    def _resolve(self, zone: str) -> tuple[Table, tuple[Problem, ...]]:
        if zone not in self._tables:
            self._tables[zone] = resolve(self, self.pack(zone).id)
        return self._tables[zone]

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong with the packs; empty when they hold together."""
        found = list(self.loading)
        for pack in self.packs.values():
            try:
                found += self._resolve(pack.id)[1]
                found += citation_problems(self, pack)
            except LawError as error:
                found.append(Problem(pack.id, f"{pack.id}/pack.yaml", pack.id, error.sentence))
        return tuple(dict.fromkeys(found))

    def plus(self, files: Mapping[str, bytes]) -> Library:
        """These packs with files added or replaced (`cn/calendar/2027.yaml` when that paper arrives)."""
        own = {
            f"{name}/{path}": content
            for name, pack in self.packs.items()
            for path, content in pack.files.items()
        }
        return build({**own, **files})

    def changed(self, change: Callable[[Value], Value]) -> Library:
        """The same packs with every value passed through `change`: what stories use to be sure they test."""
        packs = {
            name: replace(pack, values={key: tuple(map(change, found)) for key, found in pack.values.items()})
            for name, pack in self.packs.items()
        }
        return Library(packs, self.loading)


def resolve(library: Library, zone: str, path: tuple[str, ...] = ()) -> tuple[Table, tuple[Problem, ...]]:
    """A zone's table: what it inherits in order, then its own; a binding value gives way to none."""
    if zone in path:
        raise PackError(f"规则包的继承绕成了圈：{' → '.join([*path, zone])}。")
    if zone not in library.packs:
        raise PackError(f"继承自不存在的规则包“{zone}”。")
    pack = library.packs[zone]
    table: dict[tuple[str, str], Effective] = {}
    problems: list[Problem] = []

    def put(key: tuple[str, str], effective: Effective, file: str) -> None:
        standing = table.get(key)
        if standing and standing.binding and standing.versions != effective.versions:
            owner = standing.versions[0].pack
            problems.append(
                Problem(zone, file, key[1], f"上位规则（{owner}）对此有约束力，本规则包不能另行规定。")
            )
            return
        table[key] = effective

    for inherit in pack.inherit:
        inherited, _ = resolve(library, inherit.zone, (*path, zone))
        for key, effective in inherited.items():
            if wanted(inherit, key):
                way = (Step(inherit.zone, inherit.because), *effective.via)
                put(key, Effective(effective.versions, way), f"{zone}/pack.yaml")
    for key, versions in pack.values.items():
        put(key, Effective(versions), versions[0].file)
    return table, tuple(problems)


def wanted(inherit: Inherit, key: tuple[str, str]) -> bool:
    section, name = key
    return not inherit.ids or any(
        fnmatchcase(f"{section}/{name}", pattern) if "/" in pattern else fnmatchcase(name, pattern)
        for pattern in inherit.ids
    )


def pack_citations(pack: Pack) -> Iterator[str]:
    """Every citation a pack makes, wherever it stands."""
    for versions in pack.values.values():
        for value in versions:
            yield from value.basis
            yield from schema.citations(dict(value.data))
    for entry in pack.not_encoded:
        yield from entry.basis


def citation_problems(library: Library, pack: Pack) -> Iterator[Problem]:
    """Values without a citation, citations of texts or articles that do not exist, empty inheritance."""
    for inherit in pack.inherit:
        known = library.table(inherit.zone)
        for pattern in inherit.ids:
            if not any(wanted(Inherit(inherit.zone, (pattern,)), key) for key in known):
                sentence = f"从 {inherit.zone} 继承的“{pattern}”在那里没有。"
                yield Problem(pack.id, f"{pack.id}/pack.yaml", pattern, sentence)
    for versions in pack.values.values():
        for value in versions:
            if not value.basis and not value.because:
                yield Problem(pack.id, value.file, value.id, "没有写依据（basis），也没有写理由（because）。")
            for citation in dict.fromkeys([*value.basis, *schema.citations(dict(value.data))]):
                if fault := bad_citation(library, citation) or foreign_ground(library, value, citation):
                    yield Problem(pack.id, value.file, value.id, fault)
    for entry in pack.not_encoded:
        for citation in entry.basis:
            if fault := bad_citation(library, citation):
                yield Problem(pack.id, f"{pack.id}/not_encoded.yaml", entry.says, fault)


def bad_citation(library: Library, citation: str) -> str | None:
    key, colon, article = citation.partition(":")
    if not colon or not article:
        return f"依据“{citation}”应写成 文本:条款。"
    if key not in library.sources:
        return f"依据“{citation}”所指的文本没有登记在任何 pack.yaml 里。"
    if article not in library.sources[key].articles:
        return f"{library.sources[key].title}没有“{article}”这一条。"
    return None


def foreign_ground(library: Library, value: Value, citation: str) -> str | None:
    """A ground is cited to people of its zone: it rests on texts of the zone or of those above it only."""
    if value.section != "grounds" or library.sources[citation.partition(":")[0]].pack in library.above(
        value.pack
    ):
        return None
    return f"依据“{citation}”是别的地方的文本；本地没有条文的写 because: 项目选择。"


def build(files: Mapping[str, bytes]) -> Library:
    """A library from `zone/path` → bytes; faults are gathered in `Library.problems`."""
    by_zone: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        zone, _, path = name.partition("/")
        by_zone.setdefault(zone, {})[path] = content
    readers = [Reader(zone, content) for zone, content in by_zone.items()]
    packs = {reader.zone: reader.read() for reader in readers}
    problems = tuple(problem for reader in readers for problem in reader.problems)
    order = sorted(packs, key=lambda zone: (ORDER.index(zone) if zone in ORDER else len(ORDER), zone))
    return Library({zone: packs[zone] for zone in order}, problems)


def read_folder(root: Path) -> dict[str, bytes]:
    """Every YAML file below a folder of packs, as `build` wants it."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.glob("*/**/*.yaml"))
        if path.is_file()
    }


@lru_cache(maxsize=1)
def library() -> Library:
    """The packs that came with this installation; raises `PackError` when they do not hold together."""
    found = build(read_folder(ROOT))
    if found.problems:
        first = found.problems[0]
        raise PackError(f"规则包有 {len(found.problems)} 处错误，第一处：{first}", problems=found.problems)
    return found
