"""Membership inference: can one tell from a model's errors who was among its training rows?

With rows the model was not trained on (`model.holdout`, a raw table) the answer is the AUC of the simplest
attack, a threshold on the loss. Without them the model is set against the nearest other subjects: whoever
errs ten times less on a person than that person's neighbours allow knows the person and not the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import trees
from .model import Finding
from .raw import Raw
from .reading.models import Forest
from .sentences import say
from .spec import Spec

LEAST = 30
"""Fewer rows than this on either side measure nothing."""
NEIGHBOURS, SAMPLE = 10, 2_000
_NOISE = 0.2
"""Where neighbours err by less than this share of the spread, there is a rule to be learnt."""
Array = np.ndarray[Any, Any]
Losses = tuple[Array, Array, Array]
"""(loss, features, target) of each row whose target is a number."""
WHERE = "模型对训练数据的误差"
USELESS = "模型对留出数据的误差"
_OFF_SCALE = ("quantile", "lambdarank", "rank_xendcg")


def check(
    forest: Forest,
    grown: Sequence[trees.Tree],
    raw: Raw,
    spec: Spec,
    table: str,
    features: Sequence[str],
    classes: Mapping[int, list[Any]],
) -> list[Finding]:
    """Findings on a LightGBM model of one output. `table`: the raw table it was trained on."""
    if forest.head.get("num_class", "1") != "1":
        return [_unasked("多分类模型")]
    target = spec.model.get("target")
    seen = _losses(forest, grown, raw, table, features, classes, target)
    if seen is None:
        return [_unasked("没有写明目标字段")] if spec.model.get("holdout") else []
    loss, x, y = seen
    holdout = spec.model.get("holdout")
    if isinstance(holdout, str) and holdout in raw.columns:
        unseen = _losses(forest, grown, raw, holdout, features, classes, target)
        if unseen is None:
            return [_unasked("留出的数据太少")]
        on_scale = not forest.head.get("objective", "").startswith(_OFF_SCALE)
        return against_held_back(seen, unseen, spec, on_scale)
    return _by_neighbours(loss, x, y, forest, spec)


def against_held_back(seen: Losses, unseen: Losses, spec: Spec, on_scale: bool = True) -> list[Finding]:
    """Findings on a model by its losses on the rows it was, and was not, trained on.

    A model that is of no use on others' rows is no model: its parameters may say anything. `on_scale`: its
    predictions are estimates of the target's mean or median, so that a constant can be set against them.
    """
    loss, _, y = seen
    theirs, _, others = unseen
    if min(len(loss), len(theirs)) < LEAST:
        return [_unasked("留出的数据太少")]
    if not on_scale:
        return [
            _unasked("预测的不是目标的均值"),
            *_judged(auc(loss, theirs), _error(len(loss), len(theirs)), spec),
        ]
    squares = float(np.mean(theirs**2)) < float(np.mean((others - y.mean()) ** 2))
    sizes = float(np.mean(theirs)) < float(np.mean(np.abs(others - np.median(y))))
    useless = [] if squares or sizes else [say("unexplained", "block", USELESS, "model_useless")]
    return useless + _judged(auc(loss, theirs), _error(len(loss), len(theirs)), spec)


def _unasked(why: str) -> Finding:
    return say("model_memory", "review", WHERE, "model_unasked", why=why)


def _losses(
    forest: Forest,
    grown: Sequence[trees.Tree],
    raw: Raw,
    table: str,
    features: Sequence[str],
    classes: Mapping[int, list[Any]],
    target: Any,
) -> Losses | None:
    if not isinstance(target, str):
        return None
    data = trees.matrix(raw, table, [*features, target], classes)
    if data is None:
        return None
    x, y = data[0][:, :-1], data[0][:, -1]
    told = ~np.isnan(y)
    x, y = x[told], y[told]
    if not len(y):
        return None
    return np.abs(_predicted(forest, grown, x) - y), x, y


def _predicted(forest: Forest, grown: Sequence[trees.Tree], x: Array) -> Array:
    total = trees.predict(grown, x)
    if forest.head.get("average_output") and grown:
        total = total / len(grown)
    found: Array = total
    objective = forest.head.get("objective", "")
    if objective.startswith(("binary", "cross_entropy")):
        found = 1 / (1 + np.exp(-np.clip(total, -500, 500)))
    elif objective.startswith(("poisson", "gamma", "tweedie")):
        found = np.exp(np.clip(total, -500, 500))
    return found


def auc(inside: Array, outside: Array) -> float:
    """How often a training row has the smaller loss than another one; 0.5 is guessing, ties count half."""
    both = np.concatenate([inside, outside])
    values, place, many = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(many) - (many - 1) / 2)[place]
    wins = ranks[len(inside) :].sum() - len(outside) * (len(outside) + 1) / 2
    assert len(values)
    return float(wins / (len(inside) * len(outside)))


def _error(inside: int, outside: int) -> float:
    """Standard error of an AUC near one half."""
    return float(((inside + outside + 1) / (12 * inside * outside)) ** 0.5)


def _judged(found: float, error: float, spec: Spec) -> list[Finding]:
    """Against the bounds of the packs, less one standard error: chance blocks nobody."""
    people, block = (float(bound) for bound in spec.membership)
    for bound, severity in ((block, "block"), (people, "review")):
        if found - error >= bound:
            how = f"认对的把握约 {found:.2f}，猜测是 0.50"
            return [say("model_memory", severity, WHERE, "model_membership", how=how)]
    return []


def _by_neighbours(loss: Array, x: Array, y: Array, forest: Forest, spec: Spec) -> list[Finding]:
    if len(y) < LEAST + NEIGHBOURS:
        return []
    picked = np.linspace(0, len(y) - 1, min(SAMPLE, len(y))).astype(int)
    spread = np.nanstd(x, axis=0)
    scaled = np.nan_to_num(x / np.where(spread > 0, spread, 1))[picked]
    theirs = y[picked]
    expected = np.zeros(len(picked))
    for at in range(0, len(picked), 256):
        away = np.abs(scaled[at : at + 256, None, :] - scaled[None, :, :]).sum(axis=2)
        away[np.arange(len(away)), np.arange(at, at + len(away))] = np.inf
        near = np.argpartition(away, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        expected[at : at + 256] = np.abs(theirs[near].mean(axis=1) - theirs[at : at + 256])
    usual = float(np.mean(np.abs(theirs - np.median(theirs))))
    binary = forest.head.get("objective", "").startswith("binary")
    usual = 2 * float(theirs.mean()) * (1 - float(theirs.mean())) if binary else usual
    if usual <= 0 or expected.mean() < _NOISE * usual:
        return []
    if loss[picked].mean() <= (1 - float(spec.gain)) * expected.mean():
        how = "误差远小于邻近主体所允许的"
        return [say("model_memory", "block", WHERE, "model_membership", how=how)]
    return []
