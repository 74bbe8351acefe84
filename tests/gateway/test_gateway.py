"""The thin gateway over real HTTP: who may call, what stops a call, what is kept of it."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.gateway.batches import root_of
from gongshu.gateway.main import build
from gongshu.wire.settings import load
from support.gateways import ROWS, Street

PURPOSE = quote("产业发展")
TARGET = f"/v1/products/pd-1/rows?purpose={PURPOSE}"


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    made.open()
    yield made
    made.close()


def code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert error["sentence"].endswith("。")
    return str(error["code"])


def test_a_buyer_within_agreement_and_ceiling_is_answered(street: Street) -> None:
    street.sign_up()
    answer = street.call(TARGET)
    assert answer.status_code == 200
    assert answer.json()["rows"] == ROWS
    filtered = street.call(f"/v1/products/pd-1/rows?purpose={PURPOSE}&{quote('线路')}={quote('2路')}&limit=1")
    assert filtered.json()["rows"] == [ROWS[1]]


def test_an_answered_call_is_durable_and_becomes_evidence(street: Street) -> None:
    street.sign_up()
    for _ in range(3):
        assert street.call(TARGET).status_code == 200
    now = datetime.now(UTC)
    assert street.gateway.ledger.batch(now) == 1
    assert street.gateway.ledger.batch(now) == 0
    assert street.gateway.ledger.wrap("huangshi", now) == 2
    assert street.gateway.ledger.wrap("huangshi", now) == 0
    assert street.gateway.ledger.post(street.gateway.line.site.urls["link"], now) == 2
    assert street.gateway.ledger.post(street.gateway.line.site.urls["link"], now) == 0
    journal, calls = street.office.posted
    line = journal.body["entries"][0]
    assert line["numbers"] == {"count": 3, "first": 1, "last": 3, "hits": 3, "subjects": 0, "batch": 1}
    assert calls.body["batch"] == "gateway-1" and calls.body["purpose"] == "产业发展"
    assert calls.body["answers"] == {"rows": 3} and calls.body["hits"] == 3
    records = [record for _, record in street.gateway.ledger.calls.scan()]
    assert calls.body["root"] == root_of(records)
    assert calls.body["count"] == 3 and calls.body["root"] == line["digests"]["root"]


def test_a_batch_whose_evidence_left_without_it_is_said_again_at_the_next_start(
    street: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the journal's envelope and the batches': else these calls would never be billed."""
    street.sign_up()
    assert street.call(TARGET).status_code == 200
    ledger, now = street.gateway.ledger, datetime.now(UTC)
    assert ledger.batch(now) == 1
    say = ledger.say

    def killed(kind: str, *rest: Any) -> None:
        if kind == "calls":
            raise SystemExit
        say(kind, *rest)

    monkeypatch.setattr(ledger, "say", killed)
    with pytest.raises(SystemExit):
        ledger.wrap("huangshi", now)
    street.shut()
    for expected in (1, 0):
        again = build(load(tmp_path))
        street.gateway = again
        assert again.ledger.wrap("huangshi", now) == expected
        kinds = [one.data["kind"] for one in again.ledger.outgoing.read()]
        assert kinds == ["journal", "calls"]
        for journal in again.ledger.journals:
            journal.close()
    said = build(load(tmp_path))
    street.gateway = said
    body = said.ledger.outgoing.read()[1].data["body"]
    assert body["batch"] == "gateway-1" and body["count"] == 1


def test_a_cut_line_keeps_what_is_to_be_posted(street: Street) -> None:
    street.sign_up()
    street.call(TARGET)
    now = datetime.now(UTC)
    street.gateway.ledger.batch(now)
    street.gateway.ledger.wrap("huangshi", now)
    street.office.deaf = True
    assert street.gateway.ledger.post(street.gateway.line.site.urls["link"], now) == 0
    street.office.deaf = False
    assert street.gateway.ledger.post(street.gateway.line.site.urls["link"], now) == 2


def test_a_restart_counts_on_and_forgets_nothing(street: Street, tmp_path: Path) -> None:
    street.sign_up(calls_per_day=2)
    assert street.call(TARGET).status_code == 200
    street.shut()
    for journal in street.gateway.ledger.journals:
        journal.close()
    again = build(load(tmp_path))
    street.gateway = again
    street.poll()
    tally = again.meter.contracts["ct-1"]
    assert (tally.today, tally.this_month, tally.total) == (1, 1, 1)
    assert again.meter.products["pd-1"].today == 1
    assert again.line.state.contracts["ct-1"].buyer == "org-bank"


