"""Zones, organisations, people, accounts, roles and what stands between organisations."""

from __future__ import annotations

from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.db import models
from django.db.models import F, Q

from gongshu.office.accounts import ids
from gongshu.office.accounts.roles import ADMINISTRATORS
from gongshu.office.accounts.zoned import ZonedModel


class Zone(models.Model):
    """专区/节点: the nation, a province or a city. The rows come from `zones.ZONES`."""

    id = models.CharField("编号", max_length=20, primary_key=True)
    title = models.CharField("名称", max_length=40)
    code = models.CharField("行政区划代码", max_length=12)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", verbose_name="上级"
    )

    class Meta:
        verbose_name = "专区"
        verbose_name_plural = "专区"

    def __str__(self) -> str:
        return self.title


class Organisation(ZonedModel):
    """A legal person, known by its unified social credit code."""

    KINDS = [
        ("government", "行政机关"),
        ("institution", "事业单位"),
        ("enterprise", "企业"),
        ("other", "其他组织"),
    ]

    id = models.CharField(
        "编号", max_length=24, primary_key=True, default=ids.organisation_id, editable=False
    )
    name = models.CharField("机构名称", max_length=120, help_text="与登记证书一致的全称")
    uscc = models.CharField("统一社会信用代码", max_length=18, unique=True, help_text="18 位，校验码必须正确")
    kind = models.CharField("机构类型", max_length=20, choices=KINDS, default="government")
    active = models.BooleanField("在用", default=True)
    created_at = models.DateTimeField("建立时间")

    class Meta:
        verbose_name = "机构"
        verbose_name_plural = "机构"
        indexes = [models.Index(fields=["zone", "name"])]

    def __str__(self) -> str:
        return self.name


class Affiliation(ZonedModel):
    """A tie between two organisations from which recusal is computed; the smaller id stands first."""

    KINDS = [
        ("parent", "隶属或控股"),
        ("shareholder", "参股"),
        ("common_control", "受同一方控制"),
        ("commission", "受托或代理"),
        ("personnel", "人员兼任"),
    ]

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="机构"
    )
    other = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="关联机构"
    )
    kind = models.CharField("关联方式", max_length=20, choices=KINDS)
    since = models.DateField("起")
    until = models.DateField("止", null=True, blank=True, help_text="最后有效日；空着表示至今")

    class Meta:
        verbose_name = "关联关系"
        verbose_name_plural = "关联关系"
        constraints = [
            models.CheckConstraint(
                condition=Q(organisation__lt=F("other")),
                name="affiliation_ordered",
                violation_error_message="机构不能与自己关联。",
            ),
            models.UniqueConstraint(
                fields=["organisation", "other", "kind", "since"], name="affiliation_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} — {self.other}（{self.get_kind_display()}）"


class Person(ZonedModel):
    """A natural person who works for one organisation on this platform, under the real name."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=ids.person_id, editable=False)
    name = models.CharField("姓名", max_length=60, help_text="真实姓名")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="people", verbose_name="所在机构"
    )
    active = models.BooleanField("在用", default=True)
    created_at = models.DateTimeField("建立时间")

    class Meta:
        verbose_name = "人员"
        verbose_name_plural = "人员"
        indexes = [models.Index(fields=["zone", "name"])]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """The login of one person: password and TOTP, both set by the person and nobody else.

    `activation` holds the hash of a one-time code until the person has used it; `totp` is sealed with a
    key of the office's key store, so the database alone gives no second factor.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=ids.account_id, editable=False)
    username = models.CharField("用户名", max_length=40, unique=True)
    password = models.CharField("口令散列", max_length=200)
    person = models.OneToOneField(
        Person, on_delete=models.PROTECT, related_name="account", verbose_name="人员"
    )
    totp = models.BinaryField("动态口令密钥（密封）", null=True)
    totp_step = models.BigIntegerField("上次动态口令的时间步", default=0)
    activation = models.CharField("激活码散列", max_length=128, blank=True)
    activation_until = models.DateTimeField("激活码有效期", null=True)
    active = models.BooleanField("在用", default=True)
    generation = models.PositiveIntegerField("会话代", default=1)

    class Meta:
        verbose_name = "账号"
        verbose_name_plural = "账号"

    def __str__(self) -> str:
        return self.username

    @property
    def enrolled(self) -> bool:
        """The person has set the password and the second factor."""
        return self.totp is not None and is_password_usable(self.password)

    def set_password(self, password: str | None) -> None:
        """Keep a hash of the password; None makes the account unable to log in."""
        self.password = make_password(password)

    def check_password(self, password: str) -> bool:
        return check_password(password, self.password)


class LoginAttempt(models.Model):
    """One try to log in, counted in wall time; the name tried is kept as a keyed digest only."""

    name = models.CharField("用户名摘要", max_length=64)
    address = models.CharField("来源地址", max_length=45)
    at = models.DateTimeField("时间（墙钟）")
    ok = models.BooleanField("成功")

    class Meta:
        verbose_name = "登录记录"
        verbose_name_plural = "登录记录"
        indexes = [models.Index(fields=["name", "at"]), models.Index(fields=["address", "at"])]


class RoleAssignment(ZonedModel):
    """A role held by a person in a zone, from a day to a day, until revoked."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="roles", verbose_name="人员")
    role = models.CharField("角色", max_length=40)
    since = models.DateField("起")
    until = models.DateField("止", null=True, blank=True, help_text="最后有效日；空着表示不设期限")
    granted_by = models.CharField("授予人", max_length=40)
    granted_at = models.DateTimeField("授予时间")
    revoked_by = models.CharField("收回人", max_length=40, blank=True)
    revoked_at = models.DateTimeField("收回时间", null=True)

    class Meta:
        verbose_name = "角色授予"
        verbose_name_plural = "角色授予"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "zone", "role"], condition=Q(revoked_at=None), name="role_once"
            ),
            # 三员分立在数据库里也成立：一个人至多一个管理员角色
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(revoked_at=None, role__in=ADMINISTRATORS),
                name="one_administrator_role",
            ),
        ]
        indexes = [models.Index(fields=["zone", "role"])]

    def __str__(self) -> str:
        return f"{self.person} {self.role}"


class Delegation(ZonedModel):
    """An agent acts for a principal under a power of attorney (授权委托书) deposited here."""

    principal = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="委托机构"
    )
    agent = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="代理机构"
    )
    procedure = models.CharField(
        "委托办理的程序", max_length=60, blank=True, help_text="空着表示全部登记事项"
    )
    since = models.DateField("起")
    until = models.DateField("止", help_text="最后有效日")
    document = models.CharField("授权委托书摘要", max_length=80, help_text="sha256:…")
    revoked_at = models.DateTimeField("撤回时间", null=True)

    class Meta:
        verbose_name = "委托代理"
        verbose_name_plural = "委托代理"
        constraints = [
            models.CheckConstraint(condition=~Q(principal=F("agent")), name="delegation_to_another"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="delegation_period"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} 代 {self.principal}"
