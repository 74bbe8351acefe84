"""How useful and how risky a sample is, in numbers a provider can read beside the raw marginals.

Usefulness: the distance of each column's distribution from the raw one (total variation of categories,
Kolmogorov-Smirnov of ordered columns, both 0 to 1, 0 is equal) and the difference of each pair's
association (Spearman for two ordered columns, else Cramér's V with bias correction). Risk: the distance
of each row to the nearest raw row, whether a row is a copy, combinations few subjects have, the share
that became 其他, identifiers that are not marked, and how often the nearest raw row of a pseudonym is its
own subject's (by chance: one in the number of subjects).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from gongshu.enclave.sample import bands, mosaic
from gongshu.enclave.sample.draw import banded_columns, copies, least
from gongshu.enclave.sample.frame import Frame
from gongshu.enclave.sample.model import Array, Column, Drawn, Settings
from gongshu.enclave.sample.pseudonyms import Pseudonyms
from gongshu.recognise import is_sample, kinds

SHOWN = 12
NEAREST = 1500
AGAINST = 6000
FOREIGN = -9
"""The code of a word that is none of those enough subjects have."""


def measured(
    drawn: Mapping[str, Drawn], frames: Mapping[str, Frame], key: bytes, settings: Settings
) -> dict[str, Any]:
    """All numbers, a table each, and `blocked`: sentences that forbid showing the sample to anybody."""
    tables = {name: _table(one, frames[name], key, settings) for name, one in drawn.items()}
    blocked = [sentence for name, each in tables.items() for sentence in _blocked(name, each["risk"])]
    return {"tables": tables, "blocked": blocked}


def _blocked(name: str, risk: Mapping[str, Any]) -> list[str]:
    sentences = {
        "unmarked": f"表“{name}”有没有记号的标识，不能离开数据域。",
        "copies": f"表“{name}”有与原始行相同的行，不能离开数据域。",
        "alone": f"表“{name}”有人数不足门槛的组合，不能离开数据域。",
    }
    return [sentence for code, sentence in sentences.items() if risk[code]]


def _table(one: Drawn, raw: Frame, key: bytes, settings: Settings) -> dict[str, Any]:
    mixed = [
        each for each in raw.source.columns if not each.names_somebody and each.name != raw.source.subject
    ]
    banded = banded_columns(raw, mixed, settings)
    ours = [_recoded(band, one.columns[each.name]) for each, band in zip(mixed, banded, strict=True)]
    pairs = _pairs(mixed, banded, ours, raw, one)
    return {
        "rows": one.height,
        "raw_rows": raw.height,
        "dropped": one.dropped,
        "columns": [
            _column(each, band, raw.cells[each.name], one.columns[each.name])
            for each, band in zip(mixed, banded, strict=True)
        ],
        "pairs": pairs[:SHOWN],
        "pair_mean": round(float(np.mean([p["difference"] for p in pairs])), 4) if pairs else 0.0,
        "pair_worst": max((p["difference"] for p in pairs), default=0.0),
        "risk": _risk(one, raw, mixed, banded, ours, key, settings),
    }


# usefulness


def _column(column: Column, band: mosaic.Banded, raw: Array, made: Sequence[object]) -> dict[str, Any]:
    if isinstance(band, bands.Category):
        words, before, after = _shares(band, made)
        return {
            "name": column.name,
            "measure": "tv",
            "distance": round(float(np.abs(before - after).sum() / 2), 4),
            "rare": round(float(band.rare.mean()), 4),
            "bars": [
                {"label": str(words[n]) if words[n] is not None else "（空）",
                 "raw": round(float(before[n]), 4), "sample": round(float(after[n]), 4)}
                for n in np.argsort(-before)[:SHOWN]
                if before[n] or after[n]
            ],
        }  # fmt: skip
    first = np.array([bands.as_number(value) for value in raw if value is not None])
    second = np.array([bands.as_number(value) for value in made if value is not None])
    return {
        "name": column.name,
        "measure": "ks",
        "distance": round(_ks(first, second), 4),
        "rare": 0.0,
        "bars": _histogram(first, second, column.type),
    }


def _shares(band: bands.Category, made: Sequence[object]) -> tuple[list[object], Array, Array]:
    words = list(band.words)
    place = {repr(word): n for n, word in reversed(list(enumerate(words)))}
    before = np.bincount(band.code, minlength=len(words)) / max(band.code.size, 1)
    known = [place[repr(value)] for value in made if repr(value) in place]
    after = np.bincount(np.array(known, dtype=int), minlength=len(words)) / max(len(made), 1)
    return words, before, after


def _ks(first: Array, second: Array) -> float:
    if not first.size or not second.size:
        return float(first.size != second.size)
    both = np.sort(np.concatenate([first, second]))
    one = np.searchsorted(np.sort(first), both, side="right") / first.size
    two = np.searchsorted(np.sort(second), both, side="right") / second.size
    return float(np.abs(one - two).max())


def _histogram(first: Array, second: Array, type_: str) -> list[dict[str, Any]]:
    """Shares in the raw data's own tenths."""
    if not first.size or not second.size:
        return []
    edges = np.unique(np.quantile(first, np.linspace(0, 1, 9)))
    found = []
    for n, low in enumerate(edges[:-1]):
        high, last = edges[n + 1], n == len(edges) - 2
        inside = [((a >= low) & ((a <= high) if last else (a < high))).mean() for a in (first, second)]
        found.append({"label": _label(float(low), type_), "raw": round(float(inside[0]), 4),
                      "sample": round(float(inside[1]), 4)})  # fmt: skip
    return found


