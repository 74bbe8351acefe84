"""Numbers about stops and how fast they acted, and about the witnesses of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.urls import reverse

from gongshu.office.link import trust
from gongshu.office.link.effects import SCOPES
from gongshu.office.link.models import Cosignature, FeedItem
from gongshu.office.link.witnesses import LATE
from gongshu.office.products.models import Agreement, Product, Trip
from gongshu.office.scenarios.models import Grant, Project, Stop
from gongshu.office.supervision.measures import Ask, Measure, Part, basis_of
from gongshu.ui.tables import Column, Filter
from gongshu.wire.errors import WireError
from gongshu.wire.times import instant

# ------------------------------------------------------------ stops

ORIGINS = {"office": "办公域", "airlock": "闸口", "enclave": "数据域", "gateway": "网关"}
MOST = 2000


@dataclass(frozen=True)
class StopRow:
    """A stop, wherever it was made. `seconds`: until the first domain said it acted; None: no receipt yet."""

    id: str
    scope: str
    target: str
    name: str
    url: str
    reason: str
    origin: str
    at: datetime
    effects: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float | None:
        return min((each for _, each in self.effects), default=None)

    @property
    def acted(self) -> str:
        return "acted" if self.effects else "unknown"


def stop_rows(ask: Ask) -> list[StopRow]:
    """Stops published by the office and those made in the data domain, the newest first. Six queries."""
    kept = {row.pk: row for row in Stop.objects.filter(zone_id=ask.zone).order_by("-made_at")[:MOST]}
    items = FeedItem.objects.filter(kind="stop", zone=ask.zone).order_by("-seq")[:MOST]
    made = {item.subject: (item.envelope["body"], item.published, "office") for item in items}
    for row in kept.values():
        body = {"scope": row.scope, "target": row.target, "reason": row.reason}
        made.setdefault(row.pk, (body, row.made_at, row.origin))
    named = _names({(body["scope"], body["target"]) for body, _, _ in made.values()})
    found = []
    for identifier, (body, at, origin) in made.items():
        row = kept.get(identifier)
        scope, target = body["scope"], body["target"]
        name, url = named.get((scope, target), (target, ""))
        found.append(
            StopRow(
                identifier,
                scope,
                target,
                name or "全部",
                url,
                body.get("reason", ""),
                origin,
                at,
                _effects(row.effects if row else (), at),
            )
        )
    return sorted(found, key=lambda each: each.at, reverse=True)


def _effects(effects: Any, at: datetime) -> tuple[tuple[str, float], ...]:
    return tuple(
        (each["source"], max(0.0, round((instant(each["at"], "at") - at).total_seconds(), 1)))
        for each in effects
    )


def _names(targets: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """(scope, target) → (name, address)."""

    def ids(scope: str) -> list[str]:
        return [target for kind, target in targets if kind == scope]

    found: dict[tuple[str, str], tuple[str, str]] = {}
    for pk, name in Product.objects.filter(pk__in=ids("product")).values_list("pk", "name"):
        found["product", pk] = (name, reverse("products:detail", args=[pk]))
    for pk, name in Project.objects.filter(pk__in=ids("project")).values_list("pk", "name"):
        found["project", pk] = (name, reverse("scenarios:project", args=[pk]))
    granted = Grant.objects.filter(pk__in=ids("grant")).values_list("pk", "project__name", "project_id")
    for pk, name, project in granted:
        found["grant", pk] = (name, reverse("scenarios:project", args=[project]))
    signed = Agreement.objects.filter(pk__in=ids("contract"))
    for pk, product, buyer in signed.values_list("pk", "product__name", "buyer__name"):
        found["contract", pk] = (f"{product}（{buyer}）", reverse("products:agreement", args=[pk]))
    return found


def stop_parts(ask: Ask) -> list[Part]:
    parts: dict[tuple[str, str], list[StopRow]] = {}
    for row in stop_rows(ask):
        parts.setdefault((row.scope, row.acted), []).append(row)
    found = []
    for (scope, acted), rows in sorted(parts.items()):
        took = [row.seconds for row in rows if row.seconds is not None]
        note = f"最慢 {max(took)} 秒生效" if took else "还没有生效的回执"
        found.append(
            Part(
                "已生效" if took else "没有回执",
                len(rows),
                {"scope": scope, "acted": acted},
                group=SCOPES.get(scope, scope),
                tone="stopped" if took else "overdue",
                note=note,
            )
        )
    return found


def stop_columns(_ask: Ask) -> Sequence[Column]:
    def effects(row: StopRow) -> str:
        return "；".join(f"{ORIGINS.get(source, source)} {seconds} 秒" for source, seconds in row.effects)

    return (
        Column("at", "发出", "at", order="at", kind="wall"),
        Column("scope", "范围", lambda row: SCOPES.get(row.scope, row.scope), order="scope"),
        Column("name", "对象", "name", order="name", href=lambda row: row.url),
        Column("origin", "从哪里发出", lambda row: ORIGINS.get(row.origin, row.origin), order="origin"),
        Column("seconds", "几秒后生效", "seconds", order="seconds", kind="number"),
        Column("effects", "各域的回执", effects, narrow=False),
        Column("reason", "理由", "reason", narrow=False),
    )


def stop_filters(_ask: Ask) -> Sequence[Filter]:
    return (
        Filter("scope", "范围", keeping("scope"), list(SCOPES.items())),
        Filter("acted", "生效", keeping("acted"), [("acted", "已生效"), ("unknown", "没有回执")]),
    )


def keeping(name: str) -> Callable[[Any, str], Any]:
    """The filter of a list of rows by one attribute."""
    return lambda rows, value: [row for row in rows if str(getattr(row, name)) == value]


# ------------------------------------------------------------ trips


@dataclass(frozen=True)
class TripRow:
    """An agreement a gateway stopped by itself. `state`: tripped, asked (a lift is under way) or lifted."""

    id: str
    name: str
    url: str
    buyer: str
    at: datetime
    why: str
    state: str
    asked: str
    lifted: datetime | None

    @property
    def said(self) -> str:
        return TRIPS[self.state][0]

    @property
    def tone(self) -> str:
        return TRIPS[self.state][1]


TRIPS = {
    "tripped": ("已熔断", "overdue"),
    "asked": ("已请求解除", "pending"),
    "lifted": ("已恢复", "done"),
}


def trip_rows(ask: Ask) -> list[TripRow]:
    """Trips of the zone with the last request to lift each, the newest first. Two queries."""
    rows = Trip.objects.filter(zone_id=ask.zone).order_by("-at", "pk")
    rows = rows.select_related("agreement__product", "agreement__buyer").prefetch_related("lifts")
    return [_trip_row(row) for row in rows[:MOST]]


def _trip_row(row: Trip) -> TripRow:
    last = max(row.lifts.all(), key=lambda each: each.wall_at, default=None)
    waits = last is not None and last.state != "refused"
    tries = f"{row.seconds} 秒内第 {row.tries} 次越权" if row.tries else "多次越权"
    return TripRow(
        row.pk,
        row.agreement.product.name,
        reverse("products:agreement", args=[row.agreement_id]),
        row.agreement.buyer.name,
        row.at,
        tries,
        "lifted" if row.lifted else "asked" if waits else "tripped",
        f"{last.get_state_display()}：{last.reason}" if last else "",
        row.lifted,
    )


def trip_parts(ask: Ask) -> list[Part]:
    rows = trip_rows(ask)
    return [
        Part(title, number, {"state": state}, tone=tone)
        for state, (title, tone) in TRIPS.items()
        if (number := sum(row.state == state for row in rows))
    ]


def trip_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("at", "停下（自然时间）", "at", order="at", kind="time"),
        Column("name", "产品", "name", order="name", href=lambda row: row.url),
        Column("buyer", "使用单位", "buyer", order="buyer"),
        Column("why", "为什么", "why"),
        Column("state", "现在", "tone", order="state", kind="state", label_of=lambda row: row.said),
        Column("asked", "请求解除", "asked", narrow=False),
        Column("lifted", "恢复（自然时间）", "lifted", order="lifted", kind="time", narrow=False),
    )


def trip_filters(_ask: Ask) -> Sequence[Filter]:
    return (Filter("state", "现在", keeping("state"), [(name, each[0]) for name, each in TRIPS.items()]),)


# ------------------------------------------------------------ witnesses

WITNESSES = {"enclave": "计算进程", "gateway": "网关"}
FRESH = {"fresh": ("已见证", "valid"), "late": ("迟了", "overdue"), "missing": ("没有见证", "invalid")}


@dataclass(frozen=True)
class WitnessRow:
    """One witness of the trust list and the newest checkpoint it co-signed."""

    key: str
    role: str
    size: int | None
    received: datetime | None
    behind: int
    state: str

    @property
    def title(self) -> str:
        return WITNESSES.get(self.role, self.role)

    @property
    def said(self) -> str:
        return FRESH[self.state][0]

    @property
    def tone(self) -> str:
        return FRESH[self.state][1]


def witness_rows(ask: Ask) -> list[WitnessRow]:
    """Every witness the trust list names, with what it last signed. Three queries."""
    try:
        entries = [(role, each) for role in WITNESSES for each in trust.current(ask.wall).keys(role)]
    except WireError:
        return []
    published = FeedItem.objects.filter(kind="checkpoint")
    newest = published.order_by("-seq").values_list("envelope", flat=True).first()
    due = published.filter(published__lte=ask.wall - LATE).order_by("-seq").values_list("envelope", flat=True)
    owed = size_of(due.first())
    signed = {
        row["witness"]: (row["size"], row["received"])
        for row in Cosignature.objects.values("witness").annotate(size=Max("size"), received=Max("received"))
    }
    found = []
    for role, each in entries:
        size, received = signed.get(each.id, (None, None))
        state = "missing" if size is None else "fresh" if size >= owed else "late"
        found.append(WitnessRow(each.id, role, size, received, max(0, size_of(newest) - (size or 0)), state))
    return found


def size_of(envelope: Any) -> int:
    return int(envelope["body"]["proof"]["to"]) if envelope else 0


def witness_parts(ask: Ask) -> list[Part]:
    rows = witness_rows(ask)
    return [
        Part(title, number, {"state": state}, tone=tone)
        for state, (title, tone) in FRESH.items()
        if (number := sum(row.state == state for row in rows))
    ]


def witness_columns(_ask: Ask) -> Sequence[Column]:
    return (
        Column("title", "见证人", "title", order="title"),
        Column("key", "钥匙指纹", "key", kind="code", narrow=False),
        Column("state", "见证", "tone", order="state", kind="state", label_of=lambda row: row.said),
        Column("size", "已见证到（条）", "size", order="size", kind="number"),
        Column("behind", "还差（条）", "behind", order="behind", kind="number"),
        Column("received", "最近一次", "received", order="received", kind="wall"),
    )


def witness_filters(_ask: Ask) -> Sequence[Filter]:
    return (Filter("state", "见证", keeping("state"), [(name, each[0]) for name, each in FRESH.items()]),)


MEASURES = (
    Measure(
        "stops",
        "生效中的停止",
        "项",
        "数办公域发出的和数据域自己作出的停止；停止一经作出不会恢复。几秒生效，是从发出到该域签名回执的时间（自然时间）。",
        stop_rows,
        stop_columns,
        stop_parts,
        stop_filters,
        articles=basis_of("grounds", "operation.stop"),
        order="-at",
        empty="没有停止。",
        changes=("数据域和网关送来回执以后，补上生效的时间。",),
    ),
    Measure(
        "trips",
        "熔断",
        "次",
        "数网关自己停下使用协议的次数：协议约定的时间里越权（用途、字段、同意的范围之外）到了约定的次数就熔断。",
        trip_rows,
        trip_columns,
        trip_parts,
        trip_filters,
        articles=basis_of("grounds", "operation.lift"),
        order="-at",
        empty="没有熔断。",
        changes=("运营机构请求解除、提供单位在闸口同意以后，网关恢复回答，算作已恢复。",),
    ),
    Measure(
        "witnesses",
        "检查点的见证人",
        "家",
        f"信任名单上的计算进程和网关都是见证人；{LATE.seconds // 60} 分钟以前发布的检查点都签了，"
        "是已见证，否则是迟了。",
        witness_rows,
        witness_columns,
        witness_parts,
        witness_filters,
        empty="信任名单上还没有见证人。",
        changes=("见证人签了更新的检查点即恢复为已见证。",),
    ),
)
