"""Why a call is not answered, as one table: HTTP status, which of the five words, whether to try again.

The sentences of rulings come from the contract (`contract.grounds`), those of the gateway's own codes from
here. `docs/gateway-api.md` and the OpenAPI file are printed from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gongshu.contract.grounds import SAYINGS
from gongshu.contract.model import Ruling

WORDS: Mapping[str, str] = {
    "match": "一致",
    "mismatch": "不一致",
    "found": "查到",
    "not_found": "查无",
    "unauthorised": "未授权",
    "over_quota": "超额",
}
"""The classes of answer. 未授权 and 超额 are said before any look-up: they tell nothing of anybody."""
ANSWERED = ("match", "mismatch", "found", "not_found", "rows")
"""The classes that count and are billed; `rows` is an answer from a released table."""
HITS = ("match", "mismatch", "found", "rows")


class Row(NamedTuple):
    """`retry`: never | same (the very request, with its idempotency key) | later (after `Retry-After` or the
    time the sentence names) | new (sign anew or mend the request first)."""

    status: int
    answer: str
    retry: str
    sentence: str = ""


def _ruling(code: str, status: int, answer: str, retry: str) -> tuple[str, Row]:
    return code, Row(status, answer, retry, SAYINGS[code].sentence)


ERRORS: Mapping[str, Row] = {
    # the request itself
    "scheme": Row(401, "", "new", "请求没有签名，或签名方式不认识。"),
    "header": Row(401, "", "new", "签名头写法不对。"),
    "time": Row(401, "", "new", "请求的时间与网关相差过大，或在网关本次启动之前签署，请重新签署。"),
    "replay": Row(401, "", "new", "同一请求已经收到过，不再回答；重试请换随机数重新签署，幂等键不变。"),
    "signature": Row(401, "", "new", "请求的签名不成立。"),
    "no_secret": Row(401, "", "new", "凭证还没有领取密钥，请先用自己的私钥签名领取。"),
    "key": Row(401, "", "never", "使用单位的公钥不在信任名单上，或已过期。"),
    "credential": Row(401, "", "never", "凭证不存在，或它的使用协议没有生效。"),
    "body": Row(400, "", "new", "请求正文写法不对。"),
    "query": Row(400, "", "new", "查询参数写法不对。"),
    "too_many": Row(400, "", "new", "一次请求里的条数过多，请分批。"),
    "idempotency_key": Row(400, "", "new", "幂等键应为 8 到 64 个字母、数字、点、横线或下划线。"),
    "idempotency_conflict": Row(422, "", "new", "同一幂等键已用于另一份请求，请换一个键。"),
    "in_progress": Row(409, "", "same", "同一幂等键的请求正在处理，请稍后用同一键重试。"),
    "too_large": Row(413, "", "new", "请求正文过大。"),
    "too_large_head": Row(431, "", "new", "请求的地址和标头过大。"),
    "syntax": Row(400, "", "new", "收到的不是合格的 HTTP/1.1 请求。"),
    "path": Row(404, "", "never", "没有这个地址。接口说明见产品页。"),
    "method": Row(405, "", "never", "这个地址不接受这种方法。"),
    # the gateway's own state
    "starting": Row(503, "", "later", "网关正在启动，请稍后再试。"),
    "line": Row(503, "", "later", "网关与数据域或办公域的连线中断，暂不回答。"),
    "lease": Row(503, "", "later", "网关没有有效的租约，暂不回答；与办公域的连线恢复后自动恢复。"),
    "ledger": Row(503, "", "same", "网关写不下调用记录，没有回答也没有计次；请稍后再试。"),
    "internal": Row(500, "", "same", "网关内部出错；请用同一幂等键重试，不会重复计次。"),
    "no_release": Row(404, "", "later", "该产品还没有可供回答的版本。"),
    "form": Row(404, "", "never", "该产品不以这种方式回答。"),
    # the contract
    "product": Row(403, "unauthorised", "never", "凭证不是这个产品的。"),
    "consent_bad": Row(403, "unauthorised", "new", "随请求带来的同意不成立：签名、写法或有效期不对。"),
    **dict(
        [
            _ruling("stopped", 403, "unauthorised", "never"),
            _ruling("tripped", 403, "unauthorised", "never"),
            _ruling("no_ceiling", 403, "unauthorised", "never"),
            _ruling("buyer", 403, "unauthorised", "never"),
            _ruling("over_scope", 403, "unauthorised", "never"),
            _ruling("not_yet", 403, "unauthorised", "later"),
            _ruling("expired", 403, "unauthorised", "never"),
            _ruling("purpose", 403, "unauthorised", "never"),
            _ruling("field", 403, "unauthorised", "never"),
            _ruling("no_consent", 403, "unauthorised", "new"),
            _ruling("withdrawn", 403, "unauthorised", "new"),
            _ruling("consent_expired", 403, "unauthorised", "new"),
            _ruling("consent_scope", 403, "unauthorised", "new"),
            _ruling("consent_used", 403, "unauthorised", "new"),
            _ruling("rate", 429, "over_quota", "later"),
            _ruling("quota", 429, "over_quota", "later"),
            _ruling("quota_month", 429, "over_quota", "later"),
            _ruling("quota_total", 429, "over_quota", "never"),
            _ruling("subjects", 429, "over_quota", "later"),
            _ruling("ceiling", 429, "over_quota", "later"),
            _ruling("ceiling_subjects", 429, "over_quota", "later"),
        ]
    ),
}
RETRIES: Mapping[str, str] = {
    "never": "不要重试",
    "same": "原样重试：同一正文、同一幂等键，随机数和时间重新签署",
    "later": "过些时候重试（按 Retry-After 或提示的时间）",
    "new": "改正后作为新请求",
}


@dataclass(frozen=True)
class Refusal(Exception):
    """Why a call is not answered: HTTP status, fixed code, one sentence, articles, the agreement's clause."""

    status: int
    code: str
    sentence: str
    basis: tuple[str, ...] = ()
    clause: str = ""
    wait: int = 0
    """Seconds for `Retry-After`; 0 when the sentence says when."""

    def data(self) -> dict[str, Any]:
        row = ERRORS.get(self.code)
        error: dict[str, Any] = {"code": self.code, "sentence": self.sentence, "basis": list(self.basis)}
        if self.clause:
            error["clause"] = self.clause
        if row is not None:
            error["retry"] = row.retry
            if row.answer:
                error |= {"answer": row.answer, "word": WORDS[row.answer]}
        return {"ok": False, "error": error}


def refusal(code: str, sentence: str = "", basis: tuple[str, ...] = (), wait: int = 0) -> Refusal:
    """The refusal of a code, with the table's status and, where none is given, its sentence."""
    row = ERRORS[code]
    return Refusal(row.status, code, sentence or row.sentence, basis, "", wait)


def ruled(ruling: Ruling, wait: int = 0) -> Refusal:
    """The refusal of a contract's ruling."""
    row = ERRORS[ruling.code]
    return Refusal(row.status, ruling.code, ruling.sentence, ruling.basis, ruling.clause, wait)
