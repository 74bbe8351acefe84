"""Feeding Arrow columns to a profile: cell by cell at first, by vectors once the column is settled."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gongshu.recognise import ColumnProfile, types
from gongshu.recognise.column import SAMPLE_LATER

from .convert import cast_plain

_BLANKS = pa.array(sorted(types.BLANKS), pa.string())
_VAGUE = pa.array(sorted(types.VAGUE), pa.string())
_TARGETS = {"int": pa.int64(), "number": pa.float64()}
_CODE = r"^[+-]?0[0-9]"


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
    if form in _TARGETS and not _numbers(filled, form):
        return False
    counts = (len(filled), _count(blank), _count(vague), _count(pc.equal(column, profile.name)))
    step = max(1, len(filled) // SAMPLE_LATER)
    profile.feed_settled(form, counts, filled[::step].to_pylist()[:SAMPLE_LATER])
    return True


def _numbers(cells: pa.Array, form: str) -> bool:
    if pc.any(pc.match_substring_regex(cells, _CODE)).as_py() and form == "int":
        return False
    return cast_plain(cells, _TARGETS[form]) is not None


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
