"""A synthetic city: persons, enterprises, their records and bus trips, drawn from one seed.

Nothing in it is real: ids lie in a division code that was never assigned, and every file carries a column
`合成标记`. The defects (blank cells, wrong check characters, doubled rows, broken lines, an old encoding) are
of the kinds real hand-ins show.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as papq

from gongshu.demo.ids import Array, credit_codes, resident_ids

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国红文辉宇浩然欣怡子涵梓轩雨桐思佳晨阳"
TRADES = ("制造", "批发零售", "建筑", "餐饮", "物流", "信息服务", "医药", "矿业", "农业", "文旅")
LINES = [f"{number}路" for number in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 19, 20, 21, 25, 26, 31)]
DISTRICTS = ("黄石港区", "西塞山区", "下陆区", "铁山区", "大冶市", "阳新县")
FARES = ("普通卡", "学生卡", "老年卡", "扫码")
MARK = "SYN"


@dataclass(frozen=True)
class Size:
    """How large the city is."""

    persons: int = 200_000
    enterprises: int = 30_000
    trips: int = 3_000_000


@dataclass(frozen=True)
class City:
    """The files of the hand-ins, by name of the resource."""

    bus_trips: Path
    housing_fund: Path
    social_security: Path
    enterprises: Path


def build(folder: Path, seed: int, size: Size | None = None) -> City:
    """Write the city's files into `folder`; the same seed and size give the same rows."""
    size = size or Size()
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    persons = _persons(rng, size.persons)
    enterprises = _enterprises(rng, size.enterprises)
    return City(
        _bus_trips(folder / "公交刷卡.csv", rng, size),
        _housing_fund(folder / "公积金缴存.csv.gz", rng, persons, enterprises),
        _social_security(folder / "社保参保.parquet", rng, persons, enterprises),
        _enterprise_file(folder / "企业登记.csv", rng, enterprises),
    )


def _persons(rng: np.random.Generator, count: int) -> dict[str, Any]:
    births = np.datetime64("1950-01-01") + rng.integers(0, 365 * 56, count).astype("timedelta64[D]")
    names = np.char.add(
        rng.choice(list(SURNAMES), count),
        np.char.add(rng.choice(list(GIVEN), count), rng.choice(["", *GIVEN], count)),
    )
    phones = np.char.add("1990000", np.char.zfill(rng.integers(0, 10_000, count).astype(str), 4))
    return {
        "id": resident_ids(births, rng.integers(0, 1000, count)),
        "name": names,
        "phone": phones,
        "district": rng.choice(DISTRICTS, count, p=(0.22, 0.2, 0.16, 0.06, 0.24, 0.12)),
    }


