"""Answers about single subjects, datasets of single rows, and what models tell of those they were trained on."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from support.attack_world import World, found

TOKEN = "substr(sha256('key-of-the-project' || id), 1, 32) AS who"
BAND = "CASE WHEN income < 4000 THEN '低' WHEN income < 7000 THEN '中' ELSE '高' END AS band"

# answers: what may not be one → the check that must speak
ANSWERS_BLOCKED = {
    "numbers": (f"SELECT id, {BAND} FROM person", {"identifier"}),
    "names": (f"SELECT {TOKEN}, name, {BAND} FROM person", {"identifier"}),
    "mobiles": (f"SELECT {TOKEN}, mobile FROM person", {"identifier"}),
    "hash without a key": (f"SELECT md5(id) AS who, {BAND} FROM person", {"identifier_hashed"}),
    "hash with a usual salt": (
        f"SELECT sha256('salt' || id) AS who, {BAND} FROM person",
        {"identifier_hashed"},
    ),
    "a second token": (
        f"SELECT {TOKEN}, sha256('other' || id) AS k, {BAND} FROM person",
        {"identifier_hashed"},
    ),
    "exact incomes": (f"SELECT {TOKEN}, income FROM person", {"row_copy"}),
    "incomes moved": (f"SELECT {TOKEN}, income + 100 AS v FROM person", {"row_copy"}),
    "whole records": (f"SELECT {TOKEN}, age, income, district, job FROM person", {"row_copy"}),
    "a rare class": (
        f"SELECT {TOKEN}, CASE WHEN age > 85 AND insured = 1 THEN '高龄参保' ELSE '其他' END AS v FROM person",
        {"threshold"},
    ),
    "a rare class named like a withheld cell": (
        f"SELECT {TOKEN}, CASE WHEN age > 85 AND insured = 1 THEN 'C' ELSE 'A' END AS v FROM person",
        {"threshold"},
    ),
    "rare streets and jobs": (f"SELECT {TOKEN}, district || street || job AS v FROM person", {"threshold"}),
    "an encoded number": (f"SELECT {TOKEN}, to_base64(encode(id)) AS v FROM person", {"identifier_encoded"}),
}
ANSWERS_HONEST = {
    "band": f"SELECT {TOKEN}, {BAND} FROM person",
    "yes or no": f"SELECT {TOKEN}, insured = 1 AS insured FROM person",
    "status and band": f"SELECT {TOKEN}, CASE insured WHEN 1 THEN '参保' ELSE '未参保' END AS status, {BAND} FROM person",
    "score": f"SELECT {TOKEN}, round(50 + 10 * sin(age) + 20 * (0.5 - hash(id) % 1000 / 1000.0), 1) AS score FROM person",
    "without a token": f"SELECT {BAND}, gender FROM person",
    "district": f"SELECT {TOKEN}, district FROM person WHERE district <> '铁山区'",
    "age band": f"SELECT {TOKEN}, CAST(floor(age / 20) * 20 AS INT) || '岁起' AS v FROM person WHERE age BETWEEN 20 AND 79",
    "job": f"SELECT {TOKEN}, job FROM person",
    "grades of which one reads like a withheld cell": f"SELECT {TOKEN}, CASE WHEN insured = 1 THEN 'C' ELSE 'A' END AS v FROM person",
    "trips": "SELECT substr(sha256('key-2' || card_id), 1, 32) AS who, CASE WHEN count(*) < 5 THEN '少' ELSE '多' END AS v FROM trip GROUP BY card_id",
    "firm grade": "SELECT substr(sha256('key-3' || code), 1, 32) AS who, CASE WHEN staff > 150 THEN 'A' ELSE 'B' END AS v FROM firm",
}
SUBJECT = {"trip": {"trip": "card_id"}, "firm": {"firm": "code"}, "person": {"person": "id"}}


def _table(sql: str) -> str:
    return sql.split(" FROM ")[1].split(maxsplit=1)[0]


@pytest.mark.parametrize("name", ANSWERS_BLOCKED)
def test_answers_that_may_not_be_given(world: World, name: str) -> None:
    sql, due = ANSWERS_BLOCKED[name]
    report = world.attack(world.out("a.csv", sql), kind="lookup")
    assert report.verdict == "block" and found(report) & due, report.findings


@pytest.mark.parametrize("name", ANSWERS_HONEST)
def test_honest_answers(world: World, name: str) -> None:
    sql = ANSWERS_HONEST[name]
    table = _table(sql)
    report = world.attack(world.out("a.csv", sql), (table,), kind="lookup", subject=SUBJECT[table])
    assert report.verdict == "pass", report.findings


def test_one_answer_for_all_and_rare_figures_go_to_people(world: World) -> None:
    same = world.out("a.csv", f"SELECT {TOKEN}, 'yes' AS member FROM person")
    assert world.attack(same, kind="lookup").verdict == "review"
    rare = world.out(
        "a.csv",
        f"SELECT {TOKEN}, CASE WHEN age > 85 THEN 9 ELSE age % 4 END AS v FROM person WHERE age <> 86 OR insured = 1",
    )
    report = world.attack(rare, kind="lookup")
    assert report.verdict == "review", report.findings


# datasets of single rows
def _noisy(
    world: World, share: float, columns: tuple[str, ...] = ("age", "income", "gender", "job")
) -> list[tuple[Any, ...]]:
    rng = random.Random(5)
    rows = world.query(f"SELECT {', '.join(columns)} FROM person WHERE hash(id) % 3 = 0")
    moved = []
    for row in rows:
        moved.append(
            tuple(round(v * (1 + rng.uniform(-share, share)), 1) if isinstance(v, float) else v for v in row)
        )
    return moved


DATASETS_BLOCKED: dict[str, Callable[[World], tuple[list[str], list[tuple[Any, ...]]]]] = {
    "rows": lambda w: (
        ["age", "income", "gender", "job"],
        w.query("SELECT age, income, gender, job FROM person LIMIT 300"),
    ),
    "incomes moved by half a per mille": lambda w: (["age", "income", "gender", "job"], _noisy(w, 0.0005)),
    "incomes moved by a per mille": lambda w: (["age", "income", "gender", "job"], _noisy(w, 0.001)),
    "numbers": lambda w: (["id", "age"], w.query("SELECT id, age FROM person LIMIT 50")),
    "tokens": lambda w: (
        ["k", "job"],
        [
            (hashlib.sha256(f"q{i}".encode()).hexdigest(), j)
            for i, j in w.query("SELECT id, job FROM person LIMIT 200")
        ],
    ),
}


@pytest.mark.parametrize("name", DATASETS_BLOCKED)
def test_datasets_of_real_rows(world: World, name: str) -> None:
    header, rows = DATASETS_BLOCKED[name](world)
    report = world.attack(world.rows("d.csv", header, rows), kind="dataset")
    assert report.verdict == "block", report.findings


RARE_ROWS = {
    "ages": "SELECT gender, job, age, district FROM person",
    "bands": "SELECT gender, job, district, street, CASE WHEN age < 40 THEN '青' ELSE '长' END AS band FROM person",
}


@pytest.mark.parametrize("name", RARE_ROWS)
def test_rows_of_a_query_are_k_anonymous_or_stay(world: World, name: str) -> None:
    report = world.attack(world.out("d.csv", RARE_ROWS[name]), kind="dataset", sql=RARE_ROWS[name])
    assert report.verdict == "block" and "unique" in found(report)


def _told(world: World, more: str = "") -> Path:
    """What a query makes of persons and the spec does not name: nothing in it is a raw value."""
    return world.out(
        "d.csv",
        "SELECT CASE WHEN age > 85 AND insured = 1 THEN '高龄参保' WHEN age > 50 THEN '长' ELSE '青' END AS 类,"
        f" CASE gender WHEN '男' THEN '甲' ELSE '乙' END AS 组 FROM person {more}",
    )


def test_rows_of_queries_the_spec_does_not_name_are_k_anonymous_too(world: World) -> None:
    rare = world.attack(_told(world), kind="dataset", real=True)
    assert rare.verdict == "block" and "unique" in found(rare), rare.findings
    one = world.attack(_told(world, "WHERE age = 86 AND insured = 1 LIMIT 1"), kind="dataset", real=True)
    assert "unique" in found(one), one.findings
    many = world.attack(_told(world, "WHERE age < 85"), kind="dataset", real=True)
    assert many.verdict == "pass", many.findings


@pytest.mark.parametrize("order", [("person", "trip"), ("trip", "person")])
def test_a_column_graded_otherwise_in_another_table_keeps_its_own_grade(
    world: World, order: tuple[str, str]
) -> None:
    """`street` names a person's home; the streets of buses are signposts. Whichever stands last."""
    said = {"person": {"street": "L4"}, "trip": {"street": "L1", "line": "L1"}}
    grades = {name: said[name] for name in order}
    report = world.attack(
        world.out("s.csv", "SELECT street, count(*) AS n FROM person GROUP BY street"), grades=grades
    )
    assert report.verdict == "block" and "identifier" in found(report), report.findings
    own = {"trip": {"street": "L4"}, "person": {"street": "L1"}}
    report = world.attack(
        world.out("s.csv", "SELECT street, count(*) AS n FROM person GROUP BY street"), grades=own
    )
    assert report.verdict == "pass", report.findings


