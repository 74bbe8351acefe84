"""A case, its history, what it waits for, its deadlines, decisions, materials and notices.

`CaseEvent` is the truth; state, deadlines and what a case waits for are kept beside it so that lists are
fast, and can be rebuilt from the events at any time (`services.rebuild`).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.link.models import OutboxEntry

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor

NEVER = date(9999, 12, 31)  # 没有期限的排在最后


def case_id() -> str:
    return new_id("c")


def decision_id() -> str:
    return new_id("d")


def deadline_id() -> str:
    return new_id("t")


def material_id() -> str:
    return new_id("m")


def notice_id() -> str:
    return new_id("n")


class PackText(models.Model):
    """The text of every rule-pack version a case began under, content-addressed."""

    digest = models.CharField("摘要", max_length=80, primary_key=True)
    zone = models.CharField("专区", max_length=20)
    texts = models.BinaryField("规则包文本（zlib 压缩的 JSON）")
    stored_at = models.DateTimeField("存入时间")

    class Meta:
        verbose_name = "规则包文本"


class CaseNumber(models.Model):
    """The last case number of a zone and year; the row is locked while one is drawn."""

    zone = models.CharField(max_length=20)
    year = models.PositiveIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "year"], name="case_number_row")]


class CaseQuerySet(ZonedQuerySet):
    """Cases an actor may see: officers those of their zones, others those of their organisations."""

    def for_actor(self, actor: Actor) -> Self:
        mine = CaseParty.objects.filter(case=OuterRef("pk"), organisation_id__in=actor.organisations)
        # 代别家立的案只看委托书还在不在，不因为是自己立的就一直看得到
        begun = Q(opened_by=actor.person, organisation=None)
        own = Q(organisation_id__in=actor.organisations) | begun | Exists(mine)
        seen: Any = Q(zone_id__in=actor.officer_zones()) | own
        for zone, mandate in actor.agencies():
            seen |= Q(zone_id=zone, organisation_id=mandate.principal) & mandate.within("procedure")
        return self.filter(zone_id__in=actor.zones).filter(seen)


class Case(ZonedModel):
    """One running of one procedure about one subject."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=case_id, editable=False)
    number = models.CharField("案号", max_length=40, unique=True)
    procedure = models.CharField("程序", max_length=60)
    title = models.CharField("事项", max_length=200)
    subject_kind = models.CharField("对象种类", max_length=40, blank=True)
    subject = models.CharField("对象编号", max_length=60, blank=True)
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="申请机构"
    )
    pack_digest = models.CharField("规则包摘要", max_length=80)
    law_day = models.DateField("适用规则的日期")
    opened_by = models.CharField("发起人", max_length=40)
    opened_at = models.DateTimeField("发起时间（业务时间）")
    state = models.CharField("状态", max_length=40)
    procedure_title = models.CharField("程序名称", max_length=60)
    state_title = models.CharField("状态名称", max_length=60)
    since = models.DateTimeField("进入状态的时间（业务时间）")
    closed = models.BooleanField("已办结", default=False)
    due = models.DateField("最近的期限", default=NEVER)
    tick_day = models.DateField("下次检查时限的日期", default=NEVER)

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = "案件"
        verbose_name_plural = "案件"
        indexes = [
            models.Index(fields=["zone", "procedure", "state"], name="case_by_state"),
            models.Index(fields=["zone", "-opened_at", "id"], name="case_by_opening"),
            models.Index(fields=["organisation", "-opened_at", "id"], name="case_by_organisation"),
            models.Index(fields=["subject", "procedure"], name="case_by_subject"),
            models.Index(fields=["tick_day"], name="case_to_tick", condition=Q(closed=False)),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class CaseParty(ZonedModel):
    """An organisation that has a role in one case (the registrant, the provider of the data, …)."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="parties")
    role = models.CharField("角色", max_length=40)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "当事机构"
        constraints = [models.UniqueConstraint(fields=["case", "role", "organisation"], name="party_once")]
        indexes = [models.Index(fields=["organisation", "case"], name="party_by_organisation")]


class Waiting(ZonedModel):
    """Whom a case waits for: a row a role, and an organisation where the role is a party's."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="waiting")
    role = models.CharField("角色", max_length=40)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    procedure = models.CharField("程序", max_length=60)
    due = models.DateField("期限", default=NEVER)
    article = models.CharField("依据", max_length=200, blank=True)
    deadline = models.CharField("期限编号", max_length=24, blank=True)
    provisional = models.BooleanField("暂定", default=False)
    period = models.BooleanField(
        "等期间届满", default=False, help_text="期限是要等它届满的期间，没有人会超期"
    )

    class Meta:
        verbose_name = "待办"
        indexes = [
            models.Index(
                fields=["zone", "role", "due", "case"], name="waiting_of_role", condition=Q(organisation=None)
            ),
            models.Index(
                fields=["organisation", "role", "due", "case"],
                name="waiting_of_organisation",
                condition=~Q(organisation=None),
            ),
        ]


class Decision(ZonedModel):
    """What the law answered to one act: allowed or refused, with facts, checks and articles.

    `actor`, `role`: who asked; `salt` opens the digest in the evidence entry. Refusals are kept too.
    """

    id = models.CharField("编号", max_length=24, primary_key=True, default=decision_id, editable=False)
    case = models.ForeignKey(Case, null=True, on_delete=models.CASCADE, related_name="decisions")
    procedure = models.CharField("程序", max_length=60, blank=True)
    act = models.CharField("动作", max_length=80)
    state = models.CharField("当时的状态", max_length=40, blank=True)
    allowed = models.BooleanField("准许")
    code = models.CharField("代码", max_length=80)
    sentence = models.TextField("结论")
    articles = models.JSONField("条款", default=list)
    facts = models.JSONField("事实", default=dict)
    checks = models.JSONField("逐项检查", default=list)
    readings = models.JSONField("读法", default=dict)
    pack_digest = models.CharField("规则包摘要", max_length=80, blank=True)
    actor = models.CharField("办理人", max_length=40)
    role = models.CharField("角色", max_length=40, blank=True)
    at = models.DateTimeField("业务时间")
    wall_at = models.DateTimeField("自然时间")
    digest = models.CharField("摘要", max_length=80, blank=True)
    salt = models.CharField("盐", max_length=64, blank=True)
    entry = models.ForeignKey(OutboxEntry, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "决定"
        indexes = [models.Index(fields=["case", "at"], name="decision_of_case")]


class CaseEvent(ZonedModel):
    """One act done in a case; the history the engine folds."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField("序号")
    act = models.CharField("动作", max_length=40)
    actor = models.CharField("办理人", max_length=40)
    organisation = models.CharField("办理机构", max_length=40, blank=True)
    role = models.CharField("角色", max_length=40)
    data = models.JSONField("记录的内容", default=dict)
    state = models.CharField("之后的状态", max_length=40)
    at = models.DateTimeField("业务时间")
    wall_at = models.DateTimeField("自然时间")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="event")
    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "办理记录"
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="event_number_once")]


class Deadline(ZonedModel):
    """One running of one statutory clock in a case; whether it is overdue is computed, never stored."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=deadline_id, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="deadlines")
    ledger = models.CharField("时限", max_length=60)
    clock = models.CharField("时钟", max_length=60)
    title = models.CharField("名称", max_length=120)
    owes = models.JSONField("应办理的角色", default=list)
    started = models.DateField("起算事件日")
    due = models.DateField("期限日", null=True)
    kind = models.CharField("类型", max_length=20)
    unit = models.CharField("单位", max_length=20, blank=True)
    direction = models.CharField("方向", max_length=10, default="after")
    provisional = models.BooleanField("暂定", default=False)
    text_status = models.CharField("文本状态", max_length=30, blank=True)
    met = models.DateField("办结日", null=True)
    paused = models.DateField("中止计时的日期", null=True)
    late = models.BooleanField("办结时已超期", default=False)
    fact = models.JSONField("计算过程", default=dict)

    class Meta:
        verbose_name = "期限"
        constraints = [models.UniqueConstraint(fields=["case", "ledger", "started"], name="deadline_once")]
        indexes = [models.Index(fields=["due"], name="deadline_open", condition=Q(met=None))]

    @property
    def can_be_overdue(self) -> bool:
        return self.kind in ("deadline", "date") and self.direction == "after" and bool(self.owes)


class Material(ZonedModel):
    """A file handed in, stored under its digest; the same bytes are stored once."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=material_id, editable=False)
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="materials")
    organisation = models.CharField("交存机构", max_length=40, blank=True)
    act = models.CharField("随哪一步", max_length=40, blank=True)
    field = models.CharField("材料项", max_length=60, blank=True)
    digest = models.CharField("SHA-256 摘要", max_length=80)
    name = models.CharField("文件名", max_length=200)
    media_type = models.CharField("类型", max_length=100)
    size = models.BigIntegerField("字节数")
    uploaded_by = models.CharField("上传人", max_length=40)
    at = models.DateTimeField("业务时间")
    wall_at = models.DateTimeField("自然时间")

    class Meta:
        verbose_name = "材料"
        indexes = [
            models.Index(fields=["case", "at"], name="material_of_case"),
            models.Index(fields=["digest"], name="material_digest"),
        ]


class NoticeQuerySet(ZonedQuerySet):
    """Notices to the actor: to a role held in the zone, to one of the organisations, or to the person."""

    def for_actor(self, actor: Actor) -> Self:
        reached = Q(person=actor.person)
        for zone, roles in sorted(actor.held.items()):
            to_role = Q(zone_id=zone, role__in=sorted(roles), person="")
            reached |= to_role & (Q(organisation="") | Q(organisation__in=sorted(actor.organisations)))
        return self.filter(zone_id__in=actor.zones).filter(reached)


class Notice(ZonedModel):
    """A sentence to those who must know; each `key` of a case is sent once."""

    id = models.CharField("编号", max_length=24, primary_key=True, default=notice_id, editable=False)
    case = models.ForeignKey(Case, null=True, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField("种类", max_length=40)
    key = models.CharField("一次性的键", max_length=160)
    role = models.CharField("收件角色", max_length=40, blank=True)
    organisation = models.CharField("收件机构", max_length=40, blank=True)
    person = models.CharField("收件人", max_length=40, blank=True)
    sentence = models.CharField("内容", max_length=400)
    why = models.CharField("为什么", max_length=24, blank=True)
    at = models.DateTimeField("业务时间")
    wall_at = models.DateTimeField("自然时间")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = "通知"
        constraints = [
            models.UniqueConstraint(
                fields=["case", "key", "role", "organisation", "person"], name="notice_once"
            )
        ]
        indexes = [
            models.Index(fields=["zone", "role", "-wall_at"], name="notice_to_role"),
            models.Index(fields=["person", "-wall_at"], name="notice_to_person", condition=~Q(person="")),
        ]


class NoticeSeen(models.Model):
    """A person has read a notice."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="seen")
    person = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "person"], name="notice_seen_once")]


def jsonable(value: Any) -> Any:
    """Facts as JSON can hold them: dates as ISO text, tuples as lists, objects by their fields."""
    from dataclasses import asdict, is_dataclass
    from decimal import Decimal

    if is_dataclass(value) and not isinstance(value, type):
        return jsonable(asdict(value))
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
