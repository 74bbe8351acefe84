"""Does something inside a service's home as that service's own user, in a process of its own.

Root never opens, writes or follows anything inside a folder a service user can rearrange: it starts this
module as the user, hands it JSON and reads JSON back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gongshu.host.errors import HostError
from gongshu.host.home import Home
from gongshu.wire.settings import DATABASES, HOME_VARIABLE, load

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(home: Home, service: str) -> dict[str, str]:
    """The whole environment of a service's process: its home, its own database's address."""
    made = {HOME_VARIABLE: str(home.path), "PATH": PATH, "LANG": "C.UTF-8"}
    made["HOME"] = str(home.path / service)
    for variable, owner in DATABASES.values():
        if owner == service and os.environ.get(variable):
            made[variable] = os.environ[variable]
    return made


def python(*words: str) -> list[str]:
    """A command line of the installed Python that looks for modules nowhere but in its environment."""
    return [sys.executable, "-P", "-s", *words]


def run(
    home: Home,
    service: str,
    command: list[str],
    *,
    give: bytes = b"",
    timeout: float = 300,
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command as the service's user to its end."""
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command,
        input=give,
        capture_output=True,
        check=False,
        cwd="/",
        timeout=timeout,
        umask=0o077,
        env=environment(home, service) | dict(extra or {}),
        **home.account(service).popen(),
    )
    return done


def call(home: Home, service: str, target: str, payload: Any = None) -> Any:
    """Calls `module:function(settings, payload)` as the service's user; its JSON answer."""
    given = json.dumps(payload).encode()
    done = run(home, service, python("-m", "gongshu.host.inside", target), give=given)
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise HostError("inside", f"以 {service} 的用户执行 {target} 失败：{''.join(last)}") from error
    if "error" in answer:
        raise HostError(answer["error"]["code"], answer["error"]["sentence"])
    return answer["result"]


def django(
    home: Home, service: str, settings: str, *words: str, timeout: float = 600
) -> subprocess.CompletedProcess[bytes]:
    """Runs a Django management command of the office or the airlock as its user."""
    command = python("-m", "django", *words, "--settings", settings)
    return run(home, service, command, timeout=timeout)


def main(target: str) -> int:
    payload = json.load(sys.stdin)
    module, function = target.split(":")
    try:
        answer = {"result": getattr(import_module(module), function)(load(), payload)}
    except Exception as error:  # noqa: BLE001 - every failure must travel back to the caller
        code = getattr(error, "code", "inside")
        sentence = getattr(error, "sentence", None) or f"{type(error).__name__}：{error}"
        answer = {"error": {"code": str(code), "sentence": str(sentence)}}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
