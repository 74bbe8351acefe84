"""From released files to an answered call: product, compliance, registration, agreement, gateway."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import httpx

from gongshu.demo import acts, airlock, calls, cast, register, trust
from gongshu.demo.product import Content, passed, remember, remembered
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Unexpected

HEADS = ("source", "masking", "no_raw", "access", "consent")


def make_product(stage: Stage, content: Content) -> str:
    """The operator makes the product of the project's grant."""
    known = remembered(stage, content)
    if "product" not in known:
        browser = stage.at_office("operator")
        page = browser.open("/products/new/")
        form = page.forms()["product-form"]
        given = {**acts.typed(content.product), **{f"head_{head}": content.heads[head] for head in HEADS}}
        given["grant"] = known["grant"]
        given = {key: value for key, value in given.items() if key in form.values or key in form.choices}
        answer = browser.do(page, "product-form", button={"do": "save"}, **given)
        found = re.search(r"/products/([^/]+)/", answer.url)
        if found is None:
            raise Unexpected(f"产品没有建成：{answer.words()[:200]}")
        page = browser.open(f"/products/{found[1]}/")
        remember(stage, content, product=found[1], product_case=acts.case_of(page))
    return f"产品“{content.product['name']}”已建立。"


def compliance(stage: Stage, content: Content) -> str:
    """The five heads, asked for by the operator and judged by the authority."""
    case = remembered(stage, content)["product_case"]
    acts.do(stage, "operator", case, "submit", passed)
    acts.do(stage, "authority", case, "pass", passed)
    return "合规审核五项逐项通过。"


def register_product(stage: Stage, content: Content) -> str:
    """Registration of the product: the same form with its own group, publicity included."""
    known = remembered(stage, content)
    browser = stage.at_office("operator")
    if "product_registration" not in known:
        page = browser.open(f"/products/{known['product']}/")
        page = browser.do(page, "register-form")
        found = re.search(r"/registration/(r-[a-z0-9]+)/", page.url)
        if found is None:
            raise Unexpected(f"产品登记没有建成：{page.words()[:200]}")
        known = remember(stage, content, product_registration=found[1])
    made = known["product_registration"]
    if "product_registration_case" not in known:
        papers = {
            key: acts.paper(stage, f"产品{title}.txt", f"{content.product['name']}：{title}")
            for key, title in (
                ("R39", "存证证明"),
                ("R55", "依法获取数据的证明"),
                ("M_risk_report", "安全风险评估报告"),
                ("M_identity", "身份证明"),
                ("M_legality", "真实性合法性证明"),
                ("M_application", "申请表"),
            )
        }
        answers = {**content.registration, "R16": stage.memory[content.registered[0]]["code"]}
        case = register.fill(stage, "operator", made, answers, papers, str(content.product["name"]))
        known = remember(stage, content, product_registration_case=case)
    case = known["product_registration_case"]
    register.to_publicity(stage, "operator", "operator2", "registrar", case)
    if "publicity_until" not in known:
        end = acts.due("registration.publicity", cast.ZONE, acts.today(stage), stage.home)
        known = remember(stage, content, publicity_until=end)
    return f"申请、存证、审核，公示到 {known['publicity_until']}。"


def registered_product(stage: Stage, content: Content) -> str:
    """Registration with its certificate, for a story of one product."""
    return register_product(stage, content) + certify_product(stage, content)


def certify_product(stage: Stage, content: Content) -> str:
    """The product's certificate, the day after its publicity ended."""
    known = remembered(stage, content)
    stage.move_to(acts.day_after(known["publicity_until"]))
    case = known["product_registration_case"]
    code = register.certify(stage, "registrar", known["product_registration"], case)
    remember(stage, content, product_code=code)
    return f"产品登记凭证 {code}。"


