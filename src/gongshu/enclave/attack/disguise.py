"""Undoing disguises: one table of named decoders, applied up to three deep.

Each decoder takes a text and gives the texts it may have been. Only what turns out to identify a
subject (in the raw data, or by its own check character) counts, so a wrong guess costs nothing.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import gzip
import html
import re
import unicodedata
import urllib.parse
import zlib
from collections.abc import Callable, Iterator

INVISIBLE = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u180e\u00ad\u200e\u200f"
_DIGIT_WORDS = str.maketrans("〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖两幺", "00123456789123456789" + "21")
_KEYBOARD = str.maketrans("!@#$%^&*()", "1234567890")
_LOOKALIKE = str.maketrans("OoIlZzSsBGgq", "001122558699")
_HEX = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{8,}")
_B64 = re.compile(r"[A-Za-z0-9+/_\-]{8,}={0,3}")
_CODES = re.compile(r"(?:\d{2,3}[\s,;/|.\-]+){4,}\d{2,3}")
_BITS = re.compile(r"(?:[01]{7,8}[\s,]*){5,}")
_PRINTABLE = re.compile(r"^[\x20-\x7e\u00b7\u3000-\u303f\u3400-\u9fff\uff00-\uffef\s]+$")


def _text(data: bytes) -> Iterator[str]:
    """Bytes as readable text; unpacked first when they are gzip or zlib."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)[:1_000_000]
        except (OSError, EOFError, zlib.error):
            return
    elif data[:1] == b"\x78":
        with contextlib.suppress(zlib.error):
            data = zlib.decompressobj().decompress(data, 1_000_000)
    for name in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if text and _PRINTABLE.match(text):
            yield text


