"""The vault of this home, and what its manifests say of the tables a grant names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from gongshu.enclave.policy import Source
from gongshu.enclave.store.models import Snapshot
from gongshu.enclave.vault import Manifest, Vault, VaultError

MASTER = "vault-master"


@lru_cache(maxsize=1)
def vault() -> Vault:
    """The vault; its master key is drawn when the home is made."""
    master = settings.KEYS.create_secret(MASTER)
    return Vault(
        settings.VAULT_DIR,
        master,
        settings.KEYS.signer("enclave"),
        settings.SITE.cipher,
        private=settings.STAGING_DIR,
    )


def _source(manifest: Manifest) -> Source:
    columns = {column.name: {"type": column.type, "grade": column.grade} for column in manifest.columns}
    return Source(
        manifest.id,
        manifest.resource,
        manifest.owner,
        manifest.table,
        columns,
        manifest.subject,
        manifest.rows,
    )


def newest(zone: str, resource: str) -> Source | None:
    """The newest readable snapshot of a resource; the row only points, the manifest speaks."""
    rows = Snapshot.objects.filter(zone=zone, resource=resource, deleted__isnull=True).order_by("-made")
    for row in rows:
        try:
            manifest = vault().manifest(row.id)
        except VaultError:
            continue
        if (manifest.zone, manifest.resource) == (zone, resource):
            return _source(manifest)
    return None


def of_grant(body: Mapping[str, Any]) -> dict[str, Source]:
    """table of the grant → its source, for those tables the vault has a snapshot of."""
    found: dict[str, Source] = {}
    tables = body.get("tables")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        resource = table.get("resource") if isinstance(table, dict) else None
        source = newest(body["zone"], resource) if isinstance(resource, str) else None
        if source is not None:
            found[name] = source
    return found
