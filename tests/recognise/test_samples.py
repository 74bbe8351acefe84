"""Marks of samples: form and check characters kept, told from real values by the value alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from gongshu.recognise import checks, is_sample, kinds, samples

LIKE = {
    "resident_id": "42010619900101123X",
    "resident_id_15": "420106900101123",
    "credit_code": "91420100MA4KXXXX0A",
    "mobile": "13800138000",
    "landline": "0714-6123456",
    "bank_card": "6222021234567890123",
    "plate": "鄂B12345",
    "vin": "LSVAA49J132047371",
    "imei": "860000000000001",
    "mac": "aa:bb:cc:dd:ee:0f",
    "ip": "10.1.2.3",
    "email": "wang@hs.gov.cn",
    "passport": "E12345678",
    "travel_permit": "H1234567801",
    "name": "王小明",
    "address": "黄石港区湖滨大道 5 号",
    "code": "HS00001234",
    "text": "一段说明文字",
}
WRITTEN_ALIKE = set(LIKE) - {"address", "text", "email", "mac", "ip", "landline"}
OUTSIDE_STRONG = {"resident_id", "credit_code", "mobile", "bank_card", "plate", "vin", "imei"}


def test_every_kind_has_a_mark() -> None:
    assert set(kinds.KINDS) - {"coordinate"} <= set(samples.MARKS)
    assert set(LIKE) == set(samples.MARKS)
    assert all(mark.rule for mark in samples.MARKS.values())


@pytest.mark.parametrize("kind", sorted(LIKE))
@given(number=st.integers(min_value=2**128, max_value=2**256))
def test_a_made_value_bears_its_mark_and_keeps_its_form(kind: str, number: int) -> None:
    made = samples.make(kind, LIKE[kind], number)
    assert is_sample(made) and is_sample(made, kind)
    if kind in WRITTEN_ALIKE:
        assert len(made) == len(LIKE[kind])
    assert samples.make(kind, LIKE[kind], number) == made
    if kind in OUTSIDE_STRONG:
        assert not kinds.is_kind(kind, made)
        assert not kinds.identifies(made)


@given(number=st.integers(min_value=2**128, max_value=2**256))
def test_check_characters_follow_the_national_standards(number: int) -> None:
    person = samples.make("resident_id", LIKE["resident_id"], number)
    assert checks.resident_check(person[:17]) == person[17].upper()
    assert checks.calendar_day(int(person[6:10]), int(person[10:12]), int(person[12:14]))
    firm = samples.make("credit_code", LIKE["credit_code"], number)
    assert uscc.calc_check_digit(firm[:17]) == firm[17]
    assert samples.organisation_check(firm[8:16]) == firm[16]
    assert checks.luhn(samples.make("bank_card", LIKE["bank_card"], number))
    assert checks.vin_check(samples.make("vin", LIKE["vin"], number))


@pytest.mark.parametrize(
    "broken",
    [
        "893297199410032691",  # 校验码不对
        "420106199001011234",
        "91420100MA4KXXXX0A",
        "13800138000",
        "6222021234567890123",
        "鄂B12345",
        "王小明",
        "LSVAA49J132047371",
    ],
)
def test_what_is_or_may_be_real_is_no_sample(broken: str) -> None:
    assert not is_sample(broken)


def test_a_wrong_check_character_is_no_sample() -> None:
    made = samples.make("resident_id", LIKE["resident_id"], 7**90)
    other = next(c for c in "0123456789X" if c != made[17])
    assert not is_sample(made[:17] + other, "resident_id")


def test_real_identifiers_never_bear_a_mark() -> None:
    rng = random.Random(5)
    for _ in range(3000):
        body = f"{rng.choice(sorted(checks.PROVINCES))}0106{rng.randrange(1950, 2010)}0{rng.randrange(1, 10)}11{rng.randrange(1000):03d}"
        person = body + checks.resident_check(body)
        assert kinds.is_kind("resident_id", person) and not is_sample(person)
        assert not is_sample(f"1{rng.randrange(3, 10)}{rng.randrange(10**9):09d}", "mobile")


def test_grouping_and_prefixes_stay() -> None:
    made = samples.make("bank_card", "6222 0212 3456 7890", 3**160)
    assert [len(part) for part in made.split(" ")] == [4, 4, 4, 4] and is_sample(made, "bank_card")
    assert samples.make("mobile", "+86 13800138000", 3**160).startswith("+86 12")
    assert samples.make("resident_id", "42010619900101123x", 3**160)[17] in "0123456789x"


def test_numbers_become_negative_and_are_asked_for_by_name() -> None:
    made = samples.make("number", "123456", 3**160)
    assert made.startswith("-") and len(made) == 7
    assert is_sample(made, "number") and not is_sample("123456", "number")
    assert not is_sample("-12.5")


def test_a_made_device_number_is_no_mobile_number_after_the_countrys_prefix() -> None:
    made = [samples.make("imei", LIKE["imei"], 2**128 + number) for number in range(10_000)]
    assert not any(one.startswith("0086") or kinds.identifies(one) for one in made)
