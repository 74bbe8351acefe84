"""A process that writes a log or a journal until it is killed, saying aloud what was acknowledged.

`python log_writer.py log|journal DIRECTORY KEYS SIZE`: one line `number` on standard output after each
acknowledgement; goes on from where the directory stands.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gongshu.crypto.keystore import FileKeyStore
from gongshu.evidence.journal import FileJournal
from gongshu.evidence.log import Log
from support.logs import NOW, ORIGIN, one


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def write_log(directory: str, keys: str, size: int) -> None:
    store = FileKeyStore(keys)
    log = Log(directory, ORIGIN, {name: store.signer(name) for name in store.names()})
    say(log.size)
    while True:
        first = log.last("office") + 1
        log.append([one("office", seq) for seq in range(first, first + size)], NOW)
        say(log.size)


def write_journal(directory: str, _: str, size: int) -> None:
    journal = FileJournal(directory, segment=20_000)
    say(journal.durable)
    while True:
        for _ in range(size):
            journal.put({"i": journal.last + 1})
        say(journal.flush())


if __name__ == "__main__":
    {"log": write_log, "journal": write_journal}[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
