"""An auditor's archive (`kind: audit`): a zip with drawn cases and all their proofs (docs/supervision.md).

Nothing is unpacked to disk, and no file but the small JSON ones is held whole in memory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from gongshu_verify import notes
from gongshu_verify.documents import DocumentReport, _salted, _signatures, _signed_checkpoint
from gongshu_verify.keys import Key
from gongshu_verify.merkle import HASH, consistent, included
from gongshu_verify.strict_json import JsonError, canonical, loads

MANIFEST, POPULATION, CHECKPOINT, DRAW_PROOF = "audit.json", "population.txt", "checkpoint", "draw.proof.json"
_PIECE = 1 << 20
_LARGEST_JSON = 256 << 20


def is_audit(path: Path) -> bool:
    """A zip that holds a manifest of drawn cases."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return MANIFEST in archive.namelist()


def verify_audit(path: Path, keys: Sequence[Key]) -> DocumentReport:
    """Check the archive at `path`; never raises for a bad one."""
    with zipfile.ZipFile(path) as archive:
        return _Audit(archive, keys).run()


class _Bad(Exception):
    """(code, where, Chinese sentence): this part cannot be read any further."""


class _Audit:
    def __init__(self, archive: zipfile.ZipFile, keys: Sequence[Key]) -> None:
        self.archive = archive
        self.keys = keys
        self.report = DocumentReport("audit")
        self.point: notes.Checkpoint | None = None
        self.spoilt: set[str] = set()

    def problem(self, code: str, where: str, sentence: str) -> None:
        self.report.problem(code, where, sentence)

    def run(self) -> DocumentReport:
        try:
            manifest = self.json(MANIFEST)
            _signatures(self.report, manifest, self.keys)
            signed = self.report.trusted
            self.part(MANIFEST, lambda: self.files(manifest))
            self.checkpoint()
            self.report.trusted = signed and self.report.trusted
            drawn = self.draw(manifest)
            for number in drawn:
                self.part(f"cases/{number}", lambda number=number: self.case(number))
            self.strangers(drawn)
            self.witnesses()
        except _Bad as error:
            self.problem(*error.args)
            self.report.trusted = False
        return self.report

    def part(self, where: str, check: Any) -> None:
        """One part; what is missing or malformed there is told, and the rest is still checked."""
        try:
            check()
        except _Bad as error:
            self.problem(*error.args)
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            self.problem("malformed", where, f"{where} 缺少内容或者写法不对。")

    # reading

    def bytes(self, name: str) -> bytes:
        try:
            if self.archive.getinfo(name).file_size > _LARGEST_JSON:
                raise _Bad("too_large", name, f"{name} 过大，不是档案里应有的文件。")
            return self.archive.read(name)
        except KeyError as error:
            raise _Bad("file_missing", name, f"档案里缺少 {name}。") from error
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise _Bad("digest", name, f"{name} 读不出来，压缩包里这一段被改动过。") from error

    def json(self, name: str) -> dict[str, Any]:
        try:
            found = loads(self.bytes(name))
        except JsonError as error:
            raise _Bad("malformed", name, f"{name} 读不出来：{error}") from error
        if not isinstance(found, dict):
            raise _Bad("malformed", name, f"{name} 不是一个 JSON 对象。")
        return found

    # the manifest

    def files(self, manifest: dict[str, Any]) -> None:
        """Every listed file is there with its digest, and nothing else is."""
        listed: dict[str, str] = {}
        for one in manifest.get("files") or ():
            name, known = str(one.get("name", "")), str(one.get("digest", ""))
            if not name or name in listed or PurePosixPath(name).is_absolute() or ".." in name.split("/"):
                self.problem("file_name", MANIFEST, "文件清单里有重复的或者不合规的文件名。")
            listed[name] = known
        there = self.archive.namelist()
        for name in (
            sorted({each for each in there if there.count(each) > 1}) if len(set(there)) < len(there) else ()
        ):
            self.problem("file_doubled", name, f"档案里有两个 {name}。")
        for name in sorted(set(there) - listed.keys() - {MANIFEST}):
            self.problem("file_extra", name, f"档案里多出清单上没有的 {name}。")
        for name, known in listed.items():
            if name not in there:
                self.spoilt.add(name)
                self.problem("file_missing", name, f"档案里缺少 {name}。")
            elif self.digest(name, known.partition(":")[0]) != known:
                self.spoilt.add(name)
                self.problem("digest", name, f"{name} 的内容与清单里的摘要不符：文件被改动过。")

    def digest(self, name: str, alg: str) -> str:
        """The digest of a file, `''` when it cannot be read or the algorithm is unknown."""
        if alg != "sha256":
            return ""
        state = hashlib.sha256()
        try:
            with self.archive.open(name) as file:
                while piece := file.read(_PIECE):
                    state.update(piece)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
            return ""
        return f"sha256:{state.hexdigest()}"

    # the log

    def checkpoint(self) -> None:
        try:
            self.point = notes.read(self.bytes(CHECKPOINT))
        except notes.NoteError as error:
            raise _Bad("checkpoint_malformed", CHECKPOINT, str(error)) from error
        _signed_checkpoint(self.report, self.point, self.keys)

    def inclusion(self, name: str) -> dict[str, Any]:
        """The entry a proof file proves, if it leads to the archive's own checkpoint."""
        made = self.json(name)
        assert self.point is not None
        try:
            index, entry = made["index"], made["entry"]
            data = canonical(entry)
            paths = {alg: [base64.b64decode(one, validate=True) for one in made[alg]] for alg in HASH}
            point = notes.read(str(made["checkpoint"]).encode())
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise _Bad("proof_malformed", name, f"{name} 不是包含证明。") from error
        if point.text != self.point.text:
            raise _Bad("checkpoint_other", name, f"{name} 指向的不是档案里的检查点。")
        for alg, hash_ in HASH.items():
            found = None
            if type(index) is int:
                found = included(alg, hash_(b"\0" + data), index, point.size, paths[alg])
            if found is None or found != point.root(alg):
                raise _Bad("inclusion", name, f"{name} 的条目不在检查点之下（{alg}）：条目或者路径被改动过。")
        if not isinstance(entry, dict):
            raise _Bad("proof_malformed", name, f"{name} 的条目写法不对。")
        return {**entry, "index": index}

    def witnesses(self) -> None:
        assert self.point is not None
        for name in sorted(each for each in self.archive.namelist() if each.startswith("witness/")):
            if not name.endswith(".consistency.json"):
                self.part(name, lambda name=name: self.witness(name))

    def witness(self, name: str) -> None:
        assert self.point is not None
        try:
            old = notes.read(self.bytes(name))
        except notes.NoteError as error:
            raise _Bad("witness_signature", name, str(error)) from error
        _, problems = notes.witnesses(old, self.keys)
        for sentence in problems:
            self.problem("witness_signature", name, sentence)
        made = self.json(f"{name}.consistency.json")
        for alg in HASH:
            path = [base64.b64decode(one, validate=True) for one in made[alg]]
            roots = old.root(alg), self.point.root(alg)
            sizes_fit = (made.get("from"), made.get("to")) == (old.size, self.point.size)
            if None in roots or not sizes_fit or old.origin != self.point.origin:
                raise _Bad("consistency", name, f"{name} 与检查点的一致性证明说的不是这两个检查点。")
            if not consistent(alg, old.size, self.point.size, roots[0], roots[1], path):  # type: ignore[arg-type]
                raise _Bad("consistency", name, f"{name} 见证过的检查点与档案里的不是同一份日志（{alg}）。")

    # the draw

    def draw(self, manifest: dict[str, Any]) -> list[str]:
        """The drawn case numbers, drawn once more from the population."""
        said = manifest.get("draw")
        try:
            drawn = [str(each) for each in said["drawn"]]  # type: ignore[index]
            self.part("draw", lambda: self.redraw(said, drawn))  # type: ignore[arg-type]
            self.part("draw", lambda: self.logged_draw(said))  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise _Bad("malformed", MANIFEST, "audit.json 里没有抽样说明。") from error
        return drawn

    def redraw(self, said: dict[str, Any], drawn: list[str]) -> None:
        data = self.bytes(POPULATION)
        known = said["population"]
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != known["digest"]:
            self.problem("population", POPULATION, "总体清单与抽样说明里的摘要不符：总体被改动过。")
        numbers = data.decode().splitlines()
        if len(numbers) != known["size"] or numbers != sorted(set(numbers)):
            self.problem("population", POPULATION, "总体清单的件数不符，或者没有按次序、有重复。")
        seed = str(said["seed"]).encode()
        places = sorted((hashlib.sha256(seed + b"\n" + each.encode()).digest(), each) for each in numbers)
        if [each for _, each in places[: said["wanted"]]] != drawn:
            self.problem("draw", "draw", "用所写的种子从总体里重新抽，抽到的不是所列的案件：抽样被改动过。")

    def logged_draw(self, said: dict[str, Any]) -> None:
        entry = self.inclusion(DRAW_PROOF)
        made = f"sha256:{hashlib.sha256(canonical(said)).hexdigest()}"
        if entry.get("digests", {}).get("draw") != made or entry.get("subject") != said.get("id"):
            self.problem(
                "draw_unlogged",
                DRAW_PROOF,
                "存证日志里记的抽样不是这一次：种子、总体或者案件在抽样以后换过。",
            )

    def strangers(self, drawn: list[str]) -> None:
        """Cases that lie in the archive but were not drawn."""
        there = {each.split("/")[1] for each in self.archive.namelist() if each.startswith("cases/")}
        for number in sorted(there - set(drawn)):
            self.problem("case_not_drawn", f"cases/{number}", f"案件 {number} 没有被抽中，却在档案里。")

    # one case

    def case(self, number: str) -> None:
        where = f"cases/{number}/case.json"
        said = self.json(where)
        if said["number"] != number:
            self.problem("case_swapped", where, f"{where} 是案件 {said['number']} 的，不是抽中的 {number}。")
        entries = []
        for place in said["entries"]:
            name = f"cases/{number}/entries/{int(place)}.json"
            self.part(name, lambda name=name: entries.append(self.inclusion(name)))
        for entry in entries:
            if entry["case"] != said["id"]:
                self.problem("entry_other", where, f"第 {entry['index']} 条存证不是案件 {number} 的。")
        self.opening(number, said, entries)
        logged = {str(entry["digests"].get("decision")): entry for entry in entries}
        decided = {str(each["id"]): each for each in said["decisions"]}
        for each in decided.values():
            self.part(where, lambda each=each: self.decision(where, each, logged))
        self.events(where, said, decided, logged)
        self.materials(number, said)

    def opening(self, number: str, said: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        act = f"cases.open.{said['procedure']}"
        if not any(entry["act"] == act for entry in entries):
            self.problem("entry_missing", f"cases/{number}", f"案件 {number} 没有立案的存证条目。")

    def decision(self, where: str, each: dict[str, Any], logged: dict[str, dict[str, Any]]) -> None:
        """What was decided is what the log holds a salted digest of."""
        if each["digest"] not in _salted(each["salt"], canonical(each["content"])):
            self.problem("decision", where, f"决定 {each['id']} 的内容与它的摘要不符：内容被改动过。")
        entry = logged.get(each["digest"])
        if entry is None:
            self.problem("entry_missing", where, f"决定 {each['id']} 没有存证条目。")
        elif entry["actor"] != each["actor"]:
            self.problem("decision", where, f"决定 {each['id']} 的办理人与存证条目不符。")

    def events(
        self,
        where: str,
        said: dict[str, Any],
        decided: dict[str, dict[str, Any]],
        logged: dict[str, dict[str, Any]],
    ) -> None:
        """Steps are numbered without a gap, and each rests on a decision that allowed it."""
        if [each["seq"] for each in said["events"]] != list(range(1, len(said["events"]) + 1)):
            self.problem("event_gap", where, f"{where} 的办理记录编号不连续，缺了一步。")
        used = set()
        for each in said["events"]:
            made = decided.get(str(each["decision"]))
            content = made["content"] if made else {}
            if made is None or content.get("act") != each["act"] or content.get("allowed") is not True:
                self.problem("event", where, f"第 {each['seq']} 步没有准许它的决定。")
                continue
            used.add(str(each["decision"]))
            entry = logged.get(made["digest"], {})
            if entry.get("act") not in (None, f"{content['procedure']}.{each['act']}"):
                self.problem("event", where, f"第 {each['seq']} 步的动作与存证条目不符。")
        for name, each in decided.items():
            if each["content"].get("allowed") and name not in used:
                self.problem("event_gap", where, f"决定 {name} 准许的一步不在办理记录里。")
        proved = {str(each["digest"]) for each in decided.values()}
        for known, entry in logged.items():
            if known not in ("None", *proved):
                self.problem("decision_missing", where, f"第 {entry['index']} 条存证的决定不在 {where} 里。")

    def materials(self, number: str, said: dict[str, Any]) -> None:
        for each in said["materials"]:
            name = f"cases/{number}/{each['file']}"
            if each["file"] and name not in self.spoilt and self.digest(name, "sha256") != each["digest"]:
                self.problem("material", name, f"材料 {each['name']} 与登记的摘要不符。")
