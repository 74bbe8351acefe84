"""Serving snapshots 供数快照: what the gateway answers single subjects from. Enclave writes, gateway reads.

    <serving>/<zone>/products/<product>/<version>/manifest.json   signed envelope `serving`, written last
    <serving>/<zone>/products/<product>/<version>/answers.bin     encrypted columns

The manifest's body: `product, version, form: "answers", files {name: digest}, subject (person | firm),
rows, fields [{name, type}], output, output_digest, votes [envelopes], sources [snapshot ids], grant, ceiling
(digest of the ceiling's body it was built under), algorithm {cipher, token}, sealed, sealed_to`. `sealed` is
content key ‖ token key (32 bytes each) in base64, sealed with SM2 to the gateway's sealing key.

`answers.bin` is an AEAD stream (crypto.aead) bound to zone, product and version, over

    magic "GSANS1\\0\\0" | header size (4, little endian) | header JSON | tokens (32 bytes a row) | codes

Tokens are HMAC (SHA-256 or SM3) of the subject's name (`subjects.name`) under the token key, sorted: their
order says nothing of the source's. Columns are dictionary-coded: the header lists each column's distinct
values, `codes` has a little-endian u32 a row, column after column. So 100,000 subjects cost a few bytes a
cell, a look-up is one HMAC and one dict access, and nothing in the file is a subject's number.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from gongshu.crypto import aead, box
from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import digest, hmac_of
from gongshu.crypto.sign import PrivateKey, PublicKey
from gongshu.wire import subjects
from gongshu.wire.admit import admit
from gongshu.wire.envelope import Envelope, loads, make, parse, sign
from gongshu.wire.errors import WireError
from gongshu.wire.serving import MODE, make_folder
from gongshu.wire.store import write_file
from gongshu.wire.trust import TrustList

MANIFEST, ANSWERS = "manifest.json", "answers.bin"
FORM: Final = "answers"
Cell = str | int | bool | None
# type → what a cell of it is; `decimal` and `day` are text, so that nothing is rounded or moved on the way.
TYPES: Mapping[str, type] = {"text": str, "integer": int, "decimal": str, "flag": bool, "day": str}
# cipher of the zone → the hash of its tokens
TOKENS: Mapping[str, str] = {"aes-256-gcm": "sha256", "sm4-gcm": "sm3"}
# Two people at least have reviewed what is served (design 2, table of messages).
REVIEWERS = 2
MOST_ROWS = 50_000_000
_MAGIC = b"GSANS1\0\0"
_TOKEN = 32
_SIZE = struct.Struct("<I")


@dataclass(frozen=True)
class Field:
    """A column of answers: its name as contract and ceiling write it, and a type of `TYPES`."""

    name: str
    type: str


@dataclass(frozen=True)
class Build:
    """What the enclave says of a snapshot besides its rows. `votes`: the reviewers' signed envelopes as data;
    `ceiling`: digest of the confirmed ceiling's body; `sources`: ids of the source snapshots."""

    zone: str
    product: str
    version: str
    number: int
    subject: str
    fields: Sequence[Field]
    output: str
    output_digest: str
    votes: Sequence[Mapping[str, Any]]
    sources: Sequence[str]
    grant: str
    ceiling: str


@dataclass(frozen=True)
class Snapshot:
    """A version the gateway may answer from, in memory.

    `places`: token → row; `values`: column → its distinct values; `codes`: column → which of them, a row.
    """

    product: str
    zone: str
    version: str
    number: int
    subject: str
    fields: tuple[Field, ...]
    grant: str
    ceiling: str
    sources: tuple[str, ...]
    token_key: bytes
    token_hash: str
    places: Mapping[bytes, int]
    values: Mapping[str, Sequence[Cell]]
    codes: Mapping[str, array[int]]

    @cached_property
    def types(self) -> Mapping[str, str]:
        """Field → type."""
        return {one.name: one.type for one in self.fields}

    @cached_property
    def _token(self) -> Callable[[bytes], bytes]:
        return hmac_of(self.token_key, self.token_hash)

    def find(self, subject: str) -> int | None:
        """The row of a subject written as `subjects.name` writes it, or None (查无)."""
        return self.places.get(self._token(subject.encode()))

    def cell(self, row: int, field: str) -> Cell:
        return self.values[field][self.codes[field][row]]


def token(key: bytes, subject: str, cipher: str) -> bytes:
    """The 32 bytes under which a subject (`subjects.name`) is found."""
    return hmac_of(key, TOKENS[cipher])(subject.encode())


