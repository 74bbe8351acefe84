"""The sandbox from inside: what a job can see, touch, start and use, as root and as a plain user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gongshu.enclave.runner import Job, Limits, Sandbox
from support import sandboxes
from support.sandboxes import ENVIRONMENT, ROOT, SMALL


def answer(body: str, tmp_path: Path, **more: object) -> object:
    result = sandboxes.run(body, tmp_path / "out", **more)  # type: ignore[arg-type]
    assert result.code == "done", (result.code, result.detail)
    return json.loads(result.files["answer.json"].read_text())


@pytest.mark.row("A16", "I14")
def test_sees_only_usr_environment_inputs_and_its_own_place(tmp_path: Path) -> None:
    secret = tmp_path / "master.secret"
    secret.write_text("key")
    told = tmp_path / "told.csv"
    told.write_text("a\n1\n")
    told.chmod(0o444)
    seen = answer(
        f"""
        send({{"root": sorted(os.listdir("/")), "in": os.listdir("/in"), "told": open("/in/told").read(),
              "home": attempt(lambda: open({str(secret)!r}).read()),
              "etc": attempt(lambda: os.listdir("/etc")), "proc": attempt(lambda: os.listdir("/proc")),
              "checkout": attempt(lambda: os.listdir({str(ROOT)!r}))}})
        """,
        tmp_path,
        inputs={"told": told},
    )
    assert isinstance(seen, dict)
    assert set(seen["root"]) <= {"bin", "lib", "lib64", "usr", "env", "in", "dev", "work", "job.py"}
    assert (seen["in"], seen["told"]) == (["told"], "a\n1\n")
    assert {seen[k] for k in ("home", "etc", "proc", "checkout")} == {"FileNotFoundError"}


def test_nothing_but_its_tmpfs_is_writable(tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.mkdir()
    (told / "part").write_text("1")
    (told / "part").chmod(0o444)
    places = ["/in/told/part", "/in/told/new", "/in/new", "/env/x", "/usr/x", "/x", "/job.py", "/dev/x"]
    seen = answer(
        f"""
        seen = {{p: attempt(lambda: open(p, "w").write("x")) for p in {places!r}}}
        seen["unlink"] = attempt(lambda: os.unlink("/in/told/part"))
        seen["work"] = attempt(lambda: open("/work/x", "w").write("x"))
        send(seen)
        """,
        tmp_path,
        inputs={"told": told},
    )
    assert isinstance(seen, dict)
    assert seen.pop("work") == "1"
    assert set(seen.values()) <= {"OSError", "PermissionError", "FileNotFoundError"}
    assert (told / "part").read_text() == "1"


def test_no_identity_no_capability_no_environment(tmp_path: Path) -> None:
    seen = answer(
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        data = (ctypes.c_uint32 * 6)()
        libc.capget(header, data)
        send({"uid": [os.getuid(), os.geteuid(), os.getgid()], "groups": os.getgroups(),
              "caps": list(data), "environment": sorted(os.environ), "newprivs": libc.prctl(39, 0, 0, 0, 0),
              "setuid": attempt(lambda: os.setuid(0)), "chown": attempt(lambda: os.chown("/work", 1, 1))})
        """,
        tmp_path,
    )
    assert isinstance(seen, dict)
    assert seen["uid"] == [65534] * 3
    assert set(seen["groups"]) <= {65534}
    assert seen["caps"] == [0] * 6
    assert seen["newprivs"] == 1
    assert not {
        k for k in seen["environment"] if k not in ("HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "TMPDIR", "TZ")
    }
    assert (seen["setuid"], seen["chown"]) == ("PermissionError", "PermissionError")


@pytest.mark.row("A16", "I14")
def test_no_network_and_no_other_way_out(tmp_path: Path) -> None:
    seen = answer(
        """
        import ctypes, socket
        libc = ctypes.CDLL(None, use_errno=True)
        def call(*arguments):
            return lambda: (ctypes.set_errno(0), libc.syscall(*arguments), ctypes.get_errno())[2]
        send({"socket": attempt(lambda: socket.create_connection(("127.0.0.1", 22), 1)),
              "unix": attempt(lambda: socket.socket(socket.AF_UNIX)),
              "unshare": call(272, 0x10000000)(), "ptrace": call(101, 0, 0, 0, 0)(),
              "bpf": call(321, 0, 0, 0)(), "mount": call(165, 0, 0, 0, 0, 0)(),
              "clone": call(56, 0x10000000 | 17, 0, 0, 0, 0)(), "io_uring": call(425, 1, 0)()})
        """,
        tmp_path,
    )
    assert seen == {
        "socket": "PermissionError",
        "unix": "PermissionError",
        **dict.fromkeys(("unshare", "ptrace", "bpf", "mount", "clone", "io_uring"), 1),
    }


def test_other_processes_cannot_be_seen_or_signalled(tmp_path: Path) -> None:
    ours = os.getpid()
    body = (
        f"send([os.getpid() < 10, attempt(lambda: os.kill({ours}, 0)), attempt(lambda: os.listdir('/proc'))])"
    )
    seen = answer(body, tmp_path)
    assert seen == [True, "ProcessLookupError", "FileNotFoundError"]


def test_a_fork_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    seen = answer(
        """
        import time
        born = 0
        try:
            while born < 2000:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                born += 1
        except OSError:
            pass
        send(born)
        """,
        tmp_path,
    )
    assert isinstance(seen, int)
    assert seen <= SMALL.processes + SMALL.threads + 8


def test_a_sealed_program_starts_nothing(tmp_path: Path) -> None:
    seen = answer(
        """
        import base64, ctypes, threading
        code = base64.b64decode(told["seal"])
        class Program(ctypes.Structure):
            _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
        buffer = ctypes.create_string_buffer(code, len(code))
        program = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
        assert ctypes.CDLL(None).prctl(22, 2, ctypes.byref(program), 0, 0) == 0
        thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
        send([attempt(os.fork), attempt(lambda: os.execv("/usr/bin/true", ["true"]))])
        """,
        tmp_path,
    )
    assert seen == ["PermissionError", "PermissionError"]


@pytest.mark.parametrize("use_cgroup", [True, False])
def test_memory_is_limited(tmp_path: Path, use_cgroup: bool) -> None:
    body = "x = [bytearray(1 << 20) for _ in range(2000)]\nsend(1)"
    result = sandboxes.run(body, tmp_path, sandbox=Sandbox(ENVIRONMENT, use_cgroup=use_cgroup))
    assert result.code in ("limit", "failed")
    assert result.files == {}


def test_scratch_is_limited(tmp_path: Path) -> None:
    body = "send(attempt(lambda: [open(f'/work/{n}', 'wb').write(bytes(1 << 20)) for n in range(200)]))"
    assert answer(body, tmp_path) == "OSError"


@pytest.mark.parametrize(
    "body",
    [
        "sys.stdout.write(json.dumps({'code': 'done', 'files': [{'name': 'a', 'size': 1 << 21}]}) + '\\n')",
        "sys.stdout.write(json.dumps({'code': 'done', 'files': [{'name': 'a', 'size': 3}]}) + '\\nxxxx')",
        "sys.stdout.write('x' * (1 << 22))",
        "sys.stdout.write(json.dumps({'code': 'done', 'files': [{'name': '../a', 'size': 3}]}) + '\\nabc')",
    ],
)
def test_output_is_limited_to_what_was_announced(tmp_path: Path, body: str) -> None:
    result = sandboxes.run(body, tmp_path / "out")
    assert result.code == "too_large"
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "a").exists()