def _made_up(world: World, many: int, seed: int) -> list[tuple[Any, ...]]:
    """Rows drawn from the marginals: gender, job, age and an income of a fitted curve."""
    rng = random.Random(seed)
    jobs = [j for (j,) in world.query("SELECT job FROM person")]
    return [
        (rng.randint(18, 86), round(rng.lognormvariate(8.5, 0.5), 2), rng.choice("男女"), rng.choice(jobs))
        for _ in range(many)
    ]


@pytest.mark.parametrize(("many", "seed"), [(200, 1), (200, 2), (600, 3), (1500, 4), (60, 5)])
def test_made_up_rows_pass(world: World, many: int, seed: int) -> None:
    path = world.rows("d.csv", ["age", "income", "gender", "job"], _made_up(world, many, seed))
    report = world.attack(path, kind="dataset")
    assert report.verdict == "pass", report.findings


def test_generalised_rows_that_are_many_each_pass(world: World) -> None:
    sql = "SELECT gender, CASE WHEN age < 40 THEN '青' WHEN age < 60 THEN '中' ELSE '长' END AS band FROM person"
    report = world.attack(world.out("d.csv", sql), kind="dataset", sql=sql)
    assert report.verdict == "pass", report.findings


# models: what they keep, what their errors tell
NUMERIC = ["age", "income"]


