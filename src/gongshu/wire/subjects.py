"""Whom a consent speaks of, so that only a gateway can tell: why so is written in docs/adr/0110.

* `sm2:<base64>`: kind and number of the subject, bound to the consent's id and sealed to the gateway's
  sealing key. Consents given on the portal carry this form; neither the feed nor the office's database can
  be searched for a number, not even with every key of the office.
* `sha256:<hex>` with the body's `salt`: consents signed by a subject's own key. The gateway knows the number
  it must stand for: the credit code the trust list gives the key's organisation, or the one the call names.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from gongshu.crypto.box import BoxError, open_, seal
from gongshu.crypto.hashes import HashError, salted
from gongshu.crypto.sign import PrivateKey, PublicKey
from gongshu.wire.errors import WireError

KINDS = ("person", "firm")
FORM = re.compile(r"(sm2:[A-Za-z0-9+/]{80,600}={0,2}|sha256:[0-9a-f]{64})\Z")
_PREFIX = "sm2:"
_UNREADABLE = "同意所指的主体认不出来，不予接受。"


def name(kind: str, number: str) -> str:
    """A subject as it is sealed or digested: `person:<id number>`, `firm:<credit code>`."""
    if kind not in KINDS:
        raise WireError("subject", "主体只有个人（person）和企业（firm）两种。")
    return f"{kind}:{''.join(number.split()).upper()}"


def sealed(subject: str, consent: str, to: PublicKey) -> str:
    """The `subject` of a consent's body: `subject` as `name` writes it, for the consent with this id only."""
    return _PREFIX + base64.b64encode(seal(f"{consent}\n{subject}".encode(), to)).decode()


def opened(text: str, consent: str, key: PrivateKey) -> str:
    """The gateway's side of `sealed`; `WireError` when changed, or taken from another consent."""
    try:
        raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        of, _, subject = open_(raw, key).decode().partition("\n")
    except (BoxError, binascii.Error, UnicodeDecodeError) as error:
        raise WireError("subject", _UNREADABLE) from error
    if of != consent or subject.partition(":")[0] not in KINDS:
        raise WireError("subject", _UNREADABLE)
    return subject


def digest(subject: str, salt: str) -> str:
    """The digest form; `salt` is hex of at least 16 random bytes and stands in the body."""
    try:
        return salted(subject.encode(), bytes.fromhex(salt))
    except (ValueError, HashError) as error:
        raise WireError("subject", _UNREADABLE) from error


def speaks_of(body: Mapping[str, Any], subject: str, key: PrivateKey | None = None) -> bool:
    """Does this consent speak of `subject`? `key`: the gateway's sealing key, for the sealed form."""
    said = str(body.get("subject", ""))
    try:
        if said.startswith(_PREFIX):
            return key is not None and opened(said, str(body.get("id", "")), key) == subject
        return said == digest(subject, str(body.get("salt", "")))
    except WireError:
        return False
