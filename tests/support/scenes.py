"""A zone with a scenario on its way to a live grant, driven through the services or over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.test import Client

from support import people
from support.people import NOW
from support.registrations import held

RESOURCE = "r-bus"
COLUMNS = {
    "card": {"type": "VARCHAR", "grade": "L4"},
    "line": {"type": "VARCHAR", "grade": "L1"},
    "hour": {"type": "INTEGER", "grade": "L1"},
    "age": {"type": "INTEGER", "grade": "L3"},
    "fare": {"type": "DOUBLE", "grade": "L2"},
}
PERIOD = {"from": "2026-01-01", "until": "2026-12-31"}
SCENARIO = {
    "name": "公交客流分析",
    "domain": "交通运输",
    "direction": "public",
    "purpose": "看清各线路各时段的客流，优化排班。",
    "users": "公交集团和市民。",
    "period-from": "2026-01-01",
    "period-until": "2026-12-31",
    "economic": "减少空驶。",
    "social": "缩短候车。",
    "business": "公益提供。",
    "feasible": "数据已经归集，技术成熟。",
    "needs-0-need_resource": "公交刷卡记录",
    "needs-0-need_items": "线路\n时段",
    "needs-0-need_reason": "没有刷卡记录就数不出客流。",
    "products": "公交客流指数",
    "protection": "只出汇总，不出个人。",
}
USE = {
    "purpose": "编制公交客流指数",
    "period-from": "2026-01-01",
    "period-until": "2026-12-31",
    "cycle": "monthly",
    "security": "只在数据域内运行。",
}


def resource_row(zone: str, owner: str, **more: Any) -> Any:
    """A published item of the catalogue, its outline confirmed at the airlock; a second call replaces it."""
    from gongshu.office.cases import services
    from gongshu.office.catalogue.models import Resource

    facts = {"table": "trips", "columns": COLUMNS, "subject": "card", "rows": 3_000_000, "snapshot": "s-1"}
    name, state = more.pop("name", "公交刷卡记录"), more.pop("state", "published")
    fields = {"name": name, "state": state, "facts": facts | more, "saved_at": NOW, "saved_by": "p-x"}
    known = Resource.objects.filter(pk=RESOURCE)
    if known.update(**fields):
        return known.get()
    officer = people.acting(people.organisation("编目单位", zone=zone), "provider_officer", zone=zone)
    case = services.open_case(
        "catalogue.publication", RESOURCE, officer, NOW, title="公交刷卡记录", zone=zone
    )
    return Resource.objects.create(id=RESOURCE, zone_id=zone, case=case, provider_id=owner, **fields)


class Zone:
    """Authority, provider with officer and checker, operator with developer, in one zone."""

    def __init__(self, zone: str = "huangshi") -> None:
        self.zone = zone
        self.authority_home = people.organisation("市数据局", zone=zone)
        self.provider_home = people.organisation("市公交集团", zone=zone)
        self.operator_home = people.organisation("市数据运营公司", zone=zone)
        self.authority = people.person(self.authority_home, "data_authority", zone=zone)
        self.officer = people.person(self.provider_home, "provider_officer", zone=zone)
        self.checker = people.person(self.provider_home, "provider_checker", zone=zone)
        self.operator = people.person(self.operator_home, "operator", zone=zone)
        self.developer = people.person(self.operator_home, "developer", zone=zone)
        resource_row(zone, self.provider_home.pk)

    def client(self, person: Any) -> Client:
        return people.log_in(Client(), person)

    def send(self, person: Any, path: str, form: str, **answers: Any) -> Any:
        """Open a page, fill in one of its forms and send it, following the redirect."""
        client = self.client(person)
        page = client.get(path)
        assert page.status_code == 200, (path, page.status_code, page.content.decode()[:3000])
        return client.post(path, held(page.content.decode(), form) | answers, follow=True)

    def act(self, person: Any, case: Any, act: str, **answers: Any) -> Any:
        return self.send(person, f"/cases/{case.pk}/acts/{act}/", "act-form", **answers)

    def scenario(self, **answers: Any) -> Any:
        """A draft, filled in over HTTP."""
        from gongshu.office.scenarios.models import Scenario

        self.send(self.operator, "/scenarios/new/", "new-scenario", name="公交客流分析")
        made = Scenario.objects.latest("saved_at")
        given = SCENARIO | {"needs-0-need_provider": self.provider_home.name} | answers
        self.send(self.operator, f"/scenarios/{made.pk}/edit/", "scenario-form", **given)
        made.refresh_from_db()
        return made

    def approved(self) -> Any:
        made = self.scenario()
        answer = self.act(self.operator, made.case, "submit", one_scene="on")
        assert 'id="refusal"' not in text(answer), text(answer)
        if self.zone in ("huangshi", "hubei"):
            self.act(self.checker, made.case, "provider_agree")
        results = {f"answers-{item}-result": "pass" for item in ("economic", "social", "business", "need")}
        judge = self.authority
        answer = self.act(judge, made.case, "approve", **results)
        made.refresh_from_db()
        made.case.refresh_from_db()
        assert made.case.state == "approved", text(answer)
        return made

    def request(self, scenario: Any, fields: Mapping[str, tuple[str, str]] | None = None) -> Any:
        """A request, filled in over HTTP."""
        from gongshu.office.scenarios.models import DataRequest

        wanted = {"scenario": scenario.pk, "resource": RESOURCE}
        self.send(self.operator, "/scenarios/requests/new/", "new-request", **wanted)
        made = DataRequest.objects.latest("saved_at")
        chosen = fields or {
            "card": ("按持卡人去重计数", "不能，去重要用卡号本身"),
            "line": ("按线路汇总", ""),
            "hour": ("按时段汇总", ""),
        }
        given: dict[str, Any] = USE | {"ask": list(chosen)}
        for name, (necessity, coarser) in chosen.items():
            given |= {f"necessity-{name}": necessity, f"coarser-{name}": coarser}
        self.send(self.operator, f"/scenarios/requests/{made.pk}/edit/", "request-form", **given)
        made.refresh_from_db()
        return made

    def granted(self, scenario: Any = None, declined: Mapping[str, str] | None = None) -> Any:
        made = self.request(scenario or self.approved())
        answer = self.act(self.operator, made.case, "submit")
        assert 'id="refusal"' not in text(answer), text(answer)
        answer = self.act(self.checker, made.case, "grant", **decisions(made, declined or {}))
        made.refresh_from_db()
        made.case.refresh_from_db()
        assert made.case.state == "granted", text(answer)
        return made

    def project(self, request: Any = None, **answers: Any) -> Any:
        from gongshu.office.scenarios.models import Project

        given = {
            "name": "公交客流指数",
            "from": "2026-01-01",
            "until": "2026-12-31",
            "requests": [(request or self.granted()).pk],
            "developers": [self.developer.pk],
        } | answers
        answer = self.send(self.operator, "/scenarios/projects/new/", "project-form", **given)
        made = Project.objects.order_by("opened_at").last()
        assert made is not None, text(answer)
        return made

    def confirm(self, grant: Any, answer: str = "confirmed", **more: Any) -> Any:
        """The airlock's signed answer, as the inbox hands it over once verified."""
        from gongshu.office.scenarios import grants

        body = {
            "id": f"{grant.pk}.{self.provider_home.pk}",
            "subject": grant.pk,
            "digest": grant.digest,
            "organisation": self.provider_home.pk,
            "person": self.officer.pk,
            "answer": answer,
        } | more
        grants.answered(message("confirmation", self.zone, body), NOW)
        grant.refresh_from_db()
        return grant

    def live(self) -> Any:
        """A project with a live grant, through the services: the pages have their own tests."""
        from gongshu.office.cases import services
        from gongshu.office.scenarios import drafts, importing, projects
        from gongshu.office.scenarios.models import Scenario

        authority, operator, checker = (
            people.actor(each, self.zone) for each in (self.authority, self.operator, self.checker)
        )
        listed = f"应用场景\n{SCENARIO['name']}\n".encode()
        importing.take(listed, actor=authority, now=NOW, title="场景清单", zone=self.zone)
        scenario = Scenario.objects.get(zone_id=self.zone)
        asked = drafts.begin_request(actor=operator, now=NOW, scenario=scenario.pk, resource=RESOURCE)
        rows = [
            {"field": name, "necessity": "按它去重、汇总", "coarser": "不能", "grade": COLUMNS[name]["grade"]}
            for name in ("card", "line", "hour")
        ]
        use = {key: USE[key] for key in ("purpose", "cycle", "security")}
        typed = use | {"fields": rows, "period": PERIOD}
        drafts.save(asked, actor=operator, now=NOW, typed=typed, version=0)
        services.perform(asked.case, "submit", operator, {}, NOW)
        agreed = [{"field": row["field"], "decision": "同意"} for row in rows]
        services.perform(asked.case, "grant", checker, {"decisions": agreed}, NOW)
        made = projects.begin(
            actor=operator,
            now=NOW,
            name="公交客流指数",
            requests=[asked.pk],
            developers=[self.developer.pk],
            start="2026-01-01",
            until="2026-12-31",
        )
        self.confirm(made.grants.get())
        return made


