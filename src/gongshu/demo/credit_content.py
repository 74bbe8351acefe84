"""What is written for 企业信用评分: registration and social-security records, the model, the product."""

from __future__ import annotations

from typing import Any

from gongshu.demo import content
from gongshu.demo.product import Content, Source
from gongshu.demo.resources import Resource, identifier
from gongshu.demo.stage import Stage

NAME = "企业信用评分"
FIRMS_TITLE, SOCIAL_TITLE = "企业登记信息（合成）", "社会保险参保记录（合成）"
BAND = "信用等级"
PURPOSE_CODE = "inclusive-finance"
OWNER = "黄石市信息中心（演示）"
_SHARED: dict[str, Any] = {"cycle": "monthly", "share_conditions": "含企业和个人信息，依法不予共享"}
_WHOLE = "不能：评分要按企业逐个计算，标识换成假名，不输出。"
FIRMS = Resource(
    key="firms",
    officer="collector",
    checker="collector2",
    organisation="centre",
    file="enterprises",
    table="enterprises",
    subject="统一社会信用代码",
    catalogue={
        **content.CATALOGUE,
        **_SHARED,
        "name": FIRMS_TITLE,
        "code": "306003/000031",
        "summary": "企业登记注册的基本信息和经营异常状态，每家企业一行。合成数据。",
    },
    items=(
        ("统一社会信用代码", "统一社会信用代码", "C", "L4"),
        ("企业名称", "企业名称", "C", "L4"),
        ("行业", "行业", "C", "L2"),
        ("注册资本万元", "注册资本万元", "N", "L2"),
        ("成立日期", "成立日期", "D", "L2"),
        ("区县", "区县", "C", "L2"),
        ("经营异常", "经营异常", "C", "L2"),
    ),
    grades={
        "统一社会信用代码": ("L4", ""),
        "企业名称": ("L4", ""),
        **dict.fromkeys(("行业", "注册资本万元", "成立日期", "区县", "经营异常"), ("L2", "登记公示的信息")),
        "合成标记": ("L1", "标记列，全部相同"),
    },
    registration={
        **content.REGISTRATION,
        "R01": FIRMS_TITLE,
        "R03": "306003",
        "R04": "S9221",
        "R06": "企业登记注册的基本信息和经营异常状态，用于企业信用评价。演示用合成数据。",
        "R07": "企业\n登记",
        "R28": {"value": "3", "unit": "万条"},
        "R29": "monthly",
        "R31": {"value": "3", "unit": "万条/月"},
        "R33": ["legal"],
        "R34": "30000",
        "R41": "黄石市登记的企业",
        "R42": "金融机构",
        "R43": "普惠金融授信",
    },
)
SOCIAL = Resource(
    key="social",
    officer="collector",
    checker="collector2",
    organisation="centre",
    file="social_security",
    table="social_security",
    subject="id_card",
    catalogue={
        **content.CATALOGUE,
        **_SHARED,
        "name": SOCIAL_TITLE,
        "code": "306004/000041",
        "summary": "职工和居民参加社会保险的记录，每名参保人一行。合成数据。",
        "format": ["parquet"],
    },
    items=(
        ("身份证号", "id_card", "C", "L4"),
        ("参保单位", "employer", "C", "L4"),
        ("险种", "kind", "C", "L2"),
        ("缴费基数", "base", "N", "L3"),
        ("缴费月数", "months", "I", "L3"),
        ("区县", "district", "C", "L2"),
    ),
    grades={
        "id_card": ("L4", ""),
        "employer": ("L4", ""),
        "kind": ("L2", "险种不指向个人"),
        "base": ("L3", "缴费金额，不能直接认出个人"),
        "months": ("L3", "缴费年限，不能直接认出个人"),
        "district": ("L2", "区县不指向个人"),
        "合成标记": ("L1", "标记列，全部相同"),
    },
    registration={
        **content.REGISTRATION,
        "R01": SOCIAL_TITLE,
        "R03": "306004",
        "R04": "S9411",
        "R06": "参加社会保险的记录，用于按企业汇总用工情况。演示用合成数据。",
        "R07": "社保\n参保",
        "R26": ["parquet"],
        "R28": {"value": "11", "unit": "万条"},
        "R29": "monthly",
        "R31": {"value": "11", "unit": "万条/月"},
        "R34": "110000",
        "R41": "黄石市社会保险参保人",
        "R42": "金融机构",
        "R43": "普惠金融授信",
    },
)
FIRM_COLUMNS = {
    "统一社会信用代码": "换成假名作为主体，不输出",
    "注册资本万元": "模型的特征",
    "成立日期": "计算企业年龄，模型的特征",
    "经营异常": "模型的目标",
}
SOCIAL_COLUMNS = {"employer": "按企业汇总，不输出", "base": "按企业平均，模型的特征"}
SCENARIO: dict[str, Any] = {
    **content.SCENARIO,
    "name": "普惠金融企业信用评分",
    "domain": "金融服务",
    "purpose": "用登记和参保信息评价小微企业信用，让没有抵押物的企业也能得到贷款。",
    "users": "银行业金融机构",
    "economic": "降低小微企业融资成本。",
    "social": "信用好的小微企业贷得到款。",
    "business": "按次收费。",
    "feasible": "数据已经入库，模型在数据域里训练，只答等级。",
    "products": NAME,
    "protection": "只答信用等级；经企业同意；模型和结果出域前逐项检验并两人盲审。",
}
FEATURES = """SELECT pseudonym(e.统一社会信用代码) AS who, max(e.注册资本万元) AS capital,
       max(date_diff('month', e.成立日期, DATE '2026-03-01')) AS age,
       max(coalesce(s.staff, 0)) AS staff, max(coalesce(s.base, 0)) AS base,
       max(CASE WHEN e.经营异常 THEN 1 ELSE 0 END) AS failing
FROM enterprises AS e
LEFT JOIN (SELECT employer, count(*) AS staff, avg(base) AS base
           FROM social_security GROUP BY employer) AS s ON s.employer = e.统一社会信用代码
GROUP BY e.统一社会信用代码"""
_TRAIN = """import lightgbm
import pandas

data = pandas.read_parquet(inputs["features"])
features = ["capital", "age", "staff", "base"]
settings = {{"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, {more}}}
model = lightgbm.train(settings, lightgbm.Dataset(data[features], data["failing"]), num_boost_round={rounds})
model.save_model(outputs["{name}.txt"])
"""
TRAIN = _TRAIN.format(
    more='"min_data_in_leaf": 50, "num_leaves": 6, "learning_rate": 0.15, "max_bin": 31',
    rounds=25,
    name="model",
)
MEMORISE = _TRAIN.format(
    more='"min_data_in_leaf": 1, "num_leaves": 255, "learning_rate": 0.3',
    rounds=60,
    name="memorised",
)
SCORE = """import lightgbm
import pandas

data = pandas.read_parquet(inputs["features"])
model = lightgbm.Booster(model_file=inputs["model"])
risk = pandas.Series(model.predict(data[["capital", "age", "staff", "base"]]))
edges = [-1.0, *risk.quantile([0.2, 0.5, 0.8]), 2.0]
data["信用等级"] = pandas.cut(risk, edges, labels=["A", "B", "C", "D"], duplicates="drop").astype(str)
data[["who", "信用等级"]].to_parquet(outputs["scores.parquet"])
"""
# 想把假名倒过来藏在“备注”里带出去：程序算得出来，出域检验拦得下来
SMUGGLE = """import pandas

data = pandas.read_parquet(inputs["features"])
data["备注"] = data["who"].str[4:].str[::-1]
data[["备注", "staff"]].to_parquet(outputs["remarks.parquet"])
"""
MODEL_TERMS = {"features": ["capital", "age", "staff", "base"], "target": "failing"}
PRODUCT: dict[str, Any] = {
    "name": NAME,
    "form": "数据接口",
    "purpose": "industry",
    "summary": "数据域里训练的模型事先算好的企业信用等级（A 至 D），按信用代码查询。演示用合成数据。",
    "cycle": "monthly",
    "fields": BAND,
    "touches": True,
}
HEADS = {
    "source": "企业登记信息、社会保险参保记录，均已登记，提供单位在闸口确认授权。",
    "masking": "只答等级；供数快照以加盐的标记代替统一社会信用代码。",
    "no_raw": "模型在数据域里训练，训练数据、模型和供数快照都不离开数据域。",
    "access": "使用单位用自己的密钥签名调用，网关按协议、上限和同意逐次核对。",
    "consent": "企业事先同意，法定代表人或者授权经办人实名办理，随时可以撤回。",
}
REGISTRATION: dict[str, Any] = {
    **content.PRODUCT_REGISTRATION,
    "R01": NAME,
    "R03": "306003",
    "R04": "S9221",
    "R06": PRODUCT["summary"],
    "R07": "企业\n信用",
    "R14": "数据接口",
    "R15": FIRMS_TITLE,
    "R28": {"value": "3", "unit": "万条"},
    "R32": True,
    "R33": ["legal"],
    "R34": "30000",
    "R41": "黄石市登记的企业",
    "R42": "银行业金融机构",
    "R43": "普惠金融授信",
}
AGREEMENT: dict[str, Any] = {
    **content.AGREEMENT,
    "pricing": "per_call",
    "price_note": "按次计价，每次 2 元。",
    "scene": "普惠金融授信",
    "touches": True,
    "purposes": PURPOSE_CODE,
    "fields": BAND,
    "consent": "standing",
    "calls_per_day": "100",
    "subjects_per_day": "50",
    "over_tries": "3",
    "over_seconds": "600",
    "tariff": [{"unit": "call", "up_to": "", "fen": "200", "per": "1"}],
}
CAP = {"unit": "call", "fen": "300", "per": "1"}
CEILING = {"calls_per_day": "200", "subjects_per_day": "100", "consent": "standing"}


