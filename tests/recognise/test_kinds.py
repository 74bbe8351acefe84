"""Kinds of values: published examples, wrong check characters, disguises, and what must stay silent."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from gongshu.recognise import checks, kinds

VALID = [
    ("resident_id", "11010519491231002X"),  # GB 11643-1999, the standard's own example
    ("resident_id", "440524188001010014"),  # GB 11643-1999, second example
    ("resident_id", "１１０１０５１９４９１２３１００２Ｘ"),
    ("resident_id", "110105 19491231 002x"),
    ("resident_id_15", "110105491231002"),
    ("credit_code", "91110000600037341L"),
    ("mobile", "13812345678"),
    ("mobile", "+86 198-1234-5678".replace("-", "")),
    ("mobile", "0086-16612345678"),
    ("bank_card", "6222600260001072444"),
    ("bank_card", "4111111111111111"),
    ("bank_card", "4111-1111-1111-1111"),
    ("plate", "鄂B12345"),
    ("plate", "鄂A·8D5K2"),
    ("plate", "粤BD12345"),
    ("plate", "京A12345D"),
    ("plate", "粤Z1234港"),
    ("email", "zhang.san@huangshi.gov.cn"),
    ("vin", "1M8GDM9AXKP042788"),
    ("mac", "00:1A:2b:3C:4d:5E"),
    ("ip", "192.168.10.254"),
    ("ip", "2001:db8::1"),
    ("landline", "0714-6352345"),
    ("landline", "010-62345678"),
    ("passport", "E12345678"),
    ("passport", "EA1234567"),
    ("address", "湖北省黄石市下陆区杭州西路128号"),
    ("address", "团城山街道桂林北路16号3栋2单元501室"),
    ("coordinate", "115.0386,30.2012"),
    ("name", "张伟"),
    ("name", "欧阳锋"),
    ("name", "阿依古丽·买买提"),
]

SILENT = [
    ("resident_id", "110105194912310021"),
    ("resident_id", "11010519490231002X"),
    ("resident_id", "99010519491231002X"),
    ("resident_id", "20130301000000"),
    ("credit_code", "91110000600037341M"),
    ("mobile", "12812345678"),
    ("mobile", "138123456789"),
    ("bank_card", "6222600260001072445"),
    ("bank_card", "0000000000000000"),
    ("plate", "京A1234"),
    ("plate", "鄂I1234O"),
    ("ip", "999.1.1.1"),
    ("vin", "1M8GDM9AXKP042789"),
    ("name", "黄石市"),
    ("name", "杭州西路"),
    ("name", "PM2.5"),
    ("name", "安全"),
    ("address", "黄石市"),
    ("email", "a@b"),
]


@pytest.mark.parametrize(("kind", "value"), VALID)
def test_valid_values_are_recognised(kind: str, value: str) -> None:
    assert kind in kinds.of(value)


@pytest.mark.parametrize(("kind", "value"), SILENT)
def test_other_values_are_not(kind: str, value: str) -> None:
    assert kind not in kinds.of(value)


def test_shape_without_check_character_still_looks_like_one() -> None:
    assert kinds.looks_like("110105194912310021")[0] == "resident_id"
    assert "credit_code" in kinds.looks_like("91110000600037341M")
    assert "bank_card" in kinds.looks_like("6222600260001072445")


@pytest.mark.parametrize(
    "value", ["2013-03-01", "30.5", "-0.5", "300", "NNW", "2026", "Tiantan", "东城区", "", "0", "110101"]
)
def test_ordinary_values_have_no_kind(value: str) -> None:
    assert kinds.of(value) == ()


def test_identifiers_are_found_inside_a_text() -> None:
    text = "经办人(11010519491231002X)电话13812345678，户6222 6002 6000 1072 444，车鄂B12345，信 a.b@c.cn。"
    assert {f.kind for f in kinds.find(text)} == {"resident_id", "mobile", "bank_card", "plate", "email"}


def test_longer_numbers_hide_no_false_mobile() -> None:
    assert kinds.find("编号 9138123456780 与 0.13812345678") == []


def test_15_digit_and_18_digit_ids_agree_with_a_second_implementation() -> None:
    draw = random.Random(7)
    for _ in range(500):
        year, month, day = draw.randint(1930, 2020), draw.randint(1, 12), draw.randint(1, 28)
        body = f"110105{year}{month:02d}{day:02d}{draw.randint(0, 999):03d}"
        number = body + checks.resident_check(body)
        assert ric.calc_check_digit(number) == number[-1]
        assert checks.resident_id(number)


@given(st.text(max_size=60))
def test_no_text_breaks_the_detectors(text: str) -> None:
    assert set(kinds.of(text)) <= set(kinds.looks_like(text)) | set(kinds.of(text))
    kinds.find(text)


@given(st.integers(0, 10**17 - 1), st.sampled_from("0123456789X"))
def test_exactly_one_check_character_is_valid(number: int, other: str) -> None:
    body = "420202" + "1990" + "0101" + f"{number % 1000:03d}"
    good = checks.resident_check(body)
    assert checks.resident_id(body + other) is (other == good)
