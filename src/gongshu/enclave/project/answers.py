"""Answers about single subjects: fields and types, rows by pseudonym, what reviewers see of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import digest
from gongshu.enclave import render
from gongshu.enclave.project import tables
from gongshu.enclave.store.models import ProjectTable
from gongshu.wire import snapshots

# type of the engine → type of an answer (`wire.snapshots.TYPES`)
TYPES: Mapping[str, str] = {
    "VARCHAR": "text",
    "BOOLEAN": "flag",
    "DATE": "day",
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), "integer"
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "decimal"),
}


class Unfit(Exception):
    """The table or the words cannot become what is asked. `args[0]`: a Chinese sentence, for the airlock."""


def answer_type(type_: str) -> str:
    """The type of an answer for the engine's type of a column. Raises `Unfit`."""
    found = TYPES.get(type_, "decimal" if type_.startswith("DECIMAL") else "")
    if found not in snapshots.TYPES:
        raise Unfit("回答的字段只能是文字、整数、小数、是否和日期。")
    return found


@contextmanager
def plain_fields(row: ProjectTable, fields: Sequence[str]) -> Iterator[Path]:
    """The answer fields alone as Parquet in a private directory: what the attack judges. No pseudonym."""
    settings.STAGING_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=settings.STAGING_DIR) as folder,
        tables.staged({row.name: row}) as places,
    ):
        path = Path(folder) / "answers.parquet"
        shown = ", ".join(quote(one) for one in fields)
        with duckdb.connect() as engine:
            engine.sql(
                f"SELECT {shown} FROM read_parquet('{places[row.name]}/*.parquet') ORDER BY ALL"  # noqa: S608
            ).write_parquet(str(path))
        yield path


def answers(row: ProjectTable, fields: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """(pseudonym, answers) of each subject, by pseudonym. Raises `Unfit` when one stands twice."""
    shown = ", ".join(quote(one) for one in (row.subject, *fields))
    typed = [answer_type(row.columns[name]["type"]) for name in fields]
    with tables.staged({row.name: row}) as places, duckdb.connect() as engine:
        found = engine.sql(
            f"SELECT {shown} FROM read_parquet('{places[row.name]}/*.parquet') ORDER BY 1"  # noqa: S608
        )
        before = None
        while rows := found.fetchmany(10_000):
            for who, *cells in rows:
                if who is None or who == before:
                    raise Unfit("项目表里同一主体出现了两次，或有空的主体，不能逐个作答。")
                before = who
                yield who, [_cell(kind, cell) for kind, cell in zip(typed, cells, strict=True)]


def _cell(kind: str, value: Any) -> Any:
    """A cell as the serving snapshot keeps it: figures with decimals and days as text."""
    if value is None or kind in ("integer", "flag"):
        return value
    return render.text(value)


def rows_digest(row: ProjectTable, fields: Sequence[str]) -> tuple[str, int]:
    """Digest over every subject's answers, and how many subjects."""
    many, parts = 0, []
    for who, cells in answers(row, fields):
        many += 1
        parts.append(digest(dumps([who, cells])))
    if not many:
        raise Unfit("项目表没有一个主体，不能逐个作答。")
    return digest("\n".join(parts).encode()), many


BANDS = 10
MOST_CLASSES = 40


def distribution(path: Path, typed: Mapping[str, str], threshold: int) -> dict[str, list[list[Any]]]:
    """field → [[class, subjects]] for reviewers: classes under the threshold together, figures in bands."""
    found: dict[str, list[list[Any]]] = {}
    with duckdb.connect() as engine:
        engine.sql("CREATE TABLE t AS SELECT * FROM read_parquet($1)", params=[str(path)])
        for name, kind in typed.items():
            one = quote(name)
            distinct = engine.sql(f"SELECT count(DISTINCT {one}) FROM t").fetchall()[0][0]  # noqa: S608
            found[name] = (
                _bands(engine, one, threshold)
                if kind in ("integer", "decimal") and distinct > MOST_CLASSES
                else _classes(engine, one, threshold)
            )
    return found


def _classes(engine: duckdb.DuckDBPyConnection, one: str, threshold: int) -> list[list[Any]]:
    counted = engine.sql(
        f"SELECT CAST({one} AS VARCHAR), count(*) FROM t GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608
    ).fetchall()
    shown = [[str(value), n] for value, n in counted if value is not None and n >= threshold][:MOST_CLASSES]
    empty = sum(n for value, n in counted if value is None)
    rest = sum(n for _, n in counted) - sum(n for _, n in shown) - empty
    tail = [["其他（每类很少或很多类）", rest], ["空", empty]]
    return shown + [line for line in tail if line[1]]


def _bands(engine: duckdb.DuckDBPyConnection, one: str, threshold: int) -> list[list[Any]]:
    """About ten bands of equally many subjects; edges to three digits: an exact one is a single value."""
    rows = engine.sql(
        f"SELECT min(v), max(v), count(*) FROM (SELECT CAST({one} AS DOUBLE) AS v,"  # noqa: S608
        f" ntile({BANDS}) OVER (ORDER BY {one}) AS band FROM t WHERE {one} IS NOT NULL)"
        " GROUP BY band ORDER BY 1"
    ).fetchall()
    shown = [[f"{low:.3g} 至 {high:.3g}", n] for low, high, n in rows if n >= threshold]
    empty = engine.sql(f"SELECT count(*) FROM t WHERE {one} IS NULL").fetchall()[0][0]  # noqa: S608
    return shown + ([["空", empty]] if empty else [])


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
