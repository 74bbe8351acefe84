"""New rows from similar ones: each cell comes from another subject, and no rare combination is kept.

Around a base row the nearest rows of other subjects are the donors; the cells of the new row come from
different ones of them, so that it is nobody's row, while what goes together in the raw data still goes
together. Rows that hit a combination few subjects have are drawn again, and dropped when that fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from gongshu.enclave.sample.bands import EMPTY, Category, Ordered
from gongshu.enclave.sample.model import Array, SampleError

CANDIDATES = 4000
AGAIN = 12
ALONE = 2
"""All columns together: what one subject alone has is not shown; pairs need the threshold."""
_CHUNK = 256

Banded = Ordered | Category


@dataclass(frozen=True)
class Recipe:
    """`codes`: coarse bands, a row of numbers a column; `subject`: of each row; `ranked`: which columns are
    ordered; `rare`: for each pair of columns and for all together, the combinations few subjects have."""

    codes: Array
    subject: Array
    ranked: Array
    rare: Mapping[tuple[int, ...], Array] = field(default_factory=dict)


def recipe(columns: Sequence[Banded], subject: Array, threshold: int) -> Recipe:
    """What the rows of a table are compared by, and which combinations may not be shown."""
    codes = np.stack([one.coarse for one in columns]) if columns else np.zeros((0, subject.size), dtype=int)
    ranked = np.array([isinstance(one, Ordered) for one in columns], dtype=bool)
    every = tuple(range(len(columns)))
    rare: dict[tuple[int, ...], Array] = {
        which: _rare(codes, which, subject, threshold) for which in combinations(every, 2)
    }
    if len(every) > 2:
        rare[every] = _rare(codes, every, subject, min(ALONE, threshold))
    return Recipe(codes, subject, ranked, rare)


def keys(codes: Array, which: tuple[int, ...]) -> Array:
    """One number for each row's combination; equal combinations, equal numbers, in any table of codes."""
    found = np.zeros(codes.shape[1], dtype=np.uint64)
    for each in which:
        found = found * np.uint64(1_000_003) + (codes[each] + 2).astype(np.uint64)
    return found


def _rare(codes: Array, which: tuple[int, ...], subject: Array, threshold: int) -> Array:
    combined = keys(codes, which)
    values, place = np.unique(combined, return_inverse=True)
    pairs = np.unique(np.stack([place, subject]), axis=1)
    counts = np.bincount(pairs[0].astype(int), minlength=values.size)
    return values[counts < threshold]


def offending(codes: Array, made: Recipe) -> Array:
    """Rows (of these codes) that show a combination fewer subjects than the threshold have."""
    found = np.zeros(codes.shape[1], dtype=bool)
    for which, rare in made.rare.items():
        found |= np.isin(keys(codes, which), rare)
    return found


def neighbours(made: Recipe, base: Array, wanted: int, random: np.random.Generator) -> Array:
    """For each base row the `wanted` nearest rows of other subjects, in random order; raises SampleError."""
    pool = random.permutation(made.subject.size)[:CANDIDATES]
    if np.unique(made.subject[pool]).size <= wanted:
        raise SampleError("主体太少，凑不出互不相同的相近行，不生成样例。")
    codes = made.codes.astype(np.float32)
    spread = np.maximum(codes.max(axis=1, initial=1.0), 1.0) if codes.size else np.ones(0, dtype=np.float32)
    found = np.empty((base.size, wanted), dtype=np.int64)
    for start in range(0, base.size, _CHUNK):
        rows = base[start : start + _CHUNK]
        apart = random.random((rows.size, pool.size), dtype=np.float32) * 0.05
        for column, ranked in enumerate(made.ranked):
            one, two = codes[column][rows][:, None], codes[column][pool][None, :]
            apart += np.abs(one - two) / spread[column] if ranked else (one != two)
        apart[made.subject[rows][:, None] == made.subject[pool][None, :]] = np.inf
        nearest = np.argpartition(apart, wanted - 1, axis=1)[:, :wanted]
        found[start : start + rows.size] = pool[nearest]
    return random.permuted(found, axis=1)


def donors(
    made: Recipe, base: Array, groups: Sequence[int], wanted: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """(column × row → the row its cell comes from, which rows may stay).

    `groups`: columns of one number share a donor (dates of one row belong together).
    """
    near = neighbours(made, base, wanted, random)
    found = np.empty((len(groups), base.size), dtype=np.int64)
    left = np.arange(base.size)
    for _ in range(AGAIN):
        turn = random.permuted(near[left], axis=1)
        for column, group in enumerate(groups):
            found[column, left] = turn[:, group % wanted]
        shown = (
            np.stack([made.codes[c][found[c, left]] for c in range(len(groups))]) if groups else made.codes
        )
        left = left[offending(shown, made)] if groups else left[:0]
        if not left.size:
            break
    kept = np.ones(base.size, dtype=bool)
    kept[left] = False
    return found, kept


__all__ = ["EMPTY", "Banded", "Recipe", "donors", "keys", "neighbours", "offending", "recipe"]
