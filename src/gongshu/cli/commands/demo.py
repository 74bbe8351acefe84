"""`gongshu demo`: a synthetic city goes the whole lawful way through the running processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import command_parser
from gongshu.demo import play, story
from gongshu.demo.web import Unexpected
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


def _text(data: dict[str, Any]) -> str:
    lines = ["", "地址："]
    lines += [f"  {name:<8}{url}" for name, url in data["urls"].items()]
    lines.append("账号（动态口令密钥可装进任何验证器）：")
    lines += [
        f"  {row['site']:<8}{row['role']:<12}{row['name']}　用户名 {row['username']}　"
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
        stage = play.stage_of(home, urls)
        outcome = play.play(stage, story.steps(given.zone, given.data, given.size), _say)
    except Unexpected as error:
        raise BadUse("demo", str(error)) from error
    except KeyboardInterrupt:
        play.end(home)
        raise BadUse("interrupted", "演示被打断；再运行一次会从断开的地方继续。") from None
    data = outcome.data()
    text = _text(data)
    if given.no_serve:
        play.end(home)
        return Answer(outcome.ok, data, text)
    print(json.dumps(data, ensure_ascii=False) if given.json else text, flush=True)
    play.serve(home, _say)
    sys.exit(0 if outcome.ok else 1)
