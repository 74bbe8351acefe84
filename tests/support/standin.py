"""`gongshu up` with small stand-ins for the sites, so that the supervisor is tested without them.

`standin.py up …` runs the command; the databases are the real ones. `standin.py serve PORT` is a site that
says who it runs as, behind the door it was handed; `standin.py wait` is a process without a door; `standin.py fail` ends at once.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import threading


def serve(port: int) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            answer = {"uid": os.getuid(), "groups": os.getgroups(), "environment": dict(os.environ)}
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    from gongshu.wire import doors

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = doors.inherited() or doors.bind("127.0.0.1", port)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


def up(argv: list[str]) -> int:
    from dataclasses import replace
    from functools import partial

    from gongshu.cli.commands import host
    from gongshu.cli.main import main
    from gongshu.host import setup
    from gongshu.host.inside import python

    def stand_in(process: host.Process) -> host.Process:
        if process.name.endswith("-database"):
            return process
        if process.door is None:
            return replace(process, target="json", command=lambda _h, _s: python(__file__, "wait"))
        door = process.door
        return replace(
            process, target="json", command=lambda _h, s: python(__file__, "serve", str(s.ports[door]))
        )

    if patience := os.environ.get("STANDIN_SILENCE"):
        host.Supervisor = partial(host.Supervisor, silence=float(patience))
    host.PROCESSES = tuple(stand_in(process) for process in host.PROCESSES)
    host.PROGRAM = (__file__,)
    setup.migrate = lambda *_args, **_more: []
    return main(argv)


if __name__ == "__main__":
    word, *rest = sys.argv[1:]
    if word == "serve":
        serve(int(rest[0]))
    elif word == "wait":
        signal.sigwait({signal.SIGTERM})
    else:
        sys.exit(up([word, *rest]))
