"""Signed notes (C2SP signed-note): a text and lines `— name base64(key id | signature)` beneath it.

Types: 0x01 Ed25519 (public tools check it), 0x04 the Ed25519 cosignature of a witness
(C2SP tlog-cosignature), and 0xff with a name of our own for SM2, as the specification asks of types
without an assigned byte: `gongshu/sm2-sm3` for a log, `gongshu/sm2-sm3-cosignature` for a witness.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gongshu.crypto.sign import BadKey, PrivateKey, PublicKey

TYPES: dict[tuple[str, bool], bytes] = {
    ("ed25519", False): b"\x01",
    ("sm2", False): b"\xffgongshu/sm2-sm3\0",
    ("ed25519", True): b"\x04",
    ("sm2", True): b"\xffgongshu/sm2-sm3-cosignature\0",
}
"""(algorithm, is a cosignature) → type bytes that enter the key id."""
_NAME = re.compile(r"[^\s+\x00-\x20]{1,200}")
_DASH = "— "


class NoteError(ValueError):
    """Not a signed note. `args[0]` is a Chinese sentence."""


@dataclass(frozen=True)
class Line:
    """One signature line: the signer's name, the 4-byte key id, the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def text(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True)
class Note:
    """`text` ends with a newline; `lines` in the order in which they stand."""

    text: str
    lines: tuple[Line, ...]

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(line.text() for line in self.lines)).encode()


def key_id(name: str, key: PublicKey, *, cosigner: bool = False) -> bytes:
    """The first 4 bytes of SHA-256 over name, newline, type and key."""
    return hashlib.sha256(name.encode() + b"\n" + TYPES[key.alg, cosigner] + key.raw).digest()[:4]


def verifier_line(name: str, key: PublicKey, *, cosigner: bool = False) -> str:
    """The public key as `name+hex key id+base64(type | key)`, as tools of the note format read it."""
    _check_name(name)
    encoded = base64.b64encode(TYPES[key.alg, cosigner] + key.raw).decode()
    return f"{name}+{key_id(name, key, cosigner=cosigner).hex()}+{encoded}"


def read_verifier_line(text: str) -> tuple[str, PublicKey, bool]:
    """(name, key, is a cosigner) of a verifier line. Raises `NoteError`."""
    parts = text.strip().split("+", 2)
    try:
        name, identifier, encoded = parts
        raw = base64.b64decode(encoded, validate=True)
        for (alg, cosigner), kind in sorted(TYPES.items(), key=lambda item: -len(item[1])):
            if raw.startswith(kind):
                key = PublicKey(alg, raw[len(kind) :])
                if key_id(name, key, cosigner=cosigner).hex() == identifier:
                    return name, key, cosigner
    except (ValueError, binascii.Error, BadKey) as error:
        raise NoteError("公钥行写法不对，应为“名称+标识+base64”。") from error
    raise NoteError("公钥行的标识与公钥不符，或签名类型不认识。")


def sign(name: str, text: str, keys: Iterable[PrivateKey]) -> Note:
    """A note with one line for each key, all under `name`."""
    _check_name(name)
    if not text.endswith("\n"):
        raise NoteError("签名文本必须以换行结尾。")
    message = text.encode()
    lines = tuple(Line(name, key_id(name, key.public()), key.sign(message)) for key in keys)
    return Note(text, lines)


def parse(data: bytes) -> Note:
    """Read a signed note. Raises `NoteError` when it is not exactly of the form."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("签名文本不是 UTF-8。") from error
    text, separator, signatures = whole.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteError("签名文本缺少签名行。")
    return Note(text + "\n", tuple(parse_line(line) for line in signatures[:-1].split("\n")))


def parse_line(text: str) -> Line:
    """Read one signature line (with or without its newline)."""
    name, _, encoded = text.removesuffix("\n").removeprefix(_DASH).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise NoteError("签名行不是 base64。") from error
    if not text.startswith(_DASH) or not _NAME.fullmatch(name) or len(raw) < 5:
        raise NoteError("签名行写法不对。")
    return Line(name, raw[:4], raw[4:])


def signed_by(note: Note, name: str, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Those of `keys` whose line under `name` holds. A line with our key id that fails raises `NoteError`."""
    found = []
    for key in keys:
        wanted = key_id(name, key)
        for line in note.lines:
            if line.name == name and line.key_id == wanted:
                if not key.verify(line.signature, note.text.encode()):
                    raise NoteError(f"“{name}”的 {key.alg} 签名通不过验证。")
                found.append(key)
                break
    return tuple(found)


def cosign(name: str, text: str, keys: Sequence[PrivateKey], seconds: int) -> tuple[Line, ...]:
    """A witness's lines over a checkpoint: `seconds` is wall time since 1970 (cosignature/v1)."""
    _check_name(name)
    message = cosigned_message(text, seconds)
    stamp = seconds.to_bytes(8, "big")
    return tuple(
        Line(name, key_id(name, key.public(), cosigner=True), stamp + key.sign(message)) for key in keys
    )


def cosigned_message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def cosigned_by(text: str, line: Line, keys: Iterable[PublicKey]) -> tuple[PublicKey, int] | None:
    """(key, seconds) if `line` is a cosignature of `text` by one of `keys`; None if it is none of theirs.

    Raises `NoteError` when the line names one of the keys and does not hold.
    """
    for key in keys:
        if line.key_id != key_id(line.name, key, cosigner=True):
            continue
        seconds = int.from_bytes(line.signature[:8], "big")
        if len(line.signature) > 8 and key.verify(line.signature[8:], cosigned_message(text, seconds)):
            return key, seconds
        raise NoteError(f"见证人“{line.name}”的签名通不过验证。")
    return None


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise NoteError("签名者的名称不能为空，不能含空白和加号。")
