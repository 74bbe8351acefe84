"""Columns: types, grades with reasons, counted defects, and headers that are data."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from gongshu import recognise
from gongshu.recognise import checks, types

TODAY = dt.date(2026, 3, 2)


def resident(rng: random.Random) -> str:
    day = dt.date(1950, 1, 1) + dt.timedelta(days=rng.randrange(20000))
    body = f"420202{day:%Y%m%d}{rng.randrange(1000):03d}"
    return body + checks.resident_check(body)


TYPED = [
    ("客流", ["1", "20", "300", "NA"], "BIGINT"),
    ("气温", ["1", "-0.5", "3.25", ""], "DOUBLE"),
    ("金额（元）", ["1.00", "1,234.50", "99.90"], "DECIMAL(18,2)"),
    ("日期", ["2026-03-02", "2026/3/2", "2026年3月2日"], "DATE"),
    ("日期", ["20260302", "20251231"], "DATE"),
    ("时间", ["2026-03-02 08:00:00", "2026-03-02T09:30"], "TIMESTAMP"),
    ("是否换乘", ["是", "否", "是"], "BOOLEAN"),
    ("线路编号", ["001", "002", "117"], "VARCHAR"),
    ("备注", ["甲", "乙", "12"], "VARCHAR"),
    ("全空", ["", None, "NULL"], "VARCHAR"),
]


@pytest.mark.parametrize(("name", "values", "type_"), TYPED)
def test_type_proposal(name: str, values: list[str | None], type_: str) -> None:
    assert recognise.column(values, name, TODAY).type == type_


def test_resident_ids_are_l4_and_their_defects_are_counted() -> None:
    rng = random.Random(3)
    good = [resident(rng) for _ in range(500)]
    wrong = [g[:17] + ("1" if g[17] != "1" else "2") for g in good[:7]]
    seen = recognise.column([*good[7:], *wrong, "", "", good[100]], "编号", TODAY)
    assert (seen.kind, seen.grade, seen.type) == ("resident_id", "L4", "VARCHAR")
    assert (seen.defects.blank, seen.defects.wrong_check, seen.defects.duplicates) == (2, 7, 1)


def test_identifiers_in_a_text_column_raise_it_to_l4() -> None:
    values = [f"市民来电反映路灯不亮，回访电话 1381234{n:04d}，已转城管处理" for n in range(40)]
    assert recognise.column(values, "诉求内容", TODAY).grade == "L4"


@pytest.mark.parametrize(
    ("name", "values", "grade"),
    [
        ("月工资", ["5000.00", "6200.50"], "L3"),
        ("诊断名称", ["高血压", "糖尿病"], "L3"),
        ("身份证号", ["已脱敏", "已脱敏"], "L4"),
        ("name", ["东城区", "西城区", "朝阳区"], "L2"),
        ("线路", ["1路", "2路"], "L2"),
        ("某号", [f"P{n * 7919 % 100000:05d}" for n in range(300)], "L4"),
        ("线路编码", ["L001", "L002", "L003"] * 100, "L2"),
        ("lng", ["115.038612", "115.040001"], "L3"),
        ("站点", ["人民广场", "贺家桥", "王家里", "孙家湾"] * 50, "L2"),
        ("客流", ["1", "2"], "L2"),
    ],
)
def test_grade_follows_name_and_values(name: str, values: list[str], grade: str) -> None:
    assert recognise.column(values, name, TODAY).grade == grade


def test_names_are_recognised_by_a_full_column_only() -> None:
    surnames, given = "王李张刘陈杨黄赵吴周", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超"
    people = [s + g for s in surnames for g in given]
    assert recognise.column(people, "xm", TODAY).grade == "L4"
    assert recognise.column(people, "列一", TODAY).kind == "name"
    assert recognise.column(["王伟", "高台", "张江"], "站点", TODAY).kind is None


def test_out_of_range_and_impossible_days() -> None:
    assert recognise.column(["30", "200", "-1"], "年龄", TODAY).defects.out_of_range == 2
    days = ["2025-01-01"] * 97 + ["2025-02-30", "1023-01-01", "2031-01-01"]
    seen = recognise.column(days, "办理日期", TODAY)
    assert (seen.type, seen.defects.broken, seen.defects.out_of_range) == ("DATE", 1, 2)


def test_a_few_broken_cells_do_not_change_the_type() -> None:
    seen = recognise.column([str(n) for n in range(99)] + ["十二"], "班次", TODAY)
    assert (seen.type, seen.defects.broken) == ("BIGINT", 1)


def test_blocks_and_whole_give_the_same_answer() -> None:
    values: list[str | None] = [str(n % 37) if n % 11 else None for n in range(3000)]
    whole = recognise.column(values, "客流", TODAY)
    profile = recognise.ColumnProfile("客流", TODAY)
    for start in range(0, 3000, 271):
        profile.feed(values[start : start + 271])
    assert profile.result() == whole


def test_a_table_nobody_stands_behind_is_public() -> None:
    columns = [recognise.column(["1", "2"], "PM2.5"), recognise.column(["东站", "西站"], "站点")]
    assert {c.grade for c in recognise.table(columns)} == {"L1"}
    columns.append(recognise.column(["13812345678", "13912345678"], "电话"))
    assert [c.grade for c in recognise.table(columns)] == ["L2", "L2", "L4"]


def test_headers_that_are_data_are_named_without_their_value() -> None:
    header = ["姓名", "13812345678", "2026-03-01", "42020219900101001X", "东门站", "PM2.5", "", "姓名", "3.5"]
    rows = [["王伟", "1", "2", "3", "东门站", "4", "5", "李娜", "6"]]
    found = recognise.headers_look_like_data(header, rows)
    assert [(f.column, f.code) for f in found] == [
        (2, "identifier"),
        (3, "number"),
        (4, "identifier"),
        (5, "recurs"),
        (7, "blank"),
        (8, "duplicate"),
        (9, "number"),
    ]
    assert not any(header[f.column - 1] in f.sentence for f in found if header[f.column - 1])


def test_a_first_row_of_people_taken_for_headers_stops() -> None:
    rows = [["李娜", "下陆区"], ["张敏", "铁山区"], ["刘强", "黄石港区"]]
    assert [f.code for f in recognise.headers_look_like_data(["王伟", "西塞山区"], rows)] == ["like_values"]


@pytest.mark.parametrize(
    "header", [["年度", "月份", "客流量", "同比", "单价", "余额", "时间"], ["No", "PM2.5", "wd", "station"]]
)
def test_ordinary_headers_pass(header: list[str]) -> None:
    assert recognise.headers_look_like_data(header, [["1"] * len(header)]) == []


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("DATE", "2026年3月2日", dt.date(2026, 3, 2)),
        ("TIMESTAMP", "2026-03-02T00:00:00Z", dt.datetime(2026, 3, 2, 8)),
        ("TIMESTAMP", "20260302083015", dt.datetime(2026, 3, 2, 8, 30, 15)),
        ("BIGINT", "-12", -12),
        ("DOUBLE", "1,234.5", 1234.5),
        ("BOOLEAN", "否", False),
        ("BIGINT", "NA", None),
    ],
)
def test_values_are_read_as_their_type(type_: str, text: str, value: object) -> None:
    assert types.read(type_, text) == value


@pytest.mark.parametrize(
    ("type_", "text"), [("DATE", "2026-02-30"), ("BIGINT", "1.5"), ("DOUBLE", "1e999"), ("BOOLEAN", "也许")]
)
def test_broken_values_are_refused(type_: str, text: str) -> None:
    with pytest.raises(ValueError, match="不能按所选类型读出"):
        types.read(type_, text)


def test_identifiers_that_begin_late_are_still_found() -> None:
    profile = recognise.ColumnProfile("备注", TODAY)
    for block in range(20):
        profile.feed([f"说明{block * 1000 + n}" for n in range(1000)])
    rng = random.Random(5)
    for _ in range(10):
        profile.feed([resident(rng) for _ in range(1000)])
    assert profile.result().grade == "L4"
