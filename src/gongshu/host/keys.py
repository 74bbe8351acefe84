"""The key pairs each service makes in its own home, and the public halves everyone may read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gongshu.crypto.keystore import FileKeyStore
from gongshu.crypto.sign import PublicKey
from gongshu.evidence import note
from gongshu.host import inside
from gongshu.host.home import Home
from gongshu.wire.settings import Settings
from gongshu.wire.store import write_file

# service → (name of the key, role on the trust list, algorithm)
SERVICE_KEYS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "office": (
        ("office", "office", "ed25519"),
        ("portal", "portal", "ed25519"),
        ("portal-sm2", "portal", "sm2"),
        ("log", "log", "ed25519"),
        ("log-sm2", "log", "sm2"),
        ("certificate", "certificate", "sm2"),
    ),
    "domain": (("enclave", "enclave", "ed25519"), ("airlock", "airlock", "ed25519")),
    "gateway": (("gateway", "gateway", "ed25519"), ("sealing", "sealing", "sm2")),
}
FILE = "keys.json"
# Roles that co-sign checkpoints, under their role's name.
WITNESSES = ("enclave", "gateway")


def create(settings: Settings, service: str) -> list[dict[str, str]]:
    """Run inside: makes the service's missing keys; the public halves of all of them."""
    store = FileKeyStore(settings.home / service / "keys")
    present = set(store.names())
    rows = []
    for name, role, alg in SERVICE_KEYS[service]:
        public = store.public(name) if name in present else store.create(name, alg)
        row = {"service": service, "name": name, "role": role, "id": public.id, "key": public.encode()}
        rows.append({**row, "pem": public.to_pem().decode()})
    return rows


def make_all(home: Home) -> list[dict[str, Any]]:
    """Makes every service's keys and writes the public halves to `config/keys.json`."""
    rows: list[dict[str, Any]] = []
    for service in SERVICE_KEYS:
        rows += inside.call(home, service, "gongshu.host.keys:create", service)
    text = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    write_file(home.config / FILE, text.encode(), 0o644)
    return rows


def public_keys(home: Home) -> list[dict[str, Any]]:
    """The public keys of the home: `[{service, name, role, id, key, pem}]`."""
    path = home.config / FILE
    rows: list[dict[str, Any]] = json.loads(path.read_bytes()) if path.exists() else []
    known = {(row["service"], row["name"]) for row in rows}
    wanted = {(service, name) for service, keys in SERVICE_KEYS.items() for name, _role, _alg in keys}
    # A newer version may ask for keys that this home does not have yet.
    return rows if wanted <= known else make_all(home)


def verifier_lines(origin: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Signed-note verifier lines: the log's keys under its name, then the witnesses' under their roles."""
    made = []
    for row in rows:
        public = PublicKey.decode(row["key"])
        if row["role"] == "log":
            made.append(note.verifier_line(origin, public))
        elif row["role"] in WITNESSES:
            made.append(note.verifier_line(row["role"], public, cosigner=True))
    return made
