"""Asks a door for `/healthz` without waiting for the answer: the supervisor's loop goes on meanwhile."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from gongshu.wire.settings import Settings

_TICKS = os.sysconf("SC_CLK_TCK")


class Probe:
    """One question. `look` again and again: True when something speaks HTTP there (any status is an
    answer), False when the connection failed, None while nothing came."""

    def __init__(self, settings: Settings, port: int, now: float) -> None:
        self.began = now
        # A name the sites answer to: a refused name would fill their logs.
        name = settings.hosts[0].lstrip(".") if settings.hosts else settings.host
        self._unsent = f"GET /healthz HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode()
        self._line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._line.setblocking(False)
        self._failed = False
        try:
            self._line.connect((settings.host, port))
        except BlockingIOError:
            pass
        except OSError:
            self._failed = True

    def look(self) -> bool | None:
        if self._failed:
            return False
        try:
            if self._unsent:
                self._unsent = self._unsent[self._line.send(self._unsent) :]
            return self._line.recv(16).startswith(b"HTTP/")
        except BlockingIOError:
            return None
        except OSError:
            return False

    def close(self) -> None:
        self._line.close()


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used so far, of all its threads; 0 when it is gone."""
    try:
        # After the name in brackets, which may hold anything: state is field 3, utime 14, stime 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    except (OSError, ValueError, IndexError):
        return 0.0
