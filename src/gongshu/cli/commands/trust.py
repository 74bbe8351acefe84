"""`gongshu trust …` for the data domain's security administrators, and `gongshu airlock enrol`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.commands.host import plainly
from gongshu.cli.parser import command_parser
from gongshu.host import administration, inside, setup
from gongshu.host.clusters import Cluster
from gongshu.host.home import Home, make_sockets
from gongshu.host.processes import django_settings
from gongshu.wire import envelope as wire
from gongshu.wire.errors import WireError
from gongshu.wire.settings import home_path
from gongshu.wire.store import write_file

USER = re.compile(r"[a-z][a-z0-9._-]{1,49}\Z")


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadUse("file", f"读不到{what} {path}。") from error


def _read_json(path: Path, what: str) -> Any:
    try:
        return json.loads(_read(path, what))
    except ValueError as error:
        raise BadUse("file", f"{what} {path} 不是合格的 JSON。") from error


def _read_list(path: Path) -> wire.Envelope:
    try:
        envelope = wire.loads(_read(path, "信任名单"))
    except WireError as error:
        raise BadUse(error.code, f"{path} 不是信任名单：{error.sentence}") from error
    if envelope.kind != "trust":
        raise BadUse("kind", f"{path} 不是信任名单。")
    return envelope


@plainly
def new_administrator(argv: list[str]) -> Answer:
    """`gongshu trust new-administrator --out DIR --name NAME`: a key pair that no service ever holds."""
    parser = command_parser("trust new-administrator", "为一名安全管理员生成钥匙")
    parser.add_argument("--out", type=Path, required=True, help="放钥匙的目录，应在安全管理员自己的介质上")
    parser.add_argument("--name", default="安全管理员", help="写在信任名单上的称呼")
    parser.add_argument("--algorithm", choices=("ed25519", "sm2"), default="ed25519", help="签名算法")
    given = parser.parse_args(argv)
    public = administration.new_administrator(given.out, given.name, given.algorithm)
    file = given.out / administration.PUBLIC_FILE
    text = f"签名钥匙和恢复钥匙已写入 {given.out}，指纹 {public['id']}。私钥请自行保管，"
    text += f"只把 {file.name} 交给起草名单的人。"
    return Answer(True, {"ok": True, **public, "public": str(file)}, text)


@plainly
def template(argv: list[str]) -> Answer:
    """`gongshu trust template --out FILE --administrator PUB …`: an unsigned list of this home's services."""
    parser = command_parser("trust template", "起草一份待签的信任名单")
    parser.add_argument("--out", type=Path, required=True, help="写到哪个文件")
    parser.add_argument(
        "--administrator", type=Path, action="append", required=True, help="安全管理员的公钥文件，至少两个"
    )
    parser.add_argument("--rows", type=Path, help="JSON：organisations、people、accounts、keys")
    given = parser.parse_args(argv)
    if len(given.administrator) < 2:
        raise BadUse("administrators", "信任名单须由两名安全管理员签署，请给出两个公钥文件。")
    home = Home.open(home_path(given.home))
    people = [_read_json(path, "公钥文件") for path in given.administrator]
    rows = _read_json(given.rows, "名单内容") if given.rows else {}
    made = administration.template(home, people, rows, datetime.now(UTC))
    write_file(given.out, made.dumps(), 0o644)
    number = made.body["number"]
    text = f"第 {number} 号信任名单已写入 {given.out}，请两名安全管理员各自运行 gongshu trust sign。"
    return Answer(True, {"ok": True, "list": str(given.out), "number": number}, text)


@plainly
def sign(argv: list[str]) -> Answer:
    """`gongshu trust sign --list FILE --key FILE`: adds one administrator's signature to the file."""
    parser = command_parser("trust sign", "安全管理员签署信任名单")
    parser.add_argument("--list", type=Path, required=True, dest="document", help="信任名单文件")
    parser.add_argument("--key", type=Path, required=True, help="安全管理员的私钥文件")
    given = parser.parse_args(argv)
    envelope = _read_list(given.document)
    key = administration.read_key(given.key)
    signed = administration.add_signature(envelope, key)
    write_file(given.document, signed.dumps(), 0o644)
    count = len(signed.signatures)
    data = {"ok": True, "number": signed.body.get("number"), "key": key.public().id, "signatures": count}
    return Answer(True, data, f"已签署（指纹 {key.public().id}），名单上现有 {count} 个签名。")


@plainly
def init(argv: list[str]) -> Answer:
    """`gongshu trust init --list FILE`: only here do administrators' public keys come in."""
    parser = command_parser("trust init", "在数据域的机器上装入第一份信任名单")
    parser.add_argument("--list", type=Path, required=True, dest="document", help="两名安全管理员签好的名单")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    envelope = _read_list(given.document)
    done = administration.install(home, envelope)
    number = done["domain"]
    names = [f"{row.get('name', '')}（{row['key']}）" for row in envelope.body["administrators"]]
    text = "\n".join([f"第 {number} 号信任名单已装入。请核对安全管理员的公钥：", *names])
    return Answer(True, {"ok": True, "number": number, "homes": sorted(done)}, text)


@plainly
def enrol(argv: list[str]) -> Answer:
    """`gongshu airlock enrol USER…`: a one-time password and a TOTP secret for each account, all or none."""
    parser = command_parser("airlock enrol", "为闸口账号设置口令和动态口令")
    parser.add_argument("users", metavar="user", nargs="+", help="信任名单上的闸口账号，可以一次几个")
    given = parser.parse_args(argv)
    if not all(USER.match(user) for user in given.users):
        raise BadUse("user", "账号只能用小写字母、数字、点、横线和下划线，以字母开头。")
    home = Home.open(home_path(given.home))
    settings = django_settings("domain")
    if settings is None:
        raise BadUse("parts", "本机没有安装数据域，请在数据域的机器上运行。")
    make_sockets(home)
    domains: list[Cluster] = [cluster for cluster in setup.embedded(home) if cluster.name == "domain"]
    with setup.clusters_up(domains):
        done = inside.django(home, "domain", settings, "enrol", *given.users)
    try:
        data: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BadUse("enrol", f"账号没有设置成：{''.join(last)}") from error
    if done.returncode != 0 or data.get("ok") is False:
        fault = data.get("error", {})
        raise BadUse(fault.get("code", "enrol"), fault.get("sentence", "账号没有设置成。"))
    lines = [
        f"账号 {each['username']} 的一次性口令：{each['password']}　动态口令密钥：{each['totp']}"
        for each in data["accounts"]
    ]
    return Answer(True, {"ok": True, **data}, "\n".join([*lines, "请当面交给本人，首次登录后更换口令。"]))
