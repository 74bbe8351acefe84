"""`gongshu backup | restore | resume | upgrade`."""

from __future__ import annotations

import sys
from pathlib import Path

from gongshu.cli.answer import Answer
from gongshu.cli.commands.host import plainly
from gongshu.cli.parser import Parser, command_parser
from gongshu.host import administration, backup_restore, setup, state
from gongshu.host import backup as backups
from gongshu.host.errors import HostError
from gongshu.host.home import Home, read_config
from gongshu.law import packs
from gongshu.wire.settings import home_path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _numbers(feed: dict[str, int]) -> str:
    return "、".join(f"{zone} 第 {seq} 号" for zone, seq in sorted(feed.items())) or "尚无通知"


@plainly
def backup(argv: list[str]) -> Answer:
    """`gongshu backup --out DIR`: the office's archive, the data domain's sealed one, a checkpoint."""
    parser = command_parser("backup", "备份，每个域一份")
    parser.add_argument("--out", type=Path, required=True, help="写到哪个目录")
    parser.add_argument("--behind", action="store_true", help="数据域没有收齐通知流也照样备份")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    done = backups.backup(home, given.out, behind=given.behind)
    lines = [f"备份完成，通知流 {_numbers(done['feed'])}。"]
    lines += [f"  {path}" for path in done["archives"].values()]
    lines += [f"请把 {done['checkpoint']} 交两名安全管理员各存一份，放在自己的钥匙旁。"]
    return Answer(True, {"ok": True, **done}, "\n".join(lines))


def _keys(parser: Parser, text: str) -> None:
    parser.add_argument("--key", type=Path, action="append", default=[], metavar="FILE", help=text)


@plainly
def restore(argv: list[str]) -> Answer:
    """`gongshu restore --archive FILE [--key FILE --key FILE]`: one domain's archive into this home."""
    parser = command_parser("restore", "恢复一个域的备份")
    parser.add_argument("--archive", type=Path, required=True, help="备份文件")
    _keys(parser, "安全管理员的恢复钥匙（数据域的备份要两个）")
    parser.add_argument("--replace", action="store_true", help="替换家目录里已有的数据")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    done = backup_restore.restore(home, given.archive, given.key, replace=given.replace, say=_say)
    waits = backup_restore.held(home)
    lines = [f"已恢复（{done['part']}），通知流 {_numbers(done['feed'])}。", *([waits] if waits else [])]
    return Answer(True, {"ok": True, **done, "held": bool(waits), "mark": home.mark}, "\n".join(lines))


def _wanted(words: list[str], zone: str) -> dict[str, int]:
    """`--number N` for the home's own zone, `--number ZONE=N` for another."""
    found = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not number.isascii() or not number.isdigit():
            raise HostError("number", f"“{word}”不是编号，应写 N 或 专区=N。")
        found[name or zone] = int(number)
    return found


@plainly
def resume(argv: list[str]) -> Answer:
    """`gongshu resume --key A --key B [--number N] [--checkpoint FILE]`: from here the domain goes on."""
    parser = command_parser("resume", "恢复后由两名安全管理员签署起点")
    _keys(parser, "安全管理员的签名钥匙，两个")
    parser.add_argument("--number", action="append", default=[], help="通知流编号 N，或 专区=N（可写多次）")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="手中的检查点文件")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    paths = [path / administration.KEY_FILE if path.is_dir() else path for path in given.key]
    signers = [administration.read_key(path) for path in paths]
    files = [*given.checkpoint, *backup_restore.kept_checkpoints(paths)]
    kept = [backup_restore.read_checkpoint(path) for path in files]
    wanted = _wanted(given.number, home.settings().zone)
    numbers = backup_restore.resume(home, signers, wanted, kept)
    # what stands still is decided when the supervisor starts
    start = "请先 gongshu down 再 gongshu up" if state.running(home) else "请运行 gongshu up"
    text = f"已签署，数据域收齐通知流 {_numbers(numbers)}之后恢复工作；{start}。"
    return Answer(True, {"ok": True, "numbers": numbers, "checkpoints": len(kept)}, text)


@plainly
def upgrade(argv: list[str]) -> Answer:
    """`gongshu upgrade`: databases and packs of this home to the installed version; may be repeated."""
    parser = command_parser("upgrade", "升级数据库和规则包")
    given = parser.parse_args(argv)
    home = Home.open(home_path(given.home))
    if state.running(home):
        raise HostError("running", "公枢正在运行，请先 gongshu down 再升级。")
    zones = list(home.settings().zones)
    library = packs.library()
    faults = library.problems
    if faults:
        raise HostError("packs", f"安装的规则包有 {len(faults)} 处问题，请运行 gongshu law check。")
    host = read_config(home.path).get("host", "127.0.0.1")
    home = setup.prepare(home.path, home.mark, zones, host, _say)
    with backups.databases(home):
        for cluster in setup.embedded(home):
            cluster.create_database()
        ran = setup.migrate(home, _say, always=True)
    digests = {zone: library.digest(zone) for zone in zones}
    text = f"数据库 {'、'.join(ran)} 与 {len(digests)} 个专区的规则包已是本版本。"
    return Answer(True, {"ok": True, "migrated": sorted(ran), "packs": digests}, text)
