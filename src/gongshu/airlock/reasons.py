"""为什么 of each thing of the airlock: outputs and their findings, samples, grants, ceilings, runs, stops.

`/why/<id>[.<place>]`: a place is a finding (`f0`), the thresholds (`limits`), why one may not vote (`vote`),
a table of a sample (its name). `act.<act>` says who may do an act here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from gongshu.airlock import access, words
from gongshu.airlock.acts import TITLES as ACT_TITLES
from gongshu.airlock.pages import runs
from gongshu.airlock.pages.grants import names
from gongshu.airlock.why import Screen, law_of, limit, screen
from gongshu.enclave import clock, confirm, sources, thresholds, votes
from gongshu.enclave.attack.model import CHECKS
from gongshu.enclave.runner import CODES
from gongshu.enclave.store.models import (
    Ceiling,
    Confirmation,
    Grant,
    Intake,
    Lift,
    Output,
    Sample,
    Stop,
    Task,
)
from gongshu.ui.repairs import REPAIRS

DECIDED = {"released": True, "refused": False, "blocked": False, "stopped": False}
SEVERITIES = {"block": "不得出域", "review": "须由人判断"}
# 检查 → 它量的门槛
MEASURED: Mapping[str, tuple[str, ...]] = {
    "threshold": ("attack.threshold",),
    "unique": ("attack.threshold",),
    "differencing": ("attack.threshold",),
    "total": ("attack.threshold",),
    "dominance_nk": ("attack.nk",),
    "dominance_p": ("attack.p",),
    "model_memory": ("attack.membership_review", "attack.membership_block", "attack.memory_gain"),
}
LIMITS = ("attack.threshold", "attack.nk", "attack.p", "review.minimum")
OUTPUTS: Mapping[str, tuple[str, str]] = {
    "blocked": (
        "检验有不得出域的发现，这份文件不离开数据域。",
        "开发人员按每一项发现改好以后重新运行、重新申请，另算一份成果。",
    ),
    "reviewing": (
        "检验没有不得出域的发现，等审核机构的人各自看过、各自表决，互不可见。",
        "人数够了而且都同意，就放行；有一人不同意，就不放行。",
    ),
    "released": (
        "检验没有不得出域的发现，审核的人都同意，离开的就是他们看过的那些字节。",
        "已经出域的不能收回；以后的成果都要与它相减着检验。",
    ),
    "refused": ("审核的人没有都同意，这份文件不离开数据域。", "开发人员改好以后重新申请，另算一份成果。"),
    "stopped": ("授权、项目或者产品被停止，这份文件不离开数据域。", "停止不能撤销，要继续须另行办理。"),
}
ASKED: Mapping[str, tuple[str, str]] = {
    "awaiting": (
        "办公域签了，还要每个提供单位在闸口确认，才打开任何东西。",
        "提供单位都确认，就生效；有一家不同意，就不生效。",
    ),
    "live": ("办公域和每个提供单位都签了同一份内容，所以生效。", "任何一方停止，或者到期，就不再有效。"),
    "refused": ("有提供单位不同意，所以不生效。", "办公域改好以后另发一份，重新请提供单位确认。"),
    "invalid": ("与入库时确认的字段、类型、等级不符，数据域不采纳。", "办公域按入库的内容另发一份。"),
    "stopped": ("有一方停止了它。", "停止不能撤销，要继续须另行办理。"),
    "withdrawn": ("提供单位撤回了它。", "办公域另发一份，重新请提供单位确认。"),
}
SAMPLES: Mapping[str, tuple[str, str]] = {
    "awaiting": (
        "样例通过了出域攻击，等提供单位看过、确认它的摘要，开发人员才看得到。",
        "提供单位都确认，就送出；不同意，就不送。",
    ),
    "agreed": ("提供单位都确认了这些字节，即将送出。", "送出之前停止授权或者项目，就不送。"),
    "refused": ("有提供单位不同意，这份样例不离开数据域。", "开发人员可以另行申请样例。"),
    "blocked": ("样例没有通过检查，不离开数据域。", "换一份快照或者减少字段以后，另行申请样例。"),
    "stopped": ("授权或者项目被停止，这份样例不离开数据域。", "停止不能撤销，要继续须另行办理。"),
    "sent": ("提供单位都确认了这些字节，所以送给开发人员。", "已经送出的不能收回。"),
}


# ---------------------------------------------------------------- outputs


def severest(row: Output) -> dict[str, str]:
    """Check → the graver of what it found."""
    ordered = sorted(row.findings, key=lambda one: bool(one["severity"] == "block"))
    return {each["check"]: each["severity"] for each in ordered}


def of_output(row: Output, place: str, visitor: access.Visitor) -> Screen | None:
    """The verdict; `.limits` the thresholds; `.vote` why one may not vote; `.f<n>` a finding."""
    if place == "limits":
        return _limits(row, visitor)
    if place == "vote":
        return _vote(row, visitor)
    if place.startswith("f"):
        return _finding(row, place[1:], visitor)
    if place:
        return None
    sentence, change = OUTPUTS.get(row.state, (row.get_state_display() + "。", ""))
    worst = {
        each["check"]: each["severity"]
        for each in sorted(row.findings, key=lambda one: one["severity"] == "block")
    }
    steps = [
        {
            "title": f"“{words.CHECKS.get(check, check)}”没有不得出域的发现",
            "held": worst.get(check) != "block",
            "sentence": SEVERITIES.get(worst.get(check, ""), ""),
        }
        for check in CHECKS
    ]
    grant = Grant.objects.get(id=row.grant)
    facts = [
        ("成果", row.name or row.pk),
        ("用途", grant.body["purpose"]),
        ("检验的发现", f"{len(row.findings)} 项"),
        ("其中不得出域的", f"{sum(each['severity'] == 'block' for each in row.findings)} 项"),
        ("文件的摘要", row.digest),
    ]
    return screen(
        row, "检验结论和状态", sentence, facts, visitor, ground="release.review", rule=steps,
        limits=LIMITS, changes=[change], allowed=DECIDED.get(row.state),
    )  # fmt: skip


def _limits(row: Output, visitor: access.Visitor) -> Screen:
    law = law_of(row.zone)
    packs = thresholds.at(row.zone, law.on).packs
    facts = [
        *((law.limit(each).title, limit(each, law)) for each in LIMITS),
        ("规则包的摘要", packs),
    ]
    own = [str(row.spec.get(name)) for name in ("threshold", "nk", "p") if row.spec.get(name) is not None]
    return screen(
        row, "门槛", "门槛取自装在数据域里的规则包；授权和申请只能更严，不能放宽。",
        [*facts, ("这份成果自己写的", "、".join(own) or "没有另写")], visitor, ground="release.review",
        limits=LIMITS, changes=["规则包改了门槛，以后的成果按新的门槛检验；已经出域的不变。"],
    )  # fmt: skip


def _vote(row: Output, visitor: access.Visitor) -> Screen | None:
    refused = votes.may_vote(row, visitor.person, visitor.organisation)
    if not refused and not access.can(visitor, "review"):
        refused = access.ACTS["review"][1]
    if not refused:
        return None
    grant = Grant.objects.get(id=row.grant)
    _, organisation = names(clock.wall_now())
    facts = [
        ("成果的状态", row.get_state_display()),
        ("开发机构", organisation(grant.body["developing_org"])),
        ("审核机构", "、".join(organisation(each) for each in grant.body["reviewing_orgs"])),
        ("您的机构", visitor.organisation_name),
    ]
    return screen(
        row, "现在不能由您表决", refused, facts, visitor, ground="release.review", limits=("review.minimum",),
        changes=["由授权写明的审核机构里、没有参与开发、还没有投过票的审核人员表决。"], allowed=False,
    )  # fmt: skip


def _finding(row: Output, place: str, visitor: access.Visitor) -> Screen | None:
    if not (place.isascii() and place.isdigit() and len(place) < 6 and int(place) < len(row.findings)):
        return None
    each, law = row.findings[int(place)], law_of(row.zone)
    check = each["check"]
    repair = REPAIRS.get(check)
    limits = MEASURED.get(check, ())
    facts = [
        ("检验", words.CHECKS.get(check, check)),
        ("在哪里", each["where"]),
        ("轻重", SEVERITIES.get(each["severity"], each["severity"])),
        ("说明什么", repair.meaning if repair else ""),
        *((law.limit(name).title, limit(name, law)) for name in limits),
    ]
    return screen(
        row, f"检验发现：{words.CHECKS.get(check, check)}", each["sentence"], facts, visitor,
        basis=each["basis"], limits=limits, changes=[f"怎样修：{repair.repair}" if repair else ""],
        allowed=each["severity"] != "block",
    )  # fmt: skip


# ---------------------------------------------------------------- samples


def of_sample(row: Sample, place: str, visitor: access.Visitor) -> Screen | None:
    """The state; `.<table>` the measures of one of its tables."""
    if place:
        return _measures(row, place, visitor)
    sentence, change = SAMPLES.get(row.state, (row.sentence or f"{row.get_state_display()}。", ""))
    facts = [
        ("用途", Grant.objects.get(id=row.grant).body["purpose"]),
        ("表", "、".join(each["table"] for each in row.files)),
        ("摘要", row.digest),
        *_answers(row),
    ]
    return screen(
        row, "样例的状态", sentence, facts, visitor, ground="lens.wall", limits=("attack.threshold",),
        changes=[change], allowed={"sent": True, "agreed": True, "awaiting": None}.get(row.state, False),
    )  # fmt: skip


def _measures(row: Sample, place: str, visitor: access.Visitor) -> Screen | None:
    """Only of the tables one's own organisation provides, as on the page of the sample."""
    held = sources.of_grant(Grant.objects.get(id=row.grant).body).get(place)
    if place not in row.measures.get("tables", {}) or held is None:
        return None
    if held.organisation != visitor.organisation:
        return None
    table = place
    told = row.measures["tables"][table]
    facts = [
        (title, f"{words.measured(told['risk'][code])}（{meaning}）")
        for code, (title, meaning) in words.RISKS.items()
    ]
    facts += [("出域攻击的提示", f"{len(told['attack']['findings'])} 项")]
    law = law_of(row.zone)
    facts += [(law.limit("attack.threshold").title, limit("attack.threshold", law))]
    return screen(
        row, f"样例的风险：{table}",
        "知道全部原始数据的人拿样例去认人，与随便猜比一比；认得出的，样例就不会来到这一页。",
        facts, visitor, ground="lens.wall", limits=("attack.threshold",),
        changes=["人数不足门槛的组合、与原始行相同的行，只要有一处，这份样例就被拦下重做。"],
    )  # fmt: skip


