"""试一试: the buyer's engineer asks the real gateway's test environment from a page."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gongshu.office.settlement import trying
from support.gateways import Street


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    street = Street(tmp_path_factory.mktemp("gateway"))
    street.open()
    yield f"http://127.0.0.1:{street.port}"
    street.close()


def nobody() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def test_every_fixed_number_says_what_the_list_promises(gateway: str) -> None:
    known = trying.subjects(gateway)
    assert {"一致", "不一致", "查无"} <= set(known.values()) and len(known) > 15
    for number, promised in known.items():
        found = trying.attempt(gateway, "verify", number, "正常")
        word, _, sentence = promised.partition("：")
        assert sentence in found.said and (word in found.said or word == f"HTTP {found.status}"), promised
        assert "GS1-HMAC-SHA256 Credential=test" in found.request and number in found.request
        assert found.reply


def test_a_look_up_shows_the_fields(gateway: str) -> None:
    found = trying.attempt(gateway, "lookup", "00000019000101001X", "")
    assert found.said.startswith("查到") and '"状态": "正常"' in found.reply


def test_a_silent_gateway_is_said_so() -> None:
    address = nobody()
    assert trying.subjects(address) == {}
    found = trying.attempt(address, "verify", "00000019000101001X", "正常")
    assert found.status is None and found.said == trying.UNREACHABLE
