"""住房公积金缴存核验: sample, answers, and calls with each person's consent at each call."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from gongshu.demo import airlock, calls, consent, ids, work
from gongshu.demo.consent import Citizen
from gongshu.demo.fund_content import BAND, QUERY, STATUS
from gongshu.demo.product import Content, remember, remembered
from gongshu.demo.proofs import verify_offline
from gongshu.demo.stage import Stage, wait_for
from gongshu.demo.web import Unexpected

TABLE = "answers"
MOST_SECONDS = 5.0


def sample_asked(stage: Stage, content: Content) -> None:
    """The developer asks for a masked sample; nothing is waited for."""
    known = remembered(stage, content)
    if "sample_asked" not in known:
        browser = stage.at_office("developer")
        browser.do(browser.open(f"/workbench/{known['project']}/"), "sample-form")
        remember(stage, content, sample_asked="yes")


def sample(stage: Stage, content: Content) -> str:
    """The provider sees risk and use beside the raw marginals and agrees; the developer takes it home."""
    known = remembered(stage, content)
    browser = stage.at_airlock(content.officer)

    def waiting() -> str:
        page = browser.open("/samples/")
        found = re.search(r"/samples/(sm-[^/\"]+)/", page.text)
        return found[0] if found else ""

    path = known.get("sample") or str(wait_for("样例到达闸口", waiting, work.RUN_WAIT))
    if "sample" not in known:
        airlock.confirm(stage, content.officer, path)
        known = remember(stage, content, sample=path)
    developer = stage.at_office("developer")

    def supplied() -> str:
        page = developer.open(f"/workbench/{known['project']}/")
        link = page.tree.css_first("#download-sample")
        return str(link.attributes["href"]) if link is not None else ""

    address = str(wait_for("样例送到工作台", supplied, work.RUN_WAIT))
    kept = stage.home / "administrators" / "sample.zip"
    kept.write_bytes(developer.open(address).content)
    asked = "SELECT 缴存状态, count(*) AS 人数 FROM housing_fund GROUP BY 缴存状态"
    rows = _on_sample(kept, asked)
    return f"提供单位在闸口看过风险和用处后同意；开发人员带走样例，在自己的机器上算：{rows}"


def _on_sample(bundle: Path, sql: str) -> str:
    """`gongshu sample sql`, as a developer types it on a machine without a home."""
    done = subprocess.run(
        [sys.executable, "-m", "gongshu.cli.main", "sample", "sql", str(bundle), sql],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise Unexpected(f"样例打不开：{(done.stderr or done.stdout)[-300:]}")
    return " ".join(done.stdout.split())[:120]


def answers_sent(stage: Stage, content: Content) -> str:
    """The query whose rows, one a person, stay in the data domain."""
    return work.send_step(stage, content, TABLE, "query", name=TABLE, sql=QUERY)


def answers_asked(stage: Stage, content: Content) -> str:
    """Ask that questions may be answered from two fields of it."""
    work.ended(stage, content, TABLE)
    fields = f"{STATUS}\n{BAND}"
    return work.ask(
        stage, content, TABLE, "lookup", content.purpose, table=TABLE, subject="person", fields=fields
    )


def answers_left(stage: Stage, content: Content) -> str:
    work.left(stage, content, TABLE, content.purpose)
    return "审核人看到的是各类人数，看不到哪一行；两人盲审同意，数据域写成供数快照，钥匙封给网关。"


def _person(stage: Stage, place: int = 0) -> tuple[Citizen, dict[str, str]]:
    row = consent.depositors(stage)[place]
    base = float(row["缴存基数"])
    band = "4000元以下" if base < 4000 else "4000至8000元" if base < 8000 else "8000元以上"
    return Citizen("person", row["姓名"], row["身份证号"]), {STATUS: row["缴存状态"], BAND: band}


def _stranger() -> Citizen:
    """Somebody older than anybody of the city, and so without an account."""
    born = np.array(["1949-05-01"], dtype="datetime64[D]")
    return Citizen("person", "外来客", str(ids.resident_ids(born, np.array([1]))[0]))


def refused_without(stage: Stage, content: Content) -> str:
    """A question without the person's consent: 未授权, before anything is looked up."""
    who, values = _person(stage)
    calls.draw_secret(stage, content)
    said = calls.answered(
        "没有同意的调用",
        lambda: calls.verify(stage, content, who.number, values, None),
        ("no_consent",),
    )
    return f"网关答“{said.word}”：{said.sentence}"


def agreed(stage: Stage, content: Content) -> str:
    """The bank asks, the person proves who they are and agrees with one tap on a phone."""
    consent.standin(stage)
    (who, _), stranger = _person(stage), _stranger()
    title = "办理住房贷款，核验公积金缴存"
    for name, one in (("match", who), ("mismatch", who), ("absent", stranger), ("withdrawn", who)):
        consent.ask(stage, content, name, "once", title)
        consent.agree(stage, content, name, one)
    return "四份“只用一次”的同意：经统一身份认证（替身）实名，一点即成；银行拿到的同意看不出是谁。"


def verified(stage: Stage, content: Content) -> str:
    """一致, 不一致, 查无; the same consent again is refused."""
    who, values = _person(stage)
    wrong = {**values, STATUS: "销户"}
    told = [
        _said(stage, content, "match", who, values),
        _said(stage, content, "mismatch", who, wrong),
        _said(stage, content, "absent", _stranger(), values, "not_found"),
    ]
    held = consent.envelope(stage, content, "match")
    again = calls.answered(
        "用过的同意",
        lambda: calls.verify(stage, content, who.number, values, held),
        ("consent_used",),
    )
    return f"{'、'.join(told)}；同一份同意再用一次：{again.sentence}"


def _said(
    stage: Stage, content: Content, name: str, who: Citizen, values: dict[str, str], wanted: str = ""
) -> str:
    """The word the gateway answered under the consent of this name; asked once."""
    key = f"said_{name}"
    if key not in remembered(stage, content):
        held = consent.envelope(stage, content, name)
        said = calls.answered(
            f"核验（{name}）",
            lambda: calls.verify(stage, content, who.number, values, held),
            (wanted or name,),
        )
        remember(stage, content, **{key: said.word})
    return remembered(stage, content)[key]


def withdrawn(stage: Stage, content: Content) -> str:
    """Taken back before it was used: refused from then on, the seconds from the gateway's signed receipt."""
    who, values = _person(stage)
    consent.withdraw(stage, content, "withdrawn", who)
    seconds = consent.effect(stage, content, "withdrawn", who)
    if float(seconds) > MOST_SECONDS:
        raise Unexpected(f"撤回 {seconds} 秒才生效。")
    held = consent.envelope(stage, content, "withdrawn")
    said = calls.answered(
        "撤回之后的调用",
        lambda: calls.verify(stage, content, who.number, values, held),
        ("withdrawn",),
        5,
    )
    kept = consent.receipt(stage, content, "withdrawn", who)
    proof = verify_offline(kept, kept.with_name("consent-keys.txt"))
    return f"撤回 {seconds} 秒后生效（网关签名的回执）；再调用：{said.sentence}撤回回执离线核验{proof}。"
