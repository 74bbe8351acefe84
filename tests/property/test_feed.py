"""Whatever happens on the line, what a reader took is a beginning of what the office published, once each."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.wire.envelope import Envelope
from gongshu.wire.errors import WireError
from gongshu.wire.feed import Page, Reader
from gongshu.wire.store import FileFeedState
from support.wires import NOW, STOP, World

WORLD = World()
THIEF = World()
PUBLISHED = [WORLD.item(n, "stop", {**STOP, "id": f"s-{n}"}) for n in range(1, 9)]
# What may come instead of the next item: any true item, one renumbered, one by a stranger, one changed.
TAMPERED = st.one_of(
    st.sampled_from(PUBLISHED),
    st.builds(lambda item, seq: replace(item, seq=seq), st.sampled_from(PUBLISHED), st.integers(0, 9)),
    st.builds(lambda n: THIEF.item(n, "stop", STOP), st.integers(1, 9)),
    st.builds(lambda item: replace(item, body={**STOP, "scope": "grant"}), st.sampled_from(PUBLISHED)),
)
PAGES = st.lists(st.one_of(st.lists(TAMPERED, max_size=5), st.integers(1, 5)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(PAGES)
def test_a_reader_takes_a_beginning_of_the_feed(pages: list[list[Envelope] | int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        store = WORLD.store(path / "trust")
        state = FileFeedState(path / "feed.json")
        taken: list[str] = []
        for step in pages:
            place = state.get(WORLD.zone)
            # A number stands for an honest page of so many items; a list is what the line made of it.
            items = PUBLISHED[place : place + step] if isinstance(step, int) else step
            reader = Reader(WORLD.zone, store, state, "production")
            lease = WORLD.lease(max([place, *(item.seq for item in items)]))
            try:
                reader.take(
                    Page(WORLD.zone, tuple(items), lease), NOW, lambda item: taken.append(item.envelope.id)
                )
            except WireError:
                continue
        assert taken == [item.id for item in PUBLISHED[: len(taken)]]
        assert state.get(WORLD.zone) == len(taken)
