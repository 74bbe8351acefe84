"""On the way to the seal: the gateway's key, and each pseudonym resolved to its subject's own number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb

from gongshu.crypto.sign import PublicKey
from gongshu.enclave import sources, trust
from gongshu.enclave.project import answers, tables
from gongshu.enclave.store.models import ProjectTable


class SupplyError(Exception):
    """A version cannot be written or chosen. `args[0]`: one Chinese sentence."""


def key(now: datetime) -> PublicKey:
    """The gateway's key that opens serving snapshots, of the trust list."""
    found = [entry.public for entry in trust.current(now).keys("sealing")]
    if len(found) != 1:
        raise SupplyError("信任名单里没有网关的封存钥匙，请安全管理员签发新的名单。")
    return found[0]


def named(row: ProjectTable, fields: list[str], missed: list[str]) -> Iterator[tuple[str, list[Any]]]:
    """(the subject's own number, answers): pseudonyms are resolved only here, on the way to the seal."""
    numbers = numbers_of(row)
    for who, cells in answers.answers(row, fields):
        number = numbers.get(who)
        if number is None:
            missed.append(who)
        else:
            yield number, cells


def numbers_of(row: ProjectTable) -> dict[str, str]:
    """pseudonym → the subject's number, from the snapshots the table was made of."""
    secret = tables.pseudonym_key(row.zone, row.project)
    found: dict[str, str] = {}
    wanted = {f"t{n}": row.sources[resource] for n, (resource, _) in enumerate(row.origin)}
    with sources.vault().stage(wanted) as places, duckdb.connect() as engine:
        for n, (_, column) in enumerate(row.origin):
            one = answers.quote(column)
            read = f"read_parquet('{places[f't{n}']}/*.parquet')"
            asked = engine.sql(f"SELECT DISTINCT CAST({one} AS VARCHAR) FROM {read} WHERE {one} IS NOT NULL")  # noqa: S608
            while rows := asked.fetchmany(50_000):
                found.update((tables.pseudonym(secret, value), str(value)) for (value,) in rows)
    return found
