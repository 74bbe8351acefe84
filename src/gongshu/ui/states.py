"""One table: state → label → colour. Labels of procedures come from the packs; the colour stands here."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """`label` is used when the caller gives none; `tone` names a class of `gongshu.css`."""

    label: str
    tone: str


NEUTRAL, WORKING, WAITING, GOOD, WARN, BAD, CLOSED = (
    "neutral",
    "working",
    "waiting",
    "good",
    "warn",
    "bad",
    "closed",
)

LOOKS: dict[str, Look] = {
    "draft": Look("草稿", NEUTRAL),
    "discarded": Look("已放弃", CLOSED),
    "checking": Look("待复核", WAITING),
    "submitted": Look("已提交", WAITING),
    "returned": Look("待补正", WARN),
    "accepted": Look("已受理", WORKING),
    "not_accepted": Look("不予受理", BAD),
    "examined": Look("审查通过", WORKING),
    "not_passed": Look("审查未通过", BAD),
    "publicity": Look("公示中", WORKING),
    "objected": Look("异议中", WARN),
    "awaiting_ruling": Look("待裁决", WARN),
    "registered": Look("已登记", GOOD),
    "issued": Look("待使用单位确认", WAITING),
    "disputed": Look("有异议，待运营机构答复", WARN),
    "paid": Look("已登记收款", GOOD),
    "nothing_due": Look("没有应付金额", GOOD),
    "set": Look("已制定，待会签", WAITING),
    "reported": Look("已报告，执行中", GOOD),
    "fixed": Look("已核定", GOOD),
    "replaced": Look("已被新的核定替代", CLOSED),
    "not_registered": Look("不予登记", BAD),
    "noted": Look("待申请", NEUTRAL),
    "changed": Look("已变更", GOOD),
    "corrected": Look("已更正", GOOD),
    "not_corrected": Look("不予更正", BAD),
    "renewed": Look("已续展", GOOD),
    "agreed": Look("已确认", WORKING),
    "assessed": Look("已评估", WORKING),
    "awaiting": Look("等待中", WAITING),
    "cancel_requested": Look("已申请注销", WAITING),
    "cancelling": Look("注销办理中", WORKING),
    "cancelled": Look("已注销", CLOSED),
    "ended": Look("已终止", CLOSED),
    "entered": Look("待复核", WAITING),
    "flagged": Look("异议标识", WARN),
    "flagged_ruling": Look("异议标识", WARN),
    "in_review": Look("审核中", WORKING),
    "reviewing": Look("审查中", WORKING),
    "passed": Look("审核通过", GOOD),
    "ready": Look("待提交", NEUTRAL),
    "requested": Look("待处理", WAITING),
    "supplied": Look("已提供", GOOD),
    "superseded": Look("已被替代", CLOSED),
    "published": Look("已发布", GOOD),
    "unpublished": Look("已撤下", CLOSED),
    "withdrawn": Look("已撤回", CLOSED),
    "approved": Look("已通过", GOOD),
    "refused": Look("未通过", BAD),
    "rejected": Look("未通过", BAD),
    "granted": Look("已同意", GOOD),
    "confirmed": Look("已确认", GOOD),
    "filed": Look("已备案", GOOD),
    "queued": Look("排队中", WAITING),
    "waiting": Look("等待中", WAITING),
    "running": Look("运行中", WORKING),
    "done": Look("已完成", GOOD),
    "failed": Look("失败", BAD),
    "timeout": Look("超时", BAD),
    "stopped": Look("已停止", BAD),
    "awaited": Look("待投票", WAITING),
    "cast": Look("已投票", WORKING),
    "released": Look("已出域", GOOD),
    "sent": Look("已提供", GOOD),
    "blocked": Look("已阻断", BAD),
    "pass": Look("通过", GOOD),
    "review": Look("需人工判断", WARN),
    "block": Look("阻断", BAD),
    "active": Look("在用", GOOD),
    "inactive": Look("已停用", CLOSED),
    "unread": Look("未读", WAITING),
    "pending": Look("待激活", WAITING),
    "locked": Look("已锁定", BAD),
    "revoked": Look("已收回", CLOSED),
    "expired": Look("已过期", CLOSED),
    "valid": Look("有效", GOOD),
    "closed": Look("已办结", CLOSED),
    "open": Look("办理中", WORKING),
    "overdue": Look("已超期", BAD),
    "allowed": Look("准许", GOOD),
    "received": Look("已接收", WAITING),
    "read": Look("已识别，待确认", WAITING),
    "live": Look("有效", GOOD),
    "invalid": Look("未采纳", BAD),
    "kept": Look("未申请出域", NEUTRAL),
    "attacking": Look("检验中", WORKING),
    "suspended": Look("暂停", WARN),
    "ordered": Look("整改中", WARN),
    "measured": Look("整改中", WARN),
    "answered": Look("待复查", WAITING),
    "rectified": Look("已整改销号", GOOD),
    "disqualified": Look("已取消资格", BAD),
    "L1": Look("L1 公开", GOOD),
    "L2": Look("L2 一般", WORKING),
    "L3": Look("L3 敏感", WARN),
    "L4": Look("L4 可识别", BAD),
}

DATA_TYPES: dict[str, str] = {
    "VARCHAR": "文本",
    "BIGINT": "整数",
    "DECIMAL(18,2)": "金额",
    "DOUBLE": "小数",
    "DATE": "日期",
    "TIMESTAMP": "时间",
    "BOOLEAN": "是否",
}
"""How the type of a stored column is said to people who do not write queries."""

# 程序里没有列出的状态按词形取色，未知的一律中性：颜色只是提示，标签才是内容
ENDINGS: tuple[tuple[str, str], ...] = (
    ("not_", BAD),
    ("refused", BAD),
    ("rejected", BAD),
    ("blocked", BAD),
    ("returned", WARN),
    ("objected", WARN),
    ("approved", GOOD),
    ("passed", GOOD),
    ("registered", GOOD),
    ("released", GOOD),
    ("filed", GOOD),
    ("published", GOOD),
    ("done", GOOD),
    ("draft", NEUTRAL),
    ("cancelled", CLOSED),
    ("withdrawn", CLOSED),
    ("closed", CLOSED),
    ("submitted", WAITING),
    ("review", WORKING),
)


def look(state: str, label: str = "") -> Look:
    """The label and tone of a state; an unknown state shows its given label in the neutral tone."""
    found = LOOKS.get(state)
    if found is None:
        tone = next((tone for part, tone in ENDINGS if part in state), NEUTRAL)
        found = Look(state, tone)
    return Look(label or found.label, found.tone)
