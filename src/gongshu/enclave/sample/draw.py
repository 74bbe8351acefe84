"""Draw a sample: tables of pseudonyms and mosaics that look and join like the raw ones and are nobody's.

For each drawn subject another one of the sample stands in: its rows are the bases of the new rows, in
every table alike, so that what belongs together across tables still does, while no pseudonym carries its
own subject's values. How many rows a subject has is taken from others with about as many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gongshu.enclave import halting
from gongshu.enclave.sample import bands, frame, mosaic
from gongshu.enclave.sample.frame import Frame
from gongshu.enclave.sample.model import Array, Column, Drawn, SampleError, Settings, Source
from gongshu.enclave.sample.pseudonyms import Pseudonyms

LOOSE = 0.9
"""A naming column this different from row to row names each row; else its values are dealt out evenly."""
WEEKS = 4
"""Dates move by whole weeks, up to so many either way, the same for all rows of a subject."""
ORDER = 0.999


@dataclass(frozen=True)
class Cast:
    """The subjects of one domain that are drawn, and who stands in for whom."""

    names: tuple[str, ...]
    stands_in: Mapping[str, str]


@dataclass(frozen=True)
class Pool:
    """The pseudonyms of a domain's drawn subjects, and the raw names of all it has (to tell a reference to
    them from another numbering of the same form)."""

    made: list[str]
    known: frozenset[str]

    def refers(self, values: Sequence[str]) -> bool:
        return sum(value.strip().upper() in self.known for value in values) >= len(values) / 2


def _known(frames: Mapping[str, Frame], domain: str) -> frozenset[str]:
    return frozenset(
        str(name) for one in frames.values() if _subject_domain(one) == domain for name in one.names
    )


def seeded(key: bytes, *parts: str) -> np.random.Generator:
    """Random numbers only the key's holder can repeat: the same grant and snapshots, the same sample."""
    salted = b"\0".join([key, *(part.encode() for part in parts)])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(salted).digest(), "big"))


def draw(
    sources: Sequence[Source], key: bytes, settings: Settings, seed: str = ""
) -> tuple[dict[str, Drawn], dict[str, Frame]]:
    """The sample of all tables and the raw frames it came from (these never leave the data domain).

    `key`: of the project; `seed`: names grant and snapshots. Raises SampleError.
    """
    if not sources:
        raise SampleError("授权没有写明任何表，不生成样例。")
    frames, chosen = _frames(sources, key, settings)
    cast = _cast(frames, chosen, key, settings)
    names = Pseudonyms(key)
    pools = {
        domain: Pool([names.of(domain, one) for one in each.names], _known(frames, domain))
        for domain, each in cast.items()
    }
    made = {
        name: _table(one, cast.get(_subject_domain(one)), pools, names, key, settings, seed)
        for name, one in frames.items()
    }
    return made, frames


def _frames(
    sources: Sequence[Source], key: bytes, settings: Settings
) -> tuple[dict[str, Frame], dict[str, Array]]:
    frames, chosen = {}, {}
    connection = frame.connect(sources)
    try:
        shares = frame.shares(connection, sources, settings)
        with halting.watched(connection.interrupt):
            for source in sources:
                halting.check()
                share = shares[frame._domain(source)]
                found = frame.read(connection, source, share, key, settings)
                frames[source.name], chosen[source.name] = found
    finally:
        connection.close()
    return frames, chosen


def _subject_domain(one: Frame) -> str:
    subject = one.source.subject
    return one.source.column(subject).domain if subject else ""


def _cast(
    frames: Mapping[str, Frame], chosen: Mapping[str, Array], key: bytes, settings: Settings
) -> dict[str, Cast]:
    """domain → its drawn subjects. Those of a pattern of tables that few share are left out."""
    cast = {}
    for domain in sorted({_subject_domain(one) for one in frames.values()} - {""}):
        tables = [name for name, one in frames.items() if _subject_domain(one) == domain]
        seen: dict[str, list[str]] = {}
        for name in tables:
            for place in np.flatnonzero(chosen[name]):
                seen.setdefault(str(frames[name].names[place]), []).append(name)
        patterns: dict[tuple[str, ...], list[str]] = {}
        for subject, where in sorted(seen.items()):
            patterns.setdefault(tuple(where), []).append(subject)
        stands_in: dict[str, str] = {}
        for group, subjects in sorted(patterns.items()):
            if len(subjects) < settings.threshold:
                continue
            order = list(seeded(key, "cast", domain, *group).permutation(len(subjects)))
            ring = [subjects[place] for place in order]
            stands_in |= dict(zip(ring, [*ring[1:], ring[0]], strict=True))
        if not stands_in:
            raise SampleError("抽到的主体太少，会指向个别主体，不生成样例。")
        cast[domain] = Cast(tuple(sorted(stands_in)), stands_in)
    return cast