def test_the_quota_of_the_agreement_and_of_the_ceiling(street: Street) -> None:
    street.sign_up(calls_per_day=2)
    assert [street.call(TARGET).status_code for _ in range(3)] == [200, 200, 429]
    assert code(street.call(TARGET)) == "quota"
    street.ceilings = [street.ceiling(calls_per_day=1)]
    street.poll()
    assert code(street.call(TARGET)) in ("quota", "ceiling")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"until": "2020-12-31"}, "expired"),
        ({"from": "2099-01-01"}, "not_yet"),
        ({"purposes": ["公益事业"]}, "over_scope"),
    ],
)
def test_what_the_agreement_does_not_bear_is_not_answered(
    street: Street, changes: dict, expected: str
) -> None:
    street.sign_up(**changes)
    answer = street.call(TARGET)
    assert answer.status_code == 403 and code(answer) == expected


def test_a_raised_ceiling_by_the_office_alone_changes_nothing(street: Street) -> None:
    street.ceilings = []
    street.sign_up()
    street.office.publish("ceiling", {**street.ceiling(), "grant": "g-1", "subjects_per_day": 9})
    street.poll()
    assert code(street.call(TARGET)) == "no_ceiling"


def test_a_contract_without_the_buyers_own_signature_is_none(street: Street) -> None:
    office = street.office
    office.send("contract", street.contract(), [("operator", street.world.keys["operator"])])
    office.agree(street.contract(id="ct-2"), PrivateKey.generate("sm2"))
    office.publish("credential", {"id": "cred-1", "contract": "ct-1", "buyer": "org-bank"}, street.buyer)
    street.poll()
    assert code(street.call(TARGET)) == "credential"


def test_an_agreement_is_not_rewritten_under_its_number(street: Street) -> None:
    street.sign_up(calls_per_day=1)
    street.office.agree(street.contract(calls_per_day=40), street.buyer)
    street.poll()
    assert street.gateway.line.state.contracts["ct-1"].calls_per_day == 1


@pytest.mark.parametrize("scope", [("all", ""), ("product", "pd-1"), ("contract", "ct-1")])
def test_a_stop_of_the_office_or_of_the_provider_ends_calls(street: Street, scope: tuple[str, str]) -> None:
    street.sign_up()
    street.stops = [{"id": "s", "scope": scope[0], "target": scope[1]}]
    street.poll()
    assert code(street.call(TARGET)) == "stopped"
    street.stops = []
    street.poll()
    assert street.call(TARGET).status_code == 200
    street.office.publish("stop", {"id": "s2", "scope": scope[0], "target": scope[1], "reason": "停"})
    street.poll()
    assert code(street.call(TARGET)) == "stopped"


