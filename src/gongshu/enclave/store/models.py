"""Database B: what the data domain knows by itself. Enclave and airlock meet here; the office never does."""

from __future__ import annotations

from django.db import models

from gongshu.enclave.store.line import Account, ClockOffset, FeedItem, FeedState, JournalEntry, Outgoing

__all__ = [
    "Account",
    "Ceiling",
    "ClockOffset",
    "Confirmation",
    "FeedItem",
    "FeedState",
    "Grant",
    "Intake",
    "JournalEntry",
    "LiveVersion",
    "Outgoing",
    "Output",
    "ProductOfGrant",
    "ProjectTable",
    "Release",
    "Sample",
    "Served",
    "Snapshot",
    "Stop",
    "Task",
    "Vote",
]


class Intake(models.Model):
    """A file a provider handed in at the airlock, what was recognised, and what became of it."""

    STATES = [
        ("received", "已接收"),
        ("read", "已识别，待确认"),
        ("confirmed", "已入库"),
        ("refused", "已退回"),
        ("failed", "无法识别"),
    ]
    id = models.CharField(max_length=40, primary_key=True)
    zone = models.CharField(max_length=20)
    organisation = models.CharField(max_length=80)
    person = models.CharField(max_length=80)
    resource = models.CharField(max_length=80, help_text="办公域目录中的资源编号")
    title = models.CharField(max_length=200)
    table = models.CharField(max_length=63, help_text="查询中使用的表名")
    filename = models.CharField(max_length=200)
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=80, default="")
    size = models.BigIntegerField(default=0)
    state = models.CharField(max_length=20, choices=STATES, default="received")
    proposal = models.JSONField(default=dict)
    snapshot = models.CharField(max_length=80, default="")
    sentence = models.CharField(max_length=400, default="")
    received = models.DateTimeField()
    decided = models.DateTimeField(null=True)


class Snapshot(models.Model):
    """A snapshot in the vault. Owner, types, grades and subject are read from its manifest, not from here;
    the row says where it is and which one is newest."""

    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    resource = models.CharField(max_length=80)
    organisation = models.CharField(max_length=80)
    table = models.CharField(max_length=63)
    rows = models.BigIntegerField()
    made = models.DateTimeField()
    deleted = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["resource", "-made"], name="snapshot_newest")]


class Grant(models.Model):
    """A grant the office signed; it opens nothing before each provider confirmed it here."""

    STATES = [
        ("awaiting", "待提供单位确认"),
        ("live", "有效"),
        ("refused", "提供单位不同意"),
        ("invalid", "不合规，未采纳"),
        ("stopped", "已停止"),
    ]
    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    project = models.CharField(max_length=80)
    body = models.JSONField()
    digest = models.CharField(max_length=80)
    state = models.CharField(max_length=20, choices=STATES, default="awaiting")
    sentence = models.CharField(max_length=400, default="")
    received = models.DateTimeField()


class Ceiling(models.Model):
    """The most a product may ever answer, confirmed by the provider at the airlock."""

    STATES = [
        ("awaiting", "待提供单位确认"),
        ("live", "有效"),
        ("refused", "不同意"),
        ("withdrawn", "已撤回"),
    ]
    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    product = models.CharField(max_length=80)
    body = models.JSONField()
    digest = models.CharField(max_length=80)
    state = models.CharField(max_length=20, choices=STATES, default="awaiting")
    sentence = models.CharField(max_length=400, default="")
    received = models.DateTimeField()


class Lift(models.Model):
    """解除熔断: the office asks that a contract go on after the trip named. `body`: the message to be signed;
    `asked`: what the office says beside it (why, when the gateway tripped, after how many tries)."""

    STATES = [
        ("awaiting", "待提供单位确认"),
        ("live", "已同意解除"),
        ("refused", "不同意"),
    ]
    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    product = models.CharField(max_length=80)
    body = models.JSONField()
    asked = models.JSONField(default=dict)
    digest = models.CharField(max_length=80)
    state = models.CharField(max_length=20, choices=STATES, default="awaiting")
    sentence = models.CharField(max_length=400, default="")
    received = models.DateTimeField()


