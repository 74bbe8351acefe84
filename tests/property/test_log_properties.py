"""Whatever the entries, batches and damage: one tree, one form, every fault found."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.crypto import canonical
from gongshu.evidence import check, entry, tree
from gongshu.evidence.entry import EntryError
from gongshu.evidence.log import Log
from support.logs import NOW, ORIGIN, copy, make, one, public, signers

KEYS = signers()
word = st.from_regex(r"[a-z][a-z0-9_-]{0,12}(\.[a-z0-9][a-z0-9_-]{0,9}){0,2}", fullmatch=True)
identifier = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,30}", fullmatch=True)
digest = st.binary(min_size=32, max_size=32).map(lambda raw: f"sm3:{raw.hex()}")
fields = st.fixed_dictionaries(
    {
        "actor": identifier,
        "subject": st.one_of(st.just(""), identifier),
        "case": st.one_of(st.just(""), identifier),
        "role": word,
        "act": word,
        "articles": st.lists(st.sampled_from(["a-b:1", "national-price:三(一)", "x:披露时间"]), max_size=4),
        "digests": st.dictionaries(word, digest, max_size=3),
        "numbers": st.dictionaries(word, st.integers(0, 10**10 - 1), max_size=2),
        "moved": st.one_of(st.none(), st.integers(-(10**9), 10**9).filter(bool)),
    }
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
)


@given(fields, st.integers(1, 2**53 - 1))
def test_the_fast_form_is_rfc_8785(changes, seq):
    try:
        made = one("office", seq, **changes)
    except EntryError:  # an id that happens to look like a personal number
        return
    assert entry.canonical(made) == entry.checked(made) == canonical.dumps(made)
    assert canonical.loads(entry.canonical(made)) == made


@given(st.sampled_from(entry.ENTRY_FIELDS), anything)
def test_the_fast_check_accepts_nothing_the_slow_one_refuses(name, value):
    bad = {**one("office", 1), name: value}
    try:
        entry.check(bad)
    except EntryError:
        try:
            entry.checked(bad)
        except EntryError:
            return
        raise AssertionError(f"{name} accepted") from None
    assert entry.checked(bad) == canonical.dumps(bad)


def plain_root(alg: str, leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 2.1 writes it."""
    if not leaves:
        return hashlib.new(alg, b"").digest()
    if len(leaves) == 1:
        return hashlib.new(alg, b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = plain_root(alg, leaves[:split]), plain_root(alg, leaves[split:])
    return hashlib.new(alg, b"\1" + left + right).digest()


@given(st.lists(st.integers(0, 90), max_size=6), st.sampled_from(["sha256", "sm3"]), st.data())
def test_trees_and_proofs_are_those_of_the_rfc(batches, alg, data):
    frontier = tree.Frontier(alg)
    leaves: list[bytes] = []
    for batch in batches:
        fresh = [b"%d" % (len(leaves) + i) for i in range(batch)]
        leaves += fresh
        frontier.extend([tree.leaf_hash(alg, leaf) for leaf in fresh])
        assert frontier.root() == plain_root(alg, leaves)
    size = len(leaves)

    def node(level: int, index: int) -> bytes:
        return plain_root(alg, leaves[index << level : (index + 1) << level])

    if not size:
        return
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root = frontier.root()
    path = tree.inclusion_path(alg, node, index, size)
    tree.check_inclusion(alg, tree.leaf_hash(alg, leaves[index]), index, size, path, root)
    steps = tree.consistency_path(alg, node, old, size)
    tree.check_consistency(alg, old, size, steps, plain_root(alg, leaves[:old]), root)
    assert tree.frontier_of(alg, size, node).root() == root


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 300), min_size=1, max_size=5), st.booleans())
def test_any_batches_give_a_whole_log(batches, reopen):
    with TemporaryDirectory() as folder:
        log = Log(folder, ORIGIN, KEYS)
        done = 0
        for batch in batches:
            log.append([one("office", done + i + 1) for i in range(batch)], NOW)
            done += batch
            if reopen:
                log.close()
                log = Log(folder, ORIGIN, KEYS)
        report = check.verify(folder, public(KEYS))
        assert report.ok and report.size == done
        log.close()


def test_no_bit_can_be_flipped_unseen(tmp_path):
    """One bit at random in any file the log publishes; the same seed each time prints what it did."""
    make(tmp_path / "log", [100] * 6, KEYS, ("office", "gateway"))
    files = [
        path
        for path in sorted((tmp_path / "log").rglob("*"))
        if path.is_file()
        and path.relative_to(tmp_path / "log").parts[0] not in {"lock", "keys", "sources", "new"}
        and not path.name.startswith("pending")
    ]
    live = {path for path in files if ".p/" not in str(path)} | {
        tmp_path / "log" / name for name in ("tile/0/002.p/88", "tile/entries/002.p/88", "tile/1/000.p/2")
    }
    drawn = random.Random(20260302)
    for number in range(60):
        target = copy(tmp_path / "log", tmp_path / str(number))
        path = target / drawn.choice(sorted(live)).relative_to(tmp_path / "log")
        data = bytearray(path.read_bytes())
        place, bit = drawn.randrange(len(data)), drawn.randrange(8)
        data[place] ^= 1 << bit
        path.write_bytes(data)
        report = check.verify(target, public(KEYS))
        assert not report.ok, (path.relative_to(target), place, bit)


def test_a_power_cut_that_loses_unflushed_files_is_healed(tmp_path, monkeypatch):
    """After a kill, files since the last flush may be empty or gone; the pending file brings them back."""
    source = tmp_path / "log"
    log = Log(source, ORIGIN, KEYS)
    for first in range(1, 1500, 75):
        log.append([one("office", seq) for seq in range(first, first + 75)], NOW)
    drawn = random.Random(5)
    for number in range(12):
        target = copy(source, tmp_path / str(number))  # as the disk stands while the writer still runs
        for path in sorted((target / "tile").rglob("*")) + sorted((target / "tile-sm3").rglob("*")):
            if path.is_file() and drawn.random() < 0.5:
                path.write_bytes(b"") if drawn.random() < 0.5 else path.unlink()
        with Log(target, ORIGIN, KEYS) as healed:
            assert healed.size == 1500 and healed.entry(700) == one("office", 701)
            healed.append([one("office", 1501)], NOW)
        assert check.verify(target, public(KEYS)).ok
    log.close()
    assert all(
        (source / name).stat().st_size == 0 for name in ("pending-0", "pending-1") if (source / name).exists()
    )
    assert Path(source / "checkpoint").exists()
