"""Models as they leave: what predictions need, with few digits; nothing else a program wrote beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnx.helper as oh
import pandas
import pytest
from onnx.reference import ReferenceEvaluator

from gongshu.enclave.project import answers, plainer

pytestmark = pytest.mark.row("L07")
RNG = np.random.default_rng(3)
MANY = 4000
TABLE = pandas.DataFrame(
    {
        "capital": RNG.lognormal(12, 1.5, MANY).round(-2),
        "age": RNG.integers(1, 400, MANY),
        "rate": RNG.random(MANY) / 1000,
        "kind": pandas.Categorical(RNG.choice(["甲", "乙", "丙", "丁"], MANY)),
    }
)
TRUTH = (
    (TABLE["age"] > 120) * 1.0 + (TABLE["capital"] > 200_000) * 0.7 + (TABLE["kind"] == "丙") * 0.5
).to_numpy() + RNG.normal(0, 0.2, MANY)


def trained(**more: Any) -> lightgbm.Booster:
    wanted = {"verbose": -1, "min_data_in_leaf": 50, "num_leaves": 12, "num_threads": 1, "seed": 1, **more}
    label = (TRUTH > 1).astype(int) if wanted.get("objective") == "binary" else TRUTH
    return lightgbm.train(wanted, lightgbm.Dataset(TABLE, label), num_boost_round=30)


@pytest.mark.parametrize(
    "more",
    [
        {"objective": "binary"},
        {"objective": "regression"},
        {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"objective": "regression", "min_data_in_leaf": 3000},
    ],
)
def test_a_rounded_forest_loads_and_predicts_nearly_the_same(more: dict[str, Any]) -> None:
    model = trained(**more)
    text = model.model_to_string()
    left = plainer.lightgbm_text(text.encode()).decode()
    again = lightgbm.Booster(model_str=left)
    gap = np.abs(np.asarray(model.predict(TABLE)) - np.asarray(again.predict(TABLE)))
    # A row that lies within the rounding of a split may go the other way; hardly any does.
    assert np.quantile(gap, 0.98) < 0.001 and gap.max() < 0.1, (np.quantile(gap, 0.98), gap.max())
    for line in left.splitlines():
        name, _, values = line.partition("=")
        assert name not in ("leaf_count", "internal_value", "split_gain", "leaf_weight", "tree_sizes")
        if name in ("leaf_value", "shrinkage"):
            assert all(float(one) == float(f"{float(one):.4g}") for one in values.split())
    assert "parameters" not in left and "importances" not in left


def test_what_stands_beside_the_trees_does_not_leave() -> None:
    text = trained(objective="binary").model_to_string()
    told = text.replace("num_leaves=", "note=psn-00ff\nnum_leaves=", 1) + "\n[remark: 张三 1980]\n"
    told = told.replace("tree\n", "tree\nremark=张三\n", 1)
    left = plainer.lightgbm_text(told.encode()).decode()
    assert "张三" not in left and "psn-" not in left and "remark" not in left
    counts = [
        int(one) for line in text.splitlines() if line.startswith("leaf_count=") for one in line[11:].split()
    ]
    assert plainer.least_leaf(text.encode()) == min(counts) > 1


def test_a_split_stays_between_the_values_it_was_laid_between() -> None:
    """Rounded plainly, a split between two round figures would fall on one of them and keep it."""
    values = np.array([127_500.0, 127_600.0, 200.0, 201.0, 0.0, 1.0])
    for low, high in zip(values[::2], values[1::2], strict=True):
        point = plainer.halfway((low + high) / 2)
        assert low < point < high
    rng = np.random.default_rng(5)
    for value in np.concatenate([rng.normal(0, 1e6, 500), rng.normal(0, 1e-3, 500)]):
        point = plainer.halfway(float(value))
        assert abs(point - value) <= abs(value) * 1e-3
        assert f"{abs(point):.4e}".partition("e")[0].endswith("5") and plainer.halfway(point) == point
    assert plainer.halfway(1.0000000180025095e-35) > 0 > plainer.halfway(-1e-35)


def _net(weights: np.ndarray, raw: bool) -> onnx.ModelProto:
    values: Any = weights.astype(np.float32).tobytes() if raw else weights.astype(np.float32).ravel().tolist()
    kept = [
        oh.make_tensor("w", onnx.TensorProto.FLOAT, list(weights.shape), values, raw=raw),
        oh.make_tensor("s", onnx.TensorProto.INT64, [2], [-1, 1]),
    ]
    constant = oh.make_tensor("c", onnx.TensorProto.DOUBLE, [1], [0.123456789012345])
    nodes = [
        oh.make_node("MatMul", ["x", "w"], ["m"], doc_string="psn-ff"),
        oh.make_node("Reshape", ["m", "s"], ["r"]),
        oh.make_node("Constant", [], ["c"], value=constant),
        oh.make_node("LeakyRelu", ["r"], ["y"], alpha=0.0123456789),
    ]
    one = oh.make_tensor_value_info
    graph = oh.make_graph(
        nodes,
        "g",
        [one("x", onnx.TensorProto.FLOAT, [None, len(weights)])],
        [one("y", onnx.TensorProto.FLOAT, [None, 1]), one("c", onnx.TensorProto.DOUBLE, [1])],
        kept,
        doc_string="psn-ff",
    )
    model = oh.make_model(
        graph, opset_imports=[oh.make_opsetid("", 17)], producer_name="psn-ff", ir_version=8
    )
    oh.set_model_props(model, {"note": "psn-ff"})
    return model


@pytest.mark.parametrize("raw", [True, False])
def test_a_rounded_net_runs_and_predicts_nearly_the_same(raw: bool) -> None:
    weights, x = RNG.normal(size=(6, 1)), RNG.normal(size=(50, 6)).astype(np.float32)
    model = _net(weights, raw)
    left = plainer.onnx_model(model.SerializeToString() + b"\xfa\x3e\x06psn-ff")
    assert b"psn-ff" not in left
    again = onnx.load_model_from_string(left)
    onnx.checker.check_model(again)
    (y, _), (z, c) = (ReferenceEvaluator(one).run(None, {"x": x}) for one in (model, again))
    assert np.allclose(y, z, rtol=2e-2, atol=2e-3) and not np.array_equal(y, z)
    kept = onnx.numpy_helper.to_array(again.graph.initializer[0]).ravel()
    assert kept.tolist() == [float(np.float32(f"{one:.4g}")) for one in weights.astype(np.float32).ravel()]
    assert c.tolist() == [0.1235]
    assert [f"{one.f:.6g}" for node in again.graph.node for one in node.attribute if one.name == "alpha"] == [
        "0.01235"
    ]


def test_trees_of_onnx_are_rounded_in_their_attributes() -> None:
    node = oh.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml",
        nodes_values=[127_550.4, 0.0], target_weights=[0.123456789, -1234567.0], nodes_modes=["BRANCH_LEQ", "LEAF"],
        nodes_featureids=[0, 0],
    )  # fmt: skip
    graph = oh.make_graph([node], "g", [], [])
    again = onnx.load_model_from_string(plainer.onnx_model(oh.make_model(graph).SerializeToString()))
    found = {one.name: one for one in again.graph.node[0].attribute}
    assert list(found["nodes_values"].floats) == [127_550.0, 0.0]
    assert [f"{one:.7g}" for one in found["target_weights"].floats] == ["0.1235", "-1235000"]
    assert list(found["nodes_modes"].strings) == [b"BRANCH_LEQ", b"LEAF"]


@pytest.mark.parametrize("form", plainer.PLAINER)
@pytest.mark.parametrize(
    "data", [b"", b"\xff\xff\xff", b"tree\nTree=0\nthreshold=x\n", b"\x3a\x05ab", b"[" * 99_999]
)
def test_what_is_no_model_of_its_format_is_unfit(form: str, data: bytes) -> None:
    if form == "onnx" and not data:
        return  # an empty message is whole; the attack says that it is no model
    with pytest.raises(answers.Unfit):
        plainer.PLAINER[form](data)


def test_every_format_a_program_may_write_is_made_plainer(tmp_path: Path) -> None:
    from gongshu.enclave.project import programs

    assert set(plainer.PLAINER) == set(programs.MODELS)
    assert json.loads(plainer.json_model(b'{"coef": [0.123456]}')) == {"coef": [0.1235]}