def _label(value: float, type_: str) -> str:
    if type_ in ("DATE", "TIMESTAMP"):
        made = bands.written(np.array([value]), type_)[0]
        return f"{str(made)[:10]} 起"
    return f"{value:g} 起"


def _recoded(band: mosaic.Banded, made: Sequence[object]) -> Array:
    """The sample's values by the raw data's coarse bands."""
    if isinstance(band, bands.Category):
        place = {repr(word): n for n, word in reversed(list(enumerate(band.words)))}
        return np.array([place.get(repr(value), FOREIGN) for value in made])
    return band.place(np.array([np.nan if v is None else bands.as_number(v) for v in made]))


def _pairs(
    columns: Sequence[Column],
    banded: Sequence[mosaic.Banded],
    ours: Sequence[Array],
    raw: Frame,
    one: Drawn,
) -> list[dict[str, Any]]:
    """Every pair's association in raw data and sample, the worst first."""
    found = []
    for a, b in combinations(range(len(columns)), 2):
        if all(isinstance(banded[n], bands.Ordered) for n in (a, b)):
            before = _spearman(raw.cells[columns[a].name], raw.cells[columns[b].name])
            after = _spearman(one.columns[columns[a].name], one.columns[columns[b].name])
        else:
            before = _cramer(banded[a].coarse, banded[b].coarse)
            after = _cramer(ours[a], ours[b])
        found.append(
            {
                "a": columns[a].name,
                "b": columns[b].name,
                "raw": round(before, 4),
                "sample": round(after, 4),
                "difference": round(abs(before - after), 4),
            }
        )
    return sorted(found, key=lambda pair: (-float(str(pair["difference"])), str(pair["a"]), str(pair["b"])))


def _spearman(first: Sequence[Any] | Array, second: Sequence[Any] | Array) -> float:
    pairs = [(bands.as_number(a), bands.as_number(b)) for a, b in zip(first, second, strict=True)
             if a is not None and b is not None]  # fmt: skip
    if len(pairs) < 3:
        return 0.0
    one, two = (_ranks(np.array(side)) for side in zip(*pairs, strict=True))
    if not one.std() or not two.std():
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def _ranks(values: Array) -> Array:
    """Mean ranks of equal values."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: Array = (last - (counts - 1) / 2.0)[place]
    return mean


def _cramer(first: Array, second: Array) -> float:
    """Cramér's V with the bias correction of Bergsma (2013)."""
    rows, one = np.unique(first, return_inverse=True)
    columns, two = np.unique(second, return_inverse=True)
    n = first.size
    if rows.size < 2 or columns.size < 2 or n < 3:
        return 0.0
    counts = np.zeros((rows.size, columns.size))
    np.add.at(counts, (one, two), 1)
    expected = counts.sum(1, keepdims=True) @ counts.sum(0, keepdims=True) / n
    phi = float(((counts - expected) ** 2 / expected).sum()) / n
    r, c = rows.size, columns.size
    less = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    wide = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float((less / wide) ** 0.5) if wide > 0 else 0.0


# risk


def _risk(
    one: Drawn,
    raw: Frame,
    columns: Sequence[Column],
    banded: Sequence[mosaic.Banded],
    ours: Sequence[Array],
    key: bytes,
    settings: Settings,
) -> dict[str, Any]:
    near = _nearest(one, raw, columns, banded)
    codes = np.stack(ours) if ours else np.zeros((0, one.height), dtype=int)
    made = mosaic.recipe(banded, raw.subject, least(raw, settings))
    return {
        "unmarked": _unmarked(one),
        "copies": int(copies(one, raw, columns, least(raw, settings)).sum()),
        "alone": int(_alone(codes, made)),
        "nearest_least": round(float(near[0].min()), 9) if near[0].size else 1.0,
        "nearest_median": round(float(np.median(near[0])), 4) if near[0].size else 1.0,
        "raw_nearest_median": round(float(np.median(near[1])), 4) if near[1].size else 1.0,
        "linked": _linked(one, raw, near[2], key),
        "linked_by_chance": round(1 / max(len(raw.names), 1), 4),
        "rare_share": round(float(np.mean([b.rare.mean() for b in banded if isinstance(b, bands.Category)]
                                          or [0.0])), 4),
        "least_group": _least_group(codes, banded),
    }  # fmt: skip


