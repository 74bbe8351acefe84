"""The pictures of docs/screens and their page docs/screens.md: `make screens`.

The browser tests run with `GONGSHU_SHOTS` set and take the pictures that scripts/screens.yaml names, at 1440
and 390 pixels; here they are cut, reduced to a palette and written. `--page` writes the captions only; a
folder as argument takes the pictures from there instead of running the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FOLDER, PAGE, TABLE = ROOT / "docs/screens", ROOT / "docs/screens.md", ROOT / "scripts/screens.yaml"
WIDTHS = (1440, 390)
TALLEST = {1440: 1500, 390: 1500}
COLOURS = 64
MOST = 6 * 1024 * 1024
KEPT = {"case.png"}
"""Pictures of the front page, which come from a demo home."""
RUNS = (("support.office_env", ()), ("support.domain_env", ("tests/browser/test_airlock.py",)))

HEAD = """# 屏幕

<!-- 由 scripts/screens.py 生成（make screens），不要手改。 -->

每一页两种宽度：办公桌上的 1440 像素，手机的 390 像素。图由浏览器测试边走边拍，
数据是合成的；太长的页面只留上面一段。
"""


def sections() -> list[dict[str, Any]]:
    """The table: of each role's day its `title`, `say`, `tests` and `pages` (picture → caption)."""
    found: list[dict[str, Any]] = yaml.safe_load(TABLE.read_text("utf-8"))["sections"]
    return found


def names() -> list[str]:
    return [name for section in sections() for name in section["pages"]]


def page() -> str:
    """The page of captions."""
    parts = [HEAD]
    for section in sections():
        parts.append(f"\n## {section['title']}\n\n{section['say']}\n")
        for name, caption in section["pages"].items():
            parts.append(f"\n{caption}：[1440](screens/{name}-1440.png)、[390](screens/{name}-390.png)\n")
            parts.append(f"\n![{caption}](screens/{name}-1440.png)\n")
    return "".join(parts)


def taken(folder: Path) -> None:
    """Run the browser tests that take the named pictures."""
    wanted = folder / "wanted"
    wanted.write_text("\n".join(names()), "utf-8")
    settings = {"PYTHONPATH": "tests", "GONGSHU_SHOTS": str(folder), "GONGSHU_SHOTS_OF": str(wanted)}
    tests = sorted({each for section in sections() for each in section["tests"]})
    for plugin, own in RUNS:
        mine = [each for each in tests if (each.partition("::")[0] in own) == bool(own)]
        command = [sys.executable, "-m", "pytest", "-q", "-p", plugin, "-p", "support.browser", *mine]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, check=True)


def small(source: Path, target: Path, tallest: int) -> None:
    """A picture cut to `tallest` pixels and reduced to a palette: text and flat colour lose nothing by it."""
    with Image.open(source) as whole:
        cut = whole.convert("RGB").crop((0, 0, whole.width, min(whole.height, tallest)))
    cut.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> int:
    """Take, reduce, write; tells what is missing and how much it weighs."""
    PAGE.write_text(page(), "utf-8")
    if "--page" in sys.argv:
        return 0
    with tempfile.TemporaryDirectory(prefix="gs-screens-") as scratch:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        if len(sys.argv) == 1:
            taken(folder)
        wanted = [f"{name}-{width}.png" for name in names() for width in WIDTHS]
        missing = [each for each in wanted if not (folder / each).exists()]
        if missing:
            print("没有拍到：" + "、".join(missing), file=sys.stderr)
            return 1
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.glob("*.png"):
            if old.name not in KEPT:
                old.unlink()
        for each in wanted:
            small(folder / each, FOLDER / each, TALLEST[int(each[:-4].rpartition("-")[2])])
    weight = sum(each.stat().st_size for each in FOLDER.glob("*.png"))
    print(f"{len(wanted)} 张，{weight / 1024 / 1024:.1f} MB")
    return 0 if weight <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
