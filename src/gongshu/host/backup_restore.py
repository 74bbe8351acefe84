"""`gongshu restore` and `gongshu resume`: an archive into a home of its own mark, and the word to go on."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from gongshu.crypto.sign import PrivateKey
from gongshu.host import backup_seal, inside, keys, setup, state
from gongshu.host.backup import databases, working
from gongshu.host.errors import HostError
from gongshu.host.home import Home, check_zones
from gongshu.wire import envelope as wire
from gongshu.wire import hold as holds
from gongshu.wire.settings import Settings
from gongshu.wire.store import TrustStore, write_file
from gongshu.wire.trust import ADMINISTRATOR

Say = Callable[[str], None]
UNPACK = "gongshu.host.backup_unpack"
GATEWAY = "gateway.sealed"


def used(settings: Settings, service: str) -> bool:
    """Run inside: whether this part of the home holds work already."""
    from gongshu.host.backup_unpack import in_use

    return in_use(settings, service)


def restore(
    home: Home, archive: Path, key_files: Sequence[Path], *, replace: bool, say: Say
) -> dict[str, Any]:
    """Puts one archive into the home; what it was and where it stands in the feed."""
    if state.running(home):
        raise HostError("running", "公枢正在运行，请先 gongshu down 再恢复。")
    try:
        src = archive.open("rb", buffering=0)
    except OSError as error:
        raise HostError("no_such_file", f"读不到备份文件 {archive}。") from error
    with src:
        header, bound, start = _header(src)
        service = header["part"]
        if service not in ("office", "domain"):
            raise HostError("archive", "这是网关的部分，它随数据域的备份一起恢复。")
        secret_keys = [backup_seal.read_recovery(path) for path in key_files]
        words = _words(header, bound, secret_keys)
        with databases(home):
            for cluster in setup.embedded(home):
                cluster.create_database()
            if not replace and inside.call(home, service, f"{__name__}:used", service):
                raise HostError(
                    "in_use", "这个家目录里已有数据，恢复会替换它；确认要替换请加 --replace，或换一个家目录。"
                )

            def begin() -> None:
                _adopt(home, header, say)
                if service == "domain":
                    _hold(home, header)

            os.lseek(src.fileno(), start, os.SEEK_SET)
            done = _unpack(home, service, src, words, begin)
            if service == "domain":
                _gateway(home, secret_keys)
            keys.make_all(home)
            setup.migrate(home, say, always=True)
    return {"part": service, "feed": header["feed"], "made": header["made"], "files": done["files"]}


def _header(src: BinaryIO) -> tuple[dict[str, Any], bytes, int]:
    with os.fdopen(os.dup(src.fileno()), "rb") as reader:
        header, bound = backup_seal.read_header(reader)
    return header, bound, len(bound)


def _words(header: Mapping[str, Any], bound: bytes, secret_keys: Sequence[Any]) -> dict[str, Any]:
    """What the reader needs: the archive's key, when it is a sealed one."""
    sealed = "shares" in header
    key = backup_seal.join(header["shares"], secret_keys).hex() if sealed else None
    return {"key": key, "alg": header.get("alg", ""), "bound": bound.hex()}


def _adopt(home: Home, header: Mapping[str, Any], say: Say) -> None:
    """The archive's zones join the home's; its first zone names the log. The home's mark stays its own."""
    settings = home.settings()
    zones = check_zones([*header["zones"], *settings.zones])
    home.change(zones=list(zones), zone=header["zone"])
    if header["mark"] != home.mark:
        say(
            f"备份来自 {header['mark']} 环境，本家目录是 {home.mark} 环境："
            "标记不随备份走，业务时间按本家目录的规定。"
        )


def _hold(home: Home, header: Mapping[str, Any]) -> None:
    """From now on the data domain stands still, whatever happens to the rest of this restore."""
    (home.config / holds.RESUME).unlink(missing_ok=True)
    content = {
        "v": 1,
        "restore": secrets.token_hex(16),
        "places": header["feed"],
        "made": header["made"],
        "at": int(datetime.now(UTC).timestamp()),
    }
    write_file(home.config / holds.HOLD, json.dumps(content, sort_keys=True).encode() + b"\n", 0o644)


