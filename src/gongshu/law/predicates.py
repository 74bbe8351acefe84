"""Conditions of the law that need facts: one small function each, named, used by packs by name.

A predicate answers an empty string when the condition holds, else one Chinese sentence that says what is
missing. A fact nobody supplied never counts as fulfilled. Packs may put their own sentence in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from gongshu.law.history import Context, Event, History

Check = Callable[..., str]


@dataclass(frozen=True)
class Predicate:
    """`args` it understands, `needed` of them it cannot do without; `title` is read in 为什么."""

    name: str
    title: str
    check: Check
    args: tuple[str, ...]
    needed: tuple[str, ...]


PREDICATES: dict[str, Predicate] = {}


def predicate(title: str, *needed: str, optional: Sequence[str] = ()) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        name = check.__name__
        PREDICATES[name] = Predicate(name, title, check, (*needed, *optional), tuple(needed))
        return check

    return register


def evaluate(name: str, context: Context, args: Mapping[str, Any]) -> str:
    """The sentence of what is missing, or an empty string."""
    return PREDICATES[name].check(context, **args)


# ---------------------------------------------------------------- facts


@predicate("事实成立", "fact")
def holds(context: Context, fact: str) -> str:
    return "" if context.fact(fact) is True else f"条件“{fact}”没有得到确认。"


@predicate("事实不成立", "fact")
def holds_not(context: Context, fact: str) -> str:
    return "" if context.fact(fact) is False else f"条件“{fact}”没有被排除。"


@predicate("至少一项成立", "facts")
def any_holds(context: Context, facts: Sequence[str]) -> str:
    found = [context.fact(name) for name in facts]
    given = any(value is True or (value not in (None, False, "", [], {})) for value in found)
    return "" if given else "所要求的几项条件，至少要有一项。"


@predicate("没有未解决的问题", "fact")
def empty(context: Context, fact: str) -> str:
    value = context.fact(fact)
    if not isinstance(value, list | tuple):
        return f"还没有核对“{fact}”。"
    if not value:
        return ""
    shown = "；".join(str(getattr(item, "sentence", item)).rstrip("。") for item in value[:3])
    more = f"（共 {len(value)} 处）" if len(value) > 3 else ""
    return f"还有问题没有解决：{shown}{more}。"


@predicate("每一项都写全", "fact", "keys")
def each_has(context: Context, fact: str, keys: Sequence[str]) -> str:
    rows = context.fact(fact)
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        return "清单是空的，至少要写一项。"
    for number, row in enumerate(rows, 1):
        lacking = [key for key in keys if not isinstance(row, Mapping) or blank(row.get(key))]
        if lacking:
            return f"清单第 {number} 项没有写全。"
    return ""


@predicate("在某种情形下必须有", "fact", "value", "needs")
def needed_when(context: Context, fact: str, value: Any, needs: str) -> str:
    given = context.fact(fact)
    if given is None:
        return "还没有写明是否属于这种情形。"
    meant = given in value if isinstance(value, list | tuple) else given == value
    return "属于这种情形的，必须附上相应材料。" if meant and blank(context.fact(needs)) else ""


@predicate("对申请的每一项都作了决定", "fact", "acts", "asked", "key")
def decides_each(context: Context, fact: str, acts: Sequence[str], asked: str, key: str) -> str:
    """Every row of the earlier act's list `asked` has a row with the same `key` in `fact`."""
    event = context.last(tuple(acts))
    wanted = [str(row.get(key)) for row in _rows(event.data.get(asked))] if event else []
    decided = {str(row.get(key)) for row in _rows(context.fact(fact)) if not blank(row.get("decision"))}
    left = [name for name in wanted if name not in decided]
    if not wanted:
        return "申请里没有字段清单。"
    return f"还有 {len(left)} 项没有逐项写明是否必要，例如“{left[0]}”。" if left else ""


@predicate("每个有关单位都已同意", "fact", "acts", "since")
def every_organisation(context: Context, fact: str, acts: Sequence[str], since: Sequence[str]) -> str:
    """Each organisation in `fact` has spoken by one of `acts` since the last submission."""
    wanted = _names(context.fact(fact))
    if not wanted:
        return "没有写明涉及哪些数据提供单位。"
    spoken = {
        event.data.get("actor_organisation") for event in context.since(tuple(since)) if event.act in acts
    }
    left = [name for name in wanted if name not in spoken]
    return f"还有 {len(left)} 个数据提供单位没有出具意见。" if left else ""


@predicate("办理人的单位无须回避", "fact")
def organisation_not_in(context: Context, fact: str) -> str:
    mine, others = context.fact("actor_organisation"), context.fact(fact)
    if blank(mine) or not isinstance(others, str | list | tuple):
        return "还没有核对办理人所在单位，不能办理。"
    return "办理人的单位与本件有利害关系，应当回避。" if mine in _names(others) else ""


