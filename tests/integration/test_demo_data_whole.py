"""`gongshu demo --data` on a small folder nobody has seen: whole way, broken input named, run twice."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gongshu.host.processes import BY_NAME
from support.founding import gongshu
from support.homes import place

pytestmark = [
    pytest.mark.fault,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        not all(process.installed() for process in BY_NAME.values()), reason="不是每个部件都已安装"
    ),
]
HEAD = '"No","year","month","day","hour","PM2.5","PM10","SO2","NO2","CO","O3","station"'
STATIONS, MONTHS = ("东山", "西岭", "南湖"), 3
SOURCES, SCENES, STREETS = 230, 3, 60


def folder(base: Path) -> Path:
    """Three stations, three months; one torn station file; more sources than one batch takes."""
    made = base / "data"
    for name in ("air-quality", "divisions", "catalogue"):
        (made / name).mkdir(parents=True)
    rng = random.Random(5)
    for name in STATIONS:
        path = made / "air-quality" / f"{name}.csv.gz"
        path.write_bytes(gzip.compress("\n".join([HEAD, *_hours(rng, name)]).encode()))
    (made / "air-quality" / "torn.csv.gz").write_bytes(gzip.compress(HEAD.encode() * 99)[:-9])
    streets = [f'{420200001 + n},"第{n}街道",420202,42,4202' for n in range(STREETS)]
    text = "\n".join(["code,name,areaCode,provinceCode,cityCode", *streets])
    (made / "divisions" / "streets.csv").write_text(text)
    rows = [f'"{n}","领域{n}","场景{n}","资源{n}","某局","产业发展","服务{n}"' for n in range(SCENES)]
    text = "\n".join(["序号,领域,应用场景,资源内容,数据提供部门,方向,产品和服务", *rows])
    (made / "catalogue" / "scenes-and-products.csv").write_bytes(text.encode("gb18030"))
    sources = [json.dumps({"id": f"s{n}", "name": {"zh": f"来源{n}"}}) for n in range(SOURCES)]
    (made / "catalogue" / "first-data-sources.jsonl").write_text("\n".join([*sources, "{torn"]))
    return made


def _hours(rng: random.Random, name: str) -> Iterator[str]:
    number = 0
    for month in range(1, MONTHS + 1):
        for day in range(1, 29):
            for hour in range(24):
                number += 1
                values = [str(rng.randint(3, 250)) if rng.random() > 0.03 else "NA" for _ in range(6)]
                yield f'{number},2024,{month},{day},{hour},{",".join(values)},"{name}"'


def words(home: Path, data: Path) -> list[str]:
    given = ["demo", "--home", str(home), "--data", str(data), "--no-serve", "--json"]
    return [sys.executable, "-m", "gongshu.cli.main", *given]


def interrupted(home: Path, data: Path, after: str) -> str:
    """A run broken off with Ctrl-C in the step that follows `after`; what it said last."""
    with subprocess.Popen(
        words(home, data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None and run.stdout is not None
        for line in run.stderr:
            if after in line:
                break
        time.sleep(0.7)
        run.send_signal(signal.SIGINT)
        said = run.stdout.read()
        assert run.wait(120) == 2, said
    return said


def demo(home: Path, data: Path) -> dict[str, Any]:
    done = subprocess.run(
        words(home, data),
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0 and told["ok"], done.stderr[-2000:]
    return told


@pytest.fixture(scope="module")
def runs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Broken off among the source descriptions, run to its end, run once more."""
    with place() as base:
        home, data = base / "h", folder(base)
        try:
            said = interrupted(home, data, "已发布的应用场景建档")
            yield said, demo(home, data), demo(home, data)
        finally:
            gongshu(home, "down")


Runs = tuple[str, dict[str, Any], dict[str, Any]]


def seen(told: dict[str, Any]) -> dict[str, str]:
    return {step["id"]: step["seen"].replace(",", "") for step in told["steps"]}


def test_every_part_of_the_folder_arrived(runs: Runs) -> None:
    said, rows = seen(runs[1]), len(STATIONS) * MONTHS * 28 * 24
    assert f"{rows} 行" in said["data_air_file"] and f"总行数 {rows}" in said["data_air_hand_in"]
    assert f"总行数 {STREETS}" in said["data_divisions_hand_in"]
    assert f"{SCENES} 个应用场景" in said["data_scenes"]
    assert said["data_sources"].startswith(f"{SOURCES + 1} 条来源说明")
    assert f"来源说明 {SOURCES} 条，已发布 {SOURCES} 条" in said["data_sources_publish"]


def test_a_run_that_is_broken_off_says_so(runs: Runs) -> None:
    assert "被打断" in json.loads(runs[0].strip().splitlines()[-1])["error"]["sentence"]


def test_what_was_broken_is_named(runs: Runs) -> None:
    said = seen(runs[1])
    assert "torn.csv.gz" in said["data_air_file"]
    assert f"第 {SOURCES + 1} 行" in said["data_sources"]


def test_the_refusals_and_the_call_were_shown(runs: Runs) -> None:
    said = seen(runs[1])
    assert "SO2" in said["data_refused_field"] or "不能运行" in said["data_refused_field"]
    assert "照搬原始行" in said["data_refused_hours"]
    assert "回答 3 行" in said["data_call"]


def test_the_second_run_does_nothing_again(runs: Runs) -> None:
    _, first, second = runs
    assert first["steps"] == second["steps"]
