"""A stop obeyed is told as the wire writes instants: the office reckons its seconds from it."""

from __future__ import annotations

import pytest

from gongshu.enclave import stops
from gongshu.enclave.store.models import Outgoing
from gongshu.wire.times import instant
from support.domainworld import ZONE, Domain


@pytest.mark.parametrize("origin", ["feed", "airlock"])
def test_the_effect_of_a_stop_names_its_instant(domain: Domain, origin: str) -> None:
    made = stops.stop(
        zone=ZONE, scope="product", target="pd-1", reason="", origin=origin, now=domain.now, person="p-bus"
    )
    (sent,) = [
        row.envelope
        for row in Outgoing.objects.all()
        if row.envelope["kind"] == "effect" and row.envelope["body"]["stop"] == made.id
    ]
    told = instant(sent["body"]["at"], "at")
    assert abs((told - domain.now).total_seconds()) < 0.001
