"""After a restore journals and messages go on under names and numbers nobody has used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gongshu.evidence import entry
from gongshu.wire import hold
from gongshu.wire.journal import named, role_of
from gongshu.wire.settings import Settings, load
from support.django_env import make_home
from support.wires import NOW


@pytest.fixture
def site() -> Settings:
    return load(make_home())


def restored(site: Settings, restore: str, at: int) -> None:
    content = {"v": 1, "restore": restore, "places": {}, "at": at}
    (Path(site.config) / hold.HOLD).write_text(json.dumps(content))


def test_a_home_never_restored_keeps_its_names_and_numbers(site: Settings) -> None:
    assert hold.incarnation(site) == "" and hold.first_number(site) == 1
    assert named("enclave", hold.incarnation(site)) == "enclave"


def test_each_restore_has_a_name_of_its_own_that_evidence_allows(site: Settings) -> None:
    names = set()
    for restore in ("0" * 32, "1234567890123456" * 2, "ab" * 16):
        restored(site, restore, 1_800_000_000)
        for role in ("enclave", "airlock", "gateway"):
            name = named(role, hold.incarnation(site))
            assert role_of(name) == role
            made = entry.make(name, 1, NOW, "huangshi", role, "s", role, "run.done", "", (), {})
            assert made["source"] == name
            names.add(name)
    assert len(names) == 9


def test_a_later_restore_numbers_above_all_an_earlier_one_could_sign(site: Settings) -> None:
    restored(site, "a" * 32, 1_800_000_000)
    first = hold.first_number(site)
    restored(site, "b" * 32, 1_800_000_060)
    assert hold.first_number(site) - first > 60 * 1_000_000
    assert hold.first_number(site) < 2**53
