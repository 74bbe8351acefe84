"""Merkle trees of RFC 9162, written from the text of the RFC, over SHA-256 and SM3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from gongshu_verify.sm import sm3


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


HASH: dict[str, Callable[[bytes], bytes]] = {"sha256": _sha256, "sm3": sm3}


def root_of(alg: str, hashes: Sequence[bytes]) -> bytes:
    """The root over a list of subtree hashes of equal height (leaves, or a tile's row)."""
    hash_ = HASH[alg]
    row = list(hashes)
    if not row:
        return hash_(b"")
    while len(row) > 1:
        pairs = [hash_(b"\1" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) & ~1 :] if len(row) & 1 else pairs
    return row[0]


class Growing:
    """A tree that grows leaf by leaf; `row(level)` collects the hashes a tile of that level would hold."""

    def __init__(self, alg: str) -> None:
        self.size = 0
        self._hash = HASH[alg]
        self._stack: list[bytes] = []

    def add(self, leaf: bytes) -> list[tuple[int, bytes]]:
        """Append a leaf; the (tile level, hash) of nodes above the leaves that tiles hold."""
        node, count, level = leaf, self.size, 0
        tiles = []
        while count & 1:
            node = self._hash(b"\1" + self._stack.pop() + node)
            count >>= 1
            level += 1
            if level % 8 == 0:
                tiles.append((level // 8, node))
        self._stack.append(node)
        self.size += 1
        return tiles

    def root(self) -> bytes:
        if not self._stack:
            return self._hash(b"")
        node = self._stack[-1]
        for left in self._stack[-2::-1]:
            node = self._hash(b"\1" + left + node)
        return node

    def root_with(self, leaves: Sequence[bytes]) -> bytes:
        """The root if `leaves` were appended; nothing changes."""
        other = Growing.__new__(Growing)
        other.size, other._hash, other._stack = self.size, self._hash, list(self._stack)
        for leaf in leaves:
            other.add(leaf)
        return other.root()


def included(alg: str, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that `path` leads to from `leaf`, the index-th of `size`; None if the path does not fit."""
    if not 0 <= index < size:
        return None
    hash_ = HASH[alg]
    fn, sn, node = index, size - 1, leaf
    for step in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            node = hash_(b"\1" + step + node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = hash_(b"\1" + node + step)
        fn, sn = fn >> 1, sn >> 1
    return node if sn == 0 else None


def consistent(alg: str, old: int, new: int, first: bytes, second: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that the tree of `new` leaves with root `second` continues that of `old` with
    root `first` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and first == second
    if not 0 < old < new or not path:
        return False
    hash_ = HASH[alg]
    steps = [first, *path] if old & (old - 1) == 0 else list(path)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            before, after = hash_(b"\1" + step + before), hash_(b"\1" + step + after)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            after = hash_(b"\1" + after + step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and before == first and after == second
