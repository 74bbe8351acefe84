"""Answers of a taken-over office that are meant to fill the memory or never to end."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest

from gongshu.wire import checkpoint, fetching, inbox
from gongshu.wire.errors import WireError

URL = "http://office.test"
LARGEST = 1 << 20


def client(answer: httpx.Response) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda _: answer))


def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(64 * LARGEST))
    assert len(bomb) < LARGEST
    office = client(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(bomb)))
    with pytest.raises(WireError, match="压缩"):
        fetching.ask(office, "GET", URL, largest=LARGEST)


def test_an_answer_is_read_no_further_than_its_limit() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while read < 100 * LARGEST:
            read += 1 << 16
            yield bytes(1 << 16)

    with pytest.raises(WireError, match="过大"):
        fetching.ask(client(httpx.Response(200, content=endless())), "GET", URL, largest=LARGEST)
    assert read <= LARGEST + (1 << 17)


def test_an_answer_whose_bytes_come_slowly_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WITHIN", -1.0)
    answer = httpx.Response(200, content=iter([b"[", b"]"]))
    with pytest.raises(httpx.ReadTimeout):
        fetching.ask(client(answer), "GET", URL, largest=LARGEST)


def test_the_witness_and_the_inbox_read_with_a_limit() -> None:
    large = client(httpx.Response(200, content=iter([bytes(checkpoint.LARGEST + 1)])))
    with pytest.raises(WireError, match="过大"):
        checkpoint.fetch(URL, 0, large)
    larger = client(httpx.Response(200, content=iter([bytes(inbox.LARGEST + 1)])))
    with pytest.raises(WireError, match="过大"):
        inbox._post_batch(larger, URL, [], (), lambda _: None)
