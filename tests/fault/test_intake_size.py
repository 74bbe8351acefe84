"""A file of 2 GB taken in by a process that never holds more than 500 MB in all."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.memory import intake_memory, trips

MB = 1_000_000


@pytest.mark.fault
@pytest.mark.timeout(3600)
def test_2_gb_in_500_mb(tmp_path: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    trips(tmp_path / "small.csv", 1000)
    rows = trips(tmp_path / "large.csv", 2_000 * MB, "gb18030")
    measured = intake_memory(tmp_path / "home", tmp_path / "small.csv", tmp_path / "large.csv", 3000)
    record_property("peak_mb", round(measured.peak / MB))
    record_property("seconds", round(measured.told["seconds"]))
    print(f"2 GB 入库：{rows} 行，{measured.told['seconds']:.0f} 秒，峰值 {measured.peak / MB:.0f} MB")  # noqa: T201 (the figure of make fault)
    assert measured.told["rows"] == rows
    assert measured.told["largest"] <= 64 << 20
    assert measured.peak < 500 * MB
