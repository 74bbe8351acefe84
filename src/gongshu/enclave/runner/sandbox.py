"""A fresh bubblewrap sandbox a job: no network, no capabilities, uid 65534, read-only inputs.

What the job sees: `/usr`, the pinned environment as `/env`, its inputs below `/in`, its program, and one
writable tmpfs `/work`. No `/proc`, no `/etc`, no home, no key. Its output comes back through a pipe, is
counted on the way and written by this side; nothing of the host is writable from inside.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import selectors
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from . import cgroup as cgroups
from . import seccomp
from .limits import Job, Limits, Result

NOBODY = 65534
_HEADER_LIMIT = 1 << 20
_DETAIL = 8192
_PIECE = 1 << 20
_MANY = 30_000


class NoSandbox(RuntimeError):
    """The sandbox cannot be built here. `args[0]` says in Chinese what to install."""


@dataclass(frozen=True)
class Sandbox:
    """The sandbox of one environment. `use_cgroup=False` is for tests of the other limits."""

    environment: Path
    bwrap: str = "bwrap"
    use_cgroup: bool = True

    def check(self) -> None:
        """Raise NoSandbox unless a job could run here now."""
        if shutil.which(self.bwrap) is None:
            raise NoSandbox("没有找到 bubblewrap，请执行 apt install bubblewrap。")
        if not (self.environment / "bin" / "python").exists():
            raise NoSandbox("没有找到固定的引擎环境，请执行 make setup 重新安装 .engines。")
        try:
            seccomp.outer()
            seccomp.seal()
        except seccomp.SeccompMissing as error:
            raise NoSandbox(str(error)) from error

    def run(
        self, job: Job, output: Path, limits: Limits | None = None, cancel: threading.Event | None = None
    ) -> Result:
        """Run the job to its end and put its files into the directory `output`. Never raises for what
        the job does; every end is a code of `limits.CODES`."""
        try:
            self.check()
        except NoSandbox as error:
            return Result("no_sandbox", detail=str(error))
        return _Run(self, job, output, limits or Limits(), cancel or threading.Event()).go()

    def command(self, job: Job, limits: Limits, fds: dict[str, int]) -> list[str]:
        """The bwrap command line; `fds` are open descriptors it inherits."""
        return [
            self.bwrap,
            *_namespaces(),
            *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "job"),
            *("--setenv", "PATH", "/env/bin:/usr/bin", "--setenv", "LANG", "C.UTF-8"),
            *("--setenv", "HOME", "/work", "--setenv", "TMPDIR", "/work", "--setenv", "TZ", "Asia/Shanghai"),
            *("--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/bin", "/bin"),
            *(("--symlink", "usr/lib64", "/lib64") if Path("/usr/lib64").exists() else ()),
            *("--dev", "/dev", "--remount-ro", "/dev"),
            *("--ro-bind", str(self.environment.resolve()), "/env"),
            *("--perms", "0755", "--dir", "/in"),
            *_inputs(job),
            *("--perms", "0444", "--ro-bind-data", str(fds["program"]), "/job.py"),
            *("--perms", "1777", "--size", str(limits.scratch), "--tmpfs", "/work"),
            *("--remount-ro", "/", "--chdir", "/work"),
            *("--seccomp", str(fds["seccomp"])),
            *(("--info-fd", str(fds["info"]), "--block-fd", str(fds["block"])) if "info" in fds else ()),
            *_privileges(),
            *("/env/bin/python", "-I", "-B", *(("-S",) if job.bare else ()), "/job.py"),
        ]


def _namespaces() -> Sequence[str]:
    """As root the job keeps no user namespace but changes to uid 65534 for real (see `_privileges`)."""
    if os.geteuid() == 0:
        return ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    return ("--unshare-all", "--uid", str(NOBODY), "--gid", str(NOBODY))


def _privileges() -> Sequence[str]:
    """No capability survives. Root gives its user id away inside, past every mount."""
    if os.geteuid() != 0:
        return ("--cap-drop", "ALL", "--")
    return (
        *(
            "--cap-drop",
            "ALL",
            "--cap-add",
            "CAP_SETUID",
            "--cap-add",
            "CAP_SETGID",
            "--cap-add",
            "CAP_SETPCAP",
        ),
        *("--", "/usr/bin/setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
    )


def _inputs(job: Job) -> Iterator[str]:
    for name, path in sorted(job.inputs.items()):
        if not name or "/" in name or name in (".", ".."):
            raise ValueError("输入名只能是一个简单的文件名。")
        yield from ("--ro-bind", str(path.resolve(strict=True)), f"/in/{name}")


@dataclass
class _Run:
    """One run: descriptors, the process, the clock, and the bytes that come back."""

    sandbox: Sandbox
    job: Job
    output: Path
    limits: Limits
    cancel: threading.Event
    group: cgroups.Cgroup | None = None
    detail: bytearray = field(default_factory=bytearray)

    def go(self) -> Result:
        started = time.monotonic()
        self.group = cgroups.create(self.limits) if self.sandbox.use_cgroup else None
        try:
            result = self._go(started + self.limits.seconds)
        finally:
            if self.group:
                self.group.remove()
        return Result(
            result.code,
            result.files,
            result.report,
            self.detail.decode("utf-8", "replace"),
            time.monotonic() - started,
        )

    def _go(self, deadline: float) -> Result:
        with contextlib.ExitStack() as stack:
            fds = {
                "program": _data(stack, self.job.program),
                "seccomp": _data(stack, seccomp.outer()),
            }
            info = block = None
            if self.group:
                info, fds["info"] = os.pipe()
                fds["block"], block = os.pipe()
                stack.callback(os.close, info)
            process = subprocess.Popen(
                self.sandbox.command(self.job, self.limits, fds),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(fds.values()),
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
                cwd="/",
            )
            stack.callback(_kill, process)
            if info is not None and block is not None:
                os.close(fds["info"])
                os.close(fds["block"])
                self._into_group(process.pid, info, block)
            return self._converse(process, deadline)

    def _into_group(self, pid: int, info: int, block: int) -> None:
        """Put bwrap and its child into the group before the program starts. Where that fails the group is
        given up, and the job's own limits hold as they do where there are no groups."""
        try:
            child = _child(info)
            if self.group and not (child and self.group.add(child) and self.group.add(pid)):
                self.group.remove()
                self.group = None
            with contextlib.suppress(OSError):
                os.write(block, b"1")
        finally:
            os.close(block)

    def _converse(self, process: subprocess.Popen[bytes], deadline: float) -> Result:
        assert process.stdin and process.stdout and process.stderr
        _feed(process.stdin, json.dumps(self._spec()).encode())
        taker = _Taker(self.output, self.limits.output)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, taker.take)
            selector.register(process.stderr, selectors.EVENT_READ, self._note)
            while selector.get_map():
                if self.cancel.is_set():
                    return taker.drop("cancelled")
                left = deadline - time.monotonic()
                if left <= 0:
                    return taker.drop("timeout")
                for key, _ in selector.select(min(left, 0.05 if self.cancel else left)):
                    piece = os.read(key.fd, _PIECE)
                    if not piece:
                        selector.unregister(key.fileobj)
                    elif not key.data(piece):
                        return taker.drop("too_large")
        status = _wait(process, max(0.1, deadline - time.monotonic()))
        return self._end(status, taker)

    def _spec(self) -> dict[str, object]:
        limits = self.limits
        return {
            "spec": self.job.spec,
            "seal": base64.b64encode(seccomp.seal()).decode() if self.job.sealed else None,
            "limits": {
                "memory": limits.memory,
                "seconds": limits.seconds,
                "scratch": limits.scratch,
                "processes": self._processes(),
                "threads": limits.threads,
            },
        }

    def _processes(self) -> int:
        """The rlimit counts a user's processes in all sandboxes together where there is no user namespace
        (root), so it gives way there to the group's own count."""
        if os.geteuid() == 0 and self.group and self.group.counts_processes():
            return _MANY
        return self.limits.processes

    def _note(self, piece: bytes) -> bool:
        self.detail += piece
        del self.detail[:-_DETAIL]
        return True

    def _end(self, status: int | None, taker: _Taker) -> Result:
        if status is None:
            return taker.drop("timeout")
        if status == 0 and taker.complete():
            return Result("done", taker.files, taker.report)
        if not taker.started and self.detail.startswith(b"bwrap: "):
            return taker.drop("no_sandbox")  # it could not be built: no user namespaces, no mounts
        if self.group and self.group.ran_out_of_memory():
            return taker.drop("limit")
        told = taker.report.get("code")
        if told in ("limit", "too_large", "failed"):
            return taker.drop(str(told))
        # 128 + SIGKILL or SIGXCPU: the kernel ended it for what it used
        return taker.drop("limit" if status in (137, 152, -9, -24) else "failed")


