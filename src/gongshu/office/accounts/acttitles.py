"""Acts of the journal in words: what a procedure calls them, and what the platform does beside procedures."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from gongshu.law import rules
from gongshu.law.errors import LawError
from gongshu.law.procedures import Procedure, load
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.link import clock

OPENED, GRANTED = "cases.open.", "accounts.role.grant."
OWN: dict[str, str] = {
    "accounts.account.activate": "激活账号",
    "accounts.enrol.security_administrator": "建立安全管理员",
    "accounts.enrol.system_administrator": "建立系统管理员",
    "accounts.organisation.create": "建立机构",
    "accounts.person.create": "建立人员和账号",
    "agreement.begin": "起草使用协议",
    "agreement.save": "保存使用协议",
    "agreement.sent": "使用协议送达数据域",
    "agreement.sign": "签署使用协议",
    "agreement.lifted": "网关解除熔断、恢复回答",
    "agreement.tripped": "网关熔断使用协议",
    "audit.draw": "审计抽样",
    "bill.issued": "出账",
    "bill.batch.settled": "查清计数冲突的批次",
    "buyer.key": "提交使用单位公钥",  # 日志里较早的条目
    "cases.refuse": "不准许办理",
    "catalogue.begin": "新建目录",
    "catalogue.facts": "收到闸口告知的入库情况",
    "catalogue.delete": "下达删除入库数据的指令",
    "catalogue.deleted": "收到闸口告知：数据已删除",
    "ceiling.ask": "请提供单位确认上限",
    "ceiling.confirmed": "上限已确认",
    "clock.moved": "移动演示时钟",
    "consent.agree": "本人同意",
    "consent.ask": "请求同意",
    "consent.refuse": "本人不同意",
    "consent.withdraw": "本人撤回同意",
    "grant.issued": "签发授权",
    "grant.live": "授权生效",
    "lift.ask": "请求解除熔断",
    "lift.confirmed": "提供单位同意解除熔断",
    "lift.refused": "提供单位不同意解除熔断",
    "party.key": "提交签署协议的公钥",
    "price.published": "公布价目",
    "product.begin": "建立产品",
    "product.released": "产品成果出域",
    "project.opened": "建立项目",
    "registration.certificate": "签发登记凭证",
    "registration.deposit": "存证",
    "registration.save": "保存登记申请",
    "sample.downloaded": "下载样例",
    "sample.received": "收到样例",
    "scenarios.save": "保存场景或数据申请",
    "task.build": "提交建设步骤",
    "task.done": "运行有了结果",
    "task.release": "申请出域",
    "task.run": "提交运行",
    "task.sample": "申请样例",
}


def act_title(act: str, zone: str) -> str:
    """`registration.first.accept` → 首次登记：受理; an act without a name stays as it is written."""
    if act in OWN:
        return OWN[act]
    if act.startswith(GRANTED):
        return f"授予角色：{zone_title(act.removeprefix(GRANTED), zone)}"
    if act.startswith(OPENED):
        found = _procedure(zone, act.removeprefix(OPENED))
        return f"立案：{found.title}" if found else act
    procedure, _, name = act.rpartition(".")
    found = _procedure(zone, procedure)
    one = found.acts.get(name) if found else None
    return f"{found.title}：{one.title}" if found and one else act


def _procedure(zone: str, name: str) -> Procedure | None:
    return _loaded(zone, name, clock.business_today())


@lru_cache(maxsize=256)
def _loaded(zone: str, name: str, day: date) -> Procedure | None:
    try:
        return load(rules.at(zone, day), name)
    except LawError:
        return None
