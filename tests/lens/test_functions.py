"""The allow-list against the engine that is pinned."""

from __future__ import annotations

import duckdb

from gongshu.lens import functions
from gongshu.lens.function_table import ALLOWED, REFUSED
from gongshu.lens.functions import AGGREGATES, WINDOWS, class_of

NOT_IN_THE_CATALOGUE = {
    "width_bucket",
    "pseudonym",
    "grouping",
    "grouping_id",
    "percentile_cont",
    "percentile_disc",
    "coalesce",
    "if",
    "ifnull",
}


def listed() -> dict[str, set[str]]:
    rows = (
        duckdb.connect()
        .execute("select lower(function_name), function_type from duckdb_functions()")
        .fetchall()
    )
    kinds: dict[str, set[str]] = {}
    for name, kind in rows:
        kinds.setdefault(name, set()).add(kind)
    return kinds


def test_every_function_of_the_engine_is_on_the_list() -> None:
    missing = sorted(set(listed()) - set(functions))
    assert not missing, f"the engine lists functions nobody judged: {missing}"


def test_the_list_names_nothing_the_engine_lacks() -> None:
    assert set(functions) - set(listed()) == NOT_IN_THE_CATALOGUE


def test_no_function_is_in_two_classes() -> None:
    names = [name for _, group in ALLOWED.values() for name in group.split()]
    refused = [name.lower() for _, group in REFUSED for name in group.split()]
    assert len(names) == len(set(names))
    judged_as_syntax = {"trim", "substring", "position"}
    assert set(names) & set(refused) <= judged_as_syntax


def test_table_and_pragma_functions_are_all_refused() -> None:
    kinds = listed()
    reachable = {
        name
        for name, kind in kinds.items()
        if kind <= {"table", "table_macro", "pragma"} and class_of(name) != "refused"
    }
    assert reachable == set()


def test_aggregates_have_a_class_of_aggregates() -> None:
    kinds = listed()
    wrong = {
        name
        for name, kind in kinds.items()
        if kind == {"aggregate"} and class_of(name) not in AGGREGATES | WINDOWS | {"refused"}
    }
    assert wrong == set()


def test_an_unknown_function_is_refused() -> None:
    assert class_of("a_function_of_next_year") == "refused"