def draft(stage: Stage, content: Content) -> str:
    """The seven items and the terms of the calls; the buyer agrees, both sides sign with their own keys."""
    known = remembered(stage, content)
    operator = stage.at_office("operator")
    _hand_in_keys(stage)
    if "agreement" not in known:
        page = operator.open(f"/products/{known['product']}/agreements/new/")
        page = operator.do(page, "new-agreement", buyer=stage.organisation("bank"))
        found = re.search(r"/agreements/([^/]+)/", page.url)
        if found is None:
            raise Unexpected(f"使用协议没有建成：{page.words()[:200]}")
        known = remember(stage, content, agreement=found[1])
    made = known["agreement"]
    if "agreement_case" not in known:
        page = operator.open(f"/products/agreements/{made}/edit/")
        said = operator.do(
            page,
            "agreement-form",
            button={"do": "check"},
            **acts.typed(content.agreement),
            key=trust.side_key(stage, "buyer").public().id,
            operator_key=trust.side_key(stage, "operator").public().id,
        )
        wrong = [" ".join(node.text().split()) for node in said.tree.css("#problems li, .problem")]
        if wrong:
            raise Unexpected(f"协议没有写全：{'；'.join(wrong)[:300]}")
        case = acts.case_of(operator.open(f"/products/agreements/{made}/"))
        known = remember(stage, content, agreement_case=case)
    case = known["agreement_case"]
    paper = acts.paper(stage, "使用协议.txt", "数据产品使用协议")
    acts.do(stage, "buyer", case, "agree", passed, agreement=paper, signed_on=acts.today(stage))
    for side in cast.SIDES:
        _sign(stage, content, made, side)
    return "使用协议七项写明，运营机构和使用单位各用自己的 SM2 私钥签署同一份正文。"


def _hand_in_keys(stage: Stage) -> None:
    """Each party hands in its public key, once."""
    for side, note in (("operator", "签署协议"), ("buyer", "签署协议、网关调用")):
        if not stage.memory.get(f"{side}_key_handed_in"):
            browser = stage.at_office(side)
            page = browser.open("/products/keys/")
            browser.do(page, "key-form", key=trust.side_key(stage, side).public().encode(), note=note)
            stage.memory.put(f"{side}_key_handed_in", True)


def file(stage: Stage, content: Content) -> str:
    """The operator submits the signed agreement, the authority files it."""
    case = remembered(stage, content)["agreement_case"]
    acts.do(stage, "operator", case, "submit", passed)
    number = f"黄数演备〔2026〕{len(stage.memory.get('filed', [])) + 1}号"
    acts.do(stage, "authority", case, "file", passed, number=number)
    stage.memory.put("filed", sorted({*stage.memory.get("filed", []), case}))
    return "使用协议报备案、备案。"


def agreement(stage: Stage, content: Content) -> str:
    """From the draft to the filed agreement."""
    return draft(stage, content) + file(stage, content)


def _sign(stage: Stage, content: Content, made: str, side: str) -> None:
    """A party signs the messages the page shows it, with its own tool."""
    browser = stage.at_office(side)
    page = browser.open(f"/products/agreements/{made}/sign/")
    if "sign-form" not in page.forms():
        return
    asked: dict[str, Any] = json.loads(browser.open(f"/products/agreements/{made}/to-sign").content)
    key = trust.side_key(stage, side)
    signatures = {
        f"{kind}_signature": base64.b64encode(key.sign(base64.b64decode(asked[kind]["message"]))).decode()
        for kind in ("contract", "credential")
        if kind in asked
    }
    browser.do(page, "sign-form", **signatures)
    if "credential" in asked:
        remember(stage, content, credential=asked["credential"]["body"]["id"])


def ceiling(stage: Stage, content: Content) -> str:
    """The most the gateway may ever answer, confirmed by the provider at the airlock."""
    known = remembered(stage, content)
    browser = stage.at_office("operator")
    if "ceiling" not in known:
        page = browser.open(f"/products/{known['product']}/ceiling/")
        form = page.forms()["ceiling-form"]
        buyers = [one for one in form.choices.get("buyers", []) if one.startswith(stage.organisation("bank"))]
        browser.do(
            page,
            "ceiling-form",
            buyers=buyers or [f"{stage.organisation('bank')}|{trust.buyer_key(stage).public().id}"],
            purposes=str(content.agreement["purposes"]),
            fields=str(content.agreement["fields"]),
            **content.ceiling,
        )
        known = remember(stage, content, ceiling="sent")
    if known["ceiling"] != "confirmed":
        airlock.confirm(stage, content.officer, airlock.waiting(stage, content.officer, "ceilings"))
        remember(stage, content, ceiling="confirmed")
    return "上限（使用单位、用途、字段、每日次数）由提供单位在闸口确认；办公域签的协议超不出它。"


def call(stage: Stage, content: Content) -> str:
    """The bank's system asks the gateway, signed with its own key; the same request again is refused."""
    purpose = calls.purpose(content)
    answer = wait_for("网关回答", lambda: calls.table(stage, content, limit=3), 30)
    again = calls.replayed(stage, content, f"/rows?{httpx.QueryParams({'purpose': purpose, 'limit': '3'})}")
    return f"回答 {len(answer['rows'])} 行；同一请求再发一次：{again}"
