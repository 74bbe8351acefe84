"""The gateway: verifications a second on one core, all checks on, against Datasette and roapi in one run.

    .venv/bin/python bench/gateway.py [--calls 60000] [--fresh 6000] [--json]

One core serves, the other loads. 100,000 subjects; each call is signed (HMAC-SHA256), has an idempotency key,
is held against contract, ceiling, lease, consent, quota and distinct subjects, and is answered only when its
receipt is on the disk. Measured: calls whose consents the gateway holds; calls that each bring a new consent
signed with SM2; latency at 70 % of the first rate, counted from when a request was due. The peers answer the
same look-up by primary key without any of that. Fails under 15,000 and 3,000 calls a second, 8 × Datasette
and 5 times roapi, and when flushes, receipts or consents were off.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway_world import World, save
from gongshu.gateway import receipts
from gongshu.gateway.main import build
from gongshu.wire.settings import load as load_settings
from gongshu_client.signing import Sm2Key, headers
from support.singles import answers, number

HERE = Path(__file__).resolve().parent
WANTED, WANTED_FRESH, TIMES = 15_000, 3_000, {"datasette": 8, "roapi": 5}
SERVER, LOADER = "0", "1"
CONNECTIONS = 128
# Requests live five minutes: no more are prepared at a time than can be sent by then.
PEER_CALLS = 4_000
TICK = os.sysconf("SC_CLK_TCK")


def loaded(port: int, path: Path, expect: str, rate: float = 0.0) -> dict[str, Any]:
    command = ["taskset", "-c", LOADER, sys.executable, str(HERE / "gateway_load.py")]
    command += [str(port), str(path), str(CONNECTIONS), str(rate), expect]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["good"] == found["requests"], f"not every call was answered: {found['odd']}"
    return found


def cpu(process: subprocess.Popen[Any]) -> float:
    """Seconds of processor a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def running(command: list[str], url: str, folder: Path) -> Iterator[subprocess.Popen[Any]]:
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(["taskset", "-c", SERVER, *command], stdout=out, stderr=out)
        try:
            until = time.monotonic() + 60
            while not reached(url):
                assert process.poll() is None and time.monotonic() < until, (folder / "out").read_text()[
                    -800:
                ]
                time.sleep(0.1)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def reached(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def secret(world: World, kind: str) -> bytes:
    target = f"/v1/credentials/cred-{kind}/secret"
    signed = headers(Sm2Key(world.buyer.to_pem()), f"cred-{kind}", "POST", target, b"")
    answer = httpx.post(f"http://127.0.0.1:{world.port}{target}", headers=signed, trust_env=False)
    return base64.b64decode(answer.json()["secret"])


def refusals(world: World, drawn: bytes) -> list[str]:
    """What is said of a subject without consent and of one that withdrew: consent is on."""
    said = []
    for subject in (0, 1):
        raw = world.request("standing", world.question(subject), drawn)
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        url = f"http://127.0.0.1:{world.port}/v1/products/pd-standing/verify"
        wanted = {name.decode(): lines[name].decode() for name in (b"authorization", b"idempotency-key")}
        answer = httpx.post(url, content=body, headers=wanted, trust_env=False)
        said.append(answer.json()["results"][0]["code"])
    return said


def ours(folder: Path, calls: int, fresh: int) -> dict[str, Any]:
    world = World(folder)
    prepared = folder / "requests"
    command = [sys.executable, str(HERE / "gateway_run.py"), str(world.home)]
    found: dict[str, Any] = {}
    with running(command, f"http://127.0.0.1:{world.port}/v1/openapi.json", folder) as process:
        until = time.monotonic() + 60
        while httpx.get(f"http://127.0.0.1:{world.port}/healthz", trust_env=False).json()["zones"] != {
            "huangshi": "ok"
        }:
            assert time.monotonic() < until, "the gateway did not open its zone"
            time.sleep(0.2)
        time.sleep(3)  # snapshots are read beside the line
        drawn = {kind: secret(world, kind) for kind in ("standing", "each_call")}

        def standing(count: int) -> None:
            subjects = (2 + place % (world.size - 2) for place in range(count))
            save(
                prepared,
                (world.request("standing", world.question(one), drawn["standing"]) for one in subjects),
            )

        standing(calls // 4)
        loaded(world.port, prepared, '"一致"')  # warm
        standing(calls)
        before = cpu(process)
        found["seen"] = loaded(world.port, prepared, '"一致"')
        found["seen"]["cpu_us_per_call"] = 1e6 * (cpu(process) - before) / calls
        standing(calls // 2)
        found["at_70"] = loaded(world.port, prepared, '"一致"', 0.7 * found["seen"]["per_second"])
        found["refused"] = refusals(world, drawn["standing"])
        consents = world.fresh_consents(fresh)
        save(
            prepared,
            (
                world.request("each_call", world.question(subject, consent), drawn["each_call"])
                for subject, consent in consents
            ),
        )
        before = cpu(process)
        found["fresh"] = loaded(world.port, prepared, '"一致"')
        found["fresh"]["cpu_us_per_call"] = 1e6 * (cpu(process) - before) / fresh
    world.end()
    found["flushes"] = int((folder / "out").read_text().split()[-1])
    found["receipts"] = receipts_of(world.home)
    found["sent"] = calls // 4 + calls + calls // 2 + fresh
    return found


def receipts_of(home: Path) -> int:
    """Calls that stand in the journal, each under its own id."""
    gateway = build(load_settings(home))
    ids = [receipts.loads(record).id for _, record in gateway.ledger.calls.scan()]
    for journal in gateway.ledger.journals:
        journal.close()
    assert len(set(ids)) == len(ids), "an id stands twice"
    return len(ids)


def get(port: int, target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()


def peer(
    folder: Path, command: list[str], port: int, target: Callable[[int], str], warm: str
) -> dict[str, Any]:
    folder.mkdir()
    prepared = folder / "requests"
    with running(command, f"http://127.0.0.1:{port}{warm}", folder):
        for count in (PEER_CALLS // 10, PEER_CALLS):
            save(prepared, (get(port, target(2 + place)) for place in range(count)))
            found = loaded(port, prepared, "00000019")
    return found


def rows() -> Iterator[tuple[str, str, int]]:
    return ((number(one), *answers(one)) for one in range(100_000))


def datasette(folder: Path) -> dict[str, Any]:
    base = folder / "peer.db"
    with sqlite3.connect(base) as line:
        line.execute("create table answers (id text primary key, 缴存状态 text, 连续缴存月数 integer)")
        line.executemany("insert into answers values (?, ?, ?)", rows())
    command = [sys.executable, "-m", "datasette", "serve", "-i", str(base), "--port", "18411"]
    command += ["--setting", "num_sql_threads", "1"]
    return peer(
        folder / "datasette",
        command,
        18411,
        lambda one: f"/peer/answers/{number(one)}.json?_shape=objects",
        "/",
    )


def roapi(folder: Path) -> dict[str, Any]:
    table = folder / "answers.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "缴存状态", "连续缴存月数"))
        writer.writerows(rows())
    command = [str(Path(sys.executable).parent / "roapi"), "--table", f"answers={table}"]
    command += ["--addr-http", "127.0.0.1:18412"]
    return peer(
        folder / "roapi",
        command,
        18412,
        lambda one: f"/api/tables/answers?filter[id]=%27{number(one)}%27",
        "/api/tables/answers?limit=1",
    )


def measure(calls: int, fresh: int) -> dict[str, Any]:
    os.sched_setaffinity(0, {int(LOADER)})
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    try:
        (folder / "ours").mkdir()
        found = ours(folder / "ours", calls, fresh)
        found["peers"] = {"datasette": datasette(folder), "roapi": roapi(folder)}
    finally:
        shutil.rmtree(folder)
    found["ratios"] = {
        name: round(found["seen"]["per_second"] / one["per_second"], 1)
        for name, one in found["peers"].items()
    }
    found["load"] = round(os.getloadavg()[0], 1)
    return found


def faults(found: dict[str, Any]) -> list[str]:
    """Why the figures do not count or do not suffice."""
    rate, fresh = found["seen"]["per_second"], found["fresh"]["per_second"]
    checks = (
        (found["receipts"] != found["sent"], "不是每次回答都有一条流水"),
        (found["flushes"] * 4 * CONNECTIONS < found["sent"], "落盘关着"),
        (found["refused"] != ["no_consent", "withdrawn"], "同意没有核对"),
        (rate < WANTED, f"{rate:,.0f} 次/秒，不到 {WANTED:,}"),
        (fresh < WANTED_FRESH, f"新同意 {fresh:,.0f} 次/秒，不到 {WANTED_FRESH:,}"),
        *((found["ratios"][name] < times, f"不到 {name} 的 {times} 倍") for name, times in TIMES.items()),
    )
    return [sentence for wrong, sentence in checks if wrong]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60_000)
    parser.add_argument("--fresh", type=int, default=6_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.calls, args.fresh)
    found["faults"] = faults(found)
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
        return 1 if found["faults"] else 0
    for name, title in (("seen", "同意已在网关"), ("fresh", "每次一份新的 SM2 同意"), ("at_70", "七成负载")):
        one = found[name]
        print(
            f"{title}：{one['per_second']:,.0f} 次/秒，p50 {one['p50_ms']:.1f} ms，p99 {one['p99_ms']:.1f} ms"
            + (f"，处理器 {one['cpu_us_per_call']:.0f} 微秒/次" if "cpu_us_per_call" in one else "")
        )
    for name, one in found["peers"].items():
        print(f"{name}：{one['per_second']:,.0f} 次/秒；本网关是它的 {found['ratios'][name]} 倍")
    print(f"落盘 {found['flushes']:,} 次，流水 {found['receipts']:,} 条，机器负载 {found['load']}")
    print("\n".join(found["faults"]) or "达到")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
