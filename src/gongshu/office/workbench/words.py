"""Outcome codes, verdicts and checks in words: tables, one sentence and one next step each."""

from __future__ import annotations

from typing import NamedTuple

from gongshu.ui.repairs import REPAIRS


class Outcome(NamedTuple):
    """`tone` is a state of the one table of looks; `next` what to do now."""

    title: str
    sentence: str
    next: str
    tone: str


OUTCOMES: dict[str, Outcome] = {
    "done": Outcome("已完成", "数据域已经算完，结果留在数据域。", "可以申请出域。", "done"),
    "refused_lens": Outcome(
        "查询不合规则",
        "数据域按自己的字段级别重新检查，没有运行。",
        "按编辑器的提示修改后再运行。",
        "refused",
    ),
    "refused_grant": Outcome(
        "授权不能用",
        "数据域认为授权没有生效、已经到期或者与入库的数据不符。",
        "看项目页上授权的状态。",
        "refused",
    ),
    "refused_stop": Outcome(
        "已停止", "项目或者授权被停止，数据域没有运行。", "问发出停止的单位。", "stopped"
    ),
    "limit": Outcome(
        "超过每日次数", "今天的运行次数已经用完。", "明天再运行，或者请提供单位重新授权。", "failed"
    ),
    "too_large": Outcome("结果太大", "结果超过了允许的大小。", "先汇总，或者减少分组。", "failed"),
    "timeout": Outcome("超时", "运行超过了允许的时间。", "缩小范围，或者先汇总再连接。", "timeout"),
    "failed": Outcome(
        "运行失败",
        "数据域运行时出了错；出错的详情只留在数据域。",
        "核对类型和除数，改用不会出错的写法。",
        "failed",
    ),
    "no_sandbox": Outcome(
        "没有沙箱", "数据域没有可用的沙箱，不运行任何任务。", "请数据域的管理员安装沙箱。", "failed"
    ),
    "cancelled": Outcome("已取消", "任务在运行前或者运行中被取消。", "需要时重新提交。", "cancelled"),
}

BUILD_OUTCOMES: dict[str, Outcome] = {
    "done": Outcome(
        "已建成",
        "数据域已经算完，表或者模型留在数据域，只归本项目用。",
        "下一步可以读它，或者申请出域。",
        "done",
    ),
    "failed": Outcome(
        "没有建成",
        "这一步没有做完；打印的话和出错的详情只留在数据域。",
        "核对名称、字段和产出的写法，请提供单位在闸口查看详情。",
        "failed",
    ),
}
"""Where a step that builds needs other words than a run."""

RELEASE_OUTCOMES: dict[str, Outcome] = {
    "limit": Outcome(
        "超过每日次数",
        "项目今天对着原始数据试的次数已经用完，出域检验没有做。",
        "明天回到这次运行，重新申请出域。",
        "failed",
    ),
    "too_large": Outcome(
        "结果太大", "成果超过了出域允许的大小，没有检验。", "先汇总，重新运行后再申请出域。", "failed"
    ),
    "failed": Outcome(
        "没有测试完",
        "数据域的出域检验没有做完；详情只留在数据域。",
        "核对产品编号和形式，回到这次运行重新申请；仍不成的，请数据域的审核人在闸口查看。",
        "failed",
    ),
}
"""Where a request for release needs other words than a run."""

SAMPLE_OUTCOMES: dict[str, Outcome] = {
    "done": Outcome(
        "已生成", "数据域已经抽样和脱敏。", "等提供单位在闸口确认，确认以后在工作台下载。", "done"
    ),
    "failed": Outcome(
        "没有生成",
        "数据域没有生成样例：主体太少，检查没有通过，或者提供单位没有同意过；原因只留在数据域。",
        "请提供单位在闸口查看原因。",
        "failed",
    ),
}

# 任务的种类 → 自己的说法；没有列出的代码与运行相同
OWN_OUTCOMES = {"build": BUILD_OUTCOMES, "release": RELEASE_OUTCOMES, "sample": SAMPLE_OUTCOMES}

VERDICTS = {
    "pass": ("未发现问题", "攻击测试没有发现问题，送两名审核人盲审。"),
    "review": ("需要人来判断", "攻击测试有需要人来判断的地方，送两名审核人盲审。"),
    "block": ("阻断", "攻击测试发现会泄露数据，没有送审；按下面的办法改了再运行。"),
}


class Check(NamedTuple):
    """`head`: the item of the pack's list of heads (出域审核的各项) the check answers to."""

    title: str
    meaning: str
    repair: str
    head: str


CHECKS: dict[str, Check] = {
    "threshold": Check("人数门槛", *REPAIRS["threshold"], "no_raw"),
    "dominance_nk": Check("前几家占比", *REPAIRS["dominance_nk"], "not_reversible"),
    "dominance_p": Check("占比可推算", *REPAIRS["dominance_p"], "not_reversible"),
    "identifier": Check("含有标识", *REPAIRS["identifier"], "no_raw"),
    "identifier_encoded": Check("编码后的标识", *REPAIRS["identifier_encoded"], "not_reversible"),
    "identifier_hashed": Check("散列后的标识", *REPAIRS["identifier_hashed"], "not_reversible"),
    "row_copy": Check("照搬原始行", *REPAIRS["row_copy"], "no_raw"),
    "unique": Check("独一无二的组合", *REPAIRS["unique"], "no_linkage"),
    "differencing": Check("与以前的成果相减", *REPAIRS["differencing"], "no_linkage"),
    "total": Check("从合计倒推", *REPAIRS["total"], "not_reversible"),
    "extreme": Check("极端值", *REPAIRS["extreme"], "not_reversible"),
    "unexplained": Check("查询解释不了", *REPAIRS["unexplained"], "no_raw"),
    "covert": Check("可能夹带", *REPAIRS["covert"], "not_reversible"),
    "model_memory": Check("模型记住了数据", *REPAIRS["model_memory"], "not_reversible"),
    "format": Check("格式不能审", *REPAIRS["format"], "no_raw"),
    "unreadable": Check("读不出来", *REPAIRS["unreadable"], "no_raw"),
}

# 任务的种类 → 它的结果可以申请的形式
KINDS_OF: dict[str, dict[str, str]] = {
    "run": {"table": "数据集（表）", "index": "数据指数", "report": "数据报告"},
    "build": {"lookup": "核验、查询（逐个主体作答）", "model": "数据模型", "dataset": "数据集（逐行）"},
}
KINDS = {kind: title for kinds in KINDS_OF.values() for kind, title in kinds.items()}

# 名称、说法、哪几种形式可以写、其中哪几种必须写
TERMS: tuple[tuple[str, str, frozenset[str], frozenset[str]], ...] = (
    ("table", "项目表或者模型的名称", frozenset({"lookup", "model", "dataset"}), frozenset({"lookup"})),
    ("subject", "回答的主体", frozenset({"lookup"}), frozenset({"lookup"})),
    ("fields", "用哪些字段作答", frozenset({"lookup", "dataset"}), frozenset({"lookup"})),
    ("features", "模型的特征", frozenset({"model"}), frozenset()),
    ("target", "模型的目标", frozenset({"model"}), frozenset()),
)
SUBJECTS = (("person", "个人"), ("firm", "企业"))
