"""Filters aimed at few: does a condition keep small groups and drop large ones?

A condition over a count is a function of that count. It is tried on counts below the threshold and on many
above it; one that can hold below and fails somewhere above is aimed at the few. Row numbers are tried the
same way, asking that at least a threshold of rows, from the first on, is kept.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from gongshu.lens.facts import Fact, Measure, Number

LARGE = (
    *range(10, 31),
    40,
    50,
    75,
    99,
    100,
    101,
    128,
    250,
    500,
    999,
    1000,
    1001,
    5000,
    10**4,
    10**5,
    10**6,
    10**9,
)
Operation = Callable[..., Any]

ARITHMETIC: dict[str, Operation] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "intdiv": operator.floordiv,
    "mod": operator.mod,
}
COMPARISONS: dict[str, Operation] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "nullsafeeq": operator.eq,
    "nullsafeneq": operator.ne,
}


def constant(value: Number) -> Measure:
    return Measure(None, lambda _: value)


def compose(operation: Operation, *parts: Measure | None) -> Measure | None:
    """The measure of `operation` over `parts`, if all depend on one and the same count."""
    known = [part for part in parts if part is not None]
    names = {part.var for part in known if part.var is not None}
    if len(known) != len(parts) or len(names) > 1:
        return None

    def value(n: int) -> Number:
        values = [part.of(n) for part in known]
        if any(item is None for item in values):
            return None
        try:
            return operation(*values)  # type: ignore[no-any-return]
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None

    return Measure(next(iter(names), None), value, any(part.place for part in known))


def vanishes(measure: Measure | None) -> Measure | None:
    """For which counts a value is NULL."""
    if measure is None or measure.var is None:
        return None
    return Measure(measure.var, lambda n: measure.of(n) is None, measure.place)


def choose(branches: list[tuple[Measure | None, Measure | None]], default: Measure | None) -> Measure | None:
    """The measure of CASE: the first branch whose condition holds."""
    parts = [part for pair in branches for part in pair] + [default]
    names = {part.var for part in parts if part is not None and part.var is not None}
    if any(part is None for part in parts) or len(names) != 1:
        return None

    def value(n: int) -> Number:
        for condition, result in branches:
            if condition is not None and result is not None and condition.of(n) is True:
                return result.of(n)
        return default.of(n) if default is not None else None

    return Measure(next(iter(names)), value, any(part.place for part in parts if part is not None))


def both(left: tuple[Measure, ...], right: tuple[Measure, ...]) -> tuple[Measure, ...]:
    """The tests of a conjunction: tests of the same count are asked together."""
    return _merge(left, right, lambda a, b: a is True and b is True)


def either(left: tuple[Measure, ...], right: tuple[Measure, ...]) -> tuple[Measure, ...]:
    return _merge(left, right, lambda a, b: a is True or b is True)


def opposite(tests: tuple[Measure, ...]) -> tuple[Measure, ...]:
    """The tests of a negation."""
    return tuple(Measure(test.var, _negated(test), test.place) for test in tests)


def _negated(test: Measure) -> Callable[[int], Number]:
    return lambda n: test.of(n) is False


def _merge(
    left: tuple[Measure, ...], right: tuple[Measure, ...], join: Callable[[Any, Any], bool]
) -> tuple[Measure, ...]:
    merged = {test.var: test for test in left}
    for test in right:
        other = merged.get(test.var)
        if other is None:
            merged[test.var] = test
        else:
            merged[test.var] = Measure(test.var, _joined(other, test, join), test.place or other.place)
    return tuple(merged.values())


def _joined(a: Measure, b: Measure, join: Callable[[Any, Any], bool]) -> Callable[[int], Number]:
    return lambda n: join(a.of(n), b.of(n))


def aims_at_few(tests: Iterable[Measure], threshold: int) -> bool:
    """Whether a condition with these tests keeps small groups, or few rows, and drops others."""
    return any(_aims(test, threshold) for test in tests if test.var is not None)


def _aims(test: Measure, threshold: int) -> bool:
    small = [test.of(n) is True for n in range(1, threshold)]
    large = [test.of(n) is True for n in (threshold, *LARGE) if n >= threshold]
    if test.place:
        return not (all(small) and test.of(threshold) is True) and any((*small, *large))
    return any(small) and not all(large)


def smallest_first(fact: Fact, descending: bool) -> bool:
    """Whether ordering by this value puts the smallest groups first."""
    measure = fact.measure
    if measure is None or measure.var is None or measure.place:
        return False
    one, many = measure.of(1), measure.of(1000)
    if not isinstance(one, int | float) or not isinstance(many, int | float):
        return False
    return one > many if descending else one < many


def truth(fact: Fact) -> tuple[Measure, ...]:
    """What a value asks of a count when it is used to weigh or to switch: nothing, or "not zero"."""
    if fact.tests:
        return fact.tests
    measure = fact.measure
    if measure is None or measure.var is None or not fact.flag:
        return ()
    return (Measure(measure.var, lambda n: measure.of(n) not in (0, 0.0, False, None), measure.place),)
