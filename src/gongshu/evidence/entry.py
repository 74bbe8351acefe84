"""One line of evidence: who did what to which thing under which article, and no word more.

An entry holds ids, dotted names, digests and numbers, never a name, a reason or a value: the record it
speaks of can be erased lawfully and the log stays whole. Every field is checked by shape; numbers that
look like a resident id, a mobile phone or a credit code are refused wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gongshu.crypto import opaque

ENTRY_FIELDS = (
    "v",
    "source",
    "seq",
    "time",
    "zone",
    "actor",
    "subject",
    "role",
    "act",
    "case",
    "articles",
    "digests",
    "numbers",
    "moved",
)
"""`numbers` and `moved` are absent when there is nothing to say."""

VERSION = 1
MAX_BYTES = 65_535
"""An entry bundle gives each entry's length in 16 bits (C2SP tlog-tiles)."""
_SAFE = 2**53 - 1
_LARGEST_NUMBER = 10**10 - 1  # ten digits: a count, never a mobile phone's eleven


looks_personal = opaque.looks_personal


class EntryError(ValueError):
    """A field has not the shape an entry may have. `args[0]` is a Chinese sentence."""


_SHAPES: dict[str, re.Pattern[str]] = {
    "source": re.compile(r"[a-z][a-z0-9-]{0,31}(?:\.[a-z0-9-]{1,32}){0,3}"),
    "time": re.compile(
        r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T"
        r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
    ),
    "zone": re.compile(r"[a-z][a-z0-9-]{0,31}"),
    "id": opaque.SHAPE,
    "dotted": re.compile(r"[a-z][a-z0-9_-]{0,47}(?:\.[a-z0-9][a-z0-9_-]{0,47}){0,5}"),
    "article": re.compile(r"[a-z][a-z0-9-]{0,47}:[0-9A-Za-z\u4e00-\u9fff（）().、-]{1,32}"),
    "digest": re.compile(r"(?:sha256|sm3):[0-9a-f]{64}"),
}

_FIELD_SHAPE = (
    ("source", "source"),
    ("time", "time"),
    ("zone", "zone"),
    ("actor", "id"),
    ("role", "dotted"),
    ("act", "dotted"),
)
_REQUIRED = frozenset(ENTRY_FIELDS) - {"numbers", "moved"}
_ALLOWED = frozenset(ENTRY_FIELDS)
_encoder = msgspec.json.Encoder(order="sorted")

# Ids, roles, acts and articles recur all the time; what was found good once need not be matched again.
_good: dict[str, set[str]] = {shape: set() for shape in _SHAPES}
_REMEMBERED = 20_000


