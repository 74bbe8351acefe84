"""The words of a `build` task, read strictly before anything is staged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST = 200_000
MODELS: Mapping[str, str] = {"lightgbm-text": "txt", "onnx": "onnx", "json": "json"}
"""format → ending of its file; the formats the attack can read."""


class Misworded(Exception):
    """The task's words cannot be taken. `args[0]`: one Chinese sentence, for the airlock."""


@dataclass(frozen=True)
class Output:
    """One declared output: a table with its pseudonym column (or none), or a model of a safe format."""

    name: str
    kind: str
    subject: str = ""
    format: str = ""

    @property
    def file(self) -> str:
        return f"{self.name}.{'parquet' if self.kind == 'table' else MODELS[self.format]}"


@dataclass(frozen=True)
class Step:
    """One step: a SELECT over granted and own tables, or a program over own tables and models."""

    language: str
    source: str
    reads: tuple[str, ...]
    outputs: tuple[Output, ...]

    @property
    def trains(self) -> bool:
        return any(one.kind == "model" for one in self.outputs)


def parse(body: Mapping[str, Any]) -> Step:
    """The step a task of kind `build` asks for. Raises `Misworded`."""
    language = body.get("language") or "sql"
    if language == "sql":
        return _query(body)
    if language == "python":
        return _program(body)
    raise Misworded("建设任务只有 sql 和 python 两种写法。")


def _query(body: Mapping[str, Any]) -> Step:
    sql = body.get("sql")
    if not isinstance(sql, str) or not sql.strip():
        raise Misworded("建设任务没有写查询。")
    return Step("sql", sql, (), (Output(_name(body.get("name")), "table"),))


def _program(body: Mapping[str, Any]) -> Step:
    source, reads, outputs = body.get("program"), body.get("reads"), body.get("outputs")
    if not isinstance(source, str) or not source.strip() or len(source) > LONGEST:
        raise Misworded(f"程序是空的，或超过 {LONGEST} 个字符。")
    if not isinstance(reads, list) or not reads or not isinstance(outputs, list) or not outputs:
        raise Misworded("程序须写明读哪些项目表、产出哪些文件。")
    made = tuple(_output(one) for one in outputs)
    names = [one.name for one in made]
    if len(set(names)) != len(names):
        raise Misworded("程序声明的输出有重名。")
    if len({one.kind for one in made}) > 1:
        raise Misworded("训练模型和计算结果表须分成两步：训练的一步看不到留出的主体。")
    return Step("python", source, tuple(_name(one) for one in reads), made)


def _output(told: Any) -> Output:
    if not isinstance(told, Mapping):
        raise Misworded("程序声明的输出写法不对。")
    kind, name = told.get("kind"), _name(told.get("name"))
    if kind == "table":
        subject = told.get("subject") or ""
        if not isinstance(subject, str) or len(subject) > 120:
            raise Misworded("结果表的主体字段写法不对。")
        return Output(name, "table", subject)
    if kind == "model" and told.get("format") in MODELS:
        return Output(name, "model", format=str(told["format"]))
    raise Misworded("程序的输出只有 table 和 model，模型的格式只有 lightgbm-text、onnx、json。")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Misworded("项目表的名称以小写字母开头，只用小写字母、数字和下划线，不超过63个字符。")
    return value
