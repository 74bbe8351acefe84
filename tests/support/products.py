"""Products for tests: the people who act, a grant on the feed, a release from the data domain, the way to a buyer."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from gongshu.crypto.hashes import digest
from gongshu.crypto.sign import PrivateKey
from gongshu.wire import envelope as wire
from support import people
from support.people import NOW
from support.registrations import Office, after, pdf
from support.wires import World, key_row

ZONE = "huangshi"
INDEX = "线路,月份,人次\n1路,2026-01,1200\n2路,2026-01,900\n".encode()
FIELDS = ["线路", "月份", "人次"]
TYPED: dict[str, Any] = {
    "name": "公交客流指数", "form": "数据指数", "purpose": "public", "summary": "按线路和月份汇总的公交客流。",
    "cycle": "monthly", "fields": FIELDS, "touches": False, "head_source": "公交集团刷卡记录。",
    "head_masking": "输出不含卡号。", "head_no_raw": "只出域汇总表。", "head_access": "凭协议和钥匙调用。",
    "head_consent": "不涉及：汇总表不指向个人、企业。",
}  # fmt: skip
ITEMS: dict[str, Any] = {
    "delivery": "api", "pricing": "free", "scene": "交通运行监测", "conditions": "只在本单位使用",
    "term": {"from": "2026-04-01", "until": "2026-12-31"}, "security": "按三级等保保护", "breach": "停止供数",
    "touches": False,
}  # fmt: skip
TERMS: dict[str, Any] = {
    "purposes": ["transport"], "fields": FIELDS, "calls_per_day": "100", "consent": "none", "subjects_per_day": "0",
    "rate_per_second": "10", "rate_burst": "20", "over_tries": "5", "over_seconds": "600", "prohibitions": ["resell"],
    "tariff": [{"unit": "call", "up_to": "", "fen": "0", "per": "1", "partial": ""}],
}  # fmt: skip


class Market:
    """An operator with a key and a product, its provider, the authority, a registrar, a buyer with a key."""

    def __init__(self, zone: str = ZONE) -> None:
        self.zone = zone
        self.office = Office(zone)
        self.operator = people.organisation("市数据运营公司", zone=zone, kind="enterprise")
        self.provider = people.organisation("市公交集团有限公司", zone=zone)
        self.buyer = people.organisation("市交通研究院", zone=zone, kind="enterprise")
        self.authority = people.organisation("市数据局", zone=zone)
        self.maker_person = people.person(
            self.operator, "operator", "registrant", "registrant_reviewer", zone=zone, name="运营甲"
        )
        self.second_person = people.person(self.operator, "registrant_reviewer", zone=zone, name="运营乙")
        self.officer_person = people.person(
            self.authority, "data_authority", "implementing_body", zone=zone, name="主管甲"
        )
        self.checker_person = people.person(self.provider, "provider_checker", zone=zone)
        self.buyer_person = people.person(self.buyer, "buyer", zone=zone, name="使用甲")
        self.maker, self.officer = (
            people.actor(self.maker_person, zone),
            people.actor(self.officer_person, zone),
        )
        self.checker, self.customer = (
            people.actor(self.checker_person, zone),
            people.actor(self.buyer_person, zone),
        )
        self.office.registrant, self.office.applicant = self.operator, self.maker
        self.office.reviewer = people.actor(self.second_person, zone)
        self.key, self.operator_key = PrivateKey.generate("sm2"), PrivateKey.generate("ed25519")
        self.grant = self.publish_grant()

    def publish_grant(self, identifier: str = "g-1") -> str:
        from gongshu.office.link import feed
        from gongshu.office.products import upstream

        models = upstream.scenarios()
        if models is not None and models.Grant.objects.filter(pk=identifier).exists():
            identifier = f"{identifier}-{self.zone}"
        column = {"type": "VARCHAR", "grade": "L2"}
        body = {
            "id": identifier, "zone": self.zone, "project": self.project(), "mode": "answer", "purpose": "公交客流指数",
            "from": "2026-03-01", "until": "2027-02-28", "developing_org": self.operator.pk, "developers": ["p-9"],
            "reviewing_orgs": [self.authority.pk], "runs_per_day": 50, "v": 1,
            "tables": {"trips": {"resource": "res-1", "owner": self.provider.pk, "columns": {"line": column}}},
        }  # fmt: skip
        item = feed.publish("grant", body, zone=self.zone, now=datetime.now(UTC))
        if models is not None:
            models.Grant.objects.create(
                id=identifier, zone_id=self.zone, project_id=body["project"], body=body, state="live",
                digest=wire.body_digest("grant", self.zone, body), feed=item.seq, issued_at=NOW, settled_at=NOW,
            )  # fmt: skip
        return identifier

    def project(self) -> str:
        """A project of the operator where an app knows projects, else a number."""
        from gongshu.office.products import upstream

        models = upstream.scenarios()
        if models is None:
            return "pr-1"
        scenario = models.Scenario.objects.create(zone_id=self.zone, name="公交线网优化", saved_at=NOW)
        project = models.Project.objects.create(
            zone_id=self.zone, name="公交线网优化", purpose="线网优化", scenario=scenario,
            operator=self.operator, opened_by="test", opened_at=NOW,
        )  # fmt: skip
        models.Membership.objects.create(
            zone_id=self.zone, project=project, organisation=self.operator, role="operator"
        )
        return str(project.pk)

    # ------------------------------------------------------------ a product

    def begin(self, **more: Any) -> Any:
        from gongshu.office.products import services

        return services.begin(actor=self.maker, now=NOW, typed={**TYPED, "grant": self.grant, **more})

    def release_body(self, product: Any, identifier: str = "rel-1", content: bytes = INDEX) -> dict[str, Any]:
        made = digest(content)
        file = {
            "name": f"{identifier}.csv", "media": "text/csv; charset=utf-8", "size": len(content), "digest": made,
            "content": base64.b64encode(content).decode(),
        }  # fmt: skip
        record = {
            "v": 1,
            "title": "公交客流指数",
            "kind": "index",
            "business_date": "2026-03-10",
            "checks": [],
        }
        return {
            "id": identifier, "output": f"out-{identifier}", "task": f"t-{identifier}", "grant": self.grant,
            "product": getattr(product, "pk", product), "digest": made, "votes": [], "record": record,
            "sources": [{"snapshot": "snap-1", "resource": "res-1", "manifest": made}], "files": [file],
        }  # fmt: skip

    def arrive(self, kind: str, body: dict[str, Any], number: int = 1) -> Any:
        """A message of the data domain, kept and handled as the inbox would (its signatures are tested there)."""
        from django.db import transaction

        from gongshu.office.link import inbox
        from gongshu.office.link.models import InboxMessage

        wall = datetime.now(UTC)
        made = wire.make(kind, self.zone, number, body, wall)
        InboxMessage.objects.create(source="k", number=number, kind=kind, envelope=made.data(), received=wall)
        with transaction.atomic():
            for handler in inbox.HANDLERS.get(kind, ()):
                handler(made, [], wall)

    def released(self, **more: Any) -> Any:
        product = self.begin(**more)
        self.arrive("release", self.release_body(product), 1)
        return product

    def do(self, row: Any, act: str, actor: Any, now: datetime = NOW, **facts: Any) -> Any:
        from gongshu.office.cases import services
        from gongshu.office.cases.models import Case

        done = services.perform(Case.objects.get(pk=row.case_id), act, actor, facts, now)
        row.refresh_from_db()
        return done

    def passed(self, **more: Any) -> Any:
        product = self.released(**more)
        self.do(product, "submit", self.maker)
        heads = ("source", "masking", "no_raw", "access", "consent")
        self.do(
            product,
            "pass",
            self.officer,
            answers={each: {"result": "pass", "reason": "符合"} for each in heads},
        )
        return product

    def published(self, **more: Any) -> Any:
        """Passed and registered; `self.later` is the morning after publicity ended."""
        from gongshu.office.registration.models import Certificate

        product = self.passed(**more)
        resource = self.office.registered(resource="res-1")
        code = Certificate.objects.get(registration=resource).code
        made = self.office.registered("product", product=product.pk, name=product.name, R16=code)
        self.later = after(made.publicity_until)
        return product

    # ------------------------------------------------------------ a buyer

    def trust(self, monkeypatch: Any, folder: Any) -> World:
        """A trust list with this office's key, the operator's and the buyer's."""
        from gongshu.office.link import trust

        world = World(zone=self.zone)
        world.keys["office"] = settings.KEYS.signer("office")
        monkeypatch.setattr(settings, "TRUST_DIR", folder)
        trust.store.cache_clear()
        body = world.body()
        rows = [*body["keys"], *self.key_rows()]
        trust.store().install(world.trust_envelope(keys=rows), datetime.now(UTC))
        return world

    def key_rows(self) -> list[dict[str, Any]]:
        """What the trust list says of the two sides."""
        return [
            key_row(self.operator_key, "operator", organisation=self.operator.pk),
            key_row(self.key, "buyer", organisation=self.buyer.pk),
        ]

    def hand_in_key(self) -> Any:
        """Both sides hand in their keys; the buyer's."""
        from gongshu.office.products import supply

        supply.hand_in_key(actor=self.maker, now=NOW, text=self.operator_key.public().encode())
        return supply.hand_in_key(actor=self.customer, now=NOW, text=self.key.public().to_pem().decode())

    def agreement(self, product: Any, terms: Any = None, **more: Any) -> Any:
        from gongshu.office.products import agreements

        self.hand_in_key()
        made = agreements.begin(product, actor=self.maker, now=NOW, buyer=self.buyer.pk)
        agreed = {"consent": "each_call", "subjects_per_day": "50"}
        touches = product.typed.get("touches") or more.get("touches")
        terms = {
            **TERMS,
            **(agreed if touches else {}), "key": self.key.public().id,
            "operator_key": self.operator_key.public().id,
            "split": [{"role": "operator", "organisation": self.operator.pk, "parts": "1"}], **(terms or {}),
        }  # fmt: skip
        return agreements.save(
            made, actor=self.maker, now=NOW, typed={**ITEMS, **more}, terms=terms, version=made.version
        )

    def confirm(self, row: Any) -> Any:
        from gongshu.office.cases import materials
        from gongshu.office.cases.models import Case

        case = Case.objects.get(pk=row.case_id)
        paper = materials.store(pdf("协议.pdf"), actor=self.customer, now=NOW, field="agreement", case=case)
        file = {"name": paper.name, "digest": paper.digest}
        return self.do(row, "agree", self.customer, self.later, agreement=file, signed_on="2026-03-02")

    def signatures(self, row: Any, role: str = "buyer") -> dict[str, str]:
        """What a side's own tool makes of `to-sign`: plain signatures over the bytes given there."""
        from gongshu.office.products import agreements, signing

        side = signing.SIDES[role]
        wanted = agreements.to_sign(row, side)
        key = self.operator_key if role == "operator" else self.key
        return {
            kind: base64.b64encode(key.sign(base64.b64decode(wanted[kind]["message"]))).decode()
            for kind in side.kinds
        }

    def sign(self, row: Any, *roles: str) -> Any:
        """The sides named (both, the operator first, where none is) sign, the morning after publicity."""
        from gongshu.office.products import agreements

        for role in roles or ("operator", "buyer"):
            actor = self.maker if role == "operator" else self.customer
            agreements.sign(row, actor=actor, now=self.later, given=self.signatures(row, role))
        row.refresh_from_db()
        return row
