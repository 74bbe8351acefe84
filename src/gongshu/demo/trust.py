"""The trust list of the demo: two security administrators sign it, the data domain's machine takes it."""

from __future__ import annotations

import json
from pathlib import Path

from gongshu.crypto.sign import PrivateKey
from gongshu.demo import cast
from gongshu.demo.stage import Stage, command, password
from gongshu.demo.web import Browser


def administrators(stage: Stage) -> Path:
    """The keys of the two security administrators; in a real installation they lie on their own media."""
    folder = stage.home / "administrators"
    for number, name in ((1, "安全管理员甲"), (2, "安全管理员乙")):
        place = folder / str(number)
        if not (place / "administrator.key").exists():
            command(stage.home, "trust", "new-administrator", "--out", str(place), "--name", name)
    return folder


def buyer_key(stage: Stage) -> PrivateKey:
    """The buyer's own key, with which it signs and calls."""
    return side_key(stage, "buyer")


def side_key(stage: Stage, side: str) -> PrivateKey:
    """The own key of a party of usage agreements (operator, buyer), made by that party; only its public half
    is given away."""
    kept = stage.memory.get(f"{side}_key")
    if kept is None:
        kept = stage.memory.put(f"{side}_key", PrivateKey.generate("sm2").to_pem().decode())
    return PrivateKey.from_pem(kept.encode())


def sign_and_install(stage: Stage) -> int:
    """Draft, sign twice, install on the data domain's machine; the list's number."""
    if "trust" in stage.memory:
        return int(stage.memory["trust"])
    folder = administrators(stage)
    rows = {
        "organisations": [{"id": stage.organisation(o.key), "name": o.name} for o in cast.ORGANISATIONS],
        "people": [
            {
                "id": stage.person(p.key),
                "name": p.name,
                "organisation": stage.organisation(p.organisation),
                "roles": list(p.airlock),
            }
            for p in cast.PEOPLE
        ],
        "accounts": [
            {"user": f"demo.{p.key}", "person": stage.person(p.key)} for p in cast.PEOPLE if p.airlock
        ],
        "keys": [
            {
                "key": side_key(stage, side).public().encode(),
                "role": side,
                "organisation": stage.organisation(organisation),
            }
            for side, organisation in cast.SIDES.items()
        ],
    }
    place = folder / "rows.json"
    place.write_text(json.dumps(rows, ensure_ascii=False))
    document = folder / "trust-1.json"
    publics = [str(folder / str(n) / "administrator.pub.json") for n in (1, 2)]
    command(
        stage.home,
        "trust",
        "template",
        "--out",
        str(document),
        "--rows",
        str(place),
        "--administrator",
        publics[0],
        "--administrator",
        publics[1],
    )
    for number in (1, 2):
        key = folder / str(number) / "administrator.key"
        command(stage.home, "trust", "sign", "--list", str(document), "--key", str(key))
    made = command(stage.home, "trust", "init", "--list", str(document))
    return int(stage.memory.put("trust", made["number"]))


def enrol_airlock(stage: Stage) -> None:
    """Each airlock account: a one-time password from the console, replaced by its person at first login."""
    accounts = stage.memory.get("airlock", {})
    mine = {f"demo.{one.key}": one for one in cast.PEOPLE if one.airlock and one.key not in accounts}
    given = command(stage.home, "airlock", "enrol", *mine)["accounts"] if mine else []
    for row in given:
        one = mine[row["username"]]
        browser = Browser(stage.urls["airlock"], one.name)
        browser.log_in(row["username"], row["password"], row["totp"])
        chosen = password()
        page = browser.open("/password/")
        browser.do(page, "password-form", old=row["password"], new=chosen, again=chosen)
        stage.browsers[f"airlock:{one.key}"] = browser
        accounts[one.key] = {
            "name": one.name,
            "username": row["username"],
            "password": chosen,
            "totp": row["totp"],
        }
        stage.memory.put("airlock", accounts)
