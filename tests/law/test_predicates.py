"""Each predicate on small histories: what holds, what does not, and that silence never holds."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.law.history import SHANGHAI, Context, Event
from gongshu.law.predicates import PREDICATES, evaluate, open_items

TODAY = date(2026, 3, 10)
TERM = {"fact": "x", "term": "y"}


def event(act: str, who: str = "p", role: str = "r", **data: Any) -> Event:
    return Event(act, datetime(2026, 3, 1, tzinfo=SHANGHAI), who, role, data)


def context(*history: Event, who: str = "p", **facts: Any) -> Context:
    limits = {"review.minimum": 2, "max": "5", "cap": "capped", "free": "open"}
    dues = {"window": date(2026, 3, 10), "none": None}
    return Context(history, facts, who, TODAY, limits.__getitem__, dues.get, lambda _: ("a", "b"))


def ok(name: str, found: Context, **args: Any) -> bool:
    sentence = evaluate(name, found, args)
    assert sentence == "" or sentence.endswith("。")
    return sentence == ""


@pytest.mark.parametrize(
    ("name", "facts", "args", "expected"),
    [
        ("holds", {"x": True}, {"fact": "x"}, True),
        ("holds", {"x": 1}, {"fact": "x"}, False),
        ("holds", {}, {"fact": "x"}, False),
        ("holds_not", {"x": False}, {"fact": "x"}, True),
        ("holds_not", {}, {"fact": "x"}, False),
        ("any_holds", {"a": None, "b": "file"}, {"facts": ["a", "b"]}, True),
        ("any_holds", {"a": None, "b": []}, {"facts": ["a", "b"]}, False),
        ("empty", {"x": []}, {"fact": "x"}, True),
        ("empty", {"x": ["错"]}, {"fact": "x"}, False),
        ("empty", {}, {"fact": "x"}, False),
        ("each_has", {"x": [{"a": "1"}]}, {"fact": "x", "keys": ["a"]}, True),
        ("each_has", {"x": [{"a": ""}]}, {"fact": "x", "keys": ["a"]}, False),
        ("each_has", {"x": "text"}, {"fact": "x", "keys": ["a"]}, False),
        ("needed_when", {"x": True, "y": "f"}, {"fact": "x", "value": True, "needs": "y"}, True),
        ("needed_when", {"x": True}, {"fact": "x", "value": True, "needs": "y"}, False),
        ("needed_when", {"x": False}, {"fact": "x", "value": True, "needs": "y"}, True),
        ("needed_when", {}, {"fact": "x", "value": True, "needs": "y"}, False),
        ("organisation_in", {"actor_organisation": "a", "x": ["a"]}, {"fact": "x"}, True),
        ("organisation_in", {"x": ["a"]}, {"fact": "x"}, False),
        ("organisation_not_in", {"actor_organisation": "a", "x": ["a"]}, {"fact": "x"}, False),
        ("organisation_not_in", {"actor_organisation": "b", "x": ["a"]}, {"fact": "x"}, True),
        ("organisation_not_in", {"actor_organisation": "b"}, {"fact": "x"}, False),
        ("organisation_not_in", {"x": ["a"]}, {"fact": "x"}, False),
        ("not_recused", {"recused": False}, {}, True),
        ("not_recused", {}, {}, False),
        ("at_most", {"x": 5}, {"fact": "x", "limit": "max"}, True),
        ("at_most", {"x": "5.01"}, {"fact": "x", "limit": "max"}, False),
        ("at_most", {}, {"fact": "x", "limit": "max"}, False),
        ("within_term", {"x": "2030-01-01", "y": "2030-01-01"}, {**TERM, "limit": "cap"}, True),
        ("within_term", {"x": "2030-01-02", "y": "2030-01-01"}, {**TERM, "limit": "cap"}, False),
        ("within_term", {"x": "2030-01-02", "y": "none"}, {**TERM, "limit": "cap"}, True),
        ("within_term", {"x": "2030-01-02"}, {**TERM, "limit": "cap"}, False),
        ("within_term", {"y": "2030-01-01"}, {**TERM, "limit": "cap"}, False),
        ("within_term", {"x": "2030-01-02", "y": "2030-01-01"}, {**TERM, "limit": "free"}, True),
        ("answers_cover", {"x": {"a": "p", "b": "p"}}, {"fact": "x", "document": "d"}, True),
        ("answers_cover", {"x": {"a": "p"}}, {"fact": "x", "document": "d"}, False),
        ("answers_all", {"x": {"a": "p", "b": {"result": "p"}}}, {"fact": "x", "value": "p"}, True),
        ("answers_all", {"x": {"a": "p", "b": "f"}}, {"fact": "x", "value": "p"}, False),
        ("answers_all", {}, {"fact": "x", "value": "p"}, False),
        ("answer_is", {"x": "b"}, {"input": "x", "value": ["a", "b"]}, True),
        ("not_future", {"x": "2026-03-10"}, {"fact": "x"}, True),
        ("not_future", {"x": "2026-03-11"}, {"fact": "x"}, False),
        ("not_future", {}, {"fact": "x"}, False),
        ("elapsed", {}, {"clock": "window"}, False),
        ("not_elapsed", {}, {"clock": "window"}, True),
        ("window_open", {}, {"clock": "window"}, True),
        ("elapsed", {}, {"clock": "none"}, False),
        ("not_elapsed", {}, {"clock": "none"}, False),
        ("window_open", {}, {"clock": "none"}, False),
    ],
)
def test_on_facts(name: str, facts: dict[str, Any], args: dict[str, Any], expected: bool) -> None:
    assert ok(name, context(**facts), **args) is expected


def test_on_histories() -> None:
    past = context(event("send", "p"), event("check", "q"))
    assert not ok("not_actor_of", past, acts=["send"])
    assert ok("not_actor_of", past, acts=["check"])
    assert not ok("not_actor_of", context(event("send"), who=""), acts=["send"])
    assert ok("done", past, acts=["send"])
    assert not ok("done", past, acts=["send"], since=["check"])
    assert not ok("not_done", past, acts=["send"])
    assert ok("not_done", past, acts=["send"], since=["check"])
    assert ok("same_as", context(event("send", digest="1"), digest="1"), fact="digest", acts=["send"])
    assert not ok("same_as", context(event("send"), digest=None), fact="digest", acts=["send"])
    assert not ok("same_as", context(digest="1"), fact="digest", acts=["send"])


def test_votes() -> None:
    args = {"acts": ["vote"], "since": ["present"]}
    one = (event("present"), event("vote", "a", "x", vote="pass"))
    two = (*one, event("vote", "b", "y", vote="pass"))
    assert not ok("enough_votes", context(*one), **args, limit="review.minimum")
    assert not ok("enough_votes", context(*one, event("vote", "a", "y")), **args, limit="review.minimum")
    assert ok("enough_votes", context(*two), **args, limit="review.minimum", roles=["x", "y"])
    assert not ok("enough_votes", context(*two), **args, limit="review.minimum", roles=["x", "z"])
    assert not ok("enough_votes", context(*two, event("present")), **args, limit="review.minimum")
    assert ok("votes_all", context(*two), **args, value="pass")
    assert not ok("votes_all", context(*two, event("vote", "c", vote="reject")), **args, value="pass")
    assert not ok("votes_all", context(event("present")), **args, value="pass")
    assert not ok("not_voted", context(*two, who="a"), **args)
    assert ok("not_voted", context(*two, event("present"), who="a"), **args)


def test_open_items() -> None:
    args = {"opens": ["object"], "closes": ["decide"]}
    history = (event("object"), event("object", objection="b"), event("decide", objection="1"))
    assert open_items(history, ["object"], ["decide"]) == ("b",)
    assert ok("some_open", context(*history), **args)
    assert not ok("none_open", context(*history), **args)
    assert ok("names_open", context(*history, objection="b"), **args)
    assert not ok("names_open", context(*history, objection="1"), **args)
    assert ok("names_open", context(*history), **args)
    assert not ok("names_open", context(), **args)


def test_every_organisation_speaks_after_the_latest_submission() -> None:
    args = {"fact": "providers", "acts": ["agree"], "since": ["submit"]}
    spoken = (event("submit"), event("agree", actor_organisation="a"))
    assert ok("every_organisation", context(*spoken, providers=["a"]), **args)
    assert not ok("every_organisation", context(*spoken, providers=["a", "b"]), **args)
    assert not ok("every_organisation", context(*spoken, event("submit"), providers=["a"]), **args)
    assert not ok("every_organisation", context(*spoken, providers=[]), **args)


def test_decides_each() -> None:
    args = {"fact": "decisions", "acts": ["submit"], "asked": "fields", "key": "field"}
    asked = event("submit", fields=[{"field": "a"}, {"field": "b"}])
    assert ok(
        "decides_each",
        context(asked, decisions=[{"field": "a", "decision": "y"}, {"field": "b", "decision": "n"}]),
        **args,
    )
    assert not ok(
        "decides_each", context(asked, decisions=[{"field": "a", "decision": "y"}, {"field": "b"}]), **args
    )
    assert not ok("decides_each", context(decisions=[]), **args)


def test_every_predicate_is_tried_here() -> None:
    source = Path(__file__).read_text("utf-8")
    untried = [name for name in PREDICATES if f'"{name}"' not in source and name != "one_list"]
    assert untried == []
