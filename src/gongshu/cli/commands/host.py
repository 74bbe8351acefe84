"""`gongshu init | up | down | run | doctor | keys`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import Parser, command_parser
from gongshu.host import backup_restore, doors, inside, ports, setup, state, wall
from gongshu.host import doctor as examine
from gongshu.host.errors import HostError
from gongshu.host.home import Home, check_zones, make_sockets, read_config
from gongshu.host.keys import public_keys, verifier_lines
from gongshu.host.processes import BY_NAME, PROCESSES, Process
from gongshu.host.supervisor import Supervisor, launch
from gongshu.host.users import SERVICES
from gongshu.wire.errors import WireError
from gongshu.wire.settings import MARKS, Settings, home_path

READY_SECONDS = 90.0
STOP_SECONDS = 30.0
PROGRAM = ("-m", "gongshu.cli.main")
BANNER = (
    "单用户模式：办公域、数据域和网关由同一用户运行，数据域的墙此时只由程序保证；正式使用请以 root 启动。"
)
DEMO_BANNER = "演示环境：业务时间可以拨动，内容不作任何依据。"


def plainly(command: Callable[[list[str]], Answer]) -> Callable[[list[str]], Answer]:
    """Turns this room's errors into bad use with their own sentence."""

    @wraps(command)
    def run_it(argv: list[str]) -> Answer:
        try:
            return command(argv)
        except (HostError, WireError) as error:
            raise BadUse(error.code, error.sentence) from error

    return run_it


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _home_options(parser: Parser) -> None:
    parser.add_argument("--zone", action="append", default=[], metavar="Z", help="专区，可写多次，第一个为主")
    parser.add_argument("--mark", choices=MARKS, help="环境标记，建立时写一次，以后不变（默认 production）")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址（默认 127.0.0.1）")
    parser.add_argument(
        "--part", action="append", default=[], choices=SERVICES, help="本机只运行这些域（可写多次，默认全部）"
    )


def _mark(path: Path, asked: str | None) -> str:
    """The mark asked for; a home that exists keeps its own when none is."""
    if asked is not None:
        return asked
    try:
        return Home.open(path).mark
    except HostError as error:
        if error.code == "no_home":
            return "production"
        raise


def _summary(home: Home) -> dict[str, Any]:
    raw = read_config(home.path)
    return {"home": str(home.path), "mode": home.mode, "mark": home.mark, "zones": raw["zones"]}


@plainly
def init(argv: list[str]) -> Answer:
    """`gongshu init [--zone Z ...] [--mark M]`: makes or completes a home."""
    parser = command_parser("init", "建立家目录、用户和数据库")
    _home_options(parser)
    given = parser.parse_args(argv)
    path = home_path(given.home)
    home = setup.init(path, _mark(path, given.mark), given.zone, given.host, _say)
    _set_parts(home, given.part)
    text = f"家目录 {home.path} 已就绪（{home.mode}，{home.mark}）。运行 gongshu up 启动。"
    return Answer(True, {"ok": True, **_summary(home)}, text)


@plainly
def doctor(argv: list[str]) -> Answer:
    """`gongshu doctor`: exit 1 when something is to be mended."""
    parser = command_parser("doctor", "检查安装并说明如何修复")
    path = home_path(parser.parse_args(argv).home)
    checks = examine.examine(path)
    lines = [f"{'好' if check.ok else '坏'}  {check.title}：{check.found}" for check in checks]
    lines += [f"修复“{check.title}”：{check.mend}" for check in checks if check.mend]
    ok = all(check.ok for check in checks)
    lines.append("全部正常。" if ok else "有需要修复的地方，见上。")
    return Answer(ok, {"ok": ok, "checks": [check.data() for check in checks]}, "\n".join(lines))


@plainly
def keys(argv: list[str]) -> Answer:
    """`gongshu keys`: signed-note verifier lines of the log and every public key as PEM."""
    parser = command_parser("keys", "打印公钥")
    home = Home.open(home_path(parser.parse_args(argv).home))
    rows = public_keys(home)
    lines = verifier_lines(home.settings().origin, rows)
    text = [*lines, *(f"# {row['service']} {row['name']} {row['id']}\n{row['pem'].strip()}" for row in rows)]
    return Answer(True, {"ok": True, "verifiers": lines, "keys": rows}, "\n".join(text))


