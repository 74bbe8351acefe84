"""What is written for 住房公积金缴存核验: records, scenario, product, agreement."""

from __future__ import annotations

from typing import Any

from gongshu.demo import content
from gongshu.demo.product import Content, Source
from gongshu.demo.resources import Resource, identifier
from gongshu.demo.stage import Stage

NAME = "住房公积金缴存核验"
TITLE = "住房公积金缴存记录（合成）"
STATUS, BAND = "缴存状态", "缴存基数区间"
FIELDS = f"{STATUS}\n{BAND}"
PURPOSE_CODE = "loan-review"
SAFE = "不指向个人"
FUND = Resource(
    key="fund",
    officer="fund",
    checker="fund2",
    organisation="fund",
    file="housing_fund",
    table="housing_fund",
    subject="身份证号",
    catalogue={
        **content.CATALOGUE,
        "name": TITLE,
        "code": "306002/000021",
        "summary": "住房公积金个人账户的缴存记录，每名缴存人一行。合成数据。",
        "cycle": "monthly",
        "share_conditions": "含个人账户信息，依法不予共享",
    },
    items=(
        ("身份证号", "身份证号", "C", "L4"),
        ("姓名", "姓名", "C", "L4"),
        ("手机号", "手机号", "C", "L4"),
        ("单位信用代码", "单位信用代码", "C", "L4"),
        ("缴存基数", "缴存基数", "N", "L3"),
        ("月缴存额", "月缴存额", "N", "L3"),
        ("缴存状态", "缴存状态", "C", "L2"),
        ("最近缴存月", "最近缴存月", "C", "L2"),
    ),
    grades={
        **dict.fromkeys(("身份证号", "姓名", "手机号", "单位信用代码"), ("L4", "")),
        "缴存基数": ("L3", "账户金额，不能直接认出个人"),
        "月缴存额": ("L3", "账户金额，不能直接认出个人"),
        "缴存状态": ("L2", SAFE),
        "最近缴存月": ("L2", SAFE),
        "合成标记": ("L1", "标记列，全部相同"),
    },
    registration={
        **content.REGISTRATION,
        "R01": TITLE,
        "R03": "306002",
        "R04": "S9411",
        "R06": "住房公积金个人账户的缴存状态、基数和最近缴存月，用于缴存核验。演示用合成数据。",
        "R07": "公积金\n缴存",
        "R28": {"value": "8", "unit": "万条"},
        "R29": "monthly",
        "R31": {"value": "8", "unit": "万条/月"},
        "R34": "84000",
        "R41": "黄石市住房公积金缴存人",
        "R42": "金融机构、政务服务机构",
        "R43": "贷款审核、资格核验",
    },
)
COLUMNS = {
    "身份证号": "换成假名作为主体，不输出",
    "缴存基数": "分成三段作答",
    "缴存状态": "核验缴存状态",
}
NEED = {
    "need_resource": TITLE,
    "need_provider": "黄石市住房公积金中心（演示）",
    "need_items": "\n".join(COLUMNS),
    "need_reason": "没有缴存记录就不能核验。",
}
SCENARIO: dict[str, Any] = {
    **content.SCENARIO,
    "name": NAME,
    "domain": "金融服务",
    "purpose": "经本人逐次同意，银行审核贷款时核验公积金缴存状态，不再要求本人跑腿开证明。",
    "users": "银行业金融机构",
    "economic": "缩短贷款审核时间，降低核实成本。",
    "social": "市民少跑一次腿、少开一张证明。",
    "business": "按次收费，阶梯价。",
    "feasible": "缴存记录已经入库，只答一致或者不一致。",
    "products": NAME,
    "protection": "每次调用都要本人同意；只答一致、不一致、查无，不给原始数据；撤回几秒之内生效。",
}
QUERY = """SELECT pseudonym(身份证号) AS who, max(缴存状态) AS 缴存状态,
       CASE WHEN max(缴存基数) < 4000 THEN '4000元以下'
            WHEN max(缴存基数) < 8000 THEN '4000至8000元'
            ELSE '8000元以上' END AS 缴存基数区间
FROM housing_fund
GROUP BY 身份证号"""
PRODUCT: dict[str, Any] = {
    "name": NAME,
    "form": "核验",
    "purpose": "industry",
    "summary": "核验一个人的公积金缴存状态和基数区间，只答一致、不一致或者查无。演示用合成数据。",
    "cycle": "monthly",
    "fields": FIELDS,
    "touches": True,
}
HEADS = {
    "source": "住房公积金缴存记录，已登记，提供单位在闸口确认授权。",
    "masking": "只答一致、不一致、查无；基数分段；供数快照以加盐的标记代替身份证号。",
    "no_raw": "原始数据和供数快照都不离开数据域，出去的是一次一个回答。",
    "access": "使用单位用自己的密钥签名调用，网关按协议、上限和同意逐次核对。",
    "consent": "每次调用都要本人新的同意，经统一身份认证实名，随时可以撤回。",
}
REGISTRATION: dict[str, Any] = {
    **content.PRODUCT_REGISTRATION,
    "R01": NAME,
    "R03": "306002",
    "R04": "S9411",
    "R06": PRODUCT["summary"],
    "R07": "公积金\n核验",
    "R14": "核验",
    "R15": TITLE,
    "R28": {"value": "8", "unit": "万条"},
    "R32": True,
    "R33": ["person"],
    "R34": "84000",
    "R41": "黄石市住房公积金缴存人",
    "R42": "银行业金融机构",
    "R43": "贷款审核",
}
AGREEMENT: dict[str, Any] = {
    **content.AGREEMENT,
    "pricing": "per_call",
    "price_note": "按次计价，每月前 1000 次每次 0.50 元，超过的每次 0.30 元。",
    "scene": "住房贷款审核",
    "touches": True,
    "purposes": PURPOSE_CODE,
    "fields": FIELDS,
    "consent": "each_call",
    "calls_per_day": "100",
    "subjects_per_day": "50",
    "tariff": [
        {"unit": "call", "up_to": "1000", "fen": "50", "per": "1"},
        {"unit": "call", "up_to": "", "fen": "30", "per": "1"},
    ],
}
CAP = {"unit": "call", "fen": "60", "per": "1"}
CEILING = {"calls_per_day": "200", "subjects_per_day": "100", "consent": "each_call"}


def product(stage: Stage) -> Content:
    """The product's content; its agreement shares the income with who supports the supply."""
    shares = [
        {"role": "provider", "organisation": stage.organisation("fund"), "parts": "2"},
        {"role": "operator", "organisation": stage.organisation("operator"), "parts": "5"},
        {"role": "developer", "organisation": stage.organisation("operator"), "parts": "3"},
    ]
    return Content(
        key="fund_product",
        sources=(Source(identifier(stage, FUND), NEED, COLUMNS, "不能：核验的就是本人的这一项。"),),
        scenario=SCENARIO,
        purpose=NAME,
        since=content.SINCE,
        until=content.UNTIL,
        product=PRODUCT,
        heads=HEADS,
        registration=REGISTRATION,
        agreement={**AGREEMENT, "split": shares},
        ceiling=CEILING,
        cap=CAP,
        registered=(FUND.registered,),
        officer=FUND.officer,
        checker=FUND.checker,
        mode="build",
    )
