"""Signed requests: the right signature is taken, everything else refused, nothing twice."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from gmalg import SM3

from gongshu.crypto import hashes
from gongshu.crypto.sign import PrivateKey
from gongshu.gateway import requests, testing

SECRET = bytes(range(32))
KEY = PrivateKey.generate("ed25519")
NONCE = "a" * 16
TARGET = "/v1/products/p/rows?purpose=x"


def authorization(scheme: str, signature: bytes, time_ms: int = 1_000_000, nonce: str = NONCE):
    headers = requests.header(scheme, "cred-1", time_ms, nonce, signature)
    return requests.parse(headers["authorization"])


def signed(scheme: str, key: PrivateKey = KEY, target: str = TARGET, body: bytes = b""):
    empty = authorization(scheme, b"")
    data = requests.message("GET", target, empty, body)
    made = {
        "GS1-HMAC-SHA256": lambda: hmac.new(SECRET, data, hashlib.sha256).digest(),
        "GS1-HMAC-SM3": lambda: hashes.hmac_of(SECRET, "sm3")(data),
        "GS1-KEY": lambda: key.sign(data),
    }[scheme]()
    return authorization(scheme, made), data


def sm3_by_another_hand(data: bytes) -> bytes:
    state = SM3()
    state.update(data)
    return bytes(state.value())


@pytest.mark.parametrize("key", [b"short", bytes(64), bytes(range(100))])
@pytest.mark.parametrize("plain", [False, True])
def test_hmac_sm3_agrees_with_a_second_implementation(key: bytes, plain: bool, monkeypatch) -> None:
    if plain:  # an interpreter whose OpenSSL has no SM3
        monkeypatch.setitem(hashes._STARTS, "sm3", hashes._PlainSm3)

    block = (sm3_by_another_hand(key) if len(key) > 64 else key).ljust(64, b"\0")
    inner = sm3_by_another_hand(bytes(one ^ 0x36 for one in block) + b"data")
    outer = sm3_by_another_hand(bytes(one ^ 0x5C for one in block) + inner)
    assert hashes.hmac_of(key, "sm3")(b"data") == outer
    assert hashes.hmac_of(key)(b"data") == hmac.digest(key, b"data", "sha256")


@pytest.mark.parametrize("scheme", [*requests.HMAC_SCHEMES, requests.KEY_SCHEME])
def test_a_good_signature_is_taken(scheme: str) -> None:
    given, data = signed(scheme)
    requests.check(given, data, [requests.mac(SECRET)], KEY.public)


@pytest.mark.parametrize("scheme", [*requests.HMAC_SCHEMES, requests.KEY_SCHEME])
@pytest.mark.parametrize("change", ["method", "target", "body", "nonce"])
def test_any_change_breaks_the_signature(scheme: str, change: str) -> None:
    given, _ = signed(scheme)
    if change == "nonce":
        given = authorization(scheme, given.signature, nonce="b" * 16)
    data = requests.message(
        "POST" if change == "method" else "GET",
        TARGET + "&a=1" if change == "target" else TARGET,
        given,
        b"x" if change == "body" else b"",
    )
    with pytest.raises(requests.Unauthorised):
        requests.check(given, data, [requests.mac(SECRET)], KEY.public)


def test_an_sm2_key_signs_too() -> None:
    key = PrivateKey.generate("sm2")
    given, data = signed(requests.KEY_SCHEME, key)
    requests.check(given, data, [], key.public)
    with pytest.raises(requests.Unauthorised):
        requests.check(given, data, [], KEY.public)


def test_an_undrawn_secret_is_said() -> None:
    given, data = signed("GS1-HMAC-SHA256")
    with pytest.raises(requests.Unauthorised) as caught:
        requests.check(given, data, [], KEY.public)
    assert caught.value.code == "no_secret"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer x",
        "GS1-KEY Credential=c, Time=now, Nonce=aaaaaaaaaaaaaaaa, Signature=AA==",
        "GS1-KEY Credential=c, Time=1, Nonce=short, Signature=AA==",
        "GS1-KEY Credential=c, Time=1, Nonce=aaaaaaaaaaaaaaaa, Signature=***",
        "GS1-KEY Credential=c, Time=99999999999999999999, Nonce=aaaaaaaaaaaaaaaa, Signature=AA==",
        "GS1-KEY",
    ],
)
def test_a_bad_header_is_refused_in_words(header: str) -> None:
    with pytest.raises(requests.Unauthorised) as caught:
        requests.parse(header)
    assert caught.value.sentence.endswith("。")


def test_replays_are_refused_and_an_unsigned_request_uses_up_nothing() -> None:
    replays = requests.Replays(started_ms=0)
    given = authorization("GS1-KEY", b"x")
    replays.check(given, 1_000_000)
    replays.check(given, 1_000_000)  # not remembered: its signature was never shown to hold
    replays.remember(given, 1_000_000)
    with pytest.raises(requests.Unauthorised) as caught:
        replays.check(given, 1_000_001)
    assert caught.value.code == "replay"


@pytest.mark.parametrize("now_ms", [1_000_000 + 300_001, 1_000_000 - 300_001])
def test_old_and_future_requests_are_refused(now_ms: int) -> None:
    with pytest.raises(requests.Unauthorised):
        requests.Replays(started_ms=0).check(authorization("GS1-KEY", b"x"), now_ms)


def test_a_restart_forgets_no_replay() -> None:
    with pytest.raises(requests.Unauthorised):
        requests.Replays(started_ms=1_000_001).check(authorization("GS1-KEY", b"x"), 1_000_002)


def test_memory_of_nonces_is_swept() -> None:
    replays = requests.Replays(started_ms=0)
    for number in range(50):
        replays.remember(authorization("GS1-KEY", b"x", nonce=f"{number:016d}"), 1_000_000)
    replays.sweep(1_000_000 + requests.WINDOW_MS + requests.SLOT_MS)
    assert not len(replays)


def test_during_a_rotation_two_secrets_count_and_no_third() -> None:
    given, data = signed("GS1-HMAC-SHA256")
    requests.check(given, data, [requests.mac(b"n" * 32), requests.mac(SECRET)], KEY.public)
    with pytest.raises(requests.Unauthorised):
        requests.check(given, data, [requests.mac(b"n" * 32)], KEY.public)


def test_the_idempotency_key_is_signed_too() -> None:
    given, data = signed("GS1-HMAC-SHA256")
    assert requests.message("GET", TARGET, given, b"", "once") == data + b"\nonce"


@pytest.mark.parametrize("changed", ["Credential=cred-1,Time=7", "Credential=cred-1,  Time=7"])
def test_the_usual_and_the_unusual_way_of_writing_say_the_same(changed: str) -> None:
    usual = requests.parse(f"GS1-KEY Credential=cred-1, Time=7, Nonce={NONCE}, Signature=AAAA")
    assert requests.parse(f"GS1-KEY {changed}, Nonce={NONCE}, Signature=AAAA") == usual


def test_callers_with_the_published_secret_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "MOST", 3)
    own = testing.replays(0)
    given = [
        requests.Authorization("GS1-HMAC-SHA256", "test", 1000 + n, f"nonce{n:011d}", b"") for n in range(5)
    ]
    for one in given:
        own.check(one, 1000)
        own.remember(one, 1000)
    assert len(own) == 2
    with pytest.raises(requests.Unauthorised):
        own.check(given[-1], 1000)
