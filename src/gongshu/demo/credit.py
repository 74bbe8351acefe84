"""企业信用评分: features, a model that memorised and one that did not, answers computed beforehand, calls."""

from __future__ import annotations

import time

from gongshu.demo import airlock, calls, consent, work
from gongshu.demo.consent import Citizen
from gongshu.demo.credit_content import BAND, FEATURES, MEMORISE, MODEL_TERMS, SCORE, SMUGGLE, TRAIN
from gongshu.demo.fund import MOST_SECONDS
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Page, Unexpected

# how often the step asks while it waits for a withdrawal to act
PACE = 0.05
# 恢复之后网关照常按同意作答；这家企业此时已经撤回同意
GOES_ON = ("found", "withdrawn", "no_consent")


def features_sent(stage: Stage, content: Content) -> str:
    """One row a firm, named by pseudonym, out of two tables; it stays in the data domain."""
    return work.send_step(stage, content, "features", "query", name="features", sql=FEATURES)


def _program(
    stage: Stage, content: Content, name: str, source: str, reads: str, kind: str, subject: str = ""
) -> str:
    outputs = {"outputs-0-name": name, "outputs-0-kind": kind, "outputs-0-subject": subject}
    return work.send_step(stage, content, name, "program", program=source, reads=reads, **outputs)


def training_sent(stage: Stage, content: Content) -> None:
    """Two models and a table that would smuggle pseudonyms out, once the features stand."""
    work.ended(stage, content, "features")
    _program(stage, content, "model", TRAIN, "features", "lightgbm-text")
    _program(stage, content, "memorised", MEMORISE, "features", "lightgbm-text")
    _program(stage, content, "remarks", SMUGGLE, "features", "table")


def scores_sent(stage: Stage, content: Content) -> str:
    """The model's answers for every firm; the other two results are asked out."""
    for name in ("model", "memorised", "remarks"):
        work.ended(stage, content, name)
    _program(stage, content, "scores", SCORE, "features\nmodel", "table", "who")
    features = "\n".join(MODEL_TERMS["features"])
    target = str(MODEL_TERMS["target"])
    work.ask(
        stage,
        content,
        "memorised",
        "model",
        "企业信用模型（过拟合）",
        table="memorised",
        features=features,
        target=target,
    )
    work.ask(stage, content, "remarks", "dataset", "企业备注", table="remarks", fields="备注\nstaff")
    return "特征表、两个模型、一张结果表都建成；办公域只得到结果代码，谁也看不到里面。"


def answers_asked(stage: Stage, content: Content) -> str:
    """Ask that a firm's grade may be answered."""
    work.ended(stage, content, "scores")
    work.ask(stage, content, "scores", "lookup", content.purpose, table="scores", subject="firm", fields=BAND)
    return "等级表建成，申请按统一社会信用代码作答；送去攻击测试。"


def answers_left(stage: Stage, content: Content) -> str:
    work.left(stage, content, "scores", content.purpose)
    return "事先算好的等级通过检验和两人盲审；模型和训练数据都没有离开数据域。"


def refused_model(stage: Stage, content: Content) -> str:
    return work.blocked(stage, content, "memorised", "model_memory")


def refused_hidden(stage: Stage, content: Content) -> str:
    checks = ("identifier", "identifier_encoded", "identifier_hashed", "unique", "row_copy")
    return work.blocked(stage, content, "remarks", *checks)


def _firm(stage: Stage) -> Citizen:
    row = consent.firms(stage)[0]
    return Citizen("firm", row["企业名称"], row["统一社会信用代码"], "legal_representative")


def looked_up(stage: Stage, content: Content) -> str:
    """The firm agrees beforehand; the bank looks its grade up."""
    consent.standin(stage)
    who = _firm(stage)
    consent.ask(stage, content, "standing", "standing", "申请普惠贷款，查询信用等级")
    consent.agree(stage, content, "standing", who)
    said = calls.answered("企业查询", lambda: calls.lookup(stage, content, who.number), ("found",))
    return f"法定代表人实名同意之后，网关答：{said.fields[BAND]} 级。"


def withdrawn(stage: Stage, content: Content) -> str:
    """Taken back while the bank keeps asking: the seconds until the first refusal, measured by the calls."""
    who, known = _firm(stage), remembered(stage, content)
    if "withdrawn_after" not in known:
        begun = consent.withdraw(stage, content, "standing", who)
        while True:
            said = calls.lookup(stage, content, who.number)
            seconds = time.monotonic() - begun
            if said.code == "withdrawn":
                break
            if seconds > MOST_SECONDS:
                raise Unexpected(f"撤回 {seconds:.1f} 秒之后网关还在回答：{said.word}")
            time.sleep(PACE)
        known = remember(stage, content, withdrawn_after=f"{seconds:.2f}")
    receipt = consent.effect(stage, content, "standing", who)
    return f"撤回后 {known['withdrawn_after']} 秒，连续的调用第一次被拒绝（网关签名的回执：{receipt} 秒）。"


def tripped(stage: Stage, content: Content) -> str:
    """Over-scope use, again and again: the gateway stops the agreement by itself."""
    who = _firm(stage)
    said = calls.over_scope(stage, content, who.number, int(str(content.agreement["over_tries"])))
    return f"{said[0]}连续 {content.agreement['over_tries']} 次之后熔断，用途对的调用也停：{said[1]}"


def lifted(stage: Stage, content: Content) -> str:
    """Two keys let it go on: the operator asks with a reason, the provider confirms at the airlock."""
    known, who = remembered(stage, content), _firm(stage)
    if "lift" not in known:
        browser, address = stage.at_office("operator"), f"/products/agreements/{known['agreement']}/"

        def told() -> Page | None:
            page = browser.open(address)
            return page if "lift-form" in page.forms() else None

        page = wait_for("网关的熔断到达办公域", told)
        browser.do(page, "lift-form", reason="使用单位的程序写错了用途，已经改正并核对。")
        known = remember(stage, content, lift="asked")
    if known["lift"] != "confirmed":
        airlock.confirm(stage, content.officer, airlock.waiting(stage, content.officer, "lifts"))
        remember(stage, content, lift="confirmed")
    said = calls.answered("解除熔断之后的调用", lambda: calls.lookup(stage, content, who.number), GOES_ON, 20)
    return f"运营机构写明原因请求，提供单位在闸口同意，网关恢复：{said.word}。"
