"""Roles as classes: a Chinese title, a paragraph a regulator can read, flags, permissions.

The ids are those the packs' procedures name (`by: registrar`). A role of a pack without a class here is a
plain party role: it may do the acts its procedures give it and sees its own organisation's cases.
"""

from __future__ import annotations

from typing import ClassVar


class Role:
    """One role. `officer`: sees every case of its zone; `oversees`: also of the zones below."""

    id: ClassVar[str] = ""
    title: ClassVar[str] = ""
    paragraph: ClassVar[str] = ""
    officer: ClassVar[bool] = False
    oversees: ClassVar[bool] = False
    administrator: ClassVar[bool] = False
    independent: ClassVar[bool] = False
    permissions: ClassVar[tuple[str, ...]] = ()


REGISTRY: dict[str, type[Role]] = {}
# 不是人的角色：平台自己和数据域
PLATFORM = {"system": "系统", "enclave": "数据域", "self": "本人", "enrolment": "安装"}


def known(role: type[Role]) -> type[Role]:
    """Enter a role class into the registry."""
    REGISTRY[role.id] = role
    return role


def role(id_: str) -> type[Role]:
    """The class of a role; a plain party role when the packs know it and this table does not."""
    return REGISTRY.get(id_) or type("PartyRole", (Role,), {"id": id_, "title": title(id_)})


def title(id_: str) -> str:
    """The Chinese title of a role."""
    found = REGISTRY.get(id_)
    return found.title if found else pack_title(id_)


def pack_title(id_: str) -> str:
    """The title the nation's pack gives a role this table does not know; the id itself when none does."""
    if id_ in PLATFORM:
        return PLATFORM[id_]
    from gongshu.office.accounts.lawroles import law_role

    found = law_role(id_, "cn")
    return found.title if found else id_


@known
class SystemAdministrator(Role):
    id = "system_administrator"
    title = "系统管理员"
    paragraph = "建立机构、人员和账号，不能授予任何角色，不能看日志，不办任何业务。"
    administrator = True
    oversees = True
    permissions = ("accounts.people",)


@known
class SecurityAdministrator(Role):
    id = "security_administrator"
    title = "安全管理员"
    paragraph = "授予和收回角色，登记关联关系；不能建立账号，不能给自己授权，不办任何业务。"
    administrator = True
    oversees = True
    permissions = ("accounts.roles", "accounts.affiliations")


@known
class AuditAdministrator(Role):
    id = "audit_administrator"
    title = "审计管理员"
    paragraph = "查看存证日志、登录记录和授权记录；不能建立账号，不能授权，不办任何业务。"
    administrator = True
    oversees = True
    permissions = ("accounts.audit",)


@known
class DataAuthority(Role):
    id = "data_authority"
    title = "数据管理部门"
    paragraph = "统筹本级公共数据目录、登记和授权运营，审查场景、需求和产品合规性，监督全过程。"
    officer = True
    oversees = True
    permissions = ("accounts.audit_read",)


@known
class SectorDepartment(Role):
    id = "sector_department"
    title = "行业主管部门"
    paragraph = "指导和监督本行业公共数据的登记与运营；在甘肃审核用数需求。"
    officer = True


@known
class Registrar(Role):
    id = "registrar"
    title = "登记机构"
    paragraph = "受理、审查、公示登记申请，发放登记凭证，处理异议；不得审查与本机构有关联的申请。"
    officer = True
    independent = True


@known
class ImplementingBody(Role):
    id = "implementing_body"
    title = "实施机构"
    paragraph = "受本级政府委托组织授权运营，建设和管理平台；在甘肃负责数据出域审核。"
    officer = True


@known
class PriceAuthority(Role):
    id = "price_authority"
    title = "发展改革部门"
    paragraph = "会同数据管理部门核定最高准许收入，收到上限收费标准和年度经营情况的报告。"
    officer = True


@known
class Finance(Role):
    id = "finance"
    title = "财政部门"
    paragraph = "凭凭据登记账单的收款情况；平台不连银行，不经手资金。"
    officer = True


@known
class Supervisor(Role):
    id = "supervisor"
    title = "监管部门"
    paragraph = "网信、公安、国安、保密、密码、发改、财政、市场监管等部门在职责内监督，只看不办。"
    officer = True
    oversees = True


@known
class Auditor(Role):
    id = "auditor"
    title = "审计机关"
    paragraph = "依法调阅目录、案件和使用情况；只看不办。"
    officer = True
    oversees = True
    permissions = ("accounts.audit",)


@known
class Registrant(Role):
    id = "registrant"
    title = "登记主体"
    paragraph = "申请登记公共数据资源和产品，对材料的真实性负责；可委托代理机构。"


@known
class ProviderOfficer(Role):
    id = "provider_officer"
    title = "数据提供单位经办人"
    paragraph = "编制目录，归集治理数据，分类分级，答复用数需求和质量问题，在闸口确认授权。"


@known
class ProviderChecker(Role):
    id = "provider_checker"
    title = "数据提供单位审核人"
    paragraph = "审核本单位经办人提交的目录、授权和答复；不得审核自己经办的事项。"


@known
class RegistrantReviewer(Role):
    id = "registrant_reviewer"
    title = "登记主体业务审核人"
    paragraph = "在提交登记申请之前做业务审核；不得审核自己经办的申请。"


@known
class Operator(Role):
    id = "operator"
    title = "运营机构"
    paragraph = "在授权范围内治理开发数据，申请场景，登记产品，与使用单位签订使用协议。"


@known
class Developer(Role):
    id = "developer"
    title = "其他经营主体"
    paragraph = "经运营机构准入的开发商和其他经营主体；开发人员实名、签保密承诺，看不到原始数据。"


@known
class Reviewer(Role):
    id = "reviewer"
    title = "出域审核人"
    paragraph = "在闸口对输出逐份盲审；与开发单位无关联，不审自己参与的项目。"
    independent = True


@known
class Buyer(Role):
    id = "buyer"
    title = "产品使用单位"
    paragraph = "签订使用协议，在约定用途和额度内调用数据产品。"


@known
class ThirdParty(Role):
    id = "third_party"
    title = "第三方专业服务机构"
    paragraph = "受委托存证、评估、审查；独立客观，与委托事项有利害关系的应当回避。"
    independent = True


@known
class Agent(Role):
    id = "agent"
    title = "委托代理机构"
    paragraph = "凭授权委托书代登记主体办理登记。"


@known
class Public(Role):
    id = "public"
    title = "社会公众和利害关系人"
    paragraph = "查看公示和公开信息，实名提出异议。"


ADMINISTRATORS = tuple(sorted(name for name, each in REGISTRY.items() if each.administrator))
