"""What codes are called on the pages of the airlock: one table each, an unknown code shown as it is."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from gongshu.law import packs
from gongshu.law.rules import Rules
from gongshu.ui.states import DATA_TYPES

FORMS = {
    "table": "统计表",
    "index": "指数",
    "report": "报告",
    "model": "模型",
    "dataset": "数据集",
    "lookup": "逐个主体的回答",
}
MEDIA = {
    ".csv": "CSV 表格",
    ".md": "文字报告",
    ".json": "JSON",
    ".txt": "LightGBM 文本模型",
    ".onnx": "ONNX 模型",
}
ANSWERS = {"text": "文字", "integer": "整数", "decimal": "小数", "flag": "是否", "day": "日期"}
TASKS = {
    "run": "统计运行",
    "build": "项目建表或训练",
    "sample": "抽取样例",
    "release": "申请出域",
    "drop": "删去项目副本",
    "supply": "写供数版本",
    "refresh": "按新快照重算",
}
SCOPES = {
    "grant": "一项授权",
    "project": "一个项目",
    "product": "一个产品",
    "contract": "一份协议",
    "all": "本专区的全部",
}
CONSENTS = {
    "none": "不涉及个人和单位，不需要",
}
TYPES = DATA_TYPES
GRADES = {"L1": "L1 公开", "L2": "L2 一般", "L3": "L3 敏感", "L4": "L4 可识别"}
DEFECTS = {
    "blank": "空值",
    "broken": "与类型不符",
    "wrong_check": "校验位不符",
    "duplicates": "重复",
    "out_of_range": "超出合理范围",
}
CHECKS = {
    "threshold": "主体数够不够门槛",
    "dominance_nk": "是否被少数主体占大头",
    "dominance_p": "能否推出别家的数",
    "identifier": "直接标识",
    "identifier_encoded": "编码过的标识",
    "identifier_hashed": "散列过的标识",
    "row_copy": "原样的明细行",
    "unique": "唯一的组合",
    "differencing": "与以前的成果相减",
    "total": "用合计反推",
    "extreme": "极端值",
    "unexplained": "说不清来历的数",
    "covert": "夹带信息",
    "model_memory": "模型记住的原始数据",
    "format": "格式与申请一致",
    "unreadable": "能否完整读出",
}

MEASURES = {"tv": "总变差，0 为相同", "ks": "K-S 距离，0 为相同"}
# 样例的风险：名称，怎么看
RISKS = {
    "unmarked": ("没有记号的标识", "应为 0；化名都落在从未发放的号段"),
    "copies": ("与原始行相同的行", "应为 0"),
    "alone": ("人数不足门槛的组合", "应为 0"),
    "linked": ("能由字段值认出本人的比例", "与随便猜差不多才好"),
    "linked_by_chance": ("随便猜的比例", "上一行的对照"),
    "nearest_least": ("到最近原始行的最小距离", "大于 0"),
    "nearest_median": ("到最近原始行的距离（中位数）", "与下一行相近，说明不比真实的邻居更近"),
    "raw_nearest_median": ("原始行之间的最近距离（中位数）", "上一行的对照"),
    "rare_share": ("归入其他的取值", "占全部取值的比例"),
    "least_group": ("样例里最小的组", "各类别字段取值都相同的行最少有几行"),
}


# 信任名单上的角色
ROLES = {
    "provider_officer": "数据提供单位经办人",
    "provider_checker": "数据提供单位审核人",
    "reviewer": "出域审核人",
    "security_administrator": "安全管理员",
}
# 本域存证里的事
DONE = {
    "ceiling.confirmed": "确认上限",
    "ceiling.invalid": "上限不合规，没有采纳",
    "ceiling.received": "收到上限",
    "ceiling.refused": "不同意上限",
    "deletion.done": "删除完成",
    "deletion.ordered": "决定删除",
    "grant.confirmed": "确认授权",
    "grant.invalid": "授权与入库的内容不符，没有采纳",
    "grant.received": "收到授权",
    "grant.refused": "不同意授权",
    "intake.confirmed": "确认入库",
    "intake.received": "交入文件",
    "intake.sent_back": "退回文件",
    "lift.confirmed": "同意解除熔断",
    "lift.invalid": "解除熔断的请求不合规，没有采纳",
    "lift.received": "收到解除熔断的请求",
    "lift.refused": "不同意解除熔断",
    "product.bound": "归入授权",
    "project.dropped": "删去项目副本",
    "release.left": "出域",
    "release.refused": "不放行",
    "sample.blocked": "样例没有通过检查",
    "sample.confirmed": "确认样例",
    "sample.drawn": "抽成样例",
    "sample.refused": "不同意样例",
    "sample.sent": "样例送出",
    "serving.broken": "供数版本没有写成",
    "serving.chosen": "选定供数版本",
    "serving.retried": "重写供数版本",
    "serving.written": "写成供数版本",
    "stop.made": "作出停止",
    "stop.obeyed": "停止生效",
    "vote.cast": "表决",
}
SOURCES = {"enclave": "计算进程", "airlock": "闸口"}


def done(act: str) -> str:
    """An act of this domain's journal in words; of a task its outcome's code."""
    kind, _, code = act.partition(".")
    return f"任务结束，代码 {code}" if kind in ("run", "task") else DONE.get(act, act)


def measured(value: float) -> str:
    """A measure as it is read: counts whole, shares and distances short."""
    if isinstance(value, int) or not value:
        return str(int(value))
    return "小于 0.000001" if value < 1e-6 else f"{value:.6f}".rstrip("0").rstrip(".")


def zone_title(zone: str) -> str:
    """A zone as people call it, from its pack; an unknown zone by its id."""
    found = packs.library().packs.get(zone)
    return found.title.removesuffix("规则") if found else zone


def zone_choices(zones: tuple[str, ...]) -> list[tuple[str, str]]:
    """The zones of a visitor for a select."""
    return [(zone, zone_title(zone)) for zone in zones]


def consent_text(code: str) -> str:
    """Whose consent a product's calls need."""
    return CONSENTS.get(code, "每次回答之前核对主体的有效同意")


def limits_text(limits: dict[str, Any]) -> list[str]:
    """The thresholds of the attack (`Limits.data()`) as an official reads them."""
    subjects, share = limits["nk"]
    return [
        f"每格至少 {limits['threshold']} 个主体",
        f"最大的 {subjects} 个主体合计不超过 {_percent(share)}",
        f"除最大的两个以外，其余合计不少于最大者的 {_percent(limits['p'])}",
    ]


def _percent(value: str) -> str:
    return f"{(Decimal(value) * 100).normalize():f}%"


def cited(law: Rules, zone: str, basis: Iterable[str]) -> str:
    """Articles in words, those of one text together; of the zone's own texts when it has any."""
    own = [each for each in basis if _pack_of(each) in _upwards(zone)]
    grouped: dict[str, list[str]] = {}
    for each in own or basis:
        title, mark, place = (law.cite(each) if _pack_of(each) else each).partition("》")
        grouped.setdefault(title + mark, []).append(place)
    return "；".join(title + "、".join(filter(None, places)) for title, places in grouped.items())


def _upwards(zone: str) -> list[str]:
    """The zone and those above it; what a pack merely borrows from a neighbour binds nobody here."""
    found: list[str] = []
    at: str | None = zone
    while at is not None and at in packs.library().packs:
        found.append(at)
        at = packs.library().packs[at].parent
    return found


def _pack_of(article: str) -> str:
    source = packs.library().sources.get(article.partition(":")[0])
    return source.pack if source else ""
