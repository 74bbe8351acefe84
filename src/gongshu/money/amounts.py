"""Whole fen: exact fractions are rounded once, half up (四舍五入), and only here."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def half_up(amount: Fraction) -> int:
    """The nearest integer; a half goes away from zero, so that a refund rounds as its charge did."""
    doubled = 2 * abs(amount.numerator) + amount.denominator
    nearest = doubled // (2 * amount.denominator)
    return nearest if amount >= 0 else -nearest


def decimal_text(amount: Fraction, places: int) -> str:
    """The fraction as a decimal text with `places` (at least one) digits, half up; never a negative zero."""
    scaled = half_up(amount * 10**places)
    digits = f"{abs(scaled):0{places + 1}d}"
    return f"{'-' if scaled < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def apportion(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`total` fen (any sign) in proportion to `weights` (positive), by largest remainder.

    The parts always add up to `total`; among equal remainders the earlier one takes the fen, so the caller
    orders the weights by something that does not depend on how they were written.
    """
    whole = sum(weights)
    sign = -1 if total < 0 else 1
    parts = [divmod(abs(total) * weight, whole) for weight in weights]
    left = abs(total) - sum(quotient for quotient, _ in parts)
    first = sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left]
    return tuple(sign * (quotient + (place in first)) for place, (quotient, _) in enumerate(parts))


def yuan(fen: int) -> str:
    """Fen as people read money: 123456 → 1,234.56 元."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d} 元"
