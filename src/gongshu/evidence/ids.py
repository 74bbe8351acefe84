"""Opaque ids of things that entries speak of."""

from __future__ import annotations

import secrets

from .entry import looks_personal


def fresh(kind: str, size: int = 8) -> str:
    """A new id `kind-hex` of `size` random bytes, drawn until no entry would take it for a personal number.

    One in two thousand draws of eight bytes has no letter in it and looks like a bank card's number.
    """
    while looks_personal(made := f"{kind}-{secrets.token_hex(size)}"):
        pass
    return made
