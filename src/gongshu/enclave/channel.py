"""The channel to the office: what a try on raw data can tell it, and how wide that is in bits a day.

Everything a try says comes from fixed vocabularies: an outcome code, at one of the full ten seconds in which
it may have ended; of a request for release also the verdict and at most `TOLD` checks in their fixed order;
later that the reviewers agreed or did not. `docs/threat-model.md` gives the width; a test holds the page to
these tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, comb, log2
from typing import Any

from gongshu.enclave.attack.attack import SECONDS
from gongshu.enclave.attack.model import CHECKS, SEVERITIES
from gongshu.enclave.outgoing import TEN
from gongshu.enclave.runner.limits import Limits
from gongshu.wire.kinds import OUTCOMES

# Checks named to the office with one verdict; the airlock shows all.
TOLD = 3
# What the office hears of the reviewers: that it left, that it was refused, nothing.
REVIEWED = 3


def told(verdict: str, findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of the checks the office hears: those that made the verdict, the first few in their order."""
    spoke = {str(finding["check"]) for finding in findings if finding["severity"] == verdict}
    return [check for check in CHECKS if check in spoke][:TOLD]


def verdicts() -> int:
    """How many different verdict messages there are: `pass`, and each severity with its checks."""
    return 1 + len(SEVERITIES) * sum(comb(len(CHECKS), number) for number in range(1, TOLD + 1))


def _moments(seconds: float) -> int:
    """The full ten seconds at which something that lasts at most `seconds` may be heard of."""
    return ceil(seconds / TEN) + 1


def bits_of_run() -> float:
    """Bits one raw run can tell."""
    return log2(len(OUTCOMES) * _moments(Limits().seconds))


def bits_of_release() -> float:
    """Bits one request for release can tell: a code, or `done` with its verdict and what came of it."""
    ways = len(OUTCOMES) - 1 + verdicts() * REVIEWED
    return log2(ways * _moments(SECONDS))


def bits_a_day(tries: int, releases: int) -> float:
    """The width for one project: `tries` on raw data a day, of which at most `releases` ask for release."""
    releases = min(tries, releases)
    return (tries - releases) * bits_of_run() + releases * bits_of_release()