def _alone(codes: Array, made: mosaic.Recipe) -> int:
    """Rows with a word or a pair of words that fewer subjects than the threshold have."""
    words = [n for n, ranked in enumerate(made.ranked) if not ranked]
    rare = {which: found for which, found in made.rare.items() if set(which) <= set(words)}
    found = mosaic.offending(codes, mosaic.Recipe(made.codes, made.subject, made.ranked, rare))
    return int((found | (codes == FOREIGN).any(axis=0)).sum())


def _least_group(codes: Array, banded: Sequence[mosaic.Banded]) -> int:
    """k of the sample's categories together: the fewest rows that share all of them."""
    words = tuple(n for n, band in enumerate(banded) if isinstance(band, bands.Category))
    if not words or not codes.shape[1]:
        return int(codes.shape[1])
    return int(np.unique(mosaic.keys(codes, words), return_counts=True)[1].min())


def _unmarked(one: Drawn) -> int:
    """Cells of naming columns without the mark, and identifiers of any kind elsewhere."""
    found = 0
    for each in one.source.columns:
        cells = [str(value) for value in one.columns[each.name] if value is not None]
        if each.names_somebody:
            kind = "number" if each.is_number else None
            found += sum(not is_sample(value, kind) for value in cells)
        elif each.type == "VARCHAR":
            found += sum(kinds.identifies(value) for value in set(cells))
    return found


def _nearest(
    one: Drawn, raw: Frame, columns: Sequence[Column], banded: Sequence[mosaic.Banded]
) -> tuple[Array, Array, Array]:
    """(distance of sample rows to the nearest raw row, of raw rows to the nearest of another subject,
    the raw row nearest to each sample row); Gower's distance, 0 to 1. A part of larger tables."""
    if not columns:
        return np.ones(0), np.ones(0), np.zeros(0, dtype=int)
    random = np.random.default_rng(0)
    pool = random.permutation(raw.height)[:AGAINST]
    some = pool[:NEAREST]
    sides: list[tuple[Array, Array, bool]] = []
    for each, band in zip(columns, banded, strict=True):
        if isinstance(band, bands.Category):
            words = {repr(value): n for n, value in enumerate(band.words)}
            there = np.array(
                [words.get(repr(v), FOREIGN - 1 - n) for n, v in enumerate(raw.cells[each.name])]
            )
            ours = np.array([words.get(repr(v), FOREIGN) for v in one.columns[each.name]])
            sides.append((ours, there, False))
        else:
            numbers = [np.array([np.nan if v is None else bands.as_number(v) for v in side])
                       for side in (one.columns[each.name], raw.cells[each.name])]  # fmt: skip
            wide = np.subtract(*np.nanquantile(numbers[1], [0.95, 0.05])) if len(numbers[1]) else 1.0
            sides.append((numbers[0] / (wide or 1.0), numbers[1] / (wide or 1.0), True))
    first = _distances([(a[:NEAREST], b[pool], ranked) for a, b, ranked in sides])
    second = _distances([(b[some], b[pool], ranked) for _, b, ranked in sides])
    second[raw.subject[some][:, None] == raw.subject[pool][None, :]] = np.inf
    return first.min(axis=1), second.min(axis=1), pool[first.argmin(axis=1)]


def _distances(sides: Sequence[tuple[Array, Array, bool]]) -> Array:
    found = np.zeros((sides[0][0].size, sides[0][1].size), dtype=np.float64)
    for one, two, ranked in sides:
        if ranked:
            apart = np.minimum(np.abs(one[:, None] - two[None, :]), 1.0)
            found += np.where(np.isnan(apart), np.isnan(one)[:, None] != np.isnan(two)[None, :], apart)
        else:
            found += one[:, None] != two[None, :]
    return found / len(sides)


def _linked(one: Drawn, raw: Frame, nearest: Array, key: bytes) -> float:
    """Share of sample rows whose nearest raw row belongs to the very subject of their pseudonym."""
    subject = raw.source.subject
    if not subject or not nearest.size:
        return 0.0
    names, domain = Pseudonyms(key), raw.source.column(subject).domain
    hits = sum(
        str(one.columns[subject][row]) == names.of(domain, str(raw.names[raw.subject[at]]))
        for row, at in enumerate(nearest)
    )
    return round(float(hits / nearest.size), 4)
