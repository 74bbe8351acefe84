"""What a request may ask for, and what a consent says: judged and put into words. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from gongshu.evidence.entry import looks_personal
from gongshu.law.inputs import Input, problem_of

LONGEST_LINK = 30 * 24
HOURS = re.compile(r"[0-9]{1,3}\Z")
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}\Z")
KINDS = (("once", "只用一次，用过即失效"), ("standing", "有效期内可以多次使用"))
INPUTS: tuple[Input, ...] = (
    Input(
        "title", "办什么事", "text", most=60,
        help="写给本人看的，例如：办理住房贷款，核验公积金缴存。不要写证件号码、手机号、卡号。",
    ),
    Input("purpose", "用途代码", "choice", help="只能从使用协议约定的用途里选。"),
    Input("fields", "要用的数据项", "choices", help="只选办这件事必需的，不能超出使用协议。"),
    Input("kind", "使用次数", "choice", options=KINDS, help="能用一次办完的，请选只用一次。"),
    Input("from", "从哪一天起", "date", help="业务日期，在使用协议的期限之内。"),
    Input("until", "到哪一天止", "date", help="最后有效日，在使用协议的期限之内。"),
    Input(
        "refusal", "不同意会怎样", "long_text", most=300,
        help="如实写明可以改走的办法，例如：可以改为自己提交缴存证明。不得以不同意为由拒绝与数据无关的服务。"
        "不要写证件号码、手机号、卡号。",
    ),
    Input("hours", "链接有效多少小时", "number", help=f"1 到 {LONGEST_LINK} 的整数，到时没有答复即失效。"),
    Input(
        "reference", "本单位业务编号", "text", most=40, required=False,
        help="只用字母、数字和 _.-，不要写证件号码、手机号。",
    ),
)  # fmt: skip
GIVEN = ("title", "purpose", "fields", "kind", "from", "until", "refusal")


def problem(typed: Mapping[str, Any], allowed: Mapping[str, Any]) -> tuple[str, str] | None:
    """(input, sentence) of the first thing wrong, or None.

    `allowed`: purposes, fields, from, until, consent of the agreement, and the business day `today`.
    """
    for each in INPUTS:
        if each.kind in ("choice", "choices", "date"):
            continue
        sentence = problem_of(each, typed.get(each.id))
        if sentence:
            return each.id, sentence
    for name, judge in JUDGES.items():
        sentence = judge(typed, allowed)
        if sentence:
            return name, sentence
    return None


def _purpose(typed: Mapping[str, Any], allowed: Mapping[str, Any]) -> str:
    return "" if typed.get("purpose") in allowed["purposes"] else "请从使用协议约定的用途里选一个。"


def _fields(typed: Mapping[str, Any], allowed: Mapping[str, Any]) -> str:
    asked = typed.get("fields")
    good = isinstance(asked, list) and asked and set(asked) <= set(allowed["fields"])
    return "" if good else "请从使用协议约定的数据项里选，至少一项。"


def kinds(consent: str) -> tuple[tuple[str, str], ...]:
    """The kinds of consent that can carry calls under an agreement's `consent`: where each call needs a new
    one, a consent good for many never does."""
    return KINDS[:1] if consent == "each_call" else KINDS


def _kind(typed: Mapping[str, Any], allowed: Mapping[str, Any]) -> str:
    if typed.get("kind") in dict(kinds(str(allowed.get("consent", "")))):
        return ""
    if typed.get("kind") in dict(KINDS):
        return "使用协议约定每次调用都要新的同意，只能请求只用一次的同意。"
    return "请选择使用次数。"


def _period(typed: Mapping[str, Any], allowed: Mapping[str, Any]) -> str:
    since, until = day(typed.get("from")), day(typed.get("until"))
    if since is None or until is None:
        return "请写明起止日期。"
    if until < since or until < allowed["today"]:
        return "截止日不能早于起始日，也不能早于今天。"
    if since < allowed["from"] or until > allowed["until"]:
        return f"同意的期限要在使用协议的期限之内（{allowed['from']} 至 {allowed['until']}）。"
    return ""


def _hours(typed: Mapping[str, Any], _allowed: Mapping[str, Any]) -> str:
    text = str(typed.get("hours", ""))
    good = HOURS.match(text) and 1 <= int(text) <= LONGEST_LINK
    return "" if good else f"链接有效期应是 1 到 {LONGEST_LINK} 的整数小时。"


def _reference(typed: Mapping[str, Any], _allowed: Mapping[str, Any]) -> str:
    text = str(typed.get("reference") or "")
    if text and (not REFERENCE.match(text) or personal(text)):
        return "业务编号只能用字母、数字和 _.-，而且不能是证件号码、手机号。"
    return ""


def _unnamed(name: str, title: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], str]:
    """A judge of a text that stays in rows, receipts and lists: it may not say who the subject is."""

    def judge(typed: Mapping[str, Any], _allowed: Mapping[str, Any]) -> str:
        return personal_problem(str(typed.get(name) or ""), title)

    return judge


JUDGES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "title": _unnamed("title", "办什么事"),
    "refusal": _unnamed("refusal", "不同意会怎样"),
    "purpose": _purpose,
    "fields": _fields,
    "kind": _kind,
    "until": _period,
    "hours": _hours,
    "reference": _reference,
}


def personal(text: str) -> bool:
    """Does a text hold a number of a person or firm? By the evidence log's rule, full-width digits too."""
    return looks_personal(unicodedata.normalize("NFKC", text))


