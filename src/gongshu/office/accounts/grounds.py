"""The articles a refusal or a line of evidence names: the ground's, in the zone's own packs."""

from __future__ import annotations

from datetime import date

from gongshu.law import grounds
from gongshu.office.link import clock


def basis(zone: str, ground: str, on: date | None = None) -> tuple[str, ...]:
    """Citations of a ground (`packs/*/grounds.yaml`) in a zone; on the business day unless told another."""
    return grounds.basis(zone, ground, on or clock.business_today())
