"""`gongshu enclave lens`: judge one query under one grant, without a home, a database or a network."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import command_parser

_ZONE = ZoneInfo("Asia/Shanghai")


def lens(argv: list[str]) -> Answer:
    """The verdict on `--sql FILE` under `--grant FILE` at `--at` (default: today in Asia/Shanghai)."""
    from gongshu import lens as room
    from gongshu.law import grounds

    parser = command_parser("enclave lens", "检查一条 SQL 是否在授权之内")
    parser.add_argument("--grant", type=Path, required=True, help="授权文件（JSON）")
    parser.add_argument("--sql", type=Path, required=True, help="查询文件")
    options = parser.parse_args(argv)
    grant = _json_or_none(_text(options.grant))
    at: date = options.at or datetime.now(_ZONE).date()
    zone = grant.get("zone") if isinstance(grant, dict) else None
    cite = grounds.citing(zone if isinstance(zone, str) else None, at)
    verdict = room.check(_text(options.sql), grant, at=at, cite=cite)
    lines = [f"{found.code}  {found.sentence}" for found in verdict.violations]
    text = "\n".join(lines) if lines else f"可以运行：\n{verdict.sql}"
    return Answer(verdict.allowed, verdict.data(), text)


def _text(path: Path) -> str:
    """A file's text in one of the usual encodings; else a character no query can hold, so it is refused."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadUse("file", f"读不到文件 {path}。") from error
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return "\x00"


def _json_or_none(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):
        return None


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """JSON that names a key twice could be read two ways: it is no grant."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is named twice")
    return dict(pairs)


def attack(argv: list[str]) -> Answer:
    """The verdict on `--output FILE`, tested against each `--raw NAME=FILE` under `--spec FILE`.

    Runs in the data domain, where raw data may be read; the replay is not printed. The spec's `zone` chooses
    the articles; without one they are the nation's.
    """
    from gongshu.enclave import attack as room

    parser = command_parser("enclave attack", "用原始数据攻击一份输出")
    parser.add_argument("--output", type=Path, required=True, help="要出域的结果文件")
    parser.add_argument("--raw", action="append", required=True, metavar="NAME=FILE", help="原始表，可重复")
    parser.add_argument("--spec", type=Path, required=True, help="出域说明（JSON）")
    options = parser.parse_args(argv)
    try:
        at: date = options.at or datetime.now(_ZONE).date()
        report = room.run(options.output, _raw_files(options.raw), options.spec, at=at)
    except room.BadSpec as error:
        raise BadUse("spec", str(error)) from error
    except room.BadRaw as error:
        raise BadUse("raw", str(error)) from error
    titles = {"pass": "可以提交复核。", "review": "须由人判断：", "block": "不能出域："}
    lines = [f"{one.check}  {one.where}  {one.sentence}" for one in report.findings]
    return Answer(report.verdict == "pass", report.data(), "\n".join([titles[report.verdict], *lines]))


def _raw_files(pairs: list[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for pair in pairs:
        name, sign, path = pair.partition("=")
        if not sign or not name or not path or name in files:
            raise BadUse("raw", "--raw 要写成 名字=文件，每个名字一次。")
        files[name] = Path(path)
    return files
