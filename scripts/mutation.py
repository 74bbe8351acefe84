"""Mutation score of pure rooms: `scripts/mutation.py [ROOM…]` (default: all of ROOMS), floor 80 %.

Works on a copy outside the checkout, so nobody's files are touched and runs of two rooms do not meet. Prints
the score and the mutants that lived; the copy stays until the next run of the room for `mutmut show NAME`.
`--sample N` tries N mutants of a room, drawn with a fixed seed: the same code gives the same draw, and the
score is told with the half-width of its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = 80.0
# quick tests that need no other process and no home; property tests would take most of the time
ROOMS = {
    "money": ("tests/money", "tests/contract"),
    "contract": ("tests/contract", "tests/money/test_why.py"),
    "law": (
        "tests/law",
        "tests/spec/test_clocks.py",
        "tests/spec/test_limits.py",
    ),
    "lens": ("tests/lens", "tests/spec/test_lens_table.py"),
}
# exit codes of mutmut for a mutant that lived: survived, and reached by no test
LIVED = (0, 5, 33)
# speed is not measured while every function is wrapped
LEFT_OUT = (
    "--ignore=tests/lens/test_speed.py",
    "--deselect=tests/contract/test_evaluate.py::test_an_evaluation_costs_microseconds",
)
COPIED = ("src", "tests", "docs", "scripts", "README.md", "README.en.md", ".importlinter", "Makefile")


def config(room: str) -> str:
    """pyproject.toml of the copy: the checkout's pytest settings and mutmut's own."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    # mutmut reads test ids, which -q would shorten; the copy is slower than any timeout
    ini = {
        **settings["ini_options"],
        "addopts": "--strict-markers --import-mode=importlib -p no:cacheprovider",
    }
    ini.pop("timeout", None)
    selection = [path for path in ROOMS[room] if (ROOT / path).exists()]
    mutmut = {
        "source_paths": ["src"],
        "only_mutate": [f"src/gongshu/{room}/*"],
        "also_copy": [name for name in COPIED if name not in ("src", "tests")],
        "pytest_add_cli_args": ["-x", "--hypothesis-profile=make", *LEFT_OUT],
        "pytest_add_cli_args_test_selection": selection,
        "use_git_change_detection": False,
    }
    return "\n".join([_table("tool.pytest.ini_options", ini), _table("tool.mutmut", mutmut)])


def _table(name: str, values: dict[str, object]) -> str:
    # JSON's strings, lists, numbers and truths are TOML's too
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def copy(room: str) -> Path:
    """A fresh copy of what the room's tests read."""
    work = Path(tempfile.gettempdir()) / f"gongshu-mutation-{os.getuid()}-{room}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, work / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        elif source.exists():
            shutil.copy(source, work / name)
    (work / "pyproject.toml").write_text(config(room), encoding="utf-8")
    return work


def drawn(work: Path, room: str, sample: int, mutmut: str, env: dict[str, str]) -> list[str]:
    """Names of `sample` mutants; the mutants are made, and the tests that reach each counted, on the way."""
    subprocess.run([mutmut, "run", "none"], cwd=work, env=env, capture_output=True, check=False)
    names = sorted(name for each in _results(work) for name in each)
    return random.Random(f"gongshu {room}").sample(names, min(sample, len(names)))


def _results(work: Path) -> list[dict[str, int | None]]:
    found = sorted((work / "mutants" / "src").rglob("*.meta"))
    return [json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"] for path in found]


def sampled(room: str, jobs: int, sample: int) -> float:
    """Per cent of a sample of the room's mutants that a test noticed."""
    work = copy(room)
    env = {**os.environ, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    names = drawn(work, room, sample, mutmut, env)
    if not names:
        print(f"{room}：没有造出变异，见 {work}", file=sys.stderr)
        return 0.0
    run = subprocess.run(
        [mutmut, "run", "--max-children", str(jobs), *names],
        cwd=work,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    (work / "mutmut.log").write_text(run.stdout + run.stderr, encoding="utf-8")
    codes = {name: code for each in _results(work) for name, code in each.items()}
    lived = [name for name in names if codes[name] in LIVED]
    untried = [name for name in names if codes[name] is None]
    if run.returncode or untried:
        print(f"{room}：测试在没有变异时就不通过，或者没有试完，见 {work}", file=sys.stderr)
        return 0.0
    (work / "lived.txt").write_text("\n".join(lived) + "\n", encoding="utf-8")
    share = 100 * (1 - len(lived) / len(names))
    half = 196 * math.sqrt(share / 100 * (1 - share / 100) / len(names))
    print(
        f"{room}：抽 {len(names)}/{len(codes)}，发现 {len(names) - len(lived)}，{share:.1f} % ± {half:.1f}；"
        f"活下来的：{work / 'lived.txt'}",
        flush=True,
    )
    return share


def score(room: str, jobs: int) -> float:
    """Runs the room; per cent of its mutants that a test noticed. Those no test reaches count as living."""
    work = copy(room)
    env = {**os.environ, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    run = subprocess.run(
        [mutmut, "run", "--max-children", str(jobs)],
        cwd=work,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    log = work / "mutmut.log"
    log.write_text(run.stdout + run.stderr, encoding="utf-8")
    subprocess.run([mutmut, "export-cicd-stats"], cwd=work, env=env, capture_output=True, check=False)
    stats_file = work / "mutants" / "mutmut-cicd-stats.json"
    stats = json.loads(stats_file.read_text(encoding="utf-8")) if stats_file.exists() else {}
    if run.returncode or not stats.get("killed"):
        print(f"{room}：测试在没有变异时就不通过，或者没有结果，见 {log}", file=sys.stderr)
        return 0.0
    noticed = stats["killed"] + stats.get("timeout", 0) + stats.get("segfault", 0)
    share = 100 * noticed / max(stats["total"] - stats.get("skipped", 0), 1)
    print(f"{room}：{noticed}/{stats['total']}，{share:.1f} %（{stats}）", flush=True)
    lived = subprocess.run(
        [mutmut, "results"], cwd=work, env=env, capture_output=True, text=True, check=False
    )
    (work / "lived.txt").write_text(lived.stdout, encoding="utf-8")
    print(f"  活下来的：{work / 'lived.txt'}；在那里运行 mutmut show 名字", flush=True)
    return share


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", help="房间，不写则全部")
    parser.add_argument("--sample", type=int, default=0, help="只试每个房间的这么多个，种子固定")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    unknown = sorted(set(given.rooms) - set(ROOMS))
    if unknown:
        parser.error(f"没有这些房间：{'、'.join(unknown)}；有 {'、'.join(ROOMS)}")
    shares = {
        room: sampled(room, given.jobs, given.sample) if given.sample else score(room, given.jobs)
        for room in given.rooms or ROOMS
    }
    low = {room: share for room, share in shares.items() if share < FLOOR}
    for room, share in low.items():
        print(f"{room} 低于 {FLOOR:.0f} %：{share:.1f} %", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
