"""为什么 at the airlock: beside every decision, answered from what the domain knows, for nobody it concerns not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from django.test import Client

from airlock.test_pages import granted, reviewing, trips  # noqa: F401 — fixtures
from airlock.test_samples import sample  # noqa: F401 — a fixture
from gongshu import enclave
from gongshu.airlock import words
from gongshu.airlock.access import ACTS
from gongshu.enclave import release
from gongshu.enclave.attack.model import CHECKS
from gongshu.enclave.store.models import Intake, JournalEntry, Output, Sample, Stop
from gongshu.law import rules
from gongshu.ui.repairs import REPAIRS
from support.domainworld import Domain

Enter = Callable[[str], Client]


def marks(client: Client, path: str) -> list[str]:
    """The 为什么 of a page."""
    page = client.get(path)
    assert page.status_code == 200, path
    return [unquote(unescape(each)) for each in re.findall(r'href="(/why/[^"]+)"', page.content.decode())]


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_every_check_has_its_repair_and_every_line_of_evidence_its_words() -> None:
    assert set(CHECKS) == set(REPAIRS)
    said = set()
    for path in Path(enclave.__file__).parent.rglob("*.py"):
        for call in re.findall(
            r"(?:record|_journal)\([^()]*?\"([a-z]+\.[a-z_]+)\"|act=\"([a-z.]+)\"", path.read_text()
        ):
            said |= set(filter(None, call))
    said -= set(rules.at("cn", date(2026, 3, 2)).ids("grounds"))
    assert len(said) > 12 and said <= set(words.DONE), said - set(words.DONE)
    assert set(words.ROLES) >= {role for roles, _ in ACTS.values() for role in roles}


def test_a_verdict_and_its_thresholds_open_their_why_and_no_other_vote_does(
    granted: Domain,  # noqa: F811
    enter: Enter,
) -> None:
    output = reviewing(granted)
    client = enter("p-auth")
    assert f"/why/{output.id}" in marks(client, "/reviews/")
    on_page = set(marks(client, f"/reviews/{output.id}/"))
    assert {f"/why/{output.id}", f"/why/{output.id}.limits"} <= on_page
    verdict = shown(client, f"/why/{output.id}")
    assert (
        "互不可见" in verdict
        and output.digest in verdict
        and "“主体数够不够门槛”没有不得出域的发现" in verdict
    )
    assert "出域" in verdict and "《" in verdict, "no article"
    limits = shown(client, f"/why/{output.id}.limits")
    assert "10 个主体" in limits and "项目选择" in limits
    assert client.get(f"/why/{output.id}.vote").status_code == 404, "this person may vote"
    second = enter("p-bus2")
    client.post(f"/reviews/{output.id}/", {"answer": "confirmed", "reason": "甲的意见"})
    assert f"/why/{output.id}.vote" in marks(client, f"/reviews/{output.id}/")
    assert "已经投过票" in shown(client, f"/why/{output.id}.vote")
    # 另一位审核人从“为什么”里也看不出别人投过票
    assert JournalEntry.objects.filter(fields__subject=output.id, fields__act="vote.cast").count() == 1
    assert "表决　" in shown(client, f"/why/{output.id}")
    assert "表决　" not in shown(second, f"/why/{output.id}")
    second.post(f"/reviews/{output.id}/", {"answer": "confirmed", "reason": ""})
    assert release.step(datetime.now(UTC)) == 1
    assert shown(second, f"/why/{output.id}").count("表决　") == 2
    developer = enter("p-dev")
    for place in ("", ".limits", ".vote", ".f0"):
        assert developer.get(f"/why/{output.id}{place}").status_code == 404, place


def test_a_finding_says_what_it_means_its_threshold_and_the_repair(granted: Domain, enter: Enter) -> None:  # noqa: F811
    output = reviewing(granted)
    found = [
        {"check": each, "severity": "block", "where": "表 out，第 3 行", "sentence": "有一格人数太少。",
         "basis": ["national-operation:21"]}
        for each in ("threshold", "covert")
    ]  # fmt: skip
    Output.objects.filter(pk=output.pk).update(state="blocked", verdict="block", findings=found)
    client = enter("p-auth")
    assert f"/why/{output.id}.f1" in marks(client, f"/reviews/{output.id}/")
    page = shown(client, f"/why/{output.id}.f0")
    for said in ("有一格人数太少", "第 3 行", "10 个主体", REPAIRS["threshold"].repair.split("，")[0]):
        assert said in page, said
    assert "不准许" in shown(client, f"/why/{output.id}")
    for wrong in ("f2", "f", "fx", "f-1", "f" + "9" * 40, "f²", "nosuch"):
        assert client.get(f"/why/{output.id}.{wrong}").status_code == 404, wrong
    every_mark_opens(output, enter)


def every_mark_opens(output: Output, enter: Enter) -> None:
    client = enter("p-bus")
    client.post("/stops/", {"scope": "grant", "target": "g-1", "zone": "huangshi", "reason": "演练"})
    intake = Intake.objects.get()
    paths = (
        "/",
        "/intake/",
        f"/intake/{intake.id}/",
        "/grants/",
        "/grants/g-1/",
        "/runs/",
        "/runs/t-1/",
        "/stops/",
    )
    seen = {each for path in paths for each in marks(client, path)}
    assert {f"/why/{each}" for each in ("g-1", "t-1", "t-2", intake.id, Stop.objects.get().id)} <= seen
    for each in seen:
        assert "什么会改变结论" in shown(client, each), each
    other = enter("p-dev")
    for each in seen - {f"/why/{Stop.objects.get().id}", "/why/g-1"}:
        assert other.get(each).status_code == 404, each
    assert Client().get(f"/why/{output.id}").status_code == 302


def test_the_measures_of_a_sample_are_its_own_providers(sample: Sample, enter: Enter) -> None:  # noqa: F811
    client = enter("p-bus")
    on_page = marks(client, f"/samples/{sample.id}/")
    assert {f"/why/{sample.id}", f"/why/{sample.id}.trips"} <= set(on_page)
    assert "人数不足门槛的组合" in shown(client, f"/why/{sample.id}.trips")
    assert "等提供单位看过" in shown(client, f"/why/{sample.id}")
    assert client.get(f"/why/{sample.id}.nosuch").status_code == 404
    for other in ("p-auth", "p-dev"):
        assert enter(other).get(f"/why/{sample.id}.trips").status_code == 404


def test_a_refused_role_says_who_may(domain: Domain, enter: Enter) -> None:
    client = enter("p-dev")
    refused = client.get("/intake/")
    assert refused.status_code == 403 and "/why/act.hand_in" in refused.content.decode()
    page = shown(client, "/why/act.hand_in")
    assert "数据提供单位经办人" in page and "信任名单" in page and "不准许" in page
    assert client.get("/why/act.nosuch").status_code == 404
