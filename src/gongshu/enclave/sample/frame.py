"""What of a raw table is looked at: whole subjects, chosen by a keyed hash, the same ones in every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from gongshu.enclave.sample.model import Array, SampleError, Settings, Source

SUBJECT, CHOSEN = "__subject", "__chosen"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Frame:
    """Rows of one table. `cells`: column → values as objects; `subject`: a number a subject (a row each
    where the table has none); `names`: the raw value of each of these numbers, '' where there is none."""

    source: Source
    cells: Mapping[str, Array]
    subject: Array
    names: Sequence[str]

    @property
    def height(self) -> int:
        return int(self.subject.size)


def connect(sources: Iterable[Source]) -> duckdb.DuckDBPyConnection:
    """The raw tables as views, cut to the grant's rows; nothing else of the machine can be read."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone='Asia/Shanghai'")
    connection.execute("SET threads=1")
    places = []
    for source in sources:
        paths = files(source.place)
        places += paths
        listed = "[" + ",".join(literal(path) for path in paths) + "]"
        where = f" WHERE {source.rows}" if source.rows else ""
        columns = ", ".join(quoted(one.name) for one in source.columns)
        connection.execute(
            f"CREATE VIEW {quoted(source.name)} AS SELECT {columns} FROM "  # noqa: S608 (quoted)
            f"(SELECT * FROM read_parquet({listed}) AS {quoted(source.name)}{where})"
        )
    allowed = ",".join(literal(path) for path in places)
    connection.execute(f"SET allowed_paths=[{allowed}]")
    connection.execute("SET enable_external_access=false")
    return connection


def files(place: Path) -> list[str]:
    return sorted(map(str, place.glob("*.parquet"))) if place.is_dir() else [str(place)]


def _draw(key: str, domain: str, expression: str) -> str:
    """A number from 0 to 1 for each value, which only the key's holder can compute."""
    salted = f"{literal(f'{key}|{domain}|')} || upper(trim(CAST({expression} AS VARCHAR)))"
    return f"(('0x' || substr(sha256({salted}), 1, 12))::BIGINT / 281474976710656.0)"


def subjects_of(connection: duckdb.DuckDBPyConnection, source: Source) -> int:
    """How many different subjects (rows where there is none) a table has."""
    counted = f"count(DISTINCT {quoted(source.subject)})" if source.subject else "count(*)"
    row = connection.execute(f"SELECT {counted} FROM {quoted(source.name)}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def shares(
    connection: duckdb.DuckDBPyConnection, sources: Sequence[Source], settings: Settings
) -> dict[str, float]:
    """domain of subjects → the share of them that is drawn. Raises SampleError where too few stand behind."""
    most: dict[str, int] = {}
    for source in sources:
        count = subjects_of(connection, source)
        if count < 2 * settings.threshold:
            raise SampleError(f"表“{source.name}”的主体太少，抽样会指向个别主体，不生成样例。")
        domain = _domain(source)
        most[domain] = max(most.get(domain, 0), count)
    return {
        domain: min(settings.share, settings.subjects / count)
        if max(settings.share * count, 1) >= settings.threshold
        else min(1.0, 2 * settings.threshold / count)
        for domain, count in most.items()
    }


def _domain(source: Source) -> str:
    return source.column(source.subject).domain if source.subject else f"rows of {source.name}"


def read(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    share: float,
    key: bytes,
    settings: Settings,
) -> tuple[Frame, Array]:
    """The frame and, for each of its subjects, whether it is drawn. Whole subjects, at most `frame` rows
    or all of the drawn ones."""
    name, secret, domain = quoted(source.name), key.hex(), _domain(source)
    total = connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608
    wide = max(share, min(1.0, settings.frame / max(int(total[0]) if total else 0, 1)))
    subject = quoted(source.subject) if source.subject else None
    hashed = (
        _draw(secret, domain, subject)
        if subject
        else _draw(secret, domain, f"{literal(source.name)} || row_number() OVER ()")
    )
    who = f"CAST({subject} AS VARCHAR)" if subject else "CAST(row_number() OVER () AS VARCHAR)"
    columns = ", ".join(_as_text(source, one.name) for one in source.columns)
    some = f"WHERE {subject} IS NOT NULL" if subject else ""
    order = ", ".join([CHOSEN, *(quoted(one.name) for one in source.columns)])
    table = connection.sql(
        f"SELECT * FROM (SELECT {columns}, {who} AS {SUBJECT}, {hashed} AS {CHOSEN} "  # noqa: S608
        f"FROM {name} {some}) WHERE {CHOSEN} < {wide!r} ORDER BY {order}"
    ).to_arrow_table()
    raw = [str(one).strip().upper() for one in table[SUBJECT].to_pylist()]
    names, numbers = np.unique(np.array(raw, dtype=object), return_inverse=True)
    drawn = np.zeros(len(names), dtype=bool)
    drawn[numbers[np.array(table[CHOSEN].to_pylist(), dtype=float) < share]] = True
    cells = {
        one.name: np.array([*table[one.name].to_pylist(), None], dtype=object)[:-1] for one in source.columns
    }
    return Frame(source, cells, numbers.astype(np.int64), list(names)), drawn


def _as_text(source: Source, name: str) -> str:
    return (
        f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"
        if source.column(name).type == "VARCHAR"
        else quoted(name)
    )