def _frames(world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(training rows, rows held back); who is insured depends on age with noise."""
    rows = pd.DataFrame(
        world.query("SELECT id, age, income, job, insured FROM person ORDER BY id"),
        columns=["id", "age", "income", "job", "insured"],
    )
    chance = np.where(rows["age"] > 50, 0.7, 0.15)
    rows["insured"] = (np.random.default_rng(7).random(len(rows)) < chance).astype(int)
    held = np.arange(len(rows)) % 4 == 0
    return rows[~held].reset_index(drop=True), rows[held].reset_index(drop=True)


def _give(world: World, **frames: pd.DataFrame) -> tuple[str, ...]:
    for name, frame in frames.items():
        path = world.folder / f"{name}.csv"
        frame.to_csv(path, index=False)
        world.raw[name] = path
        world.loaded = {key: raw for key, raw in world.loaded.items() if name not in key}
    return tuple(frames)


def _train(
    frame: pd.DataFrame, features: list[str], target: str, rounds: int, **more: Any
) -> lightgbm.Booster:
    wanted = {
        "objective": "binary",
        "verbose": -1,
        "num_threads": 1,
        "seed": 3,
        **more,
    }
    return lightgbm.train(wanted, lightgbm.Dataset(frame[features], frame[target]), num_boost_round=rounds)


def _judge(
    world: World,
    model: str,
    tables: tuple[str, ...],
    features: list[str],
    target: str = "insured",
    **more: Any,
):  # type: ignore[no-untyped-def]
    said = {
        "format": "lightgbm-text",
        "trained_on": tables[0],
        "features": features,
        "target": target,
        **more,
    }
    path = world.write("m.txt", model)
    return world.attack(path, tables, kind="model", subject=dict.fromkeys(tables, "id"), model=said)


@pytest.mark.parametrize(
    ("rounds", "leaf", "verdict"), [(20, 40, "pass"), (40, 60, "pass"), (1500, 12, "block")]
)
def test_a_model_that_knows_its_training_rows_by_their_loss(
    world: World, rounds: int, leaf: int, verdict: str
) -> None:
    seen, held = _frames(world)
    tables = _give(world, seen=seen, held=held)
    model = _train(
        seen,
        NUMERIC,
        "insured",
        rounds,
        min_data_in_leaf=leaf,
        num_leaves=31,
        learning_rate=0.05 if verdict == "pass" else 0.3,
    )
    report = _judge(world, model.model_to_string(), tables, NUMERIC, holdout="held")
    assert report.verdict == verdict, report.findings


def test_without_rows_held_back_neighbours_tell(world: World) -> None:
    seen, _ = _frames(world)
    tables = _give(world, seen=seen)
    fat = _train(seen, NUMERIC, "insured", 4000, min_data_in_leaf=12, num_leaves=63, learning_rate=0.5)
    assert _judge(world, fat.model_to_string(), tables, NUMERIC).verdict == "block"
    lean = _train(seen, NUMERIC, "insured", 30, min_data_in_leaf=60)
    assert _judge(world, lean.model_to_string(), tables, NUMERIC).verdict == "pass"


def test_a_target_nobody_names_cannot_be_asked_and_goes_to_people(world: World) -> None:
    seen, held = _frames(world)
    tables = _give(world, seen=seen, held=held)
    model = _train(seen, NUMERIC, "insured", 20, min_data_in_leaf=60)
    assert (
        _judge(world, model.model_to_string(), tables, NUMERIC, target="", holdout="held").verdict == "review"
    )


def _classes(world: World, leaf: int, column: str = "job") -> tuple[str, tuple[str, ...]]:
    seen, _ = _frames(world)
    tables = _give(world, seen=seen)
    frame = seen.assign(**{column: seen[column].astype("category")})
    return _train(
        frame, ["age", column], "insured", 15, min_data_in_leaf=leaf, min_data_per_group=20
    ).model_to_string(), tables


def test_splits_by_class_are_walked_too(world: World) -> None:
    text, tables = _classes(world, 40)
    assert "num_cat=0" not in text.split("Tree=0")[1].split("Tree=1")[0] or "num_cat=1" in text
    assert _judge(world, text, tables, ["age", "job"]).verdict == "pass"
    small, tables = _classes(world, 2)
    lied = "\n".join(
        "leaf_count=" + " ".join("500" for _ in line.split()) if line.startswith("leaf_count=") else line
        for line in small.splitlines()
    )
    assert _judge(world, lied + "\n", tables, ["age", "job"]).verdict == "block"


def test_a_dictionary_of_classes_that_are_numbers_of_persons(world: World) -> None:
    text, tables = _classes(world, 40)
    ids = [i for (i,) in world.query("SELECT id FROM person LIMIT 40")]
    lines = [
        f"pandas_categorical:{json.dumps([ids])}" if line.startswith("pandas_categorical") else line
        for line in text.splitlines()
    ]
    assert _judge(world, "\n".join(lines), tables, ["age", "job"]).verdict == "block"


def _lean(world: World) -> tuple[str, pd.DataFrame, tuple[str, ...]]:
    seen, _ = _frames(world)
    return (
        _train(seen, NUMERIC, "insured", 30, min_data_in_leaf=60).model_to_string(),
        seen,
        _give(world, seen=seen),
    )


def _replaced(text: str, key: str, values: list[float]) -> str:
    """The model with the figures of one key replaced in order."""
    left = iter(values)
    lines = []
    for line in text.splitlines():
        if line.startswith(f"{key}="):
            old = line.partition("=")[2].split()
            line = f"{key}=" + " ".join(repr(next(left, float(v))) for v in old)
        lines.append(line)
    return "\n".join(lines) + "\n"


CARRIED = {
    "incomes as leaves": ("leaf_value", lambda seen: seen.income.tolist()),
    "incomes as weights": ("leaf_weight", lambda seen: seen.income.tolist()),
    "incomes as gains": ("split_gain", lambda seen: seen.income.tolist()),
    "incomes as inner values": ("internal_value", lambda seen: seen.income.tolist()),
}


@pytest.mark.parametrize("name", CARRIED)
def test_figures_of_persons_in_the_places_of_a_model(world: World, name: str) -> None:
    text, seen, tables = _lean(world)
    key, values = CARRIED[name]
    assert _judge(world, _replaced(text, key, values(seen)), tables, NUMERIC).verdict == "block"


def test_split_points_that_are_persons_incomes(world: World) -> None:
    text, seen, tables = _lean(world)
    near = np.sort(seen.income.to_numpy())
    lines = []
    for line in text.splitlines():
        if line.startswith("threshold="):
            old = [float(v) for v in line.partition("=")[2].split()]
            line = "threshold=" + " ".join(
                repr(float(near[np.abs(near - v).argmin()])) if v > 200 else repr(v) for v in old
            )
        lines.append(line)
    assert _judge(world, text, tables, NUMERIC).verdict == "pass"
    report = _judge(world, "\n".join(lines) + "\n", tables, NUMERIC)
    assert report.verdict == "block" and "model_memory" in found(report)


def test_lines_no_tree_has_are_read_as_text(world: World) -> None:
    text, _, tables = _lean(world)
    (value,) = world.query("SELECT id FROM person LIMIT 1")[0]
    assert (
        _judge(world, text.replace("Tree=1\n", f"Tree=1\nnote={value}\n"), tables, NUMERIC).verdict == "block"
    )


def test_the_range_of_a_feature_with_one_giant_goes_to_people(world: World) -> None:
    firms = pd.DataFrame(
        world.query("SELECT code AS id, output_value, staff, industry = '制造' AS good FROM firm"),
        columns=["id", "output_value", "staff", "good"],
    )
    firms["good"] = firms.good.astype(int)
    tables = _give(world, firms=firms)
    text = _train(firms, ["output_value", "staff"], "good", 5, min_data_in_leaf=40).model_to_string()
    report = _judge(world, text, tables, ["output_value", "staff"], target="good")
    assert report.verdict == "review" and found(report) == {"extreme"}
    bare = "\n".join(
        "feature_infos=none none" if line.startswith("feature_infos=") else line for line in text.splitlines()
    )
    assert _judge(world, bare + "\n", tables, ["output_value", "staff"], target="good").verdict == "pass"


def test_a_model_of_features_nobody_gave_goes_to_people(world: World) -> None:
    text, _, tables = _lean(world)
    assert _judge(world, text, tables, ["unknown", "other"]).verdict == "review"


def test_no_finding_repeats_a_value(world: World, tmp_path: Path) -> None:
    from support.attack_world import leaks

    sql, _ = ANSWERS_BLOCKED["whole records"]
    report = world.attack(world.out("a.csv", sql), kind="lookup")
    values = {str(v) for row in world.query("SELECT id, name, mobile, income FROM person") for v in row}
    assert not leaks(report, values)
