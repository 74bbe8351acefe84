"""Every page of the office that shows a state, a deadline, a refusal or a price carries the 为什么 mark.

The walk opens every address of the office in a town where something of everything has happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from selectolax.lexbor import LexborHTMLParser

from gongshu.office.link import clock, trust
from support import people
from support.consents import Desk
from support.products import Market
from support.scenes import Zone

pytestmark = pytest.mark.django_db

# 页面上显示决定、天数、拒绝、价格的记号
SHOWING = (
    "#content .badge-state",
    "#content .chip",
    "#content #refusal",
    "#content .act-refused",
    "#content [data-fen]",
    "#content #product-price",
    "#content #price",
)
MARK = "#content a.why"

# 没有页面的地址 → 为什么没有
NO_PAGE: dict[str, str] = {
    "health": "给守护进程看的",
    "home": "转到门户",
    "accounts:logout": "只收提交",
    "accounts:zone": "只收提交",
    "accounts:activate": "只在领取账号时打开，没有案件",
    "accounts:clock": "只在演示环境有",
    "accounts:login": "登录之前",
    "cases:why": "就是为什么本身",
    "cases:proof": "文件",
    "cases:material": "文件",
    "cases:notices-read": "只收提交",
    "cases:delegation-end": "没有状态，只问一句要不要终止",
    "catalogue:template": "文件",
    "catalogue:left": "文件",
    "catalogue:api-items": "接口",
    "consent:enter": "转到身份认证系统",
    "consent:back": "从身份认证系统回来",
    "consent:leave": "只收提交",
    "consent:keys": "文件",
    "consent:code": "只转到请求",
    "consent:agree": "只收提交",
    "consent:refuse": "只收提交",
    "consent:withdraw": "只收提交",
    "consent:document": "文件",
    "consent:receipt": "文件",
    "consent:why": "就是为什么本身",
    "consent:asked-why": "就是为什么本身",
    "consent:envelope": "文件",
    "consent:cancel": "只收提交",
    "portal:log-archive": "文件",
    "portal:log-file": "文件",
    "products:to-sign": "文件",
    "portal:disclose": "只收提交",
    "products:lift": "只收提交",
    "products:send": "只收提交",
    "products:agreement-look": "只收提交：页面的一部分",
    "products:release-file": "文件",
    "products:release-record": "文件",
    "products:review": "只收提交",
    "products:register": "只收提交",
    "registration:identity": "文件",
    "registration:keys": "文件",
    "registration:certificate-pdf": "文件",
    "registration:certificate-signature": "文件",
    "registration:certificate-proof": "文件",
    "registration:deposit-receipt": "文件",
    "scenarios:stop": "只收提交",
    "scenarios:reissue": "只收提交",
    "settlement:run": "只收提交",
    "settlement:cap-new": "只收提交",
    "settlement:maximum-new": "只收提交",
    "settlement:lines": "文件",
    "supervision:archive": "文件",
    "supervision:stop-own": "只收提交",
    "workbench:envelope": "文件",
    "workbench:bundle": "文件",
    "workbench:file": "文件",
    "workbench:sample-bundle": "文件",
    "workbench:ask-sample": "只收提交",
    "workbench:lens": "只收提交：页面的一部分",
}

# 显示记号而没有为什么的页面 → 为什么没有
NO_MARK: dict[str, str] = {
    "accounts:organisations": "在用、停用是系统管理员的记录，不是法定的决定",
    "accounts:people": "账号的状态，同上",
    "accounts:person": "账号的状态，同上",
    "portal:laws": "文本的施行状态就写着它自己的来源",
    "portal:log": "见证是密码学的事实，页面上直接给出检查点和证明",
    "portal:runs": "公开的运行记录没有案件，页面写明授权、目的和是否已出域",
    "scenarios:list": "清单导入的场景没有走程序，没有案件；走程序的行有案件的记号",
    "scenarios:scenario": "同上",
    "portal:resource": "等级是目录里的一栏，不是决定",
    "products:keys": "是否列入信任名单由数据域的两名安全管理员决定",
}
# 这座城里没有，由别的测试打开的页面
ELSEWHERE: dict[str, str] = {
    "accounts:stop-organisation": "tests/office/test_accounts.py",
    "authorisation:detail": "tests/browser/test_catalogue_authorisation.py",
    "catalogue:delete-data": "只收提交，没有页面，tests/office/test_deleting.py",
    "catalogue:edit": "tests/browser/test_catalogue_authorisation.py",
    "catalogue:many": "tests/browser/test_catalogue_authorisation.py",
    "consent:calls": "主体自己的页面，tests/browser/test_consent.py",
    "consent:complain": "主体自己的页面，tests/browser/test_consent.py",
    "consent:complaint": "主体自己的页面，tests/browser/test_consent.py",
    "consent:given": "主体自己的页面，tests/browser/test_consent.py",
    "consent:own-key": "主体自己的页面，tests/browser/test_consent.py",
    "consent:request": "主体自己的页面，tests/browser/test_consent.py",
    "products:ending": "tests/office/test_products.py",
    "products:sign": "tests/browser/test_days_market.py",
    "registration:objection": "tests/browser/test_days_registration.py",
    "scenarios:edit": "tests/browser/test_workbench.py",
    "scenarios:edit-request": "tests/browser/test_workbench.py",
    "settlement:batch": "tests/office/test_settlement.py",
    "settlement:bill": "tests/office/test_settlement.py",
    "settlement:maximum": "tests/office/test_settlement.py",
    "settlement:report": "tests/office/test_settlement.py",
    "settlement:try": "没有决定，只显示一次试调，tests/office/test_settlement.py",
    "settlement:use": "tests/office/test_settlement.py",
    "workbench:build": "tests/browser/test_workbench.py",
    "workbench:one-release": "tests/browser/test_workbench.py",
}


@dataclass
class Town:
    """Who is here, and one thing for every kind of address."""

    people: list[Any] = field(default_factory=list)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    subject: Any = None


def town(monkeypatch: Any, folder: Any) -> Town:
    from gongshu.office.accounts import zones
    from gongshu.office.accounts.models import RoleAssignment
    from gongshu.office.consent import services as consents
    from gongshu.office.products import agreements
    from gongshu.office.products.models import Agreement, Product
    from gongshu.office.scenarios.models import DataRequest
    from gongshu.office.supervision import services as supervision
    from gongshu.office.workbench import services as workbench

    zones.sync()
    zone = Zone()
    project = zone.live()
    desk = Desk(monkeypatch, folder)
    market: Market = desk.market
    office = market.office
    office.registrant, office.applicant = market.operator, market.maker
    shown = office.in_publicity(R01="公积金缴存汇总")
    consent = desk.agreed()
    open_request = desk.ask(reference="LOAN-18")
    complaint = consents.complain(
        subject=consent.subject, consent=consent, kind="not_mine", text="不是我同意的，请查明。", now=desk.now
    )
    monkeypatch.setattr(clock, "business_now", lambda: desk.now)
    run = workbench.submit_run(
        project, actor=people.actor(zone.developer), now=people.NOW,
        sql="SELECT line, hour, count(DISTINCT card) AS riders FROM trips GROUP BY line, hour",
    )  # fmt: skip
    workbench.ended(run.pk, "done", "huangshi", people.NOW)
    auditor = people.person(people.organisation("市审计局"), "auditor", name="审计甲")
    draw = supervision.draw(
        actor=people.actor(auditor), now=desk.now, seed="一个种子", until=date(2026, 4, 1), wanted=30
    )
    system = people.person(people.organisation("市大数据中心"), "system_administrator")
    security = people.person(people.organisation("市保密局"), "security_administrator")
    certificate = office.registered(R01="空气质量监测汇总").certificate
    agreement = Agreement.objects.get(pk=desk.agreement.pk)
    made = Town(
        people=[
            office.clerk_person, market.maker_person, market.officer_person, market.buyer_person, zone.operator,
            zone.developer, zone.checker, zone.officer, zone.authority, auditor, system, security,
            people.person(people.organisation("市委网信办"), "supervisor"),
            people.person(market.provider, "provider_officer"),
        ],
        subject=consent.subject,
    )  # fmt: skip
    scenario, request = project.scenario, DataRequest.objects.get()
    draft, product = office.begin(R01="还没有交的"), market.begin(name="另一个产品")
    other = agreements.begin(
        Product.objects.get(pk=agreement.product_id), actor=market.maker, now=desk.now, buyer=market.buyer.pk
    )
    made.keys = {
        "cases:case": {"pk": shown.case_id},
        "cases:act": {"pk": shown.case_id, "act_id": "certify"},
        "registration:detail": {"pk": shown.pk},
        "registration:edit": {"pk": draft.pk},
        "registration:preview": {"pk": draft.pk},
        "registration:deposit": {"pk": draft.pk},
        "registration:notice": {"pk": shown.pk},
        "registration:object": {"pk": shown.pk},
        "registration:checked": {"code": certificate.code},
        "scenarios:scenario": {"pk": scenario.pk},
        "scenarios:request": {"pk": request.pk},
        "catalogue:detail": {"pk": "r-bus"},
        "portal:resource": {"pk": "r-bus"},
        "scenarios:public": {"pk": scenario.pk},
        "scenarios:project": {"pk": project.pk},
        "workbench:desk": {"pk": project.pk},
        "workbench:task": {"pk": run.pk},
        "workbench:release": {"pk": run.pk},
        "products:detail": {"pk": agreement.product_id},
        "products:edit": {"pk": product.pk},
        "products:agreement-edit": {"pk": other.pk},
        "products:stop": {"pk": agreement.product_id},
        "products:ceiling": {"pk": agreement.product_id},
        "products:agreement-new": {"pk": agreement.product_id},
        "products:agreement": {"pk": agreement.pk},
        "portal:product": {"pk": agreement.product_id},
        "consent:asked": {"pk": open_request.pk},
        "consent:complaint-staff": {"pk": complaint.pk},
        "consent:new": {"agreement": agreement.pk},
        "settlement:price-new": {"product": agreement.product_id},
        "supervision:rows": {"measure": "cases"},
        "supervision:draw": {"pk": draw.pk},
        "accounts:person": {"pk": zone.developer.pk},
        "accounts:stop-organisation": {"pk": market.buyer.pk},
        "accounts:revoke": {"pk": RoleAssignment.objects.filter(person=zone.developer).first().pk},
    }
    return made


def named(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """The name of every address: `app:name`."""
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            yield from named(each, f"{each.namespace}:" if each.namespace else prefix)
        elif isinstance(each, URLPattern) and each.name:
            yield prefix + each.name


@pytest.fixture
def made(monkeypatch: Any, tmp_path: Any) -> Iterator[Town]:
    yield town(monkeypatch, tmp_path)
    trust.store.cache_clear()


def pages(made: Town) -> Iterator[tuple[str, str, LexborHTMLParser]]:
    """(name, address, page) of everything that opens, in the name of everybody who may open it."""
    clients = [people.log_in(Client(raise_request_exception=False), each) for each in made.people]
    for name in named():
        if name in NO_PAGE:
            continue
        keys = made.keys.get(name, {})
        try:
            path = reverse(name, kwargs=keys)
        except NoReverseMatch:
            continue
        for client in [Client(), *clients]:
            answer = client.get(path)
            if answer.status_code == 200:
                yield name, path, LexborHTMLParser(answer.content.decode())


def test_every_page_that_shows_a_decision_carries_the_mark(made: Town) -> None:
    """Each page in the name of each who may open it; what cannot be opened here must be listed."""
    seen, bare = set(), {}
    for name, path, page in pages(made):
        seen.add(name)
        shown = [each for each in SHOWING if page.css(each)]
        if shown and not page.css(MARK):
            bare[name] = (path, shown)
    assert set(bare) <= set(NO_MARK), {name: bare[name] for name in set(bare) - set(NO_MARK)}
    assert not set(NO_MARK) - seen, "没有打开过，例外就没有根据"
    left = set(named()) - seen - set(NO_PAGE)
    assert left == set(ELSEWHERE), (left - set(ELSEWHERE), set(ELSEWHERE) - left)


def test_a_page_without_the_mark_is_found() -> None:
    bare = LexborHTMLParser(
        '<main id="content"><span class="badge-state">已受理</span></main><a class="why"></a>'
    )
    assert any(bare.css(each) for each in SHOWING) and not bare.css(MARK)
