"""Merkle trees of RFC 6962 / RFC 9162 over two digests: SHA-256 for public tools, SM3 for 密评.

The same tree twice: leaf = H(0x00 | entry), node = H(0x01 | left | right), empty = H("").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gongshu.crypto.hashes import sha256, sm3

Hash = Callable[[bytes], bytes]
HASHES: dict[str, Hash] = {"sha256": sha256, "sm3": sm3}
SIZE = 32

Node = Callable[[int, int], bytes]
"""(level, index) → hash of the complete subtree of 2^level leaves that is the index-th of its level."""


class ProofError(ValueError):
    """A proof does not hold. `args[0]` is a Chinese sentence."""


def leaf_hash(alg: str, entry: bytes) -> bytes:
    return HASHES[alg](b"\0" + entry)


def node_hash(alg: str, left: bytes, right: bytes) -> bytes:
    return HASHES[alg](b"\1" + left + right)


class Frontier:
    """The right edge of a growing tree: at each level the root of a complete subtree that waits for its
    right neighbour, or None."""

    def __init__(self, alg: str, size: int = 0, waiting: Sequence[bytes | None] = ()) -> None:
        self.alg = alg
        self.size = size
        self._hash = HASHES[alg]
        self._waiting = list(waiting)

    def copy(self) -> Frontier:
        return Frontier(self.alg, self.size, self._waiting)

    @property
    def waiting(self) -> tuple[bytes | None, ...]:
        """The waiting subtrees, lowest level first: with `size` all that is needed to go on."""
        return tuple(self._waiting)

    def extend(self, leaves: Sequence[bytes]) -> dict[int, list[bytes]]:
        """Append leaf hashes; the nodes this completes on the levels that tiles hold (every eighth).

        Keyed by tile level (C2SP tlog-tiles, height 8): 0 for the leaves themselves.
        """
        hash_, waiting = self._hash, self._waiting
        done: dict[int, list[bytes]] = {}
        row, level = list(leaves), 0
        self.size += len(row)
        while row:
            if not level & 7:
                done[level >> 3] = row.copy()
            if level == len(waiting):
                waiting.append(None)
            left = waiting[level]
            if left is not None:
                row.insert(0, left)
            waiting[level] = row.pop() if len(row) & 1 else None
            row = [hash_(b"\1" + one + other) for one, other in zip(row[::2], row[1::2], strict=True)]
            level += 1
        return done

    def root(self) -> bytes:
        root: bytes | None = None
        for node in self._waiting:
            if node is not None:
                root = node if root is None else self._hash(b"\1" + node + root)
        return self._hash(b"") if root is None else root


def frontier_of(alg: str, size: int, node: Node) -> Frontier:
    """The frontier of a stored tree of `size` leaves, read through `node`."""
    waiting: list[bytes | None] = []
    for level in range(size.bit_length()):
        waiting.append(node(level, (size >> level) - 1) if size >> level & 1 else None)
    return Frontier(alg, size, waiting)


def merkle_root(alg: str, entries: Sequence[bytes]) -> bytes:
    """The root over a list of entries (for example one batch of calls)."""
    frontier = Frontier(alg)
    frontier.extend([leaf_hash(alg, entry) for entry in entries])
    return frontier.root()


def range_root(alg: str, node: Node, low: int, high: int) -> bytes:
    """MTH over leaves [low, high) of a stored tree; `low` is aligned as RFC 6962 splits it."""
    count = high - low
    if count == 0:
        return HASHES[alg](b"")
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, low >> level)
    split = 1 << (count - 1).bit_length() - 1
    left = range_root(alg, node, low, low + split)
    return node_hash(alg, left, range_root(alg, node, low + split, high))


def inclusion_path(alg: str, node: Node, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 2.1.1, from the leaf upwards."""
    if not 0 <= index < size:
        raise ProofError(f"日志里没有第 {index} 条（共 {size} 条）。")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        split = low + (1 << (high - low - 1).bit_length() - 1)
        if index < split:
            path.append(range_root(alg, node, split, high))
            high = split
        else:
            path.append(range_root(alg, node, low, split))
            low = split
    return path[::-1]


def consistency_path(alg: str, node: Node, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 2.1.2; empty when old is 0 or equals new."""
    if not 0 <= old <= new:
        raise ProofError(f"没有从 {old} 条到 {new} 条的一致性证明。")
    if old in (0, new):
        return []
    path: list[bytes] = []
    low, high, whole = 0, new, True
    while old < high:
        split = low + (1 << (high - low - 1).bit_length() - 1)
        if old <= split:
            path.append(range_root(alg, node, split, high))
            high = split
        else:
            path.append(range_root(alg, node, low, split))
            low, whole = split, False
    if not whole:
        path.append(range_root(alg, node, low, high))
    return path[::-1]


def check_inclusion(alg: str, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raise `ProofError` unless `leaf` is the index-th of a tree of `size` with `root` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError("包含证明的序号不在日志之内。")
    first, second, node = index, size - 1, leaf
    for step in path:
        if second == 0:
            raise ProofError("包含证明过长。")
        if first & 1 or first == second:
            node = node_hash(alg, step, node)
            while not first & 1 and first:
                first >>= 1
                second >>= 1
        else:
            node = node_hash(alg, node, step)
        first >>= 1
        second >>= 1
    if second != 0:
        raise ProofError("包含证明过短。")
    if node != root:
        raise ProofError("包含证明算出的根与检查点的根不一致。")


def check_consistency(
    alg: str, old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Raise `ProofError` unless the tree of `old` is a prefix of the tree of `new` (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofError("一致性证明的大小不对。")
    if old in (0, new):
        if path:
            raise ProofError("一致性证明过长。")
        if old == new and old_root != new_root:
            raise ProofError("同样大小的两个检查点有不同的根。")
        if old == 0 and old_root != HASHES[alg](b""):
            raise ProofError("空日志的根不对。")
        return
    steps = list(path)
    if not old & (old - 1):
        steps.insert(0, old_root)
    if not steps:
        raise ProofError("一致性证明过短。")
    first, second = old - 1, new - 1
    while first & 1:
        first >>= 1
        second >>= 1
    left = right = steps[0]
    for step in steps[1:]:
        if second == 0:
            raise ProofError("一致性证明过长。")
        if first & 1 or first == second:
            left = node_hash(alg, step, left)
            right = node_hash(alg, step, right)
            while not first & 1 and first:
                first >>= 1
                second >>= 1
        else:
            right = node_hash(alg, right, step)
        first >>= 1
        second >>= 1
    if second != 0:
        raise ProofError("一致性证明过短。")
    if left != old_root or right != new_root:
        raise ProofError("一致性证明与两个检查点的根不一致。")
