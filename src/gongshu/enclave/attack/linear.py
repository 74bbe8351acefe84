"""Linear equations over the rationals with unknowns that are not negative: elimination and bounds."""

from __future__ import annotations

from fractions import Fraction

Equation = tuple[dict[int, Fraction], Fraction]
"""(unknown → factor, right side): the sum of factor × unknown equals the right side."""


def eliminate(equations: list[Equation]) -> list[Equation]:
    """Reduced row echelon form over the rationals."""
    done: list[tuple[int, dict[int, Fraction], Fraction]] = []
    for coefficients, right in equations:
        row, value = dict(coefficients), right
        for pivot, other, other_value in done:
            factor = row.get(pivot)
            if factor:
                _subtract(row, other, factor)
                value -= factor * other_value
        if not row:
            continue
        pivot = next(iter(row))
        scale = row[pivot]
        row = {c: v / scale for c, v in row.items()}
        value /= scale
        for at, (p, other, other_value) in enumerate(done):
            factor = other.get(pivot)
            if factor:
                _subtract(other, row, factor)
                done[at] = (p, other, other_value - factor * value)
        done.append((pivot, row, value))
    return [(row, value) for _, row, value in done]


def _subtract(row: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction) -> None:
    for cell, value in other.items():
        rest = row.get(cell, Fraction(0)) - factor * value
        if rest:
            row[cell] = rest
        else:
            row.pop(cell, None)


def narrow(
    equations: list[Equation], unknown: list[int]
) -> tuple[dict[int, Fraction], dict[int, Fraction | None]]:
    """Bounds of each unknown, from 0 upwards, narrowed until nothing moves."""
    low = {c: Fraction(0) for c in unknown}
    high: dict[int, Fraction | None] = dict.fromkeys(unknown)
    for _ in range(30):
        moved = False
        for coefficients, right in equations:
            moved |= _narrow_one(coefficients, right, low, high)
        if not moved:
            break
    return low, high


def _narrow_one(
    coefficients: dict[int, Fraction],
    right: Fraction,
    low: dict[int, Fraction],
    high: dict[int, Fraction | None],
) -> bool:
    """Narrow the unknowns of one equation; whether a bound moved. The ends of all terms are summed once,
    so that a line of n withheld cells costs n steps."""
    ends = {c: _ends(f, low[c], high[c]) for c, f in coefficients.items()}
    least, open_below = _sum([e[0] for e in ends.values()])
    most, open_above = _sum([e[1] for e in ends.values()])
    moved = False
    for cell, factor in coefficients.items():
        small, large = ends[cell]
        # factor × cell = right − the others: at most right − their least, at least right − their most
        top = None if open_below - (small is None) else right - (least - (small or 0))
        bottom = None if open_above - (large is None) else right - (most - (large or 0))
        floor, ceiling = (bottom, top) if factor > 0 else (top, bottom)
        if floor is not None and floor / factor > low[cell]:
            low[cell], moved = floor / factor, True
        if ceiling is not None:
            known = high[cell]
            if known is None or ceiling / factor < known:
                high[cell], moved = ceiling / factor, True
    return moved


def _ends(factor: Fraction, low: Fraction, high: Fraction | None) -> tuple[Fraction | None, Fraction | None]:
    top = None if high is None else factor * high
    return (factor * low, top) if factor > 0 else (top, factor * low)


def _sum(ends: list[Fraction | None]) -> tuple[Fraction, int]:
    """The sum of the ends that are known, and how many are not."""
    return sum((e for e in ends if e is not None), Fraction(0)), sum(e is None for e in ends)
