"""A pair of vaults for tests: drafts and snapshots, and a file taken in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gongshu.crypto.sign import PrivateKey
from gongshu.enclave import intake
from gongshu.enclave.vault import Manifest, Vault

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))


@dataclass
class Vaults:
    drafts: Vault
    vault: Vault

    @classmethod
    def make(cls, directory: Path) -> Vaults:
        key = PrivateKey.generate("ed25519")
        return cls(Vault(directory / "drafts", bytes(32), key), Vault(directory / "vault", bytes(32), key))

    def read(self, path: Path, **more: object) -> intake.Proposal:
        return intake.read(path, self.drafts, now=NOW, name=path.name, **more)  # type: ignore[arg-type]

    def confirm(
        self, proposal: intake.Proposal, decision: intake.Decision | None = None, table: str = "t"
    ) -> Manifest:
        made = intake.confirm(
            proposal,
            decision or intake.accept(proposal),
            drafts=self.drafts,
            vault=self.vault,
            zone="huangshi",
            resource="r-1",
            owner="o-1",
            table=table,
            title="测试",
            now=NOW,
            confirmed_by="p-1",
        )
        intake.refuse(proposal, drafts=self.drafts, now=NOW)
        return made

    def rows(self, manifest: Manifest) -> pa.Table:
        with self.vault.stage({"t": manifest.id}) as staged:
            return pq.read_table(staged["t"])