@predicate("办理人的单位是本件有关的单位", "fact")
def organisation_in(context: Context, fact: str) -> str:
    mine, others = context.fact("actor_organisation"), context.fact(fact)
    return "" if not blank(mine) and mine in _names(others) else "办理人的单位不是本件的承办单位。"


def _names(value: Any) -> tuple[Any, ...]:
    """One name, several, or none when it is neither."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple) else ()


@predicate("办理人无须回避")
def not_recused(context: Context) -> str:
    return "" if context.fact("recused") is False else "办理人应当回避，或者还没有核对是否需要回避。"


@predicate("数值不超过限额", "fact", "limit")
def at_most(context: Context, fact: str, limit: str) -> str:
    try:
        value, most = Decimal(str(context.fact(fact))), Decimal(str(context.limit(limit)))
    except InvalidOperation:
        return "数值没有填，或者不是数。"
    return "" if value <= most else f"数值 {value} 超过上限 {most}。"


@predicate("不超过授权运营期限", "fact", "term", "limit")
def within_term(context: Context, fact: str, term: str, limit: str) -> str:
    """`term` holds the last day of the authorised term, or `none` where nobody is authorised."""
    if context.limit(limit) != "capped":
        return ""
    end = context.fact(term)
    if end == "none":
        return ""
    day, last = _day(context.fact(fact)), _day(end)
    if day is None or last is None:
        return "还没有核对授权运营期限。"
    return "" if day <= last else f"不得超过授权运营期限（{last}）。"


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


@predicate("逐项作答", "fact", "document")
def answers_cover(context: Context, fact: str, document: str) -> str:
    given = context.fact(fact)
    asked = context.document(document)
    lacking = [item for item in asked if not isinstance(given, Mapping) or blank(given.get(item))]
    return f"还有 {len(lacking)} 项没有作答，共 {len(asked)} 项。" if lacking else ""


@predicate("各项均为同一结论", "fact", "value")
def answers_all(context: Context, fact: str, value: str) -> str:
    given = context.fact(fact)
    if not isinstance(given, Mapping) or not given:
        return "还没有逐项作答。"
    other = [
        key
        for key, item in given.items()
        if (item.get("result") if isinstance(item, Mapping) else item) != value
    ]
    return f"有 {len(other)} 项结论不是“通过”。" if other else ""


@predicate("属于所指的情形", "input", "value")
def answer_is(context: Context, input: str, value: Any) -> str:  # noqa: A002
    wanted = value if isinstance(value, list | tuple) else (value,)
    return "" if context.fact(input) in wanted else "所填内容不是这一种情形。"


# ---------------------------------------------------------------- history


@predicate("前面的步骤已经做完", "acts", optional=("since",))
def done(context: Context, acts: Sequence[str], since: Sequence[str] = ()) -> str:
    events = context.since(tuple(since)) if since else context.history
    return "" if any(event.act in acts for event in events) else "前面应当先做的步骤还没有做。"


@predicate("前面没有做过", "acts", optional=("since",))
def not_done(context: Context, acts: Sequence[str], since: Sequence[str] = ()) -> str:
    events = context.since(tuple(since)) if since else context.history
    return "这一步已经做过，不能重复。" if any(event.act in acts for event in events) else ""


@predicate("不是自己经办过的", "acts")
def not_actor_of(context: Context, acts: Sequence[str]) -> str:
    if not context.actor_id:
        return "不知道是谁在办理，不能办理。"
    mine = any(event.act in acts and event.actor_id == context.actor_id for event in context.history)
    return "不得审核自己经办的事项，请换人办理。" if mine else ""


def open_items(history: History, opens: Sequence[str], closes: Sequence[str]) -> tuple[str, ...]:
    """Ids of what was opened and not closed yet (objections); an event without an id takes its ordinal."""
    found: dict[str, None] = {}
    count = 0
    for event in history:
        if event.act in opens:
            count += 1
            found[str(event.data.get("objection") or count)] = None
        elif event.act in closes and found:
            found.pop(str(event.data.get("objection") or next(iter(found))), None)
    return tuple(found)


@predicate("没有未了结的异议", "opens", "closes")
def none_open(context: Context, opens: Sequence[str], closes: Sequence[str]) -> str:
    left = open_items(context.history, opens, closes)
    return f"还有 {len(left)} 件异议没有处理。" if left else ""


@predicate("有未了结的异议", "opens", "closes")
def some_open(context: Context, opens: Sequence[str], closes: Sequence[str]) -> str:
    return "" if open_items(context.history, opens, closes) else "没有未了结的异议。"


@predicate("所指的异议确实未了结", "opens", "closes")
def names_open(context: Context, opens: Sequence[str], closes: Sequence[str]) -> str:
    named = context.fact("objection")
    left = open_items(context.history, opens, closes)
    if not left:
        return "没有未了结的异议。"
    if blank(named) and len(left) > 1:
        return f"有 {len(left)} 件异议未了结，请写明处理的是哪一件。"
    return "" if blank(named) or str(named) in left else "所写的异议不存在，或者已经处理过。"


@predicate("一次性告知", "scope", "lists", "submissions")
def one_list(context: Context, scope: str, lists: Sequence[str], submissions: Sequence[str]) -> str:
    """One complete list of defects: in the whole case (`scope` case) or for each submission.

    For each submission a second list may name an old defect again, or a new one of a paper that was
    changed since; what could have been named the first time may not come later.
    """
    earlier = [event for event in context.history if event.act in lists]
    if not earlier:
        return ""
    if scope == "case":
        return "补正清单已经一次性告知过，本案不得再次要求补正。"
    if any(event.act in lists for event in context.since(tuple(submissions))):
        return "对这一次提交已经一次性告知过，不得再发第二份清单。"
    named = {str(row.get("item")) for event in earlier for row in _rows(event.data.get("defects"))}
    before, last = _last_two(context.history, submissions)
    for row in _rows(context.fact("defects")):
        item = str(row.get("item"))
        if item not in named and before.get(item) == last.get(item):
            return f"“{item}”的内容没有改动过，第一次就应当一次性告知，不得在后一份清单里提出。"
    return ""


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [row if isinstance(row, Mapping) else {"item": row} for row in rows]


def _last_two(history: History, acts: Sequence[str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The papers (item → digest) of the submission before the last one, and of the last."""
    handed = [event.data.get("papers") or {} for event in history if event.act in acts]
    return (handed[-2], handed[-1]) if len(handed) > 1 else ({}, {})


