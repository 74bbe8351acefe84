"""Ports: free ones, asked-for ones, and a taken one that is named."""

from __future__ import annotations

import os
import pwd
import socket
import threading
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
    made = choose({}, HOST, 0, movable=False).ports
    assert set(made) == set(PORTS) and len(set(made.values())) == len(PORTS)
    assert all(free(HOST, port) for port in made.values())


def test_an_asked_port_starts_the_row() -> None:
    start = any_free(HOST, 1)[0]
    if all(free(HOST, start + n) for n in range(4)) and start < 65000:
        assert choose({}, HOST, start, movable=False).ports == {
            name: start + n for n, name in enumerate(PORTS)
        }


def test_an_asked_port_that_is_taken_is_named(taken: int) -> None:
    with pytest.raises(HostError) as caught:
        choose({}, HOST, taken, movable=True)
    assert str(taken) in caught.value.sentence and "--port 0" in caught.value.sentence


def test_a_usual_port_that_is_taken_is_replaced_and_said(taken: int) -> None:
    usual = dict(zip(PORTS, [taken, *any_free(HOST, 3)], strict=True))
    choice = choose(usual, HOST, None, movable=True)
    assert taken not in choice.ports.values() and len(set(choice.ports.values())) == 4
    assert str(taken) in choice.notes[0]


def test_elsewhere_a_taken_port_is_refused_with_its_holder(taken: int) -> None:
    """A production home does not go to another address: at the usual one somebody else would answer."""
    usual = dict(zip(PORTS, [*any_free(HOST, 2), taken, *any_free(HOST, 1)], strict=True))
    with pytest.raises(HostError) as caught:
        choose(usual, HOST, None, movable=False, patience=0.1)
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert caught.value.code == "port"
    for said in ("闸口", str(taken), f"用户 {me}", f" {os.getpid()}）"):
        assert said in caught.value.sentence
    assert str(usual["office"]) not in caught.value.sentence


def test_a_port_that_comes_free_is_waited_for() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        usual = dict(zip(PORTS, [server.getsockname()[1], *any_free(HOST, 3)], strict=True))
        leaving = threading.Timer(0.3, server.close)
        leaving.start()
        assert choose(usual, HOST, None, movable=False, patience=10).ports == usual
        leaving.join()


def test_only_the_doors_of_this_machine_must_be_free(taken: int) -> None:
    usual = dict(zip(PORTS, [taken, *any_free(HOST, 3)], strict=True))
    choice = choose(usual, HOST, None, movable=False, doors=("airlock", "gateway"), patience=0)
    assert choice.ports == usual


def test_usual_ports_that_are_free_stay() -> None:
    usual = dict(zip(PORTS, any_free(HOST, 4), strict=True))
    assert choose(usual, HOST, None, movable=True).ports == usual


@pytest.mark.parametrize("port", [-1, 65535, 70000])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(HostError) as caught:
        choose({}, HOST, port, movable=True)
    assert caught.value.code == "port"
