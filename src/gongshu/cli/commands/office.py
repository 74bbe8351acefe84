"""`gongshu office enrol`: the first system and security administrators of a zone."""

from __future__ import annotations

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.commands.host import plainly
from gongshu.cli.parser import command_parser
from gongshu.host import inside, setup
from gongshu.host.home import Home, make_sockets
from gongshu.host.processes import django_settings
from gongshu.wire.settings import home_path

TITLES = {"system_administrator": "系统管理员", "security_administrator": "安全管理员"}
TARGET = "gongshu.office.accounts.enrolment:enrol"


@plainly
def enrol(argv: list[str]) -> Answer:
    """Make both administrators as the office's user; password and TOTP secret are printed once."""
    parser = command_parser("office enrol", "建立办公域的第一批管理员账号")
    parser.add_argument("--zone", help="专区（默认取本站的专区）")
    parser.add_argument("--organisation", required=True, help="管理员所在机构的全称")
    parser.add_argument("--code", required=True, help="该机构的统一社会信用代码")
    parser.add_argument("--prefix", default="", help="用户名的前缀（默认是专区编号）")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    if django_settings("office") is None:
        raise BadUse("parts", "本机没有安装办公域，请在办公域的机器上运行。")
    settings = home.settings()
    zone = given.zone or settings.zone
    if zone not in settings.zones:
        raise BadUse("zone", f"本站没有专区“{zone}”，有：{'、'.join(settings.zones)}。")
    payload = {"zone": zone, "organisation": given.organisation, "code": given.code, "prefix": given.prefix}
    make_sockets(home)
    with setup.clusters_up([cluster for cluster in setup.embedded(home) if cluster.name == "office"]):
        made = inside.call(home, "office", TARGET, payload)
    line = "{title}：用户名 {username}　口令 {password}　动态口令密钥 {totp}"
    lines = [line.format(title=TITLES[each["role"]], **each) for each in made["accounts"]]
    lines.append("只显示这一次，请当面交给本人，登录后更换口令。")
    return Answer(True, {"ok": True, **made}, "\n".join(lines))