@predicate("与之前记录的一致", "fact", "acts")
def same_as(context: Context, fact: str, acts: Sequence[str]) -> str:
    """What was reviewed is byte for byte what leaves: the fact equals the one the earlier act recorded."""
    event, value = context.last(tuple(acts)), context.fact(fact)
    same = event is not None and not blank(value) and event.data.get(fact) == value
    return "" if same else "与审核时的内容不一致，不能办理。"


# ---------------------------------------------------------------- votes


def votes(history: Sequence[Event], acts: Sequence[str]) -> dict[str, Event]:
    """The vote of each person, the latest when somebody voted again."""
    return {event.actor_id: event for event in history if event.act in acts}


@predicate("本轮还没有投过票", "acts", "since")
def not_voted(context: Context, acts: Sequence[str], since: Sequence[str]) -> str:
    cast = votes(context.since(tuple(since)), acts)
    return "本轮已经投过票，不能再投。" if context.actor_id in cast else ""


@predicate("票数足够", "acts", "since", "limit", optional=("roles",))
def enough_votes(
    context: Context, acts: Sequence[str], since: Sequence[str], limit: str, roles: Sequence[str] = ()
) -> str:
    """At least as many different people as the limit says, and among them each of the roles named."""
    cast = votes(context.since(tuple(since)), acts)
    least = int(context.limit(limit))
    if len(cast) < least:
        return f"至少要 {least} 人分别审核，现在只有 {len(cast)} 人。"
    lacking = [role for role in roles if all(event.role != role for event in cast.values())]
    return "应当参加审核的单位还没有都审核。" if lacking else ""


@predicate("各票一致同意", "acts", "since", "value")
def votes_all(context: Context, acts: Sequence[str], since: Sequence[str], value: str) -> str:
    cast = votes(context.since(tuple(since)), acts)
    same = bool(cast) and all(event.data.get("vote") == value for event in cast.values())
    return "" if same else "各位审核人没有一致同意。"


# ---------------------------------------------------------------- time


@predicate("期限已经届满", "clock")
def elapsed(context: Context, clock: str) -> str:
    """The last day has ended: the law's period is whole days, so the day after it is the first allowed."""
    due = context.due(clock)
    if due is None:
        return "期限还没有开始计算。"
    return "" if context.today > due else f"最后一日是 {due.isoformat()}，该日结束后才能办理。"


@predicate("期限尚未届满", "clock")
def not_elapsed(context: Context, clock: str) -> str:
    due = context.due(clock)
    if due is None:
        return "期限还没有开始计算。"
    return "" if context.today <= due else f"最后一日是 {due.isoformat()}，已经过了。"


@predicate("到了可以办理的日子", "clock")
def window_open(context: Context, clock: str) -> str:
    first = context.due(clock)
    if first is None:
        return "还不知道从哪一天起可以办理。"
    return "" if context.today >= first else f"{first.isoformat()} 起才能办理。"


@predicate("日期不晚于今天", "fact")
def not_future(context: Context, fact: str) -> str:
    value = context.fact(fact)
    return (
        ""
        if not blank(value) and str(value)[:10] <= context.today.isoformat()
        else "日期没有填，或者晚于今天。"
    )


def blank(value: Any) -> bool:
    """Nothing was filled in: None, blank text or an empty list; False and 0 are answers."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple | dict | set) and not value)
