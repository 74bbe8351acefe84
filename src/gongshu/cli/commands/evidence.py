"""`gongshu evidence verify`: is the log whole, and does it say what its checkpoints say."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import command_parser
from gongshu.crypto.sign import BadKey, PublicKey
from gongshu.evidence.check import verify as check
from gongshu_verify.keys import Key, KeyFileError, read_keys
from gongshu_verify.logdir import is_log


def verify(argv: list[str]) -> Answer:
    """`--dir DIR` (default: the home's log), `--key FILE` (default: the home's keys, else the log's own)."""
    parser = command_parser("evidence verify", "核验存证日志")
    parser.add_argument("--dir", type=Path, help="日志目录（默认是家目录里的 office/log）")
    parser.add_argument("--key", type=Path, help="公钥文件：公钥行、PEM 或“算法:base64”")
    options = parser.parse_args(argv)
    home = options.home or _home()
    directory = options.dir or home / "office" / "log"
    try:
        found = directory.is_dir()
        if found:
            next(directory.iterdir(), None)
    except PermissionError as error:
        raise BadUse(
            "permission", f"没有权限读日志目录 {directory}，请用 root 或办公域的用户运行。"
        ) from error
    if not found:
        raise BadUse(
            "no_such_file", f"没有日志目录 {directory}。用 --dir 指出日志所在，或先运行 gongshu up。"
        )
    if not is_log(directory):
        raise BadUse("empty_log", f"日志还是空的：{directory} 里还没有一条存证，办理第一件事之后再核验。")
    keys = _keys(options.key, home, directory, own=options.dir is None or options.home is not None)
    report = check(directory, keys)
    behind = _behind(report.witnesses, report.size)
    return Answer(report.ok, {**report.data(), "unwitnessed": behind}, _text(report.ok, report.data()))


def _home() -> Path:
    if given := os.environ.get("GONGSHU_HOME"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/gongshu")
    return Path.home() / ".local" / "share" / "gongshu"


def _keys(given: Path | None, home: Path, directory: Path, *, own: bool) -> Sequence[Key]:
    """The keys to trust: those given, else those of the home, else those the log itself publishes."""
    if given is not None:
        return _read(given)
    listed = home / "config" / "keys.json"
    if own and listed.exists():
        try:
            rows = [(PublicKey.decode(row["key"]), row["role"]) for row in json.loads(listed.read_bytes())]
            return [Key(key.alg, key.raw, frozenset({str(role)})) for key, role in rows]
        except (ValueError, KeyError, TypeError, BadKey) as error:
            raise BadUse("key", f"{listed} 读不出公钥，请运行 gongshu keys。") from error
    published = directory / "keys"
    return _read(published) if published.exists() else []


def _read(path: Path) -> Sequence[Key]:
    try:
        return read_keys(path.read_bytes())
    except OSError as error:
        raise BadUse("no_such_file", f"读不了公钥文件 {path}。") from error
    except KeyFileError as error:
        raise BadUse("key", str(error)) from error


# The witnesses every installation has (docs/evidence.md); others may come.
WITNESSES = {"enclave": "数据域", "gateway": "网关"}


def _behind(witnesses: list[dict[str, Any]], size: int) -> dict[str, int]:
    """Witness → how many of the newest entries it has not co-signed; all of them when it never did."""
    reached = dict.fromkeys(WITNESSES, 0)
    for one in witnesses:
        reached[str(one["name"])] = max(reached.get(str(one["name"]), 0), int(one["size"]))
    return {name: size - at for name, at in sorted(reached.items())}


def _cosigned(witnesses: list[dict[str, Any]], size: int) -> list[str]:
    """A sentence a witness; a missing co-signature of the newest entries is said, not passed over."""
    said = []
    for name, behind in _behind(witnesses, size).items():
        title = f"见证人“{WITNESSES.get(name, name)}”"
        if behind == size and size:
            said.append(f"{title}没有联署过任何检查点。")
        elif behind:
            said.append(f"{title}只联署到第 {size - behind} 条，其后 {behind} 条没有它的见证。")
        else:
            said.append(f"{title}已联署最新的检查点。")
    return said


def _text(ok: bool, data: dict[str, object]) -> str:
    problems = data["problems"]
    assert isinstance(problems, list)
    witnesses = data["witnesses"]
    assert isinstance(witnesses, list)
    head = "日志完整" if ok else f"日志有 {len(problems)} 个问题"
    lines = [f"{head}：共 {data['size']} 条，检查点 {data['checkpoints']} 个，见证 {len(witnesses)} 个。"]
    lines += _cosigned(witnesses, int(str(data["size"])))
    lines.append(f"SHA-256 根 {data['root']}，SM3 根 {data['root_sm3']}。")
    lines += [f"- {problem['sentence']}" for problem in problems]
    return "\n".join(lines)
