"""The raw tables an output is tested against: loaded into a private DuckDB, typed, profiled.

The database lives in a private temporary directory that is removed at the end; after loading the
engine may reach no file and change no setting. Nothing read here leaves in a message.
"""

from __future__ import annotations

import codecs
import gzip
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import duckdb

from gongshu.enclave import halting
from gongshu.recognise import kinds

from .reading.tabular import delimiter

NA = ("", "NA", "N/A", "NULL", "null", "None", "nan", "NaN", "-", "--", "\\N")
_DECIMAL = "^-?(0|[1-9][0-9]{0,14})([.][0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_SAMPLE = 400


class BadRaw(Exception):
    """A raw file cannot be used; `str(error)` is one Chinese sentence."""


class OutOfTime(Exception):
    """The time given to an attack is spent; what was not asked must be judged by people."""


class Budget:
    """Wall seconds for one attack. At the end the running query is broken off and no other begins."""

    def __init__(
        self, seconds: float = float("inf"), engine: duckdb.DuckDBPyConnection | None = None
    ) -> None:
        self.end = time.monotonic() + seconds
        self.engine = engine
        self._timer = threading.Timer(seconds, engine.interrupt) if engine is not None else None
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def break_off(self) -> None:
        """Spend the rest of it now, from whatever thread: a stop does not wait."""
        self.end = 0.0
        if self.engine is not None:
            self.engine.interrupt()

    @property
    def spent(self) -> bool:
        return time.monotonic() >= self.end

    def check(self) -> None:
        """Raises OutOfTime once the time is spent."""
        if self.spent:
            raise OutOfTime

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def quote(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


@dataclass
class Column:
    """One raw column: `kind` is text, number, date; `identifying` says its values point at subjects."""

    table: str
    name: str
    type: str
    kind: str
    rows: int
    filled: int
    distinct: int
    identifying: str = ""

    @property
    def sql(self) -> str:
        return quote(self.name)


@dataclass
class Raw:
    """Raw tables in DuckDB. `subjects`: table → column that names its subject (given or a foreign key)."""

    engine: duckdb.DuckDBPyConnection
    columns: dict[str, dict[str, Column]]
    subjects: dict[str, str] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    domains: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    _coarse: dict[tuple[str, str], str] = field(default_factory=dict)

    budget: Budget = field(default_factory=Budget)

    def rows(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        self.budget.check()
        found: list[tuple[Any, ...]] = self.engine.execute(sql, values or []).fetchall()
        return found

    def fresh(self) -> Raw:
        """The same tables for another attack: own connection, no subjects yet."""
        columns = {table: {n: replace(c) for n, c in own.items()} for table, own in self.columns.items()}
        return Raw(self.engine.cursor(), columns, domains=self.domains)

    def who(self, table: str, alias: str = "") -> str:
        """The expression that names the subject of a row; the row itself when nobody stands behind."""
        prefix = f"{alias}." if alias else ""
        column = self.subjects.get(table)
        return f"{prefix}{quote(column)}" if column else f"{prefix}rowid"

    def coarse(self, column: Column) -> str:
        """A relation with the distinct values of a column under its own name, dates cut to the hour: what
        labels are made of, without reading all rows again for each form tried."""
        key = (column.table, column.name)
        if key not in self._coarse:
            name = f"__coarse_{len(self._coarse)}"
            whole = column.type.startswith("TIMESTAMP")
            value = f"date_trunc('hour', {column.sql})" if whole else column.sql
            if whole or column.distinct < 0.5 * column.rows:
                self.engine.execute(
                    f"CREATE TEMP TABLE {name} AS SELECT DISTINCT {value} AS {column.sql}"
                    f" FROM {quote(column.table)}"
                )
                self._coarse[key] = name
            else:
                self._coarse[key] = quote(column.table)
        return self._coarse[key]

    def all(self) -> Iterator[Column]:
        for columns in self.columns.values():
            yield from columns.values()


@contextmanager
def opened(files: Mapping[str, Path], memory: str = "2GB", workspace: Path | None = None) -> Iterator[Raw]:
    """Load `files` (name → csv, csv.gz, parquet, or a directory of Parquet parts). Raises BadRaw."""
    folder = Path(tempfile.mkdtemp(prefix="attack-", dir=workspace))
    folder.chmod(0o700)
    engine = duckdb.connect(str(folder / "raw.duckdb"))
    try:
        engine.execute(f"SET memory_limit='{memory}'")
        engine.execute(f"SET temp_directory={literal(str(folder / 'spill'))}")
        engine.execute(f"SET threads={min(4, os.cpu_count() or 1)}")
        engine.execute("SET preserve_insertion_order=true")
        raw = Raw(engine, {})
        with halting.watched(engine.interrupt):
            for name, path in files.items():
                halting.check()
                _load(raw, name, path, folder)
        halting.check()
        engine.execute("SET enable_external_access=false")
        engine.execute("SET lock_configuration=true")
        yield raw
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def encoding(path: Path) -> str:
    """UTF-8, UTF-16 or GB18030, decided on the whole file so that a late byte cannot surprise."""
    with _open(path) as file:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(head)
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"


def _as_utf8(path: Path, name: str, folder: Path) -> Path:
    """A plain UTF-8 copy without byte order mark, in the private directory."""
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    with _open(path) as source, copy.open("w", encoding="utf-8", newline="") as target:
        reader = codecs.getreader(name)(source, "replace")
        first = True
        while block := reader.read(1 << 20):
            target.write(block.removeprefix("\ufeff") if first else block)
            first = False
    return copy


def _load(raw: Raw, name: str, path: Path, folder: Path) -> None:
    parts = sorted(path.glob("*.parquet")) if path.is_dir() else []  # a snapshot as the vault stages it
    if not path.is_file() and not parts:
        raise BadRaw(f"没有原始数据文件“{path.name}”，请核对路径。")
    if not name or name.casefold() in {n.casefold() for n in raw.columns}:
        raise BadRaw("每张原始表要有各不相同的名字，写成 --raw 名字=文件。")
    try:
        if parts or _is_parquet(path):
            files = ", ".join(literal(str(part)) for part in parts or [path])
            raw.engine.execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM read_parquet([{files}])")
        else:
            _load_csv(raw, name, path, folder)
    except (duckdb.Error, OSError, EOFError, UnicodeError) as error:
        raise BadRaw(f"原始数据文件“{path.name}”不能读取，请给 csv、csv.gz 或 parquet。") from error
    raw.columns[name] = {c.name: c for c in _profile(raw, name)}


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _load_csv(raw: Raw, name: str, path: Path, folder: Path) -> None:
    copy = _as_utf8(path, encoding(path), folder)
    with copy.open(encoding="utf-8") as file:
        head = "".join(line for _, line in zip(range(50), file, strict=False))
    if not head.strip():
        raise BadRaw(f"原始数据文件“{path.name}”是空的。")
    engine = raw.engine
    engine.execute(
        f"CREATE TEMP TABLE loading AS SELECT * FROM read_csv({literal(str(copy))}, all_varchar=true,"
        f" header=true,"
        f" delim={literal(delimiter(head))}, quote='\"', escape='\"', strict_mode=false, null_padding=true,"
        " ignore_errors=true, max_line_size=16000000, parallel=false)"
    )
    names = [row[0] for row in engine.execute("DESCRIBE loading").fetchall()]
    casts = ", ".join(f"{_cast(quote(n), t)} AS {quote(n.strip())}" for n, t in _types(engine, names))
    engine.execute(f"CREATE TABLE {quote(name)} AS SELECT {casts} FROM loading")
    engine.execute("DROP TABLE loading")
    copy.unlink()


def _cast(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"nullif({column}, '')"
    return f"TRY_CAST(trim({column}) AS {kind})"


def _types(engine: duckdb.DuckDBPyConnection, names: list[str]) -> Iterator[tuple[str, str]]:
    """The narrowest type that loses no character: leading zeros and long digit strings stay text."""
    marks = ", ".join(literal(one) for one in NA)
    for name in names:
        c = f"trim({quote(name)})"
        row = engine.execute(
            f"SELECT count(*), count(*) FILTER (WHERE regexp_full_match({c}, '-?(0|[1-9][0-9]*)')),"
            f" count(*) FILTER (WHERE regexp_matches({c}, {literal(_DECIMAL)})),"
            f" count(*) FILTER (WHERE length({c}) = 10 AND TRY_CAST({c} AS DATE) IS NOT NULL),"
            f" count(*) FILTER (WHERE length({c}) >= 16 AND TRY_CAST({c} AS TIMESTAMP) IS NOT NULL),"
            f" coalesce(min(length({c})), 0), coalesce(max(length({c})), 0)"
            f" FROM loading WHERE {quote(name)} IS NOT NULL AND {c} NOT IN ({marks})"
        ).fetchone()
        total, whole, decimal, dates, times, shortest, longest = row or (0,) * 7
        kind = "VARCHAR"
        if total and whole == total:
            kind = "VARCHAR" if longest > 18 or (longest >= 11 and shortest == longest) else "BIGINT"
        elif total and decimal == total:
            kind = "DOUBLE"
        elif total and dates == total:
            kind = "DATE"
        elif total and times == total:
            kind = "TIMESTAMP"
        yield name, kind


_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)


def _kind(type_: str) -> str:
    if type_ in _NUMBERS or type_ in ("FLOAT", "DOUBLE") or type_.startswith("DECIMAL"):
        return "number"
    return "date" if type_.startswith(("DATE", "TIMESTAMP")) else "text"


def _profile(raw: Raw, table: str) -> Iterator[Column]:
    described = raw.rows(f"DESCRIBE {quote(table)}")
    rows = raw.rows(f"SELECT count(*) FROM {quote(table)}")[0][0]
    for name, type_, *_ in described:
        c = quote(name)
        filled, distinct = raw.rows(f"SELECT count({c}), approx_count_distinct({c}) FROM {quote(table)}")[0]
        if distinct < 50_000:
            distinct = raw.rows(f"SELECT count(DISTINCT {c}) FROM {quote(table)}")[0][0]
        column = Column(table, name, type_, _kind(type_), rows, filled, min(distinct, filled))
        column.identifying = _identifying(raw, column)
        yield column


def _identifying(raw: Raw, column: Column) -> str:
    """The kind of identifier most values are, or empty. Numbers count only when long."""
    if not column.filled or column.kind == "date":
        return ""
    sample = [
        str(v)
        for (v,) in raw.rows(
            f"SELECT DISTINCT {column.sql} FROM {quote(column.table)}"
            f" WHERE {column.sql} IS NOT NULL LIMIT {_SAMPLE}"
        )
    ]
    if column.kind == "number" and (
        not sample or max(map(len, sample)) < 11 or any("." in s for s in sample)
    ):
        return ""
    tally: dict[str, int] = {}
    for value in sample:
        for kind in kinds.looks_like(value):
            if kind != "coordinate":
                tally[kind] = tally.get(kind, 0) + 1
    best = max(tally, key=lambda k: tally[k], default="")
    share = 0.5 if best and kinds.KINDS[best].strong else 0.8
    if best and tally[best] >= share * len(sample) and (kinds.KINDS[best].strong or column.distinct >= 20):
        return best
    return ""


def attach_subjects(raw: Raw, given: Mapping[str, str], grades: Mapping[str, str]) -> None:
    """Name the subjects, follow foreign keys to them, and mark what identifies.

    A column of another table whose values nearly all occur among a subject's ids names that subject.
    """
    raw.subjects.update(given)
    raw.families.update({table: table for table in given})
    for table, name in given.items():
        raw.columns[table][name].identifying = raw.columns[table][name].identifying or "subject"
        home = raw.columns[table][name]
        for other, columns in raw.columns.items():
            if other in raw.subjects:
                continue
            key = _foreign(raw, home, columns)
            if key is not None:
                raw.subjects[other] = key.name
                raw.families[other] = table
                key.identifying = key.identifying or "subject"
    for column in raw.all():
        grade = grades.get(f"{column.table}.{column.name}".casefold(), grades.get(column.name.casefold()))
        if grade == "L4" and not column.identifying:
            column.identifying = "graded"
        if _nearly_unique_text(raw, column) and not column.identifying:
            column.identifying = "nearly_unique"


def _foreign(raw: Raw, home: Column, columns: Mapping[str, Column]) -> Column | None:
    for column in columns.values():
        if column.kind != home.kind or not column.filled or column.kind == "date":
            continue
        same_name = column.name.casefold() == home.name.casefold()
        if home.kind == "number" and not same_name:
            continue
        hit, total = raw.rows(
            f"SELECT count(h.v), count(*) FROM (SELECT DISTINCT {column.sql} v FROM {quote(column.table)}"
            f" WHERE {column.sql} IS NOT NULL LIMIT 2000) o LEFT JOIN"
            f" (SELECT DISTINCT {home.sql} v FROM {quote(home.table)}) h ON o.v = h.v"
        )[0]
        if total and hit >= 0.8 * total and (same_name or column.distinct >= 20):
            return column
    return None


def _nearly_unique_text(raw: Raw, column: Column) -> bool:
    """Free text that differs in nearly every subject: as good as a name."""
    if column.kind != "text" or column.distinct < 20 or column.table not in raw.subjects:
        return False
    people = raw.columns[column.table][raw.subjects[column.table]].distinct
    return column.distinct >= 0.8 * min(column.filled, people)
