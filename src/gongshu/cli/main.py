"""`gongshu`: looks the command up in a table and imports only what it needs."""

from __future__ import annotations

import json
import sys
from importlib import import_module

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.table import COMMANDS, Command


def find(argv: list[str]) -> tuple[str, Command, list[str]] | None:
    """The longest command name at the start of `argv`, global options before it kept for it."""
    leading: list[str] = []
    rest = list(argv)
    while rest and rest[0].startswith("-"):
        leading.append(rest.pop(0))
        if leading[-1] in ("--home", "--at") and rest:
            leading.append(rest.pop(0))
    for length in (3, 2, 1):
        name = " ".join(rest[:length])
        if len(rest) >= length and name in COMMANDS:
            return name, COMMANDS[name], leading + rest[length:]
    return None


def usage(first: str = "") -> str:
    """All commands, or those that begin with the word `first`; empty where there are none."""
    chosen = {name: command for name, command in COMMANDS.items() if first in ("", name.split()[0])}
    if not chosen:
        return ""
    width = max(map(len, chosen))
    lines = [f"  gongshu {name:<{width}}  {command.title}" for name, command in chosen.items()]
    head = "公枢：公共数据资源登记与授权运营平台。命令（各加 --help 看用法）："
    return "\n".join([head, "", *lines])


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    as_json = "--json" in argv
    try:
        found = find(argv)
        if found is None:
            words = [word for word in argv if not word.startswith("-")]
            if len(words) < 2 and (text := usage(*words)):
                print(text)
                return 0
            raise BadUse("command", f"没有“{' '.join(words[:2])}”这个命令。运行 gongshu 看全部命令。")
        _name, command, rest = found
        module, function = command.target.split(":")
        answer: Answer = getattr(import_module(module), function)(rest)
    except BadUse as error:
        if as_json:
            print(json.dumps(error.data(), ensure_ascii=False))
        else:
            print(error.sentence, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if str(error.name).startswith("gongshu"):
            raise
        # a host or a developer's machine has only its own part installed
        print(f"本机没有安装这个命令需要的部件（缺 {error.name}）。", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 1
    if as_json:
        print(json.dumps(answer.data, ensure_ascii=False, sort_keys=False))
    elif answer.text:
        print(answer.text)
    return 0 if answer.ok else 1


if __name__ == "__main__":
    sys.exit(main())
