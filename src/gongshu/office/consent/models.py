"""Data subjects, what they were asked, what they agreed to or took back, how it was used, their complaints.

No number of a person stands in any row: a keyed token to know somebody again, a masked text to show, and in a
consent's body the number sealed to the gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.roles import role
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.accounts.zones import descendants
from gongshu.office.cases.models import Case
from gongshu.office.link.models import OutboxEntry
from gongshu.office.products.models import Agreement, Product

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor

KINDS = [("standing", "期内多次"), ("once", "只用一次")]


def subject_id() -> str:
    return new_id("sj")


def request_id() -> str:
    return new_id("cq")


def consent_id() -> str:
    return new_id("cs")


def withdrawal_id() -> str:
    return new_id("wd")


def complaint_id() -> str:
    return new_id("cp")


def code() -> str:
    return new_id("c").partition("-")[2]


class NobodysQuerySet(ZonedQuerySet):
    """Rows no account may list: a subject reaches only its own, through `queries`."""

    def for_actor(self, actor: Actor) -> Self:  # noqa: ARG002 — whoever it is
        return self.none()


class Subject(ZonedModel):
    """数据主体: a person, or a firm for which its legal representative or an authorised agent came.

    `token`: HMAC of kind and number under a secret of this home. `zone` is the home's first: a subject is
    one, whatever zones its data lies in.
    """

    KINDS = [("person", "个人"), ("firm", "企业")]

    id = models.CharField("编号", max_length=24, primary_key=True, default=subject_id, editable=False)
    kind = models.CharField("种类", max_length=10, choices=KINDS)
    token = models.CharField("证件号码的密钥摘要", max_length=64, unique=True)
    name = models.CharField("遮盖后的姓名或企业名称", max_length=120)
    number = models.CharField("遮盖后的证件号码", max_length=20)
    since = models.DateTimeField("首次核验（自然时间）")

    objects = NobodysQuerySet.as_manager()

    class Meta:
        verbose_name = "数据主体"

    def __str__(self) -> str:
        return self.name


class OfAgreementQuerySet(ZonedQuerySet):
    """Seen by the buyer it belongs to, and by whoever sees the agreement's case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(usage_agreement=OuterRef("agreement_id"))
        seen = Q(agreement__buyer_id__in=sorted(actor.organisations)) | Exists(cases)
        return self.filter(zone_id__in=actor.zones).filter(seen)


class ConsentRequest(ZonedModel):
    """What a buyer asks of one subject under one agreement, behind a code that expires.

    `terms`: purpose, title, fields, kind, from, until, refusal. `body`: what a firm was given to sign with
    its own key.
    """

    STATES = [("open", "等待答复"), ("agreed", "已同意"), ("refused", "未同意"), ("cancelled", "已取消")]

    id = models.CharField("编号", max_length=24, primary_key=True, default=request_id, editable=False)
    code = models.CharField("办理码", max_length=20, unique=True, default=code, editable=False)
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="consent_requests", verbose_name="使用协议"
    )
    terms = models.JSONField("请求的内容")
    reference = models.CharField("使用单位的业务编号", max_length=40, blank=True)
    expires = models.DateTimeField("链接有效到（自然时间）")
    state = models.CharField("状态", max_length=12, choices=STATES, default="open")
    subject = models.ForeignKey(
        Subject, null=True, on_delete=models.PROTECT, related_name="requests", verbose_name="答复人"
    )
    body = models.JSONField("待签的正文", null=True)
    by = models.CharField("提出人", max_length=40)
    at = models.DateTimeField("提出时间（业务时间）")
    wall_at = models.DateTimeField("提出时间（自然时间）")
    answered_at = models.DateTimeField("答复时间（自然时间）", null=True)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = "同意请求"
        indexes = [models.Index(fields=["agreement", "-wall_at"], name="request_of_agreement")]

    def __str__(self) -> str:
        return str(self.terms.get("title", self.pk))


class Consent(ZonedModel):
    """同意, exactly as it went to the data domain. `body` is what was signed; `document` the receipt without
    its proof."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=consent_id, editable=False)
    request = models.OneToOneField(
        ConsentRequest, on_delete=models.PROTECT, related_name="consent", verbose_name="请求"
    )
    subject = models.ForeignKey(
        Subject, on_delete=models.PROTECT, related_name="consents", verbose_name="数据主体"
    )
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="consents", verbose_name="使用协议"
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", verbose_name="产品")
    buyer = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="使用单位"
    )
    kind = models.CharField("次数", max_length=10, choices=KINDS)
    since = models.DateField("起（业务日期）")
    until = models.DateField("止（业务日期）")
    body = models.JSONField("同意的正文")
    document = models.JSONField("回执")
    own_key = models.CharField("本人的钥匙", max_length=40, blank=True)
    sent = models.PositiveBigIntegerField("通知流编号")
    at = models.DateTimeField("同意时间（业务时间）")
    wall_at = models.DateTimeField("同意时间（自然时间）")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = "同意"
        indexes = [
            models.Index(fields=["subject", "-wall_at"], name="consent_of_subject"),
            models.Index(fields=["agreement", "-wall_at"], name="consent_of_agreement"),
        ]

    def __str__(self) -> str:
        return f"{self.buyer} · {self.product}"


class OfConsentQuerySet(ZonedQuerySet):
    """Rows below a consent, seen by whoever sees the consent."""

    def for_actor(self, actor: Actor) -> Self:
        seen = Consent.objects.for_actor(actor).filter(pk=OuterRef("consent_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(seen))


class Withdrawal(ZonedModel):
    """撤回: one a consent, for good. `effects`: role and key of a gateway → wall time it acted."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=withdrawal_id, editable=False)
    consent = models.OneToOneField(
        Consent, on_delete=models.PROTECT, related_name="withdrawal", verbose_name="同意"
    )
    document = models.JSONField("回执")
    sent = models.PositiveBigIntegerField("通知流编号")
    effects = models.JSONField("各网关的生效时间", default=dict)
    at = models.DateTimeField("撤回时间（业务时间）")
    wall_at = models.DateTimeField("撤回时间（自然时间）")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    objects = OfConsentQuerySet.as_manager()

    class Meta:
        verbose_name = "撤回"