def personal_problem(text: str, title: str) -> str:
    """One sentence when a free text holds such a number, or an empty string."""
    if not personal(text):
        return ""
    return (
        f"“{title}”里像是有证件号码、手机号、卡号或者统一社会信用代码，请删去这个号码再提交；"
        "是谁由实名认证确认，不用写在这里。"
    )


def day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def kept(typed: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of a request as they are stored."""
    found = {name: typed[name] for name in GIVEN}
    return found | {name: str(day(typed[name])) for name in ("from", "until")}


def expires(typed: Mapping[str, Any], wall: datetime) -> datetime:
    return wall + timedelta(hours=int(str(typed["hours"])))


def body(
    identifier: str,
    subject: Mapping[str, str],
    product: str,
    buyer: str,
    contract: str,
    terms: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of a consent on the line. `subject`: `subject` and, for the digest form, `salt`."""
    return {
        "id": identifier,
        **subject,
        "product": product,
        "buyer": buyer,
        "contract": contract,
        "purpose": terms["purpose"],
        "fields": sorted(set(terms["fields"])),
        "from": terms["from"],
        "until": terms["until"],
        "kind": terms["kind"],
    }


def facts(
    terms: Mapping[str, Any], product: str, operator: str, buyer: str, agreement: str
) -> list[tuple[str, str]]:
    """(heading, words): what a subject must know before deciding, and what stands on the receipt."""
    times = dict(KINDS).get(str(terms["kind"]), "")
    return [
        ("谁要用", buyer),
        ("办什么事", str(terms["title"])),
        ("用哪些数据", "、".join(terms["fields"])),
        ("用多久", f"{terms['from']} 至 {terms['until']}"),
        ("用几次", times),
        ("不同意会怎样", str(terms["refusal"])),
        ("数据产品", f"{product}（{operator}经营）"),
        ("依据的协议", agreement),
    ]


STATES: Mapping[str, str] = {
    "live": "有效",
    "not_yet": "尚未开始",
    "withdrawn": "已撤回",
    "expired": "已到期",
    "used": "已用完",
    "ended": "协议已终止",
}


def state(withdrawn: bool, running: bool, kind: str, uses: int, period: Sequence[date], today: date) -> str:
    """How a consent stands on a business day, the first that applies. `running`: its agreement is filed."""
    if withdrawn:
        return "withdrawn"
    if not running:
        return "ended"
    if kind == "once" and uses > 0:
        return "used"
    if today > period[1]:
        return "expired"
    return "not_yet" if today < period[0] else "live"
