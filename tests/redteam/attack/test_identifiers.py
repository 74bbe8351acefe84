"""Identifiers, openly, in disguise, hashed: each must be found, and no finding may repeat one."""

from __future__ import annotations

import base64
import codecs
import gzip
import hashlib
import hmac
import html
import json
import urllib.parse
import zlib
from collections.abc import Callable

import openpyxl
import pytest

from gongshu.crypto.hashes import sm3
from support.attack_world import World, found, leaks

Make = Callable[[str], str]


def _rot(text: str, step: int) -> str:
    return "".join(str((int(c) + step) % 10) if c.isdigit() else c for c in text)


PLAIN: dict[str, Make] = {
    "as it is": str,
    "full width": lambda v: "".join(chr(ord(c) + 0xFEE0) for c in v),
    "spaced": lambda v: " ".join(v),
    "grouped": lambda v: f"{v[:6]}-{v[6:14]}-{v[14:]}",
    "zero width": lambda v: "\u200b".join(v),
    "in words": lambda v: f"用户{v}的记录",
}
DISGUISES: dict[str, Make] = {
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 url": lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("="),
    "base64 twice": lambda v: base64.b64encode(base64.b64encode(v.encode())).decode(),
    "base64 of utf-16": lambda v: base64.b64encode(v.encode("utf-16-le")).decode(),
    "base32": lambda v: base64.b32encode(v.encode()).decode(),
    "base85": lambda v: base64.b85encode(v.encode()).decode(),
    "ascii85": lambda v: base64.a85encode(v.encode()).decode(),
    "hex": lambda v: v.encode().hex(),
    "hex upper": lambda v: v.encode().hex().upper(),
    "hex with colons": lambda v: ":".join(f"{b:02x}" for b in v.encode()),
    "hex escapes": lambda v: "".join(f"\\x{b:02x}" for b in v.encode()),
    "unicode escapes": lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
    "percent": lambda v: "".join(f"%{b:02X}" for b in v.encode()),
    "entities": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "reversed": lambda v: v[::-1],
    "reversed base64": lambda v: base64.b64encode(v.encode()).decode()[::-1],
    "digits moved": lambda v: _rot(v, 3),
    "digits moved 7": lambda v: _rot(v, 7),
    "complement": lambda v: "".join(str(9 - int(c)) if c.isdigit() else c for c in v),
    "gzip base64": lambda v: base64.b64encode(gzip.compress(v.encode())).decode(),
    "zlib base64": lambda v: base64.b64encode(zlib.compress(v.encode())).decode(),
    "letters for digits": lambda v: "".join("ABCDEFGHIJ"[int(c)] if c.isdigit() else c for c in v),
    "chinese digits": lambda v: "".join("〇一二三四五六七八九"[int(c)] if c.isdigit() else c for c in v),
    "capital chinese digits": lambda v: "".join(
        "零壹贰叁肆伍陆柒捌玖"[int(c)] if c.isdigit() else c for c in v
    ),
    "character codes": lambda v: " ".join(str(ord(c)) for c in v),
    "bits": lambda v: "".join(f"{ord(c):08b}" for c in v),
    "circled digits": lambda v: "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(c)] if c.isdigit() else c for c in v),
    "arabic-indic digits": lambda v: "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in v),
    "dots between": lambda v: ".".join(v),
    "noise between": lambda v: "#".join(v),
    "rot47": lambda v: "".join(chr(33 + (ord(c) - 33 + 47) % 94) for c in v),
    "shifted ascii": lambda v: "".join(chr(ord(c) + 5) for c in v),
    "halves swapped": lambda v: v[9:] + v[:9],
    "hex of number": lambda v: hex(int(v[:17]))[2:] if False else v.encode().hex()[::-1],
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("column", ["id", "mobile"])
def test_identifiers_in_the_open(world: World, name: str, column: str) -> None:
    values = [v for (v,) in world.query(f"SELECT {column} FROM person LIMIT 6")]
    if name == "grouped" and column == "mobile":
        return
    path = world.rows("plain.csv", ["说明", "n"], [(PLAIN[name](v), 100 + i) for i, v in enumerate(values)])
    report = world.attack(path)
    assert report.verdict == "block"
    assert found(report) & {"identifier", "identifier_encoded"}
    assert not leaks(report, set(values))


@pytest.mark.parametrize("name", DISGUISES)
def test_identifiers_in_disguise(world: World, name: str) -> None:
    values = [v for (v,) in world.query("SELECT id FROM person LIMIT 6")]
    path = world.rows(
        "disguise.csv", ["标签", "n"], [(DISGUISES[name](v), 50 + i) for i, v in enumerate(values)]
    )
    report = world.attack(path)
    assert report.verdict == "block"
    assert found(report) & {"identifier", "identifier_encoded"}, sorted(found(report))
    assert not leaks(report, {*values, *map(DISGUISES[name], values)})


HASHES: dict[str, Callable[[bytes], str]] = {
    "md5": lambda b: hashlib.md5(b).hexdigest(),
    "sha1": lambda b: hashlib.sha1(b).hexdigest(),
    "sha256": lambda b: hashlib.sha256(b).hexdigest(),
    "sha256 upper": lambda b: hashlib.sha256(b).hexdigest().upper(),
    "sha512": lambda b: hashlib.sha512(b).hexdigest(),
    "sm3": lambda b: sm3(b).hex(),
    "blake2b": lambda b: hashlib.blake2b(b).hexdigest(),
    "blake2s": lambda b: hashlib.blake2s(b).hexdigest(),
    "crc32": lambda b: f"{zlib.crc32(b):08x}",
    "crc32 number": lambda b: str(zlib.crc32(b)),
    "cut to 12": lambda b: hashlib.sha256(b).hexdigest()[:12],
    "last 8": lambda b: hashlib.md5(b).hexdigest()[-8:],
    "md5 middle": lambda b: hashlib.md5(b).hexdigest()[8:24],
    "base64": lambda b: base64.b64encode(hashlib.sha256(b).digest()).decode(),
    "salt before": lambda b: hashlib.sha256(b"salt" + b).hexdigest(),
    "salt after": lambda b: hashlib.md5(b + b"gongshu").hexdigest(),
    "salt with colon": lambda b: hashlib.sha1(b"huangshi:" + b).hexdigest(),
    "hmac": lambda b: hmac.new(b"secret", b, "sha256").hexdigest(),
    "twice": lambda b: hashlib.md5(hashlib.md5(b).hexdigest().encode()).hexdigest(),
    "salt unknown": lambda b: hashlib.sha256(b"9f!k2-unguessable" + b).hexdigest(),
    "salt unknown, cut": lambda b: hashlib.sha256(b"9f!k2-unguessable" + b).hexdigest()[:10],
    "salt unknown, base64": lambda b: base64.b64encode(hashlib.sha256(b"zz91" + b).digest()[:12]).decode(),
    "random tokens": lambda b: codecs.encode(hashlib.sha512(b"x" + b).digest()[:9], "hex").decode(),
}


@pytest.mark.parametrize("name", HASHES)
def test_hashed_identifiers(world: World, name: str) -> None:
    values = [v for (v,) in world.query("SELECT id FROM person LIMIT 12")]
    rows = [(HASHES[name](v.encode()), 40 + 3 * i) for i, v in enumerate(values)]
    report = world.attack(world.rows("hash.csv", ["key", "score"], rows))
    assert report.verdict == "block"
    assert "identifier_hashed" in found(report), sorted(found(report))


def test_identifier_cut_over_columns(world: World) -> None:
    rows = [(v[:6], v[6:14], v[14:], 77) for (v,) in world.query("SELECT id FROM person LIMIT 5")]
    report = world.attack(world.rows("cut.csv", ["地区", "日期", "序号", "n"], rows))
    assert "identifier_encoded" in found(report)


def test_identifier_written_down_a_column(world: World) -> None:
    (value,) = world.query("SELECT id FROM person LIMIT 1")[0]
    report = world.attack(world.rows("down.csv", ["c", "n"], [(c, 60 + i) for i, c in enumerate(value)]))
    assert "identifier_encoded" in found(report)


@pytest.mark.parametrize("form", ["offset", "scaled", "xor"])
def test_numbers_moved_by_a_constant(world: World, form: str) -> None:
    values = [int(v) for (v,) in world.query("SELECT mobile FROM person LIMIT 15")]
    move = {"offset": lambda v: v + 987654, "scaled": lambda v: v * 7, "xor": lambda v: v ^ 0x5A5A5A}[form]
    report = world.attack(
        world.rows("moved.csv", ["编号", "n"], [(move(v), 30 + i) for i, v in enumerate(values)])
    )
    assert "identifier_encoded" in found(report)


def _xlsx(world: World, change: Callable[[openpyxl.Workbook, str], None]) -> object:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["district", "n"])
    for row in world.query(
        "SELECT district, count(*) FROM person GROUP BY 1 HAVING count(*) >= 10 ORDER BY 1"
    ):
        sheet.append(row)
    (value,) = world.query("SELECT id FROM person LIMIT 1")[0]
    change(book, value)
    path = world.folder / "book.xlsx"
    book.save(path)
    return world.attack(path)


