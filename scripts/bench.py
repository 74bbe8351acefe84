"""Runs every `bench/*.py` one after another and writes the table of `docs/bench.md` from their JSON.

    python scripts/bench.py [evidence office_evidence tpch cases] [--print]

Each bench prints one JSON object with `--json` and exits 0 only when its own conditions hold. A bench
without a line in `LINES` is run and told, so that none is forgotten.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "bench.md"
RESULTS = re.compile(r"<!-- results -->\n.*?<!-- /results -->", re.S)
QUIET = 1.0
"""Above this load average before the start the figures say that the machine was busy."""

Line = tuple[str, str, str, str]
"""What, measured, peer or bound, ratio."""


def _evidence(told: dict[str, Any]) -> list[Line]:
    ours = f"{told['per_second']:,} 条/秒"
    return [
        ("存证，每批一百条", ours, f"pymerkle 逐条 {told['peer_per_second']:,} 条/秒", f"{told['ratio']} 倍"),
        ("", "", f"pymerkle 成批 {told['peer_bulk_per_second']:,} 条/秒", f"{told['ratio_bulk']} 倍"),
    ]


def _office_evidence(told: dict[str, Any]) -> list[Line]:
    what = f"存证，一事务一条，{told['writers']} 个写入进程"
    peer = f"同样的进程只插一行 {told['plain_insert_per_second']:,} 条/秒"
    return [(what, f"{told['per_second']:,} 条/秒", peer, f"{told['ratio']} 倍")]


def _tpch(told: dict[str, Any]) -> list[Line]:
    lines: list[Line] = [
        (
            f"TPC-H SF{told['scale']} 22 个任务，引擎内合计",
            f"{sum(q['engine'] for q in told['queries']):.2f} 秒",
            f"单独的 DuckDB {sum(q['alone'] for q in told['queries']):.2f} 秒",
            f"{told['ratio']} 倍",
        ),
        ("透镜和沙箱，最慢的一个任务", f"{told['beyond_max_s']} 秒", "上限 0.3 秒", ""),
    ]
    for alg, staged in told["staging"].items():
        lines.append(
            (f"取出八张表，{alg}", f"{staged['stage_mb_s']:.0f} MB/秒", f"{staged['mb']:.0f} MB", "")
        )
    return lines


def _cases(told: dict[str, Any]) -> list[Line]:
    return [
        (
            f"{told['cases']:,} 件案件：{name}",
            f"p50 {each['p50_ms']} ms，p95 {each['p95_ms']} ms",
            "上限 p95 100 ms",
            f"{'、'.join(map(str, each['queries']))} 次查询",
        )
        for name, each in told["results"].items()
    ]


LINES: dict[str, Callable[[dict[str, Any]], list[Line]]] = {
    "evidence": _evidence,
    "office_evidence": _office_evidence,
    "tpch": _tpch,
    "cases": _cases,
}


def run(path: Path) -> tuple[int, dict[str, Any] | None, float]:
    """Status, what it printed, seconds."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(path), "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    try:
        told = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        told = None
    return done.returncode, told, seconds


def rows(name: str, status: int, told: dict[str, Any] | None, seconds: float) -> list[str]:
    """Table rows of one bench; a failed one says so beside whatever figures it gave."""
    verdict = "达到" if status == 0 else "**未达到**"
    if told is None or name not in LINES:
        return [f"| `{name}.py` | 没有数字 | | | {verdict} |"]
    made = []
    for number, (what, measured, peer, ratio) in enumerate(LINES[name](told)):
        said = f"{verdict}（{seconds:.0f} 秒）" if number == 0 else ""
        made.append(f"| {what} | {measured} | {peer} | {ratio} | {said} |")
    return made


def machine(load: float) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = "；**机器不空闲，数字偏低**" if load > QUIET else ""
    return (
        f"{datetime.now(UTC).date().isoformat()}，{os.cpu_count()} 核，{memory:.0f} GiB 内存，"
        f"Python {platform.python_version()}，开始时负载 {load:.1f}{busy}。"
    )


def main(argv: list[str]) -> int:
    wanted = [word for word in argv if not word.startswith("--")]
    found = sorted(path for path in (ROOT / "bench").glob("*.py") if not wanted or path.stem in wanted)
    load = os.getloadavg()[0]
    table = ["| 基准 | 我们 | 参照 | 比 | 结果 |", "|---|---|---|---|---|"]
    failed = []
    for path in found:
        print(f"== {path.name}", flush=True)
        status, told, seconds = run(path)
        lines = rows(path.stem, status, told, seconds)
        print("\n".join(lines), flush=True)
        table += lines
        if status != 0:
            failed.append(path.stem)
    if not wanted and "--print" not in argv:
        block = "\n".join(["<!-- results -->", machine(load), "", *table, "<!-- /results -->"])
        PAGE.write_text(RESULTS.sub(lambda _: block, PAGE.read_text("utf-8")), encoding="utf-8")
    if failed:
        print(f"没有达到：{'、'.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