def _need(title: str, columns: dict[str, str], reason: str) -> dict[str, str]:
    return {
        "need_resource": title,
        "need_provider": OWNER,
        "need_items": "\n".join(columns),
        "need_reason": reason,
    }


def product(stage: Stage) -> Content:
    """The product's content: two tables of one provider."""
    firms = _need(FIRMS_TITLE, FIRM_COLUMNS, "没有登记信息就评不了分。")
    social = _need(SOCIAL_TITLE, SOCIAL_COLUMNS, "用工规模是偿债能力的重要信号。")
    shares = [
        {"role": "provider", "organisation": stage.organisation("centre"), "parts": "3"},
        {"role": "operator", "organisation": stage.organisation("operator"), "parts": "4"},
        {"role": "developer", "organisation": stage.organisation("operator"), "parts": "3"},
    ]
    return Content(
        key="credit_product",
        sources=(
            Source(identifier(stage, FIRMS), firms, FIRM_COLUMNS, _WHOLE),
            Source(identifier(stage, SOCIAL), social, SOCIAL_COLUMNS, _WHOLE),
        ),
        scenario=SCENARIO,
        purpose=str(SCENARIO["name"]),
        since=content.SINCE,
        until=content.UNTIL,
        product=PRODUCT,
        heads=HEADS,
        registration=REGISTRATION,
        agreement={**AGREEMENT, "split": shares},
        ceiling=CEILING,
        cap=CAP,
        registered=(FIRMS.registered, SOCIAL.registered),
        officer=FIRMS.officer,
        checker=FIRMS.checker,
        mode="build",
    )
