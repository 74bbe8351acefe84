# A stand-alone program, run by the sandbox's interpreter; it imports nothing of gongshu.
# ruff: noqa: PTH103, PTH118, PTH123, PTH202, T201, BLE001, S102
"""The frame of a developer's program, run inside the sandbox by the pinned environment's interpreter.

The program finds `inputs` (table → directory of Parquet parts, read-only) and `outputs` (declared file name →
path to write). Its standard output and its traceback become this job's log, which stays in the data domain;
the pipe to the enclave is out of its sight before its first line runs.
"""

from __future__ import annotations

import binascii
import ctypes
import json
import os
import resource
import stat
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OUT = "/work/out"
# Where libraries look for the number of threads; without them each would take every core.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")


def _limit(limits: dict[str, Any]) -> None:
    seconds = int(limits["seconds"] * limits["threads"]) + 5
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_NPROC, int(limits["processes"])),
        (resource.RLIMIT_FSIZE, int(limits["scratch"])),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, int(limits["memory"])),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (value, value))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _seal(encoded: str) -> None:
    code = binascii.a2b_base64(encoded)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _send(pipe: int, report: dict[str, Any], names: list[str]) -> None:
    sizes = {name: os.path.getsize(os.path.join(OUT, name)) for name in names}
    report["files"] = [{"name": name, "size": size} for name, size in sizes.items()]
    with os.fdopen(pipe, "wb") as out:
        out.write(json.dumps(report).encode() + b"\n")
        for name in names:
            with open(os.path.join(OUT, name), "rb") as file:
                while piece := file.read(1 << 20):
                    out.write(piece)


def _missing(names: list[str]) -> list[str]:
    """Declared files that are not there as plain files."""
    lost = []
    for name in names:
        try:
            plain = stat.S_ISREG(os.lstat(os.path.join(OUT, name)).st_mode)
        except OSError:
            plain = False
        if not plain:
            lost.append(name)
    return lost


def _run(spec: dict[str, Any]) -> str:
    """Run the program; the code by which it ended."""
    names = spec["outputs"]
    space = {
        "__name__": "__main__",
        "inputs": {table: "/in/" + name for table, name in spec["tables"].items()},
        "outputs": {name: os.path.join(OUT, name) for name in names},
    }
    try:
        exec(compile(spec["source"], "program.py", "exec"), space)
    except MemoryError:
        traceback.print_exc()
        return "limit"
    except SystemExit as error:
        if error.code not in (None, 0):
            print("SystemExit:", error.code, file=sys.stderr)
            return "failed"
    except OSError as error:
        traceback.print_exc()
        return "too_large" if error.errno in (27, 28) else "failed"  # EFBIG, ENOSPC
    except BaseException:
        traceback.print_exc()
        return "failed"
    lost = _missing(names)
    if lost:
        print("declared but not written:", ", ".join(lost), file=sys.stderr)
        return "failed"
    return "done"


def main() -> int:
    told = json.load(sys.stdin)
    spec, limits = told["spec"], told["limits"]
    pipe = os.dup(1)
    os.dup2(2, 1)  # from here on what is printed is the log
    os.set_inheritable(pipe, False)
    _limit(limits)
    os.makedirs(OUT, mode=0o700)
    for name in THREADS:
        os.environ[name] = str(int(limits["threads"]))
    os.environ["LOKY_MAX_CPU_COUNT"] = str(int(limits["threads"]))
    if told["seal"]:
        _seal(told["seal"])
    code = _run(spec)
    sys.stdout.flush()
    _send(pipe, {"code": code}, spec["outputs"] if code == "done" else [])
    return 0 if code == "done" else 1


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # threads of libraries need no farewell
    os._exit(status)
