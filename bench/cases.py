"""Inbox and case page at 100,000 cases: p95 of whole requests, and how many queries each takes.

    .venv/bin/python bench/cases.py [--cases 100000] [--requests 200] [--json]

Real PostgreSQL (a throw-away cluster), the office's whole middleware, a session per role. The cases are
spread over 500 opening days, three procedures and 40 organisations, each with its history and deadlines,
copied from cases that went through `perform`. Fails when a p95 is over 100 ms or the number of queries
grows with the number of cases.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
LIMIT_MS = 100.0
DIGEST = "sha256:" + "a" * 64
BATCH = 2000


def prepare() -> None:
    from support.django_env import prepare as home

    home("gongshu.office.settings", "DATABASE_URL")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def patterns() -> tuple[list[Any], dict[str, Any]]:
    """One case in each of several states, made the ordinary way."""
    from gongshu.office.cases import registry, services
    from support import people
    from support.people import NOW

    # 只量案件自己的页面：登记应用在案件页上加的面板要有它自己的行
    registry.HANDLERS.clear()
    zone = "gansu"
    registrar = people.organisation("登记中心", zone=zone)
    home = people.organisation("提供单位", zone=zone)
    clerk, applicant = people.person(registrar, "registrar"), people.person(home, "registrant")
    reviewer = people.acting(home, "registrant_reviewer")
    authority = people.person(people.organisation("省数据局", zone=zone), "data_authority")
    facts = {"form_problems": [], "form_digest": DIGEST, "deposited": True, "papers": {}}
    found = []
    for steps in (0, 1, 2, 3, 4):
        case = services.open_case(
            "registration.first", "s-0", people.actor(applicant), NOW, title="样", zone=zone
        )
        plan = [
            ("fill", people.actor(applicant)),
            ("pass_business", reviewer),
            ("submit", people.actor(applicant)),
        ]
        plan += [("accept", people.actor(clerk)), ("pass", people.actor(clerk))]
        for act, actor in plan[: steps + 1]:
            services.perform(case, act, actor, facts | {"checked": True, "duplicate": False}, NOW)
        found.append(case)
    return found, {"clerk": clerk, "applicant": applicant, "authority": authority, "zone": zone}


def fill(patterns_: list[Any], first: int, end: int) -> None:
    """Copy the patterns as cases number `first` to `end`, each with its own day, history and deadlines."""
    from gongshu.office.cases.models import (
        NEVER,
        Case,
        CaseEvent,
        CaseParty,
        Deadline,
        Decision,
        Waiting,
        case_id,
        deadline_id,
        decision_id,
    )
    from support import people

    chance = random.Random(first)
    homes = [people.organisation(f"单位{n}", zone="gansu") for n in range(40)] + [patterns_[0].organisation]
    related = [
        {
            "events": list(case.events.select_related("decision").order_by("seq")),
            "deadlines": list(case.deadlines.all()),
            "waiting": list(case.waiting.all()),
            "parties": list(case.parties.all()),
        }
        for case in patterns_
    ]
    for start in range(first, end, BATCH):
        rows: dict[type, list[Any]] = {
            m: [] for m in (Case, CaseParty, Decision, CaseEvent, Deadline, Waiting)
        }
        for number in range(start, min(start + BATCH, end)):
            which = number % len(patterns_)
            back = timedelta(days=chance.randrange(500))
            home = chance.choice(homes)
            case = copied(
                patterns_[which], id=case_id(), number=f"620000-B-{number:07d}", title=f"数据资源{number}"
            )
            case.organisation, case.opened_at, case.since = home, case.opened_at - back, case.since - back
            case.law_day -= back
            case.due = case.due if case.due == NEVER else case.due - back
            rows[Case].append(case)
            for each in related[which]["parties"]:
                rows[CaseParty].append(copied(each, id=None, case=case, organisation=home))
            for each in related[which]["events"]:
                decision = copied(each.decision, id=decision_id(), case=case)
                rows[Decision].append(decision)
                rows[CaseEvent].append(copied(each, id=None, case=case, decision=decision, at=each.at - back))
            for each in related[which]["deadlines"]:
                shifted = copied(each, id=deadline_id(), case=case, started=each.started - back)
                shifted.due = shifted.due - back if shifted.due else None
                rows[Deadline].append(shifted)
            for each in related[which]["waiting"]:
                row = copied(each, id=None, case=case)
                row.due = row.due if row.due == NEVER else row.due - back
                row.organisation = home if row.organisation_id else None
                rows[Waiting].append(row)
        for model, made in rows.items():
            model.objects.bulk_create(made)  # type: ignore[attr-defined]


def copied(row: Any, **changes: Any) -> Any:
    """A new unsaved row with the fields of another."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    made = type(row)(**values)
    made._state.adding = True
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def measure(client: Any, urls: list[str]) -> dict[str, Any]:
    """Milliseconds of whole requests and the set of query counts seen."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts, times = set(), []
    for url in urls[:20]:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(url).status_code == 200, url
        counts.add(len(seen))
    for url in urls:
        began = time.perf_counter()
        answer = client.get(url)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, url
    times.sort()
    return {
        "requests": len(times),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(len(times) * 0.95) - 1], 1),
        "queries": sorted(counts),
    }


def runs(who: dict[str, Any], requests: int) -> dict[str, Callable[[], dict[str, Any]]]:
    from django.test import Client

    from gongshu.office.cases.models import Case
    from support import people

    chance = random.Random(7)

    def of(role: str) -> Any:
        return people.log_in(Client(), who[role])

    def inbox(role: str, query: str = "") -> dict[str, Any]:
        return measure(of(role), [f"/inbox/{query}"] * requests)

    def deep(role: str) -> dict[str, Any]:
        client, url, urls = of(role), "/inbox/", []
        for _ in range(min(requests, 60)):
            page = client.get(url, headers={"accept": "application/json"}).json()
            urls.append(url)
            if not page["next"]:
                break
            url = f"/inbox/?after={page['next']}"
        return measure(client, urls)

    def pages(role: str) -> dict[str, Any]:
        ids = list(Case.objects.filter(number__startswith="620000-B-").values_list("pk", flat=True)[:20_000])
        return measure(of(role), [f"/cases/{chance.choice(ids)}/" for _ in range(requests)])

    return {
        "登记机构的待办": lambda: inbox("clerk"),
        "登记机构的待办，逐页翻": lambda: deep("clerk"),
        "登记机构的待办，只看超期": lambda: inbox("clerk", "?overdue=1"),
        "登记主体的待办": lambda: inbox("applicant"),
        "数据主管部门的待办": lambda: inbox("authority"),
        "案件页": lambda: pages("clerk"),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    prepare()
    made, who = patterns()
    measured = runs(who, args.requests)
    fill(made, 0, 100)
    few = {name: measured[name]()["queries"] for name in measured}
    began = time.perf_counter()
    fill(made, 100, args.cases)
    analyse()
    print(f"建了 {args.cases} 件案件，用 {time.perf_counter() - began:.0f} 秒", file=sys.stderr)
    results = {name: run() | {"queries_at_100": few[name]} for name, run in measured.items()}
    failed = [
        name
        for name, each in results.items()
        if each["p95_ms"] > LIMIT_MS or max(each["queries"]) > max(each["queries_at_100"])
    ]
    if args.json:
        print(json.dumps({"cases": args.cases, "results": results, "failed": failed}, ensure_ascii=False))
    else:
        for name, each in results.items():
            print(
                f"{name:45} p50 {each['p50_ms']:7.1f} ms  p95 {each['p95_ms']:7.1f} ms  "
                f"查询 {each['queries']}（百件时 {each['queries_at_100']}）"
            )
    return 1 if failed else 0


def analyse() -> None:
    """The statistics the planner needs, as autovacuum would have made them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    sys.exit(main())