def product_of(project: Any, identifier: str = "pr-1", grant: str = "") -> Any:
    """A product of the project's operator under the project's grant (or another)."""
    from gongshu.office.cases import services
    from gongshu.office.products.models import Product

    zone = project.zone_id
    maker = people.acting(project.operator, "operator", zone=zone)
    case = services.open_case("product.compliance", identifier, maker, NOW, title="公交客流指数", zone=zone)
    return Product.objects.create(
        id=identifier, zone_id=zone, operator=project.operator, case=case, name="公交客流指数",
        grant=grant or project.grants.latest("issued_at").pk, state=case.state, saved_at=NOW, saved_by="test",
    )  # fmt: skip


def decisions(request: Any, declined: Mapping[str, str]) -> dict[str, str]:
    """The provider's decision on every field asked for."""
    from gongshu.office.scenarios import pages

    given = {}
    for number, asked in enumerate(pages.asked_fields(request)):
        name = asked["field"]
        given[f"decisions-{number}-field"] = name
        given[f"decisions-{number}-decision"] = "不同意" if name in declined else "同意"
        given[f"decisions-{number}-reason"] = declined.get(name, "")
    return given


def message(kind: str, zone: str, body: Mapping[str, Any], seq: int = 1, role: str = "airlock") -> Any:
    """An envelope of the data domain; its signature was checked before it is handed over."""
    from gongshu.crypto.sign import PrivateKey
    from gongshu.wire import envelope as wire

    return wire.sign(wire.make(kind, zone, seq, body, NOW), role, PrivateKey.generate("ed25519"))


def text(answer: Any) -> str:
    return str(answer.content.decode())
