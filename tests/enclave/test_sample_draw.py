"""What a drawn sample keeps: joins, forms, marks, marginals; and what it never keeps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gongshu.enclave.sample import files
from gongshu.enclave.sample.bands import OTHER, category, ordered, written
from gongshu.enclave.sample.draw import draw
from gongshu.enclave.sample.measure import measured
from gongshu.enclave.sample.model import Column, SampleError, Settings, Source
from gongshu.enclave.sample.pseudonyms import Pseudonyms, project_key, pseudonym
from gongshu.recognise import is_sample
from support.samples import city, sources

pytestmark = pytest.mark.row("K02")
KEY = project_key(b"s" * 32, "huangshi", "pr-1")
OTHER_KEY = project_key(b"s" * 32, "huangshi", "pr-2")
WAYS = Settings(threshold=10)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, list]]]:
    place = tmp_path_factory.mktemp("city")
    return place, city(place)


@pytest.fixture(scope="module")
def made(raw: Any) -> Any:
    return draw(sources(raw[0]), KEY, WAYS)


@pytest.fixture(scope="module")
def measures(made: Any) -> dict[str, Any]:
    return measured(*made, KEY, WAYS)


def test_every_naming_cell_bears_its_mark_and_is_no_real_value(raw: Any, made: Any) -> None:
    for name, one in made[0].items():
        for column in one.source.columns:
            if column.names_somebody:
                real = set(map(str, raw[1][name][column.name]))
                cells = [str(v) for v in one.columns[column.name] if v is not None]
                assert cells and all(is_sample(cell, column.domain) for cell in cells), (name, column.name)
                assert not real & set(cells)


def test_joins_hold_in_every_table(made: Any) -> None:
    person, payment, firm = (made[0][n].columns for n in ("person", "payment", "firm"))
    assert len(set(person["id"])) == len(person["id"]) > 200
    assert len(set(payment["id"]) & set(person["id"])) >= 0.95 * len(set(payment["id"]))
    assert set(person["firm"]) & set(firm["code"])
    expected = pseudonym(KEY, "resident_id", "420102199001011234")
    assert Pseudonyms(KEY).of("resident_id", "420102199001011234") == expected


def test_another_project_does_not_join(raw: Any, made: Any) -> None:
    other, _ = draw(sources(raw[0]), OTHER_KEY, WAYS)
    assert not set(other["person"].columns["id"]) & set(made[0]["person"].columns["id"])
    assert not set(other["person"].columns["firm"]) & set(made[0]["firm"].columns["code"])


def test_the_same_key_draws_the_same_bytes(raw: Any, made: Any) -> None:
    again, _ = draw(sources(raw[0]), KEY, WAYS)
    assert all(files.parquet(again[name]) == files.parquet(one) for name, one in made[0].items())


def test_the_sample_is_useful(measures: dict[str, Any]) -> None:
    for name in ("person", "payment"):
        told = measures["tables"][name]
        assert all(column["distance"] < 0.1 for column in told["columns"]), told["columns"]
        assert told["pair_mean"] < 0.1
    pair = next(p for p in measures["tables"]["person"]["pairs"] if {p["a"], p["b"]} == {"birth", "income"})
    assert abs(pair["raw"]) > 0.5 and pair["difference"] < 0.15


def test_the_sample_is_safe_by_its_own_measures(measures: dict[str, Any]) -> None:
    assert measures["blocked"] == []
    for told in measures["tables"].values():
        risk = told["risk"]
        assert (risk["unmarked"], risk["copies"], risk["alone"]) == (0, 0, 0)
        assert risk["nearest_least"] > 0
        assert risk["linked"] <= max(10 * risk["linked_by_chance"], 0.01)


def test_measures_speak_when_raw_rows_are_shown(raw: Any, made: Any) -> None:
    """The measures can fail: raw rows instead of the sample are blocked."""
    drawn, frames = draw(sources(raw[0]), KEY, WAYS)
    one = drawn["person"]
    one.columns = {c.name: list(raw[1]["person"][c.name][:200]) for c in one.source.columns}
    one.columns["town"] = [t if t != "孤岛村" else OTHER for t in one.columns["town"]]
    one.columns["illness"] = ["无"] * 200
    told = measured(drawn, frames, KEY, WAYS)
    assert told["tables"]["person"]["risk"]["unmarked"] > 0
    assert told["tables"]["person"]["risk"]["copies"] > 0
    assert len(told["blocked"]) >= 2


def test_types_and_column_order_are_kept(raw: Any, made: Any) -> None:
    import io

    import pyarrow.parquet as pq

    for name, one in made[0].items():
        table = pq.read_table(io.BytesIO(files.parquet(one)))
        original = pq.read_table(raw[0] / f"{name}.parquet")
        assert table.column_names == original.column_names
        assert [str(f.type).split("[")[0] for f in table.schema] == [
            str(f.type).split("[")[0] for f in original.schema
        ]


def test_a_grants_rows_are_cut_before_anything_is_looked_at(raw: Any) -> None:
    person = sources(raw[0])[0]
    cut = Source(person.name, person.place, person.columns, "id", "town = '黄石港区'")
    drawn, _ = draw([cut], KEY, WAYS)
    assert set(drawn["person"].columns["town"]) == {"黄石港区"}


def test_what_a_subject_has_one_of_stays_one(tmp_path: Path) -> None:
    """A card's holder and number are the same in all its rows, and nobody else's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [(f"HS{n % 300:08d}", f"138{n % 300:08d}", f"R{n:07d}", n % 7) for n in range(1500)]
    card, mobile, receipt, value = (list(side) for side in zip(*rows, strict=True))
    pq.write_table(
        pa.table({"card": card, "mobile": mobile, "receipt": receipt, "v": value}), tmp_path / "a.parquet"
    )
    columns = (
        Column("card", "VARCHAR", "L4"),
        Column("mobile", "VARCHAR", "L4", "mobile"),
        Column("receipt", "VARCHAR", "L4"),
        Column("v", "BIGINT", "L2"),
    )
    drawn, _ = draw([Source("a", tmp_path / "a.parquet", columns, "card")], KEY, WAYS)
    made = drawn["a"].columns
    pairs = set(zip(made["card"], made["mobile"], strict=True))
    assert len(pairs) == len(set(made["card"])) == len(set(made["mobile"])) > 20
    assert len(set(made["receipt"])) == len(made["receipt"]) > len(pairs)
    own = {pseudonym(KEY, "code", f"HS{n:08d}"): pseudonym(KEY, "mobile", f"138{n:08d}") for n in range(300)}
    assert all(own[one] == number for one, number in pairs)