def test_half_an_output_is_none(tmp_path: Path) -> None:
    body = "sys.stdout.write(json.dumps({'code': 'done', 'files': [{'name': 'a', 'size': 30}]}) + '\\nabc')"
    assert sandboxes.run(body, tmp_path).code == "failed"
    assert list(tmp_path.iterdir()) == []


def _living(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if mark in text and f"/{os.getpid()}" not in str(process):
            found.append(text)
    return found


def test_timeout_kills_the_whole_tree(tmp_path: Path) -> None:
    body = """
    import time
    os.fork(); os.fork()
    os.execv("/usr/bin/sleep", ["sleep", "61.0625"])
    """
    started = time.monotonic()
    result = sandboxes.run(body, tmp_path, limits=Limits(seconds=1, memory=256 << 20))
    assert result.code == "timeout"
    assert time.monotonic() - started < 3
    time.sleep(0.2)
    assert _living("61.0625") == []


def test_cancel_ends_a_job_within_a_second(tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    started = time.monotonic()
    result = Sandbox(ENVIRONMENT).run(Job(b"import time; time.sleep(60)", {}), tmp_path, SMALL, cancel)
    assert (result.code, time.monotonic() - started < 1.5) == ("cancelled", True)


def test_a_job_dies_with_the_enclave(tmp_path: Path) -> None:
    program = "import os; os.execv('/usr/bin/sleep', ['sleep', '62.0625'])"
    starter = (
        "import sys; from pathlib import Path; from gongshu.enclave.runner import *\n"
        f"Sandbox(Path({str(ENVIRONMENT)!r})).run(Job({program.encode()!r}, {{}}), Path({str(tmp_path)!r}))"
    )
    enclave = subprocess.Popen([sys.executable, "-c", starter])
    deadline = time.monotonic() + 10
    while not _living("sleep\x0062.0625") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _living("62.0625")
    enclave.kill()
    enclave.wait()
    time.sleep(0.3)
    assert _living("62.0625") == []


@pytest.mark.row("A16")
def test_without_bubblewrap_or_environment_nothing_runs(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for sandbox in (Sandbox(ENVIRONMENT, bwrap="no-such-bwrap"), Sandbox(tmp_path / "none")):
        result = sandbox.run(Job(f"open({str(mark)!r}, 'w')".encode(), {}), tmp_path, SMALL)
        assert result.code == "no_sandbox"
        assert "apt install" in result.sentence
    assert not mark.exists()


def test_a_kernel_that_allows_no_sandbox_runs_nothing(tmp_path: Path) -> None:
    """As where user namespaces are switched off: bubblewrap is there and fails."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    result = Sandbox(ENVIRONMENT, bwrap=str(fake)).run(Job(b"", {}), tmp_path / "out", SMALL)
    assert result.code == "no_sandbox"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="要先是 root 才能换成普通用户")
def test_an_unprivileged_service_user_can_run_jobs(tmp_path: Path) -> None:
    """Separated mode: the enclave is `gongshu-domain`, which owns nothing and has no capability."""
    script = f"""
import json, sys, tempfile
from pathlib import Path
sys.path.insert(0, {str(ROOT / "tests")!r})
from support import sandboxes
out = Path(tempfile.mkdtemp())
body = "send([os.getuid(), attempt(lambda: os.listdir('/etc')), attempt(lambda: os.kill(1, 0))])"
result = sandboxes.run(body, out)
print(result.code, result.detail, result.ok and result.files["answer.json"].read_text())
"""
    done = subprocess.run(
        [str(ROOT / ".venv/bin/python"), "-B", "-c", script],
        user=61234,
        group=61234,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("done"), done.stdout + done.stderr


def test_a_job_costs_little(tmp_path: Path) -> None:
    spent = []
    for n in range(5):
        started = time.monotonic()
        assert answer("send(1)", tmp_path / str(n)) == 1
        spent.append(time.monotonic() - started)
    assert min(spent) < 0.3
