"""What the signed parts of a log say: the newest checkpoint, the history, the witnesses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gongshu_verify import notes
from gongshu_verify.faults import Problem
from gongshu_verify.keys import Key
from gongshu_verify.sm import LIBRARY

MOST = 500
"""How many problems are told at most."""
_BEING_WRITTEN = re.compile(rb'(?:"(?:[^"\\]|\\.)*\\?"?)?', re.DOTALL)


@dataclass
class LogReport:
    """What was found. `root` are the SHA-256 and SM3 roots recomputed from the entries, in base64."""

    size: int = 0
    root: str = ""
    root_sm3: str = ""
    origin: str = ""
    checkpoints: int = 0
    witnesses: list[dict[str, object]] = field(default_factory=list)
    gaps: list[dict[str, object]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    trusted: bool = False

    @property
    def ok(self) -> bool:
        return not self.problems and not self.gaps


class Signed:
    """Reads what was signed into `report` and `claims`: at how many entries which root was said."""

    def __init__(self, directory: Path, keys: Sequence[Key]) -> None:
        self.directory = directory
        self.keys = keys
        self.report = LogReport()
        self.claims: dict[int, list[tuple[str, notes.Checkpoint]]] = {}
        self._signed: list[tuple[str, set[str], bool]] = []
        self._expected: set[str] = set()

    def problem(self, code: str, where: str, sentence: str) -> None:
        self.problems([Problem(code, where, sentence)])

    def problems(self, problems: list[Problem]) -> None:
        known = self.report.problems
        known += [one for one in problems if one not in known][: max(0, MOST - len(known))]

    def read_checkpoint(self) -> notes.Checkpoint | None:
        data = read_bytes(self.directory / "checkpoint")
        if data is None:
            self.problem("checkpoint_missing", "checkpoint", "缺少文件 checkpoint，无法核验。")
            return None
        try:
            point = notes.read(data)
        except notes.NoteError as error:
            self.problem("checkpoint_malformed", "checkpoint", str(error))
            return None
        held, problems = notes.signers(point, self.keys)
        self._signatures("checkpoint", held, problems)
        if self.keys and not held and not problems:
            self.problem("checkpoint_signer", "checkpoint", "检查点不是所给的公钥签的。")
        self._expected = notes.expected(point, self.keys)
        self.report.trusted = {key.alg for key in held} >= self._expected and bool(held) and not problems
        self.report.size, self.report.origin = point.size, point.origin
        return point

    def read_history(self, data: bytes, newest: notes.Checkpoint) -> None:
        *lines, tail = data.split(b"\n")
        if not lines:
            if newest.size:
                self.problem("history_missing", "checkpoints", "缺少历史检查点文件 checkpoints。")
            return
        if not _BEING_WRITTEN.fullmatch(tail):
            self.problem("checkpoint_malformed", "checkpoints", "历史检查点文件的末尾读不出来。")
        before = -1
        for number, line in enumerate(lines, 1):
            where = f"checkpoints:{number}"
            try:
                point = notes.read(str(json.loads(line)).encode())
            except (ValueError, notes.NoteError):
                self.problem("checkpoint_malformed", where, f"历史检查点第 {number} 行读不出来。")
                continue
            if point.size < before:
                sentence = f"历史检查点第 {number} 行的条数 {point.size} 比前一行少，次序不对。"
                self.problem("checkpoint_order", where, sentence)
            before = point.size
            self._past(where, point, newest, slow=number == len(lines) or number % 499 == 0)
        self.report.checkpoints = len(lines)

    def _past(self, where: str, point: notes.Checkpoint, newest: notes.Checkpoint, *, slow: bool) -> None:
        """An earlier checkpoint: its signatures now, its root later.

        Without the national library an SM2 signature takes long: of the history only a sample is checked.
        """
        if point.origin != newest.origin:
            self.problem("checkpoint_origin", where, f"{where} 是另一份日志“{point.origin}”的检查点。")
        elif point.size > newest.size:
            sentence = f"{where} 有 {point.size} 条，而日志现在只有 {newest.size} 条：日志被截短。"
            self.problem("log_cut", where, sentence)
        else:
            every = slow or LIBRARY is not None
            keys = [key for key in self.keys if every or key.alg == "ed25519"]
            self._signatures(where, *notes.signers(point, keys), every=every)
            self.claim(where, point)

    def read_cosigned(self, newest: notes.Checkpoint) -> None:
        folder = self.directory / "cosigned"
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            where = f"cosigned/{path.name}"
            try:
                point = notes.read(path.read_bytes())
            except (OSError, notes.NoteError):
                self.problem("checkpoint_malformed", where, f"{where} 读不出来。")
                continue
            held, problems = notes.witnesses(point, self.keys)
            for sentence in problems:
                self.problem("witness_signature", where, sentence)
            self.report.witnesses += held
            self._past(where, point, newest, slow=True)

    def _signatures(self, where: str, held: list[Key], problems: list[str], *, every: bool = True) -> None:
        for sentence in problems:
            self.problem("checkpoint_signature", where, sentence)
        self._signed.append((where, {key.alg for key in held}, every))

    def missing_signatures(self) -> None:
        """An algorithm that signed one checkpoint, or whose key for this log the reader has, must have signed
        all: a line spoilt is a line missing, and lines cut off everywhere are missing too."""
        algs = {alg for _, held, _ in self._signed for alg in held}
        algs |= self._expected if algs else set()
        for where, held, every in self._signed:
            for alg in sorted(algs - held):
                if every or alg == "ed25519":
                    sentence = f"{where}：检查点缺少所给公钥的 {alg} 签名。"
                    self.problem("checkpoint_signature", where, sentence)

    def claim(self, where: str, point: notes.Checkpoint) -> None:
        self.claims.setdefault(point.size, []).append((where, point))


def read_bytes(path: Path) -> bytes | None:
    """The file's bytes, None when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None
