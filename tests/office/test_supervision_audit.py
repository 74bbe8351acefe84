"""Drawing cases, the archive and its offline check, totals that agree, and the whole log as one zip."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import check, note
from gongshu.evidence import checkpoint as checkpoints
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.link import clock, sequencer
from gongshu.office.link.models import FeedItem, OutboxEntry
from gongshu.office.supervision import archive, sampling, services, totals
from gongshu.office.supervision.models import Draw
from gongshu_verify.main import verify
from support import people
from support.people import NOW
from support.products import Market

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(days=30)


@pytest.fixture(autouse=True)
def zones() -> None:
    from gongshu.office.accounts import zones

    zones.sync()


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty log of its own, and its keys."""
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    (tmp_path / "log").mkdir()
    for name, alg in (("log", "ed25519"), ("log-sm2", "sm2")):
        if name not in settings.KEYS:
            settings.KEYS.create(name, alg)
    sequencer.log.cache_clear()
    yield tmp_path / "log"
    sequencer.log().close()
    sequencer.log.cache_clear()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The public keys a reader has from elsewhere."""
    path = tmp_path / "trusted"
    path.write_bytes(b"".join(settings.KEYS.public(name).to_pem() for name in ("log", "log-sm2", "office")))
    return path


def written() -> None:
    while sequencer.step(clock.wall_now()):
        pass


@pytest.fixture
def auditor() -> Any:
    return people.person(people.organisation("市审计局"), "auditor", name="审计甲")


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> Market:
    monkeypatch.setattr(clock, "business_now", lambda: LATER)
    return Market()


def corrected(market: Market, count: int = 6) -> list[Case]:
    """So many cases with a few steps and a refusal each."""
    found = []
    for number in range(count):
        row = services.begin_correction(
            actor=market.officer, now=NOW, procedure=services.CORRECTION, addressee=market.operator.pk,
            role="operator", title=f"事项{number}",
        )  # fmt: skip
        facts = {"findings": [{"item": "一", "sentence": f"第{number}项"}], "demand": "改"}
        cases.perform(row.case, "order", market.officer, facts, NOW)
        with pytest.raises(Refused):
            cases.perform(row.case, "confirm", market.officer, {}, NOW)
        cases.perform(row.case, "answer", market.maker, {"report": "改了"}, NOW)
        found.append(row.case)
    return found


def drawn(auditor: Any, seed: str = "20260401 双色球 03 09", wanted: int = 3) -> Draw:
    return services.draw(
        actor=people.actor(auditor), now=LATER, seed=seed, until=date(2026, 3, 31), wanted=wanted
    )


def fetched(draw: Draw, auditor: Any, **more: Any) -> bytes:
    return b"".join(archive.stream(draw, people.actor(auditor), **more)[1])


def codes(path: Path, keys: Path | None) -> tuple[bool, bool, list[str]]:
    answer = verify(path, keys)
    assert answer["kind"] == "audit"
    return answer["ok"], answer["trusted"], sorted({each["code"] for each in answer["problems"]})


# ------------------------------------------------------------ drawing


def test_the_sample_is_the_documented_one() -> None:
    numbers = [f"420200-2026-{number:06d}" for number in range(1, 101)]
    found = sampling.draw("种子", numbers, 5)
    by_hand = sorted(numbers, key=lambda each: hashlib.sha256(f"种子\n{each}".encode()).hexdigest())
    assert found == by_hand[:5]
    assert sampling.draw("种子", reversed(numbers), 5) == found
    assert sampling.draw("别的种子", numbers, 5) != found
    assert sampling.draw("种子", numbers, 500) == by_hand


@pytest.mark.row("B26")
def test_a_second_auditor_draws_the_same_and_every_draw_is_in_the_log(
    market: Market, auditor: Any, log: Path
) -> None:
    corrected(market)
    first = drawn(auditor)
    second = drawn(people.person(people.organisation("省审计厅"), "auditor"))
    assert (first.numbers, first.population, first.population_digest) == (
        second.numbers,
        second.population,
        second.population_digest,
    )
    assert len(first.numbers) == 3
    assert drawn(auditor, "别的").numbers != first.numbers
    assert OutboxEntry.objects.filter(fields__act="audit.draw").count() == 3
    entry = first.entry.fields["digests"]["draw"]
    assert entry == first.digest == sampling.digest_of(archive.statement_of(first))


def test_the_population_is_closed_and_the_draw_the_auditors(market: Market, auditor: Any) -> None:
    corrected(market, 1)
    actor = people.actor(auditor)
    with pytest.raises(Refused, match="早于今天"):
        services.draw(actor=actor, now=NOW, seed="s", until=NOW.date())
    with pytest.raises(Refused, match="没有案件"):
        services.draw(actor=actor, now=LATER, seed="s", until=date(2025, 1, 1))
    with pytest.raises(Refused, match="种子"):
        services.draw(actor=actor, now=LATER, seed=" ", until=date(2026, 3, 31))
    with pytest.raises(Refused, match="审计机关"):
        services.draw(actor=market.officer, now=LATER, seed="s", until=date(2026, 3, 31))
    assert not Draw.objects.exists()
    gansu = people.actor(people.person(people.organisation(zone="gansu"), "auditor", zone="gansu"), "gansu")
    with pytest.raises(Refused, match="没有案件"):
        services.draw(actor=gansu, now=LATER, seed="s", until=date(2026, 3, 31))


def test_cases_are_drawn_and_fetched_in_the_browser(
    market: Market, auditor: Any, log: Path, keys: Path, tmp_path: Path
) -> None:
    corrected(market)
    client = people.log_in(Client(), auditor)
    page = client.get("/supervision/draws/")
    assert "2026-03-31" in page.content.decode()
    given = {"seed": "一个种子", "until": "2026-03-31", "wanted": "4", "procedure": "", "since": ""}
    assert "早于今天" in client.post("/supervision/draws/", given | {"until": "2026-04-01"}).content.decode()
    answer = client.post("/supervision/draws/", given, follow=True)
    row = Draw.objects.get()
    assert row.population_digest in answer.content.decode()
    assert client.get(f"/supervision/draws/{row.pk}/archive.zip").status_code == 503
    written()
    page = client.get(f"/supervision/draws/{row.pk}/").content.decode()
    assert all(number in page for number in row.numbers)
    got = client.get(f"/supervision/draws/{row.pk}/archive.zip")
    path = tmp_path / "a.zip"
    path.write_bytes(b"".join(got.streaming_content))  # type: ignore[arg-type]
    assert codes(path, keys) == (True, True, [])
    why = client.get(f"/why/{row.pk}?format=json").json()
    assert row.seed in json.dumps(why, ensure_ascii=False)
    officer = people.log_in(Client(), market.officer_person)
    assert officer.get(f"/supervision/draws/{row.pk}/archive.zip").status_code == 403


# ------------------------------------------------------------ the archive


@pytest.fixture
def made(market: Market, auditor: Any, log: Path, tmp_path: Path) -> tuple[Draw, bytes]:
    from gongshu.office.cases import materials
    from support.registrations import pdf

    rows = corrected(market)
    for case in rows:
        materials.store(pdf("报告.pdf"), actor=market.maker, now=NOW, field="papers", case=case, act="answer")
    row = drawn(auditor)
    written()
    witness(log)
    row.refresh_from_db()
    return row, fetched(Draw.objects.select_related("entry").get(pk=row.pk), auditor)


WITNESS = PrivateKey.generate("ed25519")


def witness(log: Path) -> None:
    """A witness co-signs the checkpoint; then the log grows on."""
    said, signed = checkpoints.read((log / "checkpoint").read_bytes())
    lines = note.cosign("gongshu/witness", signed.text, [WITNESS], int(clock.wall_now().timestamp()))
    sequencer.log().add_cosignature(said.size, "".join(each.text() for each in lines), [WITNESS.public()])
    from django.db import transaction

    from gongshu.office.link import evidence

    with transaction.atomic():
        evidence.record(
            act="a.b", actor="p-1", role="auditor", subject="s-1", zone="huangshi", now=clock.wall_now()
        )
    written()


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist()}


def rezip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as written_:
        for name, data in files.items():
            written_.writestr(name, data)
    return path


def resigned(files: dict[str, bytes], change: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """As an office would that lies: the manifest is made anew and signed with its real key."""
    manifest = json.loads(files["audit.json"])
    manifest.pop("signatures")
    change(manifest)
    known = {each["name"] for each in manifest["files"]}
    manifest["files"] = [
        {"name": name, "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        for name, data in files.items()
        if name != "audit.json"
    ]
    assert known
    key = settings.KEYS.signer("office")
    one = {"key": key.public().id, "alg": key.alg, "role": "office"}
    one["sig"] = base64.b64encode(key.sign(canonical.dumps(manifest))).decode()
    return {**files, "audit.json": canonical.dumps({**manifest, "signatures": [one]})}


def test_the_archive_holds_and_is_the_same_twice(
    made: tuple[Draw, bytes], auditor: Any, keys: Path, tmp_path: Path
) -> None:
    row, data = made
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with keys.open("ab") as file:
        file.write(WITNESS.public().to_pem())
    assert codes(path, keys) == (True, True, [])
    assert codes(path, None)[:2] == (True, False)
    assert fetched(row, auditor) == data
    files = contents(data)
    for number in row.numbers:
        said = json.loads(files[f"cases/{number}/case.json"])
        assert len(said["events"]) == 2
        assert len(said["decisions"]) == 3
        assert len(said["entries"]) == 4
        assert f"cases/{number}/{said['materials'][0]['file']}" in files
        for each in said["decisions"]:
            assert json.loads(files[f"cases/{number}/why/{each['id']}.json"])["sentence"]
    assert [name for name in files if name.startswith("witness/")]
    one = tmp_path / "proof.json"
    one.write_bytes(next(data for name, data in files.items() if "/entries/" in name))
    assert verify(one, keys)["ok"]


def test_without_originals_it_still_holds(
    made: tuple[Draw, bytes], auditor: Any, keys: Path, tmp_path: Path
) -> None:
    row, _ = made
    path = tmp_path / "a.zip"
    path.write_bytes(fetched(row, auditor, materials=False))
    assert codes(path, keys) == (True, True, [])
    assert not [name for name in contents(path.read_bytes()) if "/materials/" in name]


def test_a_flipped_byte_is_found_wherever_it_is(made: tuple[Draw, bytes], keys: Path, tmp_path: Path) -> None:
    _, data = made
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        infos = found.infolist()
    for info in infos:
        extra = int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
        start = info.header_offset + 30 + len(info.filename.encode()) + extra
        place = start + info.file_size // 2
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        ok, trusted, _ = codes(path, keys)
        assert not ok, info.filename
        assert not trusted or info.filename != "audit.json", info.filename
    files = contents(data)
    for name in files:
        ok, _, found_codes = codes(rezip(path, {**files, name: files[name][:-2] + b"  "}), keys)
        assert not ok and found_codes, name


def test_a_missing_or_added_file_is_found(made: tuple[Draw, bytes], keys: Path, tmp_path: Path) -> None:
    files = contents(made[1])
    path = tmp_path / "a.zip"
    for name in files:
        if name == "audit.json":
            continue
        left = {each: data for each, data in files.items() if each != name}
        assert "file_missing" in codes(rezip(path, left), keys)[2], name
    assert codes(rezip(path, files | {"cases/extra.txt": b"x"}), keys)[2] == ["case_not_drawn", "file_extra"]


def test_a_lying_office_is_found_out(
    made: tuple[Draw, bytes], auditor: Any, keys: Path, tmp_path: Path
) -> None:
    """It signs anew with its own key; what the log holds it cannot change."""
    row, data = made
    files = contents(data)
    path = tmp_path / "a.zip"
    number = row.numbers[0]
    other = next(each for each in Case.objects.values_list("number", flat=True).order_by("number")
                 if each not in row.numbers)  # fmt: skip

    def swap_drawn(manifest: dict[str, Any]) -> None:
        manifest["draw"]["drawn"][0] = other

    # 换掉抽中的案件：从别的抽样里拿来一整件，证明都是真的
    whole = drawn(auditor, wanted=100)
    written()
    whole = Draw.objects.select_related("entry").get(pk=whole.pk)
    theirs = contents(fetched(whole, auditor))
    swapped = {name: each for name, each in files.items() if not name.startswith(f"cases/{number}/")}
    swapped |= {name: each for name, each in theirs.items() if name.startswith(f"cases/{other}/")}
    found = codes(rezip(path, resigned(swapped, swap_drawn)), keys)
    assert not found[0] and {"draw", "draw_unlogged"} <= set(found[2])
    renamed = {name: each for name, each in files.items() if not name.startswith(f"cases/{number}/")}
    renamed |= {
        name.replace(other, number): each
        for name, each in theirs.items()
        if name.startswith(f"cases/{other}/")
    }
    assert "case_swapped" in codes(rezip(path, resigned(renamed, lambda _: None)), keys)[2]

    def case_of(change: Callable[[dict[str, Any]], None]) -> list[str]:
        name = f"cases/{number}/case.json"
        said = json.loads(files[name])
        change(said)
        spoilt = {**files, name: canonical.dumps(said)}
        return codes(rezip(path, resigned(spoilt, lambda _: None)), keys)[2]

    def sentence(said: dict[str, Any]) -> None:
        said["decisions"][0]["content"]["facts"]["demand"] = "不用改"

    def last_step(said: dict[str, Any]) -> None:
        said["events"].pop()

    def first_step(said: dict[str, Any]) -> None:
        said["events"].pop(0)

    def refusal(said: dict[str, Any]) -> None:
        said["decisions"] = [each for each in said["decisions"] if each["content"]["allowed"]]

    def entry(said: dict[str, Any]) -> None:
        said["entries"].pop(1)

    def allowed(said: dict[str, Any]) -> None:
        said["events"][0]["decision"] = next(
            each["id"] for each in said["decisions"] if not each["content"]["allowed"]
        )

    def who(said: dict[str, Any]) -> None:
        said["decisions"][0]["actor"] = "p-else"

    assert case_of(sentence) == ["decision"]
    assert case_of(last_step) == ["event_gap"]
    assert "event_gap" in case_of(first_step)
    assert case_of(refusal) == ["decision_missing"]
    assert case_of(entry) == ["entry_missing"]
    assert "event" in case_of(allowed)
    assert case_of(who) == ["decision"]

    def new_seed(manifest: dict[str, Any]) -> None:
        manifest["draw"]["seed"] = "别的种子"

    assert {"draw", "draw_unlogged"} <= set(codes(rezip(path, resigned(files, new_seed)), keys)[2])
    smaller = files["population.txt"].splitlines(keepends=True)
    less = {**files, "population.txt": b"".join(smaller[1:])}
    assert "population" in codes(rezip(path, resigned(less, lambda _: None)), keys)[2]


def test_another_key_is_not_trusted(made: tuple[Draw, bytes], tmp_path: Path) -> None:
    path, other = tmp_path / "a.zip", tmp_path / "other"
    path.write_bytes(made[1])
    other.write_bytes(PrivateKey.generate("ed25519").public().to_pem())
    ok, trusted, found = codes(path, other)
    assert not ok and not trusted and {"signer", "checkpoint_signer"} <= set(found)


# ------------------------------------------------------------ totals


def test_totals_agree_and_a_difference_is_red_with_the_next_step(
    market: Market, auditor: Any, log: Path
) -> None:
    rows = corrected(market)
    client = people.log_in(Client(), auditor)
    written()
    page = client.get("/supervision/totals/").content.decode()
    assert "核对全部一致" in page, page
    lines = {each.id: each for each in totals.lines("huangshi")}
    assert lines["cases.opened"].left == len(rows) == 6
    assert lines["cases.events"].left == 12
    assert lines["log.size"].left == OutboxEntry.objects.count()
    CaseEvent.objects.filter(case=rows[0], seq=2).delete()
    page = client.get("/supervision/totals/").content.decode()
    assert "1 项不一致" in page and "请停用有关账号" in page
    assert "相差 -1" in page
    why = client.get("/why/st-cases.events-huangshi?format=json").json()
    assert why["allowed"] is False and {"value": "11"}.items() <= why["facts"][0].items()


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("calls", "calls.journal"),
        ("release", "releases.inbox"),
        ("task", "runs.public"),
        ("stop", "stops.evidence"),
    ],
)
def test_each_total_notices_what_it_is_for(market: Market, log: Path, kind: str, line: str) -> None:
    from gongshu.office.link import feed
    from gongshu.office.link.models import InboxMessage

    written()
    assert all(each.agrees for each in totals.lines("huangshi"))
    body = {"calls": {"product": "pd", "contract": "ag", "count": 7, "root": "sha256:" + "1" * 64}}
    if kind in ("calls", "release"):
        InboxMessage.objects.create(
            source="k", number=9, kind=kind, received=clock.wall_now(),
            envelope={"zone": "huangshi", "body": body.get(kind, {"id": "r"})},
        )  # fmt: skip
    elif kind == "task":
        given = {"id": "k-1", "kind": "run", "grant": market.grant, "business_date": "2026-03-09"}
        feed.publish("task", given, zone="huangshi", now=clock.wall_now())
    else:
        feed.publish(
            "stop",
            {"id": "x", "scope": "all", "target": "", "reason": "r"},
            zone="huangshi",
            now=clock.wall_now(),
        )
    wrong = {each.id: each for each in totals.lines("huangshi") if not each.agrees}
    assert set(wrong) == {line}
    assert wrong[line].next and wrong[line].how


def test_a_later_app_adds_its_own_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "CHECKS", list(totals.CHECKS))
    bills = totals.Line("bills", "账单", "调用", 3, "账单", 2, "怎样数", "怎样办")
    totals.register(lambda _zone: [bills])
    assert bills in totals.lines("huangshi")
    assert bills.difference == 1 and not bills.agrees


# ------------------------------------------------------------ the whole log


def test_the_whole_log_comes_as_one_zip_that_both_verifiers_take(
    market: Market, log: Path, keys: Path, tmp_path: Path
) -> None:
    client = Client()
    assert client.get("/portal/log/archive.zip").status_code == 404
    from django.db import transaction

    from gongshu.office.link import evidence

    with transaction.atomic():
        for number in range(700):
            evidence.record(
                act="a.b",
                actor="p-1",
                role="auditor",
                subject=f"s-{number}",
                zone="huangshi",
                now=clock.wall_now(),
            )
    written()
    witness(log)
    assert "下载全部日志" in client.get("/portal/log/").content.decode()
    answer = client.get("/portal/log/archive.zip")
    path = tmp_path / "log.zip"
    path.write_bytes(b"".join(answer.streaming_content))  # type: ignore[arg-type]
    with zipfile.ZipFile(path) as found:
        found.extractall(tmp_path / "out")
    report = check.verify(tmp_path / "out", [settings.KEYS.public(name) for name in ("log", "log-sm2")])
    assert report.ok and report.trusted and report.size == OutboxEntry.objects.count() > 700, report.problems
    for place in (tmp_path / "out", path):
        answer = verify(place, keys)
        assert (answer["ok"], answer["trusted"], answer["kind"]) == (True, True, "log"), answer["problems"]
    data = path.read_bytes()
    place = data.index(b'"s-350"')
    path.write_bytes(data[:place] + bytes([data[place + 2] ^ 1]) + data[place + 1 :])
    assert not verify(path, keys)["ok"]
    assert FeedItem.objects.exists()


@pytest.mark.parametrize(("kind", "counted"), [("run", 1), ("build", 1), ("sample", 0), ("release", 0)])
def test_ended_runs_are_those_the_data_domain_calls_runs(kind: str, counted: int) -> None:
    from gongshu.office.scenarios.models import Grant
    from gongshu.office.workbench.models import Task
    from support.scenes import Zone

    project = Zone().live()
    Task.objects.create(
        zone_id="huangshi", project=project, grant=Grant.objects.get(project=project), kind=kind, title="x",
        body={}, asked_by="p", asked_at=LATER, wall_at=LATER, code="done", ended_at=LATER,
    )  # fmt: skip
    line = next(each for each in totals.lines("huangshi") if each.id == "runs.journal")
    assert line.left == counted