def _table(
    one: Frame,
    cast: Cast | None,
    pools: Mapping[str, Pool],
    names: Pseudonyms,
    key: bytes,
    settings: Settings,
    seed: str,
) -> Drawn:
    source = one.source
    random = seeded(key, "table", source.name, seed)
    who, base = _bases(one, cast, random, settings)
    mixed = [each for each in source.columns if not each.names_somebody and each.name != source.subject]
    banded = banded_columns(one, mixed, settings)
    fewest = least(one, settings)
    made = mosaic.recipe(banded, one.subject, fewest)
    groups = _groups(mixed)
    found, kept = mosaic.donors(made, base, groups, max(settings.threshold, 2), random)
    shift = _shifts(who, key, cast is not None)
    drawn = Drawn(source, dropped=int((~kept).sum()))
    for place, (each, band) in enumerate(zip(mixed, banded, strict=True)):
        drawn.columns[each.name] = _cells(each, band, found[place], shift, random)
    _keep_order(one, drawn, mixed)
    copied = copies(drawn, one, mixed, fewest)
    drawn.dropped += int((copied & kept).sum())
    kept &= ~copied
    for each in source.columns:
        if each.name == source.subject and cast is not None:
            write: Callable[[str], object] = int if each.is_number else str
            drawn.columns[each.name] = [write(names.of(each.domain, subject)) for subject in who]
        elif each.name not in drawn.columns:
            drawn.columns[each.name] = _named(one, each, who, pools, names, random)
    return _shuffled(drawn, kept, random)


def least(one: Frame, settings: Settings) -> int:
    """How many subjects a combination needs to be shown; one where nobody stands behind the rows."""
    return settings.threshold if one.source.subject else 1


def copies(drawn: Drawn, one: Frame, columns: Sequence[Column], threshold: int) -> Array:
    """Which rows equal, in every column that names nobody, raw rows of fewer subjects than the threshold."""
    if not columns:
        return np.zeros(drawn.height, dtype=bool)
    seen: dict[tuple[str, ...], set[int]] = {}
    cells = zip(*(map(repr, one.cells[each.name]) for each in columns), strict=True)
    for row, subject in zip(cells, one.subject, strict=True):
        seen.setdefault(row, set()).add(int(subject))
    rows = zip(*(map(repr, drawn.columns[each.name]) for each in columns), strict=True)
    return np.array([0 < len(seen.get(row, ())) < threshold for row in rows], dtype=bool)


def banded_columns(one: Frame, columns: Sequence[Column], settings: Settings) -> list[mosaic.Banded]:
    """The columns of a frame as bands and categories."""
    public = one.source.subject is None
    return [
        bands.category(
            one.cells[each.name], one.subject, settings.threshold, not (public and each.grade == "L1")
        )
        if each.type in ("VARCHAR", "BOOLEAN")
        else bands.ordered(one.cells[each.name], one.subject, each.type, settings.threshold)
        for each in columns
    ]


def _groups(columns: Sequence[Column]) -> list[int]:
    """Dates of one row come from one donor; every other column from its own."""
    first = next((n for n, each in enumerate(columns) if each.type in ("DATE", "TIMESTAMP")), 0)
    return [first if each.type in ("DATE", "TIMESTAMP") else n for n, each in enumerate(columns)]


def _bases(
    one: Frame, cast: Cast | None, random: np.random.Generator, settings: Settings
) -> tuple[list[str], Array]:
    """(whom each new row is about, the raw row it is built around)."""
    if cast is None:
        rows = random.permutation(one.height)[: min(settings.rows, max(1, int(one.height * settings.share)))]
        return [""] * rows.size, rows
    order: Array = np.argsort(one.subject, kind="stable")
    starts: Array = np.searchsorted(one.subject[order], np.arange(len(one.names) + 1))
    counts: Array = np.diff(starts)
    like = _alike(counts, settings.threshold, random)
    place = {str(name): at for at, name in enumerate(one.names)}
    who: list[str] = []
    bases: list[Array] = []
    for subject, other in cast.stands_in.items():
        at = place.get(other)
        if at is None or subject not in place:
            continue
        own = order[starts[at] : starts[at + 1]]
        wanted = int(counts[like[at]])
        bases.append(own[random.integers(0, own.size, wanted)] if wanted != own.size else own)
        who += [subject] * wanted
    if not bases:
        raise SampleError(f"表“{one.source.name}”没有抽到主体，不生成样例。")
    return who[: settings.rows], np.concatenate(bases)[: settings.rows]


