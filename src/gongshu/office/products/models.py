"""A product, what of it left the data domain, its ceilings, its buyers' keys and its usage agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor

PASSED = "passed"


def product_id() -> str:
    return new_id("pd")


def agreement_id() -> str:
    return new_id("ag")


def ending_id() -> str:
    return new_id("en")


def lift_id() -> str:
    return new_id("lf")


def ceiling_id() -> str:
    return new_id("ceil")


class ProductQuerySet(ZonedQuerySet):
    """Products that passed their review are everybody's of the zone; the others are seen with their case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(subject=OuterRef("pk"))
        seen = Q(state=PASSED) | Q(operator_id__in=sorted(actor.organisations)) | Exists(cases)
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Product(ZonedModel):
    """One product or service of an operator.

    `typed` is the form as typed, even where wrong. `state` is that of its newest compliance case, kept
    beside it for lists; whether it is published is reckoned (`standing.published`), never stored.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=product_id, editable=False)
    operator = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="运营机构"
    )
    case = models.ForeignKey(
        Case, on_delete=models.PROTECT, related_name="reviewed_products", verbose_name="合规审核"
    )
    name = models.CharField("产品名称", max_length=200)
    form = models.CharField("产品形态", max_length=40, blank=True)
    purpose = models.CharField("产品用途", max_length=20, blank=True)
    grant = models.CharField("授权编号", max_length=60, blank=True)
    typed = models.JSONField("填写的内容", default=dict)
    version = models.PositiveIntegerField("保存次数", default=0)
    state = models.CharField("审核状态", max_length=40)
    saved_at = models.DateTimeField("最近保存（业务时间）")
    saved_by = models.CharField("最近保存人", max_length=40)

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = "数据产品和服务"
        indexes = [
            models.Index(fields=["zone", "state", "name"], name="product_by_state"),
            models.Index(fields=["operator"], name="product_of_operator"),
        ]

    def __str__(self) -> str:
        return self.name


class OfProductQuerySet(ZonedQuerySet):
    """Rows that belong to a product's insiders: its operator, the zone's officers, its providers."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(subject=OuterRef("product_id"))
        seen = Q(product__operator_id__in=sorted(actor.organisations)) | Exists(cases)
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Released(ZonedModel):
    """What of a product left the data domain: exactly the reviewed bytes, kept under their digest.

    `record` is the disclosure record the enclave signed; `day` the business day it names.
    """

    id = models.CharField("出域编号", max_length=60, primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="releases")
    task = models.CharField("任务", max_length=60)
    grant = models.CharField("授权编号", max_length=60)
    title = models.CharField("名称", max_length=200)
    kind = models.CharField("种类", max_length=20)
    name = models.CharField("文件名", max_length=120)
    media = models.CharField("类型", max_length=80)
    size = models.PositiveBigIntegerField("大小（字节）")
    digest = models.CharField("摘要", max_length=80)
    sources = models.JSONField("来自的快照", default=list)
    record = models.JSONField("披露记录", default=dict)
    day = models.DateField("出域日期（业务日期）")
    received = models.DateTimeField("收到时间（自然时间）")

    objects = OfProductQuerySet.as_manager()

    class Meta:
        verbose_name = "已出域的内容"
        indexes = [models.Index(fields=["product", "-received"], name="released_of_product")]

    def __str__(self) -> str:
        return self.title


class KeyQuerySet(ZonedQuerySet):
    """Keys: the own organisation's, and for operators and officers of the zone everybody's."""

    def for_actor(self, actor: Actor) -> Self:
        wide = [zone for zone, held in actor.held.items() if "operator" in held]
        seen = Q(organisation_id__in=sorted(actor.organisations))
        seen |= Q(zone_id__in=sorted({*actor.officer_zones(), *wide}))
        return self.filter(zone_id__in=actor.zones).filter(seen)


class BuyerKey(ZonedModel):
    """A public key a party of usage agreements, operator or buyer, handed in.

    It counts only once two security administrators put it on the trust list, which says for which side.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="提交的机构"
    )
    key = models.CharField("指纹", max_length=40)
    public = models.CharField("公钥", max_length=400)
    alg = models.CharField("算法", max_length=20)
    note = models.CharField("用途说明", max_length=120, blank=True)
    by = models.CharField("提交人", max_length=40)
    at = models.DateTimeField("提交时间（业务时间）")

    objects = KeyQuerySet.as_manager()

    class Meta:
        verbose_name = "签署协议的公钥"
        constraints = [models.UniqueConstraint(fields=["organisation", "key"], name="buyer_key_once")]

    def __str__(self) -> str:
        return self.key


class Ceiling(ZonedModel):
    """上限: the most a product may answer, asked for here and confirmed by its providers at the airlock.

    `answers`: organisation id → confirmed or refused. It opens nothing before every provider confirmed it.
    """

    STATES = [
        ("asked", "待闸口确认"),
        ("confirmed", "已确认"),
        ("refused", "未同意"),
        ("replaced", "已被替代"),
    ]

    id = models.CharField("编号", max_length=40, primary_key=True, default=ceiling_id, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="ceilings")
    body = models.JSONField("上限内容")
    digest = models.CharField("摘要", max_length=80)
    providers = models.JSONField("要确认的提供单位", default=list)
    answers = models.JSONField("答复", default=dict)
    state = models.CharField("状态", max_length=20, choices=STATES, default="asked")
    by = models.CharField("提出人", max_length=40)
    at = models.DateTimeField("提出时间（业务时间）")

    objects = OfProductQuerySet.as_manager()

    class Meta:
        verbose_name = "产品上限"
        indexes = [models.Index(fields=["product", "-at"], name="ceiling_of_product")]


class AgreementQuerySet(ZonedQuerySet):
    """Agreements are seen by whoever sees their case: both parties and the officers."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(cases))


