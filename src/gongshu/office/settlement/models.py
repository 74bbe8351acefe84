"""Calls as reported, bills, maximum revenue, caps, price lists and the yearly report. Money in whole fen."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case
from gongshu.office.products.models import Agreement, Product

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor


def bill_id() -> str:
    return new_id("bl")


def maximum_id() -> str:
    return new_id("mx")


def cap_id() -> str:
    return new_id("pc")


def price_id() -> str:
    return new_id("pl")


def report_id() -> str:
    return new_id("yr")


class CaseBoundQuerySet(ZonedQuerySet):
    """Rows seen by whoever sees their case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(cases))


class BatchQuerySet(ZonedQuerySet):
    """Batches are seen by the parties of their agreement and by the zone's officers."""

    def for_actor(self, actor: Actor) -> Self:
        own = Agreement.objects.for_actor(actor).filter(pk=OuterRef("contract"))
        return self.filter(zone_id__in=actor.zones).filter(
            Exists(own) | Q(zone_id__in=sorted(actor.officer_zones()))
        )


class CallBatch(ZonedModel):
    """One batch of answered calls as the gateway reported it, once: `batch` is its id in the evidence.

    `contract` names an agreement; what no agreement of this office stands behind stays here unbilled.
    `conflict`: the same id came with other counts, so that nobody may bill it; `dropped`: taken back from a
    bill by the operator's answer to a dispute, or by settling a conflict; `settled`: how a conflict was
    settled {take, reason, by, for, at, known}.
    """

    batch = models.CharField("批次编号", max_length=120)
    contract = models.CharField("使用协议", max_length=60)
    product = models.CharField("产品", max_length=60)
    day = models.DateField("业务日期")
    purpose = models.CharField("用途", max_length=200)
    calls = models.PositiveBigIntegerField("回答次数")
    hits = models.PositiveBigIntegerField("查到")
    subjects = models.PositiveBigIntegerField("不同主体")
    root = models.CharField("默克尔根", max_length=80)
    received = models.DateTimeField("收到（自然时间）")
    conflict = models.BooleanField("计数冲突", default=False)
    dropped = models.BooleanField("已退回", default=False)
    settled = models.JSONField("冲突怎样查清", default=dict)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = "调用批次"
        constraints = [models.UniqueConstraint(fields=["zone", "batch"], name="call_batch_once")]
        indexes = [models.Index(fields=["contract", "day"], name="batch_of_contract")]

    def __str__(self) -> str:
        return self.batch


class BillQuerySet(ZonedQuerySet):
    """Bills are seen with their case, and by whoever has a part of what they bring."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        parts = [Q(receivers__contains=[each]) for each in sorted(actor.organisations)]
        seen = reduce(or_, parts, Q(Exists(cases)))
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Bill(ZonedModel):
    """账单 of one agreement and month. `place` 0 is the ordinary bill, the others correct it, in order.

    `data` is `money.bill.Bill` whole, its digest in `digest`; `receivers` the organisations with a part.
    `receipt`: number and day of the payment as finance noted it.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=bill_id, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="bills")
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="bill")
    month = models.CharField("月份", max_length=7)
    place = models.PositiveSmallIntegerField("次序")
    data = models.JSONField("账单全文")
    digest = models.CharField("摘要", max_length=80)
    total = models.BigIntegerField("合计（分）")
    calls = models.BigIntegerField("调用次数")
    receivers = models.JSONField("分成的单位", default=list)
    receipt = models.JSONField("收款凭据", default=dict)
    at = models.DateTimeField("出账时间（业务时间）")

    objects = BillQuerySet.as_manager()

    class Meta:
        verbose_name = "账单"
        constraints = [
            models.UniqueConstraint(fields=["agreement", "month", "place"], name="bill_once_a_month")
        ]
        indexes = [models.Index(fields=["zone", "-month"], name="bill_by_month")]

    def __str__(self) -> str:
        return f"{self.agreement} {self.month}"


