"""Every act of the office that changes state, and on what ground a person may do it: the table behind
`docs/permissions.md`.

One row a service function that a page calls. `tests/office/test_permissions.py` reads the code and fails when
a function that writes is not here, when one here asks nothing or leaves no evidence, and when calling it with
any role gives another answer than this table.
"""

from __future__ import annotations

from dataclasses import dataclass

# 凭什么可以办：种类 → 页面上的说法
GROUNDS = {
    "permission": "有这项权限的角色",
    "case": "在这件案件里有这个身份的机构",
    "named": "有这项权限、且授权写明的人",
    "law": "规则包里这一步的办理人",
    "self": "本人，对自己的账号",
    "subject": "数据主体本人，实名以后",
    "everyone": "任何人，实名",
    "signed": "消息上的签名",
}


@dataclass(frozen=True)
class Act:
    """One act. `name`: module and function below `gongshu.office`; `permission`: its id in the table.

    `own`: only for an organisation the thing belongs to, except by the roles in `anywhere`; `roles`: the
    roles in the case, for the ground `case`; `beside`: a role one must hold as well; `procedure`: of the
    holders only those with whom the zone's procedure begins; `unproved`: why it leaves no evidence.
    """

    name: str
    title: str
    ground: str = "permission"
    permission: str = ""
    own: bool = False
    anywhere: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    beside: str = ""
    procedure: str = ""
    unproved: str = ""

    def holders(self) -> frozenset[str]:
        """Roles that may do it (in the own organisation's affairs, where `own`)."""
        from gongshu.office.accounts.permissions import holders

        return holders(self.permission) if self.permission else self.roles

    def allows(self, role: str, *, own: bool) -> bool:
        """May somebody with this one role do it, in an own affair or in another organisation's?"""
        return role in self.holders() and (own or not self.own or role in self.anywhere)


def _of(name: str, title: str, permission: str = "", **more: object) -> Act:
    listed = {key: frozenset(value) if isinstance(value, set) else value for key, value in more.items()}
    return Act(name, title, permission=permission, **listed)  # type: ignore[arg-type]


WATCH = {"data_authority", "implementing_body"}
APPLICANTS = {"registrant", "agent"}

