"""Fails under the coverage floor: 95 % of lines in the pure rooms, 90 % overall.

python scripts/coverage_floor.py FOLDER

FOLDER holds what the steps left: `lines.*` of slipcover (the tests' own processes) and `coverage.*` of
coverage (commands they started).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from coverage import Coverage, CoverageData

ROOT = Path(__file__).resolve().parents[1]
PURE = ("crypto", "law", "money", "contract", "evidence", "lens", "recognise")
PURE_FLOOR, FLOOR = 95.0, 90.0


def gathered(folder: Path) -> Coverage:
    """All steps' lines as one measurement."""
    found = CoverageData(str(folder / "steps"))
    for path in folder.glob("lines.*"):
        files = json.loads(path.read_bytes())["files"]
        found.add_lines({str(ROOT / name): one["executed_lines"] for name, one in files.items()})
    found.write()
    data = Coverage(data_file=str(folder / "whole"), config_file=str(ROOT / "pyproject.toml"))
    data.combine([str(folder / "steps"), *(str(one) for one in folder.glob("coverage.*"))], keep=True)
    return data


def main() -> int:
    data = gathered(Path(sys.argv[1]))
    rooms: dict[str, list[int]] = {}
    files: list[tuple[float, str]] = []
    root = ROOT / "src"
    for name in data.get_data().measured_files():
        path = Path(name)
        if root not in path.parents or not path.exists() or path.parent.name == "migrations":
            continue
        _, statements, _, missing, _ = data.analysis2(name)
        parts = path.relative_to(root).parts
        room = parts[1] if parts[0] == "gongshu" and len(parts) > 2 else parts[0]
        total = rooms.setdefault(room, [0, 0])
        total[0] += len(statements)
        total[1] += len(missing)
        if statements:
            share = 100 * (1 - len(missing) / len(statements))
            files.append((share, str(path.relative_to(root))))
    failed = False
    for room, (lines, missed) in sorted(rooms.items()):
        share = 100 * (1 - missed / lines) if lines else 100.0
        low = room in PURE and share < PURE_FLOOR
        failed |= low
        print(f"{room:<16}{share:6.1f} %{'   低于 95 %' if low else ''}")
    lines = sum(total[0] for total in rooms.values())
    missed = sum(total[1] for total in rooms.values())
    share = 100 * (1 - missed / max(lines, 1))
    print(f"{'合计':<14}{share:6.1f} %（下限 {FLOOR:.0f} %）")
    for each, name in sorted(files)[:12]:
        print(f"  {each:5.1f} %  {name}")
    return 1 if failed or share < FLOOR else 0


if __name__ == "__main__":
    sys.exit(main())
