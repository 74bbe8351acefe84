"""Which queries keep each row under its own subject's name; the others make no table to train on."""

from __future__ import annotations

import pytest

from gongshu.demo import credit_content
from gongshu.enclave.project.rowwise import own_rows
from support import firms

L4 = frozenset({"id", "code", "who", "employer", "id_card", "统一社会信用代码"})
KEEP = [
    firms.FEATURES,
    credit_content.FEATURES,
    "SELECT pseudonym(a.id) AS who, a.x, b.y FROM a JOIN b ON a.id = b.id AND b.y > 3",
    "SELECT pseudonym(id) AS who, x, y FROM a JOIN b USING (id)",
    "SELECT pseudonym(id) AS who, avg(x) AS x FROM a GROUP BY id",
    "WITH c AS (SELECT id, x FROM a WHERE x > 1) SELECT pseudonym(id) AS who, x FROM c",
    "SELECT pseudonym(id) AS who, x FROM a UNION ALL SELECT pseudonym(id) AS who, y FROM b",
    "SELECT pseudonym(who) AS who, x FROM (SELECT who, x FROM own) AS t",
]
CARRY = {
    "a join with itself": "SELECT pseudonym(b.id) AS who, a.x FROM p a JOIN p b ON a.city = b.city",
    "the next row by a window": "SELECT pseudonym(id) AS who, lead(x) OVER (ORDER BY y) AS x FROM p",
    "the next row by its number": """
        SELECT a.who, b.x FROM (SELECT pseudonym(id) AS who, row_number() OVER (ORDER BY x) AS n FROM p) a
        JOIN (SELECT x, row_number() OVER (ORDER BY x) AS n FROM p) b ON a.n = b.n + 1""",
    "a query in a cell": "SELECT pseudonym(a.id) AS who, (SELECT max(b.x) FROM p b WHERE b.y > a.y) FROM p a",
    "all with all": "SELECT pseudonym(a.id) AS who, b.x FROM p a, p b WHERE a.x < b.x",
    "another column as identifier": """
        SELECT pseudonym(a.code) AS who, b.x FROM (SELECT code, city AS id FROM p) a
        JOIN (SELECT city AS id, x FROM p) b ON a.id = b.id""",
    "columns renamed by their place": """
        SELECT pseudonym(a.code) AS who, b.x FROM p AS a(code, id) JOIN p AS b(x, id) ON a.id = b.id""",
    "an identifier of one side": "SELECT pseudonym(a.id) AS who, b.x FROM p a JOIN p b ON a.id = a.id",
    "an alternative": "SELECT pseudonym(a.id) AS who, b.x FROM p a JOIN p b ON a.id = b.id OR a.x < b.x",
    "by position": "SELECT pseudonym(a.id) AS who, b.x FROM p a POSITIONAL JOIN p b",
    "the nearest": "SELECT pseudonym(a.id) AS who, b.x FROM p a ASOF JOIN p b ON a.id = b.id AND a.x > b.x",
    "by whatever is alike": "SELECT pseudonym(id) AS who, x FROM p NATURAL JOIN q",
    "rows out of a list": "SELECT pseudonym(id) AS who, unnest([x, y]) AS x FROM p",
    "no query at all": "SELECT FROM WHERE",
}


@pytest.mark.parametrize("sql", KEEP)
def test_rows_under_their_own_names_may_be_trained_on(sql: str) -> None:
    assert own_rows(sql, L4)


@pytest.mark.parametrize("name", CARRY)
def test_rows_under_other_names_may_not(name: str) -> None:
    assert not own_rows(CARRY[name], L4)
