"""Reads the packs: YAML folders → `Library`, the only thing the rest of `law` asks.

Pure but for the reading of the package's own files; `build` takes the texts themselves, so that a case can
be judged by the packs it began under and stories can be run on changed packs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from gongshu.law import schema
from gongshu.law.errors import LawError, PackError, Problem, UnknownZone
from gongshu.law.schema import Inherit, Pack, Source, Value

ROOT = Path(__file__).resolve().parent.parent / "packs"

# stories test a pack and change nothing in it: a case's digest must not move with them
NOT_LAW = ("stories/",)

# the nation first, then provinces with their cities: the order of every list of zones
ORDER = ("cn", "gansu", "hubei", "huangshi", "anhui", "chizhou")


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
                waiting += [inherit.zone for inherit in self.pack(current).inherit]
        return tuple(found)

    def digest(self, zone: str) -> str:
        """`sha256:<hex>` over every pack a zone's rules may come from."""
        parts = "\n".join(f"{name} {self.packs[name].digest}" for name in sorted(self.lineage(zone)))
        return "sha256:" + sha256(parts.encode()).hexdigest()

    def texts(self, zone: str) -> dict[str, bytes]:
        """`zone/path` → bytes of every file behind `digest(zone)`; `build` makes the same rules of them."""
        return {
            f"{name}/{path}": content
            for name in self.lineage(zone)
            for path, content in self.packs[name].files.items()
        }

    def table(self, zone: str) -> Table:
        """(section, id) → what holds in the zone."""
        return self._resolve(zone)[0]

    def _resolve(self, zone: str) -> tuple[Table, tuple[Problem, ...]]:
        if zone not in self._tables:
            self._tables[zone] = resolve(self, zone)
        return self._tables[zone]

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong with the packs; empty when they hold together."""
        found = list(self.loading)
        for pack in self.packs.values():
            found += citation_problems(self, pack)
            if not any(problem.id == pack.id and problem.file.endswith("pack.yaml") for problem in found):
                found += self._resolve(pack.id)[1]
        return tuple(dict.fromkeys(found))

    def changed(self, change: Callable[[Value], Value]) -> Library:
        """The same packs with every value passed through `change`: what stories use to be sure they test."""
        packs = {
            name: Pack(
                **{
                    **{key: getattr(pack, key) for key in Pack.__dataclass_fields__},
                    "values": {key: tuple(map(change, versions)) for key, versions in pack.values.items()},
                }
            )
            for name, pack in self.packs.items()
        }
        return Library(packs, self.loading)


def resolve(library: Library, zone: str, path: tuple[str, ...] = ()) -> tuple[Table, tuple[Problem, ...]]:
    """A zone's table: what it inherits in order, then its own; a binding value gives way to none."""
    if zone in path:
        raise PackError(f"规则包的继承绕成了圈：{' → '.join([*path, zone])}。")
    pack = library.pack(zone)
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


def citation_problems(library: Library, pack: Pack) -> Iterator[Problem]:
    """Values without a citation, citations of texts or articles that do not exist, empty inheritance."""
    for inherit in pack.inherit:
        if inherit.zone not in library.packs:
            yield Problem(pack.id, f"{pack.id}/pack.yaml", pack.id, f"继承自不存在的规则包“{inherit.zone}”。")
            continue
        known = library.table(inherit.zone)
        for pattern in inherit.ids:
            if not any(wanted(Inherit(inherit.zone, (pattern,)), key) for key in known):
                sentence = f"从 {inherit.zone} 继承的“{pattern}”在那里没有。"
                yield Problem(pack.id, f"{pack.id}/pack.yaml", pattern, sentence)
    for versions in pack.values.values():
        for value in versions:
            if not value.basis and not value.because:
                yield Problem(pack.id, value.file, value.id, "没有写依据（basis），也没有写理由（because）。")
            cited = dict.fromkeys([*value.basis, *schema.citations(dict(value.data))])
            for citation in cited:
                if fault := bad_citation(library, citation):
                    yield Problem(pack.id, value.file, value.id, fault)


def bad_citation(library: Library, citation: str) -> str | None:
    key, colon, article = citation.partition(":")
    if not colon or not article:
        return f"依据“{citation}”应写成 文本:条款。"
    if key not in library.sources:
        return f"依据“{citation}”所指的文本没有登记在任何 pack.yaml 里。"
    if article not in library.sources[key].articles:
        return f"{library.sources[key].title}没有“{article}”这一条。"
    return None


