"""Components: states, small calendar, chips, tables, inputs, forms of the packs, errors."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.http import QueryDict
from django.template import Context, Template
from django.test import RequestFactory

from gongshu.law import calendar as law_calendar
from gongshu.law import forms as law_forms
from gongshu.law import packs, rules
from gongshu.law.inputs import INPUT_KINDS, Input
from gongshu.ui import errors, inputs, lawforms, smallcalendar, states
from gongshu.ui.export import attachment
from gongshu.ui.smallcalendar import Chip
from gongshu.ui.tables import Column, Filter, Table

CALENDAR = law_calendar.Calendar.of(packs.library())


def test_every_state_of_every_procedure_has_a_look() -> None:
    """Each state of the packs stands in the table; what is final is never neutral."""
    from gongshu.law import procedures

    for zone in packs.library().zones:
        held = rules.at(zone, date(2026, 3, 2))
        for name in held.ids("procedures"):
            for state in procedures.load(held, name).states.values():
                assert state.id in states.LOOKS, f"{zone} {name} {state.id}"
                found = states.look(state.id, state.title)
                assert found.label == state.title
                if state.final:
                    assert found.tone != states.NEUTRAL, f"{zone} {name} {state.id}"


def test_the_small_calendar_marks_rest_makeup_counted_due() -> None:
    """2026 Spring Festival: 15–23 February off, 14 and 28 February worked."""
    made = smallcalendar.build(date(2026, 2, 13), date(2026, 2, 28), date(2026, 2, 24), CALENDAR.day)
    cells = {cell.day: cell for month in made.months for week in month.weeks for cell in week if cell}
    assert "start" in cells[date(2026, 2, 13)].marks
    assert "counted" not in cells[date(2026, 2, 13)].marks
    assert {"makeup", "counted"} <= set(cells[date(2026, 2, 14)].marks)
    assert "rest" in cells[date(2026, 2, 17)].marks
    assert "counted" not in cells[date(2026, 2, 17)].marks
    assert {"makeup", "counted", "due"} <= set(cells[date(2026, 2, 28)].marks)
    assert "today" in cells[date(2026, 2, 24)].marks
    assert "春节" in cells[date(2026, 2, 17)].note
    assert not made.provisional
    assert [len(week) for month in made.months for week in month.weeks] == [7] * 5


@pytest.mark.parametrize("year", range(2019, 2029))
@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_holds_each_of_its_days_once(year: int, month: int) -> None:
    day = date(year, month, 10)
    made = smallcalendar.build(day, day, day, CALENDAR.day)
    days = [cell.day.day for week in made.months[0].weeks for cell in week if cell]
    following = date(year + month // 12, month % 12 + 1, 1)
    assert days == list(range(1, (following - date(year, month, 1)).days + 1))
    for week in made.months[0].weeks:
        assert all(cell.day.weekday() == number for number, cell in enumerate(week) if cell)


def test_a_long_calendar_is_shortened_and_an_unpublished_year_says_so() -> None:
    made = smallcalendar.build(date(2026, 3, 2), date(2027, 3, 5), date(2026, 3, 2), CALENDAR.day)
    assert made.shortened
    assert [each.title for each in made.months] == ["2026年3月", "2027年3月"]
    assert made.provisional
    page = Template("{% smallcalendar calendar %}").render(Context({"calendar": made}))
    assert "暂定" in page


@pytest.mark.parametrize(
    ("left", "sentence", "tone"),
    [
        (-3, "已超期 3 个工作日", "bad"),
        (0, "今天是最后一天", "warn"),
        (2, "还剩 2 个工作日", "warn"),
        (9, "还剩 9 个工作日", "working"),
    ],
)
def test_a_chip_says_how_many_days(left: int, sentence: str, tone: str) -> None:
    chip = Chip("受理", date(2026, 3, 5), left, why="t-1")
    assert (chip.sentence, chip.tone) == (sentence, tone)
    page = Template("{% deadline chip %}").render(Context({"chip": chip}))
    assert 'href="/why/t-1"' in page


def test_no_why_no_mark() -> None:
    assert Template("{% why x %}").render(Context({"x": None})) == ""


# ------------------------------------------------------------ tables


def table(query: str = "", count: int = 60) -> Table:
    request = RequestFactory().get(f"/x/?{query}")
    rows = [{"name": f"第{n:03d}号", "n": n, "day": date(2026, 1, 1)} for n in range(count)]
    return Table(
        request,
        rows,
        [Column("name", "名称", "name", order="name"), Column("n", "数", "n", order="n", kind="number")],
        filters=[Filter("q", "名称", lambda found, value: [row for row in found if value in row["name"]])],
    )


def test_a_list_sorts_pages_and_ignores_nonsense() -> None:
    assert table("sort=-n").page[0][1].value == 59
    assert table("sort=n&page=3").page[-1][1].value == 59
    assert table("page=999").number == 3
    assert table("page=x&sort=evil;drop").number == 1
    assert table("q=07").total == 1
    assert "sort=-n" in next(each.url for each in table("sort=n").headings if each.column.key == "n")
    assert table("page=2&q=0").previous_url.count("q=0") == 1


def test_export_holds_the_filtered_rows() -> None:
    answer = table("q=07&export=xlsx").export()
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer.content[:2] == b"PK"


def test_a_chinese_file_name_survives() -> None:
    assert "filename*=UTF-8''%E7%9B%AE%E5%BD%95.xlsx" in attachment("目录.xlsx")
    assert "\n" not in attachment("a\nb")


# ------------------------------------------------------------ inputs

GOOD: dict[str, dict[str, str]] = {
    "text": {"x": "甲"},
    "date": {"x": "2026-03-02"},
    "period": {"x-from": "2026-03-02", "x-until": "2026-04-01"},
    "bool": {"x": "false"},
    "confirm": {"x": "on"},
    "number": {"x": "1,200.50"},
    "names": {"x": "甲、乙\n丙"},
    "divisions": {"x": "420200 \n 420204"},
    "items": {"x-0-item": "R01", "x-0-sentence": "缺"},
    "choice": {"x": "a"},
    "choices": {"x": "a"},
    "quantity": {"x-value": "3", "x-unit": "a"},
    "uscc": {"x": "11420200MB0000001A"},
}
WANTED: dict[str, Any] = {
    "text": "甲",
    "date": "2026-03-02",
    "period": {"from": "2026-03-02", "until": "2026-04-01"},
    "bool": False,
    "confirm": True,
    "number": "1200.50",
    "names": ["甲", "乙", "丙"],
    "divisions": ["420200", "420204"],
    "items": [{"item": "R01", "sentence": "缺"}],
    "choice": "a",
    "choices": ["a"],
    "quantity": {"value": "3", "unit": "a"},
}


def query(data: dict[str, str]) -> QueryDict:
    made = QueryDict(mutable=True)
    made.update(data)
    return made


@pytest.mark.parametrize("kind", sorted(WANTED))
def test_each_kind_reads_what_people_type(kind: str) -> None:
    asked = Input("x", "某项", kind, options=(("a", "甲"), ("b", "乙")))
    form = inputs.build([asked])(query(GOOD[kind]))
    assert form.is_valid(), form.errors
    assert form.facts() == {"x": WANTED[kind]}


@pytest.mark.parametrize("kind", sorted(INPUT_KINDS))
def test_every_kind_of_the_law_has_a_field_that_asks_and_keeps(kind: str) -> None:
    asked = Input("x", "某项", kind, options=(("a", "甲"),))
    form = inputs.build([asked])(query({}))
    judged = kind in ("file", "files")
    assert form.is_valid() is judged
    if not judged:
        assert form.errors["x"] == ["请填写“某项”。"]
    page = Template("{% fields form %}").render(Context({"form": form}))
    assert "某项" in page
    optional = inputs.build([Input("x", "某项", kind, required=False, options=(("a", "甲"),))])(query({}))
    assert optional.is_valid()
    assert optional.facts() == {}


def test_what_was_typed_stays_and_is_escaped() -> None:
    form = inputs.build([Input("x", "名称"), Input("y", "日期", "date")])(
        query({"x": "<script>alert(1)</script>", "y": "昨天"})
    )
    assert not form.is_valid()
    page = Template("{% fields form %}").render(Context({"form": form}))
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "昨天" in page


# ------------------------------------------------------------ forms of the packs


@pytest.mark.parametrize("zone", ["gansu", "huangshi", "chizhou"])
def test_every_form_of_the_packs_is_drawn_with_each_of_its_fields(zone: str) -> None:
    held = rules.at(zone, date(2026, 3, 2))
    for name in held.ids("forms"):
        form = law_forms.load(held, name)
        page = Template("{% fields form %}").render(Context({"form": lawforms.build(form, cite=held.cite)}))
        for field in form.fields:
            assert field.title in page.replace("&quot;", '"'), (name, field.id)


def test_a_pack_form_keeps_what_was_typed_and_shows_the_laws_sentences() -> None:
    held = rules.at("gansu", date(2026, 3, 2))
    form = law_forms.load(held, "registration")
    data = query({"R01": "公积金", "R02": "resource", "R09": "authorised", "R11": "123", "R49": "true"})
    data.update({"co_owners-0-R50": "甲单位"} if any(g.id == "co_owners" for g in form.groups) else {})
    made = lawforms.build(form, data=data, cite=held.cite)
    typed = made.typed()
    assert typed["R01"] == "公积金"
    assert typed["R49"] is True
    made.show(law_forms.validate(form, typed))
    assert "统一社会信用代码" in made.errors["R11"][0]
    assert "R01" not in made.errors
    page = Template("{% fields form %}").render(Context({"form": made}))
    assert 'value="123"' in page
    assert "“授权运营情况”为“已授权运营”时填写" in page
    again = lawforms.build(form, typed)
    assert again.initial["R01"] == "公积金"


# ------------------------------------------------------------ errors


@pytest.mark.parametrize("status", sorted(errors.SENTENCES))
def test_error_pages_say_one_chinese_sentence(status: int) -> None:
    request = RequestFactory().get("/x/")
    answer = errors.page(request, status, code="x")
    assert answer.status_code == status
    assert errors.SENTENCES[status][1] in answer.content.decode()
    wanted = RequestFactory().get("/x/", headers={"accept": "application/json"})
    assert errors.page(wanted, status, articles=("a:1",)).status_code == status


def test_the_last_resort_needs_no_database() -> None:
    answer = errors.server_error(RequestFactory().get("/x/"))
    assert answer.status_code == 500
    assert "没有提交" in answer.content.decode()


def test_a_database_out_of_reach_is_503() -> None:
    from django.db import OperationalError
    from django.http import HttpResponse

    from gongshu.ui.middleware import ContentPolicyMiddleware

    made = ContentPolicyMiddleware(lambda _: HttpResponse())
    answer = made.process_exception(RequestFactory().get("/x/"), OperationalError("gone"))
    assert answer is not None
    assert answer.status_code == 503
    assert "暂时不可用" in answer.content.decode()
    assert made.process_exception(RequestFactory().get("/x/"), ValueError("x")) is None


@pytest.mark.parametrize(("moved", "marked"), [(True, True), (False, False)])
def test_a_moment_of_the_machines_clock_says_so_where_the_clocks_differ(moved: bool, marked: bool) -> None:
    at = datetime(2026, 11, 20, 6, 5, tzinfo=UTC)
    site = type("Site", (), {"moved": moved})()
    written = Template("{% wall at %}|{{ at|moment }}|{% wall none %}").render(
        Context({"site": site, "at": at, "none": None})
    )
    shown, business, none = written.split("|")
    assert "2026-11-20 14:05" in shown and business == "2026-11-20 14:05" and none == "—"
    assert ("自然时间" in shown) is marked
    columns = [Column("at", "收到", "at", kind="wall"), Column("on", "提交", "at", kind="time")]
    rows = Table(RequestFactory().get("/"), [type("Row", (), {"at": at})()], columns)
    page = Template("{% table rows %}").render(Context({"site": site, "rows": rows}))
    assert page.count("<small>自然时间</small>") == int(marked)
