"""`gongshu-verify PATH [--key FILE] [--json]`: checks offline what the platform hands out.

Exit 0: it holds and a key of the reader signed it. 1: it does not hold, or no key was given.
2: no such file, or nothing this program knows. Needs nothing but Python; uses `cryptography` if it is there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gongshu_verify.audit import is_audit, verify_audit
from gongshu_verify.documents import NotADocument, verify_document
from gongshu_verify.faults import Problem
from gongshu_verify.keys import Key, KeyFileError, read_keys
from gongshu_verify.logdir import is_log, unpacked, verify_log

USAGE = """用法：gongshu-verify 路径 [--key 公钥文件] [--json]

路径：存证日志的目录或压缩包、审计抽样档案、
证明文件、证书 PDF（旁边有同名 .sig.json）、出域记录、回执、同意书或检查点。
公钥文件：签名文本的公钥行、PEM 或“算法:base64”，与 gongshu keys 打印的一样。
退出码：0 成立且由所给公钥签名；1 不成立，或没有给公钥；2 用法不对或没有这个文件。"""
_KINDS = {
    "log": "存证日志",
    "proof": "存证证明",
    "certificate": "证书",
    "release": "出域记录",
    "receipt": "回执",
    "consent": "同意书",
    "checkpoint": "检查点",
    "audit": "审计抽样档案",
}


class BadUse(Exception):
    """(code, Chinese sentence): the call cannot be served."""


def main(argv: list[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in argv
    try:
        if "--help" in argv or "-h" in argv:
            print(USAGE)
            return 0
        answer = verify(*_arguments(argv))
    except BadUse as error:
        code, sentence = error.args
        if as_json:
            refused = {"ok": False, "error": {"code": code, "sentence": sentence, "basis": []}}
            print(json.dumps(refused, ensure_ascii=False))
        else:
            print(sentence, file=sys.stderr)
        return 2
    print(json.dumps(answer, ensure_ascii=False) if as_json else _text(answer))
    return 0 if answer["ok"] and answer["trusted"] else 1


def verify(path: Path, key_file: Path | None) -> dict[str, Any]:
    """The answer as data: `ok, kind, trusted, problems` and more by kind. Raises `BadUse`."""
    if not path.exists():
        raise BadUse("path", f"没有“{path}”这个文件或目录。")
    keys = _keys(key_file)
    try:
        if is_log(path):
            return _log(path, keys)
        with unpacked(path) as log:
            if log is not None:
                return _log(log, keys)
        report = verify_audit(path, keys) if is_audit(path) else verify_document(path, keys)
    except NotADocument as error:
        raise BadUse("kind", str(error)) from error
    except OSError as error:
        raise BadUse("path", f"读不了“{path}”：{error.strerror}。") from error
    return {
        "ok": report.ok,
        "kind": report.kind,
        "trusted": report.trusted,
        "problems": _sorted(report.problems),
        "signers": sorted(report.signers, key=lambda one: (one["role"], one["key"])),
        "proof": report.proof,
    }


def _log(path: Path, keys: tuple[Key, ...]) -> dict[str, Any]:
    report = verify_log(path, keys)
    return {
        "ok": report.ok,
        "kind": "log",
        "trusted": report.trusted,
        "problems": _sorted(report.problems),
        "size": report.size,
        "root": report.root,
        "root_sm3": report.root_sm3,
        "origin": report.origin,
        "checkpoints": report.checkpoints,
        "witnesses": report.witnesses,
        "gaps": report.gaps,
    }


def _sorted(problems: list[Problem]) -> list[dict[str, str]]:
    return [problem.data() for problem in sorted(set(problems))]


def _keys(path: Path | None) -> tuple[Key, ...]:
    if path is None:
        return ()
    try:
        return read_keys(path.read_bytes())
    except OSError as error:
        raise BadUse("key", f"读不了公钥文件“{path}”。") from error
    except KeyFileError as error:
        raise BadUse("key", str(error)) from error


def _arguments(argv: list[str]) -> tuple[Path, Path | None]:
    paths: list[str] = []
    key: str | None = None
    rest = [word for word in argv if word != "--json"]
    while rest:
        word = rest.pop(0)
        if word == "--key" and rest:
            key = rest.pop(0)
        elif word.startswith("--key="):
            key = word.removeprefix("--key=")
        elif word.startswith("-"):
            raise BadUse("usage", f"不认识选项“{word}”。加 --help 看用法。")
        else:
            paths.append(word)
    if len(paths) != 1:
        raise BadUse("usage", "请给出一个要核验的路径。加 --help 看用法。")
    return Path(paths[0]), Path(key) if key is not None else None


def _text(answer: dict[str, Any]) -> str:
    name = _KINDS.get(answer["kind"], answer["kind"])
    lines = []
    if answer["ok"] and answer["trusted"]:
        lines.append(f"{name}：核验通过。")
    elif answer["ok"]:
        lines.append(f"{name}：内容前后一致，但没有用可信的公钥核对签名，请用 --key 给出公钥。")
    else:
        lines.append(f"{name}：核验不通过，发现 {len(answer['problems'])} 个问题。")
    if answer["kind"] == "log":
        lines.append(f"共 {answer['size']} 条，检查点 {answer['checkpoints']} 个，根 {answer['root']}。")
    lines += [f"- {problem['sentence']}" for problem in answer["problems"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
