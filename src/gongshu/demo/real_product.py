"""The air-quality product: registered, asked for, run, attacked, reviewed, released, registered, supplied.

The flow is the one of every product (`product`, `work`, `supply`), on the same stage with other people.
"""

from __future__ import annotations

from collections.abc import Callable

from gongshu.demo import acts, cast, product, real_content, register, scenes, supply, work
from gongshu.demo.play import Step
from gongshu.demo.product import Content
from gongshu.demo.real_cast import Recast
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

PAPERS = (
    ("R13", "数据安全评估报告"),
    ("R39", "存证证明"),
    ("R55", "依法获取数据的证明"),
    ("M_identity", "身份证明"),
    ("M_legality", "真实性合法性证明"),
    ("M_application", "申请表"),
)


def steps() -> list[Step]:
    """From the handed-in resource to the answered call."""
    return [
        Step("data_register", "空气质量：数据资源首次登记", register_resource),
        Step("data_certificate", "空气质量：公示结束，发放登记凭证", certificate),
        Step("documents", "方案、遴选、运营协议建档", scenes.documents),
        Step("data_scenario", "空气质量：应用场景审核", _flow(product.scenario)),
        Step("data_request", "空气质量：数据申请，逐字段必要性", _flow(product.request)),
        Step("data_grant", "空气质量：授权在闸口确认", _flow(product.grant)),
        Step("data_refused_field", "空气质量：要没有申请的字段，被拒绝", _flow(refused_field)),
        Step("data_refused_hours", "空气质量：逐小时的结果，被拦下", _flow(refused_hours)),
        Step("data_runs", "空气质量：在数据域运行指数和月报", _flow(runs)),
        Step("data_make_product", "空气质量：建立产品", _flow(supply.make_product)),
        Step("data_release_index", "空气质量：指数检验、盲审、出域", _flow(release_index)),
        Step("data_release_report", "空气质量：月报检验、盲审、出域", _flow(release_report)),
        Step("data_compliance", "空气质量：产品合规审核", _flow(supply.compliance)),
        Step("data_register_product", "空气质量：产品登记和凭证", _flow(supply.registered_product)),
        Step("data_agreement", "空气质量：使用协议签署备案", _flow(supply.agreement)),
        Step("data_ceiling", "空气质量：上限在闸口确认", _flow(supply.ceiling)),
        Step("data_call", "空气质量：使用单位经网关调用", _flow(supply.call)),
        Step("data_runs_public", "公众在运行公示里看到什么", _flow(runs_public)),
        Step("data_verify", "核验存证日志", scenes.verify),
    ]


def _flow(act: Callable[[Stage, Content], str]) -> Callable[[Stage], str]:
    """A step of the product's flow, with the centre's people in the provider's places."""

    def run(stage: Stage) -> str:
        since = stage.memory.get("data_since") or stage.memory.put("data_since", acts.today(stage))
        return act(Recast(stage), real_content.product(stage.memory["data_air"]["id"], since))

    return run


def register_resource(stage: Stage) -> str:
    """The provider applies for the resource; its form says what the file is and is not."""
    play, key = Recast(stage), real_content.REGISTERED
    if key not in stage.memory:
        name, resource = str(real_content.REGISTRATION["R01"]), stage.memory["data_air"]["id"]
        rows = stage.memory["data_air_file"]["rows"]
        made, case = register.apply(
            play,
            "provider",
            procedure="registration.first",
            name=name,
            answers={
                **real_content.REGISTRATION,
                "R28": {"value": f"{rows / 10_000:g}", "unit": "万条"},
                "R57_link": resource,
            },
            papers={paper: acts.paper(stage, f"{title}.txt", f"{name}：{title}") for paper, title in PAPERS},
            resource=resource,
        )
        stage.memory.put(key, {"id": made, "case": case})
    kept = stage.memory[key]
    register.to_publicity(play, "provider", "checker", "registrar", kept["case"])
    day = acts.today(stage)
    end = kept.get("publicity_until") or acts.due("registration.publicity", cast.ZONE, day, stage.home)
    stage.memory.put(key, {**kept, "publicity_until": end})
    return f"申请、存证、业务审核、受理、审核，公示最后一日 {end}。"


def certificate(stage: Stage) -> str:
    kept = stage.memory[real_content.REGISTERED]
    stage.move_to(acts.day_after(kept["publicity_until"]))
    code = register.certify(stage, "registrar", kept["id"], kept["case"])
    stage.memory.put(real_content.REGISTERED, {**kept, "code": code})
    return f"公示到 {kept['publicity_until']}，凭证 {code}。"


def refused_field(stage: Stage, content: Content) -> str:
    """The resource has the column, the grant has not: the lens says so while one types."""
    said = work.advice(stage, content, real_content.UNGRANTED_SQL)
    if not said:
        raise Unexpected("没有申请的字段没有被拒绝。")
    return f"编辑时就被指出：{said}"


def refused_hours(stage: Stage, content: Content) -> str:
    """A table of station and hour is the data itself; the attack finds it."""
    _, code = work.run(stage, content, "逐小时", real_content.HOURS_SQL)
    if code != "done":
        return f"运行结果：{code}。"
    page = work.ask_release(stage, content, "逐小时", "table", "逐小时细颗粒物")
    return f"出域检验：{work.verdict_of(page)}"


def runs(stage: Stage, content: Content) -> str:
    for name, sql in (("指数", real_content.INDEX_SQL), ("月报", real_content.REPORT_SQL)):
        _, code = work.run(stage, content, name, sql)
        if code != "done":
            raise Unexpected(f"“{name}”没有运行成功，结果代码是 {code}。")
    return "两次运行都完成；办公域只得到结果代码。"


def release_index(stage: Stage, content: Content) -> str:
    made = work.release(stage, content, "指数", "index", "空气质量月度指数")
    return f"检验通过，两名审核人互不知情地同意，出域 {made}。"


def release_report(stage: Stage, content: Content) -> str:
    lead = "十二个站点合并的月度情况，按月给出有效小时数、细颗粒物月均值和小时值高于 75 微克每立方米的占比。"
    made = work.release(stage, content, "月报", "report", "空气质量月报", lead)
    return f"检验通过，两名审核人互不知情地同意，出域 {made}。"


def runs_public(stage: Stage, content: Content) -> str:
    """Every run on raw public data stands on a public page, also those that were not released."""
    page = stage.public().open("/portal/runs/")
    rows = [row.text(separator=" ") for row in page.tree.css("table tbody tr")]
    mine = [row for row in rows if content.purpose in row or str(content.scenario["name"]) in row]
    if not mine:
        raise Unexpected("运行公示里没有本项目的运行。")
    return f"运行公示里有本项目的 {len(mine)} 次运行，被拦下的也在：{' '.join(mine[0].split())[:100]}"
