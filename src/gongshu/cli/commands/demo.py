"""`gongshu demo`: a synthetic city goes the whole lawful way through the running processes."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pyarrow

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import command_parser
from gongshu.demo import play, story
from gongshu.demo.web import Unexpected
from gongshu.host import state
from gongshu.host.errors import HostError
from gongshu.host.home import Home
from gongshu.wire.settings import home_path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_home(home: Path) -> None:
    """A home that is not a demo's is left alone."""
    try:
        mark = Home.open(home).mark
    except HostError as error:
        if error.code == "no_home":
            return
        raise BadUse(error.code, error.sentence) from error
    if mark != "demo":
        raise BadUse("mark", f"{home} 不是演示环境（{mark}），演示不会动它；请用 --home 另指一个目录。")


LOCK = "demo.lock"
SITES = {"office": "办公域", "airlock": "闸口", "gateway": "网关"}


def _text(data: dict[str, Any]) -> str:
    lines = ["", "地址："]
    # the line between the domains is no place to open in a browser
    lines += [f"  {title}　{data['urls'][name]}" for name, title in SITES.items() if name in data["urls"]]
    lines.append("账号（动态口令密钥可装进任何验证器）：")
    lines += [
        f"  {SITES[row['site']]}　{row['name']}　用户名 {row['username']}　"
        f"口令 {row['password']}　密钥 {row['totp']}"
        for row in data["accounts"]
    ]
    return "\n".join(lines)


def demo(argv: list[str]) -> Answer:
    """`gongshu demo [--data DIR] [--zone Z] [--no-serve]`."""
    parser = command_parser("demo", "演示：一座合成的城市走完全程")
    parser.add_argument("--data", type=Path, help="改用这个目录里的真实数据")
    parser.add_argument("--zone", default=story.ZONE, help=f"专区（默认 {story.ZONE}）")
    parser.add_argument("--no-serve", action="store_true", help="走完就停，不留着网站")
    parser.add_argument("--size", choices=sorted(story.SIZES), default="full", help="合成城市的大小")
    given = parser.parse_args(argv)
    home = home_path(given.home)
    if given.data is not None and not given.data.is_dir():
        raise BadUse("data", f"没有目录 {given.data}。")
    if given.zone not in story.ZONES:
        raise BadUse("zone", f"演示可以用的专区是 {'、'.join(story.ZONES)}。")
    _check_home(home)
    try:
        urls, _ = play.start(home, given.zone, _say)
        # two at once would do every step twice
        with state.lock(Home.open(home), LOCK) as free:
            if not free:
                raise BadUse("running", f"{home} 里的演示正在进行或者开着网站；请先停下它，再运行一次。")
            return _walk(given, home, urls)
    except Unexpected as error:
        raise BadUse("demo", str(error)) from error
    except KeyboardInterrupt:
        play.end(home)
        raise BadUse("interrupted", "演示被打断；再运行一次会从断开的地方继续。") from None


def _walk(given: Namespace, home: Path, urls: dict[str, str]) -> Answer:
    """Every step not done yet, then the addresses; serves until told to stop unless asked not to."""
    # pyarrow takes Ctrl-C for itself while it writes a file and loses it when the file is then complete
    pyarrow.enable_signal_handlers(False)
    stage = play.stage_of(home, urls)
    outcome = play.play(stage, story.steps(given.zone, given.data, given.size), _say)
    data = outcome.data()
    text = _text(data)
    if given.no_serve:
        play.end(home)
        return Answer(outcome.ok, data, text)
    print(json.dumps(data, ensure_ascii=False) if given.json else text, flush=True)
    play.serve(home, _say)
    sys.exit(0 if outcome.ok else 1)
