"""The structured terms of a usage agreement: what the page asks, and the body of version 2 both sides sign.

Pure. What was typed is never dropped: what is no number stays text here, so that `contract.validate` names
it beside its field. The reading of the body is the contract room's alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gongshu.contract import body as bodies
from gongshu.contract import model
from gongshu.law.forms import Problem
from gongshu.law.inputs import Input
from gongshu.money.pricelaw import PriceLaw
from gongshu.money.split import ROLES
from gongshu.money.tariff import PARTIAL, UNITS, Price
from gongshu.ui.inputs import whole_number

Data = Mapping[str, Any]
FREE = "free"
MOST_NUMBER = 10**19 - 1

# 条文只要求写明使用条件；怎样写成机器能核对的，由本项目定，所以没有条款
TERMS: tuple[Input, ...] = (
    Input("purposes", "用途代码", "names",
          help="调用时要写明的用途，一行一个，例如 public-service；要在上限之内。"),
    Input("public_benefit", "其中用于公共治理、公益事业的", "names", required=False,
          help="取自上面的用途，一行一个；规则包规定免费的，账单不收费。"),
    Input("fields", "可以回答的字段", "names", help="一行一个，只能取自产品的字段。"),
    Input("consent", "同意方式", "choice", options=tuple(bodies.CONSENTS.items()),
          help="涉及个人信息、商业秘密的必须取得同意；不得比上限宽。"),
    Input("calls_per_day", "每日最多调用次数", "number", help="按自然日计，正整数。"),
    Input("calls_per_month", "每月最多调用次数", "number", required=False, help="不填的，每月不另设限。"),
    Input("calls_total", "总共最多调用次数", "number", required=False, help="不填的，总数不设限。"),
    Input("subjects_per_day", "每日最多涉及的主体数", "number", required=False,
          help="不指向个人和企业的产品填 0；需要同意的至少 1。"),
    Input("rate_per_second", "每秒次数", "number", help="持续的速率，正整数。"),
    Input("rate_burst", "突发次数", "number", help="一瞬间最多几次，不少于每秒次数。"),
    Input("over_tries", "越权几次即熔断", "number", help="用途、字段或者同意范围之外的请求算越权。"),
    Input("over_seconds", "在多少秒之内", "number",
          help="在这么多秒里达到上面的次数，网关自己停下这份协议。"),
    Input("prohibitions", "禁止事项", "choices", options=tuple(bodies.PROHIBITIONS.items())),
    Input("tariff", "价目", "rows",
          help="一行一档，同一计价单位的几行是累进的阶梯，各档之和；单价是“每若干个单位多少分”，整数；"
          "最后一档的上端不填。免费的写一行 0 分。"),
    Input("discounts", "优惠", "rows", required=False,
          help="某几种用途只付几成，例如 0.80；用途之间用顿号分开。"),
    Input("minimum", "每月最低消费（分）", "number", required=False, help="没有的不填。"),
    Input("maximum", "每月封顶（分）", "number", required=False, help="没有的不填。"),
    Input("split", "分成", "rows",
          help="收入怎样分：支持数据提供单位、运营机构、开发者各几份；按份数分到分，总是加得起来。"),
    Input("key", "使用单位公钥指纹", "code", help="使用单位提交、已列入信任名单的公钥。"),
    Input("operator_key", "运营机构公钥指纹", "code",
          help="本机构提交、已列入信任名单的公钥；双方各用自己的签同一份正文。"),
)  # fmt: skip
NAMES = tuple(each.id for each in TERMS)
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("调用的范围（交付方式为接口调用的填写，数据域按它逐次核对）",
     ("purposes", "public_benefit", "fields", "consent", "key", "operator_key")),
    ("额度、速率和熔断", ("calls_per_day", "calls_per_month", "calls_total", "subjects_per_day",
                  "rate_per_second", "rate_burst", "over_tries", "over_seconds")),
    ("禁止事项", ("prohibitions",)),
    ("价目和分成", ("tariff", "discounts", "minimum", "maximum", "split")),
)  # fmt: skip
COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "tariff": (("unit", "计价单位"), ("up_to", "到第几个（含）"), ("fen", "多少分"), ("per", "每几个单位"),
               ("partial", "不足一期")),
    "discounts": (("purposes", "用途"), ("pay", "付的比例")),
    "split": (("role", "身份"), ("organisation", "单位"), ("parts", "份数")),
}  # fmt: skip
CHOICES: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = {
    "tariff": {"unit": tuple(UNITS.items()), "partial": tuple(PARTIAL.items())},
    "split": {"role": tuple(ROLES.items())},
}
# 正文里的位置 → 页面上的一项
PLACES: tuple[tuple[str, str], ...] = (
    ("quota.calls_per_day", "calls_per_day"),
    ("quota.calls_per_month", "calls_per_month"),
    ("quota.calls_total", "calls_total"),
    ("quota.subjects_per_day", "subjects_per_day"),
    ("quota", "calls_per_day"),
    ("rate.per_second", "rate_per_second"),
    ("rate", "rate_burst"),
    ("over_scope.tries", "over_tries"),
    ("over_scope", "over_seconds"),
    ("tariff.discounts", "discounts"),
    ("tariff.minimum", "minimum"),
    ("tariff.maximum", "maximum"),
    ("from", "term"),
    ("until", "term"),
)


def begun(fields: Iterable[str], operator: str, touches: object, operator_key: str = "") -> dict[str, Any]:
    """What a new draft already says: the product's fields, careful limits, everything for the operator, and
    the operator's own key where it has one.

    All of it is on the page to be changed, and in the preview before anybody signs.
    """
    return {
        "fields": list(fields),
        "consent": "each_call" if touches else "none",
        "subjects_per_day": "" if touches else "0",
        "rate_per_second": "10",
        "rate_burst": "20",
        "over_tries": "5",
        "over_seconds": "600",
        "prohibitions": ["resell", "redistribute", "reidentify", "other_use"],
        "tariff": [{"unit": "call", "up_to": "", "fen": "0", "per": "1", "partial": ""}],
        "split": [{"role": "operator", "organisation": operator, "parts": "1"}],
        "operator_key": operator_key,
    }


def number(value: Any) -> Any:
    """A whole number as typed; None where nothing was; else as it is, to be named as a fault."""
    text = str(value if value is not None else "").replace(",", "").replace("，", "").strip()
    if not text:
        return None
    found = whole_number(text, MOST_NUMBER)
    return text if found is None else found


def _names(value: Any) -> Any:
    """A list as typed, twice the same once; a text split at the marks people use."""
    if isinstance(value, str):
        for mark in "、；，;,":
            value = value.replace(mark, "\n")
        value = [line.strip() for line in value.splitlines() if line.strip()]
    return sorted(set(value)) if isinstance(value, list | tuple) else []


def tariff(terms: Data) -> dict[str, Any]:
    """The tariff of a body from the rows of the page: rows of one unit are the bands of one line."""
    lines: dict[str, dict[str, Any]] = {}
    for row in terms.get("tariff") or ():
        unit = str(row.get("unit") or "")
        fen, per = number(row.get("fen")), number(row.get("per"))
        if unit in ("month", "year"):
            # 同一固定费用写了两行，就成了两条同样的价目，由合同的读法指出
            key = unit if unit not in lines else f"{unit}-{len(lines)}"
            lines[key] = {"id": key, "unit": unit, "fen": fen, "partial": row.get("partial") or "whole"}
            continue
        line = lines.setdefault(unit, {"id": unit or "none", "unit": unit, "bands": []})
        line["bands"].append(
            {"up_to": number(row.get("up_to")), "fen": fen, "per": 1 if per is None else per}
        )
    discounts = [
        {"id": f"discount-{place}", "purposes": _names(row.get("purposes")), "pay": row.get("pay") or ""}
        for place, row in enumerate(terms.get("discounts") or (), 1)
    ]
    least = number(terms.get("minimum"))
    return {
        "lines": [lines[key] for key in sorted(lines)],
        "discounts": discounts,
        "minimum": 0 if least is None else least,
        "maximum": number(terms.get("maximum")),
    }


def body(id_: str, product: str, operator: str, buyer: str, typed: Data, terms: Data) -> dict[str, Any]:
    """The body of version 2 (`contract/README.md`), faults and all: `problems` names them."""
    term = typed.get("term") or {}
    subjects = number(terms.get("subjects_per_day"))
    return {
        "v": 2,
        "id": id_,
        "product": product,
        "operator": operator,
        "operator_key": str(terms.get("operator_key") or ""),
        "buyer": buyer,
        "key": str(terms.get("key") or ""),
        "from": str(term.get("from") or ""),
        "until": str(term.get("until") or ""),
        "purposes": _names(terms.get("purposes")),
        "public_benefit": _names(terms.get("public_benefit")),
        "fields": _names(terms.get("fields")),
        "consent": str(terms.get("consent") or ""),
        "quota": {
            "calls_per_day": number(terms.get("calls_per_day")),
            "calls_per_month": number(terms.get("calls_per_month")),
            "calls_total": number(terms.get("calls_total")),
            "subjects_per_day": 0 if subjects is None else subjects,
        },
        "rate": {
            "per_second": number(terms.get("rate_per_second")),
            "burst": number(terms.get("rate_burst")),
        },
        "over_scope": {
            "tries": number(terms.get("over_tries")),
            "seconds": number(terms.get("over_seconds")),
        },
        "prohibitions": _names(terms.get("prohibitions")),
        "tariff": tariff(terms),
        "split": [
            {
                "role": str(row.get("role") or ""),
                "organisation": str(row.get("organisation") or ""),
                "parts": number(row.get("parts")),
            }
            for row in terms.get("split") or ()
        ],
        "clauses": dict(bodies.CLAUSES),
    }


def problems(
    made: Data,
    typed: Data,
    *,
    product_fields: Collection[str],
    touches: bool,
    consent_basis: Sequence[str] = (),
    caps: Mapping[str, Price] | None = None,
    law: PriceLaw | None = None,
    ceiling: model.Ceiling | None = None,
) -> list[Problem]:
    """Everything wrong with a body at once, each beside the item of the page it stands in.

    `touches`: calls touch persons or firms, so that consent is asked; `caps` None: nobody sets caps here.
    """
    found = model.validate(made, product_fields=product_fields, caps=caps, law=law, ceiling=ceiling)
    if touches and made["consent"] == "none":
        sentence = "调用涉及个人信息、商业秘密或保密商务信息的，要约定怎样取得同意。"
        found.append(Problem("consent", sentence, tuple(consent_basis)))
    if typed.get("pricing") == FREE and _charges(made["tariff"]):
        found.append(Problem("tariff", "计价方式写的是免费，价目里却有收费的一档，请改成一致的。"))
    return [Problem(place(each.field), each.sentence, each.basis) for each in found]


def _charges(made: Data) -> bool:
    """Is anything asked for at all?"""
    prices = [line.get("fen") for line in made["lines"]]
    prices += [band["fen"] for line in made["lines"] for band in line.get("bands", ())]
    return any(isinstance(each, int) and each > 0 for each in (*prices, made["minimum"]))


def place(field: str) -> str:
    """The item of the page a place of the body stands in."""
    for start, name in PLACES:
        if field == start or field.startswith(f"{start}."):
            return name
    return field.partition(".")[0]
