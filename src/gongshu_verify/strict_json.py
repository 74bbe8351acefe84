"""Strict JSON in, canonical JSON out (RFC 8785), independent of the writer's library."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


class JsonError(ValueError):
    """Not JSON that has one meaning. A Chinese sentence."""


def loads(data: bytes) -> Any:
    """Raises `JsonError` for invalid UTF-8, doubled keys, NaN, unsafe numbers."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
        canonical(value)
    except JsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonError("文件不是有效的 JSON。") from error
    return value


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes. Raises `JsonError`."""
    return _text(value).encode("utf-8")


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise JsonError("JSON 文本里有不成对的代理字符。") from error
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) >= 2**53:
            raise JsonError("JSON 里的整数太大。")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in names) + "}"


def _number(value: float) -> str:
    """A double as ECMAScript writes it."""
    if not math.isfinite(value):
        raise JsonError("JSON 里的数字无法准确表示。")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = (
        f"{repr(abs(value)) if 'e' in repr(value) else _scientific(abs(value))}".partition("e")
    )
    digits = mantissa.replace(".", "").rstrip("0") or "0"
    point = int(exponent) + 1
    if 0 < point <= 21:
        if len(digits) <= point:
            return sign + digits.ljust(point, "0")
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _scientific(value: float) -> str:
    digits, _, fraction = repr(value).partition(".")
    if digits == "0":
        stripped = fraction.lstrip("0")
        return f"{stripped[0]}.{stripped[1:]}e-{len(fraction) - len(stripped) + 1}"
    return f"{digits[0]}.{digits[1:]}{fraction}e{len(digits) - 1}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("JSON 对象里有重复的键。")
    return found


def _constant(name: str) -> NoReturn:
    raise JsonError(f"JSON 里不能有 {name}。")
