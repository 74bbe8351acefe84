"""SM2 verification by tables says what the library says, for good signatures and for every kind of bad one."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gongshu.crypto import sign, sm2_tables
from gongshu.crypto.sign import SM2_SIGNER_ID, PrivateKey
from gongshu.crypto.sm2_tables import G, N, OutsideTables, Tables

KEYS = [PrivateKey.generate("sm2") for _ in range(3)]


@pytest.fixture(scope="module")
def tables() -> list[Tables]:
    return [Tables(key.public().raw, SM2_SIGNER_ID) for key in KEYS]


@pytest.mark.parametrize("size", [0, 1, 55, 56, 64, 1000])
def test_good_signatures_hold_for_their_key_and_data_only(tables: list[Tables], size: int) -> None:
    data = os.urandom(size)
    for place, key in enumerate(KEYS):
        signature = key.sign(data)
        assert [one.verify(signature, data) for one in tables] == [n == place for n in range(len(KEYS))]
        assert not tables[place].verify(signature, data + b"x")


def test_two_hundred_random_signatures_agree_with_the_library(tables: list[Tables]) -> None:
    key = KEYS[0]
    for count in range(200):
        data = os.urandom(count)
        signature = bytearray(key.sign(data))
        if count % 2:
            signature[-1 - count % 20] ^= 1 << count % 8
        assert tables[0].verify(bytes(signature), data) == key.public().verify(bytes(signature), data)


@pytest.mark.parametrize("r, s", [(0, 1), (1, 0), (N, 1), (1, N), (1, N - 1), (N - 1, 1), (N + 5, N + 7)])
def test_numbers_outside_their_range_are_refused(tables: list[Tables], r: int, s: int) -> None:
    signature = encode_dss_signature(r, s)
    assert not tables[0].verify(signature, b"data")
    assert not KEYS[0].public().verify(signature, b"data")


@pytest.mark.parametrize("signature", [b"", b"0", b"\x30\x00", b"\x30\x06\x02\x01\x01\x02\x01", bytes(64)])
def test_what_is_no_der_signature_is_refused(tables: list[Tables], signature: bytes) -> None:
    assert not tables[0].verify(signature, b"data")


def test_a_signature_whose_numbers_are_shifted_by_the_order_is_refused(tables: list[Tables]) -> None:
    r, s = decode_dss_signature(KEYS[0].sign(b"data"))
    assert not tables[0].verify(encode_dss_signature(r + N, s), b"data")
    assert not tables[0].verify(encode_dss_signature(r, s + N), b"data")


def test_a_sum_outside_the_tables_is_left_to_the_library() -> None:
    with pytest.raises(OutsideTables):
        sm2_tables._sum([G, G])
    with pytest.raises(OutsideTables):
        sm2_tables._sum([G, (G[0], sm2_tables.P - G[1])])


def test_the_table_holds_multiples_of_its_point() -> None:
    made = sm2_tables.table(G)
    two = sm2_tables._double(G)
    assert made[0][1] == G and made[0][2] == two
    assert made[0][3] == sm2_tables._affine_sums([(two, G)])[0]
    eight = G
    for _ in range(8):
        eight = sm2_tables._double(eight)
    assert made[1][1] == eight


def test_a_prepared_key_is_checked_by_tables_and_only_so_many_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(sign, "_prepared", {})
    monkeypatch.setattr(sign, "_MOST_PREPARED", 2)
    for key in KEYS:
        sign.prepare(key.public())
    assert len(sign._prepared) == 2
    data = b"data"
    for key in KEYS:
        assert key.public().verify(key.sign(data), data)
        assert not key.public().verify(key.sign(data), b"other")
    sign.prepare(PrivateKey.generate("ed25519").public())
    assert len(sign._prepared) == 2
