"""One archive with everything about the drawn cases: what anybody needs to check them offline.

README.txt            怎样核验
audit.json            the manifest: the draw, every file with its digest, signed by the office
population.txt        the population: sorted case numbers, one a line
draw.proof.json       that the draw stands in the evidence log
checkpoint            the checkpoint every proof here leads to; witness/: what witnesses co-signed
keys.txt              the public keys of this site, to compare with those from elsewhere
cases/<number>/       case.json, entries/<index>.json (proofs), why/<decision>.json, materials/

`gongshu_verify.audit` reads it and shares no code with this module. Same draw and same checkpoint give
the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import proof, tree
from gongshu.evidence.history import CHECKPOINT
from gongshu.evidence.tiles import ROOTS, Reader, TileError
from gongshu.office.accounts.actors import Actor
from gongshu.office.cases import deposits
from gongshu.office.cases.models import Case
from gongshu.office.link import feed, logarchive, zips
from gongshu.office.link.models import OutboxEntry
from gongshu.office.supervision import casefile, sampling, services
from gongshu.office.supervision.models import Draw
from gongshu.office.supervision.readme import README

TRIES = 3


class NotYet(Exception):
    """Something of the archive is not in the log yet. `args[0]`: a Chinese sentence."""


@dataclass(frozen=True)
class Log:
    """The log at one checkpoint, for proofs that all lead to the same roots."""

    signed: bytes
    reader: Reader
    size: int

    @classmethod
    def now(cls) -> Log:
        directory = Path(settings.LOG_DIR)
        try:
            signed = (directory / CHECKPOINT).read_bytes()
        except FileNotFoundError as error:
            raise NotYet("存证日志还没有检查点，请稍后再下载。") from error
        size = checkpoints.read(signed)[0].size
        return cls(signed, Reader(directory, size), size)

    def inclusion(self, index: int) -> dict[str, Any]:
        """The proof file of an entry; `gongshu-verify` takes it alone, too."""
        paths = {alg: tree.inclusion_path(alg, self.reader.node(alg), index, self.size) for alg in ROOTS}
        return {
            "v": proof.VERSION,
            "kind": "proof",
            "index": index,
            "entry": canonical.loads(self.reader.entry(index)),
            **{alg: _encode(path) for alg, path in paths.items()},
            "checkpoint": self.signed.decode(),
        }

    def consistency(self, old: int) -> dict[str, Any]:
        paths = {alg: tree.consistency_path(alg, self.reader.node(alg), old, self.size) for alg in ROOTS}
        found = {"v": proof.VERSION, "kind": "consistency", "from": old, "to": self.size}
        return found | {alg: _encode(path) for alg, path in paths.items()}


def _encode(path: Any) -> list[str]:
    return [base64.b64encode(step).decode() for step in path]


def stream(draw: Draw, actor: Actor, *, materials: bool = True) -> tuple[int, Iterator[bytes]]:
    """(log size, pieces of the zip) of a draw. Raises `NotYet` while evidence is still being written."""
    for _ in range(TRIES):
        try:
            log = Log.now()
            files = _files(draw, actor, log, materials=materials)
            return log.size, zips.stream(files)
        except TileError:
            continue  # 日志刚长了一截，没有写满的瓦片换了名字，再取一次
    raise NotYet("存证日志正在更新，请稍后再下载。")


def _files(draw: Draw, actor: Actor, log: Log, *, materials: bool) -> list[tuple[str, zips.Content]]:
    rows = {row.number: row for row in Case.objects.filter(zone_id=draw.zone_id, number__in=draw.numbers)}
    population = services.population_of(draw.zone_id, draw.since, draw.until, draw.procedure)
    listing = sampling.listing(population.values_list("number", flat=True))
    held = _entries([row.pk for row in rows.values()], log)
    files: list[tuple[str, zips.Content]] = [
        ("README.txt", README.encode()),
        ("population.txt", listing),
        ("draw.proof.json", _json(log.inclusion(_index(draw.entry, log)))),
        (CHECKPOINT, log.signed),
        ("keys.txt", _keys()),
        *_witnesses(log),
    ]
    digests: dict[str, str] = {}
    for number in draw.numbers:
        case = rows[number]
        folder = f"cases/{number}"
        made = casefile.build(case, actor, materials=materials)
        places = [_index(row, log) for row in held.get(case.pk, ())]
        files.append((f"{folder}/case.json", _json({**made.data, "entries": places})))
        files += [(f"{folder}/entries/{place}.json", _json(log.inclusion(place))) for place in places]
        files += [(f"{folder}/why/{name}.json", _json(tree_)) for name, tree_ in made.whys.items()]
        for name, known in made.files.items():
            files.append((f"{folder}/{name}", _deposit(known)))
            digests[f"{folder}/{name}"] = known
    return [_manifest(draw, log, files, digests), *files]


def _manifest(
    draw: Draw, log: Log, files: list[tuple[str, zips.Content]], known: dict[str, str]
) -> tuple[str, bytes]:
    listed = [
        {"name": name, "digest": known[name] if name in known else digest(content)}  # type: ignore[arg-type]
        for name, content in files
    ]
    document = {
        "v": 1,
        "kind": "audit",
        "zone": draw.zone_id,
        "origin": settings.SITE.origin,
        "size": log.size,
        "draw": statement_of(draw),
        "files": listed,
    }
    key = feed.signer()
    one = {
        "key": key.public().id,
        "alg": key.alg,
        "sig": base64.b64encode(key.sign(canonical.dumps(document))).decode(),
        "role": "office",
    }
    return "audit.json", _json({**document, "signatures": [one]})


def statement_of(draw: Draw) -> dict[str, Any]:
    """The statement whose digest stands in the log, rebuilt from the row."""
    return {
        "v": sampling.VERSION,
        "kind": "draw",
        "id": draw.pk,
        "zone": draw.zone_id,
        "seed": draw.seed,
        "procedure": draw.procedure,
        "since": draw.since.isoformat() if draw.since else "",
        "until": draw.until.isoformat(),
        "wanted": draw.wanted,
        "population": {"size": draw.population, "digest": draw.population_digest},
        "drawn": list(draw.numbers),
    }


def _entries(cases: list[str], log: Log) -> dict[str, list[OutboxEntry]]:
    """Case id → its lines of evidence within the checkpoint, in the order of the log. One query."""
    rows = OutboxEntry.objects.filter(fields__case__in=cases).order_by("id")
    found: dict[str, list[OutboxEntry]] = {}
    for row in rows:
        _index(row, log)
        found.setdefault(row.fields["case"], []).append(row)
    return found


def _index(row: OutboxEntry, log: Log) -> int:
    if row.index is None or row.index >= log.size:
        raise NotYet("有几步刚刚办理，正在写入存证日志，请几秒钟后再下载。")
    return int(row.index)


def _witnesses(log: Log) -> list[tuple[str, zips.Content]]:
    """What each witness last co-signed, with the proof that the checkpoint here continues it."""
    found: list[tuple[str, zips.Content]] = []
    folder = Path(settings.LOG_DIR) / logarchive.COSIGNED
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        data = path.read_bytes()
        old = checkpoints.read(data)[0].size
        if 0 < old <= log.size:
            found.append((f"witness/{path.name}", data))
            found.append((f"witness/{path.name}.consistency.json", _json(log.consistency(old))))
    return found


def _keys() -> bytes:
    own = feed.signer().public().to_pem().decode()
    lines = (Path(settings.LOG_DIR) / logarchive.KEYS).read_text("utf-8")
    said = "# 本站的公钥，只供比对：请用从别处得到的公钥核验，不要用这一份。\n"
    return f"{said}# 日志\n{lines.rstrip()}\n# 办公域\n{own}".encode()


def _deposit(known: str) -> Any:
    return lambda: deposits.open_checked(known)


def _json(data: Any) -> bytes:
    return canonical.dumps(data)
