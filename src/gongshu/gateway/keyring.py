"""The secrets buyers sign with: drawn from the gateway, two alive while one is rotated.

Secrets lie in the key store, numbered; `rotation.json` says until when the one before the newest counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest
from gongshu.crypto.keystore import FileKeyStore
from gongshu.gateway.requests import Mac, mac
from gongshu.wire.store import write_file

# How long the old secret counts after a new one was drawn, in seconds of wall time: usual and longest.
OVERLAP, LONGEST = 24 * 3600, 30 * 24 * 3600


def name(credential: str, number: int | str) -> str:
    """The key store's name of the `number`th secret of a credential (ids differ by case, names do not)."""
    return f"hmac.{digest(credential.encode())[7:39]}.{number}"


@dataclass
class Keyring:
    """Every credential's secrets that count now. One thread draws; reading is a dict access."""

    keys: FileKeyStore
    path: Path
    until: dict[str, int] = field(default_factory=dict)
    """credential → wall time in ms until which the secret before the newest counts"""
    _held: dict[str, tuple[Mac, Mac | None]] = field(default_factory=dict)

    @classmethod
    def load(cls, keys: FileKeyStore, path: Path) -> Keyring:
        kept = canonical.loads(path.read_bytes()) if path.exists() else {}
        return cls(keys, path, kept)

    def secrets(self, credential: str, now_ms: int) -> tuple[Mac, ...]:
        """Those that count now, the newest first; none before the first was drawn."""
        held = self._held.get(credential) or self._load(credential)
        if held is None:
            return ()
        newest, before = held
        if before is not None and now_ms <= self.until.get(credential, 0):
            return (newest, before)
        return (newest,)

    def draw(self, credential: str, now_ms: int, overlap: int = OVERLAP) -> tuple[bytes, int]:
        """A new secret, and until when (wall ms) the one before counts (0: there was none, or no longer)."""
        number = self._drawn(credential)
        until = now_ms + 1000 * min(max(0, overlap), LONGEST) if number and overlap > 0 else 0
        # The date first: a crash between leaves an end to the old secret, never an old one without end.
        self.until = {**self.until, credential: until}
        write_file(self.path, canonical.dumps(self.until))
        secret = self.keys.create_secret(name(credential, number + 1))
        self._held.pop(credential, None)
        return secret, until

    def _drawn(self, credential: str) -> int:
        return len(list(self.keys.directory.glob(f"{name(credential, '*')}.secret")))

    def _load(self, credential: str) -> tuple[Mac, Mac | None] | None:
        number = self._drawn(credential)
        if not number:
            return None
        before = mac(self.keys.secret(name(credential, number - 1))) if number > 1 else None
        self._held[credential] = (mac(self.keys.secret(name(credential, number))), before)
        return self._held[credential]
