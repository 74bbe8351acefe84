"""The connector to the government's identity system (统一身份认证): OpenID Connect's code flow with PKCE.

authorize → code → token → userinfo, a compact JWS signed by the identity system (EdDSA or SM2). What comes
back is a real name with an id number or a credit code; it lives in memory for one request and is kept only as
a keyed token and a masked text. The system itself is not here: its address and key lie in
`<home>/office/state/identity.json`, `{issuer, client, secret, key}`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from django.conf import settings

from gongshu.crypto.sign import BadKey, PublicKey
from gongshu.recognise import checks

FILE = "identity.json"
TIMEOUT = 10.0
SKEW = 60
ALGS: Mapping[str, str] = {"EdDSA": "ed25519", "SM2": "sm2"}
CAPACITIES: Mapping[str, str] = {"legal_representative": "法定代表人", "agent": "授权经办人"}
# 撤并过的行政区划代码仍在证件上，所以不拿现行区划表去比
CHECKS = {"person": checks.resident_id, "firm": checks.credit_code}


class IdentityError(Exception):
    """Who it is could not be established. `args[0]` is a Chinese sentence, `code` stable."""

    def __init__(self, sentence: str, code: str = "identity") -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


@dataclass(frozen=True)
class Provider:
    """The identity system as this home knows it. `key` signs what it says."""

    issuer: str
    client: str
    secret: str = field(repr=False)
    key: PublicKey


@dataclass(frozen=True)
class Identity:
    """Somebody proved. `number` is the id number or credit code in clear: never stored, never logged."""

    kind: str
    name: str
    number: str = field(repr=False)
    capacity: str = ""


def provider(path: Path | None = None) -> Provider:
    """The configured identity system; `IdentityError` when there is none."""
    path = path or settings.OFFICE_HOME / "state" / FILE
    try:
        kept = json.loads(path.read_bytes())
        return Provider(
            kept["issuer"].rstrip("/"), kept["client"], kept["secret"], PublicKey.decode(kept["key"])
        )
    except FileNotFoundError as error:
        raise IdentityError(
            "本站还没有接通统一身份认证，暂时不能在线办理；请联系数据管理部门。", "identity_missing"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IdentityError("统一身份认证的设置读不了，请联系数据管理部门。", "identity_missing") from error


def missing() -> str:
    """Why nobody can log in with a real name now; '' when the identity system is configured."""
    try:
        provider()
    except IdentityError as error:
        return error.sentence
    return ""


def begin(to: Provider, back: str, now: datetime) -> tuple[str, dict[str, Any]]:
    """(address to send the browser to, what to remember until it comes back)."""
    verifier = secrets.token_urlsafe(48)
    kept = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": verifier,
        "back": back,
        "at": now.timestamp(),
    }
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": to.client,
        "redirect_uri": back,
        "scope": "openid real_name",
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{to.issuer}/authorize?{urlencode(query)}", kept


def finish(to: Provider, kept: Mapping[str, Any], given: Mapping[str, str], now: datetime) -> Identity:
    """The identity behind the code that came back; raises `IdentityError`."""
    if given.get("error"):
        raise IdentityError("您没有完成实名认证，可以重新开始。", "identity_declined")
    state, code = given.get("state", ""), given.get("code", "")
    if not code or not secrets.compare_digest(state.encode(), str(kept.get("state", "")).encode()):
        raise IdentityError("实名认证的回答与本次请求对不上，请重新开始。", "identity_state")
    with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
        token = _token(client, to, kept, code)
        signed = _ask(client.get, f"{to.issuer}/userinfo", headers={"authorization": f"Bearer {token}"}).text
    return read(claims(signed, to, str(kept.get("nonce", "")), now))


def _token(client: httpx.Client, to: Provider, kept: Mapping[str, Any], code: str) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": str(kept.get("back", "")),
        "client_id": to.client,
        "client_secret": to.secret,
        "code_verifier": str(kept.get("verifier", "")),
    }
    try:
        return str(_ask(client.post, f"{to.issuer}/token", data=form).json()["access_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityError("统一身份认证的回答读不懂，请稍后再试。", "identity_line") from error


def _ask(call: Any, url: str, **more: Any) -> httpx.Response:
    try:
        answer: httpx.Response = call(url, **more)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise IdentityError("统一身份认证没有认可这次登录，请重新开始。", "identity_refused") from error
    except httpx.HTTPError as error:
        raise IdentityError("暂时联系不上统一身份认证，请稍后再试。", "identity_line") from error
    return answer


def claims(signed: str, to: Provider, nonce: str, now: datetime) -> dict[str, Any]:
    """The claims of a compact JWS (RFC 7515) signed by the identity system for this client and this login."""
    try:
        head, body, sig = signed.strip().split(".")
        alg = json.loads(_decoded(head))["alg"]
        good = ALGS.get(alg) == to.key.alg and to.key.verify(_decoded(sig), f"{head}.{body}".encode())
        said = json.loads(_decoded(body))
    except (ValueError, KeyError, TypeError, BadKey) as error:
        raise IdentityError("统一身份认证的回答读不懂，请稍后再试。", "identity_line") from error
    if not good or not isinstance(said, dict):
        raise IdentityError("统一身份认证的签名不成立，不予采信。", "identity_signature")
    expires, issued = said.get("exp"), said.get("iat")
    timely = (
        isinstance(expires, int | float)
        and isinstance(issued, int | float)
        and issued - SKEW <= now.timestamp() <= expires + SKEW
    )
    meant = said.get("iss") == to.issuer and said.get("aud") == to.client and said.get("nonce") == nonce
    if not timely or not meant or not nonce:
        raise IdentityError("统一身份认证的回答不是给这次登录的，请重新开始。", "identity_nonce")
    return said


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("base64url") from error


def read(said: Mapping[str, Any]) -> Identity:
    """Name and number out of the claims; a number with a wrong check character is nobody's."""
    kind = said.get("subject_type")
    name, number = said.get("name"), said.get("number")
    if kind not in CHECKS or not isinstance(name, str) or not isinstance(number, str) or not name.strip():
        raise IdentityError("统一身份认证没有给出实名信息，不能办理。", "identity_incomplete")
    capacity = str(said.get("capacity") or "")
    if kind == "firm" and capacity not in CAPACITIES:
        raise IdentityError("企业须由法定代表人或者授权经办人办理。", "identity_capacity")
    number = number.strip().upper()
    if not CHECKS[kind](number):
        raise IdentityError("统一身份认证给出的证件号码不对，不能办理。", "identity_incomplete")
    return Identity(kind, name.strip()[:120], number, CAPACITIES.get(capacity, "") if kind == "firm" else "")


def masked(found: Identity) -> tuple[str, str]:
    """(name, number) as they are shown and kept: a person's first character, first and last of the number."""
    if found.kind == "firm":
        return found.name, f"{found.number[:2]}{'*' * 12}{found.number[-4:]}"
    stars = "*" * max(1, len(found.name) - 1)
    return found.name[:1] + stars, f"{found.number[0]}{'*' * (len(found.number) - 2)}{found.number[-1]}"
