"""Who plays in the demo: the organisations of a synthetic Huangshi and one account a role.

Passwords, TOTP secrets and keys are drawn at random at run time; here are only names and roles.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stdnum.cn import uscc

ZONE = "huangshi"


@dataclass(frozen=True)
class Organisation:
    """`serial`: of its synthetic credit code; `kind`: as the office's form offers it."""

    key: str
    name: str
    serial: int
    kind: str = "institution"

    @property
    def code(self) -> str:
        """A credit code of a division that was never assigned."""
        base = f"12420299MB{self.serial:07d}"
        return base + str(uscc.calc_check_digit(base))


@dataclass(frozen=True)
class Person:
    """One account of the office and, with `airlock` roles, one of the airlock."""

    key: str
    name: str
    organisation: str
    roles: tuple[str, ...]
    airlock: tuple[str, ...] = field(default=())


# 使用协议的双方（也是签署的账号）→ 各自的机构
SIDES = {"operator": "operator", "buyer": "bank"}
ORGANISATIONS = (
    Organisation("authority", "黄石市数据局（演示）", 1, "government"),
    Organisation("registrar", "黄石市公共数据登记中心（演示）", 2, "institution"),
    Organisation("bus", "黄石市公共交通集团（演示）", 3, "enterprise"),
    Organisation("operator", "黄石数据运营有限公司（演示）", 4, "enterprise"),
    Organisation("bank", "磁湖银行黄石分行（演示）", 5, "enterprise"),
    Organisation("audit", "黄石市审计局（演示）", 6, "government"),
    Organisation("centre", "黄石市信息中心（演示）", 7, "institution"),
    Organisation("watch", "黄石市数据监管办公室（演示）", 9, "government"),
    Organisation("fund", "黄石市住房公积金中心（演示）", 8, "institution"),
)

PEOPLE = (
    Person("authority", "周明", "authority", ("data_authority",), ("reviewer",)),
    Person("authority2", "吴桐", "authority", ("data_authority", "implementing_body")),
    Person("registrar", "郑洁", "registrar", ("registrar",)),
    Person(
        "provider",
        "王芳",
        "bus",
        ("provider_officer", "provider_checker", "registrant"),
        ("provider_officer",),
    ),
    Person(
        "checker",
        "冯磊",
        "bus",
        ("provider_checker", "registrant_reviewer"),
        ("provider_checker", "reviewer"),
    ),
    Person(
        "collector",
        "何敏",
        "centre",
        ("provider_officer", "provider_checker", "registrant"),
        ("provider_officer",),
    ),
    Person(
        "collector2",
        "罗刚",
        "centre",
        ("provider_checker", "registrant_reviewer"),
        ("provider_checker", "reviewer"),
    ),
    Person(
        "fund",
        "孙丽",
        "fund",
        ("provider_officer", "provider_checker", "registrant"),
        ("provider_officer",),
    ),
    Person(
        "fund2",
        "高峰",
        "fund",
        ("provider_checker", "registrant_reviewer"),
        ("provider_checker", "reviewer"),
    ),
    Person("operator", "陈晨", "operator", ("operator", "registrant")),
    Person("operator2", "卫平", "operator", ("registrant_reviewer",)),
    Person("developer", "蒋涛", "operator", ("developer",)),
    Person("buyer", "沈静", "bank", ("buyer",)),
    Person("auditor", "韩雪", "audit", ("auditor",)),
    Person("supervisor", "林岚", "watch", ("supervisor",)),
)


def organisation(key: str) -> Organisation:
    return next(one for one in ORGANISATIONS if one.key == key)


def person(key: str) -> Person:
    return next(one for one in PEOPLE if one.key == key)
