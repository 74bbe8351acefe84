"""A typical query is judged while one types: half of them under 5 ms."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from gongshu import lens
from support.lens_bench import AT, GRANT, cases

HONEST = cases(Path(__file__).parents[1] / "redteam" / "lens" / "honest.sql")
LIMIT = 5.0


def _milliseconds(sql: str) -> float:
    started = time.perf_counter()
    lens.check(sql, GRANT, at=AT)
    return (time.perf_counter() - started) * 1000


def test_half_of_the_honest_queries_take_less_than_five_milliseconds() -> None:
    best = [min(_milliseconds(sql) for _ in range(3)) for _, _, sql in HONEST]
    assert statistics.median(best) < LIMIT
