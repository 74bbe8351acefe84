"""The file journal: numbers and chain without a hole, what was acknowledged is there."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest

from gongshu.crypto import canonical
from gongshu.evidence import journal as journals
from gongshu.evidence.journal import FileJournal, JournalError


def test_numbers_and_chain(tmp_path):
    with FileJournal(tmp_path) as journal:
        assert (journal.last, journal.durable, journal.first) == (0, 0, 1)
        assert [journal.put({"i": i}) for i in range(5)] == [1, 2, 3, 4, 5]
        assert journal.durable == 0 and journal.read() == []
        assert journal.flush() == 5 == journal.durable
        assert journal.append(canonical.dumps({"i": 5})) == 6
        records = journal.read()
    chain = bytes(32)
    for i, record in enumerate(records):
        chain = hashlib.sha256(chain + canonical.dumps({"i": i})).digest()
        assert (record.number, record.data, record.chain) == (i + 1, {"i": i}, chain.hex())
    with FileJournal(tmp_path) as journal:
        assert journal.last == 6 and journal.append({"i": 6}) == 7
        assert [record.number for record in journal.read(after=4, limit=2)] == [5, 6]


def test_threads_share_flushes(tmp_path, monkeypatch):
    flushes = []
    import os

    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (flushes.append(1), real(descriptor)))
    numbers = []
    with FileJournal(tmp_path) as journal:
        threads = [
            threading.Thread(target=lambda: numbers.extend(journal.append({"x": 1}) for _ in range(50)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(numbers) == list(range(1, 401)) == [record.number for record in journal.read()]
    assert len(flushes) < 400


def test_pruning_keeps_numbers_and_chain(tmp_path):
    with FileJournal(tmp_path, segment=2000) as journal:
        for i in range(200):
            journal.append({"i": i})
        chain = journal.read()[-1].chain
        assert journal.prune(100) > 0
        assert 1 < journal.first <= 101
        assert [record.number for record in journal.read(100)] == list(range(101, 201))
        journal.prune(200)
        assert journal.first == 201 and journal.read() == []
    with FileJournal(tmp_path) as journal:
        assert journal.append({"i": 200}) == 201
        expected = hashlib.sha256(bytes.fromhex(chain) + canonical.dumps({"i": 200})).hexdigest()
        assert journal.read()[0].chain == expected


@pytest.mark.parametrize(
    "tail", [b"R", b"R 4 ", b"R 4 abc {}", b"R 4 abc {}\nC", b"R 4 abc {}\nC 4 abc", b"\0" * 9]
)
def test_what_was_never_acknowledged_is_cut_off(tmp_path, tail):
    with FileJournal(tmp_path) as journal:
        for i in range(3):
            journal.append({"i": i})
    path = next(tmp_path.glob("*.journal"))
    path.write_bytes(path.read_bytes() + tail)
    with FileJournal(tmp_path) as journal:
        assert journal.last == 3 and journal.append({"i": 3}) == 4
    with FileJournal(tmp_path) as journal:
        assert [record.data["i"] for record in journal.read()] == [0, 1, 2, 3]


def test_damage_is_named(tmp_path):
    with FileJournal(tmp_path, segment=300) as journal:
        for i in range(20):
            journal.append({"i": i})
    files = sorted(tmp_path.glob("*.journal"))
    whole = files[0].read_bytes()
    files[0].write_bytes(whole.replace(b'{"i":1}', b'{"i":7}'))
    with pytest.raises(JournalError, match=files[0].name):
        FileJournal(tmp_path)
    files[0].write_bytes(whole[:-3])
    with pytest.raises(JournalError):
        FileJournal(tmp_path)
    files[0].write_bytes(whole)
    files[1].rename(tmp_path / "aside")
    with pytest.raises(JournalError, match="接不上"):
        FileJournal(tmp_path)
    (tmp_path / "aside").rename(files[1])
    FileJournal(tmp_path).close()


def test_one_writer_and_one_line(tmp_path):
    with FileJournal(tmp_path) as journal:
        with pytest.raises(JournalError):
            FileJournal(tmp_path)
        with pytest.raises(JournalError):
            journal.put(b'{"a":\n1}')
    with pytest.raises(JournalError):
        journal.put({"a": 1})


def fails(monkeypatch, name, module):
    """One call fails, as on a full disk; afterwards all is as before."""
    real = getattr(module, name)

    def fail(*_args, **_more):
        monkeypatch.setattr(module, name, real)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, name, fail)


def test_a_failed_flush_is_cut_off_though_it_reached_the_disk(tmp_path, monkeypatch):
    with FileJournal(tmp_path, segment=200) as journal:
        for i in range(3):
            journal.append({"i": i})
        for i in range(20):
            journal.put({"lost": i})
        fails(monkeypatch, "fdatasync", os)
        with pytest.raises(JournalError):
            journal.flush()
        assert b"lost" in sorted(tmp_path.glob("*.journal"))[-1].read_bytes()
        with pytest.raises(JournalError):
            journal.flush()
        fails(monkeypatch, "ftruncate", os)
        with pytest.raises(OSError, match="No space"):
            journal.reopen()
        assert journal.broken
        journal.reopen()
        assert journal.append({"i": 3}) == 4
        assert [one.data for one in journal.read()] == [{"i": i} for i in range(4)]
    with FileJournal(tmp_path) as journal:
        assert journal.last == 4


@pytest.mark.parametrize(("name", "module"), [("sync_folder", journals), ("fsync", os)])
def test_a_file_that_cannot_be_begun_fails_no_flush(tmp_path, monkeypatch, name, module):
    with FileJournal(tmp_path, segment=1) as journal:
        fails(monkeypatch, name, module)
        assert journal.append({"i": 0}) == 1 == journal.durable
        assert len(list(tmp_path.iterdir())) == 2  # the lock and one file
        assert journal.append({"i": 1}) == 2
        assert [path.stem[-1] for path in journal._segments()] == ["1", "3"]
        journal.append({"i": 2})
    with FileJournal(tmp_path) as journal:
        assert [one.data["i"] for one in journal.read()] == [0, 1, 2]


def test_opening_quickly_proves_what_is_new_and_that_the_rest_is_there(tmp_path, monkeypatch):
    read = []
    real = journals.walk
    monkeypatch.setattr(
        journals, "walk", lambda path, *a, **k: (read.append(path.stem[-2:]), real(path, *a, **k))[1]
    )
    with FileJournal(tmp_path, segment=300) as journal:
        for i in range(20):
            journal.append({"i": i})
    files = sorted(tmp_path.glob("*.journal"))
    FileJournal(tmp_path, quick=True).close()
    assert len(read) == len(files) > 5  # nothing was proved yet
    read.clear()
    with FileJournal(tmp_path, segment=300, quick=True) as journal:
        assert read == [files[-1].stem[-2:]] and journal.last == 20
        assert [one.data["i"] for one in journal.backwards()] == list(range(19, -1, -1))
        for i in range(20, 30):
            journal.append({"i": i})
    read.clear()
    with FileJournal(tmp_path, quick=True) as journal:
        assert len(read) == 1 and [one.data["i"] for one in journal.read(25)] == [25, 26, 27, 28, 29]
    whole = files[1].read_bytes()
    for damaged in (whole[:-3], whole[: whole.index(b"\nC ")] + b"\n", b""):
        files[1].write_bytes(damaged)
        with pytest.raises(JournalError):
            FileJournal(tmp_path, quick=True)
    files[1].write_bytes(whole)
    files[2].rename(tmp_path / "aside")
    with pytest.raises(JournalError, match="接不上"):
        FileJournal(tmp_path, quick=True)
    (tmp_path / "aside").rename(files[2])
    (tmp_path / "proved").write_text("nonsense")
    read.clear()
    FileJournal(tmp_path, quick=True).close()
    assert len(read) > len(files)


def test_a_record_that_went_with_anothers_failed_flush_is_said_to_be_lost(tmp_path, monkeypatch):
    """Not waited for without end: the journal was opened again without it."""
    with FileJournal(tmp_path) as journal:
        put = journal.put

        def put_and_lose(data):
            number = put(data)
            fails(monkeypatch, "fdatasync", os)
            with pytest.raises(JournalError):
                journal.flush()
            journal.reopen()
            return number

        monkeypatch.setattr(journal, "put", put_and_lose)
        with pytest.raises(JournalError, match="丢弃"):
            journal.append({"i": 0})
        monkeypatch.undo()
        assert journal.append({"i": 1}) == 1 and [one.data for one in journal.read()] == [{"i": 1}]
