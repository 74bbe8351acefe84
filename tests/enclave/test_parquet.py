"""Parquet a developer wrote: small on the disk, large in memory, and judged before it is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.enclave import parquet, render


def equal(path: Path, rows: int, value: object = 7) -> Path:
    """Equal values: a few bytes a row group."""
    batch = pa.table({"n": pa.array([value] * 100_000)})
    with pq.ParquetWriter(path, batch.schema, compression="zstd") as writer:
        for _ in range(rows // 100_000):
            writer.write_table(batch)
    return path


def test_many_equal_rows_are_refused_by_the_footer_alone(tmp_path: Path) -> None:
    path = equal(tmp_path / "many.parquet", 2_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(parquet.TooLarge, match="行"):
        parquet.check(path, most_rows=1_999_999)
    before = pa.total_allocated_bytes()
    with pytest.raises(render.RenderError, match="200000 行"):
        render.rows_of(path)
    assert pa.total_allocated_bytes() - before < 1 << 20
    assert parquet.check(path) < 64


def test_a_long_text_repeated_is_refused_and_a_middling_one_comes_in_small_batches(tmp_path: Path) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 50), pa.array(["长" * 350_001]))
    path = tmp_path / "long.parquet"
    pq.write_table(pa.table({"t": text}), path)
    with pytest.raises(parquet.TooLarge, match="KB"):
        parquet.check(path)
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 1_400), pa.array(["x" * 200_000]))
    pq.write_table(pa.table({"t": text}), path)
    assert parquet.unpacked(path) >= 280_000_000
    with pytest.raises(render.RenderError, match="MB"):
        render.rows_of(path)
    with parquet.opened(path) as file:
        first = next(parquet.batches(file, path))
    assert first.num_rows * 200_000 <= parquet.BATCH_BYTES


def test_every_row_comes_and_once(tmp_path: Path) -> None:
    path = tmp_path / "plain.parquet"
    table = pa.table({"n": range(150_000), "t": [f"镇{n % 7}" for n in range(150_000)]})
    pq.write_table(table, path)
    with parquet.opened(path) as file:
        found = pa.Table.from_batches(parquet.batches(file, path))
    assert found.equals(table)
