"""样例确认 as the provider's officer uses it."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from gongshu.enclave import confirm, tasks
from gongshu.enclave.sample import work
from gongshu.enclave.store.models import Grant, Outgoing, Sample
from support.domainworld import BUS, Domain

Enter = Callable[[str], Client]
pytestmark = pytest.mark.row("K02")


@pytest.fixture
def sample(domain: Domain, tmp_path: Path) -> Sample:
    rng = random.Random(3)
    path = tmp_path / "trips.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["card", "line", "boarded", "fare"])
        for _ in range(3000):
            at = datetime(2026, 1, 1) + timedelta(minutes=rng.randrange(80_000))
            writer.writerow(
                [
                    f"HS{rng.randrange(900):08d}",
                    rng.choice(["一路", "二路"]),
                    at.isoformat(sep=" "),
                    rng.choice([1, 2, 3]),
                ]
            )
        writer.writerow(["HS00000001", "专列", "2026-01-05 08:00:00", 2])

    def decide(decision):
        import dataclasses

        grades = {"card": "L4", "line": "L2", "boarded": "L2", "fare": "L2"}
        fields = tuple(
            dataclasses.replace(f, grade=grades[f.name], reason="不指向个人") for f in decision.fields
        )
        return dataclasses.replace(decision, fields=fields, subject="card")

    domain.hand_in(path, "res-1", "trips", decide)
    domain.feed("grant", domain.grant("res-1", "trips"))
    confirm.answer(
        Grant.objects.get(), organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now
    )
    domain.feed("task", {"id": "t-s", "kind": "sample", "grant": "g-1"})
    task = tasks.begin(datetime.now(UTC))
    assert task is not None
    work.request(task, datetime.now(UTC))
    return Sample.objects.get()


def test_the_page_shows_sample_measures_and_raw_marginals(sample: Sample, enter: Enter) -> None:
    client = enter("p-bus")
    assert sample.id in client.get("/").content.decode()
    page = client.get(f"/samples/{sample.id}/").content.decode()
    for words in ("风险", "有用程度", "分布对照", "没有记号的标识", "待提供单位确认"):
        assert words in page, words
    assert re.search(r"样[A-Z]\d{8}", page) and not re.search(r"HS\d{8}", page)
    assert "专列" not in page and "其他" in page
    assert page.count("<meter") > 6
    assert "本页内容的摘要" in page


def test_confirming_sends_it_and_refusing_does_not(sample: Sample, enter: Enter, domain: Domain) -> None:
    client = enter("p-bus")
    answer = client.post(f"/samples/{sample.id}/", {"answer": "refused", "reason": ""})
    assert answer.status_code == 400 and "写明理由" in answer.content.decode()
    assert client.post(f"/samples/{sample.id}/", {"answer": "confirmed"}).status_code == 302
    assert work.step(domain.now) == 1
    assert Outgoing.objects.filter(kind="sample").count() == 1
    page = client.get(f"/samples/{sample.id}/").content.decode()
    assert "已提供给开发人员" in page and "answer-form" not in page
    assert client.post(f"/samples/{sample.id}/", {"answer": "confirmed"}).status_code == 409


def test_others_do_not_see_it(sample: Sample, enter: Enter) -> None:
    """The raw marginals are the provider's own: neither reviewers of others nor developers see them."""
    assert enter("p-auth").get(f"/samples/{sample.id}/").status_code == 404
    assert enter("p-dev").get(f"/samples/{sample.id}/").status_code == 404
