"""An order to correct, and a draw of cases; everything else here is reckoned from earlier apps' rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case
from gongshu.office.link.models import OutboxEntry

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor


def correction_id() -> str:
    return new_id("co")


def draw_id() -> str:
    return new_id("dr")


class CorrectionQuerySet(ZonedQuerySet):
    """Orders are seen by the officers of their zone and by the organisation they are addressed to."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=models.OuterRef("case_id"))
        return self.filter(zone_id__in=actor.zones).filter(models.Exists(cases))


class Correction(ZonedModel):
    """督促整改 / 登记机构监管: to whom, about what; steps and deadline are those of its case."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=correction_id, editable=False)
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="correction")
    addressee = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="被监督单位"
    )
    role = models.CharField("身份", max_length=40)
    about_kind = models.CharField("所涉对象种类", max_length=40, blank=True)
    about = models.CharField("所涉对象编号", max_length=60, blank=True)

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        verbose_name = "整改"
        indexes = [models.Index(fields=["addressee"], name="correction_of")]

    def __str__(self) -> str:
        return self.case.number


class DrawQuerySet(ZonedQuerySet):
    """Draws are seen by those who see every case of their zone."""

    def for_actor(self, actor: Actor) -> Self:
        return self.filter(zone_id__in=sorted(actor.officer_zones()))


class Draw(ZonedModel):
    """抽样: which cases were drawn, from which population, with which seed (docs/supervision.md).

    `population_digest` is over the sorted case numbers; `digest` over the whole statement of the draw, the
    same that stands in the evidence log. `numbers` are the drawn cases in the order they were drawn.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=draw_id, editable=False)
    seed = models.CharField("种子", max_length=200)
    procedure = models.CharField("程序", max_length=60, blank=True)
    since = models.DateField("立案自", null=True)
    until = models.DateField("立案至")
    wanted = models.PositiveIntegerField("抽取件数")
    population = models.PositiveIntegerField("总体件数")
    population_digest = models.CharField("总体摘要", max_length=80)
    numbers = models.JSONField("抽中的案号", default=list)
    digest = models.CharField("抽样摘要", max_length=80)
    by = models.CharField("抽样人", max_length=40)
    at = models.DateTimeField("抽样时间（业务时间）")
    wall_at = models.DateTimeField("抽样时间（自然时间）")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    objects = DrawQuerySet.as_manager()

    class Meta:
        verbose_name = "审计抽样"
        indexes = [models.Index(fields=["zone", "-wall_at"], name="draw_of_zone")]

    def __str__(self) -> str:
        return self.pk
