"""Intake: encodings, delimiters, broken lines, Excel and Parquet, the provider's decision, real files."""

from __future__ import annotations

import datetime as dt
import gzip
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.enclave import intake
from gongshu.enclave.intake import IntakeError
from support.vaults import NOW, Vaults

REAL = Path(os.environ.get("GONGSHU_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
TEXT = "线路,站点,日期,人次,票款（元）\n1路,东门,2026-03-01,12,24.00\n2路,西门,2026-03-02,NA,8.50\n3路,桥头,2026/3/2,7,\n"


@pytest.fixture
def vaults(tmp_path: Path) -> Vaults:
    return Vaults.make(tmp_path)


def put(tmp_path: Path, data: bytes | str, name: str = "公交.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


EXPECTED = [
    {"线路": "1路", "站点": "东门", "日期": dt.date(2026, 3, 1), "人次": 12, "票款（元）": Decimal("24.00")},
    {"线路": "2路", "站点": "西门", "日期": dt.date(2026, 3, 2), "人次": None, "票款（元）": Decimal("8.50")},
    {"线路": "3路", "站点": "桥头", "日期": dt.date(2026, 3, 2), "人次": 7, "票款（元）": None},
]

ENCODED = {
    "utf-8": TEXT.encode(),
    "bom": b"\xef\xbb\xbf" + TEXT.encode(),
    "gb18030": TEXT.encode("gb18030"),
    "gbk-crlf": TEXT.replace("\n", "\r\n").encode("gbk"),
    "utf-16": TEXT.encode("utf-16"),
    "utf-16-be": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "utf-16-le without mark": TEXT.encode("utf-16-le"),
    "gzip": gzip.compress(TEXT.encode("gb18030")),
    "tab": TEXT.replace(",", "\t").encode(),
    "semicolon": TEXT.replace(",", ";").encode("gb18030"),
    "bar": TEXT.replace(",", "|").encode(),
    "old mac": TEXT.replace("\n", "\r").encode(),
    "no last newline": TEXT.rstrip("\n").encode(),
    "blank lines": TEXT.replace("\n", "\n\n").encode(),
    "trailing delimiter": TEXT.replace("\n", ",\n").encode(),
    "trailing delimiter but in the header": TEXT.replace("\n", ",\n").replace(",\n", "\n", 1).encode(),
    "quoted": "\n".join(
        ",".join(f'"{c}"' for c in row.split(",")) for row in TEXT.strip().split("\n")
    ).encode(),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_every_way_of_writing_gives_the_same_table(vaults: Vaults, tmp_path: Path, kind: str) -> None:
    proposal = vaults.read(put(tmp_path, ENCODED[kind]))
    assert (proposal.rows, proposal.broken["total"], proposal.headers) == (3, 0, ())
    manifest = vaults.confirm(proposal)
    assert vaults.rows(manifest).to_pylist() == EXPECTED
    assert [c.type for c in manifest.columns] == ["VARCHAR", "VARCHAR", "DATE", "BIGINT", "DECIMAL(18,2)"]


def test_traditional_characters_in_big5(vaults: Vaults, tmp_path: Path) -> None:
    proposal = vaults.read(put(tmp_path, "站點,人次\n東門,1\n西門,2\n".encode("big5")))
    assert proposal.format["encoding"] == "BIG5"
    assert vaults.rows(vaults.confirm(proposal)).column("站點").to_pylist() == ["東門", "西門"]


def test_ascii_first_and_chinese_much_later_is_still_read(vaults: Vaults, tmp_path: Path) -> None:
    rows = (
        b"id_x,note\n"
        + b"".join(b"%d,abcdefghij\n" % n for n in range(200_000))
        + "9,湖北\n".encode("gb18030")
    )
    proposal = vaults.read(put(tmp_path, rows))
    assert (proposal.rows, proposal.broken["total"]) == (200_001, 0)
    assert proposal.format["encoding"] == "GB18030"
    assert vaults.rows(vaults.confirm(proposal)).column("note")[-1].as_py() == "湖北"


BROKEN = [
    ("2路,西门,2026-03-02", "few", 3),
    ("2路,西门,2026-03-02,1,2,3", "many", 3),
    ('2路,"西门,2026-03-02,1,2', "quote", 3),
    ('2路,"西"门,2026-03-02,1,2', "quote", 3),
    ("2路\0,西门,2026-03-02,1,2", "bytes", 3),
]


@pytest.mark.parametrize(("line", "reason", "number"), BROKEN)
def test_a_broken_line_is_set_aside_and_the_next_is_read(
    vaults: Vaults, tmp_path: Path, line: str, reason: str, number: int
) -> None:
    lines = TEXT.strip().split("\n")
    proposal = vaults.read(put(tmp_path, "\n".join([*lines[:2], line, *lines[2:]])))
    assert proposal.rows == 3
    assert proposal.broken["first"] == [{"line": number, "reason": reason}]
    assert line[:2] in intake.broken_lines(proposal, drafts=vaults.drafts)
    assert vaults.rows(vaults.confirm(proposal)).to_pylist() == EXPECTED


def test_bytes_of_another_encoding_break_their_line_only(vaults: Vaults, tmp_path: Path) -> None:
    lines = TEXT.encode().strip().split(b"\n")
    data = b"\n".join([*lines[:3], "9路,北门,2026-03-02,1,2".encode("gb18030"), *lines[3:]])
    proposal = vaults.read(put(tmp_path, data))
    assert proposal.broken["first"] == [{"line": 4, "reason": "bytes"}]
    assert vaults.rows(vaults.confirm(proposal)).to_pylist() == EXPECTED


def test_quoted_fields_may_hold_delimiters_quotes_and_lines(vaults: Vaults, tmp_path: Path) -> None:
    text = '名称,说明\n甲,"第一行\n第二行,有逗号和""引号"""\n乙,"x"\n'
    proposal = vaults.read(put(tmp_path, text))
    assert vaults.rows(vaults.confirm(proposal)).to_pylist() == [
        {"名称": "甲", "说明": '第一行\n第二行,有逗号和"引号"'},
        {"名称": "乙", "说明": "x"},
    ]


def test_many_stray_quotes_lose_only_their_lines(vaults: Vaults, tmp_path: Path) -> None:
    rows = [f"{n},{'5' + chr(34) + '管' if n % 50 == 7 else '管'},{n}" for n in range(5000)]
    proposal = vaults.read(put(tmp_path, "编号x,规格,数量\n" + "\n".join(rows)))
    assert proposal.broken["reasons"]["quote"]["count"] == 100
    assert proposal.rows == 4900
    assert proposal.broken["first"][0]["line"] == 9


def test_a_line_without_end_is_set_aside(vaults: Vaults, tmp_path: Path) -> None:
    text = "a,b\n1,2\n" + "x" * (5 << 20) + ",1\n3,4\n"
    proposal = vaults.read(put(tmp_path, text))
    assert proposal.broken["first"] == [{"line": 3, "reason": "long"}]
    assert vaults.rows(vaults.confirm(proposal)).to_pylist() == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_titles_above_the_header_are_set_aside(vaults: Vaults, tmp_path: Path) -> None:
    proposal = vaults.read(put(tmp_path, "黄石市公交客流统计表\n制表日期：三月\n" + TEXT))
    assert proposal.broken["reasons"]["before_header"]["count"] == 2
    assert proposal.fields[0].name == "线路"


def test_a_header_repeated_inside_is_set_aside(vaults: Vaults, tmp_path: Path) -> None:
    head, *rows = TEXT.strip().split("\n")
    proposal = vaults.read(put(tmp_path, "\n".join([head, rows[0], head, *rows[1:], head])))
    assert proposal.headers == ()
    assert proposal.broken["first"] == [{"line": n, "reason": "header_again"} for n in (3, 6)]
    assert vaults.rows(vaults.confirm(proposal)).to_pylist() == EXPECTED


def test_a_header_that_recurs_very_late_is_found(vaults: Vaults, tmp_path: Path) -> None:
    rows = "".join(f"甲站,{n}\n" for n in range(30_000))
    proposal = vaults.read(put(tmp_path, f"乙站,人次\n{rows}乙站,3\n"))
    assert [(h["column"], h["code"]) for h in proposal.headers] == [(1, "recurs")]


def test_without_a_header_equal_rows_are_kept(vaults: Vaults, tmp_path: Path) -> None:
    assert vaults.read(put(tmp_path, "甲站,3\n甲站,3\n乙站,4\n"), header=False).rows == 3


def test_identifying_columns_need_a_subject(vaults: Vaults, tmp_path: Path) -> None:
    proposal = vaults.read(put(tmp_path, PEOPLE))
    with pytest.raises(IntakeError, match="主体字段"):
        vaults.confirm(proposal, replace(intake.accept(proposal), subject=None))


@pytest.mark.row("A16")
def test_headers_that_are_data_stop_until_renamed(vaults: Vaults, tmp_path: Path) -> None:
    text = "13812345678,东门\n13912345678,西门\n13712345678,东门\n"
    proposal = vaults.read(put(tmp_path, text))
    assert [h["code"] for h in proposal.headers] == ["identifier", "recurs"]
    with pytest.raises(IntakeError) as raised:
        vaults.confirm(proposal)
    assert raised.value.code == "header"
    assert vaults.vault.snapshots() == []
    again = vaults.read(put(tmp_path, text), header=False)
    assert (again.rows, [f.name for f in again.fields]) == (3, ["列1", "列2"])
    decision = intake.accept(again)
    named = replace(
        decision,
        fields=tuple(replace(f, name=n) for f, n in zip(decision.fields, ("手机", "站点"), strict=True)),
        subject="手机",
    )
    assert vaults.confirm(again, named).rows == 3


def test_a_new_name_that_is_data_stops_too(vaults: Vaults, tmp_path: Path) -> None:
    proposal = vaults.read(put(tmp_path, TEXT))
    decision = intake.accept(proposal)
    bad = replace(decision, fields=(replace(decision.fields[0], name="1路"), *decision.fields[1:]))
    with pytest.raises(IntakeError) as raised:
        vaults.confirm(proposal, bad)
    assert raised.value.code == "header"


PEOPLE = (
    "姓名,身份证号,年龄,月收入\n王伟,11010519491231002X,76,3000.00\n李娜,110105194912310021,200,4500.50\n"
)


def test_people_are_graded_and_the_subject_is_found(vaults: Vaults, tmp_path: Path) -> None:
    proposal = vaults.read(put(tmp_path, PEOPLE.encode("gb18030")))
    assert [f.grade for f in proposal.fields] == ["L4", "L4", "L2", "L3"]
    assert proposal.fields[1].defects["wrong_check"] == 1
    assert proposal.fields[2].defects["out_of_range"] == 1
    manifest = vaults.confirm(proposal)
    assert manifest.subject == "身份证号"
    assert manifest.outline()["columns"]["身份证号"] == {"type": "VARCHAR", "grade": "L4"}


@pytest.mark.row("C08")
def test_the_decision_is_the_providers_but_lowering_a_grade_needs_a_reason(
    vaults: Vaults, tmp_path: Path
) -> None:
    proposal = vaults.read(put(tmp_path, PEOPLE))
    fields = list(intake.accept(proposal).fields)
    fields[3] = replace(fields[3], grade="L2")
    with pytest.raises(IntakeError, match="写明理由"):
        vaults.confirm(proposal, intake.Decision(tuple(fields), "身份证号"))
    fields[3] = replace(fields[3], reason="已经模糊化处理", name="income")
    fields[0] = replace(fields[0], keep=False)
    manifest = vaults.confirm(proposal, intake.Decision(tuple(fields), "身份证号"))
    assert [c.name for c in manifest.columns] == ["身份证号", "年龄", "income"]
    assert (manifest.columns[2].grade, manifest.columns[2].proposed) == ("L2", "L3")
    assert manifest.source["lowered"] == {"income": "已经模糊化处理"}


@pytest.mark.parametrize(
    "change",
    [
        {"grade": "L5"},
        {"type": "BLOB"},
        {"name": "a'; DROP"},
        {"name": ""},
        {"name": "x" * 64},
    ],
)
def test_a_bad_decision_is_refused_and_nothing_is_lost(
    vaults: Vaults, tmp_path: Path, change: dict[str, str]
) -> None:
    proposal = vaults.read(put(tmp_path, TEXT))
    decision = intake.accept(proposal)
    bad = replace(decision, fields=(replace(decision.fields[0], **change), *decision.fields[1:]))
    with pytest.raises(IntakeError) as raised:
        vaults.confirm(proposal, bad)
    assert raised.value.code in ("decision", "header")
    assert vaults.confirm(proposal).rows == 3


def test_cells_the_chosen_type_cannot_hold_become_empty_and_are_counted(
    vaults: Vaults, tmp_path: Path
) -> None:
    proposal = vaults.read(
        put(tmp_path, "站点,人次\n" + "".join(f"甲站,{n}\n" for n in range(99)) + "乙站,很多\n")
    )
    assert (proposal.fields[1].type, proposal.fields[1].defects["broken"]) == ("BIGINT", 1)
    manifest = vaults.confirm(proposal)
    assert manifest.source["emptied"] == {"人次": 1}
    assert vaults.rows(manifest).column("人次").null_count == 1


def test_the_draft_is_encrypted_and_destroyed_on_confirmation_and_refusal(
    vaults: Vaults, tmp_path: Path
) -> None:
    for end in ("confirm", "refuse"):
        proposal = vaults.read(put(tmp_path, TEXT))
        for path in vaults.drafts.directory.rglob("*"):
            assert not path.is_file() or "东门".encode() not in path.read_bytes()
        assert intake.preview(proposal, drafts=vaults.drafts)[0][1] == "东门"
        if end == "confirm":
            vaults.confirm(proposal)
        else:
            intake.refuse(proposal, drafts=vaults.drafts, now=NOW)
            intake.refuse(proposal, drafts=vaults.drafts, now=NOW)
        assert [p for p in vaults.drafts.directory.iterdir() if not p.name.startswith(".")] == []


def test_a_proposal_survives_as_json(vaults: Vaults, tmp_path: Path) -> None:
    import json

    proposal = vaults.read(put(tmp_path, PEOPLE))
    assert intake.Proposal.from_dict(json.loads(json.dumps(proposal.to_dict()))).to_dict() == json.loads(
        json.dumps(proposal.to_dict())
    )


def test_the_format_is_told_in_one_line(vaults: Vaults, tmp_path: Path) -> None:
    proposal = vaults.read(put(tmp_path, gzip.compress(TEXT.replace(",", ";").encode("gb18030"))))
    assert proposal.format_text == "CSV，gzip 压缩，GB18030 编码，以分号分隔，首行是表头"


@pytest.mark.parametrize("large", [False, True])
def test_excel(vaults: Vaults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """Both readers: the quick one, and the one for workbooks that do not fit in memory."""
    if large:
        monkeypatch.setattr("gongshu.enclave.intake.excel._LARGE", 0)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["公交客流统计表"])
    sheet.append(["线路", "站点", "日期", "人次", "票款（元）"])
    sheet.append(["1路", "东门", dt.date(2026, 3, 1), 12, 24.0])
    sheet.append(["2路", "西门", dt.datetime(2026, 3, 2), None, 8.5])
    sheet.append([None] * 5)
    sheet.append(["3路", "桥头", dt.date(2026, 3, 2), 7, None])
    sheet.append(["4路", "桥头", dt.date(2026, 3, 2), 7, None, None, "表外的字"])
    book.create_sheet("备用")
    book.save(tmp_path / "公交.xlsx")
    proposal = vaults.read(tmp_path / "公交.xlsx")
    assert (proposal.rows, proposal.format["kind"]) == (3, "excel")
    assert proposal.broken["counts"] == {"before_header": 1, "many": 1}
    rows = vaults.rows(vaults.confirm(proposal)).to_pylist()
    assert [r["日期"] for r in rows] == [r["日期"] for r in EXPECTED]
    assert [r["人次"] for r in rows] == [12, None, 7]


def test_parquet_keeps_its_types_and_is_still_recognised(vaults: Vaults, tmp_path: Path) -> None:
    table = pa.table(
        {
            "证件": pa.array(["11010519491231002X", "440524188001010014"]).dictionary_encode(),
            "day": pa.array([dt.date(2026, 3, 1), None]),
            "at": pa.array([dt.datetime(2026, 3, 1, 0, tzinfo=dt.UTC)] * 2, pa.timestamp("ns", "UTC")),
            "small": pa.array([1, 2], pa.int16()),
            "fare": pa.array([Decimal("1.250"), None], pa.decimal128(9, 3)),
            "ok": pa.array([True, False]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    proposal = vaults.read(tmp_path / "t.parquet")
    assert [f.type for f in proposal.fields] == [
        "VARCHAR",
        "DATE",
        "TIMESTAMP",
        "BIGINT",
        "DECIMAL(9,3)",
        "BOOLEAN",
    ]
    assert (proposal.fields[0].kind, proposal.fields[0].grade) == ("resident_id", "L4")
    rows = vaults.rows(vaults.confirm(proposal)).to_pylist()
    assert rows[0]["at"] == dt.datetime(2026, 3, 1, 8)
    assert rows[0]["fare"] == Decimal("1.250")


BAD_FILES = [
    (b"", "empty"),
    (b"\n\n\n", "empty"),
    ("线路,站点\n".encode(), "empty"),
    (b"PAR1 nothing of the kind PAR1", "format"),
    (gzip.compress(TEXT.encode() * 1000)[:-200], "truncated"),
    (b"%PDF-1.7 ...", "format"),
    (b"PK\x03\x04broken", "format"),
    (b'{"a": 1}\n{"a": 2}\n', "format"),
    (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "format"),
    (b"<html><table><tr><td>1</td></tr></table></html>", "format"),
    (b"\x89PNG\r\n\x1a\n....", "format"),
    ((",".join(f"c{n}x" for n in range(3000)) + "\n" + ",".join("1" * 3000) + "\n").encode(), "columns"),
]


@pytest.mark.parametrize(("data", "code"), BAD_FILES)
def test_a_file_that_cannot_be_taken_says_why_and_leaves_no_draft(
    vaults: Vaults, tmp_path: Path, data: bytes, code: str
) -> None:
    with pytest.raises(IntakeError) as raised:
        vaults.read(put(tmp_path, data))
    assert raised.value.code == code
    assert raised.value.sentence.endswith("。")
    assert [p for p in vaults.drafts.directory.iterdir() if not p.name.startswith(".")] == []


def test_a_bomb_is_stopped(vaults: Vaults, tmp_path: Path) -> None:
    path = put(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 5_000_000))
    with pytest.raises(IntakeError) as raised:
        vaults.read(path, limit=1 << 20)
    assert raised.value.code == "too_large"


@pytest.mark.skipif(not REAL.exists(), reason="没有真实数据")
@pytest.mark.parametrize("station", ["Tiantan", "Dingling"])
def test_real_air_quality(vaults: Vaults, station: str) -> None:
    path = next((REAL / "air-quality").glob(f"*_{station}_*.csv.gz"))
    proposal = vaults.read(path)
    with gzip.open(path, "rt") as file:
        cells = file.read().replace('"', "").replace("\n", ",").split(",").count("NA")
    assert (proposal.rows, proposal.broken["total"], proposal.headers) == (35_064, 0, ())
    assert sum(f.defects["blank"] for f in proposal.fields) == cells
    assert {f.grade for f in proposal.fields} == {"L1"}
    assert proposal.subject is None
    types = {f.name: f.type for f in proposal.fields}
    assert (types["PM2.5"], types["TEMP"], types["wd"], types["year"]) == (
        "DOUBLE",
        "DOUBLE",
        "VARCHAR",
        "BIGINT",
    )
    assert vaults.confirm(proposal).source["emptied"] == {}


@pytest.mark.skipif(not REAL.exists(), reason="没有真实数据")
@pytest.mark.parametrize(
    ("name", "rows"), [("provinces", 31), ("cities", 342), ("areas", 2978), ("streets", 41352)]
)
def test_real_divisions(vaults: Vaults, name: str, rows: int) -> None:
    proposal = vaults.read(REAL / "divisions" / f"{name}.csv")
    assert (proposal.rows, proposal.headers, proposal.subject) == (rows, (), None)
    assert vaults.confirm(proposal).rows == rows
