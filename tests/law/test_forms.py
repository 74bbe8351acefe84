"""The form of 58 fields and the other forms: types, code lists, conditions, credit codes, the public notice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gongshu.law import conditions, forms, packs, rules
from gongshu.law.inputs import Input, problem_of

RULES = rules.at("gansu", date(2026, 3, 2))
FORM = forms.load(RULES, "registration")
DIGEST = "sha256:" + "a" * 64
FILE = {"name": "报告.pdf", "digest": DIGEST}
USCC = "91420200MA4889M37F"
TERM = {"from": "2026-01-01", "until": "2028-12-31"}


def good_uscc(body: str = "91420200MA4889M37") -> str:
    from stdnum.cn import uscc

    return body + uscc.calc_check_digit(body)


COMMON: dict[str, Any] = {
    "R01": "公交刷卡记录", "R03": "306001", "R04": "G5412", "R05": ["420200"], "R06": "公交车刷卡的时间和线路",
    "R07": ["交通"], "R19": False, "R24": "business", "R25": "structured", "R26": ["table", "csv"],
    "R27": "gov_cloud", "R28": {"value": "3", "unit": "GB"}, "R29": "daily", "R30": "incremental",
    "R31": {"value": 5, "unit": "MB/日"}, "R32": True, "R33": ["person"], "R34": 200000, "R35": True,
    "R36": "按规则掩码", "R37": "self", "R38": "本平台存证", "R39": FILE, "R40": "条件", "R41": "范围",
    "R42": "对象", "R43": "问题", "R44": "conditional", "R45": "用于本场景", "R46": ["api"], "R47": False,
    "R49": False, "R55": [FILE], "R56": True, "R57": False,
}  # fmt: skip
RESOURCE = {**COMMON, "R02": "resource", "R08": TERM, "R09": "authorised", "R10": "黄石市某运营有限公司",
            "R11": good_uscc(), "R12": TERM, "R13": FILE}  # fmt: skip
PRODUCT = {**COMMON, "R02": "product", "R14": "数据报告", "R15": "公交刷卡记录", "R16": "620000-20260302-1",
           "R17": TERM, "R18": "public"}  # fmt: skip


def fields(data: dict[str, Any]) -> list[str]:
    return [problem.field for problem in forms.validate(FORM, data)]


@pytest.mark.row("D04", "R01-R58")
def test_all_58_fields_are_there_with_article_and_chinese_label() -> None:
    ids = [field.id for field in FORM.fields if not field.companion]
    assert ids == [f"R{number:02}" for number in range(1, 59)]
    for field in FORM.fields:
        assert field.title
        assert field.ask.basis
        article = field.ask.basis[0]
        assert article.startswith("gansu-registration:")
        assert 7 <= int(article.split(":")[1].split("(")[0]) <= 15


def test_the_forms_hold_together() -> None:
    assert forms.problems(packs.library()) == []


@pytest.mark.parametrize("data", [RESOURCE, PRODUCT], ids=["resource", "product"])
def test_a_complete_form_has_no_problem(data: dict[str, Any]) -> None:
    assert forms.validate(FORM, data) == []


@pytest.mark.row("R02", "R08", "R13", "R14", "R18")
def test_each_type_asks_its_own_fields() -> None:
    assert fields({**COMMON, "R02": "resource"}) == ["R08", "R09", "R13"]
    assert fields({**COMMON, "R02": "product"}) == ["R14", "R15", "R16", "R17", "R18"]
    assert fields({**RESOURCE, "R14": "数据报告"}) == ["R14"]
    assert "请清空" in forms.validate(FORM, {**RESOURCE, "R14": "数据报告"})[0].sentence


@pytest.mark.parametrize("missing", sorted(set(COMMON) - {"R36", "R45", "R46"}))
def test_each_field_that_is_always_asked_is_missed_when_blank(missing: str) -> None:
    for blank in (None, "", "  ", []):
        assert missing in fields({**RESOURCE, missing: blank})


@pytest.mark.row("D02", "R10", "R11", "R12")
def test_a_resource_that_is_not_authorised_names_no_operator() -> None:
    bare = {key: value for key, value in RESOURCE.items() if key not in ("R10", "R11", "R12")}
    assert fields({**bare, "R09": "not_in_scope"}) == []
    assert fields({**bare, "R09": "authorised"}) == ["R10", "R11", "R12"]
    assert fields({**RESOURCE, "R09": "in_scope"}) == ["R10", "R11", "R12"]


@pytest.mark.row("D10", "R19", "R20", "R21", "R22", "R23")
def test_an_agent_brings_its_mandate() -> None:
    assert fields({**RESOURCE, "R19": True}) == ["R20", "R21", "R22", "R23"]
    agent = {"R19": True, "R20": "某单位", "R21": good_uscc(), "R22": TERM, "R23": FILE}
    assert fields({**RESOURCE, **agent}) == []


@pytest.mark.row("R36", "R45", "R46", "R48", "R57")
@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"R35": False, "R36": None}, []),
        ({"R35": True, "R36": None}, ["R36"]),
        ({"R44": "none", "R45": None, "R46": None}, []),
        ({"R44": "unconditional", "R45": None}, []),
        ({"R44": "unconditional"}, ["R45"]),
        ({"R47": True}, ["R48"]),
        ({"R57": True}, ["R57_link"]),
    ],
)
def test_conditions(change: dict[str, Any], asked: list[str]) -> None:
    assert fields({**RESOURCE, **change}) == asked


@pytest.mark.row("D09", "R49", "R50", "R51", "R52", "R53", "R54")
def test_co_owners_row_by_row() -> None:
    assert fields({**RESOURCE, "R49": True}) == ["co_owners"]
    owner = {"R50": "某局", "R51": good_uscc(), "R52": "organ", "R53": "420200", "R54": FILE}
    assert fields({**RESOURCE, "R49": True, "co_owners": [owner, owner]}) == []
    bad = {**owner, "R51": "123", "R53": "4202"}
    assert fields({**RESOURCE, "R49": True, "co_owners": [owner, bad]}) == [
        "co_owners.1.R51",
        "co_owners.1.R53",
    ]
    assert fields({**RESOURCE, "co_owners": [owner]}) == ["co_owners"]


@pytest.mark.row("R11")
@pytest.mark.parametrize(
    "code", ["91420200MA4889M370", "9142", "", "914202OOMA4889M37F", "91420200MA4889M37Z"]
)
def test_a_credit_code_with_a_wrong_check_character(code: str) -> None:
    assert fields({**RESOURCE, "R11": code}) == ["R11"]


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("R04", "交通", "国民经济行业分类"),
        ("R05", ["4202"], "行政区划代码"),
        ("R08", {"from": "2026-02-01", "until": "2026-01-01"}, "早于"),
        ("R08", {"from": "2026-02-31", "until": "2026-03-01"}, "起止日期"),
        ("R24", "magic", "可选"),
        ("R26", ["table", "magic"], "可选"),
        ("R28", {"value": "很多", "unit": "GB"}, "单位"),
        ("R28", {"value": 3, "unit": "斤"}, "单位"),
        ("R28", {"value": -1, "unit": "GB"}, "不小于零"),
        ("R34", "NaN", "不小于零"),
        ("R34", True, "不小于零"),
        ("R32", "是", "“是”或“否”"),
        ("R39", {"name": "a.pdf"}, "摘要"),
        ("R55", FILE, "文件"),
        ("R56", False, "确认"),
        ("R06", "长" * 2001, "2000"),
    ],
)
def test_a_wrong_value_is_named_in_chinese(field: str, value: Any, part: str) -> None:
    problems = forms.validate(FORM, {**RESOURCE, field: value})
    assert [problem.field for problem in problems] == [field]
    assert part in problems[0].sentence
    assert problems[0].sentence.endswith("。")
    assert problems[0].basis


def test_an_unknown_field_is_refused() -> None:
    assert fields({**RESOURCE, "R99": "x"}) == ["R99"]


def test_zero_and_no_are_answers() -> None:
    assert fields({**RESOURCE, "R34": 0, "R32": False}) == []


def test_what_does_not_apply_is_cleaned_away_and_the_digest_follows_the_content() -> None:
    dirty = {**RESOURCE, "R14": "数据报告", "R48": "x", "R58": []}
    assert forms.clean(FORM, dirty) == forms.clean(FORM, RESOURCE)
    assert forms.form_digest(FORM, dirty) == forms.form_digest(FORM, RESOURCE)
    assert forms.form_digest(FORM, {**RESOURCE, "R06": "另一段"}) != forms.form_digest(FORM, RESOURCE)
    before, after = forms.papers(FORM, RESOURCE), forms.papers(FORM, {**RESOURCE, "R06": "另一段"})
    assert {name for name in before if before[name] != after[name]} == {"R06"}


@pytest.mark.row("E18", "R01", "R06")
@pytest.mark.parametrize("zone", ["cn", "gansu", "huangshi", "chizhou"])
def test_the_notice_shows_exactly_the_lawful_data_with_both_types(zone: str) -> None:
    lines = forms.notice(
        rules.at(zone, date(2026, 3, 2)),
        FORM,
        RESOURCE,
        registrant="黄石市交通运输局",
        application_type="首次登记",
    )
    assert lines == [
        ("登记主体名称", "黄石市交通运输局"), ("登记申请类型", "首次登记"), ("数据登记类型", "数据资源"),
        ("登记数据名称", "公交刷卡记录"), ("数据内容简介", "公交车刷卡的时间和线路"),
    ]  # fmt: skip
    shown = {field.id for field in FORM.fields if field.publicity}
    assert shown == {"R01", "R02", "R06"}


@pytest.mark.row("R14", "L02")
def test_product_forms_come_from_the_jurisdiction() -> None:
    def options(zone: str) -> list[str]:
        return [
            value
            for value, _ in forms.load(rules.at(zone, date(2026, 3, 2)), "registration")
            .field("R14")
            .ask.options
        ]

    assert options("gansu") == ["数据模型", "数据接口", "数据报告", "数据服务"]
    assert "数据指数" in options("hubei")


@pytest.mark.parametrize("zone", ["hubei", "huangshi", "anhui", "chizhou"])
def test_a_zone_without_a_field_list_says_it_is_a_choice(zone: str) -> None:
    form = forms.load(rules.at(zone, date(2026, 3, 2)), "registration")
    assert len(form.fields) == len(FORM.fields)
    assert form.by_choice
    assert form.because.startswith("项目选择")
    assert not FORM.by_choice


@pytest.mark.row("L12")
@pytest.mark.parametrize("zone", packs.library().zones)
def test_a_usage_agreement_has_its_seven_items(zone: str) -> None:
    found = rules.at(zone, date(2026, 3, 2))
    form = forms.load(found, "agreement-usage")
    seven = [str(item["id"]) for item in found.document("agreement.usage")["items"]]
    assert len(seven) == 7
    missing = {problem.field for problem in forms.validate(form, {})}
    assert set(seven) <= missing


@pytest.mark.row("C04")
def test_the_catalogue_form_wants_at_least_one_item() -> None:
    form = forms.load(RULES, "catalogue")
    problems = {problem.field for problem in forms.validate(form, {})}
    assert {"name", "code", "provider_code", "items", "share_type", "in_scope"} <= problems
    row = {"item_name": "姓名", "item_type": "C", "item_grade": "L4"}
    assert "items" not in {problem.field for problem in forms.validate(form, {"items": [row]})}


@pytest.mark.row("J07")
def test_a_request_asks_the_necessity_of_every_field() -> None:
    form = forms.load(RULES, "data-request")
    rows = [{"field": "id", "necessity": "需要"}, {"field": "amount", "necessity": "计算指数的分子"}]
    problems = [p for p in forms.validate(form, {"fields": rows}) if p.field.startswith("fields")]
    assert [problem.field for problem in problems] == ["fields.0.necessity"]


def test_the_grammar_of_conditions() -> None:
    data = {"a": 1, "b": True, "c": ""}
    for condition, expected in [
        (None, True), ({"field": "a", "equals": 1}, True), ({"field": "b", "equals": 1}, False),
        ({"field": "a", "in": [1, 2]}, True), ({"field": "c", "filled": True}, False),
        ({"field": "c", "filled": False}, True), ({"not": {"field": "a", "equals": 1}}, False),
        ({"all": [{"field": "a", "equals": 1}, {"field": "b", "equals": True}]}, True),
        ({"any": [{"field": "a", "equals": 2}, {"field": "z", "equals": 0}]}, False),
    ]:  # fmt: skip
        assert conditions.holds(condition, data) is expected
    for wrong in (
        "x",
        {"field": "a"},
        {"equals": 1},
        {"field": "a", "like": "x"},
        {"field": "a", "equals": 1, "in": []},
    ):
        assert conditions.problem(wrong)


@pytest.mark.parametrize(
    ("code", "good"), [("306001/000012", True), ("1010010001", True), ("406001", False), ("30A001", False)]
)
def test_catalogue_codes(code: str, good: bool) -> None:
    assert (problem_of(Input("code", "代码", "catalogue_code"), code) == "") is good


@pytest.mark.row("E05", "D10")
def test_first_registration_materials_by_article() -> None:
    items = RULES.document("materials.first")["items"]
    assert [item["id"] for item in items] == [
        "application",
        "identity",
        "proof",
        "risk_report",
        "mandate",
        "other",
    ]
    mandate = items[4]
    assert conditions.holds(mandate["condition"], {"R19": True})
    assert not conditions.holds(mandate["condition"], {"R19": False})
    assert items[3]["basis"] == ["gansu-registration:25(一)3"]
    nation = rules.at("cn", date(2026, 3, 2)).document("materials.first")["items"]
    assert len(nation) == 7


@pytest.mark.row("L03")
@pytest.mark.parametrize("zone", packs.library().zones)
def test_two_purposes_of_products_everywhere(zone: str) -> None:
    found = rules.at(zone, date(2026, 3, 2))
    assert len(found.limit("product.purposes").value) == 2
    assert dict(FORM.field("R18").ask.options) == {
        "public": "公共治理、公益事业",
        "industry": "产业发展、行业发展",
    }


def test_a_broken_form_is_named() -> None:
    broken = {"title": "坏表", "groups": [{"id": "g", "title": "组"}], "fields": [
        {"id": "a", "group": "x", "title": "甲", "type": "magic", "when": {"field": "nowhere", "equals": 1}},
        {"id": "a", "group": "g", "type": "choice", "colour": "red"},
    ]}  # fmt: skip
    found = " ".join(forms.check(broken))
    for part in (
        "出现了两次",
        "没有“x”这个分组",
        "类型“magic”",
        "不存在的“nowhere”",
        "没有选项",
        "没有名称",
        "不认识“colour”",
    ):
        assert part in found
