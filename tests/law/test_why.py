"""为什么: facts → rule → article with standing → what would change the answer."""

from __future__ import annotations

import json
from datetime import date

from gongshu.law import clocks, engine, packs, procedures, rules, why
from support.histories import in_publicity, submitted


def test_a_refusal_explains_itself() -> None:
    walk = in_publicity("gansu", "2026-03-02")
    tree = why.explain(walk.ask("certify", "registrar", "2026-03-16"), walk.rules)
    assert tree.title == "首次登记：发放电子凭证"
    assert "2026-03-16" in tree.sentence
    assert [step.held for step in tree.rule][-1] is False
    assert all(step.held for step in tree.rule[:-1])
    assert "gansu-registration:28" in [article.basis for article in tree.articles]
    assert all(article.caution == "依据征求意见稿，正式文本已发布、待核。" for article in tree.articles)
    assert tree.changes
    json.dumps(tree.data(), ensure_ascii=False)


def test_a_permission_names_its_conditions_and_the_reading() -> None:
    walk = submitted()
    tree = why.explain(
        walk.ask("return", "registrar", "2026-03-03", defects=[{"item": "R01", "sentence": "x"}]), walk.rules
    )
    assert any("两种读法" in change for change in tree.changes)
    assert {fact.title for fact in tree.facts} >= {"案件状态", "补正清单", "办理人是否应当回避"}


def test_a_deadline_explains_skipped_days_and_the_provisional_year() -> None:
    found = rules.at("cn", date(2026, 12, 28))
    tree = why.explain(clocks.deadline(found, "registration.publicity", date(2026, 12, 28)), found)
    assert any("放假安排" in change for change in tree.changes)
    assert any(fact.name == "skipped" for fact in tree.facts)
    assert tree.articles[0].in_force


def test_articles_in_plain_words_fall_back_to_the_wider_article() -> None:
    found = rules.at("gansu", date(2026, 3, 2))
    words = why.articles(
        ["gansu-registration:26", "gansu-registration:25(一)3", "gansu-registration:26"], found
    )
    assert len(words) == 2
    assert all(article.says for article in words)


def test_a_running_clock_of_a_case() -> None:
    walk = submitted(day="2026-03-06")
    running = {item.id: item for item in walk.where("2026-03-06").deadlines}["acceptance"]
    assert why.explain(running, walk.rules).kind == "due"


def test_every_fact_of_every_act_has_a_chinese_title() -> None:
    for zone in packs.library().zones:
        found = rules.at(zone, date(2026, 3, 2))
        for name in found.ids("procedures"):
            procedure = procedures.load(found, name)
            for act in procedure.acts.values():
                asked = {item.id for item in act.asks}
                for fact in set(engine.facts_needed(procedure, act.id)) - asked:
                    assert fact in why.FACTS, (zone, name, act.id, fact)
