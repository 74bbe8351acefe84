"""The story as a table: which steps, in which order, for which zone and data.

What waits for the data domain comes well after what sent the work: it computes while pages are worked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gongshu.demo import (
    cast,
    city,
    closing,
    consent,
    content,
    credit,
    flow,
    fund,
    prices,
    product,
    real,
    scenes,
    supply,
    work,
)
from gongshu.demo import credit_content as credits_
from gongshu.demo import fund_content as funds
from gongshu.demo import resources as shelf
from gongshu.demo.play import Step
from gongshu.demo.stage import Stage

ZONE = cast.ZONE
ZONES = (ZONE,)
SIZES = {
    "full": city.Size(),
    "small": city.Size(persons=4_000, enterprises=600, trips=60_000),
}
RESOURCES = (content.BUS, funds.FUND, credits_.FIRMS, credits_.SOCIAL)
PRODUCTS = (content.product, funds.product, credits_.product)


def founding() -> list[Step]:
    """People, keys, clock: the same for every story."""
    return [
        Step("administrators", "从控制台建立第一批管理员", scenes.administrators),
        Step("first_day", f"业务时间移到 {scenes.FIRST_DAY}", scenes.first_day),
        Step("people", "建立机构、人员和角色", scenes.people),
        Step("trust", "签署并装入信任名单", scenes.trust_list),
        Step("airlock_accounts", "开通闸口账号", scenes.airlock_accounts),
    ]


def steps(zone: str, data: Path | None, size: str) -> list[Step]:
    """All steps of the story asked for."""
    del zone
    if data is not None:
        return real.steps(data, founding())
    return [
        *founding(),
        *_resources(size),
        *_work(),
        *_products(),
        *_calls(),
        *_closing(),
        Step("portal", "公众在门户看到什么", scenes.portal),
        Step("verify", "离线核验日志、凭证和出域记录", scenes.verify),
    ]


def _resources(size: str) -> list[Step]:
    """Four resources; they wait out the same publicity."""
    return [
        Step("documents", "方案、遴选、协议建档", scenes.documents),
        Step("catalogue", "编制、复核、审核、发布目录；拒绝自己复核自己", catalogue),
        Step("city", "生成合成城市", partial(scenes.make_city, size=SIZES[size])),
        Step("hand_in", "在闸口入库", hand_in),
        Step("register", "四项数据资源首次登记", register),
        Step("refuse_certificate", "拒绝：公示最后一日发证", partial(shelf.refuse_early, one=content.BUS)),
        Step("certificate", "公示结束，发放登记凭证", certificates),
    ]


def catalogue(stage: Stage) -> str:
    said = [shelf.catalogue(stage, one) for one in RESOURCES]
    return f"{len(said)} 项目录已发布。经办人复核自己的被拒：{said[0][:60]}"


def hand_in(stage: Stage) -> str:
    made = [shelf.hand_in(stage, one) for one in RESOURCES]
    for one in RESOURCES:
        shelf.told(stage, one)
    return f"快照 {'、'.join(made)} 加密入库；办公域只得到字段名、类型、等级和行数。"


def register(stage: Stage) -> str:
    ends = {shelf.apply(stage, one) for one in RESOURCES}
    return f"五十八项申请、存证、业务审核、受理、审核，公示最后一日 {'、'.join(sorted(ends))}。"


def certificates(stage: Stage) -> str:
    codes = [shelf.certify(stage, one) for one in RESOURCES]
    return f"凭证 {'、'.join(codes)}；公开查验页都查得到。"


def _work() -> list[Step]:
    """From the scenarios to what leaves the data domain, refusals included."""
    bus = partial(flow.bound, content.product)
    person = partial(flow.bound, funds.product)
    firm = partial(flow.bound, credits_.product)
    return [
        Step("scenario", "三个应用场景：一场景一审核", flow.each(PRODUCTS, product.scenario)),
        Step("request", "数据申请：逐字段最小必要", flow.each(PRODUCTS, product.request)),
        Step("grant", "授权：办公域签发，提供单位在闸口确认", flow.each(PRODUCTS, product.grant)),
        Step("product", "建立三个产品", flow.each(PRODUCTS, supply.make_product)),
        Step("sent", "开发人员把查询和样例申请一起送进数据域", sent),
        Step("forged_grant", "拒绝：伪造的授权", scenes.forged_grant),
        Step("refuse_raw", "拒绝：索要原始行", bus(flow.raw_refused(content.RAW_SQL))),
        Step("training", "企业信用评分：在数据域训练模型", firm(training)),
        Step("asked", "四项结果申请出域", asked),
        Step("sample", "样例：提供单位看过风险再交开发人员", person(fund.sample)),
        Step("scores", "企业信用评分：事先算好每家企业的等级", firm(credit.scores_sent)),
        Step("release_index", "出域：公交客流指数", bus(flow.released("index", "公交客流指数"))),
        Step("release_report", "出域：公交客流月报", bus(flow.released("report", "公交客流月报"))),
        Step("scores_asked", "企业信用评分：申请按企业作答", firm(credit.answers_asked)),
        Step("release_fund", "审核：公积金缴存核验", person(fund.answers_left)),
        Step("refuse_small", "拒绝：人数太少的格子，闸口回放攻击", bus(flow.small_cell_refused)),
    ]


def sent(stage: Stage) -> str:
    """Everything the three projects ask first goes in at once."""
    bus, person, firm = (of(stage) for of in PRODUCTS)
    credit.features_sent(stage, firm)
    fund.answers_sent(stage, person)
    for name, sql in (("small", content.SMALL_SQL), ("index", content.INDEX_SQL), ("report", content.SQL)):
        work.send(stage, bus, name, sql)
    fund.sample_asked(stage, person)
    return "五次运行和一份样例排队；数据域一次回一个固定的代码，在整十秒告知。"


def training(stage: Stage, firm: product.Content) -> str:
    credit.training_sent(stage, firm)
    return "按假名的特征表建成；正常的、过拟合的两个模型和一张夹带的表都送进沙箱。"


def asked(stage: Stage) -> str:
    """What the first runs made is asked out together."""
    bus, person, _ = (of(stage) for of in PRODUCTS)
    fund.answers_asked(stage, person)
    for name, kind, title in (
        ("index", "index", "公交客流指数"),
        ("report", "report", "公交客流月报"),
        ("small", "table", "站点小时客流"),
    ):
        work.ended(stage, bus, name)
        work.ask(stage, bus, name, kind, title, content.LEAD if kind == "report" else "")
    return "小格、指数、月报、公积金核验都送去攻击测试。"


def _products() -> list[Step]:
    """Compliance, registration, prices, agreements, ceilings; three products wait out the same publicity.

    The data domain still attacks what the firms' project asked while the first two are worked.
    """
    every: Callable[..., Callable[[Stage], str]] = partial(flow.each, PRODUCTS)
    first: Callable[..., Callable[[Stage], str]] = partial(flow.each, PRODUCTS[:2])
    firm = partial(flow.bound, credits_.product)
    return [
        Step("compliance", "产品合规审核", first(supply.compliance)),
        Step("register_product", "产品登记", first(supply.register_product)),
        Step("cap", "授权主体制定上限收费标准，书面报告", every(prices.capped)),
        Step("refuse_price", "运营机构公布价目；拒绝：高于上限", every(prices.priced)),
        Step("agreement", "使用协议：七项、调用条件、双方签名", first(supply.draft)),
        Step("refuse_model", "拒绝：记住了训练数据的模型", firm(credit.refused_model)),
        Step("refuse_hidden", "拒绝：把标识藏进输出", firm(credit.refused_hidden)),
        Step("release_credit", "审核：企业信用评分", firm(credit.answers_left)),
        Step("credit_product", "企业信用评分：合规审核、登记、使用协议", firm(to_agreement)),
        Step("ceiling", "产品上限由提供单位在闸口确认", every(supply.ceiling)),
        Step("certificate_product", "公示结束，发放产品登记凭证", every(supply.certify_product)),
        Step("filed", "使用协议备案", every(supply.file)),
    ]


def to_agreement(stage: Stage, made: product.Content) -> str:
    """The same three steps for the product whose answers came last."""
    return "".join(act(stage, made) for act in (supply.compliance, supply.register_product, supply.draft))


def _calls() -> list[Step]:
    """What the bank's system may ask, and what it may not."""
    bus = partial(flow.bound, content.product)
    person = partial(flow.bound, funds.product)
    firm = partial(flow.bound, credits_.product)
    return [
        Step("call", "网关回答使用单位的签名调用；拒绝重放", bus(supply.call)),
        Step("refuse_no_consent", "拒绝：没有本人同意", person(fund.refused_without)),
        *(_proved() if consent.STANDIN.exists() else [UNPROVED]),
        Step("refuse_trip", "拒绝：多次越权，网关熔断", firm(credit.tripped)),
        Step("lift", "查明原因，两把钥匙解除熔断", firm(credit.lifted)),
    ]


