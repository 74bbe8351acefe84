"""`gongshu sample`: open a downloaded sample, check a query by the lens, run it on the sample."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import command_parser

if TYPE_CHECKING:
    from gongshu.client.local import Bundle

SHOWN = 50


def open_(argv: list[str]) -> Answer:
    """What a bundle holds: its tables, columns, grades, and until when its grant holds."""
    options = _options("open", "看一个样例包里有什么", argv, query=False)
    with _bundle(options.bundle) as bundle:
        tables: dict[str, Any] = {
            table.name: {"rows": table.rows, "columns": dict(table.columns)}
            for table in bundle.tables.values()
        }
        about = {key: bundle.about.get(key) for key in ("id", "zone", "project", "title")}
        until = bundle.grant.get("until")
        lines = [f"{about['title']}（{about['id']}），授权到 {until}"]
        for name, table in tables.items():
            columns = "、".join(
                f"{column}（{said['type']}，{said['grade']}{'，化名' if said.get('pseudonym') else ''}）"
                for column, said in table["columns"].items()
            )
            lines.append(f"{name}：{table['rows']} 行；{columns}")
        return Answer(True, {"ok": True, **about, "until": until, "tables": tables}, "\n".join(lines))


def check(argv: list[str]) -> Answer:
    """The lens's verdict on a query, with the same object as `gongshu enclave lens`."""
    options = _options("check", "用透镜检查一条查询", argv)
    with _bundle(options.bundle) as bundle:
        verdict = bundle.check(_query(options), options.at)
    lines = [f"{found.code}  {found.sentence}" for found in verdict.violations]
    return Answer(verdict.allowed, verdict.data(), "\n".join(lines) if lines else "可以运行。")


def sql(argv: list[str]) -> Answer:
    """Check a query, then run it on the sample."""
    from gongshu.client import local

    options = _options("sql", "在样例上运行一条查询", argv)
    with _bundle(options.bundle) as bundle:
        try:
            result = bundle.sql(_query(options), options.at)
        except local.Refused as refused:
            lines = [f"{found.code}  {found.sentence}" for found in refused.verdict.violations]
            return Answer(False, refused.verdict.data(), "\n".join(lines))
        except local.QueryError as error:
            raise BadUse("query", str(error)) from error
    rows = [[_plain(cell) for cell in row] for row in result.rows]
    data = {"ok": True, "columns": list(result.columns), "rows": rows, "count": len(rows)}
    return Answer(True, data, _text(result.columns, rows))


def _options(name: str, title: str, argv: list[str], query: bool = True) -> argparse.Namespace:
    parser = command_parser(f"sample {name}", title)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="从工作台下载的样例包（zip）")
    if query:
        parser.add_argument("query", nargs="?", metavar="SQL", help="一条 SELECT 查询")
        parser.add_argument("--file", type=Path, help="查询文件，代替 SQL")
    return parser.parse_args(argv)


def _bundle(path: Path) -> Bundle:
    try:
        from gongshu.client import local
    except ImportError as error:
        raise BadUse("extra", "缺少 DuckDB，请先 pip install 'gongshu[client]'。") from error
    try:
        return local.open(path)
    except local.BundleError as error:
        raise BadUse("bundle", str(error)) from error


def _query(options: argparse.Namespace) -> str:
    if options.file is not None:
        try:
            return str(options.file.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadUse("file", f"读不到文件 {options.file}。") from error
    if not options.query:
        raise BadUse("usage", "请写出查询，或者用 --file 指定查询文件。")
    return str(options.query)


def _plain(cell: Any) -> Any:
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)


def _text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    shown = ["\t".join("" if cell is None else str(cell) for cell in row) for row in rows[:SHOWN]]
    more = [f"……共 {len(rows)} 行，显示前 {SHOWN} 行"] if len(rows) > SHOWN else []
    return "\n".join(["\t".join(columns), *shown, *more])
