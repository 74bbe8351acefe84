"""A contract is what office, operator and buyer signed; no two of them make one, whatever keys they have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.wire.admit import Refused
from support.gateways import Street
from support.wires import key_row

# Another organisation of the list, which is an operator elsewhere and a buyer too; a key nobody listed.
ELSE_OPERATOR, ELSE_BUYER, TWICE, UNLISTED = (PrivateKey.generate("ed25519") for _ in range(4))
OPERATOR, BUYER, OFFICE = "operator", "buyer", "office"


class Crowd(Street):
    others = (
        key_row(ELSE_OPERATOR, OPERATOR, organisation="org-else"),
        key_row(ELSE_BUYER, BUYER, organisation="org-else"),
        key_row(TWICE, OPERATOR, organisation="org-else"),
        key_row(TWICE, BUYER, organisation="org-bank"),
    )


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    made = Crowd(tmp_path_factory.mktemp("g"))
    yield made
    made.close()


def id_of(key: PrivateKey) -> str:
    return key.public().id


# What is published: (role a signer claims, whose key), and what of the contract differs.
ALONE: list[tuple[list[tuple[str, Any]], dict[str, str]]] = [
    ([], {}),
    ([(OPERATOR, OPERATOR)], {}),
    ([(BUYER, BUYER)], {}),
    # one side for the other, with its own key
    ([(BUYER, BUYER), (OPERATOR, BUYER)], {}),
    ([(OPERATOR, OPERATOR), (BUYER, OPERATOR)], {}),
    # the office for one side, with its true key and with one it made
    ([(BUYER, BUYER), (OPERATOR, OFFICE)], {}),
    ([(BUYER, BUYER), (OPERATOR, UNLISTED)], {"operator_key": id_of(UNLISTED)}),
    ([(OPERATOR, OPERATOR), (BUYER, UNLISTED)], {"key": id_of(UNLISTED)}),
    # another operating organisation in the operator's name, another buyer in the buyer's
    ([(BUYER, BUYER), (OPERATOR, ELSE_OPERATOR)], {}),
    ([(BUYER, BUYER), (OPERATOR, ELSE_OPERATOR)], {"operator_key": id_of(ELSE_OPERATOR)}),
    ([(BUYER, BUYER), (OPERATOR, ELSE_OPERATOR)], {"operator": "org-else"}),
    ([(OPERATOR, OPERATOR), (BUYER, ELSE_BUYER)], {}),
    ([(OPERATOR, OPERATOR), (BUYER, ELSE_BUYER)], {"key": id_of(ELSE_BUYER)}),
    # both sign, and the body names somebody else
    ([(OPERATOR, OPERATOR), (BUYER, BUYER)], {"operator": "org-else"}),
    ([(OPERATOR, OPERATOR), (BUYER, BUYER)], {"operator_key": id_of(ELSE_OPERATOR)}),
    ([(OPERATOR, OPERATOR), (BUYER, BUYER)], {"buyer": "org-else"}),
    ([(OPERATOR, OPERATOR), (BUYER, BUYER)], {"key": id_of(ELSE_BUYER)}),
    # one organisation as both sides; one key as both
    (
        [(OPERATOR, ELSE_OPERATOR), (BUYER, ELSE_BUYER)],
        {
            "operator": "org-else",
            "operator_key": id_of(ELSE_OPERATOR),
            "buyer": "org-else",
            "key": id_of(ELSE_BUYER),
        },
    ),
    (
        [(OPERATOR, TWICE), (BUYER, TWICE)],
        {"operator": "org-else", "operator_key": id_of(TWICE), "key": id_of(TWICE)},
    ),
]


def sent(street: Crowd, signers: list[tuple[str, Any]], body: dict[str, Any]) -> None:
    own = {**street.world.keys, BUYER: street.buyer}
    street.office.send(
        "contract", body, [(role, own[whose] if isinstance(whose, str) else whose) for role, whose in signers]
    )


@pytest.mark.parametrize("number", range(len(ALONE)))
def test_nobody_publishes_an_agreement_without_both_sides(street: Crowd, number: int) -> None:
    """The office taken over, together with one side, another operator, another buyer and keys of its own."""
    signers, changes = ALONE[number]
    forged, good = f"ct-forged-{number}", f"ct-good-{number}"
    sent(street, signers, street.contract(id=forged, **changes))
    sent(street, [(OPERATOR, OPERATOR), (BUYER, BUYER)], street.contract(id=good))
    credential = {"id": f"cr-{number}", "contract": forged, "buyer": "org-bank"}
    street.office.publish("credential", credential, street.buyer)
    street.poll()
    book = street.gateway.line.book
    assert forged not in book.contracts and f"cr-{number}" not in book.credentials
    assert good in book.contracts  # the line goes on, and both sides together are enough


def test_a_contract_changed_after_either_side_signed_is_none(street: Crowd) -> None:
    """Both signatures are true, and over two different bodies."""
    first, second = street.contract(id="ct-two"), street.contract(id="ct-two", calls_per_day=21)
    for kept, other in ((first, second), (second, first)):
        sent(street, [(OPERATOR, OPERATOR), (BUYER, BUYER)], kept)
        whole = street.office.items.pop()
        sent(street, [(OPERATOR, OPERATOR), (BUYER, BUYER)], other)
        last = street.office.items.pop()
        street.office.put("contract", kept, [whole.signatures[0], last.signatures[1]])
    street.poll()
    assert "ct-two" not in street.gateway.line.book.contracts


def test_the_kind_says_who_is_missing(street: Crowd) -> None:
    refused: list[Refused] = []
    take = street.gateway.line.book.take
    street.gateway.line.book.take = lambda item: refused.append(item)  # type: ignore[assignment, method-assign]
    try:
        sent(street, [(BUYER, BUYER)], street.contract(id="ct-missing"))
        street.poll()
    finally:
        street.gateway.line.book.take = take  # type: ignore[method-assign]
    assert [one.code for one in refused] == ["signer"]
