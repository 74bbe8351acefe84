"""An application for registration, what was deposited before it, objections, and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case, Material
from gongshu.office.link.models import OutboxEntry

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor


def registration_id() -> str:
    return new_id("r")


def deposit_id() -> str:
    return new_id("e")


def objection_id() -> str:
    return new_id("y")


class OfCaseQuerySet(ZonedQuerySet):
    """Rows that are seen by whoever sees their case."""

    path = ""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef(f"{self.path}case_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(cases))


class OfRegistrationQuerySet(OfCaseQuerySet):
    path = "registration__"


class Registration(ZonedModel):
    """One application; its states and deadlines are those of its case.

    `typed` is what the form holds, as typed and even where wrong (files by the ids of their materials);
    `filled` is the same as the law reads it (files as {name, digest}). `resource` and `product` are opaque
    ids of other rooms. `notice` is the public notice exactly as published.
    """

    TYPES = [("resource", "数据资源"), ("product", "数据产品和服务")]

    id = models.CharField("编号", max_length=24, primary_key=True, default=registration_id, editable=False)
    case = models.OneToOneField(
        Case, on_delete=models.PROTECT, related_name="registration", verbose_name="案件"
    )
    data_type = models.CharField("数据登记类型", max_length=20, choices=TYPES)
    resource = models.CharField("数据资源编号", max_length=60, blank=True)
    product = models.CharField("数据产品编号", max_length=60, blank=True)
    name = models.CharField("登记数据名称", max_length=200, blank=True)
    typed = models.JSONField("填写的内容", default=dict)
    filled = models.JSONField("按规则读出的内容", default=dict)
    version = models.PositiveIntegerField("保存次数", default=0)
    saved_at = models.DateTimeField("最近保存（业务时间）")
    saved_by = models.CharField("最近保存人", max_length=40)
    notice = models.JSONField("公示内容", default=list)
    notice_digest = models.CharField("公示内容摘要", max_length=80, blank=True)
    publicity_from = models.DateField("公示起", null=True)
    publicity_until = models.DateField("公示止（最后一日）", null=True)

    objects = OfCaseQuerySet.as_manager()

    class Meta:
        verbose_name = "登记申请"
        verbose_name_plural = "登记申请"
        indexes = [
            models.Index(fields=["resource"], name="registration_of_resource", condition=~Q(resource="")),
            models.Index(fields=["product"], name="registration_of_product", condition=~Q(product="")),
            models.Index(
                fields=["zone", "publicity_until"],
                name="registration_publicity",
                condition=Q(publicity_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.id


class Deposit(ZonedModel):
    """存证: the digest of content, fixed in the evidence log before the application is made.

    Either a file handed in here or a digest the registrant reckoned itself; the content of data never
    comes here.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=deposit_id, editable=False)
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="deposits")
    digest = models.CharField("SHA-256 摘要", max_length=80)
    sm3 = models.CharField("SM3 摘要", max_length=80, blank=True)
    title = models.CharField("存证的内容", max_length=200)
    material = models.ForeignKey(
        Material, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="存证的文件"
    )
    receipt = models.ForeignKey(
        Material, on_delete=models.PROTECT, related_name="+", verbose_name="存证证明文件"
    )
    actor = models.CharField("存证人", max_length=40)
    at = models.DateTimeField("业务时间")
    wall_at = models.DateTimeField("自然时间")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    objects = OfRegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "存证"
        indexes = [models.Index(fields=["registration", "wall_at"], name="deposit_of_registration")]


class Objection(ZonedModel):
    """异议 by anybody under the real name; `act` is the act of the case that entered it.

    Identity and contact are kept here only, never in the evidence log or on a public page.
    """

    IDENTITIES = [
        ("person", "自然人（居民身份证）"),
        ("organisation", "法人或其他组织（统一社会信用代码）"),
        ("other", "自然人（护照等其他有效身份证件）"),
    ]

    id = models.CharField("编号", max_length=24, primary_key=True, default=objection_id, editable=False)
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="objections")
    act = models.CharField("动作", max_length=40)
    objector = models.CharField("异议人姓名或名称", max_length=120)
    identity_kind = models.CharField("证件种类", max_length=20, choices=IDENTITIES, blank=True)
    identity = models.CharField("证件号码", max_length=30, blank=True)
    identity_paper = models.ForeignKey(
        Material, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="身份证明"
    )
    contact = models.CharField("联系方式", max_length=120, blank=True)
    grounds = models.TextField("异议内容")
    by_account = models.CharField("提出人账号（人员编号）", max_length=40, blank=True)
    address = models.CharField("来源地址摘要", max_length=64, blank=True)
    receipt = models.CharField("查询码", max_length=40, unique=True)
    at = models.DateTimeField("业务时间")
    wall_at = models.DateTimeField("自然时间")

    objects = OfRegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "异议"
        indexes = [
            models.Index(fields=["registration", "at"], name="objection_of_registration"),
            models.Index(fields=["address", "wall_at"], name="objection_from_address"),
        ]


class CodeNumber(models.Model):
    """The last number of certificates of a zone, year and type; the row is locked while one is drawn."""

    zone = models.CharField(max_length=20)
    year = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "year", "kind"], name="code_number_row")]


class Certificate(ZonedModel):
    """电子凭证（登记结果）: one certificate, one code.

    `facts` is everything the PDF is rendered from, so that it renders to the same bytes again; `seal` is
    the SM2 signature over them (in the QR), `signature` the one over the signed document that names the
    PDF's digest. Whether it is valid is reckoned from dates and the case, never stored.
    """

    code = models.CharField("登记编码", max_length=40, primary_key=True)
    registration = models.OneToOneField(Registration, on_delete=models.PROTECT, related_name="certificate")
    data_type = models.CharField("数据登记类型", max_length=20)
    organisation = models.CharField("登记主体编号", max_length=24)
    name = models.CharField("登记数据名称", max_length=200)
    facts = models.JSONField("凭证内容")
    seal = models.CharField("国密签名（内容）", max_length=200)
    digest = models.CharField("PDF 的 SHA-256 摘要", max_length=80)
    signed = models.JSONField("签名文件")
    issued = models.DateField("发放日期")
    valid_until = models.DateField("有效期至（最后一日）")
    wall_at = models.DateTimeField("自然时间")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    objects = OfRegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "登记凭证"
        indexes = [
            models.Index(fields=["zone", "-issued", "code"], name="certificate_by_issue"),
            models.Index(fields=["organisation"], name="certificate_of_organisation"),
        ]

    def __str__(self) -> str:
        return self.code
