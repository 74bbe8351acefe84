"""The attack replay: small tables in, the subtraction and the mended table out (design section 1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gongshu.enclave import attack

COUNTS = {("云山县", "男"): 4, ("云山县", "女"): 500, ("白水县", "男"): 300, ("白水县", "女"): 280}


def _raw(folder: Path, counts: dict[tuple[str, str], int]) -> Path:
    lines = ["证号,县,性别,收入"]
    for (county, sex), n in counts.items():
        lines += [f"P{len(lines) + k:06d}X,{county},{sex},{1000 + 7 * k % 900}" for k in range(n)]
    path = folder / "户籍.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _table(folder: Path, name: str, rows: list[list[Any]]) -> Path:
    path = folder / name
    path.write_text("\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8")
    return path


def _run(folder: Path, output: Path, raw: Path, **spec: Any) -> attack.AttackReport:
    value = {"v": 1, "kind": "table", "subject": {"户籍": "证号"}, **spec}
    return attack.run(output, {"户籍": raw}, value, folder)


def _scene(report: attack.AttackReport, check: str) -> dict[str, Any]:
    scene: dict[str, Any] = next(s for s in report.replay if s["check"] == check)
    json.dumps(scene, ensure_ascii=False)  # plain JSON, as database B keeps it
    return scene


def _cells(table: dict[str, Any], mark: str) -> list[str]:
    return [c["text"] for row in table["rows"] for c in row if isinstance(c, dict) and c["mark"] == mark]


def _plain(table: dict[str, Any]) -> list[list[str]]:
    return [[c["text"] if isinstance(c, dict) else c for c in row] for row in table["rows"]]


def _again(folder: Path, scene: dict[str, Any], raw: Path, **spec: Any) -> attack.AttackReport:
    mended = scene["tables"][-1]
    assert mended["title"].startswith("修好以后"), scene
    return _run(folder, _table(folder, "mended.csv", [mended["columns"], *_plain(mended)]), raw, **spec)


SQL = "SELECT 县, 性别, count(*) AS 人数 FROM 户籍 GROUP BY ALL ORDER BY ALL"


@pytest.mark.parametrize("spec", [{}, {"sql": SQL}])
def test_small_cell(tmp_path: Path, spec: dict[str, Any]) -> None:
    raw = _raw(tmp_path, COUNTS)
    rows = [["县", "性别", "人数"], *([c, s, n] for (c, s), n in sorted(COUNTS.items()))]
    scene = _scene(_run(tmp_path, _table(tmp_path, "t.csv", rows), raw, **spec), "threshold")
    assert _cells(scene["tables"][0], "small") == ["4"]
    assert ["4 人"] in [_cells(t, "left") for t in scene["tables"]]
    assert "*" in _cells(scene["tables"][-1], "withheld")
    assert _again(tmp_path, scene, raw, **spec).verdict == "pass"


def _with_totals(hidden: set[tuple[str, str]]) -> list[list[Any]]:
    counties = sorted({c for c, _ in COUNTS})
    rows: list[list[Any]] = [["县", "性别", "人数"]]
    for county in counties:
        rows += [[county, s, "*" if (county, s) in hidden else COUNTS[county, s]] for s in "男女"]
        rows.append([county, "合计", sum(COUNTS[county, s] for s in "男女")])
    rows += [["合计", s, sum(COUNTS[c, s] for c in counties)] for s in "男女"]
    return rows


def test_withheld_cell_and_its_total(tmp_path: Path) -> None:
    raw = _raw(tmp_path, COUNTS)
    report = _run(tmp_path, _table(tmp_path, "t.csv", _with_totals({("云山县", "男")})), raw)
    scene = _scene(report, "total")
    steps = next(t for t in scene["tables"] if t["title"] == "逐步相减")
    assert _plain(steps) == [
        ["合计", "云山县 / 合计", "504"],
        ["减去", "云山县 / 女", "500"],
        ["剩下", "云山县 / 男", "4 人"],
    ]
    mended = _again(tmp_path, scene, raw)
    assert "total" not in {f.check for f in mended.findings}


@pytest.mark.parametrize("total", ["合计", "总计", "Total"])
@pytest.mark.parametrize("shape", ["one county", "all counties"])
def test_one_county_with_its_total(tmp_path: Path, shape: str, total: str) -> None:
    raw = _raw(
        tmp_path, COUNTS if shape == "all counties" else {k: v for k, v in COUNTS.items() if k[0] == "云山县"}
    )
    rows = [["县", "性别", "人数"], ["云山县", "男", "*"], ["云山县", "女", 500], ["云山县", total, 504]]
    assert "total" in {f.check for f in _run(tmp_path, _table(tmp_path, "t.csv", rows), raw).findings}


def test_subtraction_from_an_earlier_release(tmp_path: Path) -> None:
    raw = _raw(tmp_path, COUNTS)
    before_sql = "SELECT 县, count(*) AS 人数 FROM 户籍 GROUP BY ALL ORDER BY ALL"
    now_sql = "SELECT 县, count(*) AS 人数 FROM 户籍 WHERE NOT (县 = '云山县' AND 性别 = '男') GROUP BY ALL ORDER BY ALL"
    _table(tmp_path, "before.csv", [["县", "人数"], ["云山县", 504], ["白水县", 580]])
    now = _table(tmp_path, "now.csv", [["县", "人数"], ["云山县", 500], ["白水县", 580]])
    earlier = {"output": "before.csv", "sql": before_sql, "released": "2026-02-01"}
    for spec in ({"sql": now_sql, "previous": [earlier]}, {"previous": [{**earlier, "sql": None}]}):
        if spec["previous"][0]["sql"] is None:
            del spec["previous"][0]["sql"]
        scene = _scene(_run(tmp_path, now, raw, **spec), "differencing")
        titles = [t["title"] for t in scene["tables"]]
        assert titles[:3] == ["较早放行的结果", "本次结果", "逐步相减"]
        assert _cells(scene["tables"][2], "left") == ["4 人"]


def test_dominated_sum(tmp_path: Path) -> None:
    raw = _raw(tmp_path, COUNTS)
    body = raw.read_text(encoding="utf-8").splitlines()
    body[-1] = body[-1].rsplit(",", 1)[0] + ",99000000"
    raw.write_text("\n".join(body), encoding="utf-8")
    sql = "SELECT 性别, sum(收入) AS 收入合计 FROM 户籍 GROUP BY ALL ORDER BY ALL"
    sums = duckdb.sql(
        f"SELECT 性别, sum(收入)::BIGINT FROM read_csv('{raw}') GROUP BY 1 ORDER BY 1"
    ).fetchall()
    output = _table(tmp_path, "t.csv", [["性别", "收入合计"], *map(list, sums)])
    report = _run(tmp_path, output, raw, sql=sql)
    scene = _scene(report, "dominance_nk")
    assert any("份额" in t["title"] for t in scene["tables"])
    assert float(_cells(scene["tables"][1], "left")[0].rstrip("%")) > 98


def test_the_office_sees_none_of_it(tmp_path: Path) -> None:
    raw = _raw(tmp_path, COUNTS)
    rows = [["县", "性别", "人数"], *([c, s, n] for (c, s), n in sorted(COUNTS.items()))]
    report = _run(tmp_path, _table(tmp_path, "t.csv", rows), raw)
    body = json.dumps(report.data(), ensure_ascii=False)
    assert "replay" not in body
    assert "云山县" not in body


def test_windows_of_long_tables(tmp_path: Path) -> None:
    counts = {(f"{k}号社区", "男"): 3 if k == 150 else 20 + k % 7 for k in range(200)}
    raw = _raw(tmp_path, counts)
    rows = [["县", "人数"], *([c, n] for (c, _), n in counts.items())]
    scene = _scene(_run(tmp_path, _table(tmp_path, "t.csv", rows), raw), "threshold")
    assert all(len(t["rows"]) <= 20 for t in scene["tables"])
    assert _cells(scene["tables"][0], "small") == ["3"]