class ConsentUse(ZonedModel):
    """How often a consent was used on a wall-clock day, by a gateway's own count."""

    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="uses")
    gateway = models.CharField("网关的钥匙", max_length=40)
    day = models.DateField("日期（自然日）")
    count = models.PositiveIntegerField("次数")

    objects = OfConsentQuerySet.as_manager()

    class Meta:
        verbose_name = "同意的使用"
        constraints = [models.UniqueConstraint(fields=["consent", "gateway", "day"], name="consent_use_once")]


# 投诉给谁看：答复它的单位和监督部门；同一单位里没有这些角色的人看不到
COMPLAINT_READERS = frozenset(
    {
        "operator", "provider_officer", "provider_checker", "data_authority",
        "supervisor", "implementing_body", "sector_department", "auditor",
    }
)  # fmt: skip


class ComplaintQuerySet(ZonedQuerySet):
    """Seen by those of the operator and the providers it was sent to who may answer it, and by the officers
    of the zone who answer or oversee: never by a role that has nothing to do with complaints."""

    def for_actor(self, actor: Actor) -> Self:
        seen = Q(pk__in=())
        for zone, held in actor.held.items():
            for each in map(role, held & COMPLAINT_READERS):
                if each.officer:
                    seen |= Q(zone_id__in=sorted(descendants(zone) if each.oversees else {zone}))
                else:
                    for organisation in sorted(actor.organisations):
                        seen |= Q(zone_id=zone, sent_to__contains=[organisation])
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Complaint(ZonedModel):
    """投诉或异议 of a subject; sent to the operator, the providers and the authority, answered in writing."""

    STATES = [("open", "处理中"), ("answered", "已答复")]
    KINDS = [
        ("not_mine", "不是我同意的"),
        ("over_use", "用得超出同意的范围"),
        ("wrong", "回答的内容不对"),
        ("other", "其他"),
    ]

    id = models.CharField("编号", max_length=24, primary_key=True, default=complaint_id, editable=False)
    subject = models.ForeignKey(
        Subject, on_delete=models.PROTECT, related_name="complaints", verbose_name="数据主体"
    )
    consent = models.ForeignKey(
        Consent, null=True, on_delete=models.PROTECT, related_name="complaints", verbose_name="有关的同意"
    )
    kind = models.CharField("事由", max_length=20, choices=KINDS)
    text = models.TextField("内容")
    sent_to = models.JSONField("送交的机构", default=list)
    state = models.CharField("状态", max_length=12, choices=STATES, default="open")
    answer = models.TextField("答复", blank=True)
    answered_by = models.CharField("答复人", max_length=40, blank=True)
    answered_for = models.CharField("答复机构", max_length=120, blank=True)
    answered_at = models.DateTimeField("答复时间（业务时间）", null=True)
    at = models.DateTimeField("提出时间（业务时间）")
    wall_at = models.DateTimeField("提出时间（自然时间）")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    objects = ComplaintQuerySet.as_manager()

    class Meta:
        verbose_name = "数据主体的投诉"
        indexes = [models.Index(fields=["zone", "state", "-wall_at"], name="complaint_by_state")]

    def __str__(self) -> str:
        return self.get_kind_display()


class SubjectNotice(ZonedModel):
    """A sentence to a subject; each `key` once."""

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="notices")
    key = models.CharField("一次性的键", max_length=80)
    sentence = models.CharField("内容", max_length=300)
    about = models.CharField("有关的编号", max_length=24, blank=True)
    wall_at = models.DateTimeField("时间（自然时间）")
    seen_at = models.DateTimeField("已读（自然时间）", null=True)

    objects = NobodysQuerySet.as_manager()

    class Meta:
        verbose_name = "给数据主体的通知"
        constraints = [models.UniqueConstraint(fields=["subject", "key"], name="subject_notice_once")]


class CodeTry(ZonedModel):
    """A code that led nowhere, counted in wall time so that codes cannot be tried out."""

    who = models.CharField("主体或来源的密钥摘要", max_length=64)
    at = models.DateTimeField("时间（自然时间）")

    objects = NobodysQuerySet.as_manager()

    class Meta:
        verbose_name = "无效办理码"
        indexes = [models.Index(fields=["who", "at"], name="code_try_by")]
