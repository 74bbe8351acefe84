"""What a stranger keeps and checks offline: receipts, archives, the published keys."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gongshu.demo.stage import Stage, command
from gongshu.demo.web import Unexpected


def folder(stage: Stage) -> Path:
    """Where the demo keeps files it was given."""
    place = stage.home / "administrators" / "proofs"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def keys_file(stage: Stage) -> Path:
    """The published keys of log, witnesses and services, as `gongshu keys` prints them."""
    place = folder(stage) / "keys.txt"
    told = command(stage.home, "keys")
    place.write_text("\n".join([*told["verifiers"], *(row["key"] for row in told["keys"])]) + "\n")
    return place


def verify_offline(path: Path, keys: Path) -> str:
    """`gongshu-verify`, which shares no code with what it checks: 通过, or `Unexpected`."""
    done = subprocess.run(
        [sys.executable, "-m", "gongshu_verify.main", str(path), "--key", str(keys)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise Unexpected(f"{path.name} 没有通过离线核验：{(done.stdout + done.stderr)[-300:]}")
    return "通过"
