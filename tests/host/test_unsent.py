"""The doctor says which evidence the office does not take and which witness does not co-sign."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongshu.crypto import canonical
from gongshu.host import doctor, inside, setup, unsent
from gongshu.host.home import Home
from gongshu.wire import witnessing
from support.homes import place

ROW = {
    "since": "2026-03-02T01:00:00.000Z",
    "next": "2026-03-02T01:01:00.000Z",
    "tries": 7,
    "code": "replay",
    "sentence": "不予接受。",
}


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with place() as base:
        made = setup.prepare(base / "h", "test", ["huangshi"], "127.0.0.1", lambda _line: None)
        with setup.clusters_up(setup.embedded(made)):
            for cluster in setup.embedded(made):
                cluster.create_database()
            setup.migrate(made, lambda _line: None, always=True)
            yield made


def checks(home: Home) -> dict[str, doctor.Check]:
    return {check.id: check for check in doctor.check_evidence(home)}


def lay(home: Home, service: str, path: Path, content: bytes) -> None:
    """A file in a service's home, written as its own user."""
    code = "import sys; from pathlib import Path; p = Path(sys.argv[1]); p.parent.mkdir(exist_ok=True); "
    code += "p.write_bytes(sys.stdin.buffer.read())"
    done = inside.run(home, service, inside.python("-c", code, str(path)), give=content)
    assert done.returncode == 0, done.stderr


def test_a_home_that_lacks_nothing_says_so(home: Home) -> None:
    found = checks(home)
    assert set(found) == {"evidence_domain", "witness_domain", "evidence_gateway", "witness_gateway"}
    assert all(check.ok for check in found.values())


def test_refused_evidence_is_named_with_the_offices_words(home: Home) -> None:
    statement = (
        "insert into store_outgoing (source, number, kind, envelope, not_before, refused, tries, code, sentence) "
        "values ('airlock', 5, 'journal', '{}', now(), '2026-03-02T01:00:00Z', 3, 'conflict', '另一条。')"
    )
    code = "import sys, psycopg; from gongshu.wire.settings import load; "
    code += "psycopg.connect(load().database('domain'), autocommit=True).execute(sys.argv[1])"
    done = inside.run(home, "domain", inside.python("-c", code, statement))
    assert done.returncode == 0, done.stderr
    lay(
        home,
        "gateway",
        home.path / "gateway" / "journal" / "posted.json",
        canonical.dumps(
            {"v": 1, "posted": 3, "aside": {"1": ROW, "2": {**ROW, "since": "2026-03-02T02:00:00.000Z"}}}
        ),
    )
    found = checks(home)
    for source, words in (
        ("airlock", ("2026-03-02 09:00", "1 批", "conflict", "另一条。")),
        ("gateway", ("2026-03-02 09:00", "2 批", "replay", "不予接受。")),
    ):
        check = found[f"evidence_{source}"]
        assert not check.ok and check.mend == unsent.MEND
        assert all(each in check.found for each in words), check.found


@pytest.mark.parametrize("service", ["domain", "gateway"])
def test_a_withheld_signature_is_named_and_a_cut_line_is_none(home: Home, service: str) -> None:
    path = home.path / service / "state" / witnessing.SAID
    for why, ok in (("missing", False), ("line", True), ("", True)):
        lay(home, service, path, json.dumps({"why": why, "since": "2026-03-02T01:00:00.000Z"}).encode())
        check = checks(home)[f"witness_{service}"]
        assert check.ok is ok
        assert ok or ("missing" in check.found and check.mend)
