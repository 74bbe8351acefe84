"""When the maximum is reviewed, charges are looked at and the yearly report is due: clocks of the packs."""

from __future__ import annotations

from datetime import date

from gongshu.law import clocks
from gongshu.law.clocks import Due
from gongshu.law.rules import Rules

REVIEW, CHECK, REPORT = "price.review_cycle", "price.annual_check", "report.price"


def review(rules: Rules, fixed_on: date) -> Due:
    """The last day of the review cycle of a maximum fixed on that day."""
    return clocks.deadline(rules, REVIEW, fixed_on)


def yearly_check(rules: Rules, last: date) -> Due:
    """The last day for looking at the charges again, a year after the last time."""
    return clocks.deadline(rules, CHECK, last)


def report(rules: Rules, year: int) -> Due:
    """The last day for the report on the operator's finances of `year`."""
    return clocks.deadline(rules, REPORT, date(year, 12, 31))
