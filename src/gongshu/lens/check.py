"""The one question: may this query run under this grant, and what does it read and give?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlglot import exp

from gongshu.lens.counts import aims_at_few
from gongshu.lens.facts import Fact, Level
from gongshu.lens.grant import Grant, read_grant
from gongshu.lens.queries import read_query
from gongshu.lens.rewrite import cut_rows
from gongshu.lens.state import QueryResult, State
from gongshu.lens.tokens import parse_query, print_query
from gongshu.lens.verdict import Citing, Findings, Refusal, Verdict


def check(
    sql: str,
    grant: object,
    schema: Mapping[str, Any] | None = None,
    at: date | None = None,
    cite: Citing | None = None,
) -> Verdict:
    """Judge `sql` (DuckDB's dialect) under `grant` on the business day `at`.

    `grant` is the object of design section 11. `schema`, the vault's manifest
    (`{table: {"columns": {name: {"type", "grade"}}, "subject"}}`), can only make it stricter. `at` must be
    given: a grant whose day is unknown refuses everything. `cite` gives the articles of a ground in the
    grant's zone (`gongshu.law.grounds.citing`); without it violations name none. Never raises: what cannot
    be judged is refused.
    """
    findings = Findings(cite)
    try:
        read = _grant(grant, schema, at, findings)
        return Verdict(False, findings.sorted()) if read is None else _check(sql, read, findings)
    except Refusal as refusal:
        findings.add(refusal.code, refusal.what)
    except RecursionError:
        findings.add("too_large", "查询套得太深")
    except Exception:  # noqa: BLE001 - fail closed: an unforeseen shape is a refusal, never a pass
        findings.add("parse", "查询读不懂")
    return Verdict(False, findings.sorted())


advise = check
"""The same judgement under the name the office calls it by while a developer types."""


def _grant(data: Any, schema: Mapping[str, Any] | None, at: date | None, findings: Findings) -> Grant | None:
    try:
        grant = read_grant(data, schema)
    except Refusal as refusal:
        findings.add(refusal.code, refusal.what)
        if refusal.code != "grant":
            findings.add("grant", "授权不能使用")
        return None
    except Exception:  # noqa: BLE001 - a grant that cannot be read grants nothing
        findings.add("grant", "授权读不懂")
        return None
    if at is None:
        findings.add("grant", "没有给出业务日期，无法判断授权是否有效")
    elif at > grant.until:
        findings.add("expired", f"授权已于 {grant.until.isoformat()} 到期")
    elif at < grant.since:
        findings.add("not_yet", f"授权自 {grant.since.isoformat()} 起生效")
    return None if findings else grant


def _check(sql: str, grant: Grant, findings: Findings) -> Verdict:
    state = State(grant, findings, query=read_query)
    tree = parse_query(sql)
    if isinstance(tree, exp.Pivot):
        tree = exp.select("*").from_(exp.Subquery(this=tree))
    try:
        result = read_query(state, tree)
    except Refusal as refusal:
        findings.add(refusal.code, refusal.what)
        return Verdict(False, findings.sorted(), _reads(state))
    _judge(result, state)
    names = _unique(result.names)
    text = _written(tree, names, state) if not findings else None
    return Verdict(
        not findings,
        findings.sorted(),
        _reads(state),
        {name: _lineage(fact) for name, fact in zip(names, result.facts, strict=True)},
        {name: f"L{fact.grade}" for name, fact in zip(names, result.facts, strict=True)},
        text,
    )


def _reads(state: State) -> dict[str, list[str]]:
    return {table: sorted(columns) for table, columns in sorted(state.reads.items())}


def _lineage(fact: Fact) -> list[str]:
    return sorted(f"{table}.{column}" for table, column in fact.sources)


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        count = seen.get(name.lower(), 0)
        seen[name.lower()] = count + 1
        unique.append(f"{name}_{count}" if count else name)
    return unique


def _judge(result: QueryResult, state: State) -> None:
    """What reaches the output (design section 7, modes)."""
    if not state.answer:
        if any(fact.grade >= 4 and not fact.pseudonym for fact in result.facts):
            state.refuse("identifier", "标识字段只能经 pseudonym 写入结果")
        return
    if any(fact.grade >= 4 for fact in result.facts):
        state.refuse("identifier", "结果里有标识字段（L4 或未定级）")
    if result.level == Level.SUBJECT:
        state.refuse("row_output", "结果的一行可能就是一个主体")
        return
    if any(_marks_few(fact, state) for fact in result.facts):
        state.refuse("singling_out", "结果标出了人数很少的组的其他情况")
    if any(fact.copied for fact in result.facts):
        state.refuse("copying_aggregate", "结果照搬了单个主体的取值")
    if any(fact.raw for fact in (*result.facts, *result.key_facts)):
        state.refuse("sensitive_group", "敏感字段（L3）未经分段就作为分组或输出")


def _name_outputs(tree: exp.Expression, names: list[str]) -> None:
    """Give two outputs of one name different ones, so that what runs has the columns the answer names."""
    while isinstance(tree, exp.Subquery | exp.SetOperation):
        tree = tree.this
    if isinstance(tree, exp.Select) and len(tree.expressions) == len(names):
        for holder, name in zip(tree.expressions, names, strict=True):
            holder.set("alias", exp.to_identifier(name, quoted=True))


def _marks_few(fact: Fact, state: State) -> bool:
    return not fact.counted and fact.grade >= 2 and aims_at_few(fact.tests, state.grant.threshold)


def _written(tree: exp.Expression, names: list[str], state: State) -> str:
    """The rewritten query; it must read back as exactly itself, or nobody knows what would run."""
    cut_rows(state)
    _name_outputs(tree, names)
    text = print_query(tree)
    if print_query(parse_query(text)) != text:
        raise Refusal("parse", "查询改写后读回来不一致")
    return text
