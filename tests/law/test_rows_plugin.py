"""The plugin notes proved rows over several sessions, and the check at the end finds what none proved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gongshu.law import coverage, packs
from support import rows

ROOT = Path(__file__).parents[2]
TEST = """
import pytest

@pytest.mark.row({ids})
def test_it():
    assert {outcome}
"""


def session(folder: Path, file: Path, ids: str, outcome: bool = True) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(TEST.format(ids=ids, outcome=outcome), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "support.rows", "-o", "markers=row(*ids): x"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), "--rows", str(file), str(folder)]
    environment = {"PYTHONPATH": str(ROOT / "tests"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_sessions_add_up_and_failures_prove_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    for name, ids, outcome, status in (
        ("a", '"E14"', True, 0),
        ("b", '"R01-R03"', True, 0),
        ("c", '"E17"', False, 1),
    ):
        folder = tmp_path / name
        folder.mkdir()
        assert session(folder, file, ids, outcome).returncode == status
    assert file.read_text("utf-8").split() == ["E14", "R01", "R02", "R03"]
    lines = rows.missing(file)
    assert not any(line.startswith(("E14 ", "R02 ")) for line in lines)
    assert any(line.startswith("E17 ") for line in lines)


def test_a_mark_no_row_has_fails_the_session(tmp_path: Path) -> None:
    done = session(tmp_path, tmp_path / "rows", '"E99"')
    assert done.returncode == 1
    assert "E99" in done.stdout


def test_everything_proved_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_text("\n".join(row.id for row in coverage.rows(packs.library())), "utf-8")
    assert rows.missing(file) == []
