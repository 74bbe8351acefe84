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

    parser = command_parser("enclave lens", "检查一条 SQL 是否在授权之内")
    parser.add_argument("--grant", type=Path, required=True, help="授权文件（JSON）")
    parser.add_argument("--sql", type=Path, required=True, help="查询文件")
    options = parser.parse_args(argv)
    grant = _json_or_none(_text(options.grant))
    at: date = options.at or datetime.now(_ZONE).date()
    verdict = room.check(_text(options.sql), grant, at=at)
    lines = [f"{found.code}  {found.sentence}" for found in verdict.violations]
    text = "\n".join(lines) if lines else f"可以运行：\n{verdict.sql}"
    return Answer(verdict.allowed, verdict.data(), text)


def _text(path: Path) -> str:
    """A file's text; bytes that are not UTF-8 become a character no query can hold, so they are refused."""
    try:
        return path.read_bytes().decode("utf-8-sig", errors="replace").replace("\ufffd", "\x00")
    except OSError as error:
        raise BadUse("file", f"读不到文件 {path}。") from error


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
