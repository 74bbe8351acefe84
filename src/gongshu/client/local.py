"""Work on a downloaded sample: the same lens, the same sentences, the same engine as inside.

    with local.open("sm-….zip") as sample:
        print(sample.check("SELECT …"))
        result = sample.sql("SELECT town, count(*) FROM person GROUP BY town")

What runs here runs unchanged in the workbench, where the data domain asks its own lens again. A bundle
holds no raw data; its grant is the one the providers confirmed and expires like it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import duckdb

from gongshu.law import grounds
from gongshu.lens import Verdict, check

LARGEST = 256 * 1024 * 1024
VERSION = 1
_ZONE = ZoneInfo("Asia/Shanghai")


class BundleError(Exception):
    """The file is no bundle, or was changed on the way. `args[0]`: one Chinese sentence."""


class Refused(Exception):
    """The lens refuses the query. `verdict` says why, `args[0]` is its first sentence."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.violations[0].sentence if verdict.violations else "查询没有通过检查。")
        self.verdict = verdict


class QueryError(Exception):
    """The engine cannot run an allowed query. `args[0]`: Chinese sentence with the engine's words."""


@dataclass(frozen=True)
class Table:
    """One table of a sample. `columns`: name → {type, grade, pseudonym}."""

    name: str
    file: str
    rows: int
    digest: str
    columns: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Result:
    """What a query gives: names of its columns, and rows as tuples."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    verdict: Verdict


class Bundle:
    """An opened bundle; its files lie in a private folder until it is closed."""

    def __init__(
        self, about: Mapping[str, Any], grant: Mapping[str, Any], tables: Mapping[str, Table], files: Path
    ) -> None:
        self.about = about
        self.grant = grant
        self.tables = tables
        self._files = files
        self._connection: Any = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine and remove the files. Twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def check(self, sql: str, at: date | None = None) -> Verdict:
        """The lens's verdict under the grant on a day (default: today in Asia/Shanghai)."""
        return self._checked(sql, self.grant, at)

    def sql(self, sql: str, at: date | None = None) -> Result:
        """Check, then run on the sample. Raises Refused, QueryError."""
        verdict = self.check(sql, at)
        if not verdict.allowed:
            raise Refused(verdict)
        # The sample is already cut to the granted rows, by columns it may not even hold.
        whole = {
            name: {k: v for k, v in t.items() if k != "rows"} for name, t in self.grant["tables"].items()
        }
        runnable = self._checked(sql, {**self.grant, "tables": whole}, at).sql
        try:
            found = self.connection().execute(str(runnable))
            names = tuple(column[0] for column in found.description)
            return Result(names, found.fetchall(), verdict)
        except duckdb.Error as error:
            raise QueryError(f"查询合规，但在样例上运行出错：{error}") from error

    def connection(self) -> Any:
        """The engine with the sample's tables, set like the one inside; it reads nothing else."""
        if self._connection is None:
            made = duckdb.connect(":memory:")
            made.execute("SET TimeZone='Asia/Shanghai'")
            for table in self.tables.values():
                path = str(self._files / table.file).replace("'", "''")
                made.execute(f"CREATE TABLE {_quoted(table.name)} AS FROM read_parquet('{path}')")
            # Its values are pseudonyms already; inside, the engine makes them.
            made.execute("CREATE MACRO pseudonym(value) AS value")
            made.execute("SET enable_external_access=false")
            made.execute("SET lock_configuration=true")
            self._connection = made
        return self._connection

    def _checked(self, sql: str, grant: Mapping[str, Any], at: date | None) -> Verdict:
        day = at or datetime.now(_ZONE).date()
        return check(sql, grant, at=day, cite=grounds.citing(str(grant.get("zone")), day))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def open(path: str | Path) -> Bundle:  # noqa: A001 (local.open reads like the builtin)
    """Open a bundle and prove its files against their digests. Raises BundleError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > LARGEST:
                raise BundleError("样例包解开以后太大，不打开。")
            about, grant = _json(archive, "sample.json"), _json(archive, "grant.json")
            if about.get("v") != VERSION:
                raise BundleError("样例包的版本不认识，请升级 gongshu。")
            tables = {each.name: each for each in map(_table, about["files"])}
            data = {table.file: archive.read(table.file) for table in tables.values()}
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleError(f"打不开样例包 {path}，请重新下载。") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError("样例包里的内容不全，请重新下载。") from error
    for table in tables.values():
        if f"sha256:{hashlib.sha256(data[table.file]).hexdigest()}" != table.digest:
            raise BundleError(f"样例包里的表“{table.name}”被改动过，请重新下载。")
    temporary = tempfile.TemporaryDirectory(prefix="gongshu-sample-")
    folder = Path(temporary.name)
    for name, content in data.items():
        (folder / name).write_bytes(content)
    made = Bundle(about, grant, tables, folder)
    made._temporary = temporary
    return made


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        found = json.loads(archive.read(name))
    except ValueError as error:
        raise BundleError(f"样例包里的 {name} 读不出来，请重新下载。") from error
    if not isinstance(found, dict):
        raise BundleError(f"样例包里的 {name} 读不出来，请重新下载。")
    return found


def _table(told: Mapping[str, Any]) -> Table:
    name = str(told["name"])
    if "/" in name or "\\" in name or name.startswith("."):
        raise BundleError("样例包里的文件名不合规，不打开。")
    return Table(str(told["table"]), name, int(told["rows"]), str(told["digest"]), dict(told["columns"]))
