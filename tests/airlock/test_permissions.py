"""Role × act at the airlock: who holds no role for it on the trust list gets 403, at every address that acts."""

from __future__ import annotations

import pytest
from django.test import Client

from gongshu.airlock import access, urls
from gongshu.airlock.acts import ACTS, TITLES
from support import acts
from support.domainworld import BUS, ZONE, Domain

ROLES = sorted({role for held, _ in ACTS.values() for role in held} | {"developer", "buyer", "administrator"})
# 只凭角色就知道答案的地址；其余的先问看不看得到那一件
ADDRESSES = {
    "/intake/new/": "hand_in",
    "/intake/none/back/": "hand_in",
    "/intake/none/": "hand_in",
    "/stops/": "stop",
    "/reviews/none/": "see",
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", ADDRESSES)
def test_only_the_roles_of_an_act_get_past_the_door(
    domain: Domain, monkeypatch: pytest.MonkeyPatch, address: str, role: str
) -> None:
    found = access.Visitor("u-x", "p-x", "某人", BUS, "某单位", frozenset({role}), (ZONE,))
    monkeypatch.setattr(access, "session_visitor", lambda _: found)
    answer = Client().post(address, {}, headers={"accept": "application/json"})
    assert (answer.status_code == 403) is (role not in ACTS[ADDRESSES[address]][0]), answer.content[:300]


def test_every_view_that_changes_something_asks_a_role_first() -> None:
    """The code of every address that reaches a write of the data domain names an act of the table."""
    views = acts.view_modules(urls.urlpatterns)
    own = {"gongshu.airlock.views.log_in", "gongshu.airlock.views.password", "gongshu.airlock.views.log_out"}
    known = acts.functions("gongshu.airlock")
    asks = {"gongshu.airlock.access.check", "gongshu.airlock.access.needs"}
    changing = {
        "gongshu.enclave.handin.begin", "gongshu.enclave.handin.read", "gongshu.enclave.handin.confirm",
        "gongshu.enclave.handin.send_back", "gongshu.enclave.confirm.answer", "gongshu.enclave.votes.cast",
        "gongshu.enclave.sample.confirming.answer", "gongshu.enclave.stops.stop",
        "gongshu.enclave.deletions.agree", "gongshu.enclave.project.supply.choose",
        "gongshu.enclave.project.supply.retry",
    }  # fmt: skip
    called = set()
    for name, held in known.items():
        if held.module not in views or name in own:
            continue
        acting = held.calls & changing
        called |= acting
        decorated = acts.decorators(name, "gongshu.airlock")
        assert not acting or (held.calls | decorated) & asks, name
    assert called == changing
    assert ACTS.keys() == TITLES.keys()
