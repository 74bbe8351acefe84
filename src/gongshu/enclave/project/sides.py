"""A project table computed again as if some subjects did not exist: without those held back from training, or
of them alone.

What a training program reads, and what its model is tested on, is not the kept table with rows taken out (a
query may have put one subject's values into another's row) but its whole recipe again, over raw tables in
which the other side's subjects have no rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from gongshu.enclave import halting, sources, tasks
from gongshu.enclave.engines import Run
from gongshu.enclave.project import programs, tables
from gongshu.enclave.project.answers import quote
from gongshu.enclave.project.judging import judge, work_limits
from gongshu.enclave.store.models import Grant, ProjectTable
from gongshu.evidence.ids import fresh

_BATCH = 100_000
_MEMORY = "2GB"


def recipe(row: ProjectTable) -> list[ProjectTable]:
    """Everything it was made of, the first steps first, itself last."""
    found: dict[str, ProjectTable] = {}

    def visit(one: ProjectTable) -> None:
        for parent in ProjectTable.objects.filter(id__in=one.parents).order_by("made"):
            visit(parent)
        found.setdefault(one.id, one)

    visit(row)
    return list(found.values())


@contextmanager
def recomputed(row: ProjectTable, held: bool, now: datetime) -> Iterator[Path]:
    """The table with its subjects held back alone (`held`) or with all others: a directory of plain Parquet.

    Only for tables that queries made. Raises `tables.TableError`, `EngineError`, `VaultError`.
    """
    with ExitStack() as stack:
        grant = Grant.objects.get(id=row.grant)
        raw = {
            name: row.sources[table["resource"]]
            for name, table in grant.body["tables"].items()
            if table["resource"] in row.sources
        }
        places = stack.enter_context(sources.vault().stage(raw))
        cut = _cut(row, raw, places, held)
        made: dict[str, Path] = {}
        for one in recipe(row):
            made[one.id] = _again(one, cut, made, next(iter(places.values())).parent, now)
        yield made[row.id]


def _again(
    one: ProjectTable, raw: Mapping[str, Path], made: Mapping[str, Path], room: Path, now: datetime
) -> Path:
    """One step of the recipe over these tables; `made`: id of an earlier step → its directory."""
    grant = Grant.objects.get(id=one.grant)
    own = {each.name: each for each in ProjectTable.objects.filter(id__in=one.parents)}
    verdict = judge(programs.parse(one.task.body).source, grant, own, now)
    if not verdict.allowed or verdict.sql is None:
        raise tables.TableError(f"“{one.name}”的查询如今不再允许，请重新建表。")
    places = {name: made[own[name].id] if name in own else raw[name] for name in verdict.reads}
    key = tables.pseudonym_key(one.zone, one.project).hex()
    run = Run(fresh("s"), verdict.sql, places, limits=work_limits(grant, now), pseudonyms=key)
    engine = tasks.engine()
    place: Path = room / one.id
    try:
        engine.prepare(run)
        with halting.watched(lambda: engine.cancel(run.id)):
            result = engine.execute(run.id)
        halting.check()
        if not result.ok:
            raise tables.TableError(f"去掉另一边的主体后，“{one.name}”没有算成：{result.detail[-300:]}")
        place.mkdir(mode=0o755)
        shutil.copyfile(result.files["output.parquet"], place / "part-00000.parquet")
        (place / "part-00000.parquet").chmod(0o444)
    finally:
        engine.finalise(run.id)
    return place


def _cut(
    row: ProjectTable, raw: Mapping[str, str], places: Mapping[str, Path], held: bool
) -> dict[str, Path]:
    """The staged raw tables with the rows of one side's subjects; tables about other subjects stay whole."""
    manifests = {name: sources.vault().manifest(snapshot) for name, snapshot in raw.items()}
    about = {name: one.subject for name, one in manifests.items() if one.subject}
    origin = [name for name, one in manifests.items() if [one.resource, one.subject] in row.origin]
    if not origin:
        raise tables.TableError(f"“{row.name}”的主体不是原始表的主体，不能留出主体。")
    key = tables.pseudonym_key(row.zone, row.project)
    room = next(iter(places.values())).parent
    found = dict(places)
    with duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": str(room / "spill")}) as engine:
        _draw(engine, [(places[name], about[name]) for name in origin], key)
        for name, column in about.items():
            if name in origin or _same_subjects(engine, places[name], column):
                found[name] = _part(engine, places[name], column, held)
    return found


def _values(place: Path, column: str) -> str:
    parts = str(place / "*.parquet").replace("'", "''")
    return f"SELECT CAST({quote(column)} AS VARCHAR) AS v FROM read_parquet('{parts}')"  # noqa: S608


def _draw(engine: duckdb.DuckDBPyConnection, origins: list[tuple[Path, str]], key: bytes) -> None:
    """Table `subjects` (v, held): every subject, and whether its pseudonym is one of those held back."""
    engine.execute("CREATE TABLE subjects (v VARCHAR, held BOOLEAN)")
    union = " UNION ".join(_values(place, column) for place, column in origins)
    reader = engine.cursor().execute(f"SELECT DISTINCT v FROM ({union}) WHERE v IS NOT NULL")  # noqa: S608
    while batch := reader.fetchmany(_BATCH):
        halting.check()
        texts = [value for (value,) in batch]
        drawn = pa.table({"v": texts, "p": [tables.pseudonym(key, value) for value in texts]})
        engine.register("drawn", drawn)
        engine.execute(f"INSERT INTO subjects SELECT v, {tables.is_held_back('p')} FROM drawn")  # noqa: S608
        engine.unregister("drawn")


def _same_subjects(engine: duckdb.DuckDBPyConnection, place: Path, column: str) -> bool:
    """Whether a table speaks of any of these subjects."""
    asked = f"SELECT 1 FROM ({_values(place, column)}) WHERE v IN (SELECT v FROM subjects) LIMIT 1"  # noqa: S608
    return engine.execute(asked).fetchone() is not None


def _part(engine: duckdb.DuckDBPyConnection, place: Path, column: str, held: bool) -> Path:
    target = place.with_name(f"{place.name}-side")
    target.mkdir(mode=0o755)
    side = "IN" if held else "NOT IN"
    parts = str(place / "*.parquet").replace("'", "''")
    kept = f"CAST({quote(column)} AS VARCHAR) {side} (SELECT v FROM subjects WHERE held)"  # noqa: S608
    file = target / "part-00000.parquet"
    engine.sql(f"SELECT * FROM read_parquet('{parts}') WHERE {kept}").write_parquet(str(file))  # noqa: S608
    file.chmod(0o444)
    return target
