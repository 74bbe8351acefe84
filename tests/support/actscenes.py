"""One call for every act of `gongshu.office.acts`: a thing to act on, its organisation, and what comes of it.

A scene is made once a world; every role then tries the act inside a savepoint that is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from support import people
from support.people import NOW
from support.registrations import pdf

Call = Callable[[Any], Any]
UNTIL = date(2026, 12, 31)


@dataclass
class Scene:
    """`act` in the table; `home`: the organisation whose affair it is; `call(actor)`; `then`: the code of the
    refusal that meets somebody who may, where the act is tried with an input that is wrong on purpose;
    `local`: the act is about the actor's own zone whichever that is, so no zone is a strange one."""

    act: str
    home: Any
    call: Call
    then: str = ""
    local: bool = False
    homes: Mapping[str, Any] = field(default_factory=dict)
    """Role → whose affair it is for that role, where the parties' roles differ."""
    hidden: str = ""
    """What somebody of another zone hears instead of a refusal of the role: that there is no such thing."""


def accounts(_monkeypatch: Any, _folder: Any) -> list[Scene]:
    from gongshu.office.accounts import granting, line, services
    from gongshu.office.accounts.models import Affiliation, Delegation
    from gongshu.office.authorisation import services as filing
    from gongshu.office.link import clock

    home, one, other = (people.organisation() for _ in range(3))
    clerk = people.person(one, "registrar")
    assignment = clerk.roleassignment_set.get() if hasattr(clerk, "roleassignment_set") else _assigned(clerk)
    tie = Affiliation.objects.create(
        zone_id="huangshi", organisation=min(one, other, key=lambda each: each.pk),
        other=max(one, other, key=lambda each: each.pk), kind="parent", since=people.SINCE,
    )  # fmt: skip
    given = Delegation.objects.create(
        zone_id="huangshi", principal=home, agent=one, since=people.SINCE, until=UNTIL, document="d"
    )

    def made(actor: Any) -> Any:
        return services.create_organisation(
            actor=actor, now=NOW, zone="huangshi", name="新单位", code=people.credit_code(), kind="other"
        )

    def person(actor: Any) -> Any:
        return services.create_person(actor=actor, now=NOW, organisation=one, name="新人", username="xinren")

    def role(actor: Any) -> Any:
        return granting.grant_role(
            actor=actor, now=NOW, person=clerk, zone="huangshi", role="auditor", since=people.TODAY
        )

    def tied(actor: Any) -> Any:
        return granting.add_affiliation(
            actor=actor, now=NOW, one=home, other=other, kind="parent", since=people.TODAY
        )

    def delegated(actor: Any) -> Any:
        return granting.delegate(
            actor=actor, now=NOW, agent=one, since=people.TODAY, until=UNTIL, document="sha256:" + "a" * 64
        )

    return [
        Scene("accounts.services.create_organisation", home, made),
        Scene("accounts.services.create_person", home, person),
        Scene(
            "accounts.services.reset_account", home,
            lambda actor: services.reset_account(actor=actor, now=NOW, person=clerk),
        ),
        Scene(
            "accounts.services.set_person_active", home,
            lambda actor: services.set_person_active(actor=actor, now=NOW, person=clerk, active=False),
        ),
        Scene(
            "accounts.services.set_organisation_active", home,
            lambda actor: services.set_organisation_active(
                actor=actor, now=NOW, organisation=other, active=False
            ),
        ),
        Scene("accounts.granting.grant_role", home, role),
        Scene(
            "accounts.granting.revoke_role", home,
            lambda actor: granting.revoke_role(actor=actor, now=NOW, assignment=assignment),
        ),
        Scene("accounts.granting.add_affiliation", home, tied),
        Scene(
            "accounts.granting.end_affiliation", home,
            lambda actor: granting.end_affiliation(actor=actor, now=NOW, affiliation=tie, until=UNTIL),
        ),
        Scene("accounts.granting.delegate", home, delegated, local=True),
        Scene(
            "accounts.granting.revoke_delegation", home,
            lambda actor: granting.revoke_delegation(actor=actor, now=NOW, delegation=given),
        ),
        Scene(
            "accounts.line.publish_trust", home,
            lambda actor: line.publish_trust(actor=actor, now=datetime.now(UTC), document={}), "input:version", local=True,
        ),
        Scene(
            "accounts.line.move_clock", home,
            lambda actor: line.move_clock(
                actor=actor, now=clock.wall_now(), target=clock.business_now() + timedelta(days=1)
            ),
            local=True,
        ),
        Scene(
            "authorisation.services.enter", home,
            lambda actor: filing.enter(actor=actor, now=NOW, facts={"name": "某文件"}), "input:kind",
            local=True,
        ),
    ]  # fmt: skip