class MaximumQuerySet(CaseBoundQuerySet):
    """Maxima are seen by the zone's officers and by the operator they bind."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        own = Q(operator_id__in=sorted(actor.organisations))
        return self.filter(zone_id__in=actor.zones).filter(Exists(cases) | own)


class Maximum(ZonedModel):
    """最高准许收入 of an operator. `survey` in the form of `gongshu money maximum`; `result` what followed;
    `checks`: a row a year {year, actual, deviation, adjust, carry, by, at}."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=maximum_id, editable=False)
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="maximum_revenue")
    operator = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="运营机构"
    )
    survey = models.JSONField("成本调查", default=dict)
    result = models.JSONField("核定结果", default=dict)
    fixed_on = models.DateField("核定日期", null=True)
    checks = models.JSONField("年度检视", default=list)
    at = models.DateTimeField("提出（业务时间）")

    objects = MaximumQuerySet.as_manager()

    class Meta:
        verbose_name = "最高准许收入"
        indexes = [models.Index(fields=["operator", "-at"], name="maximum_of_operator")]

    def __str__(self) -> str:
        return self.case.number


class CapQuerySet(CaseBoundQuerySet):
    """Caps in force are everybody's of the zone; drafts are seen with their case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(cases) | ~Q(caps={}))


class Cap(ZonedModel):
    """上限收费标准 of a product: `caps` unit → {fen, per}, in force from `since` until `until`."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=cap_id, editable=False)
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="price_cap")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="caps")
    caps = models.JSONField("上限", default=dict)
    trial = models.BooleanField("试行", default=False)
    since = models.DateField("执行起日", null=True)
    until = models.DateField("执行止日", null=True)
    at = models.DateTimeField("提出（业务时间）")

    objects = CapQuerySet.as_manager()

    class Meta:
        verbose_name = "上限收费标准"
        indexes = [models.Index(fields=["product", "-since"], name="cap_of_product")]

    def __str__(self) -> str:
        return self.case.number


class PriceListQuerySet(ZonedQuerySet):
    """A published price list is public."""

    def for_actor(self, actor: Actor) -> Self:
        return self.filter(zone_id__in=actor.zones)


class PriceList(ZonedModel):
    """价目: what the operator asks for a product from `since` on, published; the newest begun one holds."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=price_id, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    tariff = models.JSONField("价目")
    since = models.DateField("执行起日")
    by = models.CharField("公布人", max_length=40)
    at = models.DateTimeField("公布时间（业务时间）")

    objects = PriceListQuerySet.as_manager()

    class Meta:
        verbose_name = "收费价目"
        indexes = [models.Index(fields=["product", "-since"], name="price_of_product")]

    def __str__(self) -> str:
        return f"{self.product} {self.since}"


class YearReportQuerySet(ZonedQuerySet):
    """Reports are seen by the zone's officers and by the operator they are about."""

    def for_actor(self, actor: Actor) -> Self:
        own = Q(operator_id__in=sorted(actor.organisations))
        return self.filter(zone_id__in=actor.zones).filter(own | Q(zone_id__in=sorted(actor.officer_zones())))


class YearReport(ZonedModel):
    """年度经营情况报告 of an operator as sent: `data` is what stood in it, `digest` that of `data`."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=report_id, editable=False)
    operator = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="运营机构"
    )
    year = models.PositiveSmallIntegerField("年度")
    data = models.JSONField("报告内容")
    digest = models.CharField("摘要", max_length=80)
    by = models.CharField("报送人", max_length=40)
    at = models.DateTimeField("报送时间（业务时间）")

    objects = YearReportQuerySet.as_manager()

    class Meta:
        verbose_name = "年度经营情况报告"
        constraints = [models.UniqueConstraint(fields=["operator", "year"], name="year_report_once")]

    def __str__(self) -> str:
        return f"{self.operator} {self.year}"
