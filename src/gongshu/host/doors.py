"""The doors of this machine's processes, bound by the supervisor once and kept for its whole life.

While a process restarts its callers wait in the socket's queue, and no other user of the machine can stand
where the process stood (a taken-over office would otherwise be shown the airlock's passwords and votes).
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from gongshu.host import ports
from gongshu.host.errors import HostError
from gongshu.wire import doors
from gongshu.wire.settings import Settings

# What a machine without IPv6 says.
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


def _guard(port: int) -> socket.socket | None:
    """Holds the same port of IPv6 without listening, so that nobody answers there who looks up `localhost`
    and tries `::1` first: such a caller is refused and goes on to IPv4. None where there is no IPv6."""
    try:
        held = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    except OSError as error:
        if error.errno in _NO_IPV6:
            return None
        raise
    try:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind(("::", port))
    except OSError as error:
        held.close()
        if error.errno in _NO_IPV6:
            return None
        raise
    return held


def reserve_descriptor() -> None:
    """Occupies the descriptor at which a child finds its door. In the child the door is laid over it; were
    it free here, `subprocess` might use it for its own pipe to the child."""
    try:
        os.fstat(doors.DESCRIPTOR)
    except OSError:
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        if null != doors.DESCRIPTOR:
            fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, doors.DESCRIPTOR)
            os.close(null)


@contextmanager
def held(settings: Settings, names: Sequence[str]) -> Iterator[Mapping[str, socket.socket]]:
    """The listening sockets of the named doors, closed at the end. `HostError("port")` names one that is
    taken (somebody was quicker than this start)."""
    with ExitStack() as stack:
        made = {}
        for name in names:
            port = settings.ports[name]
            try:
                made[name] = stack.enter_context(doors.bind(settings.host, port))
                if guard := _guard(port):
                    stack.enter_context(guard)
            except OSError as error:
                raise HostError("port", f"{ports.name_taken([name], settings.ports)}，没有启动。") from error
        yield made
