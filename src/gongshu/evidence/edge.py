"""The right edge of the log: what is still open in both trees and in the bundles, and how it grows."""

from __future__ import annotations

from dataclasses import dataclass

from gongshu.evidence import tree
from gongshu.evidence.tiles import ROOTS, WIDTH, Reader, bundle_path, encode_bundle, tile_path

File = tuple[str, bytes]


@dataclass
class Edge:
    """Frontiers of both trees, the hashes of open tiles by level, the entries of the open bundle."""

    frontiers: dict[str, tree.Frontier]
    tiles: dict[str, dict[int, list[bytes]]]
    bundle: list[bytes]

    @classmethod
    def empty(cls) -> Edge:
        return cls({alg: tree.Frontier(alg) for alg in ROOTS}, {alg: {} for alg in ROOTS}, [])

    @classmethod
    def load(cls, reader: Reader) -> Edge:
        """The edge of the tree that `reader` reads. Raises `tiles.TileError`."""
        size = reader.size
        frontiers = {alg: tree.frontier_of(alg, size, reader.node(alg)) for alg in ROOTS}
        tiles: dict[str, dict[int, list[bytes]]] = {alg: {} for alg in ROOTS}
        for alg, levels in tiles.items():
            level = 0
            while size >> 8 * level:
                number, width = divmod(size >> 8 * level, WIDTH)
                data = reader.tile(alg, level, number) if width else b""
                levels[level] = [data[i : i + tree.SIZE] for i in range(0, len(data), tree.SIZE)]
                level += 1
        return cls(frontiers, tiles, reader.bundle(size // WIDTH) if size % WIDTH else [])

    @property
    def size(self) -> int:
        return self.frontiers["sha256"].size

    def roots(self) -> dict[str, bytes]:
        return {alg: frontier.root() for alg, frontier in self.frontiers.items()}

    def copy(self) -> Edge:
        return Edge(
            {alg: frontier.copy() for alg, frontier in self.frontiers.items()},
            {alg: {level: list(hashes) for level, hashes in t.items()} for alg, t in self.tiles.items()},
            list(self.bundle),
        )

    def grow(self, fresh: list[bytes]) -> list[File]:
        """Append entries; the files (path, bytes) that are new or changed by it."""
        files = self._bundles(fresh)
        for alg in ROOTS:
            hash_ = tree.HASHES[alg]
            files += self._tiles(alg, [hash_(b"\0" + data) for data in fresh])
        return files

    def _bundles(self, fresh: list[bytes]) -> list[File]:
        files, open_, number = [], self.bundle + fresh, self.size // WIDTH
        while len(open_) >= WIDTH:
            files.append((bundle_path(number), encode_bundle(open_[:WIDTH])))
            open_, number = open_[WIDTH:], number + 1
        if open_ and fresh:
            files.append((bundle_path(number, len(open_)), encode_bundle(open_)))
        self.bundle = open_
        return files

    def _tiles(self, alg: str, leaves: list[bytes]) -> list[File]:
        open_, frontier = self.tiles[alg], self.frontiers[alg]
        start = frontier.size
        files = []
        for level, hashes in frontier.extend(leaves).items():
            number = (start >> 8 * level) // WIDTH
            row = open_.get(level, []) + hashes
            while len(row) >= WIDTH:
                files.append((tile_path(alg, level, number), b"".join(row[:WIDTH])))
                row, number = row[WIDTH:], number + 1
            if row and alg == "sha256":
                files.append((tile_path(alg, level, number, len(row)), b"".join(row)))
            open_[level] = row
        return files


def full_between(before: int, size: int) -> list[str]:
    """The folders of partial files whose tiles became full between two sizes: the full ones serve now."""
    folders, level = [], 0
    while size >> 8 * (level + 1):
        for number in range(before >> 8 * (level + 1), size >> 8 * (level + 1)):
            folders.append(tile_path("sha256", level, number) + ".p")
            if level == 0:
                folders.append(bundle_path(number) + ".p")
        level += 1
    return folders