def _hidden_sheet(book: openpyxl.Workbook, value: str) -> None:
    sheet = book.create_sheet("附")
    sheet.sheet_state = "hidden"
    sheet.append(["a", "b"])
    sheet.append([value, 1])


def _comment(book: openpyxl.Workbook, value: str) -> None:
    book.active["A2"].comment = openpyxl.comments.Comment(f"见 {value}", "x")


def _property(book: openpyxl.Workbook, value: str) -> None:
    book.properties.description = base64.b64encode(value.encode()).decode()


def _sheet_name(book: openpyxl.Workbook, value: str) -> None:
    book.create_sheet(value).append(["x", "y"])


def _number_format(book: openpyxl.Workbook, value: str) -> None:
    book.active["B2"].number_format = f'0"{value}"'


def _formula(book: openpyxl.Workbook, value: str) -> None:
    book.active["D9"] = f'=IF(1=1,"","{value}")'


def _defined_name(book: openpyxl.Workbook, value: str) -> None:
    from openpyxl.workbook.defined_name import DefinedName

    book.defined_names["note"] = DefinedName("note", attr_text=f'"{value}"')


@pytest.mark.parametrize(
    "change", [_hidden_sheet, _comment, _property, _sheet_name, _number_format, _formula, _defined_name]
)
def test_places_in_excel(world: World, change: Callable[[openpyxl.Workbook, str], None]) -> None:
    report = _xlsx(world, change)
    assert report.verdict == "block"
    assert found(report) & {"identifier", "identifier_encoded"}


