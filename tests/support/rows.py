"""A pytest plugin: with `--rows`, the session fails when a row called `encoded` has no passing test of its id.

Only a whole run can prove that, so the option is given by `make test` and not by default.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gongshu.law import coverage, packs


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rows", action="store_true", help="要求每个“已落实”的行都有跑过的测试")


class Proofs:
    """Which rows the tests that passed are marked with."""

    def __init__(self) -> None:
        self.marks: dict[str, set[str]] = {}
        self.proved: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            written = [str(arg) for mark in item.iter_markers("row") for arg in mark.args]
            self.marks[item.nodeid] = {id_ for text in written for id_ in coverage.expand(text)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.proved |= self.marks.get(report.nodeid, set())

    def missing(self) -> list[coverage.Row]:
        return coverage.unproven(coverage.rows(packs.library()), self.proved)

    def unknown(self) -> list[str]:
        """Marks with an id that no row has: a typing error would otherwise prove nothing, silently."""
        known = {row.id for row in coverage.rows(packs.library())}
        return sorted({id_ for ids in self.marks.values() for id_ in ids} - known)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and (self.missing() or self.unknown()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.lines():
            terminalreporter.write_line(line, red=True)

    def lines(self) -> Iterator[str]:
        for row in self.missing():
            yield f"{row.id} {row.title}：写了已落实，却没有一个带它编号的测试跑过。"
        for id_ in self.unknown():
            yield f"{id_}：测试标了这个编号，要求里却没有这一行。"


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--rows"):
        config.pluginmanager.register(Proofs(), "gongshu-rows")
