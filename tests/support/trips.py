"""Rides of two lines with many riders and one with three, under one confirmed grant."""

from __future__ import annotations

import csv
import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.enclave import confirm, release, tasks
from gongshu.enclave.store.models import Grant
from support.domainworld import BUS, Domain

SQL = "SELECT line, count(*) AS trips FROM trips GROUP BY line"
CEILING = {
    "id": "ce-1",
    "product": "pd-1",
    "grant": "g-1",
    "buyers": [{"organisation": "org-buyer", "key": "k-1"}],
    "purposes": ["调度"],
    "fields": ["line", "trips"],
    "calls_per_day": 5,
    "subjects_per_day": 0,
    "consent": "none",
}


def write(path: Path) -> Path:
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["card", "line", "fare"])
        for number in range(900):
            writer.writerow([f"HS{number % 300:08d}", f"{number % 2 + 1}路", number % 2 + 1])
        for number in range(3):
            writer.writerow([f"HS{number + 500:08d}", "3路", 2])
    return path


def graded(decision: Any) -> Any:
    grades = {"card": "L4", "line": "L1", "fare": "L2"}
    fields = tuple(
        dataclasses.replace(field, grade=grades[field.name], reason="线路不指向个人")
        for field in decision.fields
    )
    return dataclasses.replace(decision, fields=fields, subject="card")


def granted(domain: Domain, path: Path) -> Domain:
    assert domain.hand_in(path, "res-1", "trips", graded).state == "confirmed"
    domain.feed("grant", domain.grant("res-1", "trips"))
    grant = Grant.objects.get(id="g-1")
    confirm.answer(grant, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    return domain


def work() -> None:
    """What the enclave's computing thread does until nothing waits."""
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))