# ---------------------------------------------------------------- grants, ceilings, lifts


def _answers(row: Any) -> list[tuple[str, str]]:
    _, organisation = names(clock.wall_now())
    rows = Confirmation.objects.filter(subject=row.id, digest=row.digest).order_by("given")
    return [(f"{organisation(each.organisation)}的答复", each.get_answer_display()) for each in rows]


def of_asked(row: Any, place: str, visitor: access.Visitor) -> Screen | None:
    """A grant, a ceiling or the lifting of a trip: two keys of two domains."""
    if place:
        return None
    title, ground = TITLES[type(row)]
    sentence, change = ASKED.get(row.state, (f"{row.get_state_display()}。", ""))
    _, organisation = names(clock.wall_now())
    facts = [
        ("编号", row.pk),
        ("内容的摘要", row.digest),
        ("要哪些单位确认", "、".join(organisation(each) for each in confirm.required(row)) or "没有"),
        *_answers(row),
        ("理由", row.sentence),
    ]
    allowed = {"awaiting": None, "live": True}.get(row.state, False)
    return screen(row, title, sentence, facts, visitor, ground=ground, changes=[change], allowed=allowed)


TITLES = {
    Grant: ("授权的状态", "data.grant"),
    Ceiling: ("产品上限的状态", "data.grant"),
    Lift: ("解除熔断", "operation.lift"),
}


