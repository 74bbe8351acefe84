# A stand-alone program: its standard error is its log, and it needs no pathlib.
# ruff: noqa: PTH103, PTH112, PTH118, PTH123, PTH202, PTH208, T201, S608, BLE001
"""The program of a DuckDB job, run inside the sandbox by the pinned environment's interpreter.

It imports nothing of gongshu and knows only what it is told on standard input. Order matters: limits
first, then the engine's own lock, then the seal, and only then somebody's query.
"""

from __future__ import annotations

import binascii
import ctypes
import json
import os
import resource
import sys
import time

# Every import is time of every job: nothing here that can be done without.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OUT = "/work/out"
SPILL = "/work/spill"


def _limit(limits: dict[str, Any]) -> None:
    memory = int(limits["memory"])
    seconds = int(limits["seconds"] * limits["threads"]) + 5
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_NPROC, int(limits["processes"])),
        (resource.RLIMIT_FSIZE, int(limits["scratch"])),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (value, value))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _seal(encoded: str) -> None:
    code = binascii.a2b_base64(encoded)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _engine() -> Any:
    """The engine itself, without the wrapping package, whose imports take as long again."""
    try:
        import _duckdb

        return _duckdb
    except ImportError:
        import duckdb

        return duckdb


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _paths(name: str) -> list[str]:
    base = "/in/" + name
    if os.path.isdir(base):
        return sorted(os.path.join(base, part) for part in os.listdir(base))
    return [base]


def _pseudonym(key: str) -> str:
    """`pseudonym(value)` as a macro: HMAC-SHA-256 under the project's key, the first 128 bits in hex.

    A pseudonym stays itself, so that a project's own tables join with what is made of them.
    """
    block = binascii.a2b_hex(key).ljust(64, b"\0")
    inner, outer = (bytes(x ^ pad for x in block).hex() for pad in (0x36, 0x5C))
    text = "CAST(value AS VARCHAR)"
    message = f"unhex('{inner}') || encode(upper(trim({text})))"
    digest = f"sha256(unhex('{outer}') || unhex(sha256({message})))"
    return (
        "CREATE MACRO pseudonym(value) AS CASE WHEN value IS NULL THEN NULL"
        f" WHEN regexp_full_match({text}, 'psn-[0-9a-f]{{32}}') THEN {text}"
        f" ELSE 'psn-' || substr({digest}, 1, 32) END"
    )


def _open(duckdb: Any, spec: dict[str, Any], limits: dict[str, Any]) -> Any:
    """A connection that sees the tables and one place to write, and can be told nothing else."""
    connection = duckdb.connect(":memory:")
    run = connection.execute
    run("SET TimeZone='Asia/Shanghai'")
    run("SET threads=" + str(1 if spec["repeatable"] else int(limits["threads"])))
    run("SET memory_limit=" + _literal(str(int(limits["memory"] * 0.75)) + "B"))
    run("SET temp_directory=" + _literal(SPILL))
    run("SET max_temp_directory_size=" + _literal(str(int(limits["scratch"] * 0.5)) + "B"))
    run("SET enable_progress_bar=false")
    if spec.get("pseudonyms"):
        run(_pseudonym(spec["pseudonyms"]))
    inputs: list[str] = []
    for table, name in sorted(spec["tables"].items()):
        paths = _paths(name)
        inputs += paths
        files = "[" + ",".join(_literal(p) for p in paths) + "]"
        run(f"CREATE VIEW {_quoted(table)} AS SELECT * FROM read_parquet({files})")
    allowed = [*inputs, OUT + "/" + spec["output"]]
    run("SET allowed_paths=[" + ",".join(_literal(p) for p in allowed) + "]")
    run("SET enable_external_access=false")
    run("SET autoinstall_known_extensions=false")
    run("SET autoload_known_extensions=false")
    run("SET allow_community_extensions=false")
    run("SET lock_configuration=true")
    return connection


def _query(duckdb: Any, connection: Any, spec: dict[str, Any]) -> str:
    """The one SELECT, or an error: what else a parser may find in the text is not run."""
    statements = connection.extract_statements(spec["sql"])
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError("one SELECT")
    query: str = statements[0].query.strip().rstrip(";")
    if spec["order"]:
        query = f"SELECT * FROM ({query}\n) ORDER BY ALL"
    return query


def _run(duckdb: Any, spec: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    path = OUT + "/" + spec["output"]
    connection = _open(duckdb, spec, limits)
    query = _query(duckdb, connection, spec)
    form = {
        "parquet": "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880",
        "csv": "FORMAT csv, HEADER",
    }
    started = time.perf_counter()
    connection.execute(f"COPY ({query}\n) TO {_literal(path)} ({form[spec['format']]})")
    seconds = time.perf_counter() - started
    rows = connection.fetchone()[0]
    shape = connection.execute(f"DESCRIBE {query}").fetchall()
    return {"rows": rows, "columns": [[r[0], r[1]] for r in shape], "engine_seconds": seconds}


def _send(report: dict[str, Any], names: list[str]) -> None:
    report["files"] = [{"name": n, "size": os.path.getsize(OUT + "/" + n)} for n in names]
    out = sys.stdout.buffer
    out.write(json.dumps(report).encode() + b"\n")
    for name in names:
        with open(OUT + "/" + name, "rb") as file:
            while piece := file.read(1 << 20):
                out.write(piece)
    out.flush()


def main() -> int:
    told = json.load(sys.stdin)
    spec, limits = told["spec"], told["limits"]
    _limit(limits)
    os.makedirs(OUT, mode=0o700)
    started = time.perf_counter()
    sys.path.append(f"/env/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
    duckdb = _engine()
    if told["seal"]:
        _seal(told["seal"])
    report: dict[str, Any] = {"import_seconds": time.perf_counter() - started}
    try:
        report.update(_run(duckdb, spec, limits))
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        print(error, file=sys.stderr)
        _send({"code": "limit"}, [])
        return 1
    except duckdb.IOException as error:
        print(error, file=sys.stderr)
        full = "No space left" in str(error) or "File too large" in str(error)
        _send({"code": "too_large" if full else "failed"}, [])
        return 1
    except Exception as error:
        print(error, file=sys.stderr)
        _send({"code": "failed"}, [])
        return 1
    report["code"] = "done"
    _send(report, [spec["output"]])
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    status = main()
    sys.stdout.flush()
    # the engine's threads need no farewell
    os._exit(status)
