"""One day at the airlock in a real browser: a provider's officer, two reviewers, and every page as they see it."""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from support.browser import DESK, HEIGHTS, PHONE, overflow, shot, violations

if os.environ.get("DJANGO_SETTINGS_MODULE") != "gongshu.airlock.settings":
    pytest.skip("闸口的页面：用 -p support.domain_env 运行", allow_module_level=True)

from django.test import Client

from gongshu.airlock import access
from gongshu.enclave import confirm, products, release, tasks
from gongshu.enclave.sample import work as samples
from gongshu.enclave.store.models import Grant, Intake, Output, Task
from support.domainworld import AUTHORITY, BUS, OPERATOR, ZONE, Domain

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAMES = {
    BUS: "江城公共交通集团有限公司",
    AUTHORITY: "江城市数据局",
    OPERATOR: "江城数据运营有限公司",
    "p-bus": "周经办",
    "p-bus2": "吴审核",
    "p-auth": "郑审核",
    "p-dev": "王开发",
}
PASSWORD = "a-long-and-own-password"
HEADS = (
    "卡号",
    "持卡人姓名",
    "身份证号",
    "手机号",
    "线路",
    "车辆号牌",
    "上车站点",
    "上车时间",
    "票价",
    "支付方式",
)
SQL = 'SELECT "线路", count(*) AS "人次" FROM trips GROUP BY "线路"'
SMALL = (
    'SELECT "线路", "上车站点", count(*) AS "人次" FROM trips'
    """ WHERE "上车时间" < TIMESTAMP '2026-01-02 06:00:00' GROUP BY ALL"""
)


def identity(rng: random.Random) -> str:
    """A resident identity number with its check character."""
    base = f"42020219{rng.randrange(60, 99)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}{rng.randrange(1000):03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return base + "10X98765432"[sum(int(c) * w for c, w in zip(base, weights, strict=True)) % 11]


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    """A provider's file as they come: GB18030, ten columns, gaps and broken lines."""
    rng = random.Random(11)
    people = [
        (
            f"JC{n:08d}",
            rng.choice("张王李赵") + rng.choice("伟芳娜敏静"),
            identity(rng),
            f"138{rng.randrange(10**8):08d}",
        )
        for n in range(700)
    ]
    path = tmp_path / "2026年1月公交刷卡明细（脱敏前）.csv"
    with path.open("w", newline="", encoding="gb18030") as out:
        writer = csv.writer(out)
        writer.writerow(HEADS)
        for _ in range(4000):
            at = datetime(2026, 1, 1, 6) + timedelta(minutes=rng.randrange(40_000))
            plate = f"鄂B{rng.randrange(10**5):05d}"
            stop = rng.choice(("火车站", "团城山公园", "人民广场", "职业技术学院"))
            line = rng.choice(("1路", "6路", "14路"))
            row = [
                *rng.choice(people),
                line,
                plate,
                stop,
                at.isoformat(sep=" "),
                rng.choice(("1", "2", "")),
                "IC卡",
            ]
            writer.writerow(row)
        out.write("截断的一行,没有别的字段\n多,出,来,的,一,行,多,出,来,的,一,行\n")
    return path


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def domain(transactional_db: None, now: datetime) -> Iterator[Domain]:
    made = Domain(now, NAMES)
    made.install()
    yield made
    made.clear()


@pytest.fixture
def inside(domain: Domain, visit: Callable[..., Any], live_server: Any) -> Callable[..., Any]:
    """A page in the name of a person who has logged in already."""
    cookies: dict[str, str] = {}

    def cookie(person: str) -> str:
        given = access.enrol(f"u-{person}", domain.now)
        client = Client()
        code = pyotp.TOTP(given["totp"]).now()
        client.post("/login/", {"username": f"u-{person}", "password": given["password"], "code": code})
        client.post("/password/", {"old": given["password"], "new": PASSWORD, "again": PASSWORD})
        return str(client.cookies["gongshu_airlock"].value)

    def opened(person: str) -> Any:
        value = cookies.setdefault(person, "") or cookie(person)
        cookies[person] = value
        page = visit()
        page.context.add_cookies([{"name": "gongshu_airlock", "value": value, "url": live_server.url}])
        return page

    return opened


