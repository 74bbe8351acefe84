"""Developers' programs in the real sandbox: what they get, what comes out, and what stays inside."""

from __future__ import annotations

import hashlib
import hmac
import json
import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.enclave.engines import DuckDB, EngineError, Program, Python, Run
from gongshu.enclave.runner import Limits, Sandbox
from support.sandboxes import ENVIRONMENT, PYTHON

LIMITS = Limits(seconds=60, memory=3 << 30, scratch=64 << 20, output=8 << 20)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    place = tmp_path / "features"
    place.mkdir()
    rows = range(2000)
    table = pa.table(
        {
            "who": [f"psn-{n:032x}" for n in rows],
            "staff": [n % 37 for n in rows],
            "turnover": [float(n % 101) * 3 for n in rows],
            "good": [int((n % 37) > 15) for n in rows],
        }
    )
    pq.write_table(table, place / "part-00000.parquet")
    (place / "part-00000.parquet").chmod(0o444)
    return place


@pytest.fixture
def engine(tmp_path: Path) -> Python:
    return Python(Sandbox(PYTHON), tmp_path / "work")


def run(engine: Python, source: str, outputs: tuple[str, ...], limits: Limits = LIMITS, **tables: Path):  # type: ignore[no-untyped-def]
    engine.prepare(Program("p1", textwrap.dedent(source), tables, outputs, limits))
    return engine.execute("p1")


@pytest.mark.row("K02")
def test_a_model_is_trained_and_its_answers_computed(engine: Python, features: Path) -> None:
    source = """
        import lightgbm, pandas, sklearn, pyarrow
        data = pandas.read_parquet(inputs["features"])
        x = data[["staff", "turnover"]]
        set_ = lightgbm.Dataset(x, data["good"])
        wanted = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 50, "num_threads": 2}
        model = lightgbm.train(wanted, set_, num_boost_round=5)
        model.save_model(outputs["model.txt"])
        data.assign(score=model.predict(x))[["who", "score"]].to_parquet(outputs["scores.parquet"])
        print("trained on", len(data))
    """
    result = run(engine, source, ("model.txt", "scores.parquet"), features=features)
    assert result.code == "done", result.detail
    assert result.files["model.txt"].read_text().startswith("tree")
    assert pq.read_table(result.files["scores.parquet"]).num_rows == 2000
    assert "trained on 2000" in result.detail


REFUSED = {
    "undeclared": "open(outputs['a.json'].replace('a.json', 'b.json'), 'w').write('1')",
    "link": "import os; os.symlink('/job.py', outputs['a.json'])",
    "network": "import socket; socket.socket()",
    "process": "import subprocess; subprocess.run(['/usr/bin/id'])",
    "fork": "import os; os.fork()",
    "input": "open(inputs['features'] + '/part-00000.parquet', 'ab').write(b'x')",
    "installing": "import pip",
    "other files": "print(open('/etc/passwd').read())",
    "environment": "open('/env/pyvenv.cfg', 'a')",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_program_may_not_do_ends_it(name: str, engine: Python, features: Path) -> None:
    result = run(engine, REFUSED[name], ("a.json",), features=features)
    assert result.code == "failed"
    assert result.files == {}
    assert "Error" in result.detail or "declared but not written" in result.detail


def test_what_it_prints_is_no_output_and_its_traceback_stays_with_the_log(
    engine: Python, features: Path
) -> None:
    source = """
        import pandas
        print(pandas.read_parquet(inputs["features"]).who[0])
        raise ValueError("row 1: secret-in-a-message")
    """
    result = run(engine, source, ("a.json",), features=features)
    assert (result.code, result.files) == ("failed", {})
    assert "psn-0" in result.detail and "secret-in-a-message" in result.detail
    assert set(result.report) <= {"code", "files"}


def test_a_program_that_speaks_on_the_pipe_itself_names_no_other_file(engine: Python) -> None:
    source = """
        import json, os
        head = json.dumps({"code": "done", "files": [{"name": "other.json", "size": 2}]}).encode()
        for fd in range(3, 64):
            try:
                os.write(fd, head + b"\\n{}")
            except OSError:
                pass
        os._exit(0)
    """
    result = run(engine, source, ("a.json",))
    assert (result.code, result.files) == ("failed", {})


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x = bytearray(900 << 20)", "limit"),
        ("open(outputs['a.json'], 'wb').write(b'x' * (80 << 20))", "too_large"),
        ("open(outputs['a.json'], 'wb').write(b'x' * (20 << 20))", "too_large"),
        ("while True: pass", "timeout"),
    ],
)
def test_limits_have_their_codes(engine: Python, source: str, code: str) -> None:
    limits = Limits(seconds=4, memory=512 << 20, scratch=64 << 20, output=8 << 20)
    assert run(engine, source, ("a.json",), limits).code == code


@pytest.mark.parametrize(
    ("source", "outputs"),
    [
        ("def", ("a.json",)),
        ("", ("a.json",)),
        ("pass", ()),
        ("pass", ("a.json", "a.json")),
        ("pass", ("../a.json",)),
        ("pass", ("a.pkl",)),
        ("pass", tuple(f"a{n}.json" for n in range(9))),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_read(
    engine: Python, source: str, outputs: tuple[str, ...]
) -> None:
    with pytest.raises(EngineError):
        engine.prepare(Program("p2", source, {}, outputs))
    assert engine.status("p2") == "unknown"


def test_without_its_environment_no_program_runs(tmp_path: Path) -> None:
    engine = Python(Sandbox(tmp_path / "nothing"), tmp_path / "work")
    engine.prepare(Program("p1", "pass", {}, ("a.json",)))
    assert engine.execute("p1").code == "no_sandbox"


def test_pseudonyms_are_keyed_and_join(tmp_path: Path, features: Path) -> None:
    key = hashlib.sha256(b"project").digest()
    engine = DuckDB(Sandbox(ENVIRONMENT), tmp_path / "sql")
    sql = "SELECT pseudonym(staff) AS a, pseudonym(who) AS b, pseudonym(CAST(NULL AS VARCHAR)) AS c FROM f WHERE staff = 7"
    engine.prepare(Run("q1", sql, {"f": features}, limits=LIMITS, pseudonyms=key.hex()))
    assert key.hex() not in (tmp_path / "sql" / "q1" / "run.json").read_text()
    result = engine.execute("q1")
    assert result.code == "done", result.detail
    row = pq.read_table(result.files["output.parquet"]).to_pylist()[0]
    assert row["a"] == "psn-" + hmac.digest(key, b"7", "sha256").hex()[:32]
    assert row["b"].startswith("psn-000") and row["c"] is None
    with pytest.raises(EngineError):
        engine.prepare(Run("q2", sql, {"f": features}))
    assert json.loads((tmp_path / "sql" / "q1" / "run.json").read_text())["sql"] == sql
