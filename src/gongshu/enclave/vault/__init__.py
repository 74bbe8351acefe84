"""The vault: snapshots of raw data, encrypted, signed, deletable. See `vault.py`."""

from .manifest import Column, Manifest, Part, VaultError
from .vault import PART_LIMIT, Vault, new_id
from .writer import Writer

__all__ = ["PART_LIMIT", "Column", "Manifest", "Part", "Vault", "VaultError", "Writer", "new_id"]