class Agreement(ZonedModel):
    """使用协议 between an operator and a buyer; its states and deadlines are those of its case.

    `typed` holds the seven items of the law; `terms` what the machine checks at every call and bills by
    (`terms.TERMS`). `signatures`: side (operator, buyer) → {by, at, contract[, credential]}, made by that
    side's own tool; `signed`: the bodies they were made over, which no later version of this program
    changes; `signed_at`: when the last of them came. `sent` is the number of the contract on the feed.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=agreement_id, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="agreements")
    buyer = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="使用单位"
    )
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="usage_agreement")
    typed = models.JSONField("协议七项", default=dict)
    terms = models.JSONField("调用条件", default=dict)
    version = models.PositiveIntegerField("保存次数", default=0)
    signatures = models.JSONField("双方的签名", default=dict)
    signed = models.JSONField("签署的正文", default=dict)
    signed_at = models.DateTimeField("签名时间（业务时间）", null=True)
    sent = models.PositiveBigIntegerField("通知流编号", null=True)
    sent_at = models.DateTimeField("送往数据域的时间（自然时间）", null=True)
    saved_at = models.DateTimeField("最近保存（业务时间）")
    saved_by = models.CharField("最近保存人", max_length=40)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        verbose_name = "使用协议"
        indexes = [models.Index(fields=["product"], name="agreement_of_product")]

    def __str__(self) -> str:
        return f"{self.product} · {self.buyer}"


class OfAgreementQuerySet(ZonedQuerySet):
    """Rows of an agreement are seen by whoever sees the agreement."""

    def for_actor(self, actor: Actor) -> Self:
        seen = Agreement.objects.for_actor(actor).filter(pk=OuterRef("agreement_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(seen))


class Trip(ZonedModel):
    """熔断: a gateway stopped an agreement by itself, at the `tries`-th over-scope try within `seconds`.

    Nothing is answered under it until a lift for exactly this trip took effect there (`lifted`, wall time).
    """

    id = models.CharField("熔断编号", max_length=80, primary_key=True)
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="trips", verbose_name="使用协议"
    )
    at = models.DateTimeField("停下的时间（自然时间）")
    tries = models.PositiveIntegerField("第几次越权", default=0)
    seconds = models.PositiveIntegerField("多少秒之内", default=0)
    lifted = models.DateTimeField("恢复回答的时间（自然时间）", null=True)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = "熔断"
        indexes = [models.Index(fields=["agreement", "-at"], name="trip_of_agreement")]

    def __str__(self) -> str:
        return self.pk


class LiftQuerySet(ZonedQuerySet):
    def for_actor(self, actor: Actor) -> Self:
        seen = Trip.objects.for_actor(actor).filter(pk=OuterRef("trip_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(seen))


class Lift(ZonedModel):
    """解除熔断: asked for here with a reason, confirmed by the product's providers at the airlock, published.

    `body` is what the airlock signs; `answers`: organisation id → confirmed or refused; `sent`: its number
    on the feed.
    """

    STATES = [
        ("asked", "待闸口确认"),
        ("confirmed", "提供单位已同意"),
        ("refused", "提供单位不同意"),
    ]

    id = models.CharField("编号", max_length=40, primary_key=True, default=lift_id, editable=False)
    trip = models.ForeignKey(Trip, on_delete=models.PROTECT, related_name="lifts", verbose_name="熔断")
    body = models.JSONField("解除的内容")
    digest = models.CharField("摘要", max_length=80)
    reason = models.CharField("理由", max_length=400)
    answers = models.JSONField("答复", default=dict)
    state = models.CharField("状态", max_length=20, choices=STATES, default="asked")
    sent = models.PositiveBigIntegerField("通知流编号", null=True)
    by = models.CharField("提出人", max_length=40)
    at = models.DateTimeField("提出时间（业务时间）")
    wall_at = models.DateTimeField("提出时间（自然时间）")

    objects = LiftQuerySet.as_manager()

    class Meta:
        verbose_name = "解除熔断"
        constraints = [
            models.UniqueConstraint(fields=["trip"], condition=Q(state="asked"), name="lift_asked_once")
        ]


class EndingQuerySet(ZonedQuerySet):
    """Endings are seen by the zone's officers and by the organisation whose operation ended."""

    def for_actor(self, actor: Actor) -> Self:
        seen = Q(organisation_id__in=sorted(actor.organisations)) | Q(
            zone_id__in=sorted(actor.officer_zones())
        )
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Ending(ZonedModel):
    """终止运营: an operator's whole operation in a zone ended by one act, with everything built on it.

    `items`: what was stopped with it, each {scope, target, title, stop} (`stop`: its number on the feed);
    when each took effect is read from the receipts, never stored here.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=ending_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="运营机构"
    )
    reason = models.CharField("理由", max_length=400)
    items = models.JSONField("一并停止的", default=list)
    by = models.CharField("作出人", max_length=40)
    at = models.DateTimeField("作出时间（业务时间）")
    wall_at = models.DateTimeField("作出时间（自然时间）")

    objects = EndingQuerySet.as_manager()

    class Meta:
        verbose_name = "终止运营"
        constraints = [models.UniqueConstraint(fields=["zone", "organisation"], name="operation_ended_once")]

    def __str__(self) -> str:
        return self.pk
