"""What the lens says of a step of a project, and what the packs let it use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gongshu.enclave import clock, sources, thresholds
from gongshu.enclave.policy import lens_grant
from gongshu.enclave.project import tables
from gongshu.enclave.runner import Limits
from gongshu.enclave.store.models import Grant, ProjectTable
from gongshu.law import grounds
from gongshu.lens import Verdict
from gongshu.lens import check as lens_check


def lens_view(grant: Grant, own: Mapping[str, ProjectTable]) -> dict[str, Any]:
    """The grant the lens judges a step by: the granted tables and the project's own."""
    by = lens_grant(grant.body, sources.of_grant(grant.body))
    mine = {name: tables.told(row) for name, row in own.items() if row.kind == "table"}
    clash = {name.casefold() for name in by["tables"]} & {name.casefold() for name in mine}
    if clash:
        raise tables.TableError("项目表与授权的表重名，请换一个名称。")
    by["tables"] = {**by["tables"], **mine}
    return by


def judge(sql: str, grant: Grant, own: Mapping[str, ProjectTable], now: datetime) -> Verdict:
    """The lens's verdict in `build` mode over granted and own tables."""
    today = clock.business_today(grant.zone, now)
    by = {**lens_view(grant, own), "mode": "build"}
    return lens_check(sql, by, at=today, cite=grounds.citing(grant.zone, today))


def work_limits(grant: Grant, now: datetime) -> Limits:
    """Time and memory of one job: the packs' limits, or less where the grant says so."""
    return thresholds.work(grant.zone, clock.business_today(grant.zone, now), grant.body)
