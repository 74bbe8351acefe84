"""Client for the gateway of Gongshu 公枢: sign, ask, retry safely, reconcile. It imports nothing of it."""

from gongshu_client.client import Answer, Client, Refused, Unavailable
from gongshu_client.reconcile import Reconciliation, check
from gongshu_client.signing import Ed25519Key, HmacKey, Signer, Sm2Key

__all__ = [
    "Answer",
    "Client",
    "Ed25519Key",
    "HmacKey",
    "Reconciliation",
    "Refused",
    "Signer",
    "Sm2Key",
    "Unavailable",
    "check",
]
