"""What happened to a bundle or tile: compares what is there with what the tree says should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One fault: a fixed code, the place (file, entry number from 0), one Chinese sentence."""

    code: str
    where: str
    sentence: str

    def data(self) -> dict[str, str]:
        return {"code": self.code, "where": self.where, "sentence": self.sentence}


@dataclass(frozen=True)
class Bundle:
    """A bundle as found: entries, the byte at which each begins, and where reading broke off, if it did."""

    entries: list[bytes]
    offsets: list[int]
    broken_at: int | None


def split_bundle(data: bytes) -> Bundle:
    """Cut a bundle at its 16-bit lengths as far as they make sense."""
    entries: list[bytes] = []
    offsets: list[int] = []
    place = 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 2], "big")
        entry = data[place + 2 : place + 2 + length]
        if place + 2 > len(data) or not length or len(entry) != length:
            return Bundle(entries, offsets, place)
        entries.append(entry)
        offsets.append(place)
        place += 2 + length
    return Bundle(entries, offsets, None)


def first_difference(found: Sequence[bytes], wanted: Sequence[bytes]) -> int:
    """The first place at which two lists differ; their common length if one begins the other."""
    for place, (one, other) in enumerate(zip(found, wanted, strict=False)):
        if one != other:
            return place
    return min(len(found), len(wanted))


def blame_entries(path: str, base: int, found: Sequence[bytes], wanted: Sequence[bytes]) -> list[Problem]:
    """Name what was done to a bundle whose leaf hashes are `found` where the tree has `wanted`."""
    place = first_difference(found, wanted)
    index = base + place

    def one(code: str, what: str) -> list[Problem]:
        return [Problem(code, f"{path}#{index}", f"{path} 里第 {index} 条记录{what}。")]

    if len(found) == len(wanted) - 1 and list(found[place:]) == list(wanted[place + 1 :]):
        return one("entry_dropped", "被删除")
    if len(found) == len(wanted) + 1 and list(found[place + 1 :]) == list(wanted[place:]):
        doubled = found[place] in (found[place - 1 : place] or []) or found[place] in wanted
        return one(
            "entry_doubled" if doubled else "entry_inserted", "是重复的一条" if doubled else "是插入的"
        )
    if Counter(found) == Counter(wanted):
        return one("entry_reordered", "起次序被调换")
    problems = []
    positions = {leaf: at for at, leaf in enumerate(wanted)}
    for at in range(place, max(len(found), len(wanted))):
        name = f"{path}#{base + at}"
        if at >= len(found):
            problems.append(Problem("entry_dropped", name, f"{path} 里缺少第 {base + at} 条记录。"))
        elif at >= len(wanted):
            problems.append(Problem("entry_inserted", name, f"{path} 里多出第 {base + at} 条记录。"))
        elif found[at] != wanted[at]:
            code, what = "entry_changed", "被改动"
            if found[at] in positions:
                other = base + positions[found[at]]
                code, what = "entry_doubled", f"被换成了第 {other} 条的内容"
            problems.append(Problem(code, name, f"{path} 里第 {base + at} 条记录{what}。"))
    return problems


def blame_hashes(path: str, found: Sequence[bytes], wanted: Sequence[bytes], first: int = 0) -> list[Problem]:
    """Name each hash of a tile that is not what the tree needs; `first`: number of the tile's first hash."""
    problems = []
    for at, (one, other) in enumerate(zip(found, wanted, strict=False)):
        if one != other:
            byte = 32 * at + first_difference(
                [one[i : i + 1] for i in range(32)], [other[i : i + 1] for i in range(32)]
            )
            sentence = f"{path} 里第 {first + at} 个摘要被改动（第 {byte} 个字节）。"
            problems.append(Problem("tile_changed", f"{path}@{byte}", sentence))
    return problems
