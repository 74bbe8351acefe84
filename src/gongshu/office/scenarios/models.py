"""A scenario, a data request, a project, its grants with their answers, and stops."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor


def scenario_id() -> str:
    return new_id("s")


def request_id() -> str:
    return new_id("q")


def project_id() -> str:
    return new_id("j")


def grant_id() -> str:
    return new_id("g")


def stop_id() -> str:
    return new_id("x")


class Draft(models.Model):
    """What a form holds: `typed` as typed, even where wrong; every save raises `version`."""

    typed = models.JSONField("填写的内容", default=dict)
    version = models.PositiveIntegerField("保存次数", default=0)
    saved_at = models.DateTimeField("保存时间", null=True)
    saved_by = models.CharField("保存人", max_length=40, blank=True)

    class Meta:
        abstract = True


class ScenarioQuerySet(ZonedQuerySet):
    """Scenarios of the cases the actor may see, and all that are published."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        seen = Q(published__isnull=False) | Exists(cases)
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Scenario(Draft, ZonedModel):
    """应用场景: reviewed here in a case, or recorded (建档) from a list published elsewhere.

    `source` says where a recorded one comes from: {title, number, day, digest, line}; `public` are the
    lines that are published, [[title, text], …], fixed on the day of publication.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=scenario_id, editable=False)
    case = models.OneToOneField(Case, null=True, on_delete=models.PROTECT, related_name="scenario")
    name = models.CharField("场景名称", max_length=200, blank=True)
    domain = models.CharField("领域", max_length=100, blank=True)
    direction = models.CharField("方向", max_length=20, blank=True)
    source = models.JSONField("建档来源", null=True)
    recorded_by_authority = models.BooleanField("由数据管理部门建档", default=False)
    published = models.DateField("发布日期", null=True)
    public = models.JSONField("发布的内容", default=list)

    objects = ScenarioQuerySet.as_manager()

    class Meta:
        verbose_name = "应用场景"
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "name"], condition=Q(source__isnull=False), name="recorded_scenario_once"
            )
        ]
        indexes = [models.Index(fields=["zone", "-published"], name="scenario_published")]

    def __str__(self) -> str:
        return self.name or "未命名的应用场景"


class RequestQuerySet(ZonedQuerySet):
    """Requests are seen by whoever sees their case."""

    def for_actor(self, actor: Actor) -> Self:
        cases = Case.objects.for_actor(actor).filter(pk=OuterRef("case_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(cases))


class DataRequest(Draft, ZonedModel):
    """数据申请: fields of one resource for one scenario, with the necessity of each.

    `granted` are the fields the provider agreed to; `decisions` what was decided on each and why.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=request_id, editable=False)
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="data_request")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="requests")
    resource = models.CharField("数据资源编号", max_length=60)
    resource_title = models.CharField("数据资源", max_length=200)
    provider = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    granted = models.JSONField("同意的字段", default=list)
    decisions = models.JSONField("逐字段的决定", default=list)

    objects = RequestQuerySet.as_manager()

    class Meta:
        verbose_name = "数据申请"
        indexes = [models.Index(fields=["zone", "resource"], name="request_of_resource")]

    def __str__(self) -> str:
        return f"{self.resource_title}（{self.case.number}）"


