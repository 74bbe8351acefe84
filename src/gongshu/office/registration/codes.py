"""Codes of certificates, 一证一码. A scheme is one class; the national one will replace `CURRENT`.

The provisional scheme: `ZX-620000-R-2026-000001-K`: 暂行, division code, R(esource) or P(roduct), year,
running number, check character of ISO/IEC 7064 MOD 37,36 (GB/T 17710).
"""

from __future__ import annotations

import re
from typing import Protocol

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36


class Scheme(Protocol):
    """How a code is written and read."""

    id: str
    title: str
    provisional: bool

    def make(self, division: str, data_type: str, year: int, number: int) -> str:
        """The code of the n-th certificate."""

    def read(self, text: str) -> str | None:
        """The code as it is stored, from what somebody typed; None when it is none of this scheme."""


class Provisional:
    """暂行编码: until the national registration platform gives codes."""

    id = "provisional-1"
    title = "暂行编码"
    provisional = True
    LETTERS = {"resource": "R", "product": "P"}
    SHAPE = re.compile(r"ZX(\d{6})([RP])(\d{4})(\d{6,9})([0-9A-Z])")

    def make(self, division: str, data_type: str, year: int, number: int) -> str:
        parts = ["ZX", division, self.LETTERS[data_type], f"{year:04d}", f"{number:06d}"]
        return "-".join([*parts, mod_37_36.calc_check_digit("".join(parts))])

    def read(self, text: str) -> str | None:
        plain = re.sub(r"[\s\-—－_.]", "", _half_width(text)).upper()
        found = self.SHAPE.fullmatch(plain)
        if found is None:
            return None
        try:
            mod_37_36.validate(plain)
        except ValidationError:
            return None
        return "-".join(["ZX", *found.groups()])


CURRENT: Scheme = Provisional()
SCHEMES: tuple[Scheme, ...] = (CURRENT,)


def read(text: str) -> str | None:
    """The stored form of a code under any scheme known here; None for a mistyped one."""
    return next((code for scheme in SCHEMES if (code := scheme.read(text))), None)


def _half_width(text: str) -> str:
    return "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text or "")