class Confirmation(models.Model):
    """A provider's answer over the digest of a grant, ceiling or lift, by a named person at the airlock."""

    subject = models.CharField(max_length=80, help_text="授权、上限或解除熔断的编号")
    digest = models.CharField(max_length=80)
    organisation = models.CharField(max_length=80)
    person = models.CharField(max_length=80)
    answer = models.CharField(max_length=20, choices=[("confirmed", "确认"), ("refused", "不同意")])
    envelope = models.JSONField(help_text="闸口签署的信封")
    given = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "digest", "organisation"], name="confirmation_once")
        ]


class Task(models.Model):
    """Work inside a live grant. `outcome` is one of the fixed codes and tells nothing else."""

    STATES = [("waiting", "排队"), ("running", "运行中"), ("ended", "已结束")]
    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    grant = models.CharField(max_length=80)
    project = models.CharField(max_length=80, default="")
    body = models.JSONField()
    state = models.CharField(max_length=20, choices=STATES, default="waiting")
    outcome = models.CharField(max_length=20, default="")
    detail = models.TextField(default="", help_text="只在闸口可见")
    sources = models.JSONField(default=list, help_text="为它取出过的快照；输出和报错里可能有这些快照的值")
    received = models.DateTimeField()
    started = models.DateTimeField(null=True)
    reached = models.DateTimeField(null=True, help_text="申请出域时对着原始数据检验的时间，计入当天次数")
    ended = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["received"], name="task_waiting", condition=models.Q(state="waiting")),
            models.Index(fields=["project", "started"], name="task_runs_a_day"),
        ]


class Output(models.Model):
    """What a run made, still inside. Named by a random id; digests and salts stay here until release."""

    STATES = [
        ("kept", "未申请出域"),
        ("attacking", "检验中"),
        ("blocked", "不予出域"),
        ("reviewing", "待审核"),
        ("released", "已出域"),
        ("refused", "审核不同意"),
        ("stopped", "已停止"),
    ]
    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="outputs")
    grant = models.CharField(max_length=80)
    product = models.CharField(max_length=80, default="")
    name = models.CharField(max_length=120)
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=80)
    sources = models.JSONField(default=list, help_text="所用快照")
    sql = models.TextField(default="")
    spec = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=STATES, default="kept")
    verdict = models.CharField(max_length=20, default="")
    findings = models.JSONField(default=list)
    findings_digest = models.CharField(max_length=80, default="")
    findings_salt = models.CharField(max_length=64, default="")
    replay = models.JSONField(default=list, help_text="攻击回放，只在闸口可见")
    made = models.DateTimeField()


class Sample(models.Model):
    """A masked sample of a grant's tables: kept here until every provider confirmed its digest.

    `files`: [{name, table, media, rows, size, digest, columns}]; `measures`: usefulness and risk beside
    the raw marginals, for the airlock only; `digest`: salted, over id and files.
    """

    STATES = [
        ("awaiting", "待提供单位确认"),
        ("agreed", "已确认，待送出"),
        ("sent", "已提供给开发人员"),
        ("refused", "提供单位不同意"),
        ("blocked", "检查未通过，不予提供"),
        ("stopped", "已停止"),
    ]
    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="sample")
    grant = models.CharField(max_length=80)
    project = models.CharField(max_length=80)
    path = models.CharField(max_length=400)
    files = models.JSONField(default=list)
    snapshots = models.JSONField(default=list, help_text="所用快照")
    salt = models.CharField(max_length=64)
    digest = models.CharField(max_length=80)
    measures = models.JSONField(default=dict, help_text="有用程度和风险，只在闸口可见")
    state = models.CharField(max_length=20, choices=STATES, default="awaiting")
    sentence = models.CharField(max_length=400, default="")
    made = models.DateTimeField()
    decided = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["grant", "-made"], name="sample_of_grant")]


