"""The release attack, run on a sample before anybody sees it: each table as a `dataset` against its raw one.

The naming columns are left out: their cells are pseudonyms by construction, which the attack is right to
call identifiers in an output that leaves for good. Disguises and covert carriers are reported and do not
block, because no developer's query wrote these cells; the enclave drew them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from gongshu.enclave import attack, thresholds
from gongshu.enclave.sample import files
from gongshu.enclave.sample.model import Drawn

WRITTEN_BY_A_QUERY = frozenset({"identifier_encoded", "identifier_hashed", "covert"})


def attacked(drawn: Mapping[str, Drawn], zone: str, today: date, directory: Path) -> dict[str, Any]:
    """table → {verdict, findings: [{check, severity, where, sentence}]}; `verdict` as it counts here."""
    limits = thresholds.at(zone, today)
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        return {name: _table(one, zone, today, limits, Path(folder)) for name, one in drawn.items()}


def _table(one: Drawn, zone: str, today: date, limits: thresholds.Limits, folder: Path) -> dict[str, Any]:
    source = one.source
    columns = tuple(each for each in source.columns if not each.names_somebody)
    if not columns:
        return {"verdict": "pass", "findings": []}
    shown = Drawn(
        replace(source, columns=columns, subject=None),
        {each.name: one.columns[each.name] for each in columns},
    )
    path = folder / "dataset.parquet"
    path.write_bytes(files.parquet(shown))
    spec = {
        "v": 1,
        "kind": "dataset",
        "subject": {source.name: source.subject} if source.subject else {},
        "threshold": limits.floor.threshold,
        "nk": [limits.floor.nk[0], str(limits.floor.nk[1])],
        "p": str(limits.floor.p),
        "zone": zone,
        "grades": {each.name: each.grade for each in source.columns},
        "previous": [],
    }
    report = attack.run(path, {source.name: source.place}, spec, folder, floor=limits.floor, at=today)
    findings = [
        {"check": f.check, "severity": f.severity, "where": f.where, "sentence": f.sentence}
        for f in report.findings
    ]
    blocks = any(f["severity"] == "block" and f["check"] not in WRITTEN_BY_A_QUERY for f in findings)
    return {"verdict": "block" if blocks else "pass", "findings": findings}
