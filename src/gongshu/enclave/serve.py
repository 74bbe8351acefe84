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
from gongshu.enclave import votes
from gongshu.enclave.confirm import live_ceilings
from gongshu.enclave.store.models import Ceiling, LiveVersion, Output, Release, Stop
from gongshu.wire import envelope as wire
from gongshu.wire import serving
from gongshu.wire.store import write_file

MANIFEST, ROWS = "manifest.json", "rows.json"
# Kinds of output the gateway answers from as they left.
SERVED = ("table", "index")
FILE_MODE = 0o640


def rows_json(data: bytes) -> bytes:
    """A released CSV as the gateway serves it: the same cells, text by column."""
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    columns = next(reader)
    rows = [dict(zip(columns, row, strict=True)) for row in reader]
    return json.dumps({"columns": columns, "rows": rows}, ensure_ascii=False).encode()


def publish(
    output: Output, release_id: str, data: bytes, counted: Sequence[dict[str, Any]], now: datetime
) -> Path:
    """Lay a released table where the gateway reads; the manifest last. A newer number replaces an older."""
    root = serving.make_folder(serving.make_folder(settings.SERVING_DIR / output.zone) / "products")
    place = serving.make_folder(serving.make_folder(root / output.product) / release_id)
    content = rows_json(data)
    body = {
        "product": output.product,
        "version": release_id,
        "release": release_id,
        "files": {ROWS: digest(content)},
        "output": output.digest,
        "votes": [vote["envelope"] for vote in counted],
        "sources": list(output.sources),
    }
    made = wire.make("serving", output.zone, _number(output, release_id), body, now)
    signed = wire.sign(made, "enclave", settings.KEYS.signer("enclave"))
    write_file(place / ROWS, content, FILE_MODE)
    write_file(place / MANIFEST, signed.dumps(), FILE_MODE)
    return place


def _number(output: Output, release_id: str) -> int:
    """The number of a release among those of its product, the same whenever it is asked."""
    mine = Release.objects.filter(output__product=output.product, output__zone=output.zone)
    return list(mine.order_by("released", "id").values_list("id", flat=True)).index(release_id) + 2


def mend(now: datetime) -> int:
    """Lay what left and was not laid, because the process died or the disk was full; how many. Asks only the
    newest release of each product."""
    newest: dict[tuple[str, str], Release] = {}
    left = Release.objects.filter(output__spec__kind__in=SERVED).exclude(output__product="")
    for release in left.select_related("output").order_by("released", "id"):
        newest[release.output.zone, release.output.product] = release
    lost = [one for one in newest.values() if not (_place(one.output, one.id) / MANIFEST).exists()]
    for release in lost:
        data = Path(release.path).read_bytes()
        if digest(data) == release.digest:
            publish(release.output, release.id, data, votes.counted(release.output, now), now)
    return len(lost)


def _place(output: Output, release_id: str) -> Path:
    return Path(settings.SERVING_DIR, output.zone, "products", output.product, release_id)


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
