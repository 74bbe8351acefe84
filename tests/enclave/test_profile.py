"""Vectors and cells count alike: a column fed through Arrow is recognised as if judged cell by cell."""

from __future__ import annotations

import datetime as dt
import random

import pyarrow as pa
import pytest

from gongshu import recognise
from gongshu.enclave.intake.profile import feed

RNG = random.Random(11)
COLUMNS: dict[str, list[str | None]] = {
    "ints": [str(RNG.randrange(1000)) if n % 13 else "NA" for n in range(60_000)],
    "ints, then a decimal": [*map(str, range(50_000)), *["1.5"] * 10_000],
    "ints, then codes": [*map(str, range(50_000)), *["007"] * 10_000],
    "decimals": [f"{RNG.uniform(0, 9):.3f}" if n % 7 else None for n in range(60_000)],
    "decimals, then words": [*(f"{n}.125" for n in range(40_000)), *["坏"] * 5_000],
    "words": [RNG.choice(["东门", "西门", "无", "", " 桥头 "]) for _ in range(60_000)],
    "money": [f"{RNG.randrange(999)}.{RNG.randrange(100):02d}" for _ in range(60_000)],
    "impossible days": [*(f"2026-01-{1 + n % 28:02d}" for n in range(40_000)), *["2026-02-30"] * 9],
    "moments": [f"2026-01-{1 + n % 28:02d} {n % 24:02d}:{n % 60:02d}:00" for n in range(60_000)],
    "moments to come": [f"20{25 + n // 30_000}-01-{1 + n % 28:02d} 10:00" for n in range(60_000)],
    "年龄": [str(n % 170) for n in range(60_000)],
    "编号": [f"T{n // 2 if n > 59_000 else n}" for n in range(60_000)],
    "序号": [str(n) for n in range(60_000)],
    "days": [f"2026-0{1 + n % 9}-1{n % 10}" for n in range(60_000)],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_same_answer_by_vector_and_by_cell(name: str) -> None:
    by_cell, by_vector = (recognise.ColumnProfile(name, dt.date(2026, 3, 2)) for _ in range(2))
    for start in range(0, len(COLUMNS[name]), 20_000):
        block = COLUMNS[name][start : start + 20_000]
        by_cell.feed(block)
        feed(by_vector, pa.array(block, pa.string()))
    assert by_vector.result() == by_cell.result()
    assert by_cell.result().rows == len(COLUMNS[name])


def test_identifiers_that_begin_in_a_settled_column_are_found() -> None:
    profile = recognise.ColumnProfile("备注")
    feed(profile, pa.array([f"说明{n}" for n in range(20_000)]))
    assert profile.settled == "text"
    for block in range(5):
        feed(profile, pa.array([f"1381234{block}{n % 1000:03d}" for n in range(20_000)]))
    assert profile.result().grade == "L4"


def test_a_name_that_recurs_in_a_settled_column_is_counted() -> None:
    profile = recognise.ColumnProfile("东门")
    feed(profile, pa.array(["西门"] * 20_000))
    feed(profile, pa.array(["东门", "南门"]))
    assert profile.recurs == 1
