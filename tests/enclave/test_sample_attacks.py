"""Someone who knows the raw data tries to find people again in the sample, and does no better than chance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gongshu.enclave.sample.draw import draw
from gongshu.enclave.sample.model import Settings
from gongshu.enclave.sample.pseudonyms import Pseudonyms, project_key
from support.samples import BUSIEST, LONELY, RICHEST, city, sources

pytestmark = pytest.mark.row("K02")
KEY = project_key(b"s" * 32, "huangshi", "pr-1")
WAYS = Settings(threshold=10, share=1.0, subjects=100_000, rows=100_000)
"""Everybody is in the sample: nobody is safe by not being drawn."""
CHANCE = 0.02


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    place: Path = tmp_path_factory.mktemp("city")
    raw = city(place)
    drawn, _ = draw(sources(place), KEY, WAYS)
    return raw, {name: one.columns for name, one in drawn.items()}


def truth(raw: dict[str, Any]) -> dict[str, str]:
    """raw id → its pseudonym: what the attacker wants to find out."""
    names = Pseudonyms(KEY)
    return {one: names.of("resident_id", one) for one in raw["person"]["id"]}


def hits(guessed: dict[str, str], raw: dict[str, Any]) -> float:
    right = truth(raw)
    return sum(right[one] == guess for one, guess in guessed.items()) / max(len(guessed), 1)


def test_by_rank_of_income(world: Any) -> None:
    """The k-th richest of those in the sample is not the k-th richest of the sample."""
    raw, sample = world
    right = truth(raw)
    drawn = set(sample["person"]["id"])
    inside = [
        (v, one)
        for v, one in zip(raw["person"]["income"], raw["person"]["id"], strict=True)
        if right[one] in drawn
    ]
    ours = sorted(zip(sample["person"]["income"], sample["person"]["id"], strict=True))
    guessed = {one: guess for (_, one), (_, guess) in zip(sorted(inside), ours, strict=False)}
    assert hits(guessed, raw) < CHANCE


def test_the_richest_is_not_shown(world: Any) -> None:
    raw, sample = world
    second = sorted(raw["person"]["income"])[-2]
    assert raw["person"]["income"][RICHEST] > 10 * second
    assert max(sample["person"]["income"]) < raw["person"]["income"][RICHEST] / 2
    assert max(sample["payment"]["amount"]) < raw["person"]["income"][RICHEST] * 0.12 / 2


def test_by_frequency_of_rows(world: Any) -> None:
    """Who pays most often in the raw data is not who pays most often in the sample."""
    raw, sample = world
    right = truth(raw)
    before, after = Counter(raw["payment"]["id"]), Counter(sample["payment"]["id"])
    busiest = raw["person"]["id"][BUSIEST]
    assert before.most_common(1)[0][0] == busiest
    assert after.most_common(1)[0][1] < before[busiest] / 2
    same = [one for one in before if right[one] in after]
    agree = np.mean([before[one] == after[right[one]] for one in same])
    shares = np.array(list(Counter(before[one] for one in same).values())) / len(same)
    assert agree < (shares**2).sum() + 0.08  # what two independent draws of the counts would agree in


def test_by_frequency_of_a_firm(world: Any) -> None:
    """A third of the people work for one firm; no firm of the sample stands out."""
    raw, sample = world
    assert Counter(raw["person"]["firm"]).most_common(1)[0][1] > 0.25 * len(raw["person"]["firm"])
    top = Counter(sample["person"]["firm"]).most_common(1)[0][1]
    assert top < 0.15 * len(sample["person"]["firm"])


def test_by_a_rare_category(world: Any) -> None:
    raw, sample = world
    assert raw["person"]["town"][LONELY] == "孤岛村"
    assert "孤岛村" not in set(sample["person"]["town"])
    assert "渐冻症" not in set(sample["person"]["illness"])


def test_by_date_differences(world: Any) -> None:
    """The days between somebody's first and last payment do not find their pseudonym."""
    raw, sample = world
    right = truth(raw)

    def spans(ids: list[str], days: list[Any]) -> dict[str, float]:
        found: dict[str, list[Any]] = {}
        for one, day in zip(ids, days, strict=True):
            found.setdefault(one, []).append(day)
        return {one: (max(d) - min(d)).total_seconds() for one, d in found.items() if len(d) > 1}

    before = spans(raw["payment"]["id"], raw["payment"]["paid"])
    after = spans(sample["payment"]["id"], sample["payment"]["paid"])
    names, values = list(after), np.array(list(after.values()))
    guessed = {
        one: names[int(np.abs(values - span).argmin())] for one, span in before.items() if right[one] in after
    }
    assert len(guessed) > 100
    assert hits(guessed, raw) < CHANCE


def test_by_the_nearest_row(world: Any) -> None:
    """All columns together: the nearest row of the sample is not the person's own."""
    raw, sample = world
    right = truth(raw)
    columns = ("birth", "income")
    scale = {"birth": 365.0, "income": 500.0}

    def numbers(side: dict[str, Any]) -> Any:
        parts = [
            np.array([v.toordinal() if hasattr(v, "toordinal") else float(v) for v in side[c]]) / scale[c]
            for c in columns
        ]
        return np.stack(parts, axis=1)

    ours, theirs = numbers(sample["person"]), numbers(raw["person"])
    guessed = {}
    for row, one in enumerate(raw["person"]["id"]):
        if right[one] in set(sample["person"]["id"]):
            guessed[one] = sample["person"]["id"][int(np.abs(ours - theirs[row]).sum(axis=1).argmin())]
    assert hits(guessed, raw) < CHANCE


def test_no_row_is_copied_and_no_combination_is_unique(world: Any) -> None:
    raw, sample = world
    columns = ("town", "birth", "income", "illness")
    real = set(zip(*(raw["person"][c] for c in columns), strict=True))
    assert not real & set(zip(*(sample["person"][c] for c in columns), strict=True))
    pairs = Counter(zip(raw["person"]["town"], raw["person"]["illness"], strict=True))
    shown = set(zip(sample["person"]["town"], sample["person"]["illness"], strict=True))
    assert not [pair for pair in shown if 0 < pairs[pair] < WAYS.threshold]


def test_the_order_of_rows_tells_nothing(world: Any) -> None:
    raw, sample = world
    back = {guess: place for place, (one, guess) in enumerate(truth(raw).items())}
    places = [back[one] for one in sample["person"]["id"]]
    assert abs(np.corrcoef(places, range(len(places)))[0, 1]) < 0.2
    assert sample["person"]["id"] != sorted(sample["person"]["id"])


def test_every_cell_comes_from_another_subject() -> None:
    """A row's donors are not its base's subject, and its columns have different donors."""
    from gongshu.enclave.sample import mosaic
    from gongshu.enclave.sample.bands import category, ordered

    random = np.random.default_rng(1)
    subject = np.repeat(np.arange(300), 2)
    town = np.array([f"镇{n % 5}" for n in range(600)], dtype=object)
    number = np.array([*random.integers(0, 1000, 600), None], dtype=object)[:-1]
    banded = [
        category(town, subject, 10),
        ordered(number, subject, "BIGINT", 10),
        category(town, subject, 10),
    ]
    made = mosaic.recipe(banded, subject, 10)
    base = np.arange(600)
    found, kept = mosaic.donors(made, base, [0, 1, 2], 10, random)
    assert kept.mean() > 0.9
    assert not (subject[found] == subject[base][None, :]).any()
    assert (found[0] != found[1]).all() and (found[1] != found[2]).all()
