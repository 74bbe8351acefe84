"""The ceremony of the first trust list, by the commands people type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from gongshu.cli.main import main
from gongshu.host.administration import KEY_FILE, PUBLIC_FILE

NOBODY: Mapping[str, Any] = {"organisations": [], "people": [], "accounts": [], "keys": []}


def gongshu(home: Path, *words: str | Path) -> dict[str, Any]:
    """Runs a command on a home; its JSON object. Fails when the command does not succeed."""
    out = StringIO()
    with redirect_stdout(out):
        status = main([*map(str, words), "--json", "--home", str(home)])
    answer: dict[str, Any] = json.loads(out.getvalue())
    assert status == 0, answer
    return answer


def draft(
    home: Path,
    folder: Path,
    rows: Mapping[str, Any] = NOBODY,
    names: tuple[str, ...] = ("甲", "乙"),
) -> Path:
    """A list of the next number with both administrators' signatures; their keys stay in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    publics: list[str | Path] = []
    for name in names:
        if not (folder / name / KEY_FILE).exists():
            gongshu(home, "trust", "new-administrator", "--out", folder / name, "--name", name)
        publics += ["--administrator", folder / name / PUBLIC_FILE]
    (folder / "rows.json").write_text(json.dumps(rows))
    made = folder / "list.json"
    gongshu(home, "trust", "template", "--out", made, "--rows", folder / "rows.json", *publics)
    for name in names:
        gongshu(home, "trust", "sign", "--list", made, "--key", folder / name / KEY_FILE)
    return made


def found(home: Path, folder: Path, rows: Mapping[str, Any] = NOBODY) -> Path:
    """Installs a list of the next number; its file."""
    made = draft(home, folder, rows)
    gongshu(home, "trust", "init", "--list", made)
    return made
