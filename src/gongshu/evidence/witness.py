"""A witness: remembers the last checkpoint it saw and signs only what continues it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gongshu.crypto import canonical
from gongshu.crypto.sign import PrivateKey, PublicKey
from gongshu.evidence import checkpoint as checkpoints
from gongshu.evidence import note, proof
from gongshu.evidence.files import Writer
from gongshu.evidence.tree import ProofError


class ForkError(Exception):
    """The log shows two histories. The message names both checkpoints; the witness did not sign."""


class StaleProof(Exception):
    """The proof does not start where this witness stands; ask for one from `size`."""

    def __init__(self, size: int) -> None:
        super().__init__(f"见证人已见到 {size} 条，需要从 {size} 条开始的一致性证明。")
        self.size = size


class Witness:
    """`name` stands on its lines; `keys` are its own, one or two; `log_keys` those of the log it watches
    (they may be replaced when the trust list changes).

    `state` is a small file: the last checkpoint signed, durable before the signature is given away.
    """

    def __init__(
        self, name: str, state: Path | str, keys: Iterable[PrivateKey], log_keys: Iterable[PublicKey]
    ) -> None:
        self.name = name
        self._keys = list(keys)
        self.log_keys = list(log_keys)
        self._state = Path(state)
        self._writer = Writer(self._state.parent)
        self._seen: bytes = self._state.read_bytes() if self._state.exists() else b""
        self.fork: dict[str, Any] | None = None

    @property
    def size(self) -> int:
        """The size of the last checkpoint signed; the next proof starts here. 0 before the first."""
        return checkpoints.read(self._seen)[0].size if self._seen else 0

    def read(self, signed: bytes) -> checkpoints.Checkpoint:
        """What a checkpoint says, if the watched log signed it; `note.NoteError` otherwise."""
        said, published = checkpoints.read(signed)
        if not note.signed_by(published, said.origin, self.log_keys):
            raise note.NoteError("检查点不是这份日志的密钥签的，见证人拒绝签名。")
        return said

    def check(self, signed: bytes, consistency: Mapping[str, Any]) -> checkpoints.Checkpoint:
        """What a checkpoint says, if it continues the last one signed. Raises as `cosign` does."""
        said = self.read(signed)
        if self._seen:
            self._compare(said, signed, consistency)
        return said

    def cosign(self, signed: bytes, consistency: Mapping[str, Any], now: datetime) -> str:
        """The witness's signature lines over the checkpoint `signed`, at wall time `now`.

        Raises `note.NoteError` when the log's signature does not hold, `StaleProof` when the proof starts
        elsewhere, `ForkError` when the checkpoint contradicts one signed before: `fork` then holds both,
        a proof against the log that anyone can check.
        """
        self.check(signed, consistency)
        published = checkpoints.read(signed)[1]
        kept = note.Note(published.text, published.lines).encode()
        self._state.parent.mkdir(parents=True, exist_ok=True)
        self._writer.write([(self._state.name, kept)])
        self._seen = kept
        lines = note.cosign(self.name, published.text, self._keys, int(now.timestamp()))
        return "".join(line.text() for line in lines)

    def _compare(self, said: checkpoints.Checkpoint, signed: bytes, consistency: Mapping[str, Any]) -> None:
        seen, _ = checkpoints.read(self._seen)
        if said.origin != seen.origin:
            raise note.NoteError(f"这是日志“{said.origin}”，见证人看的是“{seen.origin}”。")
        if said.size < seen.size:
            self._refuse(seen, said, signed, f"日志从 {seen.size} 条退回到 {said.size} 条")
        if said.size == seen.size:
            if said.roots != seen.roots:
                self._refuse(seen, said, signed, f"同为 {said.size} 条的两个检查点有不同的根")
            return
        if seen.size and consistency.get("from") != seen.size:
            raise StaleProof(seen.size)
        try:
            if seen.size:
                proof.check_consistency(consistency, seen, said)
        except ProofError as error:
            self._refuse(seen, said, signed, f"{said.size} 条的日志不是 {seen.size} 条日志的延续：{error}")

    def _refuse(
        self, seen: checkpoints.Checkpoint, said: checkpoints.Checkpoint, signed: bytes, why: str
    ) -> None:
        self.fork = {"v": 1, "kind": "fork", "seen": self._seen.decode(), "shown": signed.decode()}
        data = canonical.dumps(self.fork)
        self._writer.write([(f"{self._state.name}.fork-{seen.size}-{said.size}.json", data)])
        raise ForkError(f"日志“{said.origin}”分叉，见证人拒绝签名：{why.rstrip('。')}。")
