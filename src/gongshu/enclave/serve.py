"""What the gateway answers from: the released table under a signed manifest, and stops with ceilings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Max

from gongshu.crypto.canonical import dumps
from gongshu.crypto.hashes import digest
from gongshu.enclave.confirm import live_ceilings
from gongshu.enclave.store.models import Ceiling, LiveVersion, Output, Release, Stop
from gongshu.wire import envelope as wire
from gongshu.wire import serving
from gongshu.wire.store import write_file

MANIFEST, ROWS = "manifest.json", "rows.json"
FILE_MODE = 0o640


def rows_json(data: bytes) -> bytes:
    """A released CSV as the gateway serves it: the same cells, text by column."""
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    columns = next(reader)
    rows = [dict(zip(columns, row, strict=True)) for row in reader]
    return json.dumps({"columns": columns, "rows": rows}, ensure_ascii=False).encode()


def publish(
    output: Output, release_id: str, data: bytes, votes: Sequence[dict[str, Any]], now: datetime
) -> Path:
    """Lay a released table where the gateway reads; the manifest last. A newer number replaces an older."""
    root = serving.make_folder(serving.make_folder(settings.SERVING_DIR / output.zone) / "products")
    place = serving.make_folder(serving.make_folder(root / output.product) / release_id)
    content = rows_json(data)
    number = Release.objects.filter(output__product=output.product, output__zone=output.zone).count() + 1
    body = {
        "product": output.product,
        "version": release_id,
        "release": release_id,
        "files": {ROWS: digest(content)},
        "output": output.digest,
        "votes": [vote["envelope"] for vote in votes],
        "sources": list(output.sources),
    }
    made = wire.make("serving", output.zone, number, body, now)
    signed = wire.sign(made, "enclave", settings.KEYS.signer("enclave"))
    write_file(place / ROWS, content, FILE_MODE)
    write_file(place / MANIFEST, signed.dumps(), FILE_MODE)
    return place


@lru_cache(maxsize=32)
def _numbers(zone: str) -> dict[str, int | str]:
    """The last number written for a zone and the digest of its content, in this process."""
    path = settings.SERVING_DIR / zone / serving.NAME
    try:
        body = wire.loads(path.read_bytes()).body
    except OSError:
        return {"number": 0, "content": ""}
    content = _content(body["stops"], body["ceilings"], body.get("live") or {})
    return {"number": int(body["number"]), "content": content}


def _content(stops: Sequence[Any], ceilings: Sequence[Any], live: Mapping[str, str]) -> str:
    return digest(dumps({"stops": list(stops), "ceilings": list(ceilings), "live": dict(live)}))


def chosen(zone: str) -> dict[str, str]:
    """product → the version its provider chose ('' none); products not named answer from their newest."""
    return dict(LiveVersion.objects.filter(zone=zone).values_list("product", "version"))


# How often an unchanged word is signed and written again: well within `serving.FRESH`, which stays as it is.
RENEWED = timedelta(seconds=3)
# zone → (what a change of the word would show in, when it was written last), in this process
WRITTEN: dict[str, tuple[object, datetime]] = {}


def _shows(zone: str) -> object:
    """What cannot stay the same while stops or ceilings change; one cheap question each."""
    stops = Stop.objects.filter(zone__in=("", zone)).aggregate(Count("pk"), Max("made"))
    ceilings = Ceiling.objects.filter(zone=zone, state="live").order_by("id").values_list("id", flat=True)
    return (*stops.values(), *ceilings, *sorted(chosen(zone).items()))


def renew_state(zone: str, now: datetime) -> bool:
    """Write the word when something changed or it is due again; True when it was written.

    Signatures under ceilings are checked again each time it is written, not each time it is looked at.
    """
    shows = _shows(zone)
    before, at = WRITTEN.get(zone, (None, None))
    if at is not None and shows == before and at <= now < at + RENEWED:
        return False
    write_state(zone, now)
    WRITTEN[zone] = (shows, now)
    return True


def write_state(zone: str, now: datetime) -> None:
    """Write the data domain's own word to the gateway; its number rises when the content changes."""
    rows = Stop.objects.filter(zone__in=("", zone)).order_by("made")
    stops = [{"id": row.id, "scope": row.scope, "target": row.target} for row in rows]
    ceilings = live_ceilings(zone, now)
    live = chosen(zone)
    last = _numbers(zone)
    content = _content(stops, ceilings, live)
    if last["content"] != content:
        last["number"], last["content"] = int(last["number"]) + 1, content
    serving.write(
        settings.SERVING_DIR,
        zone,
        int(last["number"]),
        stops,
        ceilings,
        now,
        "enclave",
        settings.KEYS.signer("enclave"),
        live,
    )