class ProjectTable(models.Model):
    """A table or model a project made in `build` mode. It never leaves as it is; grades and subject are read
    from its manifest in the project's own vault, this row says where it came from.

    `columns`: name → {type, grade}; `origin`: [[resource, raw column]] that the pseudonyms of `subject` stand
    for; `sources`: resource → snapshot; `parents`: ids it was made of; `held_back`: a program saw all
    but the subjects held back, so that what it remembers can be tested; `for_output`: computed again by the
    enclave for the answers of this output, and none of the project's own names.
    """

    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20)
    project = models.CharField(max_length=80)
    grant = models.CharField(max_length=80)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="tables")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=[("table", "表"), ("model", "模型")])
    columns = models.JSONField(default=dict)
    subject = models.CharField(max_length=120, default="")
    origin = models.JSONField(default=list)
    sources = models.JSONField(default=dict)
    parents = models.JSONField(default=list)
    rows = models.BigIntegerField(default=0)
    held_back = models.BooleanField(default=False)
    for_output = models.CharField(max_length=80, default="", blank=True)
    made = models.DateTimeField()
    dropped = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["zone", "project", "name", "-made"], name="project_table_newest")]


class Served(models.Model):
    """A version of answers the gateway may be given: what was reviewed, and what it was made of.

    `sources`: resource → snapshot; `number`: rises with every version of the product.
    """

    zone = models.CharField(max_length=20)
    product = models.CharField(max_length=80)
    version = models.CharField(max_length=80)
    number = models.BigIntegerField()
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="served")
    table = models.CharField(max_length=80)
    sources = models.JSONField(default=dict)
    rows = models.BigIntegerField()
    ceiling = models.CharField(max_length=80, help_text="依据的上限的摘要")
    written = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["zone", "product", "number"], name="served_number_once"),
            models.UniqueConstraint(fields=["zone", "product", "version"], name="served_version_once"),
        ]


class LiveVersion(models.Model):
    """The version a provider chose at the airlock; '' answers from none. Without a row: the newest."""

    zone = models.CharField(max_length=20)
    product = models.CharField(max_length=80)
    version = models.CharField(max_length=80, blank=True)
    person = models.CharField(max_length=80)
    chosen = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "product"], name="live_version_once")]


class ProductOfGrant(models.Model):
    """Whose product it is: the grant under which it was first released or given a ceiling."""

    zone = models.CharField(max_length=20)
    product = models.CharField(max_length=80)
    grant = models.CharField(max_length=80)
    bound = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "product"], name="product_of_one_grant")]


class Vote(models.Model):
    """One reviewer's signed vote over output and findings, blind until both have voted."""

    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="votes")
    person = models.CharField(max_length=80)
    organisation = models.CharField(max_length=80)
    answer = models.CharField(max_length=20, choices=[("confirmed", "同意出域"), ("refused", "不同意")])
    reason = models.TextField(default="", help_text="只在闸口可见")
    envelope = models.JSONField()
    cast = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["output", "person"], name="vote_once")]


class Release(models.Model):
    """What left: the enclave's own history, against which later outputs are attacked."""

    id = models.CharField(max_length=80, primary_key=True)
    output = models.OneToOneField(Output, on_delete=models.PROTECT, related_name="release")
    digest = models.CharField(max_length=80)
    record = models.JSONField()
    path = models.CharField(max_length=400)
    released = models.DateTimeField()


class Stop(models.Model):
    """A stop from the office or made here. Nobody can refuse one."""

    id = models.CharField(max_length=80, primary_key=True)
    zone = models.CharField(max_length=20, default="", help_text="空：全部区域")
    scope = models.CharField(max_length=20)
    target = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, default="")
    origin = models.CharField(max_length=20, choices=[("feed", "办公域"), ("airlock", "闸口")])
    person = models.CharField(max_length=80, default="")
    made = models.DateTimeField()
    effective = models.DateTimeField(null=True)
