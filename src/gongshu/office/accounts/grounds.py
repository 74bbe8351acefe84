"""The articles a refusal or a line of evidence names: the ground's, in the zone's own packs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gongshu.law import grounds, rules
from gongshu.law.errors import LawError
from gongshu.office.link import clock


def basis(zone: str, ground: str, on: date | None = None) -> tuple[str, ...]:
    """Citations of a ground (`packs/*/grounds.yaml`) in a zone; on the business day unless told another."""
    return grounds.basis(zone, ground, on or clock.business_today())


def cited(zone: str, citations: Sequence[str]) -> tuple[str, ...]:
    """Citations in words for a page: 《公共数据资源登记管理暂行办法》第6条; an unknown one stays as it is."""
    known = rules.at(zone, clock.business_today())
    return tuple(_cite(known, each) for each in citations)


def _cite(known: rules.Rules, citation: str) -> str:
    try:
        return known.cite(citation)
    except LawError:
        return citation
