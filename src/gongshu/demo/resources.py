"""The city's resources: catalogue, hand-in, registration, certificate; they share one publicity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gongshu.demo import acts, airlock, cast, register
from gongshu.demo import stage as stages
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

PAPERS = (
    ("R13", "数据安全评估报告"),
    ("R39", "存证证明"),
    ("R55", "依法获取数据的证明"),
    ("M_identity", "身份证明"),
    ("M_legality", "真实性合法性证明"),
    ("M_application", "申请表"),
)


@dataclass(frozen=True)
class Resource:
    """A resource and whose it is. `file`: name in the city; `items`: (title, column, type, grade) of the
    catalogue; `grades`: column → (grade, why lower) at intake; `registration`: answers to the law's form."""

    key: str
    officer: str
    checker: str
    organisation: str
    file: str
    table: str
    subject: str
    catalogue: Mapping[str, Any]
    items: tuple[tuple[str, str, str, str], ...]
    grades: airlock.Grades
    registration: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.catalogue["name"])

    @property
    def registered(self) -> str:
        """Under which key the demo remembers its registration."""
        return f"registration_{self.key}"


def identifier(stage: Stage, one: Resource) -> str:
    """The resource's id in the catalogue."""
    return str(stage.memory["resources"][one.key]["id"])


def _remember(stage: Stage, shelf: str, key: str, **known: str) -> dict[str, str]:
    rows = stage.memory.get(shelf, {})
    rows[key] = {**rows.get(key, {}), **known}
    stage.memory.put(shelf, rows)
    return dict(rows[key])


def catalogue(stage: Stage, one: Resource) -> str:
    """The provider makes the item, somebody else checks it, the authority approves and publishes; the
    sentence that refused a check of one's own."""
    if one.key not in stage.memory.get("resources", {}):
        browser = stage.at_office(one.officer)
        items: dict[str, str] = {}
        for number, row in enumerate(one.items):
            names = ("item_name", "item_field", "item_type", "item_grade")
            items |= {f"items-{number}-{name}": text for name, text in zip(names, row, strict=True)}
        owner = cast.organisation(one.organisation)
        page = browser.do(
            browser.open("/catalogue/new/"),
            "catalogue-form",
            button={"do": "save"},
            provider=owner.name,
            provider_code=owner.code,
            **acts.typed(one.catalogue),
            **items,
        )
        node = page.tree.css_first("#resource-id")
        made = node.text().strip() if node is not None else ""
        _remember(stage, "resources", one.key, id=made, case=acts.case_of(page))
    case = stage.memory["resources"][one.key]["case"]
    acts.do(stage, one.officer, case, "hand_in", shared_source="false", not_excluded="on", graded="on")
    refused = acts.refused(stage, one.officer, case, "check_pass")
    acts.do(stage, one.checker, case, "check_pass")
    acts.do(stage, "authority", case, "approve")
    acts.do(stage, "authority", case, "publish")
    return refused


def hand_in(stage: Stage, one: Resource) -> str:
    """The file goes to the airlock and nowhere else; the snapshot's id."""
    known = stage.memory["resources"][one.key]
    if "snapshot" not in known:
        snapshot = airlock.hand_in(
            stage,
            one.officer,
            Path(stage.memory["city"][one.file]),
            zone=cast.ZONE,
            resource=known["id"],
            title=one.name,
            table=one.table,
            grades=one.grades,
            subject=one.subject,
        )
        known = _remember(stage, "resources", one.key, snapshot=snapshot)
    return str(known["snapshot"])


def told(stage: Stage, one: Resource) -> None:
    """Wait until the office has the outline the provider confirmed."""
    known = stage.memory["resources"][one.key]

    def arrived() -> bool:
        page = stage.at_office(one.officer).open(f"/catalogue/{known['id']}/")
        return known["snapshot"] in page.text

    stages.wait_for(f"办公域收到“{one.name}”的结构", arrived)


def apply(stage: Stage, one: Resource) -> str:
    """The application up to publicity; the last day of publicity."""
    if one.registered not in stage.memory:
        name, resource = str(one.registration["R01"]), identifier(stage, one)
        papers = {key: acts.paper(stage, f"{title}.txt", f"{name}：{title}") for key, title in PAPERS}
        made, case = register.apply(
            stage,
            one.officer,
            procedure="registration.first",
            name=name,
            answers={**one.registration, "R57_link": resource},
            papers=papers,
            resource=resource,
        )
        stage.memory.put(one.registered, {"id": made, "case": case})
    kept = stage.memory[one.registered]
    register.to_publicity(stage, one.officer, one.checker, "registrar", kept["case"])
    if "publicity_until" not in kept:
        end = acts.due("registration.publicity", cast.ZONE, acts.today(stage), stage.home)
        kept = stage.memory.put(one.registered, {**kept, "publicity_until": end})
    return str(kept["publicity_until"])


def refuse_early(stage: Stage, one: Resource) -> str:
    """On the last day of publicity no certificate is issued."""
    kept = stage.memory[one.registered]
    stage.move_to(kept["publicity_until"], 16)
    return f"公示最后一日发证被拒：{acts.refused(stage, 'registrar', kept['case'], 'certify')}"


def certify(stage: Stage, one: Resource) -> str:
    """The certificate the day after; its code, found on the public check page."""
    kept = stage.memory[one.registered]
    stage.move_to(acts.day_after(kept["publicity_until"]))
    code = register.certify(stage, "registrar", kept["id"], kept["case"])
    stage.memory.put(one.registered, {**kept, "code": code})
    page = stage.public().open(f"/registration/check/{code}")
    if one.name not in page.words():
        raise Unexpected(f"公开查验页上没有“{one.name}”。")
    return code