def good(page: Any, name: str) -> None:
    """Nothing of the page as it is may be wrong, on a desk nor on a phone."""
    page.wait_for_load_state("networkidle")
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        shot(page, f"airlock-{name}-{width}")
        assert violations(page) == [], (name, width)
        assert overflow(page) <= 0, (name, width, overflow(page))
    assert page.faults == [], (name, page.faults)


def wrong(page: Any, name: str, selector: str) -> None:
    """A page that says what is wrong; the browser notes the status as an error, and that is wanted."""
    page.wait_for_selector(selector)
    page.faults.clear()
    good(page, name)


def work() -> None:
    """What the enclave does until nothing waits."""
    while (task := tasks.begin(datetime.now(UTC))) is not None:
        if task.state == "running":
            {"run": tasks.run, "release": release.request}[task.kind](task, datetime.now(UTC))


def handed_in(page: Any, trips: Path, resource: str = "res-bus") -> Intake:
    """The officer hands the file in."""
    page.goto("/intake/new/")
    page.fill("[name=resource]", resource)
    page.fill("[name=title]", "公交刷卡明细")
    page.fill("[name=table]", "trips")
    page.set_input_files("[name=file]", trips)
    page.click("#hand-in-form button[type=submit]")
    page.wait_for_selector("#decision-form")
    made = Intake.objects.order_by("-received").first()
    assert made is not None
    return made


GRADES = {"线路": "L1", "上车站点": "L2", "上车时间": "L2"}


def decided(page: Any, made: Intake) -> None:
    """The officer decides field by field."""
    for number, name in enumerate(HEADS):
        if name in GRADES and made.proposal["fields"][number]["grade"] != GRADES[name]:
            page.select_option(f"[name=grade-{number}]", GRADES[name])
            page.fill(f"[name=reason-{number}]", "不指向个人")
    page.select_option("[name=subject]", str(HEADS.index("卡号")))
    page.click("#decision-submit")
    page.wait_for_selector("#snapshot")


def asked(domain: Domain, number: int, sql: str, kind: str = "table") -> Output:
    """A run and the wish to release it, as the office would send them."""
    run, wish = f"t-{number}", f"t-{number}-out"
    domain.feed("task", {"id": run, "kind": "run", "grant": "g-1", "sql": sql})
    work()
    assert Task.objects.get(id=run).outcome == "done", Task.objects.get(id=run).detail
    output = {"kind": kind, "title": "分线路客流", "lead": "合成数据。"}
    body = {"id": wish, "kind": "release", "grant": "g-1", "from_task": run, "product": "pd-1"}
    domain.feed("task", body | {"output": output})
    work()
    return Output.objects.get(task_id=run)


def ceiling() -> dict[str, Any]:
    from gongshu.crypto.sign import PrivateKey

    return {
        "id": "ce-1",
        "product": "pd-1",
        "grant": "g-1",
        "buyers": [{"organisation": OPERATOR, "key": PrivateKey.generate("ed25519").public().encode()}],
        "purposes": ["transport-planning"],
        "fields": ["线路", "人次"],
        "calls_per_day": 2000,
        "subjects_per_day": 0,
        "consent": "none",
    }


