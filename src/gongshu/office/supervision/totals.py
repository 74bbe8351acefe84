"""Totals that must agree: a table of checks, each two numbers counted in two places that must be one.

Later apps add theirs with `register` (settlement: calls against the counts of bills).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Count, Max, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.link import proofs
from gongshu.office.link.evidence import SOURCE
from gongshu.office.link.feed import RAW_TASKS
from gongshu.office.link.models import FeedItem, InboxMessage, JournalLine, OutboxEntry
from gongshu.office.settlement import queries as settlement
from gongshu.office.workbench.models import Release, Task


@dataclass(frozen=True)
class Line:
    """One comparison. `left`, `right`: the two numbers; `how`: what each counts; `next`: what to do when
    they differ."""

    id: str
    title: str
    left_title: str
    left: int
    right_title: str
    right: int
    how: str
    next: str
    whole: bool = False

    @property
    def difference(self) -> int:
        return self.left - self.right

    @property
    def agrees(self) -> bool:
        return self.left == self.right


Check = Callable[[str], Sequence[Line]]
CHECKS: list[Check] = []


def register(check: Check) -> Check:
    """Add a check: zone → lines. Registering the same twice changes nothing."""
    if check not in CHECKS:
        CHECKS.append(check)
    return check


def lines(zone: str) -> list[Line]:
    """Every line of a zone, in the order registered."""
    return [line for check in CHECKS for line in check(zone)]


def entries(zone: str) -> Any:
    """The office's lines of evidence about a zone."""
    return OutboxEntry.objects.filter(fields__zone=zone)


def journal(source: str, zone: str) -> Any:
    """The lines of another domain's journal about a zone."""
    return JournalLine.objects.filter(source=source, fields__zone=zone)


WAIT = (
    "刚写下的几秒钟后就会进日志，请先刷新；"
    "仍有差额的，请审计管理员导出全部日志，用 gongshu-verify 找出缺在哪一号。"
)


@register
def log_against_journals(_zone: str) -> list[Line]:
    """Each source's last number against how many of its lines lie in the log, one for all zones."""
    numbered = OutboxEntry.objects.aggregate(
        last=Max("number"), kept=Count("pk", filter=Q(index__isnull=False)), all=Count("pk")
    )
    found = [_source(SOURCE, "办公域", numbered["all"], numbered["kept"])]
    others = JournalLine.objects.values("source").annotate(
        last=Max("number"), kept=Count("pk", filter=Q(index__gte=0)), refused=Count("pk", filter=Q(index=-1))
    )
    kept = numbered["kept"]
    for row in others.order_by("source"):
        found.append(
            _source(row["source"], TITLES.get(row["source"], row["source"]), row["last"], row["kept"])
        )
        kept += row["kept"]
    found.append(
        Line(
            "log.size",
            "检查点与日志",
            "检查点签署的条数",
            proofs.covered(),
            "各来源在日志里的条数之和",
            kept,
            "左边读最新的签名检查点；右边把各来源已经有日志位置的流水相加。日志是全站一份，不分专区。",
            WAIT,
            whole=True,
        )
    )
    return found


TITLES = {"enclave": "计算进程", "airlock": "闸口", "gateway": "网关", "domain": "数据域", SOURCE: "办公域"}


def _source(source: str, title: str, written: int, kept: int) -> Line:
    return Line(
        f"log.{source}",
        f"存证流水：{title}",
        "流水写到第几号",
        written or 0,
        "在日志里的条数",
        kept,
        f"左边是来源“{source}”的流水写下的条数（编号从一连续），右边是其中已经排进日志、有位置的条数。",
        WAIT,
        whole=True,
    )


@register
def cases_against_evidence(zone: str) -> list[Line]:
    found = entries(zone)
    decided = found.filter(fields__digests__has_key="decision").exclude(fields__act="cases.refuse")
    step = "案件和存证在同一事务里写，差额说明有人绕过服务改了库：请停用有关账号，从备份核对。"
    return [
        Line(
            "cases.opened",
            "案件与立案存证",
            "案件",
            Case.objects.filter(zone_id=zone).count(),
            "立案的存证条目",
            found.filter(fields__act__startswith="cases.open.").count(),
            "左边数案件，右边数行为是立案的存证条目。",
            step,
        ),
        Line(
            "cases.events",
            "办理记录与存证",
            "办理记录",
            CaseEvent.objects.filter(zone_id=zone).count(),
            "准许的决定的存证条目",
            decided.count(),
            "左边数案件里办过的每一步，右边数带有决定摘要、不是拒绝的存证条目。",
            step,
        ),
    ]


