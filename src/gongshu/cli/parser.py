"""Arguments every command understands, and Chinese words for bad ones."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import NoReturn

from gongshu.cli.answer import BadUse


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `BadUse` instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise BadUse("usage", f"命令用法不对：{message}。加 --help 看用法。")


def day(text: str) -> date:
    """A day written `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadUse("date", f"日期“{text}”不是 YYYY-MM-DD 的写法。") from error


def command_parser(name: str, title: str) -> Parser:
    """A parser for one command with the options that may stand anywhere."""
    parser = Parser(prog=f"gongshu {name}", description=title)
    parser.add_argument("--json", action="store_true", help="标准输出只打印一个 JSON 对象")
    parser.add_argument("--home", type=Path, help="公枢的家目录（默认取 GONGSHU_HOME）")
    parser.add_argument("--at", type=day, help="业务日期 YYYY-MM-DD（只用于纯计算的命令）")
    return parser
