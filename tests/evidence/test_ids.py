"""Opaque ids never look like a person's number."""

from __future__ import annotations

import secrets

import pytest

from gongshu.evidence.entry import looks_personal
from gongshu.evidence.ids import fresh


def test_a_draw_without_a_letter_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(["5073483032924571", "507348303292457a"])
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(draws))
    assert looks_personal("in-5073483032924571")
    assert fresh("in") == "in-507348303292457a"


def test_size_and_kind() -> None:
    kind, _, body = fresh("o", 12).partition("-")
    assert kind == "o" and len(body) == 24
