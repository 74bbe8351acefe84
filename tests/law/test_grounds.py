"""Every article a service says comes from the packs of its zone: `grounds.yaml`, and no literal in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import gongshu
from gongshu.law import grounds, packs, procedures, rules
from gongshu.law.errors import UnknownRule

ON = date(2026, 3, 2)
LIBRARY = packs.library()
SOURCE = Path(gongshu.__file__).parent
FILES = [path for path in sorted(SOURCE.rglob("*")) if "packs" not in path.relative_to(SOURCE).parts[:1]]
CITED = re.compile(rf"(?:{'|'.join(map(re.escape, LIBRARY.sources))}):[\d(一二三四五六七八九十前披附实运]")
IN_WORDS = re.compile(r"第[\d〇零一二三四五六七八九十百千]+条")
GROUND = re.compile(r"^[a-z_]+(?:\.[a-z_]+)+$")


def literals(path: Path) -> Iterator[str]:
    """The texts of a module but for its docstrings, which say for the reader where a rule comes from."""
    tree = ast.parse(path.read_text("utf-8"))
    bodies = [node for node in ast.walk(tree) if hasattr(node, "body") and isinstance(node.body, list)]
    bare = {
        id(each.value)
        for node in bodies
        for each in node.body
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.value


def articles_in(path: Path) -> list[str]:
    texts = literals(path) if path.suffix == ".py" else [path.read_text("utf-8")]
    return [text[:80] for text in texts if CITED.search(text) or IN_WORDS.search(text)]


CODE = [path for path in FILES if path.suffix in (".py", ".html", ".js") and "vendor" not in path.parts]


def test_no_article_stands_in_the_code() -> None:
    found = {str(path.relative_to(SOURCE)): said for path in CODE if (said := articles_in(path))}
    assert found == {}, "条款写进 packs/*/grounds.yaml，代码里只写依据的 id"


def test_the_search_would_find_one(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    module.write_text('"""See gansu-operation:26."""\nBASIS = ("hubei-operation:27",)\n', "utf-8")
    assert articles_in(module) == ["hubei-operation:27"]
    module.write_text('X = "依据《办法》第二十六条"\n', "utf-8")
    assert articles_in(module)
    page = tmp_path / "p.html"
    page.write_text("<p>anhui-measures:(五)</p>", "utf-8")
    assert articles_in(page)
    module.write_text('X = "gongshu-operation: 第几条"\n', "utf-8")
    assert not articles_in(module)


NAMES = sorted({name for zone in LIBRARY.zones for name in rules.at(zone, ON, LIBRARY).ids("grounds")})


@pytest.mark.parametrize("zone", LIBRARY.zones)
def test_every_zone_answers_for_every_ground(zone: str) -> None:
    law = rules.at(zone, ON)
    assert list(law.ids("grounds")) == NAMES
    for name in NAMES:
        found = law.find("grounds", name)
        assert found.basis or found.by_choice, name
        for citation in found.basis:
            assert LIBRARY.source(citation).pack in LIBRARY.above(zone), (name, citation)


def test_every_ground_is_asked_for_somewhere() -> None:
    modules = [path for path in CODE if path.suffix == ".py"]
    used = {text for path in modules for text in literals(path) if GROUND.match(text)}
    assert [name for name in NAMES if name not in used] == []


def asked(path: Path) -> Iterator[str]:
    """The grounds a module asks for: `basis(…, "id")`, `ground="id"`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [each.value for each in node.keywords if each.arg == "ground"]
            given += node.args if name == "basis" else []
            for each in given:
                if isinstance(each, ast.Constant) and GROUND.match(str(each.value)):
                    yield str(each.value)


def test_every_ground_the_code_asks_for_is_there() -> None:
    found = {name for path in CODE if path.suffix == ".py" for name in asked(path)}
    assert found and found <= set(NAMES), found - set(NAMES)


def test_a_ground_is_that_of_the_zone_and_the_nations_where_the_zone_is_unknown() -> None:
    assert grounds.basis("gansu", "release.review", ON) == ("gansu-operation:26",)
    assert grounds.basis("hubei", "release.review", ON) == ("hubei-operation:26",)
    nation = grounds.basis("cn", "release.review", ON)
    assert (
        grounds.basis(None, "release.review", ON) == grounds.basis("nowhere", "release.review", ON) == nation
    )
    assert grounds.citing("gansu", ON)("agreement.usage") == ()
    with pytest.raises(UnknownRule):
        grounds.basis("gansu", "no.such", ON)


BAD = {
    "a: {title: 甲, basis: [hubei-operation:26]}": "别的地方的文本",
    "a: {title: 甲, because: 没有条文}": "项目选择",
    "a: {basis: [gansu-operation:26]}": "title",
    "a: {title: 甲, basis: [gansu-operation:99]}": "没有“99”这一条",
    "a: {title: 甲, basis: [gansu-operation:26], value: 3}": "不认识的字段",
}


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_a_bad_ground_is_named(text: str, said: str) -> None:
    broken = LIBRARY.plus({"gansu/grounds.yaml": text.encode()})
    assert any(said in problem.sentence for problem in broken.problems), broken.problems


def test_a_ground_may_rest_on_a_text_above_the_zone() -> None:
    fine = LIBRARY.plus({"huangshi/grounds.yaml": "a: {title: 甲, basis: [hubei-operation:26]}".encode()})
    assert fine.problems == ()


@pytest.mark.parametrize("zone", LIBRARY.zones)
def test_a_procedure_cites_no_text_of_a_neighbour(zone: str) -> None:
    law = rules.at(zone, ON)
    for name in law.ids("procedures"):
        made = procedures.load(law, name)
        acts = made.acts.values()
        cited = [*made.basis, *(each for state in made.states.values() for each in state.basis)]
        cited += [each for act in acts for each in act.basis]
        cited += [each for act in acts for part in (*act.asks, *act.requires) for each in part.basis]
        assert {LIBRARY.source(each).pack for each in cited} <= set(LIBRARY.above(zone)), name
        assert made.basis or made.because.startswith("项目选择"), name


def test_what_was_taken_from_a_neighbour_is_said_to_be_a_choice() -> None:
    gansu = procedures.load(rules.at("gansu", ON), "agreement.usage")
    assert gansu.act("file").basis == () and gansu.because.startswith("项目选择")
    huangshi = procedures.load(rules.at("huangshi", ON), "agreement.usage")
    assert huangshi.act("file").basis == ("hubei-operation:27",)
