"""Check characters of Chinese identifiers, one small pure function a scheme."""

from __future__ import annotations

import datetime as _dt

from stdnum.cn import uscc as _uscc
from stdnum.exceptions import ValidationError

# GB/T 2260 province codes, with 81/82/83 for residence permits of Hong Kong, Macao and Taiwan (GA/T 2018).
PROVINCES = frozenset(
    map(
        str,
        [
            *range(11, 16),
            *range(21, 24),
            *range(31, 38),
            *range(41, 47),
            *range(50, 55),
            *range(61, 66),
            71,
            81,
            82,
            83,
            91,
        ],
    )
)

_VIN_VALUES = dict(
    zip(
        "0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
        [*range(10), *range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)],
        strict=True,
    )
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def calendar_day(year: int, month: int, day: int) -> bool:
    """Whether the three numbers are a day of the calendar."""
    try:
        _dt.date(year, month, day)
    except ValueError:
        return False
    return True


def resident_check(body: str) -> str:
    """Check character (GB 11643, ISO 7064 MOD 11-2) of the first 17 digits.

    The weights of the standard are powers of two modulo 11, and 13 is 2 modulo 11: the weighted sum is
    the body read as a number in base 13.
    """
    rest = (1 - 2 * int(body, 13)) % 11
    return "X" if rest == 10 else str(rest)


def resident_shape(value: str) -> bool:
    """18 characters, a province, a day of birth; the check character is not asked."""
    return (
        len(value) == 18
        and value[:17].isascii()
        and value[:17].isdigit()
        and value[17] in "0123456789Xx"
        and value[:2] in PROVINCES
        and value[6:8] in ("18", "19", "20")
        and calendar_day(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    )


def resident_id(value: str) -> bool:
    """An 18-character resident id whose check character holds."""
    return resident_shape(value) and resident_check(value[:17]) == value[17].upper()


def resident_id_15(value: str) -> bool:
    """A first-generation resident id: 15 digits, no check character."""
    return (
        len(value) == 15
        and value.isascii()
        and value.isdigit()
        and value[:2] in PROVINCES
        and calendar_day(1900 + int(value[6:8]), int(value[8:10]), int(value[10:12]))
    )


def credit_code(value: str) -> bool:
    """A unified social credit code (GB 32100) whose check character holds.

    A division that begins with 89 does not exist: such codes are samples (`samples.DIVISION`).
    """
    if value[2:4] == "89":
        return False
    try:
        _uscc.validate(value.upper())
    except (ValidationError, ValueError, KeyError, IndexError):
        return False
    return True


def luhn(value: str) -> bool:
    """ISO/IEC 7812 check digit."""
    total = 0
    for place, char in enumerate(reversed(value)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def vin(value: str) -> bool:
    """A vehicle identification number (GB 16735) whose check digit holds; no maker's code begins with 0."""
    return not value.startswith("0") and vin_check(value)


def vin_check(value: str) -> bool:
    """The check digit of a vehicle identification number, whoever its maker is."""
    value = value.upper()
    if len(value) != 17 or any(c not in _VIN_VALUES for c in value) or value.isdigit() or value.isalpha():
        return False
    rest = sum(_VIN_VALUES[c] * w for c, w in zip(value, _VIN_WEIGHTS, strict=True)) % 11
    return value[8] == ("X" if rest == 10 else str(rest))
