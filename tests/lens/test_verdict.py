"""The object the command prints: its keys, its order, its words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gongshu import lens
from gongshu.cli.answer import BadUse
from gongshu.cli.commands.enclave import lens as command
from gongshu.law import grounds, packs
from gongshu.lens.verdict import CODES, Findings
from support.lens_bench import AT, GRANT, cases

ATTACKS = cases(Path(__file__).parents[1] / "redteam" / "lens" / "attacks.sql")
KEYS = ["allowed", "violations", "reads", "lineage", "grades", "sql"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    grant, sql = tmp_path / "grant.json", tmp_path / "query.sql"
    grant.write_text(json.dumps(GRANT, ensure_ascii=False), encoding="utf-8")
    sql.write_text("select city, count(*) from person group by city;\n", encoding="utf-8")
    return grant, sql


def run(files: tuple[Path, Path], *more: str) -> tuple[bool, dict[str, object]]:
    answer = command(["--grant", str(files[0]), "--sql", str(files[1]), "--json", *more])
    return answer.ok, answer.data


def test_the_keys_are_those_of_the_design(files: tuple[Path, Path]) -> None:
    ok, data = run(files, "--at", "2026-05-01")
    assert ok
    assert list(data) == KEYS
    assert data["lineage"] == {"city": ["person.city"], "col2": []}
    assert data["grades"] == {"city": "L1", "col2": "L1"}
    assert data["reads"] == {"person": ["city"]}


def test_dates_come_from_at(files: tuple[Path, Path]) -> None:
    ok, data = run(files, "--at", "2027-01-01")
    assert not ok
    assert [found["code"] for found in data["violations"]] == ["expired"]  # type: ignore[attr-defined]


def test_bytes_that_are_no_text_and_a_grant_that_is_no_json_are_refused(files: tuple[Path, Path]) -> None:
    files[1].write_bytes(b"select '\xff\xff'")
    assert run(files, "--at", "2026-05-01")[1]["violations"][0]["code"] == "parse"  # type: ignore[index]
    files[0].write_text("{", encoding="utf-8")
    ok, data = run(files, "--at", "2026-05-01")
    assert not ok
    assert data["violations"][0]["code"] == "grant"  # type: ignore[index]


def test_a_key_named_twice_is_no_grant(files: tuple[Path, Path]) -> None:
    text = files[0].read_text(encoding="utf-8")
    files[0].write_text(text.replace('"v": 1', '"v": 1, "mode": "build"', 1), encoding="utf-8")
    assert run(files, "--at", "2026-05-01")[1]["violations"][0]["code"] == "grant"  # type: ignore[index]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_usual_encodings_read_alike(files: tuple[Path, Path], encoding: str) -> None:
    files[1].write_bytes("select city 城市, count(*) from person group by 城市".encode(encoding))
    files[0].write_bytes(json.dumps(GRANT, ensure_ascii=False).encode(encoding))
    ok, data = run(files, "--at", "2026-05-01")
    assert ok
    assert data["lineage"] == {"城市": ["person.city"], "col2": []}


def test_a_byte_order_mark_does_no_harm(files: tuple[Path, Path]) -> None:
    for path in files:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run(files, "--at", "2026-05-01")[0]


def test_a_missing_file_is_bad_use(files: tuple[Path, Path]) -> None:
    with pytest.raises(BadUse):
        command(["--grant", str(files[0]), "--sql", str(files[0].parent / "none.sql")])


def test_the_command_exits_as_promised(files: tuple[Path, Path]) -> None:
    def status(*more: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "gongshu.cli.main", "enclave", "lens", *more, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    grant, sql = (str(path) for path in files)
    code, out = status("--grant", grant, "--sql", sql, "--at", "2026-05-01")
    assert code == 0
    assert json.loads(out)["allowed"] is True
    files[1].write_text("select * from person", encoding="utf-8")
    code, out = status("--grant", grant, "--sql", sql, "--at", "2026-05-01")
    assert code == 1
    assert list(json.loads(out)) == KEYS
    code, out = status("--grant", grant, "--sql", sql + "x")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "file"


@pytest.mark.parametrize("sql", sorted({sql for _, _, sql in ATTACKS[::7]}))
def test_sentences_are_chinese_whole_and_founded(sql: str) -> None:
    found = lens.check(sql, GRANT, at=AT, cite=grounds.citing("gansu", AT)).violations
    assert list(found) == sorted(found, key=lambda violation: (violation.code, violation.sentence))
    for violation in found:
        assert violation.sentence.endswith("。")
        assert re.search("[一-鿿]", violation.sentence)
        assert violation.basis
        assert all(article.startswith("gansu-operation:") for article in violation.basis)


@pytest.mark.parametrize("zone", packs.library().zones)
@pytest.mark.parametrize("code", CODES)
def test_the_articles_of_a_code_are_those_of_the_zone(zone: str, code: str) -> None:
    findings = Findings(grounds.citing(zone, AT))
    findings.add(code, "试")
    (found,) = findings.sorted()
    library = packs.library()
    assert found.basis and {library.source(each).pack for each in found.basis} <= set(library.above(zone))


@pytest.mark.parametrize(
    ("zone", "basis"),
    [
        ("gansu", ["gansu-operation:23", "gansu-operation:33"]),
        ("chizhou", ["chizhou-plan:三(八)3"]),
        ("nowhere", ["national-operation:21"]),
        (None, ["national-operation:21"]),
        (7, ["national-operation:21"]),
    ],
)
def test_the_command_cites_the_zone_of_the_grant(
    files: tuple[Path, Path], zone: object, basis: list[str]
) -> None:
    files[0].write_text(json.dumps({**GRANT, "zone": zone}), "utf-8")
    files[1].write_text("select * from nowhere", "utf-8")
    ok, data = run(files, "--at", "2026-05-01")
    found = [each["basis"] for each in data["violations"] if each["code"] in ("table", "grant")]
    assert not ok and found and all(each == basis for each in found)


def test_every_code_of_the_design_is_raised_by_some_attack() -> None:
    raised = {code for _, codes, _ in ATTACKS for code in codes}
    assert set(CODES) - raised == {"expired", "not_yet", "row_filter", "grant"}


def test_advice_is_the_same_judgement() -> None:
    assert lens.advise("select city from person", GRANT, at=AT) == lens.check(
        "select city from person", GRANT, at=AT
    )
