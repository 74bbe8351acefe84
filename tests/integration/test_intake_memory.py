"""A file of 100 MB in 200 MB above the idle process."""

from __future__ import annotations

from pathlib import Path

from support.memory import intake_memory, trips

MB = 1_000_000


def test_100_mb_in_200_mb_above_idle(tmp_path: Path) -> None:
    trips(tmp_path / "small.csv", 1000)
    rows = trips(tmp_path / "large.csv", 100 * MB, "gb18030")
    measured = intake_memory(tmp_path / "home", tmp_path / "small.csv", tmp_path / "large.csv", 200)
    assert measured.told["rows"] == rows
    assert measured.told["largest"] <= 64 << 20
    assert measured.peak - measured.idle < 200 * MB, (measured.peak - measured.idle) / MB
