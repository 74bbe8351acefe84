"""A filed document: number, date, digest, kind, term and parties; never its own approval procedure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case, Material

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor

FILED = "filed"
SUPERSEDED = "superseded"


def document_id() -> str:
    return new_id("doc")


class FiledDocumentQuerySet(ZonedQuerySet):
    """What is filed is known to everybody who works in the zone; drafts are seen with their case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        seen = Exists(cases) if actor.anonymous else Q(state__in=(FILED, SUPERSEDED)) | Exists(cases)
        return self.filter(zone_id__in=actor.zones).filter(seen)


class FiledDocument(ZonedModel):
    """One document as entered last. State and content follow from the events of its case.

    `digest` is `sha256:<hex>` of the uploaded file; `entered_by` and `confirmed_by` are person ids, two
    different people; days are business days.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=document_id, editable=False)
    case = models.OneToOneField(
        Case, on_delete=models.PROTECT, related_name="filed_document", verbose_name="案件"
    )
    kind = models.CharField("文件种类", max_length=40)
    name = models.CharField("文件名称", max_length=200)
    number = models.CharField("文号或编号", max_length=120)
    dated = models.DateField("文件日期")
    term_from = models.DateField("期限起", null=True)
    term_until = models.DateField("期限止（最后一日）", null=True)
    parties = models.JSONField("当事人", default=list)
    material = models.ForeignKey(
        Material, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="文件"
    )
    digest = models.CharField("SHA-256 摘要", max_length=80)
    state = models.CharField("状态", max_length=40)
    entered_by = models.CharField("录入人", max_length=40)
    entered_at = models.DateTimeField("录入（业务时间）")
    confirmed_by = models.CharField("复核人", max_length=40, blank=True)
    confirmed_at = models.DateTimeField("复核归档（业务时间）", null=True)

    objects = FiledDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "建档文件"
        verbose_name_plural = "建档文件"
        indexes = [
            models.Index(fields=["zone", "kind", "-dated"], name="filed_by_kind"),
            models.Index(fields=["zone", "number"], name="filed_by_number"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "kind", "number"],
                condition=~Q(state=SUPERSEDED),
                name="filed_number_once",
                violation_error_message="同一种类、同一文号的文件已经录入。",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by="") | ~Q(confirmed_by=models.F("entered_by")),
                name="filed_by_two_people",
            ),
        ]

    def __str__(self) -> str:
        return self.name
