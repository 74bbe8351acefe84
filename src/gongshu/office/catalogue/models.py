"""A resource of the catalogue, and what its provider confirmed of it at the airlock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor

PUBLISHED = ("published",)


def resource_id() -> str:
    return new_id("res")


class ResourceQuerySet(ZonedQuerySet):
    """Published items are everybody's of the zone; the others are seen with their case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        return self.filter(zone_id__in=actor.zones).filter(Q(state__in=PUBLISHED) | Exists(cases))

    def published(self, zone: str) -> Self:
        """What the public sees of a zone."""
        return self.filter(zone_id=zone, state__in=PUBLISHED)


class Resource(ZonedModel):
    """One item of the catalogue. Its state is that of its case, kept beside it for lists.

    `typed` holds the form as typed; `facts` what the provider confirmed at the airlock: table, columns with
    type and grade, subject, row count, snapshot. No data is here, ever.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=resource_id, editable=False)
    case = models.OneToOneField(
        Case, on_delete=models.PROTECT, related_name="catalogue_resource", verbose_name="案件"
    )
    provider = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name="提供单位"
    )
    name = models.CharField("名称", max_length=200)
    code = models.CharField("信息资源代码", max_length=60, blank=True)
    typed = models.JSONField("填写的内容", default=dict)
    version = models.PositiveIntegerField("保存次数", default=0)
    state = models.CharField("状态", max_length=40)
    authorisation = models.CharField("授权状态", max_length=20, blank=True)
    facts = models.JSONField("闸口确认的结构", default=dict)
    confirmed_at = models.DateTimeField("闸口确认的时间", null=True)
    saved_at = models.DateTimeField("最近保存（业务时间）")
    saved_by = models.CharField("最近保存人", max_length=40)
    search = SearchVectorField("检索", null=True)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        verbose_name = "目录资源"
        verbose_name_plural = "目录资源"
        indexes = [
            GinIndex(fields=["search"], name="resource_search"),
            models.Index(fields=["zone", "state", "name"], name="resource_by_state"),
        ]

    def __str__(self) -> str:
        return self.name
