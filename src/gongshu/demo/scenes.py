"""The scenes around the products: founding, the city, filed documents, what the public and auditors see."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import httpx

from gongshu.crypto.canonical import dumps, loads
from gongshu.crypto.sign import PrivateKey
from gongshu.demo import acts, cast, city, content, trust
from gongshu.demo import stage as stages
from gongshu.demo.proofs import keys_file
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

FIRST_DAY = "2026-03-02"
SEED = 20260302


def administrators(stage: Stage) -> str:
    stages.enrol_administrators(stage)
    stage.at_office("system")
    return "系统管理员和安全管理员已从控制台建立，口令和动态口令密钥随机生成。"


def first_day(stage: Stage) -> str:
    stage.move_to(FIRST_DAY, anywhere=True)
    return f"业务时间从 {FIRST_DAY} 开始；登录、租约、防重放仍按自然时间。"


def people(stage: Stage) -> str:
    stages.make_organisations(stage)
    stages.make_people(stage)
    stages.grant_roles(stage)
    return f"{len(cast.ORGANISATIONS)} 家机构、{len(cast.PEOPLE)} 个账号；口令由本人激活时自己设。"


def trust_list(stage: Stage) -> str:
    number = trust.sign_and_install(stage)
    return f"第 {number} 号信任名单：两名数据域安全管理员离线签署，在数据域的机器上装入。"


def airlock_accounts(stage: Stage) -> str:
    trust.enrol_airlock(stage)
    return "闸口账号只来自信任名单，口令与办公域无关。"


def make_city(stage: Stage, size: city.Size) -> str:
    began = time.monotonic()
    folder = stage.home / "administrators" / "city"
    made = city.build(folder, SEED, size)
    stage.memory.put("city", {name: str(path) for name, path in vars(made).items()})
    return (
        f"{size.persons} 人、{size.enterprises} 家企业、{size.trips} 次乘车，全部合成并带标记，"
        f"用时 {time.monotonic() - began:.0f} 秒。"
    )


DOCUMENTS = (
    ("plan", "黄石市公共数据资源授权运营实施方案（演示）", "黄数演〔2026〕1号", "2026-01-15"),
    ("selection", "授权运营机构遴选结果公示（演示）", "黄数演〔2026〕2号", "2026-02-10"),
    ("operation_agreement", "公共数据资源授权运营协议（演示）", "黄数演协〔2026〕1号", "2026-02-25"),
)


# 运营协议的当事人和期限：信息披露的授权对象、授权期限由它公开
TERM = {"term-from": "2026-03-01", "term-until": "2029-02-28"}


def _agreed() -> dict[str, str]:
    parties = [cast.organisation(key).name for key in ("authority", "operator")]
    return {**TERM, "parties": "\n".join(parties)}


def documents(stage: Stage) -> str:
    """Plan, selection and operation agreement are filed: their own procedures come later."""
    for kind, name, number, dated in DOCUMENTS:
        filed = stage.memory.get("documents", {})
        if kind not in filed:
            browser = stage.at_office("authority")
            page = browser.do(
                browser.open("/authorisation/new/"),
                "filing-form",
                kind=kind,
                name=name,
                number=number,
                dated=dated,
                file=acts.paper(stage, f"{name}.txt", f"{name}\n{number}"),
                **(_agreed() if kind == "operation_agreement" else {}),
            )
            filed[kind] = acts.case_of(page)
            stage.memory.put("documents", filed)
        acts.do(stage, "authority2", filed[kind], "confirm")
    return "实施方案、遴选结果、运营协议：录入文号、日期、文件摘要，另一人复核，标明“建档”。"


def forged_grant(stage: Stage) -> str:
    """Somebody who has taken the office over cannot open data: no confirmation at the airlock, no grant."""
    body = {"id": "g-forged", "zone": cast.ZONE, "project": "forged", "v": 1}
    now = datetime.now(UTC)
    unsigned = {
        "v": 1,
        "zone": cast.ZONE,
        "seq": 1,
        "kind": "grant",
        "issued": f"{now:%Y-%m-%dT%H:%M:%S}.000Z",
        "expires": None,
        "body": body,
    }
    key = PrivateKey.generate("ed25519")
    signature = {
        "role": "office",
        "key": key.public().id,
        "alg": key.alg,
        "sig": base64.b64encode(key.sign(dumps(unsigned))).decode(),
        "over": "envelope",
    }
    data = dumps({"v": 1, "envelopes": [{**unsigned, "signatures": [signature]}]})
    answer = httpx.post(f"{stage.urls['link']}/link/inbox", content=data, timeout=10, trust_env=False)
    told = loads(answer.content)
    if told.get("accepted") or not told.get("refused"):
        raise Unexpected("伪造的授权没有被拒绝。")
    page = stage.at_airlock("authority").get("/grants/g-forged/")
    if page.status != 404:
        raise Unexpected("闸口上出现了伪造的授权。")
    return f"伪造的授权被拒：{told['refused'][0]['sentence']} 闸口上没有它。"


PORTAL = ("/portal/", "/registration/publicity/", "/registration/certificates/", "/scenarios/published/")


def portal(stage: Stage) -> str:
    """What anybody sees without logging in."""
    browser = stage.public()
    home = browser.open("/portal/")
    seen = [f"{path} {browser.get(path).status}" for path in PORTAL]
    runs = next((url for text, url in home.links().items() if "运行公示" in text), "")
    if not runs:
        raise Unexpected("门户上没有运行公示。")
    page = browser.open(runs)
    if str(content.PURPOSE) not in page.text and str(content.SCENARIO["name"]) not in page.text:
        raise Unexpected("运行公示里没有本项目的运行。")
    return f"门户、公示、凭证、场景、运行公示都在：{'；'.join(seen)}"


def verify(stage: Stage) -> str:
    """What a stranger with the published keys can check offline."""
    keys_file(stage)
    log = stages.command(stage.home, "evidence", "verify")
    if not log["ok"] or log["problems"]:
        raise Unexpected(f"日志没有通过核验：{log['problems'][:3]}")
    witnesses = "、".join(sorted({row["name"] for row in log["witnesses"]})) or "还没有"
    return f"日志 {log['size']} 条、{log['checkpoints']} 个检查点，见证：{witnesses}；没有缺口。"