class _Taker:
    """Takes the job's stream: one line of JSON (`files`: name and size, in order), then the bytes."""

    def __init__(self, directory: Path, limit: int) -> None:
        self.directory = directory
        self.limit = limit
        self.report: dict[str, object] = {}
        self.files: dict[str, Path] = {}
        self._head = bytearray()
        self._due: list[tuple[str, int]] = []
        self._file: IO[bytes] | None = None
        self._left = 0
        self.started = False

    def take(self, piece: bytes) -> bool:
        """False when the job sends more than it may or not what it announced."""
        if not self.started:
            self._head += piece
            line, newline, piece = bytes(self._head).partition(b"\n")
            if not newline:
                return len(self._head) <= _HEADER_LIMIT
            if not self._announce(line):
                return False
        return self._bytes(piece)

    def _announce(self, line: bytes) -> bool:
        try:
            self.report = dict(json.loads(line))
            self._due = [(str(f["name"]), int(f["size"])) for f in self.report.get("files", [])]  # type: ignore[attr-defined]
        except (ValueError, TypeError, KeyError):
            self.report = {"code": "failed"}
            return False
        plain = all(n and "/" not in n and not n.startswith(".") and s >= 0 for n, s in self._due)
        self.started = True
        return plain and len(self._due) <= 64 and sum(s for _, s in self._due) <= self.limit

    def _bytes(self, piece: bytes) -> bool:
        view = memoryview(piece)
        while True:
            if self._file is None:
                if not self._due:
                    return len(view) == 0
                name, self._left = self._due.pop(0)
                self.files[name] = self.directory / name
                self._file = self.files[name].open("xb")
            part = view[: self._left]
            self._file.write(part)
            self._left -= len(part)
            view = view[len(part) :]
            if self._left:
                return True
            self._file.close()
            self._file = None

    def complete(self) -> bool:
        return self.started and not self._due and self._file is None and self.report.get("code") == "done"

    def drop(self, code: str) -> Result:
        """Nothing half-taken stays behind."""
        if self._file:
            self._file.close()
        for path in self.files.values():
            path.unlink(missing_ok=True)
        return Result(code, {}, self.report)


def _child(info: int) -> int | None:
    """The process id bwrap tells; it writes its report in pieces."""
    told = b""
    while piece := os.read(info, 4096):
        told += piece
        found = re.search(rb'"child-pid":\s*(\d+)\s*[,}]', told)
        if found:
            return int(found[1])
    return None


def _data(stack: contextlib.ExitStack, data: bytes) -> int:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.write(data)
    file.flush()
    file.seek(0, io.SEEK_SET)
    return file.fileno()


def _feed(stdin: IO[bytes], data: bytes) -> None:
    """From a thread: a job that does not read must not hang us."""

    def write() -> None:
        with contextlib.suppress(OSError, ValueError):
            stdin.write(data)
            stdin.close()

    threading.Thread(target=write, daemon=True).start()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends bwrap; its process namespace, and with it every descendant, dies with it."""
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