def _assigned(person: Any) -> Any:
    from gongshu.office.accounts.models import RoleAssignment

    return RoleAssignment.objects.get(person=person)


def catalogue(_monkeypatch: Any, _folder: Any) -> list[Scene]:
    from gongshu.office.catalogue import deleting, importing, services

    home = people.organisation()
    maker = people.acting(home, "provider_officer")
    row = services.begin(actor=maker, now=NOW, typed={"name": "刷卡记录"})
    row.facts = {"snapshot": "s-1"}
    row.save(update_fields=["facts"])

    def taken(actor: Any) -> Any:
        made, left = importing.take(actor, [{"name": "甲"}], NOW)
        if left:
            # 一条一条地拒绝：收下几条、拒了几条；一条也没有收下，就是没有办成
            services.begin(actor=actor, now=NOW, typed={"name": "甲"})
        return made

    return [
        Scene(
            "catalogue.services.begin", home,
            lambda actor: services.begin(actor=actor, now=NOW, typed={"name": "甲"}, zone="huangshi"),
        ),
        Scene(
            "catalogue.services.save", home,
            lambda actor: services.save(row, actor=actor, now=NOW, typed={"name": "乙"}, version=row.version),
        ),
        Scene("catalogue.importing.take", home, taken, local=True),
        Scene(
            "catalogue.deleting.order", home,
            lambda actor: deleting.order(row, actor=actor, reason="到期不再留存"),
        ),
    ]  # fmt: skip


def registration(_monkeypatch: Any, _folder: Any) -> list[Scene]:
    from gongshu.office.cases import materials
    from gongshu.office.registration import deposits, drafts, objections
    from support.registrations import Office

    office = Office("huangshi")
    row = office.begin()
    shown = office.in_publicity()
    paper = materials.store(pdf("身份证.pdf"), actor=office.applicant, now=NOW)
    objection = objections.object_publicly(
        shown,
        objector=objections.Objector("李四", "other", "E12345678", "13800000000"),
        grounds="数据来源不清，内容与事实不符。",
        evidence=[paper],
        identity=[paper],
        address="",
        now=NOW,
    )
    digest = "sha256:" + "a" * 64
    return [
        Scene(
            "registration.drafts.begin", office.registrant,
            lambda actor: drafts.begin(actor=actor, now=NOW, zone="huangshi", name="新申请"),
        ),
        Scene(
            "registration.drafts.save", office.registrant,
            lambda actor: drafts.save(row, actor=actor, now=NOW, typed=row.typed, version=row.version),
        ),
        Scene(
            "registration.deposits.make", office.registrant,
            lambda actor: deposits.make(row, actor=actor, now=NOW, title="样例", digest=digest),
        ),
        Scene(
            "registration.objections.read_identity", office.registrant,
            lambda actor: objections.read_identity(objection, actor=actor),
        ),
    ]  # fmt: skip


def scenarios(_monkeypatch: Any, _folder: Any) -> list[Scene]:
    from gongshu.office.scenarios import drafts, grants, importing, projects
    from gongshu.office.scenarios.models import Scenario
    from support.scenes import RESOURCE, Zone

    zone = Zone()
    project = zone.live()
    home, scenario = zone.operator_home, Scenario.objects.get()
    draft = drafts.begin_scenario(actor=people.actor(zone.operator), now=NOW, name="新场景")

    def begun(actor: Any) -> Any:
        return projects.begin(
            actor=actor, now=NOW, name="又一个", requests=[], developers=[zone.developer.pk],
            start="", until="", zone="huangshi",
        )  # fmt: skip

    return [
        Scene(
            "scenarios.drafts.begin_scenario", home,
            lambda actor: drafts.begin_scenario(actor=actor, now=NOW, name="甲", zone="huangshi"),
        ),
        Scene(
            "scenarios.drafts.begin_request", home,
            lambda actor: drafts.begin_request(
                actor=actor, now=NOW, scenario=scenario.pk, resource=RESOURCE, zone="huangshi"
            ),
        ),
        Scene(
            "scenarios.drafts.save", home,
            lambda actor: drafts.save(draft, actor=actor, now=NOW, typed={"name": "乙"}, version=0),
        ),
        Scene(
            "scenarios.importing.take", home,
            lambda actor: importing.take("应用场景\n丙\n".encode(), actor=actor, now=NOW, title="清单", zone="huangshi"),
        ),
        Scene("scenarios.projects.begin", home, begun, "input:requests"),
        Scene(
            "scenarios.projects.reissue", home,
            lambda actor: projects.reissue(project, actor=actor, now=NOW), "state",
        ),
        Scene(
            "scenarios.grants.stop_project", home,
            lambda actor: grants.stop_project(project, actor=actor, reason="检查"),
        ),
    ]  # fmt: skip


