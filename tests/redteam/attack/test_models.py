"""Models that hold rows, and honest ones; outputs of data with nobody behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnx.helper as oh
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from support.attack_world import World, found

FEATURES = ["age", "insured"]


def _data(world: World) -> tuple[np.ndarray, np.ndarray]:
    rows = np.array(world.query("SELECT age, insured, income FROM person"), dtype=float)
    return rows[:, :2], rows[:, 2]


def _attack(world: World, path: Path, form: str) -> Any:
    model = {"format": form, "trained_on": "person", "features": FEATURES, "target": "income"}
    return world.attack(path, kind="model", model=model)


def _lightgbm(world: World, leaf: int) -> Path:
    x, y = _data(world)
    parameters = {
        "min_data_in_leaf": leaf,
        "min_sum_hessian_in_leaf": 0,
        "num_leaves": 63,
        "verbose": -1,
        "num_threads": 1,
        "objective": "regression",
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y, feature_name=FEATURES), num_boost_round=8)
    path = world.folder / "m.txt"
    booster.save_model(str(path))
    return path


def test_lightgbm_with_tiny_leaves(world: World) -> None:
    assert "model_memory" in found(_attack(world, _lightgbm(world, 1), "lightgbm-text"))


def test_lightgbm_that_lies_about_its_leaves(world: World) -> None:
    path = _lightgbm(world, 1)
    lines = [
        "leaf_count=" + " ".join("500" for _ in line.split()) if line.startswith("leaf_count=") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    assert "model_memory" in found(_attack(world, path, "lightgbm-text"))


def test_lightgbm_with_large_leaves_passes(world: World) -> None:
    report = _attack(world, _lightgbm(world, 60), "lightgbm-text")
    assert report.verdict == "pass", report.findings


def test_identifier_in_a_model_text(world: World) -> None:
    path = _lightgbm(world, 60)
    (value,) = world.query("SELECT id FROM person LIMIT 1")[0]
    path.write_text(path.read_text() + f"\n[note: {value}]\n")
    assert found(_attack(world, path, "lightgbm-text")) & {"identifier", "identifier_encoded"}


def _tree(x: np.ndarray, y: np.ndarray, leaf: int) -> dict[str, Any]:
    tree = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=0).fit(x, y).tree_
    names = ("children_left", "children_right", "feature", "threshold", "n_node_samples")
    return {
        "model": "DecisionTreeRegressor",
        "n_samples": len(y),
        "features": FEATURES,
        "tree_": {n: getattr(tree, n).tolist() for n in names},
    }


def _tree_without_counts(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    model = _tree(x, y, 1)
    del model["tree_"]["n_node_samples"]
    return model


def _knn(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    model = KNeighborsRegressor().fit(x[:300], y[:300])
    return {
        "model": "KNeighborsRegressor",
        "n_samples": 300,
        "features": FEATURES,
        "_fit_X": model._fit_X.tolist(),
        "_y": model._y.tolist(),
    }


def _svm(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    model = SVR().fit(x[:200], y[:200])
    return {
        "model": "SVR",
        "n_samples": 200,
        "features": FEATURES,
        "support_vectors_": model.support_vectors_.tolist(),
        "dual_coef_": model.dual_coef_.tolist(),
    }


def _linear(x: np.ndarray, y: np.ndarray, rows: int | None = None) -> dict[str, Any]:
    model = LinearRegression().fit(x[:rows], y[:rows])
    return {
        "model": "LinearRegression",
        "n_samples": len(y[:rows]),
        "features": FEATURES,
        "coef": model.coef_.tolist(),
        "intercept": float(model.intercept_),
    }


BAD: dict[str, Callable[[np.ndarray, np.ndarray], dict[str, Any]]] = {
    "tree with small leaves": lambda x, y: _tree(x, y, 2),
    "tree without its counts": _tree_without_counts,
    "neighbours": _knn,
    "support vectors": _svm,
    "linear on few rows": lambda x, y: _linear(x, y, 9),
    "rows under another name": lambda x, y: {**_linear(x, y), "prior": np.column_stack([x, y])[:50].tolist()},
    "rows as records": lambda x, y: {
        **_linear(x, y),
        "notes": [
            {"age": a, "insured": b, "income": c}
            for (a, b), c in zip(x[:40].tolist(), y[:40].tolist(), strict=True)
        ],
    },
    "targets alone": lambda x, y: {**_linear(x, y), "bins": y[:60].tolist()},
    "residuals of all": lambda x, y: {**_linear(x, y), "residuals": (y - y.mean()).tolist()},
    "small class": lambda x, y: {
        "model": "GaussianNB",
        "n_samples": len(y),
        "features": FEATURES,
        "class_count_": [len(y) - 4.0, 4.0],
        "theta_": [[1.0, 2.0], [2.0, 3.0]],
    },
    "standardised rows": lambda x, y: {
        **_linear(x, y),
        "basis": np.column_stack([(x[:, 0] - x[:, 0].mean()) / x[:, 0].std(), (y - y.mean()) / y.std()])[
            :60
        ].tolist(),
    },
}


@pytest.mark.parametrize("name", BAD)
def test_json_models_that_remember(world: World, name: str) -> None:
    path = world.write("m.json", json.dumps(BAD[name](*_data(world))))
    assert "model_memory" in found(_attack(world, path, "json"))


GOOD: dict[str, Callable[[np.ndarray, np.ndarray], dict[str, Any]]] = {
    "linear": _linear,
    "tree": lambda x, y: _tree(x, y, 60),
    "bayes": lambda x, y: {
        "model": "GaussianNB",
        "n_samples": len(y),
        "features": FEATURES,
        "class_count_": [1280.0, 320.0],
        "theta_": [[51.2, 0.2], [50.1, 0.21]],
        "var_": [[390.1, 0.16], [401.4, 0.165]],
    },
    "clusters": lambda x, y: {
        "model": "KMeans",
        "n_samples": len(y),
        "features": FEATURES,
        "cluster_centers_": [[31.4, 0.19], [52.7, 0.2], [74.9, 0.21]],
        "counts": [510, 560, 530],
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_honest_json_models(world: World, name: str) -> None:
    report = _attack(world, world.write("m.json", json.dumps(GOOD[name](*_data(world)))), "json")
    assert report.verdict == "pass", report.findings


def _onnx(world: World, extra: np.ndarray | None) -> Path:
    x, y = _data(world)
    model = LinearRegression().fit(x, y)
    weights = [
        oh.make_tensor("w", onnx.TensorProto.FLOAT, [2, 1], model.coef_.astype(np.float32).tolist()),
        oh.make_tensor("b", onnx.TensorProto.FLOAT, [1], [float(model.intercept_)]),
    ]
    if extra is not None:
        weights.append(
            oh.make_tensor(
                "e", onnx.TensorProto.FLOAT, list(extra.shape), extra.astype(np.float32).tobytes(), raw=True
            )
        )
    graph = oh.make_graph(
        [oh.make_node("MatMul", ["x", "w"], ["xw"]), oh.make_node("Add", ["xw", "b"], ["y"])], "g",
        [oh.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 2])],
        [oh.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 1])],
        weights,
    )  # fmt: skip
    path = world.folder / "m.onnx"
    onnx.save(oh.make_model(graph), str(path))
    return path


def test_onnx(world: World) -> None:
    report = _attack(world, _onnx(world, None), "onnx")
    assert report.verdict == "pass", report.findings
    x, y = _data(world)
    assert "model_memory" in found(_attack(world, _onnx(world, np.column_stack([x, y])[:80]), "onnx"))


def _air(folder: Path) -> Path:
    """Hourly readings in the shape of the published ones, with NA cells; nobody stands behind them."""
    rng = np.random.default_rng(7)
    path = folder / "air.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write('"No","year","month","day","hour","PM2.5","PM10","TEMP","wd","station"\n')
        number = 0
        for station in ("Dongsi", "Tiantan"):
            for month in range(1, 7):
                for day in range(1, 29):
                    for hour in range(24):
                        number += 1
                        pm = "NA" if rng.random() < 0.02 else int(rng.gamma(2, 40)) + 3
                        file.write(
                            f'{number},2016,{month},{day},{hour},{pm},{int(rng.gamma(3, 35)) + 5},{rng.normal(12, 8):.1f},"NW","{station}"\n'
                        )
    return path


AIR_HONEST = {
    "monthly": 'SELECT station, month, round(avg("PM2.5"), 1) AS pm25, round(avg("TEMP"), 1) AS temp FROM air GROUP BY ALL ORDER BY ALL',
    "monthly unrounded": 'SELECT station, year, month, avg("PM2.5") AS pm25, max("PM10") AS top FROM air GROUP BY ALL ORDER BY ALL',
    "daily": 'SELECT station, month, day, round(avg("PM2.5"), 2) AS pm25 FROM air GROUP BY ALL ORDER BY ALL',
    "hour of day": 'SELECT hour, round(avg("PM10"), 1) AS pm10, count("PM10") AS n FROM air GROUP BY 1 ORDER BY 1',
    "whole numbers": 'SELECT station, month, CAST(round(avg("PM2.5")) AS INT) AS pm25, CAST(round(avg("PM10")) AS INT) AS pm10 FROM air GROUP BY ALL ORDER BY ALL',
}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", AIR_HONEST)
def test_air_quality(world: World, name: str, declared: bool) -> None:
    world.raw["air"] = _air(world.folder)
    world.engine.execute(
        f"CREATE OR REPLACE TABLE air AS SELECT * FROM read_csv('{world.raw['air']}', nullstr='NA')"
    )
    path = world.out("air_out.csv", AIR_HONEST[name])
    report = world.attack(
        path, ("air",), subject={}, kind="index", **({"sql": AIR_HONEST[name]} if declared else {})
    )
    assert report.verdict == "pass", report.findings


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM air LIMIT 60",
        'SELECT station, month, day, hour, "PM2.5", "TEMP" FROM air WHERE month = 2',
        'SELECT month, day, hour, station, avg("TEMP") AS t, avg("PM10") AS p FROM air WHERE month = 3 GROUP BY ALL',
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_hourly_rows_of_air_quality_are_raw(world: World, sql: str, declared: bool) -> None:
    world.raw["air"] = _air(world.folder)
    world.engine.execute(
        f"CREATE OR REPLACE TABLE air AS SELECT * FROM read_csv('{world.raw['air']}', nullstr='NA')"
    )
    report = world.attack(
        world.out("air_rows.csv", sql),
        ("air",),
        subject={},
        kind="index",
        **({"sql": sql} if declared else {}),
    )
    assert "row_copy" in found(report), sorted(found(report))
