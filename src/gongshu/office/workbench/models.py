"""Tasks sent to the data domain, outputs as far as the office may know them, and what was released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gongshu.office.accounts.ids import new_id
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.cases.models import Case
from gongshu.office.scenarios.models import Grant, OfProjectQuerySet, Project

if TYPE_CHECKING:
    from gongshu.office.accounts.actors import Actor


def task_id() -> str:
    return new_id("k")


class Task(ZonedModel):
    """A run or a request for release. `body` is exactly what was published; `code` the fixed outcome."""

    KINDS = [
        ("run", "运行"),
        ("release", "申请出域"),
        ("build", "建设"),
        ("sample", "样例"),
        ("drop", "清除"),
    ]

    id = models.CharField("编号", max_length=24, primary_key=True, default=task_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="tasks")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="tasks")
    kind = models.CharField("种类", max_length=20, choices=KINDS)
    title = models.CharField("名称", max_length=200)
    body = models.JSONField("任务内容")
    reads = models.JSONField("读取的字段", default=dict)
    from_task = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="releases", verbose_name="来自哪次运行"
    )
    case = models.OneToOneField(Case, null=True, on_delete=models.PROTECT, related_name="release_task")
    asked_by = models.CharField("提交人", max_length=40)
    asked_at = models.DateTimeField("提交时间（业务时间）")
    wall_at = models.DateTimeField("提交时间（自然时间）")
    code = models.CharField("结果代码", max_length=20, blank=True)
    ended_at = models.DateTimeField("结束时间（自然时间）", null=True)

    objects = OfProjectQuerySet.as_manager()

    class Meta:
        verbose_name = "任务"
        indexes = [
            models.Index(fields=["project", "-wall_at"], name="task_of_project"),
            models.Index(fields=["zone", "-asked_at"], name="task_of_zone"),
        ]

    @property
    def waiting(self) -> bool:
        return not self.code

    def __str__(self) -> str:
        return self.title or self.pk


class OfTaskQuerySet(ZonedQuerySet):
    def for_actor(self, actor: Actor) -> Self:
        seen = Task.objects.for_actor(actor).filter(pk=OuterRef("task_id"))
        return self.filter(zone_id__in=actor.zones).filter(Exists(seen))


class Output(ZonedModel):
    """An unreleased output: its random name, the verdict, the ids of the checks; nothing of its content."""

    id = models.CharField("随机编号", max_length=80, primary_key=True)
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="output")
    verdict = models.CharField("攻击测试结论", max_length=20)
    checks = models.JSONField("涉及的检查", default=list)
    at = models.DateTimeField("自然时间")

    objects = OfTaskQuerySet.as_manager()

    class Meta:
        verbose_name = "输出"


class Review(ZonedModel):
    """A vote awaited or cast at the airlock; how it was cast the office does not learn.

    It may come before the verdict that says whose output it is, so it hangs on the output's name only;
    `noted` once the case has it.
    """

    output = models.CharField("输出的编号", max_length=80)
    organisation = models.CharField("机构", max_length=40)
    state = models.CharField("进度", max_length=20)
    result = models.CharField("结果", max_length=20, blank=True)
    message = models.CharField("消息", max_length=80, unique=True)
    noted = models.BooleanField("已登载", default=False)
    at = models.DateTimeField("自然时间")

    class Meta:
        verbose_name = "盲审进度"
        indexes = [models.Index(fields=["output"], name="review_of_output")]


class ReleaseQuerySet(OfTaskQuerySet):
    """Released files: those of the projects the actor takes part in."""


class Release(ZonedModel):
    """出域: what left, byte for byte, with its signed record. `files`: [{name, media, size, digest}]."""

    id = models.CharField("编号", max_length=80, primary_key=True)
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="release")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="released")
    product = models.CharField("产品编号", max_length=60, blank=True)
    title = models.CharField("名称", max_length=200)
    kind = models.CharField("形式", max_length=20)
    digest = models.CharField("摘要", max_length=80)
    record = models.JSONField("披露记录", default=dict)
    votes = models.JSONField("投票", default=list)
    sources = models.JSONField("来源快照", default=list)
    files = models.JSONField("文件", default=list)
    envelope = models.CharField("签名文件的摘要", max_length=80)
    day = models.DateField("出域日期")
    at = models.DateTimeField("自然时间")

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        verbose_name = "出域的成果"
        indexes = [
            models.Index(fields=["product", "-at"], name="release_of_product", condition=~Q(product="")),
            models.Index(fields=["zone", "-at"], name="release_of_zone"),
        ]

    def __str__(self) -> str:
        return self.title


class SampleAnswer(ZonedModel):
    """A provider's answer at the airlock about a sample the office has not seen yet."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="sample_answers")
    sample = models.CharField("样例的编号", max_length=80)
    digest = models.CharField("加盐的摘要", max_length=80)
    organisation = models.CharField("机构", max_length=40)
    answer = models.CharField("答复", max_length=20)
    at = models.DateTimeField("自然时间")

    class Meta:
        verbose_name = "样例的答复"
        constraints = [models.UniqueConstraint(fields=["sample", "organisation"], name="sample_answer_once")]


class Sample(ZonedModel):
    """A masked sample every provider confirmed.

    `files`: [{name, table, media, rows, size, digest, columns}].
    """

    id = models.CharField("编号", max_length=80, primary_key=True)
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="sample")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="samples")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="samples")
    digest = models.CharField("确认过的摘要", max_length=80)
    files = models.JSONField("文件", default=list)
    record = models.JSONField("说明", default=dict)
    envelope = models.CharField("签名文件的摘要", max_length=80)
    at = models.DateTimeField("自然时间")

    objects = OfProjectQuerySet.as_manager()

    class Meta:
        verbose_name = "样例"
        indexes = [models.Index(fields=["project", "-at"], name="sample_of_project")]
