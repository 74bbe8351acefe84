"""Zips the verifier takes, and consistency of two checkpoints; the archive itself is proved in tests/office."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongshu.evidence import tree
from gongshu_verify.audit import is_audit
from gongshu_verify.main import BadUse, main, verify
from gongshu_verify.merkle import consistent
from support.logs import make, public, signers

KEYS = signers()


def leaves(alg: str, count: int) -> list[bytes]:
    return [tree.leaf_hash(alg, f"entry {number}".encode()) for number in range(count)]


def root(alg: str, hashes: list[bytes]) -> bytes:
    frontier = tree.Frontier(alg)
    frontier.extend(hashes)
    return frontier.root()


def node_of(alg: str, hashes: list[bytes]) -> tree.Node:
    def node(level: int, index: int) -> bytes:
        if level == 0:
            return hashes[index]
        return tree.node_hash(alg, node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


@given(st.integers(1, 70), st.integers(0, 70), st.sampled_from(["sha256", "sm3"]), st.data())
def test_a_tree_continues_another_as_the_writer_proves_it(
    old: int, more: int, alg: str, data: st.DataObject
) -> None:
    hashes = leaves(alg, old + more)
    first, second = root(alg, hashes[:old]), root(alg, hashes)
    path = tree.consistency_path(alg, node_of(alg, hashes), old, old + more)
    assert consistent(alg, old, old + more, first, second, path)
    assert not consistent(alg, old, old + more, bytes(32), second, path)
    assert not consistent(alg, old, old + more, first, bytes(32), path)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        spoilt = [*path[:place], bytes(32), *path[place + 1 :]]
        assert not consistent(alg, old, old + more, first, second, spoilt)
        assert not consistent(alg, old, old + more, first, second, path[:-1])
    assert not consistent(alg, old, old + more, first, second, [*path, bytes(32)])
    assert more == 0 or not consistent(alg, old + more, old, second, first, path)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "trusted"
    path.write_bytes(b"".join(key.to_pem() for key in public(KEYS)))
    return path


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, path.relative_to(folder))
    return target


def test_a_zipped_log_is_checked_like_its_folder(tmp_path: Path, key_file: Path) -> None:
    make(tmp_path / "log", [300, 40], KEYS)
    path = zipped(tmp_path / "log", tmp_path / "log.zip")
    answer, folder = verify(path, key_file), verify(tmp_path / "log", key_file)
    assert (answer["ok"], answer["trusted"], answer["kind"]) == (True, True, "log")
    assert {**answer} == {**folder}
    (tmp_path / "log" / "tile" / "entries" / "000").unlink()
    left = verify(zipped(tmp_path / "log", path), key_file)
    assert not left["ok"] and "missing" in [each["code"] for each in left["problems"]]


def test_a_zip_that_reaches_out_of_its_folder_stays_inside(tmp_path: Path, key_file: Path) -> None:
    make(tmp_path / "log", [3], KEYS)
    path = zipped(tmp_path / "log", tmp_path / "log.zip")
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("../../escaped.txt", b"x")
        made.writestr("/tmp/escaped-too.txt", b"x")
    assert verify(path, key_file)["kind"] == "log"
    assert not list(tmp_path.parent.glob("escaped*")) and not Path("/tmp/escaped-too.txt").exists()


def test_other_zips_are_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("hello.txt", b"x")
    assert not is_audit(path)
    with pytest.raises(BadUse):
        verify(path, None)
    assert main([str(path)]) == 2
    for content in (b"", b"[]", b"{}", b'{"files": 3}', json.dumps({"files": [{"name": 1}]}).encode()):
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("audit.json", content)
        answer = verify(path, None)
        assert (answer["ok"], answer["trusted"], answer["kind"]) == (False, False, "audit")
        assert answer["problems"]
