"""Check characters of synthetic identifiers, by whole arrays. Ranges are ones never issued."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
"""A one-dimensional numpy array."""

# GB 11643: weights and check characters of the resident id.
_RESIDENT = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_RESIDENT_CHECK = np.array(list("10X98765432"))
# GB 32100: alphabet and weights of the unified social credit code.
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT = np.array([pow(3, n, 31) for n in range(17)])
# A division code that was never assigned: whoever sees it knows the person does not exist.
SYNTHETIC_DIVISION = "420299"


def resident_ids(births: Array, serials: Array) -> Array:
    """18-character resident ids of the synthetic division; `serials` 0–999."""
    days = np.char.replace(births.astype("datetime64[D]").astype(str), "-", "")
    first = np.char.add(np.char.add(SYNTHETIC_DIVISION, days), np.char.zfill(serials.astype(str), 3))
    digits = first.view("U1").reshape(len(first), -1)[:, :17].astype(np.int64)
    return np.char.add(first, _RESIDENT_CHECK[(digits * _RESIDENT).sum(axis=1) % 11])


def credit_codes(serials: Array) -> Array:
    """18-character credit codes of the synthetic division; `serials` 0–999,999,999."""
    first = np.char.add(f"91{SYNTHETIC_DIVISION}", np.char.zfill(serials.astype(str), 9))
    places = np.searchsorted(np.array(list(_ALPHABET)), first.view("U1").reshape(len(first), -1)[:, :17])
    check = (31 - (places * _CREDIT).sum(axis=1) % 31) % 31
    return np.char.add(first, np.array(list(_ALPHABET))[check])
