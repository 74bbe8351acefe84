"""Where a log's files lie and how they are read (C2SP tlog-tiles, height 8).

    checkpoint                the newest checkpoint
    checkpoints               every checkpoint there ever was, one JSON text a line
    cosigned/<witness>        the newest checkpoint a witness co-signed
    tile/<L>/<N>[.p/<W>]      SHA-256 tiles: 256 hashes of level 8·L, or the first W of them
    tile/entries/<N>[.p/<W>]  entry bundles: 16-bit length and bytes of each entry
    tile-sm3/<L>/<N>          SM3 tiles, only full ones: the right edge is computed from what lies below

Of a tile that is not full the file of exactly the width a checkpoint needs is read, else the full one.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from gongshu.evidence import tree

WIDTH = 256
ROOTS = {"sha256": "tile", "sm3": "tile-sm3"}


class TileError(Exception):
    """A tile or bundle is missing or malformed. `args` are (code, place, Chinese sentence)."""

    @property
    def code(self) -> str:
        return str(self.args[0])

    @property
    def where(self) -> str:
        return str(self.args[1])

    @property
    def sentence(self) -> str:
        return str(self.args[2])


def number_path(number: int) -> str:
    """Tile number as path: 1234067 → `x001/x234/067`."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.append(f"x{number % 1000:03d}")
    return "/".join(reversed(parts))


def tile_path(alg: str, level: int, number: int, width: int = WIDTH) -> str:
    partial = "" if width == WIDTH else f".p/{width}"
    return f"{ROOTS[alg]}/{level}/{number_path(number)}{partial}"


def bundle_path(number: int, width: int = WIDTH) -> str:
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/entries/{number_path(number)}{partial}"


def encode_bundle(entries: list[bytes]) -> bytes:
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_bundle(data: bytes, where: str) -> list[bytes]:
    """The entries of a bundle, or `TileError` naming the byte at which it breaks."""
    entries: list[bytes] = []
    place = 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 2], "big")
        entry = data[place + 2 : place + 2 + length]
        if len(entry) != length or place + 2 > len(data) or length == 0:
            sentence = f"{where} 从第 {place} 个字节起不完整，是第 {len(entries) + 1} 条记录处。"
            raise TileError("bundle_malformed", f"{where}@{place}", sentence)
        entries.append(entry)
        place += 2 + length
    return entries


class Reader:
    """Reads the tree of `size` entries below `directory`; `node` serves tree.Node.

    Full tiles do not change, so a few hundred of them are kept in memory.
    """

    def __init__(self, directory: Path, size: int, keep: int = 512, *, whole: bool = False) -> None:
        """With `whole` only full tiles are read: every open one is computed from what lies below."""
        self.directory = directory
        self.size = size
        self._tiles: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._keep = keep
        self._whole = whole

    def width(self, level: int, number: int) -> int:
        """How many hashes tile `number` of tile level `level` has at this size."""
        return max(0, min(WIDTH, (self.size >> 8 * level) - number * WIDTH))

    def find(self, path_of_width: tuple[str, str]) -> tuple[bytes, str]:
        """The bytes and path of the partial file, or of the full one when the partial is gone."""
        for path in dict.fromkeys(path_of_width):
            file = self.directory / path
            try:
                return file.read_bytes(), path
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise TileError("unreadable", path, f"{path} 读不出来：{error.strerror}。") from error
        path = path_of_width[0]
        raise TileError("missing", path, f"缺少文件 {path}。")

    def tile(self, alg: str, level: int, number: int) -> bytes:
        """The hashes of one tile, `width` of them, as one byte string."""
        key = (alg, level, number)
        if (kept := self._tiles.get(key)) is not None:
            self._tiles.move_to_end(key)
            return kept
        width = self.width(level, number)
        if width < WIDTH and (alg == "sm3" or self._whole):
            data = b"".join(self._open_tile(alg, level, number, width))
        else:
            names = (tile_path(alg, level, number, width), tile_path(alg, level, number))
            data, path = self.find(names)
            whole = WIDTH if path == names[1] else width
            if len(data) != whole * tree.SIZE:
                sentence = f"{path} 的长度是 {len(data)} 个字节，应为 {whole * tree.SIZE} 个。"
                raise TileError("tile_malformed", path, sentence)
            data = data[: width * tree.SIZE]
        self._tiles[key] = data
        if len(self._tiles) > self._keep:
            self._tiles.popitem(last=False)
        return data

    def _open_tile(self, alg: str, level: int, number: int, width: int) -> list[bytes]:
        """The hashes of an open tile, from the entries or from the full tiles of the level below."""
        if level == 0:
            return [tree.leaf_hash(alg, entry) for entry in self.bundle(number)]
        below, first = self.node(alg), number * WIDTH
        return [
            tree.node_hash(alg, below(8 * level - 1, 2 * place), below(8 * level - 1, 2 * place + 1))
            for place in range(first, first + width)
        ]

    def bundle(self, number: int) -> list[bytes]:
        """The entries of one bundle, `width(0, number)` of them."""
        width = self.width(0, number)
        names = (bundle_path(number, width), bundle_path(number))
        data, path = self.find(names)
        entries = decode_bundle(data, path)
        whole = WIDTH if path == names[1] else width
        if len(entries) != whole:
            code = "entry_missing" if len(entries) < whole else "entry_extra"
            raise TileError(code, path, f"{path} 里有 {len(entries)} 条记录，应为 {whole} 条。")
        return entries[:width]

    def entry(self, index: int) -> bytes:
        """The canonical bytes of entry `index` (from 0)."""
        if not 0 <= index < self.size:
            raise TileError("no_entry", str(index), f"日志里没有第 {index} 条（共 {self.size} 条）。")
        return self.bundle(index // WIDTH)[index % WIDTH]

    def node(self, alg: str) -> tree.Node:
        """The tree's complete subtrees, by (level, index)."""

        def of(level: int, index: int) -> bytes:
            if level % 8:
                return tree.node_hash(alg, of(level - 1, 2 * index), of(level - 1, 2 * index + 1))
            tile, place = divmod(index, WIDTH)
            data = self.tile(alg, level // 8, tile)
            return data[place * tree.SIZE : (place + 1) * tree.SIZE]

        return of
