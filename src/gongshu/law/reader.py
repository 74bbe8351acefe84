"""Reads the files of one pack strictly, gathering every fault instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from gongshu.law import schema, values
from gongshu.law.errors import LawError, Problem
from gongshu.law.schema import Inherit, NotEncoded, Pack, Source, Value

# stories test a pack and change nothing in it: a case's digest must not move with them
NOT_LAW = ("stories/",)

# what is checked beyond the common keys; procedures and forms are checked by their own modules
CHECKS: dict[str, Callable[[Value], list[str]]] = {
    "clocks": values.check_clock,
    "limits": values.check_limit,
    "grounds": values.check_ground,
}


class Reader:
    """One pack being read; `problems` fills while `read` runs."""

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

    def told(self, file: str, name: str) -> Callable[[str], None]:
        """`fault` for one place."""
        return lambda sentence: self.fault(file, name, sentence)

    def read(self) -> Pack:
        written = next(iter(self.documents("pack.yaml")), None) if "pack.yaml" in self.files else None
        if not isinstance(written, dict):
            self.fault("pack.yaml", self.zone, "缺少 pack.yaml 或它不是一张表。")
            written = {}
        head = schema.shaped(written, schema.PACK, self.told("pack.yaml", self.zone))
        if head.get("id") != self.zone:
            self.fault("pack.yaml", self.zone, f"id 应与文件夹同名“{self.zone}”。")
        law = {path: body for path, body in self.files.items() if not path.startswith(NOT_LAW)}
        listing = "\n".join(f"{path} {sha256(body).hexdigest()}" for path, body in sorted(law.items()))
        return Pack(
            id=self.zone,
            title=head.get("title", self.zone),
            parent=head.get("parent"),
            division=head.get("division"),
            sources={key: source for key, source in self.sources(head.get("sources", {})) if source},
            inherit=tuple(self.inherits(head.get("inherit", []))),
            values=self.values(),
            not_encoded=tuple(self.not_encoded()),
            digest="sha256:" + sha256(listing.encode()).hexdigest(),
            files=law,
        )

    def sources(self, written: Mapping[Any, Any]) -> Iterator[tuple[str, Source | None]]:
        for key, body in written.items():
            yield str(key), self.source(str(key), body)

    def source(self, key: str, written: Any) -> Source | None:
        fault = self.told("pack.yaml", key)
        if not isinstance(written, dict):
            fault("文本应是一张表。")
            return None
        body = schema.shaped(written, schema.SOURCE, fault)
        if "title" not in body:
            fault("文本要有标题（title）。")
        if body.get("standing") not in schema.STANDINGS:
            fault(f"状态（standing）应是：{'、'.join(schema.STANDINGS)}。")
        later = schema.shaped(body.get("superseded_by", {}), schema.SUCCESSOR, fault)
        articles = [part for line in body.get("articles", []) for part in schema.expand(line)]
        if not articles:
            fault("没有列出条款（articles），无法核对依据。")
        return Source(
            key=key,
            pack=self.zone,
            title=body.get("title", key),
            standing=body.get("standing", ""),
            number=body.get("number"),
            issued=body.get("issued"),
            from_=body.get("from"),
            until=body.get("until"),
            superseded_by=later or None,
            articles=frozenset(articles),
            note=body.get("note", ""),
        )

    def not_encoded(self) -> Iterator[NotEncoded]:
        file = "not_encoded.yaml"
        entries: Any = next(iter(self.documents(file)), []) if file in self.files else []
        for number, written in enumerate(entries if isinstance(entries, list) else [entries], 1):
            fault = self.told(file, str(number))
            body = schema.shaped(written, schema.NOT_ENCODED, fault) if isinstance(written, dict) else {}
            if not (body.get("basis") and body.get("says") and body.get("reason")):
                fault("依据（basis）、条文的意思（says）和理由（reason）缺一不可。")
                continue
            yield NotEncoded(tuple(body["basis"]), body["says"], body["reason"], tuple(body.get("rows", ())))

    def inherits(self, written: list[dict[Any, Any]]) -> Iterator[Inherit]:
        fault = self.told("pack.yaml", self.zone)
        for entry in written:
            body = schema.shaped(entry, schema.INHERIT, fault)
            if "from" not in body:
                fault("继承（inherit）要写从哪里继承（from）。")
                continue
            if body.get("ids") and not body.get("because"):
                fault(f"从 {body['from']} 选取部分规则要写理由（because）。")
            yield Inherit(body["from"], tuple(body.get("ids", ())), body.get("because"))

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

    def value(self, section: str, name: str, file: str, written: Mapping[Any, Any]) -> Value:
        fault = self.told(file, name)
        body = schema.shaped(written, schema.COMMON, fault, closed=False)
        value = Value(
            section=section,
            id=name,
            pack=self.zone,
            file=f"{self.zone}/{file}",
            data={key: item for key, item in body.items() if key not in schema.COMMON},
            basis=tuple(body.get("basis", ())),
            from_=body.get("from"),
            until=body.get("until"),
            binding=body.get("binding", False),
            because=body.get("because"),
            absent=body.get("absent", False),
        )
        check = CHECKS.get(section)
        for sentence in check(value) if check and not value.absent else ():
            fault(sentence)
        if value.absent and not value.because:
            fault("写明没有（absent）时要写理由（because）。")
        return value
