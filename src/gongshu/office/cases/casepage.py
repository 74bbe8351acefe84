"""Everything one case page shows, gathered in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from gongshu.law import engine
from gongshu.law.clocks import remaining
from gongshu.law.decisions import Position
from gongshu.law.history import Event, local_day
from gongshu.law.rules import Rules
from gongshu.law.shapes import Act, Procedure
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.queries import person_names
from gongshu.office.cases import lawbook, parties, registry, services
from gongshu.office.cases.forms import COLUMN_TITLES
from gongshu.office.cases.models import Case, CaseEvent, Deadline, Material
from gongshu.office.cases.queries import calendar
from gongshu.office.link import proofs
from gongshu.ui import smallcalendar
from gongshu.ui.smallcalendar import Chip, SmallCalendar

REFUSED_TONE = {"refuse": "bad", "reject": "bad", "return": "warn", "object": "warn", "fail": "bad"}


@dataclass(frozen=True)
class NextAct:
    """An act that could follow. `mine`: the actor has the role; `refusal`: why it cannot be done yet."""

    act: Act
    mine: bool
    by: tuple[str, ...]
    refusal: str = ""
    articles: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeadlineView:
    """A deadline with its chip and, while it runs, its small calendar."""

    row: Deadline
    chip: Chip
    calendar: SmallCalendar | None
    articles: tuple[str, ...]
    owes: tuple[str, ...]


@dataclass(frozen=True)
class TimelineItem:
    """One step of the timeline, in the shape `{% timeline %}` shows."""

    title: str
    at: datetime
    who: str
    sentence: str
    tone: str
    why: str
    proof: str
    proof_wait: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CasePage:
    case: Case
    procedure: Procedure
    position: Position
    waits_for: tuple[str, ...]
    main: DeadlineView | None
    deadlines: tuple[DeadlineView, ...]
    acts: tuple[NextAct, ...]
    timeline: tuple[TimelineItem, ...]
    materials: tuple[Material, ...]
    parties: tuple[tuple[str, str], ...]
    articles: tuple[str, ...]
    panel: str
    panel_context: Mapping[str, Any] = field(default_factory=dict)
    subject_url: str = ""

    @property
    def mine(self) -> tuple[NextAct, ...]:
        return tuple(each for each in self.acts if each.mine)

    @property
    def others(self) -> tuple[NextAct, ...]:
        return tuple(each for each in self.acts if not each.mine)


def build(case: Case, actor: Actor, now: datetime) -> CasePage:
    """The page of a case the actor may see. `now` is business time."""
    procedure, rules = lawbook.procedure_of(case), lawbook.rules_of(case)
    events = list(case.events.select_related("entry").order_by("seq"))
    history = tuple(Event(row.act, row.at, row.actor, row.role, row.data) for row in events)
    where = engine.position(procedure, rules, history, now)
    handler = registry.handler(case.procedure)
    today = local_day(now)
    shown = [_deadline(row, today, rules, case.zone_id) for row in case.deadlines.order_by("started", "pk")]
    running = [each for each in shown if each.row.met is None and each.row.due]
    owed = [each for each in running if each.row.can_be_overdue]
    return CasePage(
        case=case,
        procedure=procedure,
        position=where,
        waits_for=tuple(zone_title(each, case.zone_id) for each in where.waits_for),
        main=min(owed or running, key=lambda each: each.row.due or date.max, default=None),
        deadlines=tuple(shown),
        acts=tuple(_next(case, procedure, rules, history, act, actor, now) for act in where.next_acts),
        timeline=tuple(_timeline(events, procedure, case.zone_id)),
        materials=tuple(case.materials.order_by("at", "pk")),
        parties=_parties(case),
        articles=tuple(rules.cite(each) for each in procedure.state(where.state).basis or procedure.basis),
        panel=handler.panel,
        panel_context=handler.panel_context(case, actor),
        subject_url=handler.subject_url(case),
    )


def _parties(case: Case) -> tuple[tuple[str, str], ...]:
    rows = case.parties.select_related("organisation").order_by("role", "pk")
    return tuple((zone_title(row.role, case.zone_id), row.organisation.name) for row in rows)


# ------------------------------------------------------------ what may follow


def _next(
    case: Case,
    procedure: Procedure,
    rules: Rules,
    history: tuple[Event, ...],
    act: Act,
    actor: Actor,
    now: datetime,
) -> NextAct:
    titles = tuple(procedure.state(each).title for each in dict.fromkeys(branch.to for branch in act.to))
    by = tuple(zone_title(each, case.zone_id) for each in act.by)
    roles = parties.roles(case, actor)
    if not roles & set(act.by):
        return NextAct(act, False, by, leads_to=titles)
    tried = without_inputs(procedure, act)
    given = services.gather(case, procedure, act.id, actor, {}, now)
    decision = engine.decide(tried, rules, history, act.id, sorted(roles), given, now, actor_id=actor.person)
    refusal = "" if decision.allowed else decision.sentence
    articles = () if decision.allowed else tuple(rules.cite(each) for each in decision.articles)
    return NextAct(act, True, by, refusal, articles, titles)


def without_inputs(procedure: Procedure, act: Act) -> Procedure:
    """The procedure with this act asking nothing: what is yet to be filled in refuses nothing."""
    asked = {each.id for each in act.asks}
    kept = tuple(
        guard
        for guard in act.requires
        if not asked
        & {str(guard.args.get("fact", "")), str(guard.args.get("input", "")), *_facts(guard.args)}
        and guard.name not in ("one_list", "names_open")
    )
    return replace(procedure, acts={**procedure.acts, act.id: replace(act, asks=(), requires=kept)})


def _facts(args: Mapping[str, Any]) -> Sequence[str]:
    return [str(each) for each in args.get("facts", ())]


# ------------------------------------------------------------ deadlines


def _deadline(row: Deadline, today: date, rules: Rules, zone: str) -> DeadlineView:
    working = row.unit == "working_days"
    counted = working or row.can_be_overdue
    left, drawn = None, None
    if row.met is None and row.paused is None and row.due:
        left = remaining(row.due, today, calendar()) if counted else (row.due - today).days
        if counted or row.kind == "window":
            drawn = smallcalendar.build(row.started, row.due, today, calendar().day, working)
    status = {"superseded_draft": "依据征求意见稿，正式文本已发布、待核", "draft": "依据征求意见稿"}.get(
        row.text_status, ""
    )
    if row.paused and not row.met:
        status = f"自 {row.paused} 起中止计时；{status}".rstrip("；")
    chip = Chip(
        title=row.title,
        due=row.due,
        left=left,
        unit="工作日" if counted else "自然日",
        provisional=row.provisional,
        why=row.pk,
        status=status,
        done=row.met is not None,
        plain=not row.can_be_overdue,
    )
    articles = tuple(rules.cite(each) for each in row.fact.get("basis", ()))
    return DeadlineView(row, chip, drawn, articles, tuple(zone_title(each, zone) for each in row.owes))


# ------------------------------------------------------------ timeline


def _timeline(events: Sequence[CaseEvent], procedure: Procedure, zone: str) -> list[TimelineItem]:
    names = person_names({row.actor for row in events})
    covered = proofs.covered() if events else 0
    items = []
    for row in reversed(events):
        act = procedure.acts.get(row.act)
        name, organisation = names.get(row.actor, ("（已移除的人员）", ""))
        ready = row.entry.index is not None and row.entry.index < covered
        items.append(
            TimelineItem(
                title=act.title if act else row.act,
                at=row.at,
                who="　".join(dict.fromkeys(filter(None, (organisation, name, zone_title(row.role, zone))))),
                sentence="",
                tone=next((tone for part, tone in REFUSED_TONE.items() if part in row.act), "working"),
                why=row.decision_id,
                proof=f"/proof/{row.decision_id}.json" if ready else "",
                proof_wait="" if ready else "正在写入存证日志",
                details=tuple(_details(act, row.data)),
            )
        )
    return items


def _details(act: Act | None, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was recorded, as people read it; only what the act asked, never internal facts."""
    found = []
    for asked in act.asks if act else ():
        value = data.get(asked.id)
        if value in (None, "", [], {}):
            continue
        found.append((asked.title, text_of(value, dict(asked.options))))
    return found


def text_of(value: Any, options: Mapping[str, str]) -> str:
    """A recorded answer in words."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict):
        if "from" in value:
            return f"{value['from']} 至 {value.get('until', '')}"
        if "name" in value:
            return str(value["name"])
        if "value" in value:
            return f"{value['value']} {value.get('unit', '')}".strip()
        parts = (
            f"{COLUMN_TITLES.get(key, key)}：{text_of(item, options)}" for key, item in value.items() if item
        )
        return "；".join(parts)
    if isinstance(value, list):
        # 表的各行分行写，才看得出哪几格属于同一行
        joint = "\n" if any(isinstance(item, dict) for item in value) else "；"
        return joint.join(text_of(item, options) for item in value)
    return {"pass": "通过", "fail": "不通过"}.get(str(value), options.get(str(value), str(value)))