def test_dates_of_a_short_span_keep_their_shape(tmp_path: Path) -> None:
    import datetime as dt

    import pyarrow as pa
    import pyarrow.parquet as pq

    days = [dt.date(2026, 1, 1) + dt.timedelta(days=n % 28) for n in range(2000)]
    pq.write_table(pa.table({"no": [f"A{n:06d}" for n in range(2000)], "day": days}), tmp_path / "a.parquet")
    columns = (Column("no", "VARCHAR", "L4"), Column("day", "DATE", "L2"))
    source = Source("a", tmp_path / "a.parquet", columns, "no")
    drawn, frames = draw([source], KEY, WAYS)
    told = measured(drawn, frames, KEY, WAYS)["tables"]["a"]["columns"][0]
    assert told["name"] == "day" and told["distance"] < 0.1


def test_too_few_subjects_give_no_sample(tmp_path: Path) -> None:
    city(tmp_path, people=15)
    with pytest.raises(SampleError):
        draw(sources(tmp_path)[:1], KEY, WAYS)


def test_a_table_about_nobody_keeps_its_public_words(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stations = [f"站点{n}" for n in range(300)]
    pq.write_table(pa.table({"station": stations, "flow": list(range(300))}), tmp_path / "s.parquet")
    columns = (Column("station", "VARCHAR", "L1"), Column("flow", "BIGINT", "L1"))
    drawn, _ = draw([Source("s", tmp_path / "s.parquet", columns)], KEY, WAYS)
    assert set(drawn["s"].columns["station"]) <= set(stations)


def test_kinds_without_known_form_still_join(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = list(range(10_000, 10_400))
    pq.write_table(pa.table({"no": numbers, "v": [n % 7 for n in numbers]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"ref": numbers * 2, "w": [n % 5 for n in numbers * 2]}), tmp_path / "b.parquet")
    first = (Column("no", "BIGINT", "L4"), Column("v", "BIGINT", "L2"))
    second = (Column("ref", "BIGINT", "L4"), Column("w", "BIGINT", "L2"))
    drawn, _ = draw(
        [
            Source("a", tmp_path / "a.parquet", first, "no"),
            Source("b", tmp_path / "b.parquet", second, "ref"),
        ],
        KEY,
        WAYS,
    )
    ids = drawn["a"].columns["no"]
    assert all(is_sample(one, "number") for one in ids)
    assert set(drawn["b"].columns["ref"]) <= set(ids)


@given(
    st.lists(st.sampled_from(["甲", "乙", "丙", "丁", None]), min_size=1, max_size=200),
    st.integers(min_value=2, max_value=12),
)
def test_no_word_of_few_subjects_stays(words: list[str | None], threshold: int) -> None:
    assume(any(words))
    values = np.array([*words, "x"], dtype=object)[:-1]
    band = category(values, np.arange(len(words)), threshold)
    shown = Counter(band.words[code] for code in band.code)
    assert all(count >= threshold for word, count in shown.items() if word != OTHER)
    assert shown[OTHER] == 0 or shown[OTHER] >= threshold or len(shown) == 1


@given(
    st.lists(st.integers(min_value=-50, max_value=50), min_size=30, max_size=300),
    st.integers(min_value=2, max_value=10),
)
@settings(deadline=None)
def test_drawn_numbers_stay_inside_bands_of_enough_subjects(numbers: list[int], threshold: int) -> None:
    values = np.array([*numbers, None], dtype=object)[:-1]
    band = ordered(values, np.arange(len(numbers)), "BIGINT", threshold)
    counts = np.bincount(band.code)
    assert counts.min() >= threshold
    random = np.random.default_rng(0)
    drawn = written(band.draw(np.arange(len(numbers)), random, np.zeros(len(numbers))), "BIGINT")
    assert min(numbers) <= min(drawn) and max(drawn) <= max(numbers)


def test_the_release_attack_finds_nothing_and_would(made: Any, raw: Any, tmp_path: Path) -> None:
    """Each table as a dataset against its raw one; raw rows in its place are blocked."""
    from dataclasses import replace
    from datetime import date

    from gongshu.enclave.sample import trial

    day = date(2026, 5, 1)
    few = {name: one for name, one in made[0].items() if name != "payment"}
    told = trial.attacked(few, "huangshi", day, tmp_path)
    assert {name: each["verdict"] for name, each in told.items()} == {"person": "pass", "firm": "pass"}
    person = made[0]["person"]
    rows = replace(person, columns={c: list(v[:200]) for c, v in raw[1]["person"].items()})
    assert trial.attacked({"person": rows}, "huangshi", day, tmp_path)["person"]["verdict"] == "block"


def test_a_column_that_names_somebody_bears_the_mark_whatever_its_type(tmp_path: Path) -> None:
    """Unsigned numbers of a Parquet file are decimals without places; a day or a measure may name as well."""
    rng = np.random.default_rng(3)
    count = 600
    table = pa.table(
        {
            "id": pa.array([10**19 + n * 7919 for n in range(count)], pa.decimal128(20, 0)),
            "card": pa.array([9 * 10**18 + n for n in range(count)], pa.int64()),
            "sealed": pa.array([f"2020-01-{1 + n % 28:02d}" for n in range(count)]).cast(pa.date32()),
            "weight": pa.array(rng.normal(60, 9, count)),
            "town": pa.array([f"镇{n % 4}" for n in range(count)]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    columns = (
        Column("id", "DECIMAL(20,0)", "L3"),
        Column("card", "BIGINT", "L4", "mobile"),
        Column("sealed", "DATE", "L4"),
        Column("weight", "DOUBLE", "L4"),
        Column("town", "VARCHAR", "L2"),
    )
    source = Source("t", tmp_path / "t.parquet", columns, "id")
    drawn, frames = draw([source], KEY, WAYS)
    assert measured(drawn, frames, KEY, WAYS)["tables"]["t"]["risk"]["unmarked"] == 0
    made = pq.read_table(pa.BufferReader(files.parquet(drawn["t"])))
    assert [str(one) for one in made.schema.types] == [
        "decimal128(20, 0)",
        "int64",
        "string",
        "string",
        "string",
    ]
    for name in ("id", "card", "sealed", "weight"):
        kind = "number" if name in ("id", "card") else None
        cells = [str(cell) for cell in made[name].to_pylist()]
        assert cells and all(is_sample(cell, kind) for cell in cells), (name, cells[:3])
        assert not set(cells) & {str(cell) for cell in table[name].to_pylist()}
    said = files.described(drawn["t"], 0, b"")["columns"]
    assert {name: each["type"] for name, each in said.items() if each["pseudonym"]} == {
        "id": "DECIMAL(20,0)", "card": "BIGINT", "sealed": "VARCHAR", "weight": "VARCHAR",
    }  # fmt: skip
