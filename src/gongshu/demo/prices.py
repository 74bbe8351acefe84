"""What a product may cost: the cap of whoever authorised, the operator's list below it, too much refused."""

from __future__ import annotations

from gongshu.demo import acts
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

WHO = "authority2"


def capped(stage: Stage, content: Content) -> str:
    """A trial cap a unit, set and reported in writing; free products need none."""
    if not content.cap:
        return "免费提供，不需要上限。"
    known = remembered(stage, content)
    browser = stage.at_office(WHO)
    if "cap_case" not in known:
        page = browser.open("/settlement/prices/")
        form = next(name for name, each in page.forms().items() if f"/{known['product']}/" in each.action)
        page = browser.do(page, form)
        known = remember(stage, content, cap_case=acts.case_of(page))
    case = known["cap_case"]
    rows = acts.typed({"caps": [content.cap], "trial": True, "since": acts.today(stage)})
    acts.do(stage, WHO, case, "set", None, **rows)
    paper = acts.paper(stage, "上限收费标准报告.txt", f"{content.product['name']}：上限收费标准")
    acts.do(stage, WHO, case, "report", report=paper)
    return f"授权主体制定试行上限：每 {content.cap['per']} 次 {content.cap['fen']} 分，书面报告。"


def priced(stage: Stage, content: Content) -> str:
    """A list above the cap is refused with its article; the agreement's own tariff is published."""
    if not content.cap:
        return "免费，不用公布价目。"
    known = remembered(stage, content)
    browser = stage.at_office("operator")
    path = f"/settlement/prices/{known['product']}/new/"
    since = acts.today(stage)
    if "price_refused" not in known:
        dear = [
            {"unit": content.cap["unit"], "up_to": "", "fen": str(int(content.cap["fen"]) + 1), "per": "1"}
        ]
        page = browser.send(browser.open(path), "price-form", **acts.typed({"tariff": dear, "since": since}))
        said = page.errors()
        if page.status < 400 or not said:
            raise Unexpected("高于上限的价目没有被拒绝。")
        known = remember(stage, content, price_refused=said[0])
    if "priced" not in known:
        rows = acts.typed({"tariff": content.agreement["tariff"], "since": since})
        browser.do(browser.open(path), "price-form", **rows)
        known = remember(stage, content, priced=since)
    return f"高于上限的被拒：{known['price_refused'][:60]}；价目自 {known['priced']} 起执行。"
