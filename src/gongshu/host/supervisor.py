"""Runs the table of processes: starts each in order, restarts each alone, stops all cleanly.

One thread, one loop. A process ends with its supervisor (the kernel tells it), so a killed supervisor
leaves nothing behind that a later one would meet.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gongshu.host import inside, state
from gongshu.host.clusters import Cluster
from gongshu.host.home import Home
from gongshu.host.processes import CLUSTER_OF, Process
from gongshu.wire.settings import Settings

# Seconds before the next start after one, two, three… quick ends.
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A process that lived this long is not a quick end.
STEADY = 20.0
TICK = 0.1
# Seconds a process gets to end cleanly.
PATIENCE = 10.0
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


def _prepare(log: str | None, death: int) -> Callable[[], None]:
    """What the child does after it became its user and before it becomes its program: it opens its own
    log (root never opens a file in a service's folder) and asks to end with its supervisor."""
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

    return prepare


def launch(home: Home, process: Process, settings: Settings, *, log: bool = True) -> subprocess.Popen[bytes]:
    """Starts one process as its user, in a session of its own, its words in `<home>/<service>/output`
    (or, without `log`, where this process writes)."""
    path = str(home.path / process.service / "output" / f"{process.name}.log") if log else None
    started: subprocess.Popen[bytes] = subprocess.Popen(
        process.command(home, settings),
        cwd="/",
        stdin=subprocess.DEVNULL,
        umask=0o077,
        start_new_session=True,
        env=inside.environment(home, process.service),
        preexec_fn=_prepare(path, getattr(signal, process.calm)),  # noqa: PLW1509 - single-threaded
        **home.account(process.service).popen(),
    )
    return started


def answers(host: str, port: int) -> bool:
    """True when something speaks HTTP there; any status is an answer."""
    line = http.client.HTTPConnection(host, port, timeout=2)
    try:
        line.request("GET", "/healthz")
        line.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
    return True


def is_healthy(home: Home, child: Child, settings: Settings, now: float) -> bool:
    if child.process.name in CLUSTER_OF:
        return Cluster(home, CLUSTER_OF[child.process.name]).ready()
    if child.process.door is not None:
        return answers(settings.host, settings.ports[child.process.door])
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
    in `held` is not started yet."""

    home: Home
    settings: Settings
    processes: Sequence[Process]
    say: Callable[[str], None]
    children: dict[str, Child] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    stopping: bool = False
    _written: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.children = {process.name: Child(process) for process in self.processes}

    def stop(self, *_: object) -> None:
        """Asks the loop to end (a signal handler)."""
        self.stopping = True

    def step(self) -> None:
        """Once around: notices ends, starts what may start, asks after health, writes the state."""
        now = time.monotonic()
        for child in self.children.values():
            self._notice_end(child, now)
        for child in self.children.values():
            if child.popen is None and now >= child.next_start and self._may_start(child):
                self._start(child, now)
            elif child.popen is not None and not child.healthy:
                child.healthy = is_healthy(self.home, child, self.settings, now)
        self.write_state()

    def _may_start(self, child: Child) -> bool:
        if child.process.name in self.held:
            return False
        waits = [self.children[name] for name in child.process.after if name in self.children]
        return all(one.popen is not None and one.healthy for one in waits)

    def _start(self, child: Child, now: float) -> None:
        try:
            child.popen = launch(self.home, child.process, self.settings)
        except (OSError, subprocess.SubprocessError):
            # Its program or its log cannot be opened: as good as a quick end, the others go on.
            self._rest(child, now, quick=True)
            self.say(f"{child.process.title}（{child.process.name}）启动不了，请运行 gongshu doctor。")
            return
        child.started, child.healthy = now, False

    def _rest(self, child: Child, now: float, *, quick: bool) -> float:
        """Puts a process to rest until its next start; the seconds until then."""
        child.quick = child.quick + 1 if quick else 0
        pause = PAUSES[min(child.quick, len(PAUSES) - 1)]
        child.popen, child.healthy, child.restarts = None, False, child.restarts + 1
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
