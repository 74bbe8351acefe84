"""A small raw city for samples: people, their payments and firms, with someone who stands out in each way."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from stdnum.cn import uscc

from gongshu.enclave.sample.model import Column, Source
from gongshu.recognise import checks

TOWNS = ["黄石港区", "西塞山区", "下陆区", "铁山区", "阳新县", "大冶市"]
RICHEST, BUSIEST, LONELY = 0, 1, 2
"""Rows of `person`: the highest income, the most payments, a town and an illness nobody else has."""


def resident_id(rng: random.Random, born: dt.date) -> str:
    body = f"4202{rng.choice(['02', '03', '04', '22'])}{born:%Y%m%d}{rng.randrange(1000):03d}"
    return body + checks.resident_check(body)


def firm_code(rng: random.Random) -> str:
    body = "91420200" + "".join(rng.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(9))
    return body + str(uscc.calc_check_digit(body))


def city(place: Path, people: int = 2000, seed: int = 1) -> dict[str, dict[str, list]]:
    """Write `person`, `payment`, `firm` as Parquet into `place`; returns their columns."""
    rng = random.Random(seed)
    place.mkdir(parents=True, exist_ok=True)
    firms = [firm_code(rng) for _ in range(150)]
    person: dict[str, list] = {
        n: [] for n in ("id", "name", "mobile", "town", "birth", "income", "illness", "firm")
    }
    payment: dict[str, list] = {n: [] for n in ("id", "paid", "month", "amount")}
    taken: set[str] = set()
    for row in range(people):
        born = dt.date(1950, 1, 1) + dt.timedelta(days=rng.randrange(20_000))
        number = resident_id(rng, born)
        while number in taken:
            number = resident_id(rng, born)
        taken.add(number)
        income = (
            987_654.0
            if row == RICHEST
            else round(max(900, rng.gauss(4000 + (2005 - born.year) * 120, 900)), 2)
        )
        person["id"].append(number)
        person["name"].append(rng.choice("赵钱孙李周吴郑王") + rng.choice("伟芳娜敏静强磊"))
        person["mobile"].append(f"138{rng.randrange(10**8):08d}")
        person["town"].append("孤岛村" if row == LONELY else rng.choices(TOWNS, [30, 25, 20, 4, 12, 9])[0])
        person["birth"].append(born)
        person["income"].append(income)
        person["illness"].append(
            "渐冻症" if row == LONELY else rng.choices(["无", "高血压", "糖尿病"], [80, 15, 5])[0]
        )
        person["firm"].append(firms[0] if rng.random() < 0.3 else rng.choice(firms))
        for _ in range(80 if row == BUSIEST else rng.randrange(1, 7)):
            at = dt.datetime(2024, 1, 1) + dt.timedelta(
                days=rng.randrange(700), hours=rng.choice([9, 10, 15])
            )
            payment["id"].append(number)
            payment["paid"].append(at + dt.timedelta(seconds=rng.randrange(3600)))
            payment["month"].append(at.month)
            payment["amount"].append(round(income * 0.12, 2))
    firm = {
        "code": firms,
        "industry": [rng.choice(["制造", "建筑", "零售"]) for _ in firms],
        "staff": [rng.randrange(5, 900) for _ in firms],
    }
    made = {"person": person, "payment": payment, "firm": firm}
    for name, columns in made.items():
        pq.write_table(pa.table(columns), place / f"{name}.parquet")
    return made


def sources(place: Path) -> list[Source]:
    """The three tables as a grant names them."""
    c = Column
    person = (
        c("id", "VARCHAR", "L4", "resident_id"),
        c("name", "VARCHAR", "L4", "name"),
        c("mobile", "VARCHAR", "L4", "mobile"),
        c("town", "VARCHAR", "L2"),
        c("birth", "DATE", "L3"),
        c("income", "DOUBLE", "L3"),
        c("illness", "VARCHAR", "L3"),
        c("firm", "VARCHAR", "L4", "credit_code"),
    )
    payment = (
        c("id", "VARCHAR", "L4", "resident_id"),
        c("paid", "TIMESTAMP", "L2"),
        c("month", "BIGINT", "L2"),
        c("amount", "DOUBLE", "L3"),
    )
    firm = (
        c("code", "VARCHAR", "L4", "credit_code"),
        c("industry", "VARCHAR", "L2"),
        c("staff", "BIGINT", "L2"),
    )
    return [
        Source("person", place / "person.parquet", person, "id"),
        Source("payment", place / "payment.parquet", payment, "id"),
        Source("firm", place / "firm.parquet", firm, "code"),
    ]
