"""The data domain's own word to the gateway: one signed, numbered file in `serving/`, read at every poll.

A stop made at the airlock or a ceiling withdrawn there reaches the gateway by this file and never passes
the office. The writer renews it in wall time; without a fresh one the gateway stops.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gongshu.crypto.sign import PrivateKey
from gongshu.wire.admit import Admitted, admit
from gongshu.wire.envelope import loads, make, sign
from gongshu.wire.errors import WireError
from gongshu.wire.store import write_file
from gongshu.wire.times import instant
from gongshu.wire.trust import TrustList

NAME = "state.json"
# Group-readable: the folder belongs to the data domain, its group is the gateway's.
MODE = 0o640
# How old the file may be, in wall time. The writer renews it every second.
FRESH = timedelta(seconds=10)
LIFE = timedelta(seconds=60)


def make_folder(path: Path) -> Path:
    """A folder in `serving/` that the gateway's group may read.

    It takes group and set-group-id from the folder above. A later chmod would lose them: the data domain's
    user is no member of that group, so the mode must be right from the first moment.
    """
    if not path.is_dir():
        before = os.umask(0o027)
        try:
            path.mkdir(mode=0o750, exist_ok=True)
        finally:
            os.umask(before)
    return path


def write(
    directory: Path,
    zone: str,
    number: int,
    stops: Sequence[Mapping[str, Any]],
    ceilings: Sequence[Mapping[str, Any]],
    now: datetime,
    role: str,
    key: PrivateKey,
    live: Mapping[str, str] | None = None,
) -> None:
    """Replaces `<serving>/<zone>/state.json`. `number` rises with every change of content.

    `live`: product → the version to answer from (an older one rolls back; '' answers from none). A product
    not named is answered from its version of the highest number.
    """
    body = {
        "number": number,
        "stops": [dict(row) for row in stops],
        "ceilings": [dict(row) for row in ceilings],
        "live": dict(live or {}),
    }
    envelope = sign(make("serving_state", zone, number, body, now, now + LIFE), role, key)
    folder = directory / zone
    make_folder(folder)
    write_file(folder / NAME, envelope.dumps(), MODE)


def read(
    directory: Path,
    zone: str,
    trust: TrustList,
    now: datetime,
    mark: str,
    last: tuple[int, datetime] | None = None,
) -> tuple[Admitted, tuple[int, datetime]]:
    """The present word and its place `(number, issued)`, to be handed in as `last` the next time.

    `WireError` when it is missing, stale, forged, or older than one already seen.
    """
    try:
        data = (directory / zone / NAME).read_bytes()
    except OSError as error:
        raise WireError("no_state", "供数目录里没有数据域的停止与上限清单，网关停止回答。") from error
    admitted = admit(loads(data), trust, now=now, mark=mark, direction="local", zone=zone)
    envelope = admitted.envelope
    if envelope.kind != "serving_state":
        raise WireError("kind", "供数目录里的清单种类不对，网关停止回答。")
    place = (int(envelope.body["number"]), instant(envelope.issued, "issued"))
    if last is not None and (place[0] < last[0] or place[1] < last[1]):
        raise WireError("order", "供数目录里的清单比已见过的旧，网关停止回答。")
    if now - place[1] > FRESH:
        raise WireError("stale", "供数目录里的清单过旧，网关停止回答。")
    return admitted, place