@plainly
def run(argv: list[str]) -> Answer:
    """`gongshu run PROCESS`: one process alone in the foreground, as its own user."""
    parser = command_parser("run", "单独启动一个进程")
    parser.add_argument("process", choices=sorted(BY_NAME), help="进程名")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    wall.require(home)
    process = BY_NAME[given.process]
    if not process.installed():
        raise HostError("parts", f"本机没有安装 {process.name} 需要的部件 {process.target}。")
    if process.stands and (waits := backup_restore.held(home)):
        raise HostError("held", waits)
    if state.running(home) and state.read(home)["processes"].get(process.name, {}).get("pid"):
        raise HostError("running", f"{process.title}已由 gongshu up 运行，不再启动第二个。")
    make_sockets(home)
    child = launch(home, process, home.settings(), log=False)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: child.send_signal(getattr(signal, process.calm)))
    status = child.wait()
    return Answer(status == 0, {"ok": status == 0, "process": process.name, "status": status})


@plainly
def down(argv: list[str]) -> Answer:
    """`gongshu down`: ends the supervisor of a home and with it every process."""
    parser = command_parser("down", "停止本机上的全部进程")
    home = Home.open(home_path(parser.parse_args(argv).home))
    if not state.running(home):
        return Answer(True, {"ok": True, "running": False}, "公枢没有在运行。")
    pid = state.read(home).get("supervisor")
    if not isinstance(pid, int):
        raise HostError("state", "找不到运行中的公枢的进程号，请看 run/processes.json。")
    os.kill(pid, signal.SIGTERM)
    if not state.wait_stopped(home, STOP_SECONDS):
        raise HostError("running", f"公枢（进程 {pid}）在 {STOP_SECONDS:.0f} 秒内没有停下。")
    return Answer(True, {"ok": True, "running": False}, "公枢已停止。")


def _up_arguments(argv: list[str]) -> Namespace:
    parser = command_parser("up", "启动本机上的全部进程")
    _home_options(parser)
    parser.add_argument("--port", type=int, help="第一个端口，其余依次加一；0 为任取空闲端口")
    parser.add_argument("--detach", action="store_true", help="就绪后在后台继续运行，用 gongshu down 停止")
    return parser.parse_args(argv)


@plainly
def up(argv: list[str]) -> Answer:
    """`gongshu up`: prepares the home if needed, runs every process, says the addresses, ends on a signal."""
    given = _up_arguments(argv)
    path = home_path(given.home)
    if given.detach:
        return _detach(path, given)
    home = setup.prepare(path, _mark(path, given.mark), given.zone, given.host, _say)
    with state.lock(home) as free:
        if not free:
            return _already(home)
        wall.require(home)
        _settle(home, given)
        _supervise(home, as_json=given.json)
    return Answer(True, {"ok": True, **_summary(home), "running": False}, "公枢已停止。")


def _already(home: Home) -> Answer:
    urls = state.read(home).get("urls", {})
    text = "\n".join(["公枢已经在运行。", *_addresses(urls)])
    return Answer(True, {"ok": True, **_summary(home), "running": True, "already": True, "urls": urls}, text)


def _set_parts(home: Home, parts: list[str]) -> None:
    """Keeps in the configuration which processes this machine runs."""
    if parts:
        home.change(processes=[process.name for process in PROCESSES if process.service in parts])


def _settle(home: Home, given: Namespace) -> None:
    """Parts, zones and ports of this start."""
    _set_parts(home, given.part)
    settings = home.settings()
    if given.zone:
        merged = dict.fromkeys([*settings.zones, *check_zones(given.zone)])
        home.change(zones=list(merged))
    choice = ports.choose(
        settings.ports, settings.host, given.port, movable=settings.demo, doors=_doors(settings)
    )
    for note in choice.notes:
        _say(note)
    home.change(ports=choice.ports)


def _doors(settings: Settings) -> list[str]:
    """The doors of this machine, also of a process that stands still for now: nobody else may stand there."""
    wanted = settings.processes or tuple(BY_NAME)
    return [one.door for one in PROCESSES if one.door and one.name in wanted and one.installed()]


def _here(home: Home, settings: Settings) -> list[Process]:
    """The processes of this machine: those configured (all, unless it says otherwise) and installed."""
    clusters = {f"{cluster.name}-database" for cluster in setup.embedded(home)}
    wanted = settings.processes or tuple(BY_NAME)
    waits = backup_restore.held(home)
    if waits:
        _say(waits)
    chosen = []
    for process in PROCESSES:
        if process.name.endswith("-database") and process.name not in clusters:
            continue
        if process.name not in wanted or (waits and process.stands):
            continue
        if not process.installed():
            _say(f"本机没有安装{process.title}（{process.target}），跳过。")
            continue
        chosen.append(process)
    return chosen


