"""A pytest plugin: `--rows FILE` notes which rows of the requirements were proved by tests that passed.

The suite runs in several sessions (one a Django settings module), so each appends to the same file; at the
end `python -m support.rows FILE` fails when a row called `encoded` was proved by none of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gongshu.law import coverage, packs


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rows", metavar="FILE", help="把跑过的测试所落实的要求编号记到这个文件里")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--rows"):
        config.pluginmanager.register(Proofs(Path(path)), "gongshu-rows")


class Proofs:
    """Which rows the tests that passed are marked with; a mark no row has fails the session."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.marks: dict[str, set[str]] = {}
        self.proved: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            written = [str(arg) for mark in item.iter_markers("row") for arg in mark.args]
            self.marks[item.nodeid] = {id_ for text in written for id_ in coverage.expand(text)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.proved |= self.marks.get(report.nodeid, set())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{id_}\n" for id_ in sorted(self.proved))
        if session.exitstatus == pytest.ExitCode.OK and self.unknown():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for id_ in self.unknown():
            terminalreporter.write_line(f"{id_}：测试标了这个编号，要求里却没有这一行。", red=True)

    def unknown(self) -> list[str]:
        """Marks with an id that no row has: a typing error would otherwise prove nothing, silently."""
        known = {row.id for row in coverage.rows(packs.library())}
        return sorted({id_ for ids in self.marks.values() for id_ in ids} - known)


def missing(path: Path) -> list[str]:
    """A sentence for each row called encoded that no session proved."""
    ran = path.read_text("utf-8").split() if path.is_file() else []
    found = coverage.unproven(coverage.rows(packs.library()), ran)
    return [f"{row.id} {row.title}：写了已落实，却没有一个带它编号的测试跑过。" for row in found]


if __name__ == "__main__":
    lines = missing(Path(sys.argv[1]))
    sys.stdout.write(("\n".join(lines) or "每个写了已落实的要求都有跑过的测试。") + "\n")
    sys.exit(1 if lines else 0)