def _base64(text: str) -> Iterator[str]:
    for run in _B64.findall(re.sub(r"\s", "", text)):
        body = run.rstrip("=").replace("-", "+").replace("_", "/")
        if len(body) % 4 == 1:
            continue
        try:
            yield from _text(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
        except (binascii.Error, ValueError):
            continue


def _base32(text: str) -> Iterator[str]:
    for run in re.findall(r"[A-Z2-7]{12,}", text.upper()):
        try:
            yield from _text(base64.b32decode(run + "=" * (-len(run) % 8)))
        except (binascii.Error, ValueError):
            continue


def _base85(text: str) -> Iterator[str]:
    body = text.strip()
    if 10 <= len(body) <= 4000 and body.isascii() and " " not in body:
        for decoder in (base64.b85decode, base64.a85decode):
            try:
                yield from _text(decoder(body.encode()))
            except ValueError:
                continue


_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _base58(text: str) -> Iterator[str]:
    body = text.strip()
    if 10 <= len(body) <= 80 and all(c in _B58 for c in body):
        value = 0
        for char in body:
            value = value * 58 + _B58.index(char)
        yield from _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _hex(text: str) -> Iterator[str]:
    joined = re.sub(r"(?:\\x|%|0x|[\s:,\-])", "", text)
    for run in {*_HEX.findall(text), *_HEX.findall(joined)}:
        body = run.removeprefix("0x").removeprefix("0X")
        if len(body) % 2 == 0:
            yield from _text(bytes.fromhex(body))
        if len(body) <= 20:
            yield str(int(body, 16))


def _number_bases(text: str) -> Iterator[str]:
    body = text.strip()
    if re.fullmatch(r"[0-9A-Za-z]{6,14}", body):
        yield str(int(body, 36))
        if not body.isdigit():
            return
        yield hex(int(body))[2:].upper()
    for base, pattern in ((8, r"(?:0o)?[0-7]{12,24}"), (2, r"(?:0b)?[01]{30,70}")):
        if re.fullmatch(pattern, body):
            yield str(int(body.lower().removeprefix("0o").removeprefix("0b"), base))


def _url(text: str) -> Iterator[str]:
    if "%" in text:
        yield urllib.parse.unquote_plus(text)


def _entities(text: str) -> Iterator[str]:
    if "&" in text:
        yield html.unescape(text)


def _escapes(text: str) -> Iterator[str]:
    if "\\" in text:
        try:
            yield codecs.decode(text.encode("ascii", "backslashreplace"), "unicode_escape")
        except (UnicodeDecodeError, ValueError):
            return


def _reverse(text: str) -> Iterator[str]:
    yield text.strip()[::-1]


# 每个格子都要试几十种移位：现成的对照表比逐字计算快一个数量级
_RINGS = tuple(
    {48 + d: 48 + to for d, to in enumerate(row)}
    for row in (
        *(tuple((d + step) % 10 for d in range(10)) for step in range(1, 10)),
        tuple(9 - d for d in range(10)),
        tuple((10 - d) % 10 for d in range(10)),
    )
)
_ROT47 = {code: 33 + (code - 33 + 47) % 94 for code in range(33, 127)}
_SLIDES = tuple(
    {code: code + step if 32 <= code + step < 127 else None for code in range(128)}
    for step in range(-15, 16)
    if step
)
_CAESARS = tuple(
    {first + n: 65 + (n + step) % 26 for first in (65, 97) for n in range(26)} for step in range(1, 26)
)


def _shifted(text: str) -> Iterator[str]:
    """Digits moved round the ring of ten, complements, letters by 13 places."""
    if sum(c.isdigit() for c in text) >= 6:
        yield from map(text.translate, _RINGS)
    if any(c.isascii() and c.isalpha() for c in text):
        yield codecs.decode(text, "rot13")
        yield text.translate(_ROT47)


def _caesar(text: str) -> Iterator[str]:
    """Letters and the whole printable range moved by a constant (rot 1 … 25)."""
    body = text.strip()
    if 6 <= len(body) <= 64 and body.isascii():
        yield from map(body.translate, _SLIDES)
    if any(c.isascii() and c.isalpha() for c in body) and len(body) <= 400:
        yield from map(body.translate, _CAESARS)


def _letters_as_digits(text: str) -> Iterator[str]:
    body = text.strip()
    for run in re.findall(r"[A-Ja-jXx]{8,}|[K-Tk-tXx]{8,}", body):
        first = ord("A") if run[0].upper() < "K" else ord("K")
        yield "".join("X" if c in "Xx" else str(ord(c.upper()) - first) for c in run)
        yield "".join("X" if c in "Xx" else str((ord(c.upper()) - first + 1) % 10) for c in run)


def _words(text: str) -> Iterator[str]:
    if re.search(r"[〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺]{2}", re.sub(r"\s", "", text)):
        yield text.translate(_DIGIT_WORDS)
    if re.search(r"[!@#$%^&*()]{6,}", text):
        yield text.translate(_KEYBOARD)
    if re.search(r"(?:[0-9][OoIlZzSsBGgq]|[OoIlZzSsBGgq][0-9])", text):
        yield text.translate(_LOOKALIKE)


def _unspaced(text: str) -> Iterator[str]:
    """Without separators, marks, invisible characters; with all forms of digits made plain."""
    plain = "".join(
        str(unicodedata.digit(c)) if unicodedata.digit(c, None) is not None else c
        for c in unicodedata.normalize("NFKC", text)
        if unicodedata.category(c) not in ("Cf", "Mn", "Me")
    )
    yield plain
    bare = re.sub(r"[^0-9A-Za-z\u3400-\u9fff]", "", plain)
    yield bare
    yield re.sub(r"[^0-9Xx]", "", plain)
    yield bare[::2]
    yield bare[1::2]
    if len(bare) >= 8:
        half = (len(bare) + 1) // 2
        yield bare[half:] + bare[:half]
        yield bare[len(bare) // 2 :] + bare[: len(bare) // 2]
        yield "".join(a + b for a, b in zip(bare[1::2], bare[::2], strict=False))


def _codes(text: str) -> Iterator[str]:
    for run in _CODES.findall(text):
        yield "".join(chr(int(n)) for n in re.findall(r"\d+", run) if 32 <= int(n) < 127)
    for run in _BITS.findall(text):
        bits = re.sub(r"[^01]", "", run)
        for width in (8, 7):
            yield "".join(chr(int(bits[i : i + width], 2)) for i in range(0, len(bits) - width + 1, width))


def _invisible_bits(text: str) -> Iterator[str]:
    """Bits carried by two kinds of invisible characters or blanks."""
    for alphabet in (INVISIBLE, " \t", "\u3000 ", "\u00a0 "):
        marks = [c for c in text if c in alphabet]
        used = sorted(set(marks))
        if len(marks) < 40 or len(used) != 2:
            continue
        for zero in used:
            bits = "".join("0" if c == zero else "1" for c in marks)
            for width in (8, 7, 4):
                parts = [bits[i : i + width] for i in range(0, len(bits) - width + 1, width)]
                yield "".join(chr(int(p, 2)) if width > 4 else str(int(p, 2) % 10) for p in parts)
    tags = "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) < 0xE007F)
    if tags:
        yield tags


def _morse(text: str) -> Iterator[str]:
    table = {"-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4", ".....": "5",
             "-....": "6", "--...": "7", "---..": "8", "----.": "9", "-..-": "X"}  # fmt: skip
    words = re.findall(r"[.\-]{4,5}", text)
    if len(words) >= 6:
        yield "".join(table.get(word, "") for word in words)


DECODERS: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    ("全角、空白或分隔", _unspaced),
    ("倒序", _reverse),
    ("Base64", _base64),
    ("十六进制", _hex),
    ("URL 编码", _url),
    ("实体编码", _entities),
    ("转义", _escapes),
    ("移位", _shifted),
    ("移位", _caesar),
    ("字母代数字", _letters_as_digits),
    ("中文数字", _words),
    ("字符码", _codes),
    ("不可见字符", _invisible_bits),
    ("进制转换", _number_bases),
    ("Base32", _base32),
    ("Base85", _base85),
    ("Base58", _base58),
    ("电码", _morse),
)
_DEEPER = frozenset(
    ("Base64", "十六进制", "URL 编码", "实体编码", "转义", "Base32", "倒序", "不可见字符", "Base85", "字符码")
)


def undo(text: str, depth: int = 3, limit: int = 400) -> Iterator[tuple[str, str]]:
    """(way, decoded text) for every decoder, codings inside codings up to `depth`."""
    seen = {text}
    level = [("", text)]
    for _ in range(depth):
        following: list[tuple[str, str]] = []
        for way, one in level:
            for name, decoder in DECODERS:
                for result in decoder(one):
                    if len(result) < 4 or result in seen:
                        continue
                    seen.add(result)
                    yield (way or name), result
                    if name in _DEEPER:
                        following.append((way or name, result))
                    if len(seen) > limit:
                        return
        level = following
