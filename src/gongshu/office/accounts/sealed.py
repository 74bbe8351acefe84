"""Secrets that lie in the database sealed: the database alone opens none of them."""

from __future__ import annotations

import hmac

from django.conf import settings

from gongshu.crypto import aead

ALG = "aes-256-gcm"
KEY = "totp"


def _key(name: str) -> bytes:
    return bytes(settings.KEYS.create_secret(name, 32))


def seal(text: str, owner: str) -> bytes:
    """Seal a text for the row `owner`; moved to another row it no longer opens."""
    return aead.seal(ALG, _key(KEY), text.encode(), owner.encode())


def unseal(sealed: bytes, owner: str) -> str:
    """The text; raises `AeadError` when the row was changed or moved."""
    return aead.open_(ALG, _key(KEY), bytes(sealed), owner.encode()).decode()


def keyed(text: str) -> str:
    """A keyed digest (hex): equal texts can be counted, none can be guessed from the database."""
    return hmac.new(_key("names"), text.encode(), "sha256").hexdigest()
