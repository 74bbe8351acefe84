"""Design section 7 as a table: each row of it, each grade, one query, allowed or the code that refuses.

The grant has one subject table `t` with a column of each grade (`c1` … `c4`, and `d1` … `d4` beside them for
comparisons of two columns), a second subject table `u`, and a public table `p`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gongshu import lens

AT = date(2026, 5, 1)
COLUMNS = {
    f"{letter}{grade}": {"type": kind, "grade": f"L{grade}"}
    for letter, kind in (("c", "INTEGER"), ("d", "INTEGER"), ("w", "TIMESTAMP"))
    for grade in (1, 2, 3, 4)
}
GRANT: dict[str, Any] = {
    "v": 1,
    "from": "2026-01-01",
    "until": "2026-12-31",
    "tables": {
        "t": {"columns": COLUMNS, "subject": "c4"},
        "u": {"columns": COLUMNS, "subject": "c4"},
        "p": {"columns": COLUMNS},
    },
}
OK = ""

# position, query with {c} for the column (its letter's grade replaced), verdicts for L1 … L4
TABLE: list[tuple[str, str, tuple[str, str, str, str]]] = [
    ("join", "select count(*) from t join u on t.{c} = u.{c}", (OK, OK, OK, OK)),
    ("join using", "select count(*) from t join u using ({c})", (OK, OK, OK, OK)),
    ("semi-join", "select count(*) from t where {c} in (select {c} from u)", (OK, OK, OK, OK)),
    ("union", "select count(*) from (select {c} from t union select {c} from u)", (OK, OK, OK, OK)),
    ("except", "select count(*) from (select {c} from t except select {c} from u)", (OK, OK, OK, OK)),
    ("is null", "select count(*) from t where {c} is null", (OK, OK, OK, OK)),
    ("is not null", "select count(*) from t where {c} is not null", (OK, OK, OK, OK)),
    ("count", "select count({c}) from t", (OK, OK, OK, OK)),
    ("count distinct", "select count(distinct {c}) from t", (OK, OK, OK, OK)),
    ("inner group", "select avg(n) from (select {c}, count(*) n from t group by {c})", (OK, OK, OK, OK)),
    (
        "inner partition",
        "select avg(n) from (select count(*) over (partition by {c}) n from t)",
        (OK, OK, OK, OK),
    ),
    ("constant =", "select count(*) from t where {c} = 1", (OK, OK, OK, "identifier")),
    ("constant <>", "select count(*) from t where {c} <> 1", (OK, OK, OK, "identifier")),
    ("constant in", "select count(*) from t where {c} in (1, 2)", (OK, OK, OK, "identifier")),
    ("constant between", "select count(*) from t where {c} between 1 and 2", (OK, OK, OK, "identifier")),
    ("constant like", "select count(*) from t where {c}::varchar like '1%'", (OK, OK, OK, "identifier")),
    (
        "inner order",
        "select avg(c1) from (select c1 from t order by {c} limit 100)",
        (OK, OK, OK, "identifier"),
    ),
    (
        "window order",
        "select avg(r) from (select rank() over (order by {c}) r from t)",
        (OK, OK, OK, "identifier"),
    ),
    ("arithmetic", "select avg({c} * 2) from t", (OK, OK, OK, "identifier")),
    ("case", "select avg(case when c1 > 0 then {c} end) from t", (OK, OK, OK, "identifier")),
    ("function", "select avg(abs({c})) from t", (OK, OK, OK, "identifier")),
    ("columns =", "select count(*) from t where {c} = {d}", (OK, OK, OK, OK)),
    ("columns <>", "select count(*) from t where {c} <> {d}", (OK, OK, OK, OK)),
    ("columns <", "select count(*) from t where {c} < {d}", (OK, OK, OK, "identifier")),
    ("group key", "select {c}, count(*) from t group by {c}", (OK, OK, "sensitive_group", "identifier")),
    ("hidden key", "select count(*) from t group by {c}", (OK, OK, "sensitive_group", "row_output")),
    ("distinct", "select distinct {c} from t", (OK, OK, "sensitive_group", "identifier")),
    ("banded by //", "select {c} // 100 k, count(*) from t group by k", (OK, OK, OK, "identifier")),
    ("banded by floor", "select floor({c} / 10) k, count(*) from t group by k", (OK, OK, OK, "identifier")),
    (
        "banded by case",
        "select case when {c} < 5 then 'a' else 'b' end k, count(*) from t group by k",
        (OK, OK, OK, "identifier"),
    ),
    ("banded by comparison", "select {c} > 5 k, count(*) from t group by k", (OK, OK, OK, "identifier")),
    (
        "banded by width_bucket",
        "select width_bucket({c}, 0, 10, 5) k, count(*) from t group by k",
        (OK, OK, OK, "identifier"),
    ),
    ("banded by year", "select year({w}) k, count(*) from t group by k", (OK, OK, OK, "identifier")),
    (
        "banded by month",
        "select date_trunc('month', {w}) k, count(*) from t group by k",
        (OK, OK, OK, "identifier"),
    ),
    *[
        (name, f"select c1, {call} from t group by c1", (OK, OK, OK, "identifier"))
        for name, call in {
            "count_if": "count_if({c} > 1)",
            "sum": "sum({c})",
            "avg": "avg({c})",
            "stddev": "stddev({c})",
            "variance": "variance({c})",
            "skewness": "skewness({c})",
            "corr": "corr({c}, c1)",
            "covar_pop": "covar_pop(c1, {c})",
            "regr_slope": "regr_slope({c}, c1)",
            "entropy": "entropy({c})",
            "bool_or": "bool_or({c} > 1)",
            "median": "median({c})",
            "quantile_cont": "quantile_cont({c}, 0.5)",
            "approx_quantile": "approx_quantile({c}, 0.5)",
            "histogram with bounds": "histogram({c}, [1, 10])",
        }.items()
    ],
    *[
        (name, f"select c1, {name}({{c}}) from t group by c1", (OK, OK, "copying_aggregate", "identifier"))
        for name in ("min", "max", "mode")
    ],
    *[
        (
            name,
            f"select c1, {call} from t group by c1",
            (OK, "copying_aggregate", "copying_aggregate", "identifier"),
        )
        for name, call in {
            "any_value": "any_value({c})",
            "first": "first({c})",
            "last": "last({c})",
            "arg_max": "arg_max({c}, c1)",
            "arg_min": "arg_min(c1, {c})",
            "list": "list({c})",
            "array_agg": "array_agg({c})",
            "histogram": "histogram({c})",
            "quantile_disc": "quantile_disc({c}, 0.5)",
        }.items()
    ],
    ("public row", "select {c} from p", (OK, OK, "sensitive_group", "identifier")),
    ("public copy", "select c1, max({c}) from p group by c1", (OK, OK, "sensitive_group", "identifier")),
]
CASES = [
    (f"{position} L{grade}", query.format(c=f"c{grade}", d=f"d{grade}", w=f"w{grade}"), code)
    for position, query, verdicts in TABLE
    for grade, code in enumerate(verdicts, start=1)
]


@pytest.mark.row("K02", "L07")
@pytest.mark.parametrize(("sql", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_policy_table(sql: str, code: str) -> None:
    verdict = lens.check(sql, GRANT, at=AT)
    found = [violation.code for violation in verdict.violations]
    assert verdict.allowed == (code == OK), found
    assert code == OK or code in found


BUILD: list[tuple[str, str]] = [
    ("select c1, c2, c3 from t", OK),
    ("select c4 from t", "identifier"),
    ("select pseudonym(c4) k, c3 from t", OK),
    ("select pseudonym(c4 + 1) k from t", "identifier"),
    ("select pseudonym(5) k from t", "identifier"),
    ("select pseudonym(x) from (select c4 x from t)", OK),
    ("select c1, max(c3), list(c2) from t group by c1", OK),
    ("select c1, avg(c2) from t group by c1 having count(*) < 10", "singling_out"),
    ("select c2 from t where c4 = 1", "identifier"),
    ("select md5(c4::varchar) from t", "identifier"),
]


@pytest.mark.parametrize(("sql", "code"), BUILD)
def test_mode_build(sql: str, code: str) -> None:
    verdict = lens.check(sql, {**GRANT, "mode": "build"}, at=AT)
    found = [violation.code for violation in verdict.violations]
    assert verdict.allowed == (code == OK), found
    assert code == OK or code in found


# levels: what a row of a relation stands for, seen by whether it may leave
LEVELS: list[tuple[str, str, str]] = [
    ("public", "select c1 from p", OK),
    ("public filtered by groups", "select c1 from p where c2 > (select avg(c3) from t)", OK),
    ("public filtered by subjects", "select c1 from p where c2 in (select c2 from t)", "row_output"),
    ("public beside a subject's value", "select c1, (select max(u.c1) from u where u.c4 = p.c4) from p", "row_output"),
    ("subject", "select c1 from t", "row_output"),
    ("subject through cte", "with x as (select c1 from t) select c1 from x", "row_output"),
    ("subject keyed", "select count(*) from t group by c4", "row_output"),
    ("subject keyed, merged", "select avg(n) from (select count(*) n from t group by c4)", OK),
    ("subject joined with public", "select p.c1 from p join t on p.c1 = t.c1", "row_output"),
    ("subject distinct with key", "select distinct c1, c4 from t", "row_output"),
    ("subject union all", "select c1 from t union all select c1 from p", "row_output"),
    ("subject union", "select c1 from t union select c1 from p", OK),
    ("group", "select c1, count(*) from t group by c1", OK),
    ("group of everything", "select count(*), avg(c3) from t", OK),
    ("group distinct", "select distinct c1, c2 from t", OK),
    ("group joined with group", "select a.n, b.n from (select c1, count(*) n from t group by c1) a "
     "join (select c1, count(*) n from u group by c1) b using (c1)", OK),
    ("group joined with subject", "select n from (select c1, count(*) n from t group by c1) join u using (c1)",
     "row_output"),
    ("group by row number", "select r, avg(c3) from (select c3, row_number() over () r from t) group by r",
     "row_output"),
    ("group copied twice", "select c1, avg(m) from (select c1, max(c3) m from t group by c1) group by c1",
     "copying_aggregate"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "code"), [case[1:] for case in LEVELS], ids=[case[0] for case in LEVELS])
def test_levels_of_relations(sql: str, code: str) -> None:
    verdict = lens.check(sql, GRANT, at=AT)
    found = [violation.code for violation in verdict.violations]
    assert verdict.allowed == (code == OK), found
    assert code == OK or code in found


# reads and lineage: {table: [column]} and {output: ["table.column"]}
FACTS: list[tuple[str, dict[str, list[str]], dict[str, list[str]], dict[str, str]]] = [
    ("select count(*) from t", {"t": []}, {"col1": []}, {"col1": "L1"}),
    ("select 1", {}, {"col1": []}, {"col1": "L1"}),
    ("select c1, count(*) n from t where c3 > 5 group by c1", {"t": ["c1", "c3"]}, {"c1": ["t.c1"], "n": []},
     {"c1": "L1", "n": "L1"}),
    ("select avg(c3), 1 + 1, sum(c2) as s from t", {"t": ["c2", "c3"]},
     {"col1": ["t.c3"], "col2": [], "s": ["t.c2"]}, {"col1": "L2", "col2": "L1", "s": "L2"}),
    ("select * exclude (c2, c3, c4, d2, d3, d4, w1, w2, w3, w4) from p", {"p": ["c1", "d1"]},
     {"c1": ["p.c1"], "d1": ["p.d1"]}, {"c1": "L1", "d1": "L1"}),
    ("with x as (select c4, sum(c2) s from t group by c4) select avg(s) m from x", {"t": ["c2", "c4"]},
     {"m": ["t.c2"]}, {"m": "L2"}),
    ("select t.c1, avg(u.c2 + t.c2) m from t join u using (c4) group by t.c1",
     {"t": ["c1", "c2", "c4"], "u": ["c2", "c4"]}, {"c1": ["t.c1"], "m": ["t.c2", "u.c2"]},
     {"c1": "L1", "m": "L2"}),
    ("select c1 x from p union all select c2 from p", {"p": ["c1", "c2"]}, {"x": ["p.c1", "p.c2"]}, {"x": "L2"}),
    ("select T.\"C1\" as 城市 from P as T", {"p": ["c1"]}, {"城市": ["p.c1"]}, {"城市": "L1"}),
    ("select c3 // 10 k, count(distinct c4) n from t group by k", {"t": ["c3", "c4"]},
     {"k": ["t.c3"], "n": ["t.c4"]}, {"k": "L3", "n": "L1"}),
    ("select a.c1, b.c1 from p a join p b on a.c2 = b.c2", {"p": ["c1", "c2"]},
     {"c1": ["p.c1"], "c1_1": ["p.c1"]}, {"c1": "L1", "c1_1": "L1"}),
    ("select count(*) from t natural join (select c4 from u)", {"t": ["c4"], "u": ["c4"]}, {"col1": []},
     {"col1": "L1"}),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "reads", "lineage", "grades"), FACTS)
def test_reads_lineage_and_grades(
    sql: str, reads: dict[str, list[str]], lineage: dict[str, list[str]], grades: dict[str, str]
) -> None:
    verdict = lens.check(sql, GRANT, at=AT)
    assert verdict.allowed, verdict.violations
    assert verdict.reads == reads
    assert verdict.lineage == lineage
    assert verdict.grades == grades


# banding is only what is coarser than the value: (type, expression, whether it bands)
BANDS = [
    ("INTEGER", "floor(x)", False),
    ("DECIMAL(18,0)", "floor(x)", False),
    ("DECIMAL(18)", "floor(x)", False),
    ("DECIMAL(10,2)", "floor(x)", True),
    ("DOUBLE", "floor(x)", True),
    ("", "floor(x)", False),
    ("INTEGER", "floor(x / 1)", False),
    ("INTEGER", "floor(x / 100)", True),
    ("DATE", "date_trunc('day', x)", False),
    ("", "date_trunc('day', x)", False),
    ("TIMESTAMP", "date_trunc('day', x)", True),
    ("DATE", "date_trunc('month', x)", True),
    ("TIMESTAMP", "date_trunc('second', x)", False),
    ("TIMESTAMP", "extract(epoch from x)", False),
    ("DATE", "extract(year from x)", True),
    ("DATE", "julian(x)", False),
    ("DATE", "last_day(x)", False),
    ("DATE", "date_part('epoch', x)", False),
    ("VARCHAR", "x || ''", False),
    ("VARCHAR", "left(x, 2)", False),
    ("INTEGER", "width_bucket(x, 0, 10, 2)", True),
    ("INTEGER", "x % 10", False),
    ("INTEGER", "-x", False),
    ("INTEGER", "case when x > 1 then x end", False),
    ("INTEGER", "x > 1", True),
    ("INTEGER", "x in (1, 2)", True),
    ("INTEGER", "x is null", True),
]


@pytest.mark.parametrize(("kind", "expression", "bands"), BANDS)
def test_banding(kind: str, expression: str, bands: bool) -> None:
    grant = {**GRANT, "tables": {"t": {"columns": {"x": {"type": kind, "grade": "L3"}}, "subject": "id"}}}
    verdict = lens.check(f"select {expression} k, count(*) from t group by k", grant, at=AT)
    found = [violation.code for violation in verdict.violations]
    assert found == ([] if bands else ["sensitive_group"])
