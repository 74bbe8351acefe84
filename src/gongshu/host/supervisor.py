"""Runs the table of processes: starts each in order, restarts each alone, stops all cleanly.

One thread, one loop. The supervisor holds the doors; a process is handed its own. A process ends with its
supervisor (the kernel tells it), so a killed supervisor leaves nothing behind that a later one would meet.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gongshu.host import inside, state
from gongshu.host.clusters import Cluster
from gongshu.host.doors import reserve_descriptor
from gongshu.host.home import Home
from gongshu.host.probe import Probe, cpu_seconds
from gongshu.host.processes import CLUSTER_OF, Process
from gongshu.wire import doors
from gongshu.wire.settings import Settings

# Seconds before the next start after one, two, three… quick ends.
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A process that lived this long is not a quick end.
STEADY = 20.0
TICK = 0.1
# Seconds a process gets to end cleanly.
PATIENCE = 10.0
# Seconds between two questions to a door that answers, and seconds one question is waited for.
ASK, WAIT = 5.0, 5.0
# Seconds of silence after which a door that did answer is ended and started anew; and for a process that
# visibly works meanwhile on a long request (a large file): this share of a processor counts as work.
SILENCE, LONG_SILENCE = 30.0, 600.0
# And of a process that has not answered yet since it was started.
FIRST_SILENCE = 120.0
WORK = 0.05
_SET_DEATH_SIGNAL = 1
_LOG_SIZE = 8 * 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Child:
    """One running or resting process of the table."""

    process: Process
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    quick: int = 0
    next_start: float = 0.0
    healthy: bool = False
    last_exit: int | None = None
    probe: Probe | None = None
    next_probe: float = 0.0
    # Seconds without an answer as the loop lived through them, and the processor time used until then.
    silent: float = 0.0
    used: float = 0.0

    def forget_probe(self) -> None:
        if self.probe is not None:
            self.probe.close()
        self.probe = None

    def row(self, settings: Settings) -> dict[str, Any]:
        return {
            "pid": self.popen.pid if self.popen else None,
            "port": settings.ports[self.process.door] if self.process.door else None,
            "title": self.process.title,
            "service": self.process.service,
            "healthy": self.healthy,
            "restarts": self.restarts,
            "last_exit": self.last_exit,
        }


def _prepare(log: str | None, death: int, door: int | None) -> Callable[[], None]:
    """What the child does after it became its user and before it becomes its program: it opens its own
    log (root never opens a file in a service's folder), asks to end with its supervisor and lays its door
    where it will look for it."""
    parent = os.getpid()

    def open_log(log: str) -> None:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        if os.fstat(handle).st_size > _LOG_SIZE:
            os.replace(log, log + ".1")  # noqa: PTH105 - pathlib is not safe between fork and exec
            os.close(handle)
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)

    def prepare() -> None:
        if log is not None:
            open_log(log)
        _libc.prctl(_SET_DEATH_SIGNAL, death)
        if os.getppid() != parent:
            os._exit(1)
        if door is not None:
            os.dup2(door, doors.DESCRIPTOR)

    return prepare


def launch(
    home: Home,
    process: Process,
    settings: Settings,
    *,
    log: bool = True,
    door: socket.socket | None = None,
) -> subprocess.Popen[bytes]:
    """Starts one process as its user, in a session of its own, its words in `<home>/<service>/output`
    (or, without `log`, where this process writes). `door`: the listening socket it is handed, and no other
    descriptor. Without one it binds its own."""
    # A database must end in its own way; any other loses nothing, and one that hangs must not keep its door.
    death = process.calm if process.door is None else "SIGKILL"
    given = {doors.COUNT: "1"} if door is not None else {}
    reserve_descriptor()
    path = str(home.path / process.service / "output" / f"{process.name}.log") if log else None
    started: subprocess.Popen[bytes] = subprocess.Popen(
        process.command(home, settings),
        cwd="/",
        stdin=subprocess.DEVNULL,
        umask=0o077,
        start_new_session=True,
        env=inside.environment(home, process.service) | given,
        pass_fds=(doors.DESCRIPTOR,) if door is not None else (),
        preexec_fn=_prepare(  # noqa: PLW1509 - single-threaded
            path, getattr(signal, death), door.fileno() if door is not None else None
        ),
        **home.account(process.service).popen(),
    )
    return started


def answers(host: str, port: int) -> bool:
    """True when something speaks HTTP there; any status is an answer. While the supervisor runs it alone
    holds the socket, so only the process it was handed to can be what answers."""
    line = http.client.HTTPConnection(host, port, timeout=2)
    try:
        line.request("GET", "/healthz")
        line.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
    return True


def is_healthy(home: Home, child: Child, now: float) -> bool:
    """For a process without a door."""
    if child.process.name in CLUSTER_OF:
        return Cluster(home, CLUSTER_OF[child.process.name]).ready()
    return now - child.started > 1.0


def end_group(popen: subprocess.Popen[bytes], number: int) -> None:
    """Signals what is left of a process's session (a site's workers outlive their killed parent)."""
    try:
        os.killpg(popen.pid, number)
    except (ProcessLookupError, PermissionError):
        return


@dataclass
class Supervisor:
    """The loop. `say` gets a Chinese line for people at every end and restart; a process whose name is
    in `held` is not started yet; `doors`: the listening sockets by door, kept open by the caller for as long
    as this lives; `silence`: seconds without an answer after which a door's process is ended."""

    home: Home
    settings: Settings
    processes: Sequence[Process]
    say: Callable[[str], None]
    doors: Mapping[str, socket.socket] = field(default_factory=dict)
    silence: float = SILENCE
    children: dict[str, Child] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    stopping: bool = False
    _written: dict[str, Any] = field(default_factory=dict)
    _stepped: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.children = {process.name: Child(process) for process in self.processes}

    def stop(self, *_: object) -> None:
        """Asks the loop to end (a signal handler)."""
        self.stopping = True

    def step(self) -> None:
        """Once around: notices ends, starts what may start, asks after health, writes the state."""
        now = time.monotonic()
        # Not the whole time when this process itself stood still: that silence was its own.
        elapsed, self._stepped = min(now - self._stepped, 1.0), now
        for child in self.children.values():
            self._notice_end(child, now)
        for child in self.children.values():
            if child.popen is None and now >= child.next_start and self._may_start(child):
                self._start(child, now)
            elif child.popen is not None and child.process.door is not None:
                self._listen(child, child.process.door, child.popen, now, elapsed)
            elif child.popen is not None and not child.healthy:
                child.healthy = is_healthy(self.home, child, now)
        self.write_state()

    def _listen(
        self, child: Child, door: str, popen: subprocess.Popen[bytes], now: float, elapsed: float
    ) -> None:
        """Asks a door, never waiting; ends its process when that has been silent for too long."""
        child.silent += elapsed
        if child.probe is None and now >= child.next_probe:
            child.probe = Probe(self.settings, self.settings.ports[door], now)
        if child.probe is not None:
            answer = child.probe.look()
            if answer:
                child.healthy, child.silent, child.used = True, 0.0, cpu_seconds(popen.pid)
                child.next_probe = now + min(ASK, self.silence / 3)
            if answer is not None or now - child.probe.began > WAIT:
                child.forget_probe()
        if child.silent > self._bearable(child, popen.pid):
            child.silent = 0.0
            self.say(f"{child.process.title}（{child.process.name}）很久没有应答，强行结束后单独重启。")
            end_group(popen, signal.SIGKILL)

    def _bearable(self, child: Child, pid: int) -> float:
        """Seconds of silence that are borne from a process just now."""
        if not child.healthy:
            return FIRST_SILENCE
        if not child.process.long_requests or child.silent <= self.silence:
            return self.silence
        works = cpu_seconds(pid) - child.used > WORK * child.silent
        return max(self.silence, LONG_SILENCE) if works else self.silence

    def _may_start(self, child: Child) -> bool:
        if child.process.name in self.held:
            return False
        waits = [self.children[name] for name in child.process.after if name in self.children]
        return all(one.popen is not None and one.healthy for one in waits)

    def _start(self, child: Child, now: float) -> None:
        door = self.doors.get(child.process.door or "")
        try:
            child.popen = launch(self.home, child.process, self.settings, door=door)
        except (OSError, subprocess.SubprocessError):
            # Its program or its log cannot be opened: as good as a quick end, the others go on.
            self._rest(child, now, quick=True)
            self.say(f"{child.process.title}（{child.process.name}）启动不了，请运行 gongshu doctor。")
            return
        child.started, child.healthy, child.next_probe, child.silent = now, False, now, 0.0

    def _rest(self, child: Child, now: float, *, quick: bool) -> float:
        """Puts a process to rest until its next start; the seconds until then."""
        child.quick = child.quick + 1 if quick else 0
        pause = PAUSES[min(child.quick, len(PAUSES) - 1)]
        child.popen, child.healthy, child.restarts = None, False, child.restarts + 1
        child.forget_probe()
        child.next_start = now + pause
        return pause

    def _notice_end(self, child: Child, now: float) -> None:
        if child.popen is None or child.popen.poll() is None:
            return
        end_group(child.popen, signal.SIGKILL)
        child.last_exit = child.popen.returncode
        pause = self._rest(child, now, quick=now - child.started <= STEADY)
        if not self.stopping:
            self.say(f"{child.process.title}（{child.process.name}）停了，{pause:g} 秒后单独重启。")

    @property
    def ready(self) -> bool:
        return all(child.healthy for child in self.children.values())

    def unready(self) -> list[str]:
        """The processes that should be up by now and are not."""
        return [name for name, child in self.children.items() if not child.healthy and name not in self.held]

    def wait_ready(self, seconds: float) -> bool:
        """Loops until every process that is not held is healthy; False when that takes too long or a stop
        is asked for."""
        ends = time.monotonic() + seconds
        while self.unready() and not self.stopping and time.monotonic() < ends:
            self.step()
            time.sleep(TICK)
        self.write_state()
        return not self.unready()

    def run(self) -> None:
        """Loops until a stop is asked for."""
        while not self.stopping:
            self.step()
            time.sleep(TICK)

    def shut_down(self) -> None:
        """Ends all: sites and workers first, the databases last, each given time to end cleanly."""
        self.stopping = True
        databases = [child for child in self.children.values() if child.process.name in CLUSTER_OF]
        others = [child for child in self.children.values() if child.process.name not in CLUSTER_OF]
        for group in (others, databases):
            self._end(group)
        self.write_state()

    def _end(self, group: Sequence[Child]) -> None:
        live = [child for child in group if child.popen is not None and child.popen.poll() is None]
        for child in live:
            assert child.popen is not None
            child.popen.send_signal(getattr(signal, child.process.calm))
        ends = time.monotonic() + PATIENCE
        for child in live:
            assert child.popen is not None
            try:
                child.popen.wait(max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.process.title}没有及时停下，强行结束。")
        for child in group:
            if child.popen is not None:
                end_group(child.popen, signal.SIGKILL)
                child.last_exit = child.popen.wait()
                child.popen, child.healthy = None, False
            child.forget_probe()

    def write_state(self) -> None:
        data = {
            "supervisor": os.getpid(),
            "ready": self.ready,
            "stopping": self.stopping,
            "urls": dict(self.settings.urls),
            "processes": {name: child.row(self.settings) for name, child in self.children.items()},
        }
        if data != self._written:
            state.write(self.home, data)
            self._written = data
