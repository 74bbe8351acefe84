"""Packs are read strictly: what is wrong is found, named with its file, and never guessed around."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from gongshu.law import packs, rules
from gongshu.law.errors import LawError, PackError, UnknownClock, UnknownRule, UnknownZone
from gongshu.law.schema import expand, read_yaml

HEAD = """
id: {id}
title: {id}
sources:
  {id}-text:
    title: 某办法
    standing: 施行
    from: 2025-01-01
    until: 2027-12-31
    articles: ["1-9", "3(一-三)"]
inherit: {inherit}
"""
CLOCK = """
reply:
  title: 答复
  kind: deadline
  value: {value}
  unit: working_days
  rolls: false
  starts: 收到
  basis: [{basis}]
"""


def make(files: Mapping[str, str]) -> packs.Library:
    return packs.build({path: text.encode() for path, text in files.items()})


def two(**more: str) -> dict[str, str]:
    """A nation and a province below it, plus files named by `zone__path`."""
    base = {
        "cn/pack.yaml": HEAD.format(id="cn", inherit="[]"),
        "cn/clocks.yaml": CLOCK.format(value=3, basis='"cn-text:1"'),
        "east/pack.yaml": HEAD.format(id="east", inherit="[{from: cn}]"),
    }
    return base | {name.replace("__", "/") + ".yaml": text for name, text in more.items()}


def sentences(files: Mapping[str, str]) -> str:
    return "\n".join(map(str, make(files).problems))


def test_the_packs_of_this_installation_hold_together() -> None:
    library = packs.library()
    assert library.problems == ()
    assert library.zones == ("cn", "gansu", "hubei", "huangshi", "anhui", "chizhou")


def test_a_sound_pair_has_no_problem() -> None:
    assert make(two()).problems == ()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"east/clocks.yaml": CLOCK.format(value=3, basis='"east-text:10"')}, "没有“10”这一条"),
        ({"east/clocks.yaml": CLOCK.format(value=3, basis='"east-text:3(四)"')}, "没有“3(四)”这一条"),
        ({"east/clocks.yaml": CLOCK.format(value=3, basis='"west-text:1"')}, "没有登记在任何 pack.yaml"),
        ({"east/clocks.yaml": CLOCK.format(value=3, basis="east-text")}, "应写成 文本:条款"),
        ({"east/clocks.yaml": CLOCK.format(value=3, basis="")}, "没有写依据"),
        ({"east/clocks.yaml": CLOCK.format(value=0, basis='"east-text:1"')}, "应是正整数"),
        ({"east/clocks.yaml": CLOCK.format(value="三", basis='"east-text:1"')}, "应是正整数"),
        ({"east/clocks.yaml": CLOCK.format(value=3, basis='"east-text:1"') + "  days: 3\n"}, "“days”"),
        ({"east/clocks.yaml": "reply: [1]"}, "内容应是一张表"),
        ({"east/clocks.yaml": "- 1"}, "一张表"),
        ({"east/clocks.yaml": "a: {b: 1\n"}, "YAML 写法有错"),
        ({"east/clocks.yaml": "a: {}\na: {}\n"}, "写了两次"),
        ({"east/limits.yaml": "a: {title: 甲, value: 0.1, because: 项目选择}"}, "小数写成文字"),
        ({"east/limits.yaml": "a: {title: 甲, value: 1, because: 项目选择, from: 去年}"}, "YYYY-MM-DD"),
        ({"east/limits.yaml": "a: {absent: true, basis: ['east-text:1']}"}, "要写理由"),
        ({"east/deadlines.yaml": "a: {}"}, "不认识的文件"),
        ({"east/forms/a.yaml": "id: a\nbasis: ['east-text:1']\nparts: [{basis: ['east-text:77']}]"}, "“77”"),
        ({"east/forms/a.yaml": "id: a\nbasis: ['east-text:1']", "east/forms/b.yaml": "id: a"}, "出现了两次"),
        ({"east/not_encoded.yaml": "- {says: 甲}"}, "缺一不可"),
        ({"east/not_encoded.yaml": "- {says: 甲, reason: 乙, basis: ['east-text:99']}"}, "“99”"),
        ({"east/pack.yaml": HEAD.format(id="west", inherit="[]")}, "id 应与文件夹同名"),
        ({"east/pack.yaml": HEAD.format(id="east", inherit="[{from: north}]")}, "不存在的规则包"),
        ({"east/pack.yaml": HEAD.format(id="east", inherit="[{from: cn, ids: [reply]}]")}, "要写理由"),
        (
            {"east/pack.yaml": HEAD.format(id="east", inherit="[{from: cn, ids: [x], because: 甲}]")},
            "继承的“x”在那里没有",
        ),
        ({"east/pack.yaml": HEAD.format(id="east", inherit="[]") + "colour: red\n"}, "“colour”"),
        ({"east/pack.yaml": HEAD.format(id="east", inherit="[]").replace("施行", "草稿")}, "状态"),
        ({"east/pack.yaml": "[]"}, "不是一张表"),
    ],
)
def test_a_fault_is_found_and_said(files: dict[str, str], told: str) -> None:
    assert told in sentences(two() | files)


def test_a_file_in_another_encoding_is_refused() -> None:
    files = {path: text.encode() for path, text in two().items()}
    files["east/clocks.yaml"] = "# 期限\n".encode("gb18030")
    assert any("UTF-8" in problem.sentence for problem in packs.build(files).problems)


def test_packs_that_inherit_in_a_circle_are_refused() -> None:
    files = two() | {"cn/pack.yaml": HEAD.format(id="cn", inherit="[{from: east}]")}
    with pytest.raises(PackError, match="圈"):
        make(files).table("east")
    assert "圈" in sentences(files)


def test_own_value_wins_over_the_inherited_one() -> None:
    library = make(two(east__clocks=CLOCK.format(value=5, basis='"east-text:1"')))
    assert rules.at("east", date(2026, 1, 1), library).clock("reply").value == 5
    assert rules.at("cn", date(2026, 1, 1), library).clock("reply").value == 3


def test_a_binding_value_prevails_and_an_override_is_a_fault() -> None:
    files = two(east__clocks=CLOCK.format(value=5, basis='"east-text:1"'))
    files["cn/clocks.yaml"] += "  binding: true\n"
    library = make(files)
    assert "有约束力" in "\n".join(map(str, library.problems))
    assert rules.at("east", date(2026, 1, 1), library).clock("reply").value == 3


def test_inheritance_of_some_values_carries_its_reason() -> None:
    files = two(
        west__pack=HEAD.format(
            id="west", inherit="[{from: east, ids: [reply], because: 项目选择：没有规定}]"
        ),
        east__clocks=CLOCK.format(value=5, basis='"east-text:1"'),
    )
    found = rules.at("west", date(2026, 1, 1), make(files)).clock("reply")
    assert (found.value, found.pack, found.because) == (5, "east", "项目选择：没有规定")
    assert found.by_choice
    assert found.basis == ("east-text:1",)


def test_dated_versions_are_picked_by_the_day() -> None:
    one, two_ = (CLOCK.format(value=n, basis='"cn-text:1"').strip().split("\n", 1)[1] for n in (3, 8))
    first = "  - " + one.strip().replace("\n  ", "\n    ") + "\n    until: 2025-12-31\n"
    second = (
        "  - " + two_.strip().replace("\n  ", "\n    ") + "\n    from: 2026-01-01\n    until: 2026-12-31\n"
    )
    library = make(two() | {"cn/clocks.yaml": "reply:\n" + first + second})
    assert library.problems == ()

    def asked(day: str) -> tuple[object, bool]:
        rule = rules.at("east", date.fromisoformat(day), library).clock("reply")
        return rule.value, rule.in_force

    assert asked("2025-12-31") == (3, True)
    assert asked("2026-01-01") == (8, True)
    assert asked("2024-12-31") == (3, False)  # before the text itself
    assert asked("2027-01-01") == (8, False)  # after the last version: still counted, and said


def test_an_absent_value_hides_the_inherited_one_and_gives_its_article() -> None:
    files = two(east__clocks="reply: {absent: true, because: 没有规定。, basis: ['east-text:2']}")
    found = rules.at("east", date(2026, 1, 1), make(files))
    assert not found.has("clocks", "reply")
    with pytest.raises(UnknownClock) as refused:
        found.clock("reply")
    assert refused.value.basis == ("east-text:2",)
    assert "没有规定" in refused.value.sentence


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownZone, match="没有“beijing”"):
        rules.at("beijing", date(2026, 1, 1))
    with pytest.raises(UnknownRule, match="没有“nothing”"):
        rules.at("cn", date(2026, 1, 1)).limit("nothing")
    with pytest.raises(LawError, match="没有“nowhere”"):
        rules.at("cn", date(2026, 1, 1)).text("nowhere:1")


def test_the_digest_moves_with_the_law_and_not_with_its_stories() -> None:
    before = make(two())
    told = make(two() | {"east/stories/clocks.yaml": "[]"})
    assert told.digest("east") == before.digest("east")
    nation = make(two() | {"cn/clocks.yaml": CLOCK.format(value=4, basis='"cn-text:1"')})
    assert nation.digest("east") != before.digest("east")
    province = make(two(east__clocks=CLOCK.format(value=4, basis='"east-text:1"')))
    assert province.digest("east") != before.digest("east")
    assert province.digest("cn") == before.digest("cn")


@pytest.mark.parametrize("zone", packs.library().zones)
def test_the_texts_of_a_digest_rebuild_the_same_rules(zone: str) -> None:
    library = packs.library()
    again = packs.build(library.texts(zone))
    assert again.problems == ()
    assert again.digest(zone) == library.digest(zone)
    assert again.table(zone) == library.table(zone)


def test_yaml_keeps_words_that_look_like_truth() -> None:
    assert read_yaml("a: [yes, no, on, off, true]") == [{"a": ["yes", "no", "on", "off", True]}]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1-3", ["1", "2", "3"]),
        ("25(一-三)", ["25(一)", "25(二)", "25(三)"]),
        ("20(九-十二)", ["20(九)", "20(十)", "20(十一)", "20(十二)"]),
        ("25(一)1-2", ["25(一)1", "25(一)2"]),
        ("三(四)5(1-2)", ["三(四)5(1)", "三(四)5(2)"]),
        ("前言", ["前言"]),
        ("(一-二)", ["(一)", "(二)"]),
    ],
)
def test_articles_written_short(written: str, meant: list[str]) -> None:
    assert expand(written) == meant


@pytest.mark.row("A32", "A34")
def test_every_source_says_how_it_stands() -> None:
    found = packs.library().sources
    assert {key for key, source in found.items() if source.text_status == "superseded_draft"} == {
        "gansu-registration", "gansu-operation", "hubei-operation", "chizhou-plan",
    }  # fmt: skip
    assert found["huangshi-plan"].text_status == "draft"
    assert found["national-registration"].number == "发改数据规〔2025〕26号"
    assert found["national-registration"].holds(date(2025, 3, 1))
    assert not found["national-registration"].holds(date(2025, 2, 28))
    assert not found["hubei-operation"].holds(date(2026, 3, 2))


def test_huangshi_takes_from_hubei_only_what_its_plan_leaves_open() -> None:
    library = packs.library()
    table = library.table("huangshi")
    taken = {
        name
        for (section, name), found in table.items()
        if found.versions[0].pack == "hubei" and section == "clocks"
    }
    assert taken == {
        "quality.reply", "filing.three_party", "filing.upward", "report.operator_annual",
        "retention.logs", "report.incident", "risk.stop", "risk.report",
    }  # fmt: skip
    found = rules.at("huangshi", date(2026, 3, 2))
    assert all("黄石方案" in (found.clock(name).because or "") for name in taken)
    assert found.clock("operation.term").value == 5


@pytest.mark.parametrize("zone", ["gansu", "hubei", "huangshi", "anhui", "chizhou"])
def test_what_the_nation_binds_holds_everywhere(zone: str) -> None:
    found = rules.at(zone, date(2026, 3, 2))
    for name, value in (("price.public_benefit", "free"), ("operation.redevelopment", "forbidden")):
        rule = found.limit(name)
        assert (rule.value, rule.pack, rule.binding) == (value, "cn", True)