class ProjectQuerySet(ZonedQuerySet):
    """Projects: officers those of their zones, others those their organisation takes part in."""

    def for_actor(self, actor: Actor) -> Self:
        own = Membership.objects.filter(
            project=OuterRef("pk"), organisation_id__in=sorted(actor.organisations)
        )
        seen = Q(zone_id__in=sorted(actor.officer_zones())) | Exists(own)
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Project(ZonedModel):
    """项目: approved requests of one scenario put to work by named developers."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=project_id, editable=False)
    name = models.CharField("项目名称", max_length=200)
    purpose = models.CharField("用途", max_length=2000)
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="projects")
    requests = models.ManyToManyField(DataRequest, related_name="projects")
    operator = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    opened_by = models.CharField("建立人", max_length=40)
    opened_at = models.DateTimeField("建立时间")

    objects = ProjectQuerySet.as_manager()

    class Meta:
        verbose_name = "项目"
        indexes = [models.Index(fields=["zone", "-opened_at"], name="project_by_opening")]

    def __str__(self) -> str:
        return self.name


class Membership(ZonedModel):
    """An organisation takes part in a project: operator, developer, provider or reviewer."""

    ROLES = [
        ("operator", "运营机构"),
        ("developer", "开发机构"),
        ("provider", "提供单位"),
        ("reviewer", "审核机构"),
    ]

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    role = models.CharField("身份", max_length=20, choices=ROLES)

    class Meta:
        verbose_name = "参与机构"
        constraints = [
            models.UniqueConstraint(fields=["project", "organisation", "role"], name="membership_once")
        ]
        indexes = [models.Index(fields=["organisation", "project"], name="membership_of")]


class OfProjectQuerySet(ZonedQuerySet):
    """Rows that are seen by whoever sees their project."""

    def for_actor(self, actor: Actor) -> Self:
        seen = Project.objects.for_actor(actor).filter(pk=OuterRef("project_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(seen))


class Grant(ZonedModel):
    """数据授权: what an enclave may read, exactly as published; its second key is the airlock's.

    `state` changes only by signed messages of the data domain and by stops; whether its days have run out
    is computed (`state_on`).
    """

    STATES = [
        ("awaiting", "等待提供单位在闸口确认"),
        ("live", "已生效"),
        ("refused", "未获确认"),
        ("stopped", "已停止"),
        ("expired", "已到期"),
    ]

    id = models.CharField("编号", max_length=24, primary_key=True, default=grant_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="grants")
    body = models.JSONField("授权内容")
    digest = models.CharField("摘要", max_length=80)
    state = models.CharField("状态", max_length=20, choices=STATES, default="awaiting")
    sentence = models.CharField("说明", max_length=400, blank=True)
    feed = models.BigIntegerField("通知流编号")
    issued_at = models.DateTimeField("发出时间")
    settled_at = models.DateTimeField("确认或拒绝的时间", null=True)

    objects = OfProjectQuerySet.as_manager()

    class Meta:
        verbose_name = "数据授权"
        indexes = [models.Index(fields=["zone", "state"], name="grant_by_state")]

    @property
    def owners(self) -> list[str]:
        """The providers whose confirmation is needed."""
        return sorted({str(table["owner"]) for table in self.body["tables"].values()})

    def state_on(self, today: date) -> str:
        """The state on a business day: a live or awaited grant expires after its last day."""
        if self.state in ("awaiting", "live") and today > date.fromisoformat(self.body["until"]):
            return "expired"
        return self.state

    def __str__(self) -> str:
        return self.pk


class OfGrantQuerySet(ZonedQuerySet):
    def for_actor(self, actor: Actor) -> Self:
        seen = Grant.objects.for_actor(actor).filter(pk=OuterRef("grant_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(seen))


class GrantAnswer(ZonedModel):
    """What a provider (or the data domain itself, `data-domain`) answered to a grant at the airlock."""

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="answers")
    organisation = models.CharField("单位", max_length=40)
    person = models.CharField("办理人", max_length=40)
    answer = models.CharField("答复", max_length=20)
    sentence = models.CharField("说明", max_length=400, blank=True)
    at = models.DateTimeField("自然时间")

    objects = OfGrantQuerySet.as_manager()

    class Meta:
        verbose_name = "闸口的答复"
        constraints = [models.UniqueConstraint(fields=["grant", "organisation"], name="grant_answer_once")]


class Stop(ZonedModel):
    """停止: never refused by anyone; `effects` are the moments (wall time) each domain says it acted."""

    id = models.CharField("编号", max_length=80, primary_key=True, default=stop_id)
    scope = models.CharField("范围", max_length=20)
    target = models.CharField("对象", max_length=80, blank=True)
    reason = models.CharField("理由", max_length=400, blank=True)
    origin = models.CharField("从哪里发出", max_length=20, default="office")
    made_by = models.CharField("发出人", max_length=40, blank=True)
    made_at = models.DateTimeField("发出时间")
    effects = models.JSONField("生效", default=list)

    class Meta:
        verbose_name = "停止"
        indexes = [models.Index(fields=["scope", "target"], name="stop_of")]

    @property
    def first_effect(self) -> dict[str, Any] | None:
        return self.effects[0] if self.effects else None
