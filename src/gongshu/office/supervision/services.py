"""Every change of this app: an order to correct, a draw of cases, a stop; each asked, done and proved."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction

from gongshu.law.history import local_day
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Organisation
from gongshu.office.accounts.permissions import Refused, check
from gongshu.office.accounts.queries import organisations
from gongshu.office.cases import services as cases
from gongshu.office.cases.models import Case
from gongshu.office.link import clock, evidence
from gongshu.office.products import supply
from gongshu.office.products.models import Agreement, Product
from gongshu.office.scenarios import grants
from gongshu.office.supervision import sampling
from gongshu.office.supervision.models import Correction, Draw, correction_id, draw_id
from gongshu.office.supervision.permissions import ORDERING

CORRECTION, REGISTRAR = "supervision.correction", "supervision.registrar"
PROCEDURES = (CORRECTION, REGISTRAR)
# 被通知整改的单位以什么身份办理；登记机构另有自己的程序
ADDRESSEES = {
    CORRECTION: ("operator", "developer", "buyer", "provider_officer", "registrant", "third_party"),
    REGISTRAR: ("registrar",),
}
DEFAULT_SIZE, LARGEST = 30, 500


# ------------------------------------------------------------ orders to correct


@transaction.atomic
def begin_correction(
    *,
    actor: Actor,
    now: datetime,
    procedure: str,
    addressee: str,
    role: str,
    title: str,
    about_kind: str = "",
    about: str = "",
) -> Correction:
    """Open the case of an order to correct against an organisation of the zone. `now` is business time.

    The order itself is the first act of the case. Raises `Refused`.
    """
    check(actor, "supervision.order")
    if procedure not in PROCEDURES or role not in ADDRESSEES[procedure]:
        raise Refused("请选择整改的程序和被监督单位的身份。", "input:role")
    home: Organisation | None = organisations(actor).filter(pk=addressee, zone_id=actor.zone).first()
    if home is None:
        raise Refused("请选择本专区的单位。", "input:addressee")
    if home.pk in actor.organisations:
        raise Refused("不能对自己的单位发整改通知，请由上级或者别的监督单位发出。", "input:addressee")
    if not title.strip():
        raise Refused("请写明整改的事项。", "input:title")
    # 发出通知的单位自己也是当事机构：由它复查，它不因自己立案而要回避
    own = next(each for each in ORDERING if each in actor.roles)
    identifier = correction_id()
    case = cases.open_case(
        procedure,
        identifier,
        actor,
        now,
        title=title,
        subject_kind="correction",
        party_roles={role: home.pk, own: sorted(actor.organisations)},
    )
    return Correction.objects.create(
        id=identifier,
        zone_id=case.zone_id,
        case=case,
        addressee=home,
        role=role,
        about_kind=about_kind[:40],
        about=about[:60],
    )


# ------------------------------------------------------------ drawing cases


@transaction.atomic
def draw(
    *,
    actor: Actor,
    now: datetime,
    seed: str,
    until: date,
    since: date | None = None,
    procedure: str = "",
    wanted: int = DEFAULT_SIZE,
) -> Draw:
    """Draw `wanted` cases of the actor's zone opened from `since` to `until` (business days, included).

    The population is closed: `until` lies before today. Drawing leaves evidence, so nobody draws again and
    again until the sample pleases without it being seen. Raises `Refused`.
    """
    check(actor, "supervision.draw")
    seed = seed.strip()
    if not seed or len(seed) > 200 or not seed.isprintable():
        raise Refused("请写一个自己选的种子：一行文字，不超过二百个字。", "input:seed")
    if until >= local_day(now):
        raise Refused(
            "总体的截止日要早于今天：当天还会有案件立案，总体定不下来。请选择昨天或者更早的日子。",
            "input:until",
        )
    if since and since > until:
        raise Refused("开始的日子晚于截止的日子，请改正。", "input:since")
    if not 1 <= wanted <= LARGEST:
        raise Refused(f"请抽取 1 到 {LARGEST} 件。", "input:wanted")
    population = sorted(population_of(actor.zone, since, until, procedure).values_list("number", flat=True))
    if not population:
        raise Refused("这个范围里没有案件，请放宽日期或者程序。", "input:until")
    drawn = sampling.draw(seed, population, wanted)
    identifier, wall = draw_id(), clock.wall_now()
    made = sampling.statement(
        identifier=identifier,
        zone=actor.zone,
        seed=seed,
        procedure=procedure,
        since=since,
        until=until,
        wanted=wanted,
        population=population,
        drawn=drawn,
    )
    digest = sampling.digest_of(made)
    entry = evidence.record(
        act="audit.draw",
        actor=actor.person,
        role="auditor",
        subject=identifier,
        zone=actor.zone,
        now=wall,
        digests={"draw": digest},
    )
    return Draw.objects.create(
        id=identifier,
        zone_id=actor.zone,
        seed=seed,
        procedure=procedure,
        since=since,
        until=until,
        wanted=wanted,
        population=len(population),
        population_digest=made["population"]["digest"],
        numbers=drawn,
        digest=digest,
        by=actor.person,
        at=now,
        wall_at=wall,
        entry=entry,
    )


def population_of(zone: str, since: date | None, until: date, procedure: str) -> Any:
    """The cases of a zone a draw is made from, whoever draws; numbers never change and cases never go."""
    rows = Case.objects.filter(zone_id=zone, opened_at__date__lte=until)
    rows = rows.filter(opened_at__date__gte=since) if since else rows
    return rows.filter(procedure=procedure) if procedure else rows


# ------------------------------------------------------------ stops


@transaction.atomic
def stop(*, actor: Actor, scope: str, target: str, reason: str) -> str:
    """A supervisor's stop of a project, grant, product or usage agreement; its id. Never refused to those
    who may stop. It goes out on the feed and acts whatever the office does afterwards."""
    check(actor, "supervision.stop")
    if scope == "all":
        return str(grants.stop(actor=actor, zone=actor.zone, scope=scope, target="", reason=reason).pk)
    zone = zone_of(scope, target)
    if zone not in actor.zones:
        raise Refused("这个专区里没有您所写的对象，请核对编号。", "input:target")
    return str(grants.stop(actor=actor, zone=zone, scope=scope, target=target, reason=reason).pk)


OFFERED = 200


def stoppable(actor: Actor) -> list[tuple[str, str]]:
    """What a supervisor may name in a stop, (id, kind and name), the newest of each kind first."""
    from gongshu.office.scenarios.models import Grant, Project, Stop

    zones = {"zone_id__in": actor.zones}
    stopped = Stop.objects.filter(scope="project").values("target")
    projects = Project.objects.filter(**zones).exclude(pk__in=stopped).order_by("-opened_at")
    grants_ = Grant.objects.filter(**zones, state__in=("awaiting", "live")).select_related("project")
    products = Product.objects.filter(**zones).order_by("-pk")
    contracts = Agreement.objects.filter(**zones).select_related("product", "buyer").order_by("-pk")
    return [
        *((row.pk, f"项目：{row.name}") for row in projects[:OFFERED]),
        *((row.pk, f"授权：{row.project.name}，{row.get_state_display()}") for row in grants_[:OFFERED]),
        *((row.pk, f"产品：{row.name}") for row in products[:OFFERED]),
        *((row.pk, f"使用协议：{row.product.name}，{row.buyer.name}") for row in contracts[:OFFERED]),
    ]


def zone_of(scope: str, target: str) -> str:
    """The zone of what is to be stopped; '' when there is no such thing."""
    from gongshu.office.scenarios.models import Grant, Project

    models = {"project": Project, "grant": Grant, "product": Product, "contract": Agreement}
    if scope not in models:
        return ""
    return str(models[scope].objects.filter(pk=target).values_list("zone_id", flat=True).first() or "")


@transaction.atomic
def stop_own(*, actor: Actor, product: Product, reason: str) -> str:
    """A provider stops a product made of its data, through the same door as on the product's page."""
    check(actor, "supervision.mine", product.zone_id)
    item = supply.stop(product, actor=actor, reason=reason)
    return str(item.subject)