def test_a_day_of_a_providers_officer(
    domain: Domain, visit: Callable[..., Any], trips: Path, live_server: Any
) -> None:
    """Log in, hand in, decide, confirm, stop: every page on the way is looked at."""
    given = access.enrol("u-p-bus", domain.now)
    page = visit()
    page.goto("/intake/")
    good(page, "login")
    page.fill("[name=username]", "u-p-bus")
    page.fill("[name=password]", "wrong")
    page.fill("[name=code]", "000000")
    page.click("#login-submit")
    wrong(page, "login-refused", ".form-errors")
    assert page.input_value("[name=username]") == "u-p-bus"
    page.fill("[name=password]", given["password"])
    page.fill("[name=code]", pyotp.TOTP(given["totp"]).now())
    page.click("#login-submit")
    page.wait_for_selector("#password-form")
    good(page, "password")
    page.fill("[name=old]", given["password"])
    page.fill("[name=new]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.click("#password-form button[type=submit]")
    page.wait_for_selector("#waiting-intakes")
    for name, path in {
        "home-quiet": "/",
        "intakes-quiet": "/intake/",
        "intake-new": "/intake/new/",
        "grants-quiet": "/grants/",
        "reviews-quiet": "/reviews/",
        "stops-quiet": "/stops/",
    }.items():
        page.goto(path)
        good(page, name)
    made = hand_in_with_mistakes(page, trips)
    decided(page, made)
    good(page, "intake-done")
    assert page.inner_text("#told dd") == "4,000"
    page.goto("/intake/")
    good(page, "intakes")
    confirm_and_stop(page, domain)


def hand_in_with_mistakes(page: Any, trips: Path) -> Intake:
    page.goto("/intake/new/")
    page.fill("[name=resource]", "编号 不对")
    page.fill("[name=title]", "公交刷卡明细")
    page.fill("[name=table]", "1trips; drop")
    page.set_input_files("[name=file]", trips)
    page.click("#hand-in-form button[type=submit]")
    wrong(page, "intake-new-mistake", ".has-error")
    assert page.input_value("[name=title]") == "公交刷卡明细"
    made = handed_in(page, trips)
    good(page, "decision")
    page.fill("[name=name-0]", "")
    page.fill("[name=reason-1]", "写过的理由")
    page.click("#decision-submit")
    wrong(page, "decision-mistake", "#decision-errors")
    assert page.input_value("[name=reason-1]") == "写过的理由"
    page.fill("[name=name-0]", "卡号")
    page.fill("[name=reason-1]", "")
    return made


def confirm_and_stop(page: Any, domain: Domain) -> None:
    domain.feed("grant", domain.grant("res-bus", "trips"))
    page.goto("/")
    good(page, "home")
    assert page.inner_text("#waiting-grants .count") == "1"
    page.goto("/grants/")
    good(page, "grants")
    page.goto("/grants/g-1/")
    page.check("[name=answer][value=refused]")
    page.click("#answer-form button[type=submit]")
    wrong(page, "grant-asked", ".has-error")
    page.check("[name=answer][value=confirmed]")
    page.click("#answer-form button[type=submit]")
    page.wait_for_selector(".alert-success")
    good(page, "grant")
    assert Grant.objects.get().state == "live"
    domain.feed("ceiling", ceiling())
    page.goto("/ceilings/ce-1/")
    good(page, "ceiling")
    products.bind(ZONE, "pd-1", "g-1", domain.now.date(), domain.now)
    lift = {"id": "lf-1", "contract": "ag-1", "product": "pd-1", "trip": "trip-1", "tries": 5, "seconds": 600}
    said = {"at": "2026-03-02T01:00:00.000Z", "reason": "程序把用途写成了营销，已经改正并回归测试。"}
    domain.feed("lift_asked", lift | said)
    page.goto("/lifts/lf-1/")
    good(page, "lift")
    page.goto("/stops/?scope=grant&target=g-1")
    page.fill("[name=reason]", "演练")
    page.click("#stop-form button[type=submit]")
    page.wait_for_selector(".alert-success")
    good(page, "stops")
    assert Grant.objects.get().state == "stopped"
    page.goto("/nosuch/")
    wrong(page, "not-found", ".error-page")


def test_a_day_of_two_reviewers_who_do_not_see_each_other(
    domain: Domain, inside: Callable[..., Any], trips: Path
) -> None:
    page = inside("p-bus")
    decided(page, handed_in(page, trips))
    domain.feed("grant", domain.grant("res-bus", "trips", runs_per_day=20))
    made = Grant.objects.get()
    confirm.answer(made, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    blocked, output, report = asked(domain, 1, SMALL), asked(domain, 2, SQL), asked(domain, 3, SQL, "report")
    assert (blocked.state, output.state, report.state) == ("blocked", "reviewing", "reviewing")
    first, second = inside("p-auth"), inside("p-bus2")
    for name, path in {
        "home-reviewer": "/",
        "reviews": "/reviews/",
        "review-blocked": f"/reviews/{blocked.id}/",
        "review-report": f"/reviews/{report.id}/",
        "why-blocked": f"/why/{blocked.id}",
        "why-finding": f"/why/{blocked.id}.f0",
        "why-limits": f"/why/{output.id}.limits",
        "review": f"/reviews/{output.id}/",
    }.items():
        first.goto(path)
        good(first, name)
    assert "入库" not in first.inner_text(".site-nav")
    first.check("[name=answer][value=refused]")
    first.click("#vote-form button[type=submit]")
    wrong(first, "review-mistake", ".has-error")
    voted(first, "confirmed", "可以公开")
    good(first, "review-voted")
    assert "可以公开" in first.inner_text("#votes")
    second.goto(f"/reviews/{output.id}/")
    seen = second.inner_text("#content")
    assert "可以公开" not in seen and NAMES["p-auth"] not in seen
    assert second.locator("#votes").count() == 0
    voted(second, "confirmed", "")
    assert release.step(datetime.now(UTC)) == 1
    second.reload()
    good(second, "review-released")
    assert "可以公开" in second.inner_text("#votes") and "已出域" in second.inner_text("#content")


def voted(page: Any, answer: str, reason: str) -> None:
    page.check(f"[name=answer][value={answer}]")
    page.fill("[name=reason]", reason)
    page.click("#vote-form button[type=submit]")
    page.wait_for_selector(".alert-success")


def test_the_provider_looks_at_a_sample_and_confirms_it(
    domain: Domain, inside: Callable[..., Any], trips: Path
) -> None:
    page = inside("p-bus")
    page.goto("/samples/")
    good(page, "samples-quiet")
    decided(page, handed_in(page, trips))
    domain.feed("grant", domain.grant("res-bus", "trips"))
    made = Grant.objects.get()
    confirm.answer(made, organisation=BUS, person="p-bus", agreed=True, reason="", now=domain.now)
    domain.feed("task", {"id": "t-s", "kind": "sample", "grant": "g-1"})
    task = tasks.begin(datetime.now(UTC))
    assert task is not None
    samples.request(task, datetime.now(UTC))
    task.refresh_from_db()
    assert task.outcome == "done", task.detail
    page.goto("/")
    assert page.inner_text("#waiting-samples .count") == "1"
    good(page, "home-sample")
    page.goto("/samples/")
    good(page, "samples")
    page.click("table.data-table a")
    page.wait_for_selector("#answer-form")
    good(page, "sample")
    seen = page.inner_text("#content")
    assert re.search(r"样[A-Z]\d{8}", seen) and not re.search(r"JC\d{8}|\b138\d{8}\b", seen)
    page.click("h3 a.why")
    page.wait_for_selector("#why")
    good(page, "why-sample")
    page.go_back()
    page.check("[name=answer][value=refused]")
    page.click("#answer-form button[type=submit]")
    wrong(page, "sample-asked", ".has-error")
    page.check("[name=answer][value=confirmed]")
    page.click("#answer-form button[type=submit]")
    page.wait_for_selector(".alert-success")
    assert samples.step(datetime.now(UTC)) == 1
    page.goto("/samples/")
    assert "已提供给开发人员" in page.inner_text("#content")