# ---------------------------------------------------------------- runs, hand-ins, stops, roles


def of_task(row: Task, place: str, visitor: access.Visitor) -> Screen | None:
    if place:
        return None
    said = CODES.get(row.outcome, "") if row.outcome else runs.because(row)
    facts = [
        ("任务", words.TASKS.get(row.kind, row.kind)),
        ("状态", row.get_state_display()),
        ("告知办公域的代码", row.outcome or "还没有"),
        ("授权", row.grant),
    ]
    return screen(
        row, "运行的结果", said or f"{row.get_state_display()}。", facts, visitor,
        ground="development.controlled", limits=("run.seconds", "run.memory"),
        changes=["办公域只知道代码；输出和报错只在闸口，由提供单位看。"],
        allowed=None if not row.outcome else row.outcome == "done",
    )  # fmt: skip


def of_intake(row: Intake, place: str, visitor: access.Visitor) -> Screen | None:
    if place:
        return None
    facts = [
        ("文件", row.filename),
        ("状态", row.get_state_display()),
        ("快照", row.snapshot),
        ("文件的摘要", row.digest),
    ]
    return screen(
        row, "入库的状态",
        row.sentence or INTAKES.get(row.state, f"{row.get_state_display()}。"), facts, visitor,
        ground="intake.handin", changes=["字段的等级由提供单位定；比识别出的低，要写理由。"],
    )  # fmt: skip