def _enterprises(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """`staff` weighs how many work there; the small, the young and the thinly funded fail more often."""
    trade = rng.choice(TRADES, count)
    names = np.char.add(
        np.char.add("合成", np.char.zfill(np.arange(count).astype(str), 5)), np.char.add(trade, "有限公司")
    )
    codes = credit_codes(rng.permutation(999_999_999 // 7)[:count] if count < 10 else _distinct(rng, count))
    capital = np.round(rng.lognormal(5.2, 1.1, count), 1)
    age = rng.integers(0, 365 * 27, count)
    staff = rng.lognormal(0, 0.9, count)
    risk = -0.6 - 0.7 * np.log(capital / 180) - 0.9 * np.log(staff) - 0.00015 * age
    return {
        "code": codes,
        "name": names,
        "trade": trade,
        "capital": capital,
        "founded": np.datetime64("2024-12-31") - age.astype("timedelta64[D]"),
        "district": rng.choice(DISTRICTS, count),
        "staff": staff,
        "failing": np.where(rng.random(count) < 1 / (1 + np.exp(-risk)), "是", "否"),
    }


def _distinct(rng: np.random.Generator, count: int) -> Array:
    return np.unique(rng.integers(0, 999_999_999, count * 2))[:count]


def _blank(rng: np.random.Generator, values: Array, share: float) -> pa.Array:
    """The values with some cells empty."""
    return pa.array(values, mask=rng.random(len(values)) < share)


def _wrong_check(rng: np.random.Generator, values: Array, share: float) -> Array:
    """The ids with some last characters wrong, as typed records have."""
    hit = np.flatnonzero(rng.random(len(values)) < share)
    made = values.copy()
    made[hit] = [text[:-1] + ("1" if text[-1] != "1" else "2") for text in values[hit]]
    return made


def _marked(table: dict[str, Any], count: int) -> pa.Table:
    return pa.table({**table, "合成标记": pa.array([MARK] * count)})


def _bus_trips(path: Path, rng: np.random.Generator, size: Size) -> Path:
    """Three months of boardings, a CSV with broken lines in it."""
    cards = np.char.add("HS", np.char.zfill(rng.permutation(10_000_000)[: size.persons].astype(str), 8))
    weights = rng.pareto(1.6, size.persons) + 0.2
    owner = rng.choice(size.persons, size.trips, p=weights / weights.sum())
    line_weights = np.linspace(3, 1, len(LINES))
    line = rng.choice(len(LINES), size.trips, p=line_weights / line_weights.sum())
    day = rng.integers(0, 90, size.trips)
    peak = rng.random(size.trips) < 0.6
    hour = np.where(peak, rng.choice((7, 8, 17, 18), size.trips), rng.integers(6, 22, size.trips))
    seconds = hour * 3600 + rng.integers(0, 3600, size.trips)
    at = np.datetime64("2025-12-01T00:00:00") + (day * 86_400 + seconds).astype("timedelta64[s]")
    station = np.char.add(
        "站", np.char.zfill(((line * 17 + rng.integers(0, 24, size.trips)) % 300).astype(str), 3)
    )
    table = _marked(
        {
            "卡号": cards[owner],
            "线路": np.array(LINES)[line],
            "上车站": _blank(rng, station, 0.01),
            "上车时间": pa.array(at),
            "卡种": rng.choice(FARES, size.trips, p=(0.45, 0.15, 0.15, 0.25)),
            "金额": pa.array(np.round(rng.choice((0.0, 1.0, 1.8, 2.0), size.trips), 1)),
        },
        size.trips,
    )
    with path.open("wb") as out:
        for number, batch in enumerate(_batches(table)):
            pacsv.write_csv(batch, out, pacsv.WriteOptions(include_header=number == 0))
            if number % 3 == 0:
                out.write('"HS00000000","断行,\n'.encode())
    return path


def _batches(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, 250_000):
        yield table.slice(start, 250_000)


def _employed(rng: np.random.Generator, persons: dict[str, Any], share: float) -> Array:
    return np.flatnonzero(rng.random(len(persons["id"])) < share)


def _housing_fund(
    path: Path, rng: np.random.Generator, persons: dict[str, Any], enterprises: dict[str, Any]
) -> Path:
    """One row a depositor, GB18030 and gzip: what an old system exports."""
    who = _employed(rng, persons, 0.42)
    count = len(who)
    base = np.round(rng.lognormal(8.6, 0.35, count), 0)
    table = _marked(
        {
            "身份证号": _wrong_check(rng, persons["id"][who], 0.002),
            "姓名": persons["name"][who],
            "手机号": _blank(rng, persons["phone"][who], 0.03),
            "单位信用代码": rng.choice(enterprises["code"], count),
            "缴存基数": base,
            "月缴存额": np.round(base * rng.choice((0.05, 0.08, 0.1, 0.12), count), 2),
            "缴存状态": rng.choice(("正常", "封存", "销户"), count, p=(0.86, 0.11, 0.03)),
            "最近缴存月": rng.choice(("2026-01", "2026-02", "2025-12"), count, p=(0.7, 0.25, 0.05)),
        },
        count,
    )
    sink = pa.BufferOutputStream()
    pacsv.write_csv(table, sink)
    with gzip.open(path, "wb", compresslevel=3) as out:
        out.write(sink.getvalue().to_pybytes().decode("utf-8").encode("gb18030"))
    return path


def _social_security(
    path: Path, rng: np.random.Generator, persons: dict[str, Any], enterprises: dict[str, Any]
) -> Path:
    who = _employed(rng, persons, 0.55)
    count, share = len(who), enterprises["staff"]
    table = _marked(
        {
            "id_card": persons["id"][who],
            "employer": rng.choice(enterprises["code"], count, p=share / share.sum()),
            "kind": rng.choice(("职工养老", "居民养老"), count, p=(0.7, 0.3)),
            "base": np.round(rng.lognormal(8.5, 0.3, count), 0),
            "months": rng.integers(1, 420, count),
            "district": persons["district"][who],
        },
        count,
    )
    papq.write_table(table, path)
    return path


def _enterprise_file(path: Path, rng: np.random.Generator, enterprises: dict[str, Any]) -> Path:
    """One row a firm, UTF-8 with a byte-order mark, some rows doubled."""
    count = len(enterprises["code"])
    doubled = np.concatenate([np.arange(count), rng.integers(0, count, count // 200)])
    table = _marked(
        {
            "统一社会信用代码": _wrong_check(rng, enterprises["code"], 0.001)[doubled],
            "企业名称": enterprises["name"][doubled],
            "行业": enterprises["trade"][doubled],
            "注册资本万元": _blank(rng, enterprises["capital"][doubled], 0.02),
            "成立日期": pa.array(enterprises["founded"][doubled].astype("datetime64[D]")),
            "区县": enterprises["district"][doubled],
            "经营异常": enterprises["failing"][doubled],
        },
        len(doubled),
    )
    sink = pa.BufferOutputStream()
    pacsv.write_csv(table, sink)
    path.write_bytes(b"\xef\xbb\xbf" + sink.getvalue().to_pybytes())
    return path
