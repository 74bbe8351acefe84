"""A door: the listening socket of a process, and how a site is served behind it.

The supervisor holds every door for its whole life and hands each process its own, in the way of systemd's
socket units (`LISTEN_FDS=1`, descriptor 3), so that a restart never leaves the address to somebody else.
A process that is given none binds its own.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gongshu.wire.errors import WireError
from gongshu.wire.settings import Settings

COUNT, OWNER = "LISTEN_FDS", "LISTEN_PID"
# The first descriptor handed over (sd_listen_fds(3)).
DESCRIPTOR = 3
# Callers that may wait while a process restarts.
BACKLOG = 1024
# Folder of a service's home for bodies on their way in; no backup carries it.
SPOOL = "uploads"
_CONNECTIONS = 500
_CHUNK = 64 * 1024
_BELIEVED = {"x-forwarded-for"}


def bind(host: str, port: int) -> socket.socket:
    """A listening IPv4 socket. `OSError` when the address is taken.

    Listening from the start: until then SO_REUSEADDR (needed because of earlier connections in TIME_WAIT)
    would let another user bind the same port.
    """
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen(BACKLOG)
    except (OSError, OverflowError):
        door.close()
        raise
    return door


def inherited() -> socket.socket | None:
    """The listening socket this process was given, once; None when it was given none.

    `LISTEN_PID` may be missing (our supervisor cannot know it before it starts the process) but must not be
    another's. The variables are taken away so that no child believes it was given something too.
    """
    count, owner = os.environ.pop(COUNT, ""), os.environ.pop(OWNER, "")
    if not count or (owner and owner != str(os.getpid())):
        return None
    try:
        given = socket.socket(fileno=DESCRIPTOR)
        listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listens = 0
    if count != "1" or not listens:
        raise WireError("door", "交给进程的监听套接字不可用，应恰好是一个正在监听的套接字（LISTEN_FDS=1）。")
    given.set_inheritable(False)
    return given


def listener(site: Settings, door: str) -> socket.socket:
    """The socket behind which the process of `door` answers: the one it was given, else its own."""
    given = inherited()
    if given is not None:
        return given
    port = site.ports[door]
    try:
        return bind(site.host, port)
    except OSError as error:
        raise WireError("door", f"{site.host} 的端口 {port} 已被别的程序占用，进程不启动。") from error


def make_spool(folder: Path) -> None:
    """An empty private folder that takes what comes in until it is read; never the machine's own `/tmp`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def server(
    application: Any,
    door: socket.socket,
    *,
    threads: int,
    largest: int,
    scheme: str = "http",
    proxy: str = "",
) -> Any:
    """A waitress server for a WSGI application. `largest`: bytes of a request's body, kept on disk while it
    comes in; `scheme`: what callers typed, when TLS ends in front of the process; `proxy`: the one address
    that is believed when it says, last in X-Forwarded-For, from where a request came ("": nobody is).
    """
    import waitress

    # A queue is no news: what waits too long shows in the callers' and the supervisor's own patience.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return waitress.create_server(
        application,
        sockets=[door],
        threads=threads,
        max_request_body_size=largest,
        url_scheme=scheme,
        backlog=BACKLOG,
        connection_limit=_CONNECTIONS,
        recv_bytes=_CHUNK,
        # select() knows no descriptor above 1023.
        asyncore_use_poll=True,
        ident="gongshu",
        # Host and scheme are never the proxy's to say: they come from the request and the configuration.
        **({"trusted_proxy": proxy, "trusted_proxy_headers": _BELIEVED} if proxy else {}),
    )


def serve(site: Settings, door: str, application: Callable[..., Any], *, threads: int, largest: int) -> int:
    """Serves a site until SIGTERM or SIGINT, running requests given a few seconds to end; exit status 0."""
    made = server(
        application,
        listener(site, door),
        threads=threads,
        largest=largest,
        scheme=site.scheme(door),
        proxy=site.proxies.get(door, ""),
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit(0))
    made.run()
    return 0
