"""Proofs anyone can check without the log: that an entry is in it, that it only grew.

{"v": 1, "kind": "proof", "index", "entry": {...}, "sha256": [base64], "sm3": [base64], "checkpoint": "..."}
{"v": 1, "kind": "consistency", "from", "to", "sha256": [base64], "sm3": [base64]}
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.sign import PublicKey
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import note, tree
from gongshu.evidence.history import CHECKPOINT
from gongshu.evidence.tiles import ROOTS, Reader
from gongshu.evidence.tree import ProofError

VERSION = 1


def inclusion(directory: Path | str, index: int) -> dict[str, Any]:
    """The proof file of entry `index` (from 0) under the newest checkpoint of the log at `directory`.

    Raises `ProofError` when there is no such entry, `tiles.TileError` when the log is damaged there.
    """
    signed = (Path(directory) / CHECKPOINT).read_bytes()
    said, _ = checkpoints.read(signed)
    reader = Reader(Path(directory), said.size)
    paths = {alg: tree.inclusion_path(alg, reader.node(alg), index, said.size) for alg in ROOTS}
    return {
        "v": VERSION,
        "kind": "proof",
        "index": index,
        "entry": canonical.loads(reader.entry(index)),
        **{alg: _encode(path) for alg, path in paths.items()},
        "checkpoint": signed.decode(),
    }


def consistency(directory: Path | str, old: int, new: int | None = None) -> dict[str, Any]:
    """The proof that the tree of `old` entries is the beginning of the tree of `new` (default: newest)."""
    said, _ = checkpoints.read((Path(directory) / CHECKPOINT).read_bytes())
    new = said.size if new is None else new
    if new > said.size:
        raise ProofError(f"日志只有 {said.size} 条。")
    reader = Reader(Path(directory), said.size)
    paths = {alg: tree.consistency_path(alg, reader.node(alg), old, new) for alg in ROOTS}
    return {
        "v": VERSION,
        "kind": "consistency",
        "from": old,
        "to": new,
        **{alg: _encode(path) for alg, path in paths.items()},
    }


def check_inclusion(proof: Mapping[str, Any], keys: Iterable[PublicKey]) -> checkpoints.Checkpoint:
    """The checkpoint of a proof file, if its entry is in both trees and one of `keys` signed it.

    Raises `ProofError` or `note.NoteError`.
    """
    if proof.get("v") != VERSION or proof.get("kind") != "proof" or type(proof.get("index")) is not int:
        raise ProofError("这不是包含证明。")
    said, signed = checkpoints.read(str(proof["checkpoint"]).encode())
    if not note.signed_by(signed, said.origin, keys):
        raise ProofError("检查点不是信任的密钥签的。")
    data = canonical.dumps(proof["entry"])
    for alg in ROOTS:
        leaf = tree.leaf_hash(alg, data)
        tree.check_inclusion(alg, leaf, proof["index"], said.size, _decode(proof, alg), said.roots[alg])
    return said


def check_consistency(
    proof: Mapping[str, Any], old: checkpoints.Checkpoint, new: checkpoints.Checkpoint
) -> None:
    """Raise `ProofError` unless `proof` shows that `new` continues `old`, in both trees."""
    if proof.get("v") != VERSION or proof.get("kind") != "consistency":
        raise ProofError("这不是一致性证明。")
    if (proof.get("from"), proof.get("to")) != (old.size, new.size):
        raise ProofError("一致性证明说的不是这两个检查点。")
    for alg in ROOTS:
        path = _decode(proof, alg)
        tree.check_consistency(alg, old.size, new.size, path, old.roots[alg], new.roots[alg])


def _encode(path: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(step).decode() for step in path]


def _decode(proof: Mapping[str, Any], alg: str) -> list[bytes]:
    try:
        path = [base64.b64decode(step, validate=True) for step in proof[alg]]
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ProofError(f"证明里缺少 {alg} 路径或写法不对。") from error
    if any(len(step) != tree.SIZE for step in path):
        raise ProofError("证明里的摘要应为 32 个字节。")
    return path
