"""Writes the generated pages anew; with `--check` says what is stale, missing or broken instead.

python scripts/docs.py            # docs/index.md, the law's and the gateway's pages, the lens's tables
python scripts/docs.py --check    # fails when a page is not what the code says, a link leads nowhere,
                                  # a room has no README, or a file names a machine's path
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from gongshu.gateway import pages as gateway
from gongshu.law import pages as law
from gongshu.lens import pages as lens

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LINES = 400
"""A file of the source stays under about this many lines."""
DAY = date(2026, 3, 2)
"""The day whose procedures the page of permissions prints."""
LINK = re.compile(r"\[[^\]\n]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
# 拼接而成，免得这个文件查出自己
MACHINE = re.compile(
    "|".join(("/" + "work/(?:main|shared)", "/" + "root/", "pypi" + "-more", "/" + "opt/pypi"))
)
# 说的是 Linux 的一般规矩（/root 下的东西服务用户读不到），不是这台机器的路径
ABOUT_ROOT = {"scripts/setup.sh", "docs/where-things-are.md"}

HEADS = {
    "index": (
        "从这里开始",
        ("install", "architecture", "glossary", "where-things-are", "threat-model", "coverage", "bench"),
    ),
    "law": ("法", ("grammar", "clocks", "grounds", "procedures/README")),
    "rooms": ("各房间", ()),
}


def title(page: Path) -> str:
    """The first heading of a page."""
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return page.stem


def index(folder: Path) -> str:
    """`docs/index.md`: every page once, by heading."""
    left = {str(p.relative_to(folder))[:-3]: p for p in sorted(folder.rglob("*.md")) if p.name != "index.md"}
    records = [name for name in left if name.startswith("adr/")]
    diagrams = [name for name in left if name.startswith("procedures/") and not name.endswith("README")]
    named = {name for _, names in HEADS.values() for name in names}
    others = [name for name in left if name not in {*records, *diagrams, *named}]
    lines = [
        "# 文档目录",
        "",
        "由 `make docs` 生成。安装见 [README](../README.md)；各页的 `gongshu` 命令在 `.venv/bin/` 下。",
    ]
    sections = [(head, names or tuple(others)) for head, names in HEADS.values()]
    sections += [("程序的状态图（由规则包生成）", tuple(diagrams)), ("决定与理由（ADR）", tuple(records))]
    for head, names in sections:
        lines += ["", f"## {head}", ""]
        lines += [f"- [{title(left[name])}]({name}.md)" for name in names if name in left]
    return "\n".join(lines) + "\n"


def lens_page(text: str) -> str:
    """The lens's page with its tables printed anew."""
    for name, table in lens.tables().items():
        block = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        pattern = re.compile(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", re.S)
        text = pattern.sub(lambda _, block=block: block, text)  # type: ignore[misc]
    return text


@cache
def permissions() -> str:
    """`docs/permissions.md`: the office's tables are read with its settings, on a throw-away home."""
    with tempfile.TemporaryDirectory() as temporary:
        config = Path(temporary) / "config"
        config.mkdir()
        ports = {"office": 1, "link": 2, "airlock": 3, "gateway": 4}
        said = {"v": 1, "mode": "single", "zones": ["cn"], "zone": "cn", "ports": ports}
        (config / "config.json").write_text(json.dumps(said), encoding="utf-8")
        (config / "mark").write_text("test\n", encoding="utf-8")
        (config / "mark").chmod(0o444)
        os.environ |= {
            "GONGSHU_HOME": temporary,
            "DATABASE_URL": "postgresql:///nothing",
            "DJANGO_SETTINGS_MODULE": "gongshu.office.settings",
        }
        import django

        django.setup()
        from gongshu.airlock.acts import ACTS, TITLES
        from gongshu.office import actspage

        airlock = {TITLES[act]: sorted(roles) for act, (roles, _) in ACTS.items()}
        return actspage.page(DAY, airlock)


def write(folder: Path) -> None:
    """Write every generated page below `folder`, which already holds the others."""
    (folder / "permissions.md").write_text(permissions(), encoding="utf-8")
    law.main(folder)
    gateway.main(folder)
    page = folder / "lens.md"
    page.write_text(lens_page(page.read_text("utf-8")), encoding="utf-8")
    (folder / "index.md").write_text(index(folder), encoding="utf-8")


def stale() -> list[str]:
    """Pages that differ from what the code would write."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "docs"
        for page in DOCS.rglob("*.md"):
            to = copy / page.relative_to(DOCS)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(page.read_bytes())
        write(copy)
        made = {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*.md")}
    present = {p.relative_to(DOCS): p.read_bytes() for p in DOCS.rglob("*.md")}
    return [
        f"docs/{name}：与代码不符，请运行 make docs。"
        for name in sorted(made)
        if made[name] != present.get(name)
    ]


def tracked(*patterns: str) -> list[Path]:
    """Files under version control, as far as they are there."""
    said = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in said.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def broken_links() -> list[str]:
    """Relative links of Markdown pages that lead nowhere."""
    found = []
    for page in tracked("*.md"):
        for target in LINK.findall(page.read_text("utf-8")):
            if (
                "://" not in target
                and not target.startswith("mailto:")
                and not (page.parent / target).exists()
            ):
                found.append(f"{page.relative_to(ROOT)}：链接 {target} 打不开。")
    return found


def rooms_without_readme() -> list[str]:
    rooms = [path for path in (ROOT / "src" / "gongshu").iterdir() if (path / "__init__.py").exists()]
    rooms += [ROOT / "src" / "gongshu_verify", ROOT / "src" / "gongshu" / "packs"]
    return [
        f"{room.relative_to(ROOT)}：没有 README.md。"
        for room in sorted(set(rooms))
        if not (room / "README.md").is_file()
    ]


def machine_paths() -> list[str]:
    """Lines that name a path of the machine they were written on, or a registry's address."""
    found = []
    for path in tracked("*.py", "*.sh", "*.md", "*.toml", "*.txt", "*.lock", "*.yaml", "Makefile", ".ci/run"):
        name = str(path.relative_to(ROOT))
        if name not in ABOUT_ROOT and MACHINE.search(path.read_text("utf-8", errors="replace")):
            found.append(f"{name}：写着某台机器的路径。")
    return found


def long_files() -> list[str]:
    """Source files over the limit: told, not refused; a table may be long."""
    return [
        f"{path.relative_to(ROOT)}：{count} 行"
        for path in tracked("src/*.py")
        if "migrations" not in path.parts and (count := len(path.read_text("utf-8").splitlines())) > LINES
    ]


def main(argv: list[str]) -> int:
    if argv != ["--check"]:
        write(DOCS)
        return 0
    problems = [*stale(), *broken_links(), *rooms_without_readme(), *machine_paths()]
    for line in problems:
        print(line)
    if long := long_files():
        print(f"超过 {LINES} 行：" + "；".join(long))
    if not problems:
        print("生成的文档与代码相符，链接都通，每个房间有 README。")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