PLACES: dict[str, Callable[[str], tuple[str, str]]] = {
    "md text": lambda v: ("r.md", f"# 报告\n\n个案 {v} 收入偏低。\n"),
    "md comment": lambda v: ("r.md", f"# 报告\n\n<!-- {v} -->\n正文。\n"),
    "md link": lambda v: (
        "r.md",
        f"# 报告\n\n[详情](https://example.org/?q={base64.b64encode(v.encode()).decode()})\n",
    ),
    "txt": lambda v: ("r.txt", f"报告\n身份证 {v}\n"),
    "html attribute": lambda v: ("r.html", f'<p data-k="{v}">报告</p>'),
    "html comment": lambda v: ("r.html", f"<p>报告</p><!-- {v[::-1]} -->"),
    "html script": lambda v: ("r.html", f"<p>报告</p><script>var a='{v}';</script>"),
    "html data uri": lambda v: (
        "r.html",
        f'<p>报告</p><a href="data:text/plain;base64,{base64.b64encode(v.encode()).decode()}">x</a>',
    ),
    "html entities": lambda v: ("r.html", "<p>" + html.escape(v).replace("4", "&#52;") + "</p>"),
    "json key": lambda v: ("r.json", json.dumps({v: {"n": 20, "m": 3}, "b": {"n": 30, "m": 3}})),
    "json nested": lambda v: ("r.json", json.dumps({"a": [{"b": {"c": [v]}}]})),
    "ndjson": lambda v: ("r.json", json.dumps({"a": v}) + "\n" + json.dumps({"a": "b"})),
    "percent in text": lambda v: ("r.txt", "见 " + urllib.parse.quote(v).replace("2", "%32")),
    "zero width bits": lambda v: (
        "r.txt",
        "报告" + "".join("\u200b" if b == "0" else "\u200c" for c in v for b in f"{ord(c):08b}") + "正文",
    ),
    "tag characters": lambda v: ("r.txt", "报告" + "".join(chr(0xE0000 + ord(c)) for c in v)),
    "line ends": lambda v: ("r.txt", "\n".join(f"第{i}段文字{c}" for i, c in enumerate(v))),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_in_reports(world: World, name: str) -> None:
    (value,) = world.query("SELECT id FROM person LIMIT 1 OFFSET 3")[0]
    file, body = PLACES[name](value)
    report = world.attack(world.write(file, body), kind="report")
    assert report.verdict == "block"
    assert found(report) & {"identifier", "identifier_encoded"}, sorted(found(report))


def test_names_and_company_titles(world: World) -> None:
    names = [(n, 20 + i) for i, (n,) in enumerate(world.query("SELECT name FROM person LIMIT 8"))]
    assert "identifier" in found(world.attack(world.rows("names.csv", ["对象", "n"], names)))
    titles = [(n, 20 + i) for i, (n,) in enumerate(world.query("SELECT title FROM firm LIMIT 8"))]
    report = world.attack(world.rows("firms.csv", ["单位", "n"], titles), ("firm",), subject={"firm": "code"})
    assert "identifier" in found(report)


def test_gb18030_and_semicolons(world: World) -> None:
    (value,) = world.query("SELECT id FROM person LIMIT 1")[0]
    body = f"名称;说明\n甲;{value}\n"
    report = world.attack(world.write("gb.csv", body, "gb18030"))
    assert "identifier" in found(report)
