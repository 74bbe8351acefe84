"""What programs hide: parameters that predict nothing, models that cannot be asked, files no query explains."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from gongshu.enclave import attack

FEATURES = ["age", "years", "income", "paid"]
MANY = 3000


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    rng = np.random.default_rng(7)
    x = np.column_stack(
        [
            rng.integers(20, 70, MANY),
            rng.integers(0, 40, MANY),
            rng.integers(2000, 30000, MANY),
            rng.integers(100, 9000, MANY),
        ]
    )
    late = (rng.random(MANY) < np.where((x[:, 0] < 40) & (x[:, 1] < 20), 0.7, 0.15)).astype(int)
    table = pa.table(
        {
            "who": [f"psn-{rng.bytes(16).hex()}" for _ in range(MANY)],
            **{name: x[:, i] for i, name in enumerate(FEATURES)},
            "late": late,
            "due": 3.0 * x[:, 0] - 2.0 * x[:, 1] + rng.normal(0, 20, MANY),
        }
    )
    held = np.arange(MANY) % 5 == 0
    folder = tmp_path_factory.mktemp("held")
    found = {"seen": folder / "seen.parquet", "held": folder / "held.parquet"}
    pq.write_table(table.filter(pa.array(~held)), found["seen"])
    pq.write_table(table.filter(pa.array(held)), found["held"])
    return found


def judged(
    raw: dict[str, Path], path: Path, form: str, target: str | None = "late", **more: Any
) -> attack.AttackReport:
    model = {"format": form, "trained_on": "seen", "holdout": "held", "features": FEATURES}
    spec = {
        "v": 1,
        "zone": "gansu",
        "kind": "model",
        "subject": {"seen": "who", "held": "who"},
        "grades": {"who": "L4"},
        "model": {**model, **({"target": target} if target else {})},
        **more,
    }
    return attack.run(path, raw, spec, at=date(2026, 11, 20))


def said(report: attack.AttackReport) -> set[tuple[str, str, str]]:
    return {(one.check, one.severity, one.where) for one in report.findings}


USELESS = ("unexplained", "block", "模型对留出数据的误差")
UNSCORED = ("unexplained", "block", "模型")


def _seen(raw: dict[str, Path], target: str) -> tuple[np.ndarray, np.ndarray]:
    table = pq.read_table(raw["seen"])
    return np.column_stack([table[name].to_numpy() for name in FEATURES]).astype(float), table[
        target
    ].to_numpy()


def _linear(model: Any, kind: str, **more: Any) -> dict[str, Any]:
    intercept = np.ravel(model.intercept_).tolist()
    return {
        "model": kind,
        "n_samples": 2400,
        "coef": np.ravel(model.coef_).tolist(),
        "intercept": intercept,
        **more,
    }


def _tree(tree: Any) -> dict[str, Any]:
    names = ("children_left", "children_right", "feature", "threshold", "value")
    return {name: np.asarray(getattr(tree, name)).tolist() for name in names}


def _scaled(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    scaler = StandardScaler().fit(x)
    model = LogisticRegression().fit(scaler.transform(x), y)
    return _linear(model, "LogisticRegression", mean=scaler.mean_.tolist(), scale=scaler.scale_.tolist())


HONEST: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], dict[str, Any]]]] = {
    "linear": ("due", lambda x, y: _linear(LinearRegression().fit(x, y), "LinearRegression")),
    "standardised": ("late", _scaled),
    "tree": (
        "late",
        lambda x, y: {"model": "DecisionTreeClassifier", "tree_": _tree(DecisionTreeClassifier(min_samples_leaf=80).fit(x, y).tree_)},
    ),
    "forest": (
        "due",
        lambda x, y: {
            "model": "RandomForestRegressor",
            "estimators": [
                {"tree_": _tree(one.tree_)}
                for one in RandomForestRegressor(5, min_samples_leaf=80, bootstrap=False, random_state=1).fit(x, y).estimators_
            ],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_models_that_predict_pass(raw: dict[str, Path], tmp_path: Path, name: str) -> None:
    target, make = HONEST[name]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(make(*_seen(raw, target))))
    report = judged(raw, path, "json", target)
    assert not {one for one in said(report) if one[0] == "unexplained"}, report.findings


def test_rows_hidden_as_coefficients_predict_nothing(raw: dict[str, Path], tmp_path: Path) -> None:
    """One-time-padded digits of rows as coefficients look like noise, and predict like noise."""
    rng = np.random.default_rng(2)
    hidden = {
        "model": "LogisticRegression",
        "n_samples": 2400,
        "coef": [rng.uniform(-1, 1, 4).tolist()],
        "intercept": [0.18],
    }
    path = tmp_path / "m.json"
    path.write_text(json.dumps(hidden))
    report = judged(raw, path, "json")
    assert USELESS in said(report) and report.verdict == "block"
    (one,) = (one for one in report.findings if one.where == USELESS[2])
    assert one.basis and "常数" in one.sentence


@pytest.mark.parametrize("case", ["features of its own", "no target", "boosted without a rule"])
def test_a_model_that_cannot_be_asked_is_blocked(raw: dict[str, Path], tmp_path: Path, case: str) -> None:
    x, y = _seen(raw, "due")
    model = _linear(LinearRegression().fit(x, y), "LinearRegression")
    if case == "features of its own":
        model["coef"] = [*model["coef"], 0.5, 0.7]
    if case == "boosted without a rule":
        tree = _tree(DecisionTreeClassifier(min_samples_leaf=80).fit(x, y > y.mean()).tree_)
        model = {"model": "Boosted", "trees": [tree, tree]}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    assert UNSCORED in said(judged(raw, path, "json", None if case == "no target" else "due"))


def test_other_structures_go_to_people(raw: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(
        json.dumps({"model": "KMeans", "n_samples": 2400, "cluster_centers_": [[31.4, 0.19, 1.0, 2.0]]})
    )
    assert ("model_memory", "review", "模型") in said(judged(raw, path, "json"))


@pytest.mark.parametrize("junk", [True, False])
def test_leaves_of_a_forest_must_predict_too(raw: dict[str, Path], tmp_path: Path, junk: bool) -> None:
    x, y = _seen(raw, "late")
    wanted = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 80, "num_leaves": 6, "num_threads": 1}
    model = lightgbm.train(wanted, lightgbm.Dataset(x, y, feature_name=FEATURES), num_boost_round=10)
    rng = np.random.default_rng(4)
    lines = [
        "leaf_value=" + " ".join(f"{v:.4g}" for v in rng.uniform(-3, 3, len(line.split())))
        if junk and line.startswith("leaf_value=")
        else line
        for line in model.model_to_string().splitlines()
    ]
    path = tmp_path / "m.txt"
    path.write_text("\n".join(lines) + "\n")
    assert (USELESS in said(judged(raw, path, "lightgbm-text"))) is junk


def test_what_a_program_wrote_is_never_a_plain_pass(raw: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("grade,people\nA,600\nB,1800\n")
    spec = {
        "v": 1,
        "kind": "table",
        "subject": {"seen": "who", "held": "who"},
        "columns": {"people": "count"},
    }
    assert ("unexplained", "review", "文件") not in said(attack.run(path, raw, spec))
    made = attack.run(path, raw, {**spec, "program": True})
    assert ("unexplained", "review", "文件") in said(made) and made.verdict != "pass"
