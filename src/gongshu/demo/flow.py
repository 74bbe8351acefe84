"""The steps of a product's way, for any content: the lawful ones and the refusals on the road."""

from __future__ import annotations

from collections.abc import Callable

from gongshu.demo import product, supply, work
from gongshu.demo.play import Step
from gongshu.demo.product import Content
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

# The content may need what earlier steps made (the id of the resource): it is asked for when a step runs.
Of = Callable[[Stage], Content]


def _bound(of: Of, run: Callable[[Stage, Content], str]) -> Callable[[Stage], str]:
    return lambda stage: run(stage, of(stage))


def raw_refused(sql: str) -> Callable[[Stage, Content], str]:
    """A query for raw rows: the lens says no before anything is sent, and the data domain says no again."""

    def run(stage: Stage, content: Content) -> str:
        said = work.advice(stage, content, sql)
        if not said:
            raise Unexpected("索要原始行的查询没有被透镜拒绝。")
        return f"索要原始行被拒：{said[:120]}"

    return run


def small_cell_refused(sql: str) -> Callable[[Stage, Content], str]:
    """A small cell: blocked by the attack; its replay is shown at the airlock and nowhere else."""

    def run(stage: Stage, content: Content) -> str:
        _, code = work.run(stage, content, "small", sql)
        if code != "done":
            raise Unexpected(f"小格查询的结果代码是 {code}。")
        page = work.ask_release(stage, content, "small", "table", "站点小时客流")
        output = work.output_of(page)
        shown = stage.at_airlock("authority").open(f"/reviews/{output}/")
        scenes = shown.tree.css(".replay")
        if not scenes:
            raise Unexpected("闸口上没有攻击回放。")
        told = " ".join(scenes[0].text(separator=" ").split())[:90]
        return f"{work.verdict_of(page)[:80]}｜闸口的攻击回放：{told}"

    return run


def released(name: str, kind: str, title: str, sql: str, lead: str = "") -> Callable[[Stage, Content], str]:
    """A run whose result passes the attack, two blind votes, and leaves."""

    def run(stage: Stage, content: Content) -> str:
        _, code = work.run(stage, content, name, sql)
        if code != "done":
            raise Unexpected(f"“{title}”的结果代码是 {code}。")
        identifier = work.release(stage, content, name, kind, title, lead)
        return f"{identifier}：攻击检验、两人盲审一致同意，审核过的字节原样出域。"

    return run


def way_in(of: Of) -> list[Step]:
    """Scenario, request, grant, product."""
    return [
        Step("scenario", "应用场景：一场景一审核", _bound(of, product.scenario)),
        Step("request", "数据申请：逐字段最小必要", _bound(of, product.request)),
        Step("grant", "授权：办公域签发，提供单位在闸口确认", _bound(of, product.grant)),
        Step("product", "建立产品", _bound(of, supply.make_product)),
    ]


def release_step(of: Of, name: str, kind: str, title: str, sql: str, lead: str = "") -> Step:
    return Step(f"release_{name}", f"出域：{title}", _bound(of, released(name, kind, title, sql, lead)))


def refusal_steps(of: Of, raw: str, small: str) -> list[Step]:
    return [
        Step("refuse_raw", "拒绝：索要原始行", _bound(of, raw_refused(raw))),
        Step("refuse_small", "拒绝：人数太少的格子，闸口回放攻击", _bound(of, small_cell_refused(small))),
    ]


def way_out(of: Of) -> list[Step]:
    """Compliance, registration, agreement, ceiling, an answered call."""
    return [
        Step("compliance", "产品合规审核", _bound(of, supply.compliance)),
        Step("register_product", "产品登记", _bound(of, supply.register_product)),
        Step("agreement", "使用协议：七项、双方签名、备案", _bound(of, supply.agreement)),
        Step("ceiling", "产品上限由提供单位在闸口确认", _bound(of, supply.ceiling)),
        Step("call", "网关回答使用单位的签名调用", _bound(of, supply.call)),
    ]