class Reader:
    """Reads one pack from its files, gathering problems instead of stopping at the first."""

    def __init__(self, zone: str, files: Mapping[str, bytes]) -> None:
        self.zone = zone
        self.files = files
        self.problems: list[Problem] = []

    def fault(self, file: str, name: str, sentence: str) -> None:
        self.problems.append(Problem(self.zone, f"{self.zone}/{file}", name, sentence))

    def documents(self, file: str) -> list[Any]:
        try:
            return schema.read_yaml(self.files[file].decode("utf-8"))
        except UnicodeDecodeError:
            self.fault(file, "", "文件不是 UTF-8。")
        except LawError as error:
            self.fault(file, "", error.sentence)
        return []

    def read(self) -> Pack:
        head = next(iter(self.documents("pack.yaml")), None) if "pack.yaml" in self.files else None
        if not isinstance(head, dict):
            self.fault("pack.yaml", self.zone, "缺少 pack.yaml 或它不是一张表。")
            head = {}
        for key in schema.unknown_keys(head, schema.PACK_KEYS):
            self.fault("pack.yaml", self.zone, f"不认识的字段“{key}”。")
        if head.get("id") != self.zone:
            self.fault("pack.yaml", self.zone, f"id 应与文件夹同名“{self.zone}”。")
        law = {path: body for path, body in self.files.items() if not path.startswith(NOT_LAW)}
        listing = "\n".join(f"{path} {sha256(body).hexdigest()}" for path, body in sorted(law.items()))
        return Pack(
            id=self.zone,
            title=str(head.get("title") or self.zone),
            parent=head.get("parent"),
            division=head.get("division"),
            sources=dict(self.sources(head.get("sources") or {})),
            inherit=tuple(self.inherits(head.get("inherit") or [])),
            values=self.values(),
            digest="sha256:" + sha256(listing.encode()).hexdigest(),
            files=law,
        )

    def sources(self, written: Mapping[str, Any]) -> Iterator[tuple[str, Source]]:
        for key, body in written.items():
            if not isinstance(body, dict) or not body.get("title"):
                self.fault("pack.yaml", key, "文本要有标题（title）。")
                continue
            for name in schema.unknown_keys(body, schema.SOURCE_KEYS):
                self.fault("pack.yaml", key, f"不认识的字段“{name}”。")
            if body.get("standing") not in schema.STANDINGS:
                self.fault("pack.yaml", key, f"状态（standing）应是：{'、'.join(schema.STANDINGS)}。")
            later = body.get("superseded_by")
            if later is not None and (not isinstance(later, dict) or set(later) - schema.SUCCESSOR_KEYS):
                self.fault("pack.yaml", key, "superseded_by 应写标题、文号、日期。")
                later = None
            articles = [part for line in body.get("articles") or [] for part in schema.expand(str(line))]
            if not articles:
                self.fault("pack.yaml", key, "没有列出条款（articles），无法核对依据。")
            yield (
                key,
                Source(
                    key=key,
                    pack=self.zone,
                    title=body["title"],
                    standing=str(body.get("standing")),
                    number=body.get("number"),
                    issued=self.date(body.get("issued"), "pack.yaml", key),
                    from_=self.date(body.get("from"), "pack.yaml", key),
                    until=self.date(body.get("until"), "pack.yaml", key),
                    superseded_by=later,
                    articles=frozenset(articles),
                    note=str(body.get("note") or ""),
                ),
            )

    def inherits(self, written: list[Any]) -> Iterator[Inherit]:
        for body in written:
            if not isinstance(body, dict) or not body.get("from") or set(body) - schema.INHERIT_KEYS:
                self.fault("pack.yaml", self.zone, "继承（inherit）应写 from，可写 ids 和 because。")
                continue
            if body.get("ids") and not body.get("because"):
                self.fault("pack.yaml", self.zone, f"从 {body['from']} 选取部分规则要写理由（because）。")
            yield Inherit(body["from"], tuple(body.get("ids") or ()), body.get("because"))

    def values(self) -> dict[tuple[str, str], tuple[Value, ...]]:
        found: dict[tuple[str, str], tuple[Value, ...]] = {}
        for file in sorted(self.files):
            section = file.partition("/")[0].removesuffix(".yaml")
            if section in schema.OTHERS:
                continue
            if section not in schema.SECTIONS:
                self.fault(file, "", "不认识的文件，规则应放在约定的文件或文件夹里。")
                continue
            for name, versions in self.section(section, file):
                if (section, name) in found:
                    self.fault(file, name, "这个 id 在本规则包里出现了两次。")
                found[section, name] = versions
        return found

    def section(self, section: str, file: str) -> Iterator[tuple[str, tuple[Value, ...]]]:
        for document in self.documents(file):
            if not isinstance(document, dict):
                self.fault(file, "", "文件应是 id 到内容的一张表。")
                continue
            named = isinstance(document.get("id"), str)
            entries = {document["id"]: document} if named else document
            for name, body in entries.items():
                bodies = body if isinstance(body, list) else [body]
                if not bodies or not all(isinstance(item, dict) for item in bodies):
                    self.fault(file, str(name), "内容应是一张表，或按日期排列的几张表。")
                    continue
                yield str(name), tuple(self.value(section, str(name), file, item) for item in bodies)

    def value(self, section: str, name: str, file: str, body: Mapping[str, Any]) -> Value:
        basis = body.get("basis") or []
        if not isinstance(basis, list):
            self.fault(file, name, "依据（basis）应是一个列表。")
            basis = []
        value = Value(
            section=section,
            id=name,
            pack=self.zone,
            file=f"{self.zone}/{file}",
            data={key: item for key, item in body.items() if key not in schema.COMMON},
            basis=tuple(map(str, basis)),
            from_=self.date(body.get("from"), file, name),
            until=self.date(body.get("until"), file, name),
            binding=body.get("binding") is True,
            because=body.get("because"),
            absent=body.get("absent") is True,
        )
        check = CHECKS.get(section)
        for sentence in check(value) if check and not value.absent else ():
            self.fault(file, name, sentence)
        if value.absent and not value.because:
            self.fault(file, name, "写明没有（absent）时要写理由（because）。")
        return value

    def date(self, value: Any, file: str, name: str) -> date | None:
        try:
            return schema.as_date(value, "日期")
        except LawError as error:
            self.fault(file, name, error.sentence)
            return None


CHECKS: dict[str, Callable[[Value], list[str]]] = {}


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
