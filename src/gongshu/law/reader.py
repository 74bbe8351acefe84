"""Reads the files of one pack strictly, gathering every fault instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from gongshu.law import schema, values
from gongshu.law.errors import LawError, Problem
from gongshu.law.schema import Inherit, NotEncoded, Pack, Source, Value

# stories test a pack and change nothing in it: a case's digest must not move with them
NOT_LAW = ("stories/",)

# what is checked beyond the common keys; procedures and forms are checked by their own modules
CHECKS: dict[str, Callable[[Value], list[str]]] = {"clocks": values.check_clock, "limits": values.check_limit}


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
            not_encoded=tuple(self.not_encoded()),
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

    def not_encoded(self) -> Iterator[NotEncoded]:
        entries: Any = (
            next(iter(self.documents("not_encoded.yaml")), []) if "not_encoded.yaml" in self.files else []
        )
        for number, body in enumerate(entries if isinstance(entries, list) else [entries], 1):
            if not isinstance(body, dict) or set(body) - schema.NOT_ENCODED_KEYS:
                self.fault("not_encoded.yaml", str(number), "应写 basis、says、reason，可写 rows。")
            elif not (body.get("basis") and body.get("says") and body.get("reason")):
                self.fault("not_encoded.yaml", str(number), "依据、条文的意思和理由缺一不可。")
            else:
                rows = tuple(map(str, body.get("rows") or ()))
                yield NotEncoded(tuple(map(str, body["basis"])), body["says"], body["reason"], rows)

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
