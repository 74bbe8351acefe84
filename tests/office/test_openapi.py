"""Requests made up from the office's own descriptions: public, with an account, and on the line."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings

from gongshu.office import openapi
from support import fuzz, people
from support.products import Market
from support.registrations import Office

pytestmark = pytest.mark.django_db
SITE, LINE = openapi.document(), openapi.line()
ACCOUNTS = {each.name.replace(":", "-") for each in openapi.OPERATIONS if each.account}
ROLES = {
    "catalogue-api-items": "provider_officer",
    "supervision-cockpit": "supervisor",
    "supervision-totals": "supervisor",
}


def ask_by(client: Client) -> Any:
    def ask(request: Any) -> Any:
        path, _, query = request.path_url.partition("?")
        body = request.body or b""
        return client.generic(
            request.method,
            path,
            body.encode() if isinstance(body, str) else body,
            request.headers.get("content-type", "application/json"),
            QUERY_STRING=query,
            headers={"accept": "application/json"},
        )

    return ask


def some_things() -> dict[str, dict[str, Any]]:
    """Operation → the parts of a path that lead to something, in one installation."""
    from gongshu.office.registration.models import Certificate

    Office("huangshi").in_publicity()
    market = Market()
    product = market.published()
    made = market.agreement(product)
    market.confirm(made)
    code = Certificate.objects.latest("pk").code
    shown = Office("huangshi").in_publicity()
    return {
        "registration-notice": {"pk": shown.pk},
        "registration-checked": {"code": code},
        "registration-certificate-signature": {"code": code},
        "registration-certificate-proof": {"code": code},
        "cases-case": {"pk": product.case_id},
        "cases-why": {"identifier": made.case.events.latest("seq").decision_id},
        "cases-proof": {"identifier": made.case.events.latest("seq").decision_id},
        "products-detail": {"pk": product.pk},
        "products-release-record": {"pk": product.releases.get().pk},
        "products-to-sign": {"pk": made.pk},
    } | {"maker": market.maker_person, "customer": market.buyer_person}


@pytest.mark.parametrize("examples", fuzz.EXAMPLES)
def test_every_answer_of_the_site_is_one_its_description_names(examples: int) -> None:
    known = some_things()
    clients = {"": Client(raise_request_exception=False)}
    for name in fuzz.names(SITE):
        who = ""
        if name in ACCOUNTS:
            who = ROLES.get(name, "maker")
            if who not in clients:
                person = known.get(who) or people.person(None, who)
                clients[who] = people.log_in(Client(raise_request_exception=False), person)
            stranger = fuzz.drive(SITE, name, 5, ask_by(clients[""]))
            assert not stranger.get(200), f"{name} 不用登录也答"
        given = [{"path_parameters": known[name]}] if name in known else []
        seen = fuzz.drive(SITE, name, examples, ask_by(clients[who]), given)
        if name not in ("registration-deposit-receipt",):
            assert seen.get(200) or seen.get(503), (name, seen)


@override_settings(ROOT_URLCONF="gongshu.office.link.urls")
@pytest.mark.parametrize("examples", fuzz.EXAMPLES)
@pytest.mark.parametrize("name", fuzz.names(LINE))
def test_every_answer_of_the_line_is_one_its_description_names(name: str, examples: int) -> None:
    given = [{"query": {"zone": "huangshi", "after": 0}}] if name == "link-feed" else []
    seen = fuzz.drive(LINE, name, examples, ask_by(Client(raise_request_exception=False)), given)
    # 空的日志没有检查点；收件箱只收签了名的
    assert seen.get(200) or name in ("link-checkpoint", "link-inbox"), seen


def test_the_description_is_served_and_names_every_json_address(client: Client) -> None:
    served = client.get("/portal/openapi.json").json()
    assert served["paths"].keys() == SITE["paths"].keys()
    assert served["components"]["schemas"]["Refusal"]