UNPROVED = Step(
    "no_identity",
    "没有统一身份认证的替身",
    lambda _: "替身只在代码仓库里；要本人实名的几步和它们的账单这次不做。",
)


def _proved() -> list[Step]:
    """What needs somebody proved by the identity system, and the bill of those calls."""
    person = partial(flow.bound, funds.product)
    firm = partial(flow.bound, credits_.product)
    return [
        Step("consent", "本人在手机上实名、同意", person(fund.agreed)),
        Step("verified", "核验：一致、不一致、查无", person(fund.verified)),
        Step("refuse_withdrawn", "拒绝：同意已撤回", person(fund.withdrawn)),
        Step("looked_up", "企业信用评分：企业同意后查询", firm(credit.looked_up)),
        Step("refuse_firm", "拒绝：企业撤回同意，连续调用量出几秒", firm(credit.withdrawn)),
    ]


def _bills() -> list[Step]:
    person = partial(flow.bound, funds.product)
    return [
        Step("bill", "月度账单：每一分都有为什么，分成加得起来", person(closing.billed)),
        Step("bill_confirmed", "使用单位确认账单", person(closing.confirmed)),
    ]


def _closing() -> list[Step]:
    """The month's end, an agreement's end, and those who look afterwards."""
    person = partial(flow.bound, funds.product)
    return [
        *(_bills() if consent.STANDIN.exists() else []),
        Step("refuse_ended", "终止协议：几秒之内停止调用", person(closing.ended)),
        Step("audit", "审计人员抽三十个案件，离线核验", closing.audited),
        Step("totals", "监管人员核对总数", closing.totals),
    ]