def products(monkeypatch: Any, folder: Any) -> list[Scene]:
    from gongshu.crypto.sign import PrivateKey
    from gongshu.office.consent import complaints, requests
    from gongshu.office.consent import services as subjects
    from gongshu.office.products import agreements, endings, lifts, services, supply
    from gongshu.office.products.models import Agreement, Product, Trip
    from gongshu.office.supervision import services as supervision
    from support.consents import ASKED, Desk

    desk = Desk(monkeypatch, folder)
    market, agreement = desk.market, desk.agreement
    product = Product.objects.get(pk=agreement.product_id)
    draft = market.begin(name="另一个产品")
    other = agreements.begin(product, actor=market.maker, now=market.later, buyer=market.buyer.pk)
    row = desk.ask()
    consent = desk.agreed()
    complaint = subjects.complain(
        subject=consent.subject, consent=consent, kind="other", text="没有说明用在哪里。", now=desk.now
    )
    later, operator, buyer = market.later, market.operator, market.buyer
    trip = Trip.objects.create(id="trip-1", zone_id=market.zone, agreement=agreement, at=NOW)
    key = PrivateKey.generate("ed25519").public().encode()

    def sent(actor: Any) -> Any:
        Agreement.objects.filter(pk=agreement.pk).update(sent=0)  # 备案时已经送出；这里让它还没有送
        return agreements.send(agreement, actor=actor)

    return [
        Scene(
            "products.services.begin", operator,
            lambda actor: services.begin(actor=actor, now=NOW, typed={"name": "新产品"}, zone="huangshi"),
        ),
        Scene(
            "products.services.save", operator,
            lambda actor: services.save(
                draft, actor=actor, now=NOW, typed={"name": "改名"}, version=draft.version
            ),
        ),
        Scene(
            "products.services.review_again", operator,
            lambda actor: services.review_again(draft, actor=actor, now=NOW), "state",
        ),
        Scene(
            "products.services.begin_registration", operator,
            lambda actor: services.begin_registration(draft, actor=actor, now=NOW),
        ),
        Scene(
            "products.supply.ask_ceiling", operator,
            lambda actor: supply.ask_ceiling(product, actor=actor, now=NOW, buyers=[], terms={}),
            "input:buyers",
        ),
        Scene(
            "products.supply.hand_in_key", buyer,
            lambda actor: supply.hand_in_key(actor=actor, now=NOW, text=key), local=True,
        ),
        Scene(
            "products.supply.stop", operator,
            lambda actor: supply.stop(product, actor=actor, reason="检查"),
        ),
        Scene(
            "products.agreements.begin", operator,
            lambda actor: agreements.begin(product, actor=actor, now=later, buyer=buyer.pk),
        ),
        Scene(
            "products.agreements.save", operator,
            lambda actor: agreements.save(
                other, actor=actor, now=later, typed={}, terms={}, version=other.version
            ),
        ),
        Scene(
            "products.agreements.sign", buyer,
            lambda actor: agreements.sign(other, actor=actor, now=later, given={}), "state",
            homes={"operator": operator},
        ),
        Scene(
            "products.agreements.send", buyer,
            sent, homes={"operator": operator},
        ),
        Scene(
            "products.lifts.ask", operator,
            lambda actor: lifts.ask(trip, actor=actor, now=later, reason="已经改正"),
        ),
        Scene(
            "products.endings.end_operator", people.organisation(),
            lambda actor: endings.end_operator(
                actor=actor, now=later, organisation=operator.pk, reason="授权期满"
            ),
            local=True,
        ),
        Scene(
            "consent.requests.ask", buyer,
            lambda actor: requests.ask(agreement, actor=actor, now=desk.now, typed=ASKED),
        ),
        Scene(
            "consent.requests.cancel", buyer,
            lambda actor: requests.cancel(row, actor=actor),
        ),
        Scene(
            "consent.complaints.answer", operator,
            lambda actor: complaints.answer(
                complaint, actor=actor, now=desk.now, text="查明属实，已经改正。"
            ),
        ),
        Scene(
            "supervision.services.begin_correction", people.organisation(),
            lambda actor: supervision.begin_correction(
                actor=actor, now=NOW, procedure=supervision.CORRECTION, addressee=operator.pk,
                role="operator", title="整改",
            ),
            local=True,
        ),
        Scene(
            "supervision.services.draw", people.organisation(),
            lambda actor: supervision.draw(
                actor=actor, now=later, seed="种子", until=people.TODAY, wanted=1
            ),
            local=True,
        ),
        Scene(
            "supervision.services.stop", people.organisation(),
            lambda actor: supervision.stop(
                actor=actor, scope="product", target=product.pk, reason="检查"
            ),
            hidden="input:target",
        ),
        Scene(
            "supervision.services.stop_own", market.provider,
            lambda actor: supervision.stop_own(actor=actor, product=product, reason="检查"),
        ),
    ]  # fmt: skip


