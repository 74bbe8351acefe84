"""Every command, as a table: name → where its function lives and what it does.

A function takes the remaining arguments (`list[str]`) and returns an `Answer`, or raises `BadUse`.
Modules are imported only when their command is called, so each host needs only its own extra.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    target: str
    title: str


COMMANDS: dict[str, Command] = {
    "law check": Command("gongshu.cli.commands.law:check", "检查全部规则包"),
    "law deadline": Command("gongshu.cli.commands.law:deadline", "计算一个期限"),
    "law show": Command("gongshu.cli.commands.law:show", "显示一条规则的有效值和出处"),
    "law coverage": Command("gongshu.cli.commands.law:coverage", "逐条列出要求的落实情况"),
    "law diagram": Command("gongshu.cli.commands.law:diagram", "打印一个程序的状态图"),
    "evidence verify": Command("gongshu.cli.commands.evidence:verify", "核验存证日志"),
    "enclave lens": Command("gongshu.cli.commands.enclave:lens", "检查一条 SQL 是否在授权之内"),
    "enclave attack": Command("gongshu.cli.commands.enclave:attack", "用原始数据攻击一份输出"),
    "sample open": Command("gongshu.cli.commands.sample:open_", "看一个样例包里有什么"),
    "sample check": Command("gongshu.cli.commands.sample:check", "用透镜检查一条查询，规则与数据域里相同"),
    "sample sql": Command("gongshu.cli.commands.sample:sql", "检查之后在样例上运行一条查询"),
    "money maximum": Command("gongshu.cli.commands.money:maximum", "核定最高准许收入"),
    "explain": Command("gongshu.cli.commands.explain:explain", "为什么：解释一个决定"),
    "up": Command("gongshu.cli.commands.host:up", "启动本机上的全部进程"),
    "down": Command("gongshu.cli.commands.host:down", "停止本机上的全部进程"),
    "run": Command("gongshu.cli.commands.host:run", "单独启动一个进程"),
    "init": Command("gongshu.cli.commands.host:init", "建立家目录、用户和数据库"),
    "doctor": Command("gongshu.cli.commands.host:doctor", "检查安装并说明如何修复"),
    "keys": Command("gongshu.cli.commands.host:keys", "打印公钥"),
    "trust new-administrator": Command(
        "gongshu.cli.commands.trust:new_administrator", "为一名安全管理员生成钥匙"
    ),
    "trust template": Command("gongshu.cli.commands.trust:template", "起草一份待签的信任名单"),
    "trust sign": Command("gongshu.cli.commands.trust:sign", "安全管理员签署信任名单"),
    "trust init": Command("gongshu.cli.commands.trust:init", "在数据域的机器上装入第一份信任名单"),
    "airlock enrol": Command("gongshu.cli.commands.trust:enrol", "为闸口账号设置口令和动态口令"),
    "office enrol": Command("gongshu.cli.commands.office:enrol", "建立办公域的第一个管理员账号"),
    "backup": Command("gongshu.cli.commands.backup:backup", "备份，每个域一份"),
    "restore": Command("gongshu.cli.commands.backup:restore", "恢复一个域的备份"),
    "resume": Command("gongshu.cli.commands.backup:resume", "恢复后由两名安全管理员签署起点"),
    "upgrade": Command("gongshu.cli.commands.backup:upgrade", "升级数据库和规则包"),
    "demo": Command("gongshu.cli.commands.demo:demo", "演示：一座合成的城市走完全程"),
}
