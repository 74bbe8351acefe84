"""Only people of the trust list get in, with password and a TOTP that is good once."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from django.conf import settings
from django.test import Client

from gongshu.airlock import access
from gongshu.enclave import trust
from gongshu.enclave.store.models import Account
from support.domainworld import Domain


def test_a_stranger_is_sent_to_the_login_page(domain: Domain) -> None:
    for path in ("/", "/intake/", "/intake/new/", "/grants/", "/reviews/", "/stops/", "/password/"):
        answer = Client().get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/login/"), path


def test_a_one_time_password_is_changed_first(domain: Domain) -> None:
    given = access.enrol("u-p-bus", domain.now)
    client = Client()
    data = {"username": "u-p-bus", "password": given["password"], "code": pyotp.TOTP(given["totp"]).now()}
    assert client.post("/login/", data).status_code == 302
    assert client.get("/")["Location"] == "/password/"
    answer = client.post("/password/", {"old": given["password"], "new": "short", "again": "short"})
    assert answer.status_code == 400 and "至少 12 个字符" in answer.content.decode()


def test_a_code_is_good_once(domain: Domain) -> None:
    given = access.enrol("u-p-bus", domain.now)
    code = pyotp.TOTP(given["totp"]).at(domain.now)
    access.log_in("u-p-bus", given["password"], code, domain.now)
    with pytest.raises(access.Refused):
        access.log_in("u-p-bus", given["password"], code, domain.now)


@pytest.mark.parametrize("wrong", ["password", "code", "user"])
def test_the_sentence_does_not_say_which_part_was_wrong(domain: Domain, wrong: str) -> None:
    given = access.enrol("u-p-bus", domain.now)
    code = pyotp.TOTP(given["totp"]).at(domain.now)
    user = "nobody" if wrong == "user" else "u-p-bus"
    password = "x" if wrong == "password" else given["password"]
    with pytest.raises(access.Refused) as caught:
        access.log_in(user, password, "000000" if wrong == "code" else code, domain.now)
    assert caught.value.sentence == access.BAD


def test_five_failures_lock_for_a_quarter_of_an_hour(domain: Domain) -> None:
    given = access.enrol("u-p-bus", domain.now)
    for _ in range(5):
        with pytest.raises(access.Refused):
            access.log_in("u-p-bus", "x", "000000", domain.now)
    code = pyotp.TOTP(given["totp"]).at(domain.now)
    with pytest.raises(access.Refused) as caught:
        access.log_in("u-p-bus", given["password"], code, domain.now)
    assert caught.value.code == "locked"
    later = domain.now + timedelta(minutes=16)
    assert access.log_in("u-p-bus", given["password"], pyotp.TOTP(given["totp"]).at(later), later)


def test_accounts_come_from_the_trust_list_alone(domain: Domain) -> None:
    Account.objects.create(user="u-forged", person="p-bus")
    with pytest.raises(access.Refused):
        access.enrol("u-forged", domain.now)
    trust.sync_accounts(domain.trust)
    assert not Account.objects.filter(user="u-forged").exists()


def test_a_production_home_asks_for_a_certificate(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    monkeypatch.setattr(
        settings, "SITE", dataclasses.replace(settings.SITE, mark="production", hosts=("testserver",))
    )
    assert Client().get("/login/").status_code == 403
    forged = Client(headers={"X-SSL-Client-Verify": "SUCCESS", "X-Airlock-Proxy": "0" * 64})
    assert forged.get("/login/").status_code == 403
    proven = Client(headers={"X-SSL-Client-Verify": "SUCCESS", "X-Airlock-Proxy": settings.PROXY_SECRET})
    assert proven.get("/login/").status_code == 200
    unverified = Client(headers={"X-SSL-Client-Verify": "NONE", "X-Airlock-Proxy": settings.PROXY_SECRET})
    assert unverified.get("/login/").status_code == 403