def make(
    source: str,
    seq: int,
    time: datetime | str,
    zone: str,
    actor: str,
    subject: str | None,
    role: str,
    act: str,
    case: str | None,
    articles: Iterable[str],
    digests: Mapping[str, str],
    moved: int | None = None,
    *,
    numbers: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """A validated entry, ready to be appended.

    `source` is the process whose journal holds it and `seq` its number there, from 1 without a gap;
    `time` is wall time (aware datetime, or text as in an entry), `moved` the seconds by which the business
    clock was moved, if it was. `actor`, `subject`, `case` are opaque ids (subject and case may be empty),
    `role` and `act` dotted names, `articles` a list of `source-key:article`, `digests` a map of dotted
    names to `alg:hex` (salted by the caller), `numbers` a map of dotted names to counts of at most ten
    digits. Raises `EntryError`.
    """
    entry: dict[str, Any] = {
        "act": act,
        "actor": actor,
        "articles": list(articles),
        "case": case or "",
        "digests": dict(digests),
        "role": role,
        "seq": seq,
        "source": source,
        "subject": subject or "",
        "time": time if isinstance(time, str) else stamp(time),
        "v": VERSION,
        "zone": zone,
    }
    if numbers:
        entry["numbers"] = dict(numbers)
    if moved:
        entry["moved"] = moved
    check(entry)
    return entry


def stamp(moment: datetime) -> str:
    """Wall time as an entry writes it: UTC, milliseconds, `Z`. Raises `EntryError` for a naive time."""
    if moment.tzinfo is None:
        raise EntryError("存证的时间必须带时区。")
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def check(entry: Mapping[str, Any]) -> None:
    """Raise `EntryError` unless `entry` is exactly an entry: every field there, of its shape, no other."""
    keys = entry.keys()
    if not keys <= _ALLOWED or not keys >= _REQUIRED:
        strange, missing = sorted(map(str, keys - _ALLOWED)), sorted(_REQUIRED - keys)
        words = [f"缺少 {'、'.join(missing)}"] if missing else []
        words += [f"多出 {'、'.join(strange)[:80]}"] if strange else []
        raise EntryError(f"存证条目的字段不对：{'；'.join(words)}。")
    if entry["v"] != VERSION or type(entry["v"]) is not int:
        raise EntryError("存证条目的版本不认识。")
    seq = entry["seq"]
    if type(seq) is not int or not 1 <= seq <= _SAFE:
        raise EntryError("存证条目的编号应为从 1 开始的整数。")
    for name, shape in _FIELD_SHAPE:
        _shaped(name, shape, entry[name])
    for name in ("subject", "case"):
        if entry[name] != "":
            _shaped(name, "id", entry[name])
    _check_articles(entry["articles"])
    _check_digests(entry["digests"])
    if "numbers" in entry:
        _check_numbers(entry["numbers"])
    if "moved" in entry:
        moved = entry["moved"]
        if type(moved) is not int or moved == 0 or abs(moved) > _LARGEST_NUMBER:
            raise EntryError("存证条目的 moved 应为非零的整秒数。")


def checked(entry: Mapping[str, Any]) -> bytes:
    """`check` and `canonical` in one: the bytes of a good entry, or `EntryError`.

    Most entries are recognised whole by one expression over their bytes; what it does not know by sight
    takes the long way through `check`.
    """
    try:
        data = _encoder.encode(entry)
    except (TypeError, ValueError, RecursionError):
        check(entry)
        raise EntryError("存证条目不能写成规范 JSON。") from None
    match = _WHOLE.fullmatch(data)
    if match is None or len(data) > MAX_BYTES or match["rest"] not in _good_articles:
        check(entry)
        if match is not None:
            if len(_good_articles) >= _REMEMBERED:
                _good_articles.clear()
            _good_articles.add(match["rest"])
        return canonical(entry)
    for name in _IDS:
        value = entry[name]
        if value not in _good_ids and value != "":
            _shaped(name, "id", value)
    return data


def canonical(entry: Mapping[str, Any]) -> bytes:
    """The RFC 8785 bytes of a *checked* entry.

    Checked entries hold only ASCII keys, safe integers and texts without control characters, quotes and
    backslashes; for these a plain sorted encoder writes what RFC 8785 asks (a property test holds it).
    """
    encoded = _encoder.encode(entry)
    if len(encoded) > MAX_BYTES:
        raise EntryError("存证条目过长。")
    return encoded


# The fast way: letters only where names stand, ids looked up one by one, articles known as a whole.
_NAME = rb"[a-z][a-z_-]{0,47}(?:\.[a-z][a-z_-]{0,47}){0,5}"
_ACTOR = rb"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,95}"
_ID = rb"(?:" + _ACTOR + rb")?"
_DIGEST = rb'"' + _NAME + rb'":"(?:sha256|sm3):[0-9a-f]{64}"'
_WHOLE = re.compile(
    rb'\{"act":"'
    + _NAME
    + rb'","actor":"'
    + _ACTOR
    + rb'","articles":(?P<rest>\[[^\]]*\]),"case":"'
    + _ID
    + rb'","digests":\{(?:'
    + _DIGEST
    + rb"(?:,"
    + _DIGEST
    + rb')*)?\},"role":"'
    + _NAME
    + rb'","seq":[1-9][0-9]{0,14},"source":"[a-z][a-z-]{0,31}","subject":"'
    + _ID
    + rb'","time":"'
    + _SHAPES["time"].pattern.encode()
    + rb'","v":1,"zone":"[a-z][a-z-]{0,31}"\}'
)
_IDS = ("actor", "subject", "case")
_good_ids = _good["id"]
_good_articles: set[bytes] = set()


def _shaped(name: str, shape: str, value: object) -> None:
    good = _good[shape]
    if isinstance(value, str):
        if value in good:
            return
        if _SHAPES[shape].fullmatch(value) and (shape in ("digest", "time") or not looks_personal(value)):
            if shape not in ("digest", "time"):
                if len(good) >= _REMEMBERED:
                    good.clear()
                good.add(str(value))
            return
    # The value itself is not repeated: it may be what must not be written down.
    raise EntryError(
        f"存证条目的 {name} 写法不对：这里只能是编号、点分名称或条文，不能有个人信息或自由文字。"
    )


def _check_articles(articles: object) -> None:
    if not isinstance(articles, list) or len(articles) > 64:
        raise EntryError("存证条目的 articles 应为条文的列表。")
    for article in articles:
        _shaped("articles", "article", article)


def _check_digests(digests: object) -> None:
    if not isinstance(digests, dict) or len(digests) > 64:
        raise EntryError("存证条目的 digests 应为摘要的对照表。")
    for name, value in digests.items():
        _shaped("digests", "dotted", name)
        _shaped("digests", "digest", value)


def _check_numbers(numbers: object) -> None:
    if not isinstance(numbers, dict) or not 0 < len(numbers) <= 64:
        raise EntryError("存证条目的 numbers 应为数目的对照表。")
    for name, value in numbers.items():
        _shaped("numbers", "dotted", name)
        if type(value) is not int or not 0 <= value <= _LARGEST_NUMBER:
            raise EntryError("存证条目的 numbers 只能是不超过十位的非负整数。")
