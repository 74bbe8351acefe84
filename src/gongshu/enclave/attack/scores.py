"""JSON models on the rows held back from their training: a model that predicts nothing may be anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import membership, trees
from .model import Finding
from .raw import Raw
from .reading.models import numbers
from .sentences import say
from .spec import Spec

Array = np.ndarray[Any, Any]
Predict = Callable[[Array], Array]

_COEFFICIENTS = ("coef", "coefs", "coefficients", "weights")
_SIGMOID = re.compile(r"logistic|logit|binomial", re.I)
_AVERAGED = re.compile(r"forest|extra_?trees|decision_?tree|bagging", re.I)


def check(
    model: Mapping[str, Any], raw: Raw, spec: Spec, trained_on: str, features: Sequence[str]
) -> list[Finding]:
    """Findings where the spec names rows held back (`model.holdout`); linear models and averaged trees are
    asked, other structures go to people. One that claims to predict and cannot be asked is blocked."""
    holdout = spec.model.get("holdout")
    if not isinstance(holdout, str) or holdout not in raw.columns:
        return []
    arrays = _named(model)
    if not any(name in arrays for name in _COEFFICIENTS) and not list(trees.of_json(model)):
        return [say("model_memory", "review", "模型", "model_unasked", why="不是线性模型或决策树")]
    predict = _linear(arrays, model, len(features)) or _averaged(model, len(features))
    target = spec.model.get("target")
    if predict is not None and isinstance(target, str):
        seen, unseen = (_losses(predict, raw, table, [*features, target]) for table in (trained_on, holdout))
        if seen is not None and unseen is not None:
            return membership.against_held_back(seen, unseen, spec)
    return [say("unexplained", "block", "模型", "model_unscored")]


def _losses(predict: Predict, raw: Raw, table: str, columns: Sequence[str]) -> membership.Losses | None:
    data = trees.matrix(raw, table, columns)
    if data is None:
        return None
    whole = data[0][~np.isnan(data[0]).any(axis=1)]
    x, y = whole[:, :-1], whole[:, -1]
    with np.errstate(all="ignore"):
        loss = np.abs(predict(x) - y)
    return np.nan_to_num(loss, nan=np.inf), x, y


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield str(name).strip("_").casefold(), one
            yield from _parts(one)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping):
                yield from _parts(one)


def _named(model: Mapping[str, Any]) -> dict[str, Array]:
    """Every number or list of numbers of the model, flat, by its name without outer underscores."""
    found: dict[str, Array] = {}
    for name, one in _parts(model):
        array = numbers(one) if isinstance(one, int | float | list) and not isinstance(one, bool) else None
        if array is not None:
            found.setdefault(name, array.reshape(-1))
    return found


def _told(model: Mapping[str, Any]) -> str:
    names = ("model", "class", "type", "estimator", "kind", "name", "link", "family")
    return " ".join(one for name, one in _parts(model) if name in names and isinstance(one, str))


def _linear(arrays: Mapping[str, Array], model: Mapping[str, Any], width: int) -> Predict | None:
    """Coefficients on the features as they are, or standardised by `mean` and `scale` of the model."""
    coefficients = next((arrays[name] for name in _COEFFICIENTS if name in arrays), None)
    if coefficients is None or len(coefficients) != width:
        return None
    intercept = arrays.get("intercept", np.zeros(1))
    mean, scale = arrays.get("mean", np.zeros(width)), arrays.get("scale", np.ones(width))
    if len(intercept) != 1 or len(mean) != width or len(scale) != width:
        return None
    logistic = bool(_SIGMOID.search(_told(model)))

    def predict(x: Array) -> Array:
        total: Array = ((x - mean) / scale) @ coefficients + intercept[0]
        return 1 / (1 + np.exp(-np.clip(total, -500, 500))) if logistic else total

    return predict


def _averaged(model: Mapping[str, Any], width: int) -> Predict | None:
    """One tree, or the mean of many."""
    grown = list(trees.of_json(model))
    fits = all(one.value is not None and int(one.feature.max(initial=0)) < width for one in grown)
    if not grown or not fits or (len(grown) > 1 and not _AVERAGED.search(_told(model))):
        return None
    return lambda x: trees.predict(grown, x) / len(grown)