TABLE: tuple[Act, ...] = (
    # ---- accounts
    _of("accounts.services.create_organisation", "建立机构", "accounts.people"),
    _of("accounts.services.create_person", "建立人员和账号", "accounts.people"),
    _of("accounts.services.reset_account", "重置账号", "accounts.people"),
    _of("accounts.services.set_person_active", "停用、启用人员", "accounts.people"),
    _of("accounts.services.set_organisation_active", "停用、启用机构", "accounts.people"),
    _of("accounts.granting.grant_role", "授予角色", "accounts.roles"),
    _of("accounts.granting.revoke_role", "收回角色", "accounts.roles"),
    _of("accounts.granting.add_affiliation", "登记关联关系", "accounts.affiliations"),
    _of("accounts.granting.end_affiliation", "结束关联关系", "accounts.affiliations"),
    _of("accounts.granting.delegate", "委托代理机构", "accounts.delegations"),
    _of("accounts.granting.revoke_delegation", "撤回委托", "accounts.delegations", own=True),
    _of("accounts.line.publish_trust", "发布信任名单", "accounts.trust"),
    _of("accounts.line.move_clock", "移动演示时钟", "accounts.clock"),
    _of("accounts.services.change_password", "修改自己的口令", ground="self"),
    _of("accounts.services.activate", "启用自己的账号", ground="self"),
    _of(
        "accounts.services.account_to_activate", "核对启用码", ground="self",
        unproved="只记一次尝试，记在登录记录里",
    ),
    _of("accounts.login.authenticate", "登录", ground="self", unproved="记在登录记录里"),
    # ---- cases
    _of("cases.services.perform", "办理案件的一步", ground="law"),
    _of(
        "cases.materials.store", "上传一份材料", ground="self",
        unproved="材料的摘要在交出它的那一步存证",
    ),
    _of(
        "cases.materials.take_uploads", "上传表单里的材料", ground="self",
        unproved="材料的摘要在交出它的那一步存证",
    ),
    _of("cases.notices.read_all", "把自己的消息标为已读", ground="self", unproved="只记自己读到哪里"),
    # ---- catalogue, authorisation
    _of("catalogue.services.begin", "新编目录", "catalogue.make"),
    _of("catalogue.services.save", "保存目录", "catalogue.make", own=True),
    _of("catalogue.importing.take", "批量编目录", "catalogue.make"),
    _of("catalogue.deleting.order", "下达删除入库数据的指令", "catalogue.delete"),
    _of("authorisation.services.enter", "文件建档", "authorisation.file"),
    # ---- registration
    _of("registration.drafts.begin", "新建登记申请", "registration.apply"),
    _of("registration.drafts.save", "保存登记申请", ground="case", own=True, roles=APPLICANTS),
    _of("registration.deposits.make", "申请前存证", ground="case", own=True, roles=APPLICANTS),
    _of("registration.objections.object_by_account", "用账号提出异议", ground="everyone"),
    _of("registration.objections.object_publicly", "公示期间提出异议", ground="everyone"),
    _of("registration.objections.read_identity", "查看异议人的身份证明", "registration.desk"),
    # ---- scenarios
    _of("scenarios.drafts.begin_scenario", "提出应用场景", "scenarios.write"),
    _of("scenarios.drafts.begin_request", "提出数据申请", "scenarios.write"),
    _of("scenarios.drafts.save", "保存场景或者申请", ground="case", own=True, roles={"operator"}),
    _of("scenarios.importing.take", "把已发布的场景建档", "scenarios.record"),
    _of("scenarios.projects.begin", "建立项目、发出授权", "scenarios.project"),
    _of("scenarios.projects.reissue", "重新发出授权", "scenarios.project", own=True),
    _of("scenarios.grants.stop_project", "停止项目", "scenarios.stop"),
    # ---- workbench
    _of("workbench.services.submit_run", "提交运行", "workbench.run", ground="named"),
    _of("workbench.steps.submit_query", "提交建表的查询", "workbench.run", ground="named"),
    _of("workbench.steps.submit_program", "提交程序", "workbench.run", ground="named"),
    _of("workbench.services.request_release", "申请出域", "workbench.run", ground="named"),
    _of("workbench.samples.request", "申请样例", "workbench.run", ground="named"),
    _of("workbench.samples.bundle", "下载样例", "workbench.run", ground="named"),
    # ---- products
    _of("products.services.begin", "建立产品", "products.make"),
    _of("products.services.save", "保存产品", "products.make", own=True),
    _of("products.services.review_again", "重新提请审核", "products.make", own=True),
    _of(
        "products.services.begin_registration", "登记产品", "products.make", own=True, beside="registrant",
    ),
    _of("products.supply.ask_ceiling", "提出上限", "products.ceiling", own=True),
    _of("products.supply.hand_in_key", "提交公钥", "products.key"),
    _of("products.supply.stop", "停止提供产品", "products.stop", own=True, anywhere=WATCH),
    _of("products.agreements.begin", "起草使用协议", "products.agree", own=True),
    _of("products.agreements.save", "保存使用协议", "products.agree", own=True),
    _of("products.agreements.sign", "签署使用协议", "products.sign", own=True),
    _of("products.agreements.send", "把使用协议送往数据域", "products.send", own=True),
    _of("products.lifts.ask", "请求解除熔断", "products.lift", own=True),
    _of("products.endings.end_operator", "终止运营机构的运营", "products.end_operator"),
    # ---- consent
    _of("consent.requests.ask", "请求同意", "consent.ask", own=True),
    _of("consent.requests.cancel", "取消请求", "consent.ask", own=True),
    _of(
        "consent.complaints.answer", "答复投诉", "consent.answer", own=True, anywhere={"data_authority"},
    ),
    _of("consent.services.enter", "实名进入", ground="subject"),
    _of("consent.services.agree", "同意", ground="subject"),
    _of("consent.services.refuse", "不同意", ground="subject"),
    _of("consent.services.withdraw", "撤回同意", ground="subject"),
    _of("consent.services.complain", "投诉", ground="subject"),
    _of("consent.ownkey.agree", "用自己的钥匙同意", ground="subject"),
    _of(
        "consent.ownkey.to_sign", "取待签的内容", ground="subject",
        unproved="内容在签名送来时存证",
    ),
    _of("consent.notices.seen", "看过自己的消息", ground="subject", unproved="只记自己读到哪里"),
    _of("consent.codes.count", "记一次办理码的尝试", ground="subject", unproved="防猜测的计数，两小时后删除"),
    # ---- settlement
    _of("settlement.billing.run", "按月出账", "settlement.bill"),
    _of("settlement.conflicts.settle", "查清计数冲突的批次", "settlement.bill", own=True),
    _of("settlement.pricing.begin_maximum", "申请核定最高准许收入", "settlement.maximum",
        procedure="price.maximum"),
    _of("settlement.pricing.begin_cap", "制定上限收费标准", "settlement.cap", procedure="price.cap"),
    _of("settlement.pricing.publish", "公布价目", "settlement.price", own=True),
    _of("settlement.reports.send", "报送年度经营情况报告", "settlement.report"),
    # ---- supervision
    _of("supervision.services.begin_correction", "立整改案", "supervision.order",
        procedure="supervision.correction"),
    _of("supervision.services.draw", "抽取案件审计", "supervision.draw"),
    _of("supervision.services.stop", "监管中停止", "supervision.stop"),
    _of(
        "supervision.services.stop_own", "停止用本单位数据做的产品", "supervision.mine", own=True,
    ),
    # ---- portal
    _of("portal.approval.begin", "提请审核数据使用情况披露", "portal.disclose"),
    # ---- link
    _of("link.inbox.accept_all", "收下数据域的消息", ground="signed", unproved="消息自己带签名，原样保存"),
    _of("link.inbox.handle_waiting", "处理收下的消息", ground="signed", unproved="每种消息的处理各自存证"),
)  # fmt: skip
BY_NAME = {each.name: each for each in TABLE}


def installed() -> tuple[Act, ...]:
    """The acts of the apps that are installed; the permissions they ask are declared by their modules."""
    from django.apps import apps

    from gongshu.office import urls

    assert urls.urlpatterns  # 读地址就读了各应用的页面，权限由此都声明过
    return tuple(each for each in TABLE if apps.is_installed(f"gongshu.office.{each.name.partition('.')[0]}"))