def test_an_office_that_answers_byte_by_byte_does_not_hold_up_a_stop_of_the_data_domain(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes well within the line's time limit, and the answer never ends."""
    street.sign_up()
    assert street.call(TARGET).status_code == 200
    ends = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100000")
        handler.end_headers()
        while not ends.wait(0.1):
            handler.wfile.write(b" ")

    monkeypatch.setattr(street.office.server.RequestHandlerClass, "do_GET", drip)
    line = street.gateway.line
    street.stops = [{"id": "s", "scope": "product", "target": "pd-1"}]
    street.say()
    try:
        for work in (line.run, line.run_word):
            threading.Thread(target=work, daemon=True).start()
        for _ in range(40):
            if street.call(TARGET).status_code == 403:
                break
            time.sleep(0.1)
        assert code(street.call(TARGET)) == "stopped"
    finally:
        line.stop.set()
        ends.set()


def test_what_nobody_sums_up_any_more_is_not_answered_from(street: Street) -> None:
    """A hostile message may break the summing up: what was worked out before ends with the word's age."""
    street.sign_up()
    at = street.gateway.clock
    street.gateway.clock = lambda: at() + 11
    late = int((time.time() + 11) * 1000)
    assert code(street.call(TARGET, time_ms=late)) == "line"


def test_a_message_that_cannot_be_handled_closes_the_zone_and_hides_no_stop(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.sign_up()

    def broken(*_: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(street.gateway.line.book, "take", broken)
    street.office.publish("stop", {"id": "s9", "scope": "product", "target": "pd-9", "reason": "停"})
    street.stops = [{"id": "s", "scope": "product", "target": "pd-1"}]
    street.poll()
    assert code(street.call(TARGET)) == "line"
    assert street.gateway.line.state.zones["huangshi"].stops[0]["id"] == "s"


def test_without_a_fresh_word_of_the_data_domain_nothing_is_answered(street: Street) -> None:
    street.sign_up()
    street.number -= 1
    street.say(age=timedelta(seconds=30))
    street.gateway.line.poll()
    answer = street.call(TARGET)
    assert answer.status_code == 503


def test_an_older_word_is_not_taken_back(street: Street) -> None:
    street.sign_up()
    street.number = 0
    street.poll()
    assert street.call(TARGET).status_code == 503


def test_a_cut_line_is_bridged_by_the_lease_and_a_broken_one_is_not(street: Street) -> None:
    street.sign_up()
    street.office.deaf = True
    street.poll()
    assert street.call(TARGET).status_code == 200
    street.office.deaf = False
    street.office.items.append(street.office.items[0])
    street.poll()
    assert street.call(TARGET).status_code == 503


def test_a_product_forged_or_changed_is_as_if_it_were_not_there(street: Street) -> None:
    street.product("rel-9", number=9, key=PrivateKey.generate("ed25519"))
    broken = street.product("rel-8", number=8)
    (broken / "rows.json").write_bytes(b'{"columns": ["x"], "rows": []}')
    newer = street.product("rel-2", number=2, rows=ROWS[:1])
    street.sign_up()
    assert street.call(TARGET).json()["version"] == "rel-2"
    assert newer.exists()


def test_a_secret_is_drawn_with_the_buyers_key_and_then_signs(street: Street) -> None:
    street.sign_up()
    assert code(street.call(TARGET, secret=b"x" * 32)) == "no_secret"
    drawn = street.call("/v1/credentials/cred-1/secret", "POST")
    secret = base64.b64decode(drawn.json()["secret"])
    assert street.call(TARGET, secret=secret).status_code == 200
    assert code(street.call("/v1/credentials/cred-1/secret", "POST", secret=secret)) == "scheme"
    second = street.call("/v1/credentials/cred-1/secret", "POST").json()
    newer = base64.b64decode(second["secret"])
    assert newer != secret and second["previous_until"]
    assert street.call(TARGET, secret=secret).status_code == 200  # two live keys while one is rotated
    assert street.call(TARGET, secret=newer).status_code == 200
    third = street.call("/v1/credentials/cred-1/secret", "POST", body=b'{"keep_old_seconds": 0}').json()
    assert third["previous_until"] is None
    assert code(street.call(TARGET, secret=newer)) == "signature"
    assert code(street.call(TARGET, secret=secret)) == "signature"


def test_a_replay_is_refused(street: Street) -> None:
    street.sign_up()
    assert street.call(TARGET, nonce="a" * 16).status_code == 200
    assert code(street.call(TARGET, nonce="a" * 16)) == "replay"
    assert code(street.call(TARGET, time_ms=1)) == "time"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/products/pd-2/rows", 403),
        (f"{TARGET}&limit=0", 400),
        (f"{TARGET}&limit=x", 400),
        (f"{TARGET}&nosuch=1", 400),
        (f"{TARGET}&purpose=x", 400),
        ("/v1/products/pd-1/rows", 403),
        ("/v1/nosuch", 404),
    ],
)
def test_bad_questions_get_one_sentence(street: Street, target: str, status: int) -> None:
    street.sign_up()
    answer = street.call(target)
    assert answer.status_code == status
    assert code(answer)


def test_an_unsigned_request_and_the_health_page(street: Street) -> None:
    street.sign_up()
    base = f"http://127.0.0.1:{street.port}"
    assert httpx.get(base + TARGET, trust_env=False).status_code == 401
    assert httpx.get(base + "/healthz", trust_env=False).json()["ok"] is True
    big = httpx.post(base + "/v1/credentials/cred-1/secret", content=b"x" * 600_000, trust_env=False)
    assert big.status_code == 413
