"""Reading is strict: what two readers could understand in two ways is refused."""

from __future__ import annotations

import pytest

from gongshu.crypto.canonical import CanonicalError, dumps, is_canonical, loads


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"NaN",
        b"[Infinity]",
        b"1e999",
        b"9007199254740992",
        b"-123456789012345678901234567890",
        b'"\xff"',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"",
        b"{'a':1}",
        b"[" * 100_000,
    ],
)
def test_refuses(text):
    with pytest.raises(CanonicalError) as refused:
        loads(text)
    assert str(refused.value).endswith("。")


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, {1: 2}, {"a": object()}, "\ud800", b"x"]
)
def test_writes_nothing_ambiguous(value):
    with pytest.raises(CanonicalError):
        dumps(value)


def test_round_trip_and_form():
    assert loads(b' {"b" : [1, 2.50], "a" : "\\u4e2d"} ') == {"a": "中", "b": [1, 2.5]}
    assert dumps({"b": [1, 2.5], "a": "中"}) == '{"a":"中","b":[1,2.5]}'.encode()
    assert is_canonical(b'{"a":1}') and not is_canonical(b'{"a": 1}')