def write(
    serving: Path,
    build: Build,
    rows: Iterable[tuple[str, Sequence[Cell]]],
    *,
    now: datetime,
    key: PrivateKey,
    sealing: PublicKey,
    cipher: str = aead.ALGORITHMS[0],
) -> Path:
    """Lays a version where the gateway reads; its folder. The manifest comes last: a crash leaves none."""
    place, manifest = prepare(serving, build, rows, now=now, key=key, sealing=sealing, cipher=cipher)
    return publish(place, manifest)


def publish(place: Path, manifest: bytes) -> Path:
    """The last step: with its manifest a prepared version is one the gateway may answer from."""
    write_file(place / MANIFEST, manifest, MODE)
    return place


def prepare(
    serving: Path,
    build: Build,
    rows: Iterable[tuple[str, Sequence[Cell]]],
    *,
    now: datetime,
    key: PrivateKey,
    sealing: PublicKey,
    cipher: str = aead.ALGORITHMS[0],
) -> tuple[Path, bytes]:
    """All of a version but its manifest: its folder, and the manifest's bytes for `publish`.

    `rows`: the subject's own number (resident id, credit code) and its values in the order of `fields`; a
    number twice, a value of another type, no row at all is a `WireError`. `sealing`: the gateway's key of the
    trust list under that role.
    """
    keys = (aead.new_key(), aead.new_key())
    plain, count = _encode(build, rows, keys[1], cipher)
    sealed = io.BytesIO()
    aead.encrypt_stream(cipher, keys[0], io.BytesIO(plain), sealed, _bound(build))
    content = sealed.getvalue()
    body = {
        "product": build.product,
        "version": build.version,
        "form": FORM,
        "files": {ANSWERS: digest(content)},
        "subject": build.subject,
        "rows": count,
        "fields": [{"name": one.name, "type": one.type} for one in build.fields],
        "output": build.output,
        "output_digest": build.output_digest,
        "votes": [dict(vote) for vote in build.votes],
        "sources": list(build.sources),
        "grant": build.grant,
        "ceiling": build.ceiling,
        "algorithm": {"cipher": cipher, "token": TOKENS[cipher]},
        "sealed": base64.b64encode(box.seal(b"".join(keys), sealing)).decode(),
        "sealed_to": sealing.id,
    }
    envelope = sign(make("serving", build.zone, build.number, body, now), "enclave", key)
    place = serving
    for name in (build.zone, "products", build.product, build.version):
        place = make_folder(place / name)
    write_file(place / ANSWERS, content, MODE)
    return place, envelope.dumps()


def read(
    folder: Path, zone: str, trust: TrustList, now: datetime, mark: str, sealing: PrivateKey
) -> Snapshot:
    """One version, or `WireError`: signature, review, place, files and seal must all hold. The ceiling is the
    present one's matter (`within`)."""
    try:
        envelope = loads((folder / MANIFEST).read_bytes())
        data = (folder / ANSWERS).read_bytes()
    except OSError as error:
        raise WireError("no_product", "供数目录里的产品文件读不了。") from error
    admit(envelope, trust, now=now, mark=mark, direction="local", zone=zone)
    body = envelope.body
    if envelope.kind != "serving" or body.get("form") != FORM:
        raise WireError("kind", "供数目录里的清单种类不对，不予回答。")
    if (folder.parent.name, folder.name) != (body["product"], body["version"]):
        raise WireError("place", "供数目录里的产品放错了位置，不予回答。")
    if body["files"] != {ANSWERS: digest(data)}:
        raise WireError("digest", "供数目录里的产品文件与清单不一致，不予回答。")
    _check_review(body, trust, now, mark, zone)
    try:
        return _open(envelope, data, sealing)
    except (ValueError, KeyError, TypeError, struct.error, IndexError) as error:
        raise WireError("sealed", "供数快照打不开或写法不对，不予回答。") from error


def within(snapshot: Snapshot, grant: Any, fields: Iterable[str]) -> bool:
    """Is the snapshot inside the ceiling now in force: built under its grant, showing no other field?"""
    return snapshot.grant == grant and {one.name for one in snapshot.fields} <= set(fields)


def _check_review(body: Mapping[str, Any], trust: TrustList, now: datetime, mark: str, zone: str) -> None:
    """Two people of the trust list, by the airlock's signature, agreed to exactly this output."""
    people = set()
    for row in body.get("votes") or ():
        vote = parse(row)
        admit(vote, trust, now=now, mark=mark, direction="local", zone=zone)
        said = vote.body
        if vote.kind != "vote" or said["answer"] != "confirmed":
            raise WireError("review", "供数快照所附的审核票不成立，不予回答。")
        shown = (said["output"], said["digest"], said["product"])
        if shown != (body.get("output"), body.get("output_digest"), body["product"]):
            raise WireError("review", "供数快照所附的审核票属于别的成果，不予回答。")
        if trust.person(said["person"]) is not None:
            people.add(said["person"])
    if len(people) < REVIEWERS:
        raise WireError("review", "供数快照没有两名审核人的同意，不予回答。")


