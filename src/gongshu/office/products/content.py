"""What a product and a usage agreement say, judged: problems, digests, contract and ceiling bodies. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gongshu.contract.model import BadContract, compile_ceiling, compile_contract
from gongshu.crypto import canonical, hashes
from gongshu.law import forms
from gongshu.law.errors import LawError
from gongshu.law.forms import Form, Problem
from gongshu.law.inputs import Input, number_of, problem_of
from gongshu.law.predicates import blank
from gongshu.law.rules import Rules
from gongshu.office.products import terms as terms_

PRODUCT, AGREEMENT = "product", "agreement-usage"
# 只有接口调用才经网关，才要有调用条件和使用单位的签名
CALLED = "api"
MOST_CALLS = 10**9
Data = Mapping[str, Any]

CEILING: tuple[Input, ...] = (
    Input("buyers", "使用单位和公钥", "choices", help="可以选多家；一家一把公钥。"),
    Input("purposes", "用途代码", "names", help="一行一个，例如 public-service。"),
    Input("fields", "可以回答的字段", "names", help="一行一个，只能取自产品的字段。"),
    Input("calls_per_day", "全部使用单位每日最多调用次数", "number", help="按自然日计，正整数。"),
    Input(
        "subjects_per_day",
        "每日最多涉及的主体数",
        "number",
        help="产品不指向个人和企业的填 0。",
        required=False,
    ),
    Input(
        "consent",
        "同意方式",
        "choice",
        help="产品涉及个人信息、商业秘密的必选；不涉及的不选。",
        required=False,
        options=(
            ("standing", "事先同意，期限之内每次调用核对"),
            ("each_call", "每次调用都要一份新的同意"),
        ),
    ),
)


def form_of(rules: Rules, name: str) -> Form:
    """A form of the packs as it holds; raises `LawError` in a zone without one."""
    return forms.load(rules, name)


def purposes(rules: Rules) -> dict[str, str]:
    """What a product may be for, value → title, as the pack's form offers it; empty in a zone without one."""
    try:
        return dict(form_of(rules, PRODUCT).field("purpose").ask.options)
    except LawError:
        return {}


def problems(rules: Rules, typed: Data) -> list[Problem]:
    """Everything wrong with a product's page."""
    return forms.validate(form_of(rules, PRODUCT), typed)


def digest(rules: Rules, typed: Data, releases: Iterable[str]) -> str:
    """What a compliance review decides on: the page and the digests of what left the data domain."""
    seen = {"form": forms.clean(form_of(rules, PRODUCT), typed), "releases": sorted(releases)}
    return hashes.digest(canonical.dumps(seen))


# ---------------------------------------------------------------- usage agreements


def called(typed: Data) -> bool:
    """Is the product delivered by calls, so that the gateway must know the agreement?"""
    return typed.get("delivery") == CALLED


def agreement_problems(
    rules: Rules, typed: Data, made: Data, fields: Sequence[str], **against: Any
) -> list[Problem]:
    """Everything wrong with an agreement: the seven items of the law, and the terms of its calls.

    `made`: the body as the terms give it; `against`: what `terms.problems` compares it with.
    """
    found = forms.validate(form_of(rules, AGREEMENT), typed)
    if called(typed):
        found += terms_.problems(made, typed, product_fields=fields, **against)
    return found


def term_problems(asked: Sequence[Input], terms: Data, fields: Sequence[str]) -> list[Problem]:
    """What is wrong with purposes, fields and counts."""
    found = []
    for each in asked:
        value = terms.get(each.id)
        sentence = problem_of(each, value) if each.kind != "choices" else ""
        if not sentence and each.kind == "number" and not blank(value):
            sentence = _count(each, value)
        if not sentence and each.id == "fields":
            outside = sorted(set(value or ()) - set(fields))
            sentence = f"“{each.title}”里有产品没有的字段：{'、'.join(outside)}。" if outside else ""
        if sentence:
            found.append(Problem(each.id, sentence))
    return found


def _count(asked: Input, value: Any) -> str:
    number = number_of(value)
    least = 0 if not asked.required else 1
    whole = number is not None and number == int(number) and least <= number <= MOST_CALLS
    return "" if whole else f"“{asked.title}”应是不小于 {least} 的整数。"


def agreement_digest(rules: Rules, typed: Data, terms: Data) -> str:
    """What the buyer confirmed is what is filed."""
    seen = {"form": forms.clean(form_of(rules, AGREEMENT), typed), "terms": _terms(typed, terms)}
    return hashes.digest(canonical.dumps(seen))


def _terms(typed: Data, terms: Data) -> dict[str, Any]:
    if not called(typed):
        return {}
    return {each.id: terms[each.id] for each in terms_.TERMS if not blank(terms.get(each.id))}


def contract_body(
    id_: str, product: str, operator: str, buyer: str, zone: str, typed: Data, terms: Data
) -> dict[str, Any]:
    """The body both sides sign (version 2); `BadContract` when the agreement cannot be compiled."""
    if not called(typed):
        raise BadContract("这份协议不是接口调用，不经网关，不需要电子签署。")
    made = terms_.body(id_, product, operator, buyer, typed, terms)
    compile_contract(zone, made)
    return made


def credential_body(id_: str, buyer: str) -> dict[str, Any]:
    """The credential the buyer's system calls with; its number follows from the agreement's."""
    return {"id": f"cr-{id_.partition('-')[2]}", "contract": id_, "buyer": buyer}


def ceiling_body(
    id_: str, product: str, grant: str, buyers: Sequence[tuple[str, str]], terms: Data, consent: str
) -> dict[str, Any]:
    """The body the providers confirm; `BadContract` when malformed."""
    body = {
        "id": id_,
        "product": product,
        "grant": grant,
        "buyers": [{"organisation": organisation, "key": key} for organisation, key in sorted(buyers)],
        "purposes": sorted(set(terms.get("purposes") or ())),
        "fields": sorted(set(terms.get("fields") or ())),
        "calls_per_day": whole(terms.get("calls_per_day")),
        "subjects_per_day": whole(terms.get("subjects_per_day")),
        "consent": consent,
    }
    compile_ceiling(body)
    return body


def whole(value: Any) -> int:
    """A whole number as typed; 0 where there is none."""
    number = number_of(value)
    return int(number) if number is not None and number <= MOST_CALLS else 0
