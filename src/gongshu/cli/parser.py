"""Arguments every command understands, and Chinese words for bad ones."""

from __future__ import annotations

import argparse
import re
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from gongshu.cli.answer import BadUse

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

# what argparse says in English → what we say; the group is the name of the argument
MESSAGES = (
    (re.compile(r"the following arguments are required: (.+)"), "缺少参数 {}"),
    (re.compile(r"unrecognized arguments: (.+)"), "不认识的参数 {}"),
    (re.compile(r"argument ([^:]+): expected .+"), "参数 {} 后面缺少值"),
    (re.compile(r"argument ([^:]+): invalid choice.+"), "参数 {} 的值不在可选的范围里"),
    (re.compile(r"argument ([^:]+): (?:invalid|not allowed).+"), "参数 {} 的写法不对"),
)


def chinese(message: str) -> str:
    """An argparse message in Chinese; one not in the table is kept as it is."""
    for pattern, sentence in MESSAGES:
        if match := pattern.fullmatch(message):
            return sentence.format(match[1])
    return message


class Help(argparse.HelpFormatter):
    """The usage line with a Chinese heading."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "用法：" if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks Chinese and raises `BadUse` instead of leaving the process."""

    def __init__(self, **given: Any) -> None:
        super().__init__(add_help=False, formatter_class=Help, **given)
        self._positionals.title, self._optionals.title = "参数", "选项"
        self.add_argument("-h", "--help", action="help", help="显示这段说明")

    def error(self, message: str) -> NoReturn:
        raise BadUse("usage", f"命令用法不对：{chinese(message)}。加 --help 看用法。")


def day(text: str) -> date:
    """A day written `YYYY-MM-DD`, and no other way."""
    try:
        # fromisoformat alone would also take 20260302 and 2026-W10-1
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadUse("date", f"日期“{text}”不是 YYYY-MM-DD 的写法，或者没有这一天。")


def command_parser(name: str, title: str) -> Parser:
    """A parser for one command with the options that may stand anywhere."""
    parser = Parser(prog=f"gongshu {name}", description=title)
    parser.add_argument("--json", action="store_true", help="标准输出只打印一个 JSON 对象")
    parser.add_argument("--home", type=Path, help="公枢的家目录（默认取 GONGSHU_HOME）")
    parser.add_argument("--at", type=day, help="业务日期 YYYY-MM-DD（只用于纯计算的命令）")
    return parser