@register
def releases_against_messages(zone: str) -> list[Line]:
    arrived = InboxMessage.objects.filter(kind="release", envelope__zone=zone)
    kept = Release.objects.filter(zone_id=zone).count()
    step = "看收件箱里没有办成的出域消息和它的原因；数据域没有送来过的，请数据域核对它的出域历史。"
    return [
        Line(
            "releases.inbox",
            "出域消息与登载的成果",
            "数据域签名送来的出域消息",
            arrived.count(),
            "登载的出域成果",
            kept,
            "左边数收件箱里种类是出域的消息，右边数出域成果。",
            step,
        ),
        Line(
            "releases.journal",
            "数据域的存证与登载的成果",
            "计算进程流水里的出域",
            journal("enclave", zone).filter(fields__act="release.left").count(),
            "登载的出域成果",
            kept,
            "左边数计算进程自己流水里行为是出域的条目，右边数出域成果；两边由两个域各自写下。",
            step,
        ),
    ]


@register
def runs_against_feed(zone: str) -> list[Line]:
    published = FeedItem.objects.filter(kind="task", zone=zone, envelope__body__kind__in=RAW_TASKS).count()
    # 计算进程的流水把查询和建设记作运行，样例不在其中
    ended = Task.objects.filter(zone_id=zone, kind__in=("run", "build")).exclude(code="").count()
    return [
        Line(
            "runs.public",
            "运行与运行公示",
            "工作台的运行",
            Task.objects.filter(zone_id=zone, kind__in=RAW_TASKS).count(),
            "运行公示的运行",
            published,
            "左边数工作台里要读原始数据的任务，右边数通知流上发布的、运行公示逐次列出的任务。",
            "运行公示只读通知流。左边少，说明有人绕过工作台发了任务，请立即停止有关项目；左边多，说明任务没有发出。",
        ),
        Line(
            "runs.journal",
            "运行结果与数据域的存证",
            "已有结果的运行",
            ended,
            "计算进程流水里的运行",
            journal("enclave", zone).filter(fields__act__startswith="run.").count(),
            "左边数已经收到结果代码的运行，右边数计算进程自己流水里的运行。",
            "结果和流水分两条消息送来，请先刷新；仍有差额的，请数据域核对它的流水。",
        ),
    ]


@register
def calls_against_journal(zone: str) -> list[Line]:
    count = KeyTextTransform("count", KeyTextTransform("numbers", "fields"))
    proved = journal("gateway", zone).filter(fields__act="calls.batch")
    logged = proved.aggregate(sum=Sum(Cast(count, BigIntegerField())))["sum"] or 0
    return [
        Line(
            "calls.journal",
            "调用批次与网关的存证",
            "批次报来的次数",
            settlement.reported(zone),
            "网关流水里的次数",
            int(logged),
            "左边把网关报来的调用批次的次数相加，一批报来几次也只数一次；右边把网关存证流水里每批的次数相加。",
            "批次和流水分两条消息送来，请先刷新；仍有差额的，不要据此结算，请网关核对它的账本。",
        )
    ]


@register
def stops_against_evidence(zone: str) -> list[Line]:
    stopped = Q(fields__act="stop.issued") | Q(fields__act__endswith=".stop")
    return [
        Line(
            "stops.evidence",
            "停止与存证",
            "通知流上的停止",
            FeedItem.objects.filter(kind="stop", zone=zone).count(),
            "停止的存证条目",
            entries(zone).filter(stopped).count(),
            "左边数办公域发布的停止，右边数行为是停止的存证条目。",
            "停止和存证在同一事务里写，差额说明有人绕过服务改了库：请从备份核对。",
        )
    ]