def settlement(_monkeypatch: Any, _folder: Any) -> list[Scene]:
    from gongshu.office.portal import approval
    from gongshu.office.products import agreements
    from gongshu.office.settlement import billing, conflicts, pricing, reports
    from gongshu.office.settlement.models import CallBatch
    from support.products import Market

    market = Market()
    product, operator, later = market.begin(), market.operator, NOW
    agreement = agreements.begin(
        market.published(), actor=market.maker, now=market.later, buyer=market.buyer.pk
    )
    batch = CallBatch.objects.create(
        zone_id=market.zone,
        batch="gateway-1",
        contract=agreement.pk,
        product=agreement.product_id,
        day=NOW.date(),
        purpose="p",
        calls=1,
        hits=1,
        subjects=0,
        root="sha256:" + "0" * 64,
        received=NOW,
        conflict=True,
    )
    return [
        Scene(
            "portal.approval.begin", operator,
            lambda actor: approval.begin(actor=actor, now=NOW, zone="huangshi"), "rule",
        ),
        Scene(
            "settlement.billing.run", operator,
            lambda actor: billing.run(actor=actor, now=later, month="2099-01", zone="huangshi"), "input:month",
        ),
        Scene(
            "settlement.conflicts.settle", operator,
            lambda actor: conflicts.settle(batch, actor=actor, now=later, take=conflicts.DROP, reason="与网关核对过"),
        ),
        Scene(
            "settlement.pricing.begin_maximum", people.organisation(),
            lambda actor: pricing.begin_maximum(actor=actor, now=later, operator=operator.pk), local=True,
        ),
        Scene(
            "settlement.pricing.begin_cap", people.organisation(),
            lambda actor: pricing.begin_cap(product, actor=actor, now=later),
        ),
        Scene(
            "settlement.reports.send", people.organisation(),
            lambda actor: reports.send(actor=actor, now=later, operator="?", year=2025), "input:operator", local=True,
        ),
        Scene(
            "settlement.pricing.publish", operator,
            lambda actor: pricing.publish(product, actor=actor, now=later, rows=[], since=""), "input:since",
        ),
    ]  # fmt: skip


def workbench(_monkeypatch: Any, _folder: Any) -> list[Scene]:
    """What only the developers a grant names may do; `named` is put on the grant for every role that tries."""
    from gongshu.office.workbench import samples, services, steps
    from gongshu.office.workbench.models import Sample, Task
    from support.scenes import Zone

    zone = Zone()
    project = zone.live()
    grant = project.grants.get()
    home = zone.operator_home
    query = "SELECT line, count(*) AS n FROM trips GROUP BY line"
    run = services.submit_run(project, actor=people.actor(zone.developer), now=NOW, sql=query)
    Task.objects.filter(pk=run.pk).update(code="done")
    sample = Sample.objects.create(
        zone_id=project.zone_id, task=run, project=project, grant=grant, digest="sha256:" + "b" * 64,
        files=[], record={}, envelope="sha256:" + "c" * 64, at=NOW,
    )  # fmt: skip
    return [
        Scene(
            "workbench.services.submit_run", home,
            lambda actor: services.submit_run(project, actor=actor, now=NOW, sql=query),
        ),
        Scene(
            "workbench.services.request_release", home,
            lambda actor: services.request_release(run, actor=actor, now=NOW, kind="?", title="客流"),
            "input:kind",
        ),
        Scene(
            "workbench.steps.submit_query", home,
            lambda actor: steps.submit_query(project, actor=actor, now=NOW, name="built", sql=query), "state",
        ),
        Scene(
            "workbench.steps.submit_program", home,
            lambda actor: steps.submit_program(
                project, actor=actor, now=NOW, program="pass", reads=["built"], outputs=[{"name": "scores", "kind": "table"}]
            ),
            "state",
        ),
        Scene(
            "workbench.samples.request", home,
            lambda actor: samples.request(project, actor=actor, now=NOW),
        ),
        Scene(
            "workbench.samples.bundle", home,
            lambda actor: samples.bundle(Sample.objects.get(pk=sample.pk), actor=actor, now=datetime.now(UTC)),
        ),
    ]  # fmt: skip


WORLDS: dict[str, Callable[[Any, Any], list[Scene]]] = {
    "accounts": accounts,
    "catalogue": catalogue,
    "registration": registration,
    "scenarios": scenarios,
    "products": products,
    "workbench": workbench,
    "settlement": settlement,
}
