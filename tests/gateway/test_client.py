"""The buyer's client against a gateway over HTTP: every scheme, safe retries, reconciliation, test environment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gongshu.gateway import testing
from gongshu.gateway.errors import ERRORS
from gongshu_client import Client, HmacKey, Refused, Sm2Key, Unavailable, check
from support.singles import PURPOSE, Singles, answers, number


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Singles]:
    made = Singles(tmp_path)
    made.agree("none")
    made.poll()
    made.open()
    yield made
    made.close()


def url(street: Singles) -> str:
    return f"http://127.0.0.1:{street.port}"


def values(subject: int) -> dict[str, str | int]:
    return dict(zip(("缴存状态", "连续缴存月数"), answers(subject), strict=True))


class Cut(httpx.BaseTransport):
    """Loses the answer of the first so many requests after the gateway gave it."""

    def __init__(self, lost: int) -> None:
        self.real = httpx.HTTPTransport()
        self.lost = lost

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.real.handle_request(request)
        answer.read()
        if self.lost:
            self.lost -= 1
            raise httpx.ReadTimeout("lost", request=request)
        return answer


def test_every_way_to_sign_is_taken(street: Singles) -> None:
    own = Sm2Key(street.buyer.to_pem())
    with Client(url(street), "cred-none", own) as client:
        secret = client.draw_secret()
        assert client.verify("pd-none", PURPOSE, [(number(3), values(3))])[0].word == "一致"
    for sm3 in (False, True):
        with Client(url(street), "cred-none", HmacKey(secret, sm3=sm3)) as client:
            (found,) = client.lookup("pd-none", PURPOSE, [number(3)])
            assert found.answered and found.fields == values(3)


def test_a_lost_answer_is_asked_for_again_and_billed_once(street: Singles) -> None:
    own = Sm2Key(street.buyer.to_pem())
    with Client(url(street), "cred-none", own, transport=Cut(2), sleep=lambda _: None) as client:
        assert client.verify("pd-none", PURPOSE, [(number(3), values(3))])[0].answer == "match"
    assert street.gateway.meter.contracts["ct-none"].today == 1


def test_without_any_answer_the_key_is_handed_back(street: Singles) -> None:
    own = Sm2Key(street.buyer.to_pem())
    with (
        Client(url(street), "cred-none", own, transport=Cut(99), sleep=lambda _: None) as client,
        pytest.raises(Unavailable) as caught,
    ):
        client.verify("pd-none", PURPOSE, [(number(3), values(3))])
    with Client(url(street), "cred-none", own) as client:
        key = caught.value.idempotency
        assert client.verify("pd-none", PURPOSE, [(number(3), values(3))], idempotency=key)[0].answered
    assert street.gateway.meter.contracts["ct-none"].today == 1


def test_a_refusal_carries_code_sentence_and_advice(street: Singles) -> None:
    own = Sm2Key(street.buyer.to_pem())
    with Client(url(street), "cred-none", own) as client, pytest.raises(Refused) as caught:
        client.verify("pd-none", "other", [(number(3), values(3))])
    assert (caught.value.code, caught.value.status, caught.value.retry) == ("purpose", 403, "never")
    assert caught.value.clause == "purposes" and caught.value.basis


def test_the_reconciliation_file_is_signed_and_agrees_with_the_buyers_book(street: Singles) -> None:
    own = Sm2Key(street.buyer.to_pem())
    booked = []
    with Client(url(street), "cred-none", own) as client:
        for subject in (1, 2, 500):
            booked += [(one.call, one.answer) for one in
                       client.verify("pd-none", PURPOSE, [(number(subject), values(subject))])]  # fmt: skip
        today = (datetime.now(UTC) + timedelta(hours=8)).date()
        file = client.reconciliation(today.isoformat())
        with pytest.raises(Refused):
            client.reconciliation("2026-13-01")
        empty = client.reconciliation("2020-01-01")
    public = Ed25519PublicKey.from_public_bytes(street.world.keys["gateway"].public().raw)
    assert file.holds(public) and not file.complete and file.key == street.world.keys["gateway"].public().id
    assert check(file, booked) == {"only_gateway": [], "only_own": []}
    assert check(file, booked[1:])["only_gateway"] == booked[:1]
    assert [row["word"] for row in file.rows()] == ["一致", "一致", "查无"]
    assert not any(number(1) in str(row) for row in file.rows())
    changed = type(file)(**{**file.__dict__, "content": file.content.replace("一致".encode(), b"x", 1)})
    assert not changed.holds(public)
    assert empty.complete and empty.rows() == []


def test_nobody_reads_anothers_reconciliation_file(street: Singles) -> None:
    street.agree("standing")
    street.poll()
    other = street.call("/v1/credentials/cred-standing/reconciliation/2026-11-20", credential="cred-none")
    assert other.status_code == 401


def test_the_test_environment_says_every_word_and_touches_nothing(street: Singles) -> None:
    before = street.gateway.ledger.calls.last
    with Client.test(url(street), pauses=(), sleep=lambda _: None) as client:
        for subject, expected in testing.ANSWERS.items():
            (one,) = client.verify("test", testing.PURPOSE, [(subject, {testing.FIELD: "正常"})])
            assert one.answer == expected
        for subject, code in testing.REFUSALS.items():
            if ERRORS[code].status == 503:
                with pytest.raises(Unavailable):
                    client.verify("test", testing.PURPOSE, [(subject, {testing.FIELD: "正常"})])
            else:
                (one,) = client.lookup("test", testing.PURPOSE, [subject])
                assert one.code == code and one.word in ("未授权", "超额")
    assert street.gateway.ledger.calls.last == before


def test_the_test_credential_opens_nothing_real_and_a_real_one_no_test(street: Singles) -> None:
    made = Client.test(url(street))
    made._prefix = "/v1"
    with made as client, pytest.raises(Refused) as caught:
        client.verify("pd-none", PURPOSE, [(number(3), values(3))])
    assert caught.value.code == "credential"
    target = "/v1/test/products/test/verify"
    assert street.call(target, "POST", credential="cred-none", body=b"{}").status_code == 401
