"""Reading an output: extension and content must agree, and every part is brought to light."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..model import Document
from ..sentences import say
from . import markup, models, nested, sheet, tabular
from .text import Unreadable

_BIGGEST = 1_000_000_000

_TEXT_READERS: dict[str, Callable[[bytes], Document]] = {
    ".csv": tabular.read_csv,
    ".tsv": tabular.read_csv,
    ".json": nested.read_json,
    ".ndjson": nested.read_json,
    ".jsonl": nested.read_json,
    ".xlsx": sheet.read_xlsx,
    ".md": markup.read_markdown,
    ".markdown": markup.read_markdown,
    ".txt": markup.read_text,
    ".html": markup.read_html,
    ".htm": markup.read_html,
    ".onnx": models.read_onnx,
}
_REFUSED = {
    ".docx": "docx",
    ".doc": "doc",
    ".pdf": "pdf",
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "joblib",
    ".npz": "npz",
    ".npy": "npy",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".h5": "hdf5",
    ".zip": "zip",
    ".gz": "gzip",
    ".xls": "xls",
    ".xlsm": "xlsm",
    ".sqlite": "sqlite",
    ".db": "sqlite",
    ".pptx": "pptx",
    ".svg": "svg",
    ".exe": "exe",
}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"\x93NUMPY", "npy"),
    (b"\x89HDF", "hdf5"),
    (b"SQLite format 3", "sqlite"),
    (b"\xd0\xcf\x11\xe0", "doc"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04\x95", "pickle"),
    (b"\x80\x05\x95", "pickle"),
)
_CONTENT = {".parquet": "parquet", ".xlsx": "zip"}


def _magic(data: bytes) -> str | None:
    return next((name for mark, name in _MAGIC if data.startswith(mark)), None)


def _refuse(check: str, sentence: str, **words: object) -> Document:
    return Document("none", findings=[say(check, "block", "文件", sentence, **words)])


def read(path: Path, kind: str, model_format: str | None = None) -> Document:
    """The output taken apart. What cannot be judged comes back as a blocking finding.

    A file of `kind` model is read as its declared format.
    """
    suffix = path.suffix.lower()
    if suffix in _REFUSED:
        return _refuse("format", "format", what=_REFUSED[suffix])
    data = path.read_bytes() if path.stat().st_size <= _BIGGEST else b""
    if not data:
        empty = path.stat().st_size == 0
        return _refuse("unreadable", "unreadable" if empty else "too_large", what="空文件")
    content = _magic(data)
    if content is not None and _CONTENT.get(suffix) != content:
        return _refuse("format", "format", what=content)
    reader = _reader(suffix, kind, model_format, data)
    if reader is None:
        check, sentence = ("format", "model_format") if kind == "model" else ("format", "format")
        return _refuse(check, sentence, what=suffix.lstrip(".") or "无扩展名")
    try:
        return tabular.read_parquet(path) if suffix == ".parquet" else reader(data)
    except Unreadable as error:
        return _refuse("unreadable", "unreadable", what=str(error))
    except OverflowError:
        return _refuse("unreadable", "too_large")
    except (ValueError, RecursionError, LookupError, MemoryError):
        # A reader's own surprise is a file nobody can judge: it stays inside.
        return _refuse("unreadable", "unreadable", what="结构损坏")


def _reader(
    suffix: str, kind: str, model_format: str | None, data: bytes
) -> Callable[[bytes], Document] | None:
    if kind == "model":
        if model_format == "lightgbm-text" or (model_format is None and data.startswith(b"tree")):
            return models.read_lightgbm
        if model_format == "onnx" or suffix == ".onnx":
            return models.read_onnx
        if model_format == "json" or suffix == ".json":
            return nested.read_json
        return None
    if suffix == ".parquet":
        return tabular.read_csv  # never called: Parquet is read from its path
    return _TEXT_READERS.get(suffix) if suffix != ".onnx" else None
