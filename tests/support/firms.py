"""A project that builds: firms handed in, a grant in mode `build`, steps of queries and programs."""

from __future__ import annotations

import csv
import dataclasses
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.enclave import confirm, tasks
from gongshu.enclave.store.models import Grant, Task
from support.domainworld import BUS, Domain

GRADES = {"code": "L4", "industry": "L2", "staff": "L3", "turnover": "L3", "overdue": "L2", "good": "L2"}
FEATURES = "SELECT pseudonym(code) AS who, industry, staff, turnover, overdue, good FROM firms"
TRAIN = """
import lightgbm, pandas
data = pandas.read_parquet(inputs["features"])
x = data[["staff", "turnover", "overdue"]]
wanted = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 60, "num_leaves": 8, "num_threads": 1}
model = lightgbm.train(wanted, lightgbm.Dataset(x, data["good"]), num_boost_round=10)
model.save_model(outputs["model.txt"])
print("rows", len(data))
"""
SCORE = """
import lightgbm, pandas
data = pandas.read_parquet(inputs["features"])
model = lightgbm.Booster(model_file=inputs["model"])
score = model.predict(data[["staff", "turnover", "overdue"]])
band = pandas.cut(score, [-1, 0.4, 0.6, 2], labels=["C", "B", "A"]).astype(str)
data.assign(band=band)[["who", "band"]].to_parquet(outputs["scores.parquet"])
"""


def firms(path: Path, seed: int = 11, many: int = 3000, label: str = "QY") -> Path:
    """Firms whose good standing depends on staff and arrears, with noise."""
    rng = random.Random(seed)
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(GRADES)
        for n in range(many):
            staff, overdue = rng.randint(1, 300), rng.choice([0, 0, 0, 1, 2, 3])
            turnover = round(rng.lognormvariate(6, 1), 2)
            good = int(rng.random() < (0.85 if overdue == 0 and staff > 50 else 0.3))
            writer.writerow(
                [f"{label}{n:08d}", rng.choice(["制造", "零售", "建筑"]), staff, turnover, overdue, good]
            )
    return path


def graded(decision: Any) -> Any:
    fields = tuple(
        dataclasses.replace(field, grade=GRADES[field.name], reason="提供单位核定")
        for field in decision.fields
    )
    return dataclasses.replace(decision, fields=fields, subject="code")


def granted(domain: Domain, path: Path, **changes: Any) -> Domain:
    made = domain.hand_in(path, "res-f", "firms", graded)
    assert made.state == "confirmed", made.sentence
    body = domain.grant("res-f", "firms", **{"mode": "build", "runs_per_day": 30, **changes})
    domain.feed("grant", body)
    grant = Grant.objects.get(id=body["id"])
    assert grant.state == "awaiting", grant.sentence
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return domain


def work() -> None:
    """What the enclave's computing thread does until nothing waits."""
    from gongshu.enclave.loop import COMPUTE

    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            COMPUTE[task.kind](task, datetime.now(UTC))


def step(domain: Domain, task: str, **body: Any) -> Task:
    domain.feed("task", {"id": task, "kind": "build", "grant": "g-1", **body})
    work()
    return Task.objects.get(id=task)


def features(domain: Domain, task: str = "b-1", sql: str = FEATURES, name: str = "features") -> Task:
    return step(domain, task, name=name, sql=sql)


def program(domain: Domain, task: str, source: str, reads: list[str], *outputs: dict[str, str]) -> Task:
    return step(domain, task, language="python", program=source, reads=reads, outputs=list(outputs))


MODEL = {"name": "model", "kind": "model", "format": "lightgbm-text"}
SCORES = {"name": "scores", "kind": "table", "subject": "who"}


def scored(domain: Domain) -> Domain:
    """Features, a model and its answers."""
    for made in (
        features(domain),
        program(domain, "b-2", TRAIN, ["features"], MODEL),
        program(domain, "b-3", SCORE, ["features", "model"], SCORES),
    ):
        assert made.outcome == "done", made.detail
    return domain
