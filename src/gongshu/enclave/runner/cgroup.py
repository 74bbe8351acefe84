"""A control group a job, where this user may make one: memory and number of processes, hard.

A group `gongshu` below our own (version 1) or beside it (version 2), so what limits us limits the job
too. A service user gets it by `mkdir` and `chown` at set-up; where there is none, rlimits, the tmpfs
size and the process namespace still hold.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path

from .limits import Limits

ROOT = Path("/sys/fs/cgroup")
_NAME = "gongshu"


def _write(path: Path, value: int | str) -> None:
    path.write_text(str(value))


class Cgroup:
    """One job's group; `add` processes, then `remove` kills what is left and takes the group away."""

    def __init__(self, directories: list[Path], version: int) -> None:
        self.directories = directories
        self.version = version

    def add(self, pid: int) -> bool:
        """Move a process into every part of the group; false if one refuses it."""
        try:
            for directory in self.directories:
                _write(directory / "cgroup.procs", pid)
        except OSError:
            return False
        return True

    def counts_processes(self) -> bool:
        return any((directory / "pids.max").exists() for directory in self.directories)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed something here for lack of memory."""
        for directory in self.directories:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    counts = dict(line.split() for line in (directory / name).read_text().splitlines())
                    if int(counts.get("oom_kill", 0)):
                        return True
        return False

    def remove(self) -> None:
        for directory in self.directories:
            with contextlib.suppress(OSError):
                _write(directory / "cgroup.kill", 1)
        for directory in self.directories:
            for _ in range(50):
                try:
                    directory.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)


def _own(controller: str) -> str:
    """The path of this process's own group: version 1 for a controller's name, version 2 for ""."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") if controller else not controllers:
            return path.lstrip("/")
    return ""


def _limits(limits: Limits) -> tuple[int, int]:
    return limits.memory + limits.scratch, limits.processes + limits.threads + 8


def _version_2(root: Path, name: str, limits: Limits, made: list[Path]) -> Cgroup | None:
    """Beside our own group: a group with processes in it may have no limited children (kernel rule)."""
    above = (root / _own("")).parent if _own("") else root
    parent = above / _NAME
    if not {"memory", "pids"} <= set((above / "cgroup.controllers").read_text().split()):
        return None
    if not parent.exists():
        parent.mkdir()
    with contextlib.suppress(OSError):
        _write(above / "cgroup.subtree_control", "+memory +pids")
    _write(parent / "cgroup.subtree_control", "+memory +pids")
    (parent / name).mkdir()
    made.append(parent / name)
    memory, pids = _limits(limits)
    _write(parent / name / "memory.max", memory)
    with contextlib.suppress(OSError):
        _write(parent / name / "memory.swap.max", 0)
    _write(parent / name / "pids.max", pids)
    return Cgroup(made, 2)


def _version_1(root: Path, name: str, limits: Limits, made: list[Path]) -> Cgroup | None:
    """Inside our own groups, so that what limits us limits the job as well."""
    memory, pids = _limits(limits)
    for controller, file, value in (("memory", "memory.limit_in_bytes", memory), ("pids", "pids.max", pids)):
        own = root / controller / _own(controller)
        if not (own / "cgroup.procs").exists():
            continue
        directory = own / _NAME / name
        directory.mkdir(parents=True)
        made.append(directory)
        _write(directory / file, value)
    return Cgroup(made, 1) if made else None


def create(limits: Limits, root: Path = ROOT) -> Cgroup | None:
    """A fresh group with the limits set, or None where this user may not or the kernel has none."""
    name = f"job-{os.getpid()}-{secrets.token_hex(4)}"
    made: list[Path] = []
    version = _version_2 if (root / "cgroup.controllers").exists() else _version_1
    try:
        return version(root, name, limits, made)
    except OSError:
        for directory in made:
            with contextlib.suppress(OSError):
                directory.rmdir()
        return None
