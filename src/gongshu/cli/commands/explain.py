"""`gongshu explain ID`: what the page 为什么 shows, as data or as a few Chinese lines."""

from __future__ import annotations

from typing import Any

from gongshu.cli.answer import Answer
from gongshu.cli.commands.host import plainly
from gongshu.cli.parser import command_parser
from gongshu.host import inside, setup
from gongshu.host.home import Home, make_sockets
from gongshu.wire.settings import home_path

TARGET = "gongshu.office.cases.explaining:explain"


@plainly
def explain(argv: list[str]) -> Answer:
    """Exit 0 when there is something to explain, 2 when nothing has this id."""
    parser = command_parser("explain", "为什么：解释一个决定")
    parser.add_argument("id", help="决定（d-…）、期限（t-…）或页面上“为什么”的编号")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    make_sockets(home)
    with setup.clusters_up([cluster for cluster in setup.embedded(home) if cluster.name == "office"]):
        found = inside.call(home, "office", TARGET, {"id": given.id})
    return Answer(True, {"ok": True, **found}, "\n".join(lines(found)))


def lines(found: dict[str, Any]) -> list[str]:
    """The screen in words: answer, facts, rule, articles, what would change it."""
    shown = [f"{found['title']}：{found['sentence']}"]
    shown += [f"  事实　{each['title']}：{each['value']}" for each in found["facts"]]
    shown += [f"  规则　{'成立' if each['held'] else '不成立'}　{each['title']}" for each in found["rule"]]
    shown += [
        f"  依据　{each['cited']}　{each['says']}　{each['caution']}".rstrip() for each in found["articles"]
    ]
    shown += [f"  会改变结论：{each}" for each in found["changes"]]
    return shown
