"""Opaque identifiers: nothing of a person or a firm can be read from one."""

from __future__ import annotations

import secrets

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 去掉 l o 0 1，念得出、抄得对
LENGTH = 20  # 100 bit


def new_id(prefix: str) -> str:
    """A random id such as `p-7mfx…`: prefix, hyphen, 20 characters of a 32-letter alphabet."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def person_id() -> str:
    return new_id("p")


def organisation_id() -> str:
    return new_id("o")


def account_id() -> str:
    return new_id("a")
