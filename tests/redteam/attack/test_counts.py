"""How many outputs the red team tries on the attack, and how many honest ones beside them; all are held.

Each case asserts its own verdict, so none may get through and every honest one must pass: the rates are 0 and
100 %. Here only the numbers are held, where the whole folder was collected.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEAST = 60


def _honest(function: object) -> bool:
    return 'verdict == "pass"' in inspect.getsource(function)  # type: ignore[arg-type]


def test_there_are_enough_attacks_and_honest_outputs(request: pytest.FixtureRequest) -> None:
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [item for item in items if item.path.parent == HERE and item.path.name != Path(__file__).name]
    if {item.path.name for item in cases} != {
        path.name for path in HERE.glob("test_*.py") if path != Path(__file__)
    }:
        pytest.skip("只收集了一部分用例")
    honest = [item.nodeid for item in cases if _honest(item.function)]
    attacks = len(cases) - len(honest)
    assert len(set(honest)) >= LEAST
    assert attacks >= LEAST
