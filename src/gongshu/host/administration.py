"""What the data domain's security administrators do on their own machine and on the data domain's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.crypto.sign import PrivateKey
from gongshu.host import backup_seal, inside, keys
from gongshu.host.errors import HostError
from gongshu.host.home import Home
from gongshu.host.users import SERVICES
from gongshu.wire import envelope as wire
from gongshu.wire.envelope import Envelope
from gongshu.wire.settings import Settings
from gongshu.wire.store import TrustStore, write_file
from gongshu.wire.trust import ADMINISTRATOR, TrustList, anchors_of

KEY_FILE, PUBLIC_FILE = "administrator.key", "administrator.pub.json"
ROWS = ("organisations", "people", "accounts", "keys")


def new_administrator(out: Path, name: str, alg: str = "ed25519") -> dict[str, str]:
    """A key pair and a recovery key in `out` (made 0700): private keys as PEM 0600, public halves as JSON."""
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (out / KEY_FILE).exists():
        raise HostError("exists", f"{out / KEY_FILE} 已经存在，公枢不覆盖安全管理员的钥匙。")
    key = PrivateKey.generate(alg)
    public = {"id": key.public().id, "name": name, "key": key.public().encode()}
    public["recovery"] = backup_seal.new_recovery(out)
    write_file(out / KEY_FILE, key.to_pem(), 0o600)
    write_file(out / PUBLIC_FILE, json.dumps(public, ensure_ascii=False).encode() + b"\n", 0o644)
    return public


def service_rows(home: Home) -> list[dict[str, Any]]:
    """The home's services as rows of a trust list."""
    return [{"key": row["key"], "role": row["role"]} for row in keys.public_keys(home)]


def template(
    home: Home,
    administrators: Sequence[Mapping[str, str]],
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    now: datetime,
) -> Envelope:
    """An unsigned list of the next number: this home's services, the administrators, and given rows.

    `rows` may hold organisations, people, accounts and further keys (buyers', subjects').
    """
    unknown = set(rows) - set(ROWS)
    if unknown:
        raise HostError("rows", f"名单内容只能有 {'、'.join(ROWS)}。")
    number = int(inside.call(home, "domain", "gongshu.host.administration:present_number"))
    body: dict[str, Any] = {
        "number": number + 1,
        "zones": list(home.settings().zones),
        "administrators": [dict(row) for row in administrators],
        **{name: [dict(row) for row in rows.get(name, ())] for name in ROWS},
    }
    body["keys"] = [*service_rows(home), *body["keys"]]
    made = wire.make("trust", home.settings().zone, 0, body, now)
    _check_rows(made, now)
    return made


def _check_rows(envelope: Envelope, now: datetime) -> None:
    """Finds malformed rows before people sign: the list is read with two throw-away signatures."""
    keys_ = [PrivateKey.generate("ed25519") for _ in range(2)]
    for key in keys_:
        envelope = add_signature(envelope, key)
    TrustList.load(envelope, {key.public().id: key.public() for key in keys_}, now)
    anchors_of(envelope.body)


def add_signature(envelope: Envelope, key: PrivateKey) -> Envelope:
    """The list with an administrator's signature, once."""
    if any(signature.key == key.public().id for signature in envelope.signatures):
        return envelope
    made = wire.consent("trust", envelope.zone, envelope.body, ADMINISTRATOR, key)
    return wire.attach(envelope, [made])


def present_number(settings: Settings, _payload: object) -> int:
    """Run inside the data domain: the number of its list, 0 before the first."""
    return TrustStore(settings.trust("domain")).number(datetime.now(UTC))


def install_here(settings: Settings, payload: Mapping[str, Any]) -> int:
    """Run inside a service: pins the administrators and takes the list; its number."""
    store = TrustStore(settings.trust(payload["service"]))
    return store.install(wire.parse(payload["list"]), datetime.now(UTC)).number


def install(home: Home, envelope: Envelope) -> dict[str, int]:
    """`gongshu trust init`: into every home on this machine, after checking; the number by service.

    The office's copy only tells it whom to believe itself: domain and gateway read their own.
    """
    TrustList.load(envelope, anchors_of(envelope.body), datetime.now(UTC))
    return {
        service: inside.call(
            home,
            service,
            "gongshu.host.administration:install_here",
            {"service": service, "list": envelope.data()},
        )
        for service in SERVICES
    }


def read_key(path: Path) -> PrivateKey:
    """An administrator's private key; refused when others can read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise HostError("key", f"{path} 别人也能读，请先 chmod 0600 {path}。")
        return PrivateKey.from_pem(path.read_bytes())
    except OSError as error:
        raise HostError("key", f"读不到钥匙文件 {path}。") from error
    except ValueError as error:
        raise HostError("key", f"{path} 不是私钥文件。") from error
