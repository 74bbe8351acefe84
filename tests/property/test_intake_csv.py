"""Any table written as CSV by Python's own writer is read back as it was, whatever stands in its cells."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gongshu.enclave.intake.lines import Lines
from gongshu.enclave.intake.problems import Broken, IntakeError
from gongshu.enclave.intake.records import Records, shape

CELLS = st.text(
    st.characters(
        codec="gb18030", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\x85\ufffd\ufeff"
    )
    | st.sampled_from(',"\n;\t|'),
    max_size=12,
)


def read(data: bytes) -> tuple[list[list[str]], Broken]:
    broken = Broken()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "t.csv"
        path.write_bytes(data)
        lines = Lines(path, broken, 1 << 30)
        records = Records(lines, shape(lines.head()), broken)
        rows = [row for block in records for row in block]
        return ([records.header, *rows] if records.header else rows), broken


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=3, max_size=12)
    ),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_read(rows: list[list[str]], encoding: str) -> None:
    head = [f"列名{chr(0x7532 + n)}" for n in range(len(rows[0]))]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([head, *rows])
    got, broken = read(out.getvalue().encode(encoding))
    assert broken.total() == 0
    assert got == [head, *rows]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Anything is rows of one width, broken lines, or a clear refusal."""
    try:
        rows, broken = read(data)
    except IntakeError as error:
        assert error.sentence.endswith("。")
        return
    assert len({len(row) for row in rows}) <= 1
    assert broken.total() >= 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["1,2", '3,"4"', "5", "6,7,8", '9,"x', 'y",0', '"a""b",c', '"']),
        min_size=1,
        max_size=40,
    )
)
def test_no_line_is_lost_or_counted_twice(lines: list[str]) -> None:
    """Every physical line is in a record, set aside, or blank: none vanishes."""
    text = "甲,乙\n甲一,乙一\n" + "\n".join(lines) + "\n"
    rows, broken = read(text.encode())
    assume(rows)
    whole = sum(1 + sum(cell.count("\n") for cell in row) for row in rows)
    assert whole + broken.total() == len(lines) + 2