def _bound(build: Build | Envelope) -> bytes:
    product, version = (
        (build.product, build.version)
        if isinstance(build, Build)
        else (build.body["product"], build.body["version"])
    )
    return dumps({"v": 1, "zone": build.zone, "product": product, "version": version})


def _encode(
    build: Build, rows: Iterable[tuple[str, Sequence[Cell]]], key: bytes, cipher: str
) -> tuple[bytes, int]:
    checks = [TYPES[one.type] for one in build.fields]
    mac = hmac_of(key, TOKENS[cipher])
    found: dict[bytes, Sequence[Cell]] = {}
    for number, values in rows:
        row = mac(subjects.name(build.subject, number).encode())
        if row in found:
            raise WireError("twice", "供数快照里同一主体出现了两次。")
        if len(values) != len(checks) or not all(
            value is None or type(value) is check for value, check in zip(values, checks, strict=True)
        ):
            raise WireError("type", "供数快照里有单元格与字段的类型不符。")
        found[row] = values
    if not found:
        raise WireError("empty", "供数快照里没有一个主体。")
    order = sorted(found)
    columns, codes = [], []
    for place, one in enumerate(build.fields):
        seen: dict[Cell, int] = {}
        coded = array("I", (seen.setdefault(found[each][place], len(seen)) for each in order))
        columns.append({"name": one.name, "type": one.type, "values": list(seen)})
        codes.append(_little(coded))
    header = json.dumps({"rows": len(order), "columns": columns}, ensure_ascii=False).encode()
    return b"".join((_MAGIC, _SIZE.pack(len(header)), header, *order, *codes)), len(order)


def _open(envelope: Envelope, data: bytes, sealing: PrivateKey) -> Snapshot:
    body = envelope.body
    cipher = body["algorithm"]["cipher"]
    if body["sealed_to"] != sealing.public().id or body["algorithm"]["token"] != TOKENS[cipher]:
        raise ValueError("sealed to another key")
    try:
        keys = box.open_(base64.b64decode(body["sealed"], validate=True), sealing)
    except binascii.Error as error:
        raise ValueError("sealed") from error
    if len(keys) != 2 * aead.KEY_SIZE:
        raise ValueError("keys")
    out = io.BytesIO()
    aead.decrypt_stream(cipher, keys[: aead.KEY_SIZE], io.BytesIO(data), out, _bound(envelope))
    fields = tuple(Field(row["name"], row["type"]) for row in body["fields"])
    places, values, codes = _decode(out.getbuffer(), fields, int(body["rows"]))
    return Snapshot(
        body["product"],
        envelope.zone,
        body["version"],
        envelope.seq,
        body["subject"],
        fields,
        body["grant"],
        body["ceiling"],
        tuple(body["sources"]),
        keys[aead.KEY_SIZE :],
        TOKENS[cipher],
        places,
        values,
        codes,
    )


def _decode(
    data: memoryview, fields: Sequence[Field], rows: int
) -> tuple[dict[bytes, int], dict[str, list[Cell]], dict[str, array[int]]]:
    head = len(_MAGIC) + _SIZE.size
    size = _SIZE.unpack(data[len(_MAGIC) : head])[0]
    header = json.loads(bytes(data[head : head + size]))
    columns = header["columns"]
    named = [Field(one["name"], one["type"]) for one in columns]
    start = head + size
    wanted = start + rows * (_TOKEN + 4 * len(fields))
    if (
        data[: len(_MAGIC)] != _MAGIC
        or header["rows"] != rows
        or named != list(fields)
        or len(data) != wanted
    ):
        raise ValueError("header")
    places = {bytes(data[start + _TOKEN * row : start + _TOKEN * (row + 1)]): row for row in range(rows)}
    if len(places) != rows or not 0 < rows <= MOST_ROWS:
        raise ValueError("rows")
    start += _TOKEN * rows
    values: dict[str, list[Cell]] = {}
    codes: dict[str, array[int]] = {}
    for place, one in enumerate(columns):
        coded = array("I")
        coded.frombytes(data[start + 4 * rows * place : start + 4 * rows * (place + 1)])
        if sys.byteorder == "big":
            coded.byteswap()
        if max(coded) >= len(one["values"]):
            raise ValueError("codes")
        values[one["name"]], codes[one["name"]] = one["values"], coded
    return places, values, codes


def _little(codes: array[int]) -> bytes:
    if sys.byteorder == "big":
        codes.byteswap()
    return codes.tobytes()
