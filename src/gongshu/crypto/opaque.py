"""Opaque ids: the only names that may stand where nothing personal may stand (evidence, journals, bills)."""

from __future__ import annotations

import re

SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,95}")
_PERSONAL = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[1-9][0-9]{16}[0-9Xx]"  # resident id
    r"|(?:\+?86-?)?1[3-9][0-9]{9}"  # mobile phone
    r"|[159A-Y][1-9A-Z][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"  # unified social credit code
    r"|[0-9]{15,19}"  # old resident id, bank card
    r")(?![0-9A-Za-z])"
)


def looks_personal(text: str) -> bool:
    """Whether `text` holds what may be a resident id, a mobile phone, a credit code or a card's number."""
    return _PERSONAL.search(text) is not None


def opaque(text: str) -> bool:
    """May `text` stand as an id in evidence: letters, digits and `_.:/-`, up to 96, and no such number?"""
    return SHAPE.fullmatch(text) is not None and not looks_personal(text)
