"""The three pages of the airlock as their people use them."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from gongshu.enclave import products, release, tasks
from gongshu.enclave.store.models import (
    Confirmation,
    Grant,
    Intake,
    Outgoing,
    Output,
    Stop,
    Task,
    Vote,
)
from gongshu.wire import witnessing
from support.domainworld import Domain

Enter = Callable[[str], Client]
SQL = "SELECT line, count(*) AS trips FROM trips GROUP BY line"


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    rng = random.Random(3)
    path = tmp_path / "刷卡.csv"
    with path.open("w", newline="", encoding="gb18030") as out:
        writer = csv.writer(out)
        writer.writerow(["卡号", "line", "时间"])
        for _ in range(3000):
            at = datetime(2026, 1, 1) + timedelta(minutes=rng.randrange(80_000))
            writer.writerow(
                [f"HS{rng.randrange(900):08d}", rng.choice(["一路", "二路"]), at.isoformat(sep=" ")]
            )
    return path


def hand_in(client: Client, path: Path, **changes: object) -> Intake | None:
    with path.open("rb") as file:
        data = {
            "zone": "huangshi",
            "resource": "res-1",
            "title": "公交刷卡记录",
            "table": "trips",
            "header": "on",
            "file": file,
            **changes,
        }
        answer = client.post("/intake/new/", data)
    if answer.status_code != 302:
        return None
    return Intake.objects.order_by("-received").first()


def decide(client: Client, made: Intake, **changes: str) -> int:
    page = client.get(f"/intake/{made.id}/").content.decode()
    data = dict(re.findall(r'name="((?:name|reason)-\d+)" value="([^"]*)"', page))
    fields = made.proposal["fields"]
    for number, field in enumerate(fields):
        data |= {f"keep-{number}": "on", f"name-{number}": field["name"], f"type-{number}": field["type"]}
        data |= {f"grade-{number}": field["grade"], f"reason-{number}": ""}
    data["subject"] = "0"
    return client.post(f"/intake/{made.id}/", {**data, **changes}).status_code


def grades(client: Client, made: Intake) -> int:
    return decide(
        client,
        made,
        **{
            "grade-0": "L4",
            "grade-1": "L1",
            "reason-1": "线路不指向个人",
            "grade-2": "L2",
            "reason-2": "时间不指向个人",
        },
    )


@pytest.fixture
def granted(domain: Domain, enter: Enter, trips: Path) -> Domain:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None and made.state == "read", made and made.sentence
    assert grades(client, made) == 302
    domain.feed("grant", domain.grant("res-1", "trips"))
    assert client.post("/grants/g-1/", {"answer": "confirmed", "reason": ""}).status_code == 302
    assert Grant.objects.get().state == "live"
    return domain


def work() -> None:
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))


def reviewing(domain: Domain) -> Output:
    domain.feed("task", {"id": "t-1", "kind": "run", "grant": "g-1", "sql": SQL})
    work()
    body = {"id": "t-2", "kind": "release", "grant": "g-1", "from_task": "t-1", "product": "pd-1"}
    domain.feed("task", {**body, "output": {"kind": "table", "title": "线路客流"}})
    work()
    output = Output.objects.get()
    assert output.state == "reviewing", (output.findings, Task.objects.get(id="t-2").detail)
    return output


def test_a_file_is_recognised_and_nothing_leaves_before_the_provider_decides(
    domain: Domain, enter: Enter, trips: Path
) -> None:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None and made.state == "read"
    page = client.get(f"/intake/{made.id}/").content.decode()
    assert "卡号" in page and "3000" in page
    assert not Outgoing.objects.filter(kind="resource").exists()
    assert grades(client, made) == 302
    body = Outgoing.objects.get(kind="resource").envelope["body"]
    assert body["columns"]["line"]["grade"] == "L1" and body["rows"] == 3000 and body["subject"] == "卡号"


def test_a_lower_grade_needs_a_reason(domain: Domain, enter: Enter, trips: Path) -> None:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None
    fields = made.proposal["fields"]
    place = next(n for n, field in enumerate(fields) if field["grade"] != "L1")
    assert decide(client, made, **{f"grade-{place}": "L1"}) == 400
    assert not Outgoing.objects.filter(kind="resource").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.pdf", b"%PDF-1.7"), ("empty.csv", b""), ("head.csv", b"a,b\n"), ("fake.parquet", b"PAR1 no")],
)
def test_a_file_that_cannot_be_read_is_said_in_one_sentence(
    domain: Domain, enter: Enter, tmp_path: Path, name: str, content: bytes
) -> None:
    client = enter("p-bus")
    path = tmp_path / name
    path.write_bytes(content)
    made = hand_in(client, path)
    assert made is None or (made.state == "failed" and made.sentence.endswith("。"))


def test_only_a_provider_hands_in(domain: Domain, enter: Enter, trips: Path) -> None:
    client = enter("p-dev")
    assert client.get("/intake/").status_code == 403
    assert hand_in(client, trips) is None
    assert not Intake.objects.exists()


def test_another_organisation_sees_nothing_of_a_hand_in(domain: Domain, enter: Enter, trips: Path) -> None:
    made = hand_in(enter("p-bus"), trips)
    assert made is not None
    assert enter("p-auth").get(f"/intake/{made.id}/").status_code == 403


def test_a_hand_in_taken_back_is_destroyed(domain: Domain, enter: Enter, trips: Path) -> None:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None
    assert client.post(f"/intake/{made.id}/back/", {"reason": "交错了"}).status_code == 302
    made.refresh_from_db()
    assert made.state == "refused" and made.proposal == {}
    assert grades(client, made) != 302 if made.proposal else True


def test_a_refusal_of_a_grant_needs_its_reason(domain: Domain, enter: Enter, trips: Path) -> None:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None and grades(client, made) == 302
    domain.feed("grant", domain.grant("res-1", "trips"))
    answer = client.post("/grants/g-1/", {"answer": "refused", "reason": ""})
    assert answer.status_code == 400 and "请写明理由" in answer.content.decode()
    assert client.post("/grants/g-1/", {"answer": "refused", "reason": "范围过大"}).status_code == 302
    assert Grant.objects.get().state == "refused"


def test_an_organisation_not_concerned_cannot_answer(granted: Domain, enter: Enter) -> None:
    assert enter("p-dev").post("/grants/g-1/", {"answer": "confirmed"}).status_code in (403, 404)
    assert Confirmation.objects.count() == 1


def test_reviewers_are_blind_until_both_have_voted(granted: Domain, enter: Enter) -> None:
    output = reviewing(granted)
    first, second = enter("p-auth"), enter("p-bus2")
    assert (
        first.post(f"/reviews/{output.id}/", {"answer": "confirmed", "reason": "甲的意见"}).status_code == 302
    )
    page = second.get(f"/reviews/{output.id}/").content.decode()
    assert "甲的意见" not in page and "p-auth" not in page
    assert second.post(f"/reviews/{output.id}/", {"answer": "confirmed", "reason": ""}).status_code == 302
    assert release.step(datetime.now(UTC)) == 1
    assert "甲的意见" in second.get(f"/reviews/{output.id}/").content.decode()


def test_the_reviewer_sees_the_bytes_and_no_developer_does(granted: Domain, enter: Enter) -> None:
    output = reviewing(granted)
    client = enter("p-auth")
    page = client.get(f"/reviews/{output.id}/").content.decode()
    assert "一路" in page and output.digest in page
    data = client.get(f"/reviews/{output.id}/file/").content
    assert data == Path(output.path).read_bytes()
    assert enter("p-dev").get(f"/reviews/{output.id}/").status_code == 403


def test_the_review_page_says_whose_product_it_is(granted: Domain, enter: Enter) -> None:
    output = reviewing(granted)
    page = enter("p-auth").get(f"/reviews/{output.id}/").content.decode()
    assert "<code>pd-1</code>（出域时归入这项授权" in page and "线路客流" in page
    products.bind("huangshi", "pd-1", "g-9", granted.now.date(), granted.now)
    page = enter("p-bus2").get(f"/reviews/{output.id}/").content.decode()
    assert "已属于授权 <code>g-9</code>" in page


def test_a_ceiling_is_confirmed_beside_the_grant_it_rests_on(granted: Domain, enter: Enter) -> None:
    body = {
        "id": "ce-1",
        "product": "pd-1",
        "grant": "g-1",
        "buyers": [{"organisation": "org-authority", "key": "k-1"}],
        "purposes": ["调度"],
        "fields": ["line"],
        "calls_per_day": 5,
        "subjects_per_day": 0,
        "consent": "none",
    }
    granted.feed("ceiling", body)
    page = enter("p-bus").get("/ceilings/ce-1/").content.decode()
    for words in (
        "所依据的授权",
        "公交客流指数",
        "2020-01-01",
        "2099-12-31",
        "org-operator",
        "trips",
        "line、",
    ):
        assert words in page, words
    products.bind("huangshi", "pd-2", "g-9", granted.now.date(), granted.now)
    granted.feed("ceiling", {**body, "id": "ce-2", "product": "pd-2"})
    page = enter("p-bus").get("/ceilings/ce-2/").content.decode()
    assert products.ELSEWHERE in page and "id_answer" not in page


def test_a_tripped_contract_goes_on_only_when_its_provider_says_so(granted: Domain, enter: Enter) -> None:
    products.bind("huangshi", "pd-1", "g-1", granted.now.date(), granted.now)
    body = {
        "id": "lf-1", "contract": "ag-1", "product": "pd-1", "trip": "trip-1", "reason": "程序写错了用途，已改正",
        "at": "2026-03-02T01:00:00.000Z", "tries": 5, "seconds": 600,
    }  # fmt: skip
    granted.feed("lift_asked", body)
    provider = enter("p-bus")
    assert "/lifts/lf-1/" in provider.get("/").content.decode()
    assert "/lifts/lf-1/" in provider.get("/grants/").content.decode()
    page = provider.get("/lifts/lf-1/").content.decode()
    for words in (
        "程序写错了用途，已改正",
        "600 秒内第 5 次越权",
        "ag-1",
        "2026-03-02 09:00:00",
        "没有生效的上限",
    ):
        assert words in page, words
    assert enter("p-auth").get("/lifts/lf-1/").status_code == 404
    assert provider.post("/lifts/lf-1/", {"answer": ""}).status_code == 400
    answer = provider.post("/lifts/lf-1/", {"answer": "confirmed", "reason": ""}, follow=True)
    assert "已同意解除" in answer.content.decode()
    told = Outgoing.objects.filter(kind="confirmation").latest("pk").envelope["body"]
    assert told["subject"] == "lf-1" and told["signature"]["role"] == "airlock"
    assert provider.post("/lifts/lf-1/", {"answer": "refused", "reason": "晚了"}).status_code == 409
    assert "/lifts/lf-1/" not in provider.get("/").content.decode()


def test_evidence_the_office_does_not_take_stands_on_the_front_page(domain: Domain, enter: Enter) -> None:
    client = enter("p-bus")
    assert "不收来源" not in client.get("/").content.decode()
    Outgoing.objects.create(
        source="airlock",
        number=99,
        kind="journal",
        envelope={},
        not_before=domain.now,
        refused=domain.now,
        tries=3,
        code="replay",
        sentence="<b>不予接受</b>",
    )
    page = client.get("/").content.decode()
    assert "不收来源“airlock”的存证" in page and "代码 replay" in page and "&lt;b&gt;不予接受" in page
    assert "不收来源" not in client.get("/grants/").content.decode()
    said = settings.DOMAIN_HOME / "state" / witnessing.SAID
    said.parent.mkdir(parents=True, exist_ok=True)
    said.write_text('{"why": "missing", "since": "2026-03-02T01:00:00.000Z"}')
    assert "没有给最新的检查点联署" in client.get("/").content.decode()
    said.unlink()


def test_a_second_vote_is_refused(granted: Domain, enter: Enter) -> None:
    output = reviewing(granted)
    client = enter("p-auth")
    client.post(f"/reviews/{output.id}/", {"answer": "confirmed", "reason": ""})
    assert client.post(f"/reviews/{output.id}/", {"answer": "refused", "reason": "x"}).status_code == 409
    assert Vote.objects.get().answer == "confirmed"


def test_a_stop_button_of_the_providers_own(granted: Domain, enter: Enter) -> None:
    client = enter("p-bus")
    page = client.get("/stops/").content.decode()
    assert '<option value="g-1">授权：' in page and "项目：" in page
    assert '<option value="g-1">' not in enter("p-dev").get("/stops/").content.decode()
    resource = Intake.objects.first()
    assert (
        f'<option value="{resource.resource}">{resource.title}</option>'
        in client.get("/intake/new/").content.decode()
    )
    answer = client.post("/stops/", {"scope": "grant", "target": "", "zone": "huangshi", "reason": "演练"})
    assert answer.status_code == 400 and not Stop.objects.exists()
    data = {"scope": "grant", "target": "g-1", "zone": "huangshi", "reason": "演练"}
    assert client.post("/stops/", data).status_code == 302
    assert Grant.objects.get().state == "stopped"
    assert enter("p-dev").post("/stops/", data).status_code == 403


def test_every_page_of_a_quiet_day_is_there(domain: Domain, enter: Enter) -> None:
    client = enter("p-bus")
    for path in ("/", "/intake/", "/intake/new/", "/grants/", "/reviews/", "/stops/", "/password/"):
        assert client.get(path).status_code == 200, path
    assert client.get("/healthz").json() == {"ok": True}
    assert client.get("/nosuch/").status_code == 404
