"""Canonical JSON (RFC 8785): one byte string for one value, so that a signature means one thing.

`dumps` writes, `loads` reads strictly. Both raise `CanonicalError` with a Chinese sentence. Reading is
stricter than JSON asks: what two readers could understand in two ways is refused (I-JSON, RFC 7493).
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import rfc8785

SAFE_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exactly (RFC 7493 2.2)."""


class CanonicalError(ValueError):
    """The value or the text has no single canonical form. `args[0]` is a Chinese sentence."""


def dumps(obj: Any) -> bytes:
    """The RFC 8785 form of `obj` as UTF-8 bytes.

    `obj` is built of dict (text keys), list, tuple, str, int, float, bool and None. Raises
    `CanonicalError` for NaN, infinities, integers beyond 2^53 - 1, lone surrogates, other types and
    nesting too deep to walk.
    """
    try:
        return rfc8785.dumps(obj)
    except RecursionError as error:
        raise CanonicalError("内容嵌套过深，不能写成规范 JSON。") from error
    except (ValueError, TypeError) as error:  # CanonicalizationError is a ValueError
        raise CanonicalError(f"内容不能写成规范 JSON（RFC 8785）：{error}。") from error


def loads(data: bytes) -> Any:
    """Read one JSON text. The inverse of `dumps`; whitespace and key order do not matter.

    Raises `CanonicalError` for invalid UTF-8, a byte order mark, duplicate keys, NaN and infinities,
    integers beyond 2^53 - 1, lone surrogates, trailing text and nesting too deep to walk.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CanonicalError(f"不是有效的 UTF-8 文本（第 {error.start + 1} 个字节）。") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except CanonicalError:
        raise
    except RecursionError as error:
        raise CanonicalError("JSON 嵌套过深。") from error
    except ValueError as error:
        raise CanonicalError(f"不是有效的 JSON 文本：{error}。") from error
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def is_canonical(data: bytes) -> bool:
    """Whether `data` is exactly the canonical form of what it says."""
    try:
        return dumps(loads(data)) == data
    except CanonicalError:
        return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise CanonicalError(f"JSON 对象里的键“{key}”出现了两次。")
            seen.add(key)
    return found


def _constant(name: str) -> NoReturn:
    raise CanonicalError(f"JSON 里不能有 {name}。")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise CanonicalError(f"数字 {text[:40]} 超出了 JSON 能准确表示的范围。")
    return number


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > SAFE_INTEGER:
        raise CanonicalError(f"整数 {text[:40]} 超出了 JSON 能准确表示的范围（2^53-1）。")
    return int(text)


def _refuse_surrogates(value: Any) -> None:
    """JSON escapes can name half a character; such text has no UTF-8 form."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            try:
                item.encode("utf-8")
            except UnicodeEncodeError as error:
                raise CanonicalError("JSON 文本里有不成对的代理字符。") from error
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
