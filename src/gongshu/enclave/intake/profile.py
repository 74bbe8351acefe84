"""Feeding Arrow columns to a profile: cell by cell at first, by vectors once the column is settled."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from gongshu.recognise import ColumnProfile, types
from gongshu.recognise.column import SAMPLE_LATER, Settled

from .convert import cast_plain

_BLANKS = pa.array(sorted(types.BLANKS), pa.string())
_VAGUE = pa.array(sorted(types.VAGUE), pa.string())
_TARGETS = {"int": pa.int64(), "number": pa.float64(), "date": pa.date32(), "stamp": pa.timestamp("us")}
_CODE = r"^[+-]?0[0-9]"
_OLDEST = dt.date(1900, 1, 1)


def feed(profile: ColumnProfile, column: pa.Array) -> None:
    """Count a block of cells; the same result as `profile.feed` up to which cells were sampled."""
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    form = profile.settled
    if form is None or not _feed_settled(profile, column, form):
        profile.feed(column.to_pylist())


def _feed_settled(profile: ColumnProfile, column: pa.Array, form: str) -> bool:
    """False where a cell is not of the settled form: the block is then judged cell by cell."""
    trimmed = pc.utf8_trim_whitespace(column)
    blank = pc.is_in(pc.fill_null(trimmed, ""), value_set=_BLANKS)
    vague = pc.is_in(trimmed, value_set=_VAGUE)
    filled = trimmed.filter(pc.invert(pc.or_(blank, vague)))
    out_of_range = 0
    if form in _TARGETS:
        values = _values(filled, form)
        if values is None:
            return False
        outside = _outside(profile, values, form)
        if outside is None:
            return False
        out_of_range = outside
    step = max(1, len(filled) // SAMPLE_LATER)
    profile.feed_settled(
        Settled(
            form=form,
            filled=len(filled),
            blank=_count(blank),
            vague=_count(vague),
            recurs=_count(pc.equal(column, profile.name)),
            out_of_range=out_of_range,
            some=filled[::step].to_pylist()[:SAMPLE_LATER],
            keys=filled[: profile.remembers].to_pylist() if profile.remembers else (),
        )
    )
    return True


def _values(cells: pa.Array, form: str) -> pa.Array | None:
    if form == "int" and pc.any(pc.match_substring_regex(cells, _CODE)).as_py():
        return None
    return cast_plain(cells, _TARGETS[form])


def _outside(profile: ColumnProfile, values: pa.Array, form: str) -> int | None:
    """Cells out of range; None where days must be looked at one by one."""
    if form in ("date", "stamp"):
        bounds = pc.min_max(values).as_py()
        if bounds["min"] is None:
            return 0
        first, last = (b.date() if isinstance(b, dt.datetime) else b for b in (bounds["min"], bounds["max"]))
        return 0 if first >= _OLDEST and (profile.today is None or last <= profile.today) else None
    if profile.limits is None:
        return 0
    numbers = values.cast(pa.float64(), safe=False)
    low, high = profile.limits
    return _count(pc.or_(pc.less(numbers, low), pc.greater(numbers, high)))


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
