"""The daily reconciliation file 对账文件: what a credential was answered on a wall-clock day, line by line.

CSV (UTF-8, RFC 4180) out of the journal of calls, with the digest of each record as the batch's Merkle tree
holds it. The gateway signs the digest of the whole file; the buyer keeps both and compares with its own book.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

from gongshu.crypto.hashes import digest
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence.journal import FileJournal
from gongshu.gateway.errors import HITS, WORDS
from gongshu.gateway.meter import wall_day
from gongshu.gateway.receipts import loads
from gongshu.wire.times import stamp

COLUMNS = (
    "call", "at", "contract", "product", "version", "operation", "purpose", "business_day", "item", "answer",
    "word", "hit", "answer_sha256", "record", "record_sha256",
)  # fmt: skip
TITLES = "一行一个主体：call 请求编号，item 请求里的第几个，record 网关流水号，hit 是否查到"
EPOCH = date(1970, 1, 1)


class File(NamedTuple):
    """`complete`: the day has ended, no line will be added."""

    content: bytes
    digest: str
    signature: str
    key: str
    complete: bool


def day_number(day: date) -> int:
    """A wall-clock day as `meter.wall_day` counts it."""
    return (day - EPOCH).days


def message(credential: str, day: date, content_digest: str) -> bytes:
    """What the gateway signs."""
    return f"gongshu-reconciliation-v1\n{credential}\n{day.isoformat()}\n{content_digest}\n".encode()


def make(journal: FileJournal, after: int, credential: str, day: date, key: PrivateKey, now_ms: int) -> File:
    """The file of a credential and a day. `after`: the number before the day's first record."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(_lines(journal, after, credential, day_number(day)))
    content = out.getvalue().encode()
    said = digest(content)
    signature = base64.b64encode(key.sign(message(credential, day, said))).decode()
    return File(content, said, signature, key.public().id, wall_day(now_ms) > day_number(day))


def _lines(journal: FileJournal, after: int, credential: str, day: int) -> Iterator[tuple[object, ...]]:
    wanted = f'"{credential}"'.encode()
    for number, record in journal.scan(after):
        if wanted not in record:
            continue
        receipt = loads(record)
        here = wall_day(receipt.at)
        if here > day + 1:  # clocks may step back a little, never by a day
            return
        if receipt.credential != credential or here != day:
            continue
        at = stamp(datetime.fromtimestamp(receipt.at / 1000, UTC))
        leaf = hashlib.sha256(record).hexdigest()
        for place, item in enumerate(receipt.items, 1):
            yield (
                receipt.id, at, receipt.contract, receipt.product, receipt.version, receipt.operation,
                receipt.purpose, receipt.day, place, item.answer, WORDS.get(item.answer, ""),
                int(item.answer in HITS), receipt.answer, number, leaf,
            )  # fmt: skip