INTAKES = {
    "received": "文件已经收到，正在识别。",
    "read": "已经识别，等提供单位逐个字段核对；确认之前办公域什么也不知道。",
    "confirmed": "提供单位确认了字段、类型和等级，数据留在数据域。",
}


def of_stop(row: Stop, place: str, visitor: access.Visitor) -> Screen | None:
    if place:
        return None
    facts = [
        ("停止什么", words.SCOPES.get(row.scope, row.scope)),
        ("编号", row.target or "全部"),
        ("谁作出", row.get_origin_display()),
        ("理由", row.reason),
    ]
    return screen(
        _Zoned(row), "停止", "停止只要一方提出，不需要谁同意，谁也不能撤销。", facts, visitor,
        ground="operation.stop", allowed=False,
        changes=["没有什么能改变：要继续，须重新办理授权、产品或者协议。"],
    )  # fmt: skip


class _Zoned:
    """A stop of every zone is told by the packs of this home's first."""

    def __init__(self, row: Stop) -> None:
        self.pk = row.pk
        self.zone = row.zone or settings.SITE.zone


def of_act(act: str, visitor: access.Visitor) -> Screen:
    """Why a role may or may not do an act here."""
    roles, sentence = access.ACTS[act]
    may = access.can(visitor, act)
    facts = [
        ("要做的事", ACT_TITLES.get(act, act)),
        ("需要的角色", "、".join(words.ROLES.get(each, each) for each in sorted(roles))),
        ("您的角色", "、".join(words.ROLES.get(each, each) for each in sorted(visitor.roles)) or "没有"),
    ]
    return {
        "kind": "airlock",
        "id": f"act.{act}",
        "title": "谁可以办",
        "sentence": "您有这个角色。" if may else sentence,
        "allowed": may,
        "facts": [{"name": name, "title": name, "value": value} for name, value in facts],
        "rule": [],
        "articles": [],
        "choice": "项目选择：闸口的人和角色只取自两名安全管理员签署的信任名单，"
        "办公域授予的角色在这里不算数。",
        "changes": ["两名安全管理员签署一份新的信任名单，写上这个角色。"],
        "children": [],
        "done": [],
    }
