"""最高准许收入: the vector of requirements 2.3, the limits on both sides, and files that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gongshu.cli.answer import BadUse
from gongshu.cli.commands.money import maximum as command
from gongshu.cli.main import main
from gongshu.law import rules
from gongshu.money import cycles
from gongshu.money.maximum import BadSurvey, adjust, compute, read, smooth
from support.money import LAW, ON, law

FILE: dict[str, Any] = {
    "zone": "huangshi",
    "items": [{"name": "平台建设", "amount": 6_000_000}, {"name": "人力", "amount": 4_000_000}],
    "subsidy": 1_500_000,
    "bond_yield": "0.018",
    "margin": "0.06",
    "tax": 550_000,
    "actual": 10_400_000,
}


def found(**changes: Any) -> dict[str, Any]:
    return compute(read({**FILE, **changes}), LAW).data()


@pytest.mark.row("M03")
def test_the_vector() -> None:
    assert found() == {
        "ok": True,
        "cost": 8_500_000,
        "profit": 663_000,
        "tax": 550_000,
        "maximum": 9_713_000,
        "deviation": "0.0707",
        "adjust": "price",
        "carry": 687_000,
        "deductions": [687_000],
        "left": 0,
        "basis": ["national-price:三(一)", "national-price:四"],
    }


# maximum 1000: cost 1000, no profit, no tax
PLAIN = {"items": [{"name": "x", "amount": 1000}], "subsidy": 0, "bond_yield": "0", "margin": "0", "tax": 0}


@pytest.mark.row("M03")
@pytest.mark.parametrize(
    ("actual", "deviation", "asked", "carry"),
    [
        (None, None, "none", 0),
        (1000, "0.0000", "none", 0),
        (1001, "0.0010", "price", 1),
        (1100, "0.1000", "price", 100),
        (1101, "0.1010", "caps", 101),
        (999, "-0.0010", "price", 0),
        (900, "-0.1000", "price", 0),
        (899, "-0.1010", "caps", 0),
        (0, "-1.0000", "caps", 0),
    ],
)
def test_how_far_the_income_is_off(actual: int | None, deviation: str | None, asked: str, carry: int) -> None:
    told = found(**PLAIN, actual=actual)
    assert (told["deviation"], told["adjust"], told["carry"]) == (deviation, asked, carry)
    assert told["maximum"] == 1000


@pytest.mark.parametrize(
    ("excess", "asked"), [(100_000, "price"), (100_001, "caps"), (-100_000, "price"), (-100_001, "caps")]
)
def test_the_tenth_is_tested_on_the_exact_number_not_on_the_rounded(excess: int, asked: str) -> None:
    plain = {**PLAIN, "items": [{"name": "x", "amount": 1_000_000}]}
    told = found(**plain, actual=1_000_000 + excess)
    assert told["deviation"].lstrip("-") == "0.1000"
    assert told["adjust"] == asked


@pytest.mark.parametrize(("actual", "asked", "carry"), [(0, "none", 0), (5, "caps", 5), (None, "none", 0)])
def test_a_maximum_of_nothing(actual: int | None, asked: str, carry: int) -> None:
    told = found(**{**PLAIN, "items": [{"name": "x", "amount": 0}]}, actual=actual)
    assert (told["maximum"], told["deviation"], told["adjust"], told["carry"]) == (0, None, asked, carry)


def test_without_actual_income_nothing_is_asked() -> None:
    given = {key: value for key, value in FILE.items() if key != "actual"}
    told = compute(read(given), LAW).data()
    assert (told["deviation"], told["adjust"], told["carry"], told["deductions"]) == (None, "none", 0, [])


@pytest.mark.parametrize(
    ("cost", "rate", "profit"),
    [(1, "0.5", 1), (1, "0.49", 0), (3, "0.5", 2), (1000, "0.0005", 1), (1000, "0.0004", 0)],
)
def test_profit_is_rounded_half_up_once(cost: int, rate: str, profit: int) -> None:
    told = found(**{**PLAIN, "items": [{"name": "x", "amount": cost}], "bond_yield": rate}, actual=None)
    assert (told["profit"], told["maximum"]) == (profit, cost + profit)


def test_the_margin_up_to_its_limit_is_allowed_and_over_it_refused() -> None:
    assert found(margin="0.060000000000")["ok"]
    told = found(margin="0.060000000001")
    assert (told["ok"], told["code"]) == (False, "margin")
    assert (told["cost"], told["profit"], told["maximum"], told["deviation"]) == (8_500_000, None, None, None)
    assert (told["adjust"], told["carry"]) == ("none", 0)
    assert found(margin="0.07")["sentence"].startswith("加成 7.00 个百分点超过上限 6.00 个百分点")
    assert found(margin="0.060000000001")["sentence"].startswith("加成 6.0000000001 个百分点超过上限 6.00 ")
    assert "code" not in found()


def test_the_numbers_are_the_packs() -> None:
    assert LAW.margin.value == Fraction(6, 100)
    assert LAW.deviation.value == Fraction(1, 10)
    strict = replace(LAW, deviation=replace(LAW.deviation, value=Fraction(7, 100)))
    assert compute(read(FILE), strict).adjust == "caps"
    lower = replace(LAW, margin=replace(LAW.margin, value=Fraction(5, 100)))
    assert compute(read(FILE), lower).refused


def test_an_earlier_excess_is_deducted_and_what_is_left_goes_on() -> None:
    assert found(deduct=713_000)["maximum"] == 9_000_000
    assert found(deduct=713_000)["left"] == 0
    told = found(deduct=9_713_005, actual=None)
    assert (told["maximum"], told["left"]) == (0, 5)


def test_a_large_excess_is_smoothed_over_cycles() -> None:
    assert found(cycles=3)["deductions"] == [229_000, 229_000, 229_000]
    assert smooth(10, 3) == (4, 3, 3)
    assert smooth(0, 3) == ()
    assert sum(smooth(687_001, 7)) == 687_001


def test_what_moves_one_by_one() -> None:
    tenth = Fraction(1, 10)
    assert [adjust(n, 10, tenth) for n in (None, 10, 11, 12, 9, 8)] == [
        "none", "none", "price", "caps", "price", "caps",
    ]  # fmt: skip


# ---------------------------------------------------------------- bad files

BAD: list[dict[str, Any]] = [
    {"zone": 3},
    {"zone": None},
    {"items": []},
    {"items": {}},
    {"items": ["x"]},
    {"items": [{"name": "x"}]},
    {"items": [{"name": "", "amount": 1}]},
    {"items": [{"name": 5, "amount": 1}]},
    {"items": [{"name": "x", "amount": -1}]},
    {"items": [{"name": "x", "amount": 1.5}]},
    {"items": [{"name": "x", "amount": 1.0}]},
    {"items": [{"name": "x", "amount": "1"}]},
    {"items": [{"name": "x", "amount": True}]},
    {"items": [{"name": "x", "amount": 10**15 + 1}]},
    {"items": [{"name": "x", "amount": 1, "note": ""}]},
    {"subsidy": -1},
    {"subsidy": None},
    {"subsidy": 10_000_001},
    {"bond_yield": 0.018},
    {"bond_yield": 1},
    {"bond_yield": "1.8"},
    {"bond_yield": "1"},
    {"bond_yield": "-0.018"},
    {"bond_yield": "1.8%"},
    {"bond_yield": ""},
    {"margin": "six"},
    {"margin": "1e-2"},
    {"margin": None},
    {"tax": -1},
    {"tax": "1"},
    {"actual": -1},
    {"actual": 1.5},
    {"actual": "1"},
    {"deduct": -1},
    {"deduct": None},
    {"cycles": 0},
    {"cycles": 101},
    {"actul": 3},
]


@pytest.mark.parametrize("change", BAD)
def test_a_bad_file_is_one_sentence(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadSurvey) as refused:
        read({**FILE, **change})
    assert str(refused.value).endswith("。")
    path = tmp_path / "money.json"
    path.write_text(json.dumps({**FILE, **change}), encoding="utf-8")
    with pytest.raises(BadUse):
        command(["--file", str(path)])


@pytest.mark.parametrize("key", ["zone", "items", "subsidy", "bond_yield", "margin", "tax"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(BadSurvey, match=key):
        read({name: value for name, value in FILE.items() if name != key})


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_what_is_no_table_is_refused(value: Any) -> None:
    with pytest.raises(BadSurvey):
        read(value)


# ---------------------------------------------------------------- the command


def run(capsys: pytest.CaptureFixture[str], path: Path, *more: str) -> tuple[int, dict[str, Any]]:
    code = main(["money", "maximum", "--file", str(path), "--json", "--at", "2026-06-10", *more])
    return code, json.loads(capsys.readouterr().out)


def written(tmp_path: Path, content: bytes | dict[str, Any]) -> Path:
    path = tmp_path / "money.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_the_command_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, written(tmp_path, FILE))
    assert (code, told["maximum"], told["adjust"], told["carry"]) == (0, 9_713_000, "price", 687_000)
    assert {"cost", "profit", "tax", "maximum", "deviation", "adjust", "carry", "basis"} <= told.keys()


def test_the_command_refuses_a_margin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, written(tmp_path, {**FILE, "margin": "0.07"}))
    assert (code, told["ok"], told["maximum"]) == (1, False, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"zone": "cn", "zone": "cn"}',
        b'{"tax": NaN}',
        b'{"tax": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b" " * ((1 << 20) + 1),
        {**FILE, "zone": "atlantis"},
        {**FILE, "zone": ""},
    ],
)
def test_bad_use_is_two(content: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, written(tmp_path, content))
    assert (code, told["ok"], set(told["error"])) == (2, False, {"code", "sentence", "basis"})
    assert told["error"]["sentence"].endswith("。")
    assert "\n" not in told["error"]["sentence"]


def test_no_file_is_bad_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, tmp_path / "none.json")[0] == 2
    assert run(capsys, tmp_path)[0] == 2
    assert main(["money", "maximum", "--json"]) == 2


def test_a_mark_of_byte_order_does_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, written(tmp_path, b"\xef\xbb\xbf" + json.dumps(FILE).encode()))[0] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ["最高准许收入 97,130.00 元", "偏离 7.07%", "6,870.00 元，在下一周期扣减", "national-price:四"]),
        ({"actual": None}, ["最高准许收入 97,130.00 元"]),
        ({"actual": 1, "zone": "chizhou"}, ["由市发展改革委会同市数据资源局调整上限收费标准"]),
        ({"margin": "0.07"}, ["超过上限"]),
    ],
)
def test_people_read_sentences(change: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    answer = command(["--file", str(written(tmp_path, {**FILE, **change}))])
    assert all(word in answer.text for word in words)
    if "actual" in change and change["actual"] is None:
        assert "偏离" not in answer.text
        assert "扣减（" not in answer.text


# ---------------------------------------------------------------- clocks


@pytest.mark.row("P17")
def test_when_it_is_reviewed_and_reported() -> None:
    cn = rules.at("cn", ON)
    assert cycles.review(cn, date(2026, 6, 10)).due == date(2029, 6, 10)
    assert cycles.yearly_check(cn, date(2026, 6, 10)).due == date(2027, 6, 10)
    assert cycles.report(cn, 2026).due == date(2027, 3, 31)


def test_the_law_is_the_zones() -> None:
    assert law("cn").margin.basis == ("national-price:三(一)",)
    assert law("chizhou").cap_basis == ("chizhou-plan:三(六)",)
    assert law("cn").benefit_free