def _alike(counts: Array, threshold: int, random: np.random.Generator) -> Array:
    """For each subject another one with about as many rows: among the nearest `threshold` by count."""
    order = np.argsort(counts, kind="stable")
    found = np.empty_like(order)
    for start in range(0, order.size, threshold):
        block = order[start : start + threshold]
        if block.size < threshold:
            block = order[-threshold:]
        found[block] = block[random.integers(0, block.size, block.size)]
    middle = int(order[-((threshold + 1) // 2)])
    found[order[-threshold:]] = middle  # who has the most rows shows no longer
    return found


def _shifts(who: Sequence[str], key: bytes, moves: bool) -> Array:
    """Days each row's dates move: whole weeks, one number a subject; none in tables about nobody."""
    if not moves:
        return np.zeros(len(who))
    weeks = dict.fromkeys(who, 0)
    for one in weeks:
        drawn = int.from_bytes(hashlib.sha256(key + b"\0weeks\0" + one.encode()).digest()[:4], "big")
        far = drawn % (2 * WEEKS)
        weeks[one] = far - WEEKS if far < WEEKS else far - WEEKS + 1
    return np.array([7.0 * weeks[one] for one in who])


def _cells(
    column: Column, band: mosaic.Banded, donors: Array, shift: Array, random: np.random.Generator
) -> list[object]:
    if isinstance(band, bands.Category):
        return [band.words[one] for one in band.code[donors]]
    return bands.written(band.draw(donors, random, shift), column.type)


def _keep_order(one: Frame, drawn: Drawn, columns: Sequence[Column]) -> None:
    """Where one date never comes before another in the raw rows, it does not in the sample's either."""
    dates = [each.name for each in columns if each.type in ("DATE", "TIMESTAMP")]
    for first in dates:
        for second in dates:
            if first != second and _always_before(one.cells[first], one.cells[second]):
                earlier, later = drawn.columns[first], drawn.columns[second]
                for row, (a, b) in enumerate(zip(earlier, later, strict=True)):
                    if a is not None and b is not None and bands.as_number(a) > bands.as_number(b):
                        later[row] = a


def _always_before(first: Array, second: Array) -> bool:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not pairs or type(pairs[0][0]) is not type(pairs[0][1]):
        return False
    return sum(a <= b for a, b in pairs) >= ORDER * len(pairs) and any(a < b for a, b in pairs)


def _named(
    one: Frame,
    column: Column,
    who: Sequence[str],
    pools: Mapping[str, Pool],
    names: Pseudonyms,
    random: np.random.Generator,
) -> list[object]:
    """A naming column that is not the subject.

    What every subject has one of, and of its own, becomes the pseudonym of that; what is almost different
    from row to row likewise; anything else is dealt out evenly, so that no value shows by its frequency.
    """
    raw = one.cells[column.name]
    filled = [str(value) for value in raw if value is not None and str(value).strip()]
    if not filled:
        return [None] * len(who)
    gaps = random.random(len(who)) < 1 - len(filled) / len(raw)
    owned, steady = _owned(one, raw)
    different = sorted(set(filled))
    keys = _keys(who, steady and one.source.subject is not None)
    if len(owned) >= LOOSE * len(one.names) if steady else len(different) >= LOOSE * len(filled):
        made = {
            key: names.of(
                column.domain,
                (owned.get(key[0]) if key[1] < 0 else None)
                or _form(filled, f"{column.name} {key[0]} {key[1]}", random),
            )
            for key in dict.fromkeys(keys)
        }
    else:
        there = pools.get(column.domain)
        pool = (
            there.made
            if there is not None and there.refers(different)
            else [
                names.of(column.domain, different[place])
                for place in np.sort(random.permutation(len(different))[:500])
            ]
        )
        made = {key: pool[int(random.integers(0, len(pool)))] for key in dict.fromkeys(keys)}
    write: Callable[[str], object] = int if column.is_number else str
    return [None if gap else write(made[key]) for gap, key in zip(gaps, keys, strict=True)]


def _keys(who: Sequence[str], steady: bool) -> list[tuple[str, int]]:
    """Rows that share a value share a key: all of a subject's where that is so, else each its own; -1 marks
    the one that takes the subject's own value."""
    seen: set[str] = {""}
    keys = []
    for row, subject in enumerate(who):
        keys.append((subject, -1 if steady or subject not in seen else row))
        seen.add(subject)
    return keys


def _owned(one: Frame, raw: Array) -> tuple[dict[str, str], bool]:
    """(subject → the value only it has, whether a subject's rows all have the same one)."""
    values: dict[int, dict[str, None]] = {}
    holders: dict[str, set[int]] = {}
    for number, value in zip(one.subject, raw, strict=True):
        if value is not None:
            values.setdefault(int(number), {})[str(value)] = None
            holders.setdefault(str(value), set()).add(int(number))
    owned = {
        str(one.names[number]): next(iter(mine))
        for number, mine in values.items()
        if len(holders[next(iter(mine))]) == 1
    }
    return owned, sum(len(mine) == 1 for mine in values.values()) >= ORDER * len(values)


def _form(filled: Sequence[str], text: str, random: np.random.Generator) -> str:
    """A value nobody has, in the written form of a real one: only its form and a number go on."""
    like = filled[int(random.integers(0, len(filled)))]
    digits = iter(str(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) * 2)
    return "".join(next(digits) if char.isdigit() else char for char in like)


def _shuffled(drawn: Drawn, kept: Array, random: np.random.Generator) -> Drawn:
    """Rows in an order that tells nothing, without those that could not be shown."""
    order = random.permutation(np.flatnonzero(kept))
    names = [each.name for each in drawn.source.columns]
    drawn.columns = {name: [drawn.columns[name][row] for row in order] for name in names}
    if not drawn.height:
        raise SampleError(f"表“{drawn.source.name}”的每种组合都太少，不生成样例。")
    return drawn
