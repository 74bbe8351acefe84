"""The bank's system at the gateway, with the client every buyer gets and the bank's own key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from gongshu.demo import trust
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Unexpected
from gongshu_client import Answer, Client, HmacKey, Refused, Signer, Sm2Key, Unavailable
from gongshu_client.signing import headers

PATIENCE = 30.0
# what the gateway says before contract, ceiling and version have reached it
NOT_YET = ("credential", "no_ceiling", "key", "lease", "line", "starting", "no_release")
Asked = tuple[str, Mapping[str, Any]]


def purpose(content: Content) -> str:
    return str(content.agreement["purposes"]).splitlines()[0]


def signer(stage: Stage, content: Content) -> Signer:
    """The secret drawn from the gateway where there is one, else the bank's own SM2 key."""
    secret = remembered(stage, content).get("secret", "")
    if secret:
        return HmacKey(bytes.fromhex(secret), sm3=True)
    return Sm2Key(trust.buyer_key(stage).to_pem())


def client(stage: Stage, content: Content) -> Client:
    """The buyer's client under the product's credential."""
    credential = remembered(stage, content)["credential"]
    line = httpx.HTTPTransport()  # 演示的网关在本机，不走代理
    return Client(stage.urls["gateway"], credential, signer(stage, content), transport=line)


def draw_secret(stage: Stage, content: Content) -> None:
    """An HMAC secret, asked for with the bank's own key; the office never sees it."""
    if "secret" in remembered(stage, content):
        return

    def ask() -> str:
        with client(stage, content) as asking:
            try:
                return asking.draw_secret().hex()
            except Refused as error:
                if error.code in NOT_YET:
                    return ""
                raise Unexpected(f"没有领到密钥：{error.sentence}") from error

    remember(stage, content, secret=str(wait_for("网关发给密钥", ask, PATIENCE)))


def table(stage: Stage, content: Content, **query: Any) -> dict[str, Any] | None:
    """Rows of a released table; None while the gateway does not answer yet."""
    with client(stage, content) as asking:
        try:
            return asking.rows(remembered(stage, content)["product"], purpose(content), **query)
        except Refused as error:
            if error.retry in ("later", "same") or error.code in NOT_YET:
                return None
            raise Unexpected(f"网关没有回答：{error.sentence}") from error


def verify(
    stage: Stage, content: Content, who: str, values: Mapping[str, Any], consent: Mapping[str, Any] | None
) -> Answer:
    """One person verified, with the consent given for this call (None: without)."""
    given = [consent] if consent is not None else []
    with client(stage, content) as asking:
        product = remembered(stage, content)["product"]
        return asking.verify(product, purpose(content), [(who, values)], consents=given)[0]


def lookup(stage: Stage, content: Content, who: str) -> Answer:
    """One firm looked up."""
    with client(stage, content) as asking:
        return asking.lookup(remembered(stage, content)["product"], purpose(content), [who])[0]


def answered(
    what: str, ask: Callable[[], Answer], wanted: Sequence[str], seconds: float = PATIENCE
) -> Answer:
    """Ask until the answer is one of `wanted`: what was published takes a moment to reach the gateway."""
    end, last = time.monotonic() + seconds, ""
    while True:
        try:
            said = ask()
            if said.answer in wanted or said.code in wanted:
                return said
            last = said.sentence or said.word
        except (Refused, Unavailable) as error:
            if isinstance(error, Refused) and error.code in wanted:
                return Answer("unauthorised", "未授权", {}, error.code, error.sentence)
            last = str(error)
        if time.monotonic() > end:
            raise Unexpected(f"{what}：等了 {seconds:.0f} 秒，网关最后说“{last}”。")
        time.sleep(0.1)


def replayed(stage: Stage, content: Content, rest: str) -> str:
    """The very same signed request twice; what the gateway says to the second."""
    known = remembered(stage, content)
    target = f"/v1/products/{known['product']}{rest}"
    signed = headers(signer(stage, content), known["credential"], "GET", target, b"", "")
    with httpx.Client(base_url=stage.urls["gateway"], timeout=10, trust_env=False) as line:
        line.get(target, headers=signed)
        again = line.get(target, headers=signed)
    if again.status_code == httpx.codes.OK:
        raise Unexpected("重放的请求没有被拒绝。")
    return str(again.json()["error"]["sentence"])


def over_scope(stage: Stage, content: Content, who: str, tries: int) -> tuple[str, str]:
    """Look somebody up for a purpose nobody agreed to until it trips; what was said before and after."""
    product, first = remembered(stage, content)["product"], ""
    with client(stage, content) as asking:
        for _ in range(tries + 2):
            try:
                said = asking.lookup(product, "advertising", [who])[0]
                code, sentence = said.code, said.sentence
            except Refused as error:
                code, sentence = error.code, error.sentence
            if code == "tripped":
                break
            first = sentence
    after = answered("熔断之后的调用", lambda: lookup(stage, content, who), ("tripped",), 5)
    return first, after.sentence


def probe(stage: Stage, content: Content) -> Answer:
    """A question about nobody, without consent: whether the agreement still stands shows in the answer."""
    return verify(stage, content, "probe", {content.fields[0]: ""}, None)
