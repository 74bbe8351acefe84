"""Every row of a tenant carries its zone, and is reached only through `for_actor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor


class ZonedQuerySet(models.QuerySet[Any]):
    """`for_actor(actor)`: the rows of the zones the actor may see; narrow it further in a subclass."""

    def for_actor(self, actor: Actor) -> Self:
        return self.filter(zone_id__in=actor.zones)


class ZonedModel(models.Model):
    """Base of every tenant table."""

    zone = models.ForeignKey(
        "accounts.Zone", on_delete=models.PROTECT, related_name="+", verbose_name="专区", db_index=False
    )

    objects = ZonedQuerySet.as_manager()

    class Meta:
        abstract = True
