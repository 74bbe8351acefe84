"""Ports: free ones, asked-for ones, and a taken one that is named."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gongshu.host.errors import HostError
from gongshu.host.ports import any_free, choose, free
from gongshu.wire.settings import PORTS

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_zero_takes_different_free_ports() -> None:
    made = choose({}, HOST, 0).ports
    assert set(made) == set(PORTS) and len(set(made.values())) == len(PORTS)
    assert all(free(HOST, port) for port in made.values())


def test_an_asked_port_starts_the_row() -> None:
    start = any_free(HOST, 1)[0]
    if all(free(HOST, start + n) for n in range(4)) and start < 65000:
        assert choose({}, HOST, start).ports == {name: start + n for n, name in enumerate(PORTS)}


def test_an_asked_port_that_is_taken_is_named(taken: int) -> None:
    with pytest.raises(HostError) as caught:
        choose({}, HOST, taken)
    assert str(taken) in caught.value.sentence and "--port 0" in caught.value.sentence


def test_a_usual_port_that_is_taken_is_replaced_and_said(taken: int) -> None:
    usual = dict(zip(PORTS, [taken, *any_free(HOST, 3)], strict=True))
    choice = choose(usual, HOST, None)
    assert taken not in choice.ports.values() and len(set(choice.ports.values())) == 4
    assert str(taken) in choice.notes[0]


def test_usual_ports_that_are_free_stay() -> None:
    usual = dict(zip(PORTS, any_free(HOST, 4), strict=True))
    assert choose(usual, HOST, None).ports == usual


@pytest.mark.parametrize("port", [-1, 65535, 70000])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(HostError) as caught:
        choose({}, HOST, port)
    assert caught.value.code == "port"
