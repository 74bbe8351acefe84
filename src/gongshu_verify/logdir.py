"""A whole log directory: rebuilds both trees from the entries and names every fault it meets.

Reads `checkpoint`, `checkpoints` (history), `cosigned/*`, `tile/…`, `tile-sm3/…` as docs/evidence.md
describes them. Memory: one bundle, one row of hashes a tile level, one number a source.
"""

from __future__ import annotations

import base64
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gongshu_verify import notes
from gongshu_verify.faults import blame_entries, blame_hashes, split_bundle
from gongshu_verify.keys import Key
from gongshu_verify.merkle import HASH, Growing, root_of
from gongshu_verify.signed import MOST, LogReport, Signed, read_bytes
from gongshu_verify.strict_json import JsonError, canonical, loads

WIDTH = 256
FOLDERS = {"sha256": "tile", "sm3": "tile-sm3"}
_REQUIRED = frozenset(
    ("v", "source", "seq", "time", "zone", "actor", "subject", "role", "act", "case", "articles", "digests")
)


def is_log(path: Path) -> bool:
    return path.is_dir() and any((path / name).exists() for name in ("checkpoint", "tile", "checkpoints"))


@contextmanager
def unpacked(path: Path) -> Iterator[Path | None]:
    """The log in a zip, unpacked to a folder that goes away again; None when `path` is no such zip."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        yield None
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="gongshu-verify-") as folder:
        names = archive.namelist()
        if not {"checkpoint", "checkpoints"} <= set(names):
            yield None
            return
        for name in names:
            with suppress(zipfile.BadZipFile, OSError, RuntimeError):  # what is spoilt is told as missing
                archive.extract(name, folder)  # keeps within the folder whatever the names try
        yield Path(folder)


def verify_log(directory: Path, keys: Sequence[Key]) -> LogReport:
    """Check the log below `directory`; signatures count only by `keys`. Never raises for a bad log."""
    for _ in range(3):
        before = read_bytes(directory / "checkpoint")
        report = _Check(directory, keys).run()
        if report.ok or before == read_bytes(directory / "checkpoint"):
            break  # else it grew while it was read: look again
    return report


class _Check(Signed):
    def __init__(self, directory: Path, keys: Sequence[Key]) -> None:
        super().__init__(directory, keys)
        self.trees = {alg: Growing(alg) for alg in FOLDERS}
        self.rows: dict[tuple[str, int], list[bytes]] = {}
        self.last: dict[str, int] = {}
        self.unreadable = 0
        self.good_size = 0
        self.forked = False
        self.blind: set[str] = set()

    def run(self) -> LogReport:
        history = read_bytes(self.directory / "checkpoints")  # before the checkpoint: never ahead of it
        point = self.read_checkpoint()
        if point is not None:
            self.read_history(history or b"", point)
            self.read_cosigned(point)
            self.missing_signatures()
            self.claim("checkpoint", point)
            self._compare_roots(0)
            for number in range(-(-point.size // WIDTH)):
                self._bundle(number, point)
                if len(self.report.problems) >= MOST:
                    break
            self._open_tiles(point.size)
        self.report.problems.sort()
        self.report.witnesses.sort(key=lambda one: (str(one["name"]), str(one["alg"])))
        return self.report

    def _compare_roots(self, size: int) -> None:
        """At `size` leaves: does every checkpoint of that size say what the entries say?"""
        for where, point in self.claims.get(size, ()):
            for alg, tree in self.trees.items():
                if alg in self.blind:
                    continue
                said = point.root(alg)
                if said is None or said != tree.root():
                    self._fork(where, point, alg)
        if size in self.claims and not self.forked:
            self.good_size = size

    def _fork(self, where: str, point: notes.Checkpoint, alg: str) -> None:
        others = [other for _, other in self.claims[point.size] if other.root(alg) != point.root(alg)]
        if others:
            sentence = f"{where}：条数同为 {point.size} 的检查点有不同的 {alg} 根，日志分叉。"
            self.problem("checkpoint_fork", where, sentence)
        else:
            sentence = (
                f"{where}：条数为 {point.size} 的检查点的 {alg} 根与日志内容不符，"
                f"分歧在第 {self.good_size} 条到第 {point.size - 1} 条之间。"
            )
            self.problem("root", where, sentence)
        self.forked = True

    # what lies there

    def _read(self, path: str, width: int) -> tuple[bytes, str, int] | None:
        """(bytes, path, entries it should hold) of the partial file, or of the full one."""
        for name, whole in ((f"{path}.p/{width}", width), (path, WIDTH)):
            if whole != WIDTH or name == path:
                data = read_bytes(self.directory / name)
                if data is not None:
                    return data, name, whole
        name = path if width == WIDTH else f"{path}.p/{width}"
        self.problem("missing", name, f"缺少文件 {name}。")
        return None

    def _hashes(self, alg: str, level: int, number: int, width: int) -> tuple[list[bytes], str] | None:
        """The hashes a tile file holds, or None (with a problem named)."""
        found = self._read(f"{FOLDERS[alg]}/{level}/{_number(number)}", width)
        if found is None:
            return None
        data, name, whole = found
        if len(data) != 32 * whole:
            sentence = f"{name} 的长度是 {len(data)} 个字节，应为 {32 * whole} 个。"
            self.problem("tile_length", name, sentence)
        return [data[i : i + 32] for i in range(0, min(len(data) // 32, width) * 32, 32)], name

    def _bundle(self, number: int, point: notes.Checkpoint) -> None:
        width = min(WIDTH, point.size - number * WIDTH)
        base = number * WIDTH
        tiles = {"sha256": self._hashes("sha256", 0, number, width)}
        if width == WIDTH:
            tiles["sm3"] = self._hashes("sm3", 0, number, width)
        found = self._read(f"tile/entries/{_number(number)}", width)
        entries: list[bytes] = []
        whole, path, broken = width, "", None
        if found is not None:
            data, path, whole = found
            bundle = split_bundle(data)
            entries, broken = bundle.entries, bundle.broken_at
            if broken is not None:
                sentence = f"{path} 从第 {broken} 个字节起读不下去，在第 {base + len(entries)} 条记录处。"
                self.problem("bundle_malformed", f"{path}@{broken}", sentence)
        if whole > width:
            entries = entries[:width]
        leaves = {alg: [HASH[alg](b"\0" + entry) for entry in entries] for alg in FOLDERS}
        intact = found is not None and broken is None and len(entries) == width
        good = self._judge(number, path, leaves, tiles, intact=intact)
        for place in range(width):
            for alg in FOLDERS:
                leaf = good[alg][place] if place < len(good[alg]) else bytes(32)
                for level, node in self.trees[alg].add(leaf):
                    self._row(alg, level, node)
            self._compare_roots(base + place + 1)
        self._read_entries(path, base, entries, width, leaves["sha256"], good["sha256"])

    def _judge(
        self,
        number: int,
        path: str,
        leaves: dict[str, list[bytes]],
        tiles: dict[str, tuple[list[bytes], str] | None],
        *,
        intact: bool,
    ) -> dict[str, list[bytes]]:
        """Entries and tiles of one bundle against each other; the leaf hashes to go on with, by algorithm.

        A tree of which neither is left is not followed any further (`blind`).
        """
        right = self._entries_right(number, leaves, tiles, intact=intact)
        good = {}
        for alg in FOLDERS:
            tile = tiles.get(alg)
            good[alg] = leaves[alg]
            if right and tile is not None and tile[0] != leaves[alg]:
                self.problems(blame_hashes(tile[1], tile[0], leaves[alg], number * WIDTH))
            elif not right and tile is not None:
                good[alg] = tile[0]
            elif not right:
                self.blind.add(alg)
        first = next((alg for alg in FOLDERS if tiles.get(alg) is not None), None)
        if not right and path and first is not None:
            self.problems(blame_entries(path, number * WIDTH, leaves[first], good[first]))
        return good

    def _entries_right(
        self,
        number: int,
        leaves: dict[str, list[bytes]],
        tiles: dict[str, tuple[list[bytes], str] | None],
        *,
        intact: bool,
    ) -> bool:
        """Whether the entries, rather than the tile, are what the tree above was built from."""
        sha256, sm3 = tiles.get("sha256"), tiles.get("sm3")
        if not intact:
            return False
        if sha256 is None or sha256[0] == leaves["sha256"]:
            return True  # if both are wrong together, the roots will say so
        if self._fits("sha256", number, sha256[0]):
            return False
        return self._fits("sha256", number, leaves["sha256"]) or (sm3 is not None and sm3[0] == leaves["sm3"])

    def _fits(self, alg: str, number: int, hashes: list[bytes]) -> bool:
        """Whether these leaf hashes lead to what is above them: the next tile level, or the checkpoint."""
        size = self.report.size
        if len(hashes) == WIDTH:
            above, place = divmod(number, WIDTH)
            for width in dict.fromkeys((min(WIDTH, (size >> 8) - above * WIDTH), WIDTH)):
                name = f"{FOLDERS[alg]}/1/{_number(above)}" + ("" if width == WIDTH else f".p/{width}")
                data = read_bytes(self.directory / name)
                if data is not None and len(data) >= 32 * (place + 1):
                    return root_of(alg, hashes) == data[32 * place : 32 * place + 32]
        if number * WIDTH + len(hashes) == size:
            root = self.trees[alg].root_with(hashes)
            return any(point.root(alg) == root for _, point in self.claims.get(size, ()))
        return False

    def _row(self, alg: str, level: int, node: bytes) -> None:
        """A node that a tile holds; a full row is compared with its tile."""
        row = self.rows.setdefault((alg, level), [])
        row.append(node)
        if len(row) == WIDTH:
            number = (self.trees[alg].size >> 8 * level) // WIDTH - 1
            self._compare_row(alg, level, number, row)
            row.clear()

    def _compare_row(self, alg: str, level: int, number: int, row: list[bytes]) -> None:
        tile = self._hashes(alg, level, number, len(row))
        if tile is not None and alg not in self.blind and tile[0] != row:
            self.problems(blame_hashes(tile[1], tile[0], row, number * WIDTH))

    def _open_tiles(self, size: int) -> None:
        """Tiles above the leaves that are not full: only the SHA-256 tree keeps them as files."""
        for (alg, level), row in sorted(self.rows.items()):
            if row and alg == "sha256":
                self._compare_row(alg, level, (size >> 8 * level) // WIDTH, row)
        self.report.root = _base64(self.trees["sha256"].root())
        self.report.root_sm3 = _base64(self.trees["sm3"].root())

    def _read_entries(
        self,
        path: str,
        base: int,
        entries: list[bytes],
        width: int,
        leaves: list[bytes],
        good: list[bytes],
    ) -> None:
        """Each source's numbers must run 1, 2, 3, … in the order of the log."""
        self.unreadable += max(0, width - len(entries))
        for place, data in enumerate(entries):
            if place >= len(good) or leaves[place] != good[place]:
                self.unreadable += 1  # already named; what it says counts for nothing
                continue
            index = base + place
            try:
                entry, well = _entry(data)
                source, seq = str(entry["source"]), entry["seq"]
                well = well and type(seq) is int
            except (JsonError, ValueError, KeyError, TypeError, RecursionError):
                well = False
            if not well:
                self.problem("entry_malformed", f"{path}#{index}", f"第 {index} 条记录不是规范的存证条目。")
                self.unreadable += 1
                continue
            self._number_of(source, seq, index)

    def _number_of(self, source: str, seq: int, index: int) -> None:
        last = self.last.get(source, 0)
        where = f"{source}#{seq}"
        if seq == last + 1:
            self.last[source] = seq
        elif seq > last + 1:
            missing = seq - last - 1
            if missing <= self.unreadable:
                self.unreadable -= missing  # the lost numbers are those of entries already named
            else:
                self.report.gaps.append({"source": source, "after": last, "before": seq, "index": index})
                what = f"在第 {last} 号之后直接到了第 {seq} 号（第 {index} 条），中间缺 {missing} 号"
                self.problem("gap", where, f"来源“{source}”{what}。")
            self.last[source] = seq
        else:
            code = "entry_doubled" if seq == last else "entry_reordered"
            what = "重复出现" if seq == last else f"出现在第 {last} 号之后"
            self.problem(code, where, f"来源“{source}”的第 {seq} 号{what}（第 {index} 条）。")


def _number(number: int) -> str:
    text = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        text = f"x{number % 1000:03d}/{text}"
    return text


def _entry(data: bytes) -> tuple[dict[str, Any], bool]:
    """(entry, whether it is written canonically and has every field)."""
    entry = json.loads(data)
    plain = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # What a plain sorted writer writes is canonical already; only what differs is looked at closely.
    well = plain.encode() == data or canonical(loads(data)) == data
    return entry, well and isinstance(entry, dict) and entry.keys() >= _REQUIRED


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def entries_of(report: LogReport) -> dict[str, Any]:
    """The report as data, in the form both commands print."""
    return {
        "size": report.size,
        "root": report.root,
        "root_sm3": report.root_sm3,
        "origin": report.origin,
        "checkpoints": report.checkpoints,
        "witnesses": report.witnesses,
        "gaps": report.gaps,
        "problems": [problem.data() for problem in report.problems],
    }