def _unpack(
    home: Home,
    service: str,
    src: BinaryIO,
    words: Mapping[str, Any],
    begin: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """`begin` is done once the archive was read whole and before anything is changed."""
    with working(home, service, UNPACK, [src.fileno()], service, str(src.fileno())) as part:
        part.tell(**words)
        part.hear()
        begin()
        part.tell()
        return part.hear()


def _gateway(home: Home, secret_keys: Sequence[Any]) -> None:
    """The gateway's box came out of the domain's archive closed; only the gateway's user unpacks it."""
    path = home.path / "domain" / "state" / GATEWAY
    with tempfile.TemporaryFile() as box:
        done = subprocess.run(
            ["/usr/bin/cat", str(path)],
            stdout=box,
            stderr=subprocess.PIPE,
            check=False,
            cwd="/",
            env=inside.environment(home, "domain"),
            **home.account("domain").popen(),
        )
        if done.returncode != 0:
            raise HostError("archive", "备份文件里没有网关的部分。")
        box.seek(0)
        header, bound, start = _header(box)
        os.lseek(box.fileno(), start, os.SEEK_SET)
        _unpack(home, "gateway", box, _words(header, bound, secret_keys))
    inside.run(home, "domain", ["/usr/bin/rm", "-f", str(path)])


# ---- 恢复的起点


def held(home: Home) -> str:
    """'' when the data domain of this home may start, else the sentence why not."""
    settings = home.settings()
    hold = holds.read(settings)
    if hold is None or inside.call(home, "domain", f"{__name__}:resumed"):
        return ""
    return holds.WAITING


def resumed(settings: Settings, _payload: object) -> bool:
    """Run inside the data domain: have both administrators signed for this restore?"""
    hold = holds.read(settings)
    now = datetime.now(UTC)
    store = TrustStore(settings.trust("domain"))
    return hold is None or (
        store.path.exists() and bool(holds.signed(settings, hold, store.current(now), now))
    )


def accepted(settings: Settings, payload: Mapping[str, Any]) -> dict[str, int]:
    """Run inside the data domain: the numbers of a resume, checked against its own trust list."""
    now = datetime.now(UTC)
    hold = holds.read(settings)
    if hold is None:
        raise HostError("no_hold", "数据域不是从备份恢复的，不需要签署起点。")
    trust = TrustStore(settings.trust("domain")).current(now)
    return holds.check(wire.parse(payload["envelope"]), hold, trust, settings.mark, now)


def read_checkpoint(path: Path) -> dict[str, int]:
    """The feed numbers of a checkpoint file that an administrator kept."""
    try:
        feed = json.loads(path.read_bytes())["feed"]
        return {str(zone): int(seq) for zone, seq in feed.items()}
    except OSError as error:
        raise HostError("no_such_file", f"读不到检查点文件 {path}。") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HostError("checkpoint", f"{path} 不是备份时写下的检查点。") from error


def kept_checkpoints(key_files: Sequence[Path]) -> list[Path]:
    """Checkpoints that lie beside the administrators' keys."""
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in key_files)
    return sorted(path for folder in folders for path in folder.glob("gongshu-checkpoint-*.json"))


def numbers_for(
    places: Mapping[str, int], wanted: Mapping[str, int], kept: Sequence[Mapping[str, int]]
) -> dict[str, int]:
    """The number a zone to resume from: as wanted, else the highest anybody holds; never lower than that."""
    numbers = {}
    for zone in sorted({*places, *wanted}):
        least = max([places.get(zone, 0), *(one.get(zone, 0) for one in kept)])
        number = wanted.get(zone, least)
        if number < least:
            raise HostError(
                "too_low",
                f"区域 {zone} 的第 {number} 号低于手中最新检查点的第 {least} 号："
                "其间停止、撤回的会重新生效，不予签署。",
            )
        numbers[zone] = number
    return numbers


def resume(
    home: Home, signers: Sequence[PrivateKey], wanted: Mapping[str, int], kept: Sequence[Mapping[str, int]]
) -> dict[str, int]:
    """Both administrators sign where the data domain goes on; the numbers, a zone."""
    settings = home.settings()
    hold = holds.read(settings)
    if hold is None:
        raise HostError("no_hold", "数据域不是从备份恢复的，不需要签署起点。")
    unknown = set(wanted) - set(settings.zones)
    if unknown:
        raise HostError("zone", f"本家目录没有区域 {'、'.join(sorted(unknown))}。")
    numbers = numbers_for(hold.places, wanted, kept)
    body = holds.body(hold, settings.zone, numbers)
    made = wire.make("resume", settings.zone, 0, body, datetime.now(UTC))
    for key in signers:
        made = wire.sign(made, ADMINISTRATOR, key)
    signed: dict[str, int] = inside.call(home, "domain", f"{__name__}:accepted", {"envelope": made.data()})
    write_file(home.config / holds.RESUME, made.dumps(), 0o644)
    return signed
