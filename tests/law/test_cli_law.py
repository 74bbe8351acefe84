"""`gongshu law check | deadline | show`: the fixed form, the exit codes, the sentences."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gongshu.cli.main import main
from gongshu.law import packs, reference

KEYS = {
    "due", "value", "unit", "kind", "direction", "basis", "skipped", "worked", "provisional",
    "text_status", "in_force",
}  # fmt: skip


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*argv: str) -> tuple[int, dict[str, Any]]:
        code = main([*argv, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_check(run: Any) -> None:
    code, data = run("law", "check")
    assert (code, data["ok"], data["problems"]) == (0, True, [])
    assert [pack["id"] for pack in data["packs"]] == sorted(pack["id"] for pack in data["packs"])
    assert {"cn", "gansu", "hubei", "huangshi", "anhui", "chizhou"} == {pack["id"] for pack in data["packs"]}
    assert all(pack["digest"].startswith("sha256:") for pack in data["packs"])


def test_check_of_other_packs_tells_every_fault(run: Any, tmp_path: Path) -> None:
    (tmp_path / "east").mkdir()
    (tmp_path / "east" / "pack.yaml").write_text("id: east\ntitle: 东省\ninherit: [{from: cn}]\n", "utf-8")
    (tmp_path / "east" / "clocks.yaml").write_text("reply: {title: 答复}\n", "utf-8")
    code, data = run("law", "check", "--packs", str(tmp_path))
    assert (code, data["ok"]) == (1, False)
    told = {(problem["file"], problem["id"]) for problem in data["problems"]}
    assert {("east/clocks.yaml", "reply"), ("east/pack.yaml", "east")} <= told
    code, data = run("law", "check", "--packs", str(tmp_path / "nowhere"))
    assert (code, data["error"]["code"]) == (2, "packs")


@pytest.mark.row("E18")
def test_deadline_has_the_fixed_keys(run: Any) -> None:
    code, data = run("law", "deadline", "registration.publicity", "--zone", "gansu", "--from", "2026-02-10")
    assert code == 0
    assert set(data) >= KEYS
    assert (data["due"], data["value"], data["provisional"]) == ("2026-03-02", 10, False)
    assert data["basis"] == ["gansu-registration:28"]
    assert data["skipped"][0] == {"date": "2026-02-15", "why": "春节放假（国办发明电〔2025〕7号）"}
    assert [day["date"] for day in data["worked"]] == ["2026-02-14", "2026-02-28"]
    assert "依据征求意见稿，正式文本已发布、待核" in data["sentence"]


def test_global_options_may_stand_anywhere(run: Any) -> None:
    words = ["law", "deadline", "registration.acceptance", "--zone", "gansu", "--from", "2019-04-26"]
    assert run("--at", "2019-03-21", *words)[1]["due"] == "2019-05-02"
    assert run(*words, "--at", "2019-03-22")[1]["due"] == "2019-04-30"


def test_a_prompt_clock_has_no_day(run: Any) -> None:
    code, data = run("law", "deadline", "risk.report", "--zone", "huangshi", "--from", "2026-03-02")
    assert (code, data["due"], data["value"], data["kind"]) == (0, None, None, "prompt")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["plan.consultation", "--zone", "gansu", "--from", "2026-03-02"], "clock", "huangshi"),
        (["rules.validity", "--zone", "hubei", "--from", "2026-03-02"], "clock", "没有规定有效期"),
        (["no.such.clock", "--zone", "cn", "--from", "2026-03-02"], "clock", "no.such.clock"),
        (["registration.first", "--zone", "beijing", "--from", "2026-03-02"], "zone", "beijing"),
        (["registration.first", "--zone", "cn", "--from", "2026-02-30"], "date", "2026-02-30"),
        (["registration.first", "--zone", "cn", "--from", "明天"], "date", "明天"),
        (["registration.first", "--zone", "cn", "--from", "20260302"], "date", "20260302"),
        (["registration.first", "--zone", "cn", "--from", "2026-W10-1"], "date", "2026-W10-1"),
        (["registration.first", "--zone", "cn"], "usage", "缺少参数 --from"),
        (["--zone", "cn", "--from", "2026-03-02"], "usage", "缺少参数 clock"),
        (["registration.first", "--zone", "cn", "--from"], "usage", "参数 --from 后面缺少值"),
        (["registration.first", "--from", "2026-03-02", "--colour"], "usage", "不认识的参数 --colour"),
        (["operation.term", "--zone", "cn", "--from", "9999-01-01"], "date", "超出"),
    ],
)
def test_bad_use_is_two_with_code_sentence_basis(run: Any, words: list[str], code: str, told: str) -> None:
    status, data = run("law", "deadline", *words)
    assert (status, data["ok"]) == (2, False)
    assert set(data["error"]) == {"code", "sentence", "basis"}
    assert data["error"]["code"] == code
    assert told in data["error"]["sentence"]


def test_an_absent_clock_names_the_article_that_leaves_it_open(run: Any) -> None:
    _, data = run("law", "deadline", "quality.fix", "--zone", "hubei", "--from", "2026-03-02")
    assert data["error"]["basis"] == ["hubei-operation:25"]


def test_show_gives_pack_and_article_of_every_value(run: Any) -> None:
    code, data = run("law", "show", "quality.reply", "--zone", "huangshi")
    assert (code, data["pack"], data["section"]) == (0, "hubei", "clocks")
    values = {leaf["path"]: leaf for leaf in data["values"]}
    assert values["value"]["value"] == 3
    assert all(leaf["pack"] == "hubei" and leaf["basis"] == ["hubei-operation:25"] for leaf in data["values"])
    assert "黄石方案" in data["because"]
    assert data["articles"][0]["superseded_by"]["issued"] == "2025-10-13"


def test_show_by_section_and_of_everything(run: Any) -> None:
    _, one = run("law", "show", "limits/attack.threshold", "--zone", "gansu", "--at", "2026-03-02")
    assert (one["rule"]["value"], one["at"]) == (10, "2026-03-02")
    assert one["because"].startswith("项目选择")
    _, whole = run("law", "show", "--zone", "chizhou")
    assert "operation.cure" in {item["id"] for item in whole["sections"]["clocks"]}
    assert "filing.upward" not in {item["id"] for item in whole["sections"]["clocks"]}


@pytest.mark.parametrize("name", ["nothing", "limits/nothing", "plan.consultation"])
def test_show_of_what_is_not_there_is_bad_use(run: Any, name: str) -> None:
    status, data = run("law", "show", name, "--zone", "gansu")
    assert (status, data["ok"]) == (2, False)


@pytest.mark.parametrize(
    "words", [["check"], ["show", "--zone", "cn"], ["show", "registration.first", "--zone", "cn"]]
)
def test_people_read_chinese(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["law", *words]) == 0
    assert any("一" <= letter <= "鿿" for letter in capsys.readouterr().out)


def test_the_page_of_clocks_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "clocks.md"
    assert page.read_text("utf-8") == reference.clocks(packs.library(), date(2026, 3, 2))