def _supervise(home: Home, *, as_json: bool) -> None:
    settings = home.settings()
    processes = _here(home, settings)
    with doors.held(settings, _doors(settings)) as opened:
        _run_all(home, Supervisor(home, settings, processes, _say, opened), as_json=as_json)


def _run_all(home: Home, supervisor: Supervisor, *, as_json: bool) -> None:
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, supervisor.stop)
    databases = [process for process in supervisor.processes if process.name.endswith("-database")]
    began = time.monotonic()
    try:
        _bring_up_databases(home, supervisor, databases)
        if supervisor.wait_ready(READY_SECONDS):
            _announce(home, supervisor.settings, time.monotonic() - began, as_json=as_json)
        elif not supervisor.stopping:
            raise HostError("not_ready", _not_ready(home, supervisor))
        supervisor.run()
    finally:
        supervisor.shut_down()


def _bring_up_databases(home: Home, supervisor: Supervisor, databases: list[Process]) -> None:
    """Databases first, then their structure, and only then what uses them."""
    supervisor.held = set(supervisor.children) - {process.name for process in databases}
    if not supervisor.wait_ready(READY_SECONDS) and not supervisor.stopping:
        raise HostError("not_ready", _not_ready(home, supervisor))
    if not supervisor.stopping:
        for cluster in setup.embedded(home):
            cluster.create_database()
        setup.migrate(home, _say)
    supervisor.held = set()


def _not_ready(home: Home, supervisor: Supervisor) -> str:
    name = supervisor.unready()[0]
    process = BY_NAME[name]
    log = home.path / process.service / "output" / f"{name}.log"
    return f"{process.title}（{name}）在 {READY_SECONDS:.0f} 秒内没有就绪，已全部停止；原因见 {log}。"


def _addresses(urls: dict[str, str]) -> list[str]:
    return [
        f"  {ports.TITLES[name]}：{urls[name]}" for name in ("office", "airlock", "gateway") if name in urls
    ]


def _announce(home: Home, settings: Settings, seconds: float, *, as_json: bool) -> None:
    """The addresses, for people or as the one JSON object."""
    if as_json:
        data = {"ok": True, **_summary(home), "running": True, "urls": dict(settings.urls)}
        print(json.dumps({**data, "seconds": round(seconds, 2)}, ensure_ascii=False), flush=True)
        # The object is out; nothing more may follow it on standard output.
        sys.stdout = sys.stderr
        return
    lines = [f"公枢已启动，用时 {seconds:.1f} 秒。", *_addresses(dict(settings.urls))]
    lines += [DEMO_BANNER] if settings.demo else []
    lines += [BANNER] if home.mode == "single" else []
    print("\n".join([*lines, "按 Ctrl-C 停止。"]), flush=True)


def _detach(path: Path, given: Namespace) -> Answer:
    """Starts `gongshu up` in a session of its own and waits until it is ready or has failed."""
    words = ["--home", str(path), "--host", given.host]
    words += [word for zone in given.zone for word in ("--zone", zone)]
    words += [word for part in given.part for word in ("--part", part)]
    words += ["--mark", given.mark] if given.mark else []
    words += ["--port", str(given.port)] if given.port is not None else []
    command = inside.python(*PROGRAM, "up", "--json", *words)
    # Its words go to a file: a pipe of ours would keep whoever waits for us waiting for it.
    with tempfile.TemporaryFile() as words_said:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words_said,
            start_new_session=True,
        )
        assert child.stdout is not None
        line = child.stdout.readline()
        words_said.seek(0)
        for said in words_said.read().decode("utf-8", "replace").splitlines():
            _say(said)
    try:
        data = json.loads(line)
    except ValueError as error:
        raise HostError("not_ready", "公枢没有启动，原因见上。") from error
    if not data.get("ok"):
        raise HostError(data["error"]["code"], data["error"]["sentence"])
    text = "\n".join(["公枢已在后台运行，用 gongshu down 停止。", *_addresses(data.get("urls", {}))])
    return Answer(True, {**data, "supervisor": child.pid}, text)
