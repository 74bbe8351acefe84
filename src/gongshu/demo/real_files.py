"""What lies in the folder given with `--data`: files found, files missing, files that cannot be read.

Nothing is copied into the project; what a provider would put together is written to the home's own folder.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gongshu.demo.web import Unexpected

AIR = "air-quality"
DIVISIONS = "divisions/streets.csv"
SCENES = "catalogue/scenes-and-products.csv"
SOURCES = "catalogue/first-data-sources.jsonl"
ENCODINGS = ("utf-8-sig", "gb18030")
BROKEN = (OSError, EOFError, zlib.error, UnicodeError, csv.Error)


@dataclass(frozen=True)
class Found:
    """The parts of a data folder; an absent part is empty or none."""

    folder: Path
    air: tuple[Path, ...]
    divisions: Path | None
    scenes: Path | None
    sources: Path | None

    @property
    def parts(self) -> dict[str, bool]:
        """Title of a part → whether it is there."""
        return {
            f"空气质量小时监测（{AIR}/*.csv.gz）": bool(self.air),
            f"行政区划代码（{DIVISIONS}）": self.divisions is not None,
            f"已发布的应用场景（{SCENES}）": self.scenes is not None,
            f"数据来源说明（{SOURCES}）": self.sources is not None,
        }

    @property
    def mark(self) -> str:
        """Changes when a file of the folder comes, goes or changes its size."""
        files = [*self.air, *(one for one in (self.divisions, self.scenes, self.sources) if one)]
        said = "\n".join(f"{one.name} {one.stat().st_size}" for one in files)
        return hashlib.sha256(said.encode()).hexdigest()[:8]


def look(folder: Path) -> Found:
    """What is in the folder."""

    def there(name: str) -> Path | None:
        path = folder / name
        return path if path.is_file() else None

    air = sorted([*(folder / AIR).glob("*.csv.gz"), *(folder / AIR).glob("*.csv")])
    return Found(folder, tuple(air), there(DIVISIONS), there(SCENES), there(SOURCES))


def described(found: Found) -> str:
    """One line: what is there, what is not. Raises `Unexpected` when nothing is."""
    there = [title for title, is_there in found.parts.items() if is_there]
    missing = [title for title, is_there in found.parts.items() if not is_there]
    if not there:
        raise Unexpected(f"{found.folder} 里没有演示认得的数据，应有：{'、'.join(missing)}。")
    line = f"找到：{'、'.join(there)}。"
    return line + (f"没有：{'、'.join(missing)}，相应的步骤不做。" if missing else "")


@dataclass
class Joined:
    """One file put together of many. `rows`: data rows; `left`: file → why it was left out."""

    path: Path
    heads: list[str]
    rows: int = 0
    files: int = 0
    left: dict[str, str] = field(default_factory=dict)


def join(files: Sequence[Path], out: Path) -> Joined:
    """Files of the same columns as one gzip CSV; a broken or differing file is left out whole and named.

    Rows are carried over as they stand, `NA` cells and broken lines included: to judge them is the airlock's.
    Raises `Unexpected` when no file can be used.
    """
    made = Joined(out, [])
    out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = out.with_name(out.name + ".new")
    with gzip.GzipFile(temporary, "wb", compresslevel=3, mtime=0) as sink:
        for path in files:
            try:
                heads, body, count = _read(path)
            except BROKEN as error:
                made.left[path.name] = _why(error)
                continue
            if not made.heads:
                made.heads = heads
                sink.write(_line(heads))
            elif heads != made.heads:
                made.left[path.name] = "字段和第一个文件不同"
                continue
            sink.write(body)
            made.rows += count
            made.files += 1
    if not made.files:
        temporary.unlink()
        raise Unexpected(f"没有一个文件可以用：{said(made.left)}。")
    temporary.replace(out)
    return made


def _read(path: Path) -> tuple[list[str], bytes, int]:
    """(heads, the lines after the heading as UTF-8, how many). A file is read whole before any is written."""
    with _open(path) as source:
        data = source.read()
    text = decoded(data)
    heading, _, body = text.partition("\n")
    heads = [cell.strip() for cell in next(csv.reader(io.StringIO(heading)), [])]
    if len(heads) < 2 or not body.strip():
        raise csv.Error("没有表头或者没有数据行")
    body = body.replace("\r\n", "\n").rstrip("\n") + "\n"
    return heads, body.encode(), body.count("\n")


def _open(path: Path) -> gzip.GzipFile | IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def decoded(data: bytes) -> str:
    """UTF-8 or GB18030; raises `UnicodeError`."""
    for encoding in ENCODINGS[:-1]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(ENCODINGS[-1])


def _why(error: Exception) -> str:
    if isinstance(error, csv.Error):
        return str(error)
    return "编码认不出来" if isinstance(error, UnicodeError) else "压缩文件损坏或读不出来"


def said(left: dict[str, str], most: int = 3) -> str:
    """The first few of what was left out, each with its reason."""
    some = "；".join(f"{name}：{why}" for name, why in list(left.items())[:most])
    return some + (f"……共 {len(left)} 个" if len(left) > most else "")


def columns(path: Path) -> list[str]:
    """The heading of a CSV file. Raises `Unexpected` with the reason."""
    try:
        return _read(path)[0]
    except BROKEN as error:
        raise Unexpected(f"{path.name} 不能用：{_why(error)}。") from error


def records(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """(line, record) of a JSON Lines file; none where the line is no record. Blank lines are passed over."""
    try:
        text = decoded(path.read_bytes())
    except UnicodeError as error:
        raise Unexpected(f"{path.name} 不能用：{_why(error)}。") from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            made = json.loads(line)
        except ValueError:
            made = None
        yield number, made if isinstance(made, dict) else None
