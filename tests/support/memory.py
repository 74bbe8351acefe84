"""How much memory an intake takes, measured from outside: a child process, its resident set sampled."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_CHILD = """
import datetime as dt, json, sys, time
from pathlib import Path
from gongshu.crypto.sign import PrivateKey
from gongshu.enclave import intake
from gongshu.enclave.vault import Vault
home, small, large = map(Path, sys.argv[1:4])
key = PrivateKey.generate("ed25519")
drafts, vault = Vault(home / "drafts", bytes(32), key), Vault(home / "vault", bytes(32), key)
now = dt.datetime(2026, 3, 2, 9, tzinfo=dt.timezone.utc)
def take(path):
    proposal = intake.read(path, drafts, now=now, name=path.name)
    return intake.confirm(proposal, intake.accept(proposal), drafts=drafts, vault=vault, zone="cn", resource="r",
                          owner="o", table="t", title="", now=now, confirmed_by="p")
take(small)
print("idle", flush=True)
sys.stdin.readline()
started = time.monotonic()
manifest = take(large)
print(json.dumps({"rows": manifest.rows, "parts": len(manifest.parts), "seconds": time.monotonic() - started,
                  "largest": max(p.plain for p in manifest.parts)}), flush=True)
"""


@dataclass(frozen=True)
class Measured:
    """Bytes: resident set of the idle process (all libraries loaded) and the highest seen afterwards."""

    idle: int
    peak: int
    told: dict[str, float]


def intake_memory(home: Path, small: Path, large: Path, seconds: float) -> Measured:
    import json

    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(home), str(small), str(large)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin and child.stdout
    try:
        assert child.stdout.readline().strip() == "idle"
        seen = psutil.Process(child.pid)
        idle = peak = seen.memory_info().rss
        child.stdin.write("go\n")
        child.stdin.flush()
        deadline = time.monotonic() + seconds
        while child.poll() is None and time.monotonic() < deadline:
            try:
                peak = max(peak, seen.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        assert child.wait(1 if time.monotonic() >= deadline else 30) == 0
        return Measured(idle, peak, json.loads(child.stdout.readline()))
    finally:
        child.kill()
        child.wait()


def trips(path: Path, size: int, encoding: str = "utf-8") -> int:
    """A synthetic file of bus trips of at least `size` bytes, marked synthetic; returns its rows."""
    head = "流水号,卡号,线路,站点,上车时间,票价（元）,备注\n".encode(encoding)
    stations = ["东门站", "团城山", "人民广场", "桂林路", "磁湖站", "黄石港"]
    block_rows = 20_000
    rows = written = 0
    with path.open("wb") as file:
        written += file.write(head)
        while written < size:
            text = "".join(
                f"T{rows + n:010d},合成{(rows + n) * 7919 % 200_000:08d},{(rows + n) % 37}路,"
                f"{stations[(rows + n) % 6]},2026-{1 + n % 12:02d}-{1 + n % 28:02d} {n % 24:02d}:{n % 60:02d}:{n % 59:02d},"
                f"{n % 9}.{n % 10}0,合成数据\n"
                for n in range(block_rows)
            )
            written += file.write(text.encode(encoding))
            rows += block_rows
    return rows
