"""Signed documents: proof, certificate, release, receipt, consent and any other `{kind, …, signatures}`.

A signature covers the canonical JSON (RFC 8785) of the document without `signatures` and `proof`; with
`"over": "body"` it covers the digest of kind, zone and body. `signatures` is a list of
`{"key": fingerprint, "alg", "sig": base64, "role"?, "over"?}`. Files a document speaks of lie beside it:
`{"name", "digest"}` in `files`; the PDF of a certificate is named by taking `.sig.json` away.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gongshu_verify import notes
from gongshu_verify.faults import Problem
from gongshu_verify.keys import Key, by_id
from gongshu_verify.merkle import HASH, included
from gongshu_verify.strict_json import JsonError, canonical, loads

SIDECAR = ".sig.json"
RECORDS = (
    "release.json",
    "disclosure.json",
    "receipt.json",
    "consent.json",
    "certificate.json",
    "proof.json",
)
# Who must have signed: the office has keys of its own, but none that releases or certifies.
SPEAKS: dict[str, tuple[str, ...]] = {
    "release": ("enclave",),
    "sample": ("enclave",),
    "certificate": ("certificate",),
    "vote": ("airlock",),
    "confirmation": ("airlock",),
    "receipt": ("portal",),
    "consent": ("portal", "subject"),
    "withdrawal": ("portal", "subject"),
}
# What may stand beside a body that alone was signed: the envelope's own fields.
BESIDE = frozenset({"v", "zone", "seq", "kind", "issued", "expires", "body", "signatures", "proof", "salt"})
_PIECE = 1 << 20


class NotADocument(Exception):
    """The path is nothing this verifier knows. A Chinese sentence."""


@dataclass
class DocumentReport:
    """`trusted`: a signature by one of the reader's keys holds. `signers`: role, key, alg of those."""

    kind: str
    trusted: bool = False
    problems: list[Problem] = field(default_factory=list)
    signers: list[dict[str, str]] = field(default_factory=list)
    proof: dict[str, Any] | None = None

    @property
    def ok(self) -> bool:
        return not self.problems

    def problem(self, code: str, where: str, sentence: str) -> None:
        self.problems.append(Problem(code, where, sentence))


def verify_document(path: Path, keys: Sequence[Key]) -> DocumentReport:
    """Check the document at `path`: a JSON file, a PDF with its `.sig.json`, a folder, a checkpoint.

    Raises `NotADocument` when it is none of these.
    """
    if path.is_dir():
        return _folder(path, keys)
    data = path.read_bytes()
    if data.startswith(b"%PDF"):
        return _certificate(path, Path(f"{path}{SIDECAR}"), keys)
    if path.name.endswith(SIDECAR):
        return _certificate(path.with_name(path.name.removesuffix(SIDECAR)), path, keys)
    if data.lstrip()[:1] != b"{":
        return _checkpoint(data, keys)
    return _json(path, data, keys)


def _folder(path: Path, keys: Sequence[Key]) -> DocumentReport:
    for name in RECORDS:
        if (path / name).is_file():
            return verify_document(path / name, keys)
    documents = [file for file in sorted(path.glob("*.json")) if _is_signed(file)]
    if len(documents) != 1:
        raise NotADocument(f"目录 {path} 里既没有日志，也没有唯一的一份带签名的文件。")
    return verify_document(documents[0], keys)


def _is_signed(path: Path) -> bool:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and "signatures" in document


def _checkpoint(data: bytes, keys: Sequence[Key]) -> DocumentReport:
    try:
        point = notes.read(data)
    except notes.NoteError as error:
        raise NotADocument("这个文件既不是 JSON、PDF，也不是检查点，不知道怎样核验。") from error
    report = DocumentReport("checkpoint")
    _signed_checkpoint(report, point, keys)
    return report


def _json(path: Path, data: bytes, keys: Sequence[Key]) -> DocumentReport:
    try:
        document = loads(data)
    except JsonError as error:
        report = DocumentReport("unknown")
        report.problem("malformed", path.name, f"{path.name} 读不出来：{error}")
        return report
    kind = document.get("kind")
    if kind == "proof" or ("entry" in document and "checkpoint" in document):
        report = DocumentReport("proof")
        _proof(report, document, keys)
        return report
    if not isinstance(kind, str) or not {"signatures", "body", "digest", "files"} & document.keys():
        raise NotADocument("这个 JSON 文件没有 kind，也没有签名，不知道怎样核验。")
    report = DocumentReport(kind)
    _signatures(report, document, keys)
    _files(report, document, path.parent)
    _embedded_proof(report, document, keys)
    return report


def _certificate(pdf: Path, sidecar: Path, keys: Sequence[Key]) -> DocumentReport:
    report = DocumentReport("certificate")
    if not pdf.is_file():
        report.problem("file_missing", pdf.name, f"签名文件旁边没有它所指的 {pdf.name}。")
    if not sidecar.is_file():
        report.problem("signature_missing", sidecar.name, f"证书旁边没有签名文件 {sidecar.name}，无法核验。")
        return report
    try:
        document = loads(sidecar.read_bytes())
    except JsonError as error:
        report.problem("malformed", sidecar.name, f"{sidecar.name} 读不出来：{error}")
        return report
    if not isinstance(document, dict):
        report.problem("malformed", sidecar.name, f"{sidecar.name} 不是签名文件。")
        return report
    report.kind = str(document.get("kind", "certificate"))
    _signatures(report, document, keys)
    if pdf.is_file():
        _file(report, pdf, pdf.name, _digests(document))
    _files(report, document, sidecar.parent)
    _embedded_proof(report, document, keys)
    return report


def message_of(document: dict[str, Any], over: str) -> bytes:
    """What a signature covers."""
    if over == "body":
        zone = "*" if document.get("kind") == "trust" else document.get("zone", "")
        said = {"v": document.get("v", 1), "kind": document["kind"], "zone": zone, "body": document["body"]}
        digest = hashlib.sha256(canonical(said)).hexdigest()
        return f"gongshu-body-v1\nsha256:{digest}".encode()
    return canonical({name: document[name] for name in document if name not in ("signatures", "proof")})


def _signatures(report: DocumentReport, document: dict[str, Any], keys: Sequence[Key]) -> None:
    signatures = document.get("signatures")
    if not isinstance(signatures, list) or not signatures:
        report.problem("unsigned", "signatures", "文件没有签名。")
        return
    unknown = 0
    spoken: set[str] = set()
    whole = False
    for place, one in enumerate(signatures, 1):
        where = f"signatures#{place}"
        try:
            key = _signer(keys, str(one["key"]))
            signature = base64.b64decode(one["sig"], validate=True)
            message = message_of(document, str(one.get("over", "envelope")))
        except (KeyError, TypeError, AttributeError, binascii.Error, ValueError):
            report.problem("signature_malformed", where, f"第 {place} 个签名写法不对。")
            continue
        if key is None:
            unknown += 1
        elif key.alg != one.get("alg", key.alg) or not key.verify(signature, message):
            report.problem("signature", where, f"第 {place} 个签名通不过验证：内容或签名被改动过。")
        elif not key.speaks_for(role := str(one.get("role") or "")) and role:
            sentence = f"第 {place} 个签名自称“{role}”，所给的公钥却不是它的。"
            report.problem("role", where, sentence)
        else:
            whole |= str(one.get("over", "envelope")) != "body"
            spoken |= {role for role in SPEAKS.get(report.kind, ()) if key.speaks_for(role)}
            report.signers.append({"role": str(one.get("role", "")), "key": key.id, "alg": key.alg})
    if report.signers and report.kind in SPEAKS and not spoken:
        report.problem("role", "signatures", "文件不是由有权出具它的一方签署的。")
    if report.signers and not whole and set(document) - BESIDE:
        report.problem("unsigned_part", "signatures", "签名只覆盖正文，文件里却还有正文以外的内容。")
    report.trusted = bool(report.signers) and not report.problems
    if keys and unknown == len(signatures):
        report.problem("signer", "signatures", "没有一个签名是所给的公钥签的。")


def _signer(keys: Sequence[Key], name: str) -> Key | None:
    """The trusted key that a signature names by fingerprint or by `alg:base64`."""
    if ":" in name:
        alg, _, encoded = name.partition(":")
        wanted = Key(alg, base64.b64decode(encoded, validate=True))
        return wanted if wanted in keys else None
    return by_id(keys, name)


def _digests(document: dict[str, Any]) -> list[str]:
    """The digests `alg:hex` a document gives for one file."""
    found = []
    for name in ("digest", "digests", "sha256", "sm3"):
        value = document.get(name)
        for one in value.values() if isinstance(value, dict) else [value]:
            if isinstance(one, str):
                found.append(one if ":" in one else f"{name}:{one}")
    return found


def _listed(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    body = document.get("body")
    for holder in (document, body if isinstance(body, dict) else {}):
        files = holder.get("files", [])
        if isinstance(files, dict):
            files = [{"name": name, "digest": digest} for name, digest in files.items()]
        yield from (one for one in files if isinstance(one, dict))


def _files(report: DocumentReport, document: dict[str, Any], folder: Path) -> None:
    for one in _listed(document):
        name = one.get("name", one.get("path", one.get("file")))
        if not isinstance(name, str) or not name or Path(name).is_absolute() or ".." in Path(name).parts:
            report.problem("file_name", "files", "文件清单里有不合规的文件名。")
            continue
        if isinstance(one.get("content"), str):
            _content(report, one["content"], name, _digests(one))
            if not (folder / name).is_file():
                continue
        if not (folder / name).is_file():
            report.problem("file_missing", name, f"缺少文件清单里的 {name}。")
        else:
            _file(report, folder / name, name, _digests(one))


def _file(report: DocumentReport, path: Path, name: str, digests: Sequence[str]) -> None:
    known = [one for one in digests if one.partition(":")[0] in HASH]
    if not known:
        report.problem("digest_missing", name, f"文件没有给出 {name} 的摘要。")
    for one in known:
        if _digest(path, one.partition(":")[0]) != one:
            report.problem("digest", name, f"{name} 的内容与签名文件里的摘要不符：文件被改动过。")
            return


def _content(report: DocumentReport, content: str, name: str, digests: Sequence[str]) -> None:
    """A file carried inside the document itself, in base64."""
    known = [one.partition(":") for one in digests if one.partition(":")[0] in HASH]
    try:
        data = base64.b64decode(content, validate=True)
    except binascii.Error:
        data = None
    if data is None or not known or any(HASH[alg](data).hex() != hex_ for alg, _, hex_ in known):
        report.problem("digest", name, f"文件里附带的 {name} 与所写的摘要不符。")


def _digest(path: Path, alg: str) -> str:
    try:
        state = hashlib.new(alg)
    except ValueError:
        return f"{alg}:{HASH[alg](path.read_bytes()).hex()}"
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            state.update(piece)
    return f"{alg}:{state.hexdigest()}"


def _embedded_proof(report: DocumentReport, document: dict[str, Any], keys: Sequence[Key]) -> None:
    """A proof inside a document: the log must hold an entry that names this very document."""
    proof = document.get("proof")
    if proof is None:
        return
    if not isinstance(proof, dict):
        report.problem("proof_malformed", "proof", "文件里的存证证明写法不对。")
        return
    trusted, entry = report.trusted, proof.get("entry")
    _proof(report, proof, keys)
    report.trusted = trusted and report.trusted
    message = message_of(document, "envelope")
    digests = {f"{alg}:{hash_(message).hex()}" for alg, hash_ in HASH.items()} | set(_digests(document))
    salt = document.get("salt")
    if isinstance(salt, str):
        digests |= _salted(salt, message)
    named = entry.get("digests") if isinstance(entry, dict) else None
    if not isinstance(named, dict) or not digests & set(map(str, named.values())):
        report.problem("proof_unrelated", "proof", "存证证明里的条目没有提到这份文件。")


def _salted(salt: str, message: bytes) -> set[str]:
    try:
        raw = bytes.fromhex(salt)
    except ValueError:
        return set()
    return {
        f"{alg}:{hash_(len(raw).to_bytes(2, 'big') + raw + message).hex()}" for alg, hash_ in HASH.items()
    }


def _proof(report: DocumentReport, proof: dict[str, Any], keys: Sequence[Key]) -> None:
    """Inclusion of `entry` at `index` in both trees of a signed checkpoint."""
    try:
        point = notes.read(str(proof["checkpoint"]).encode())
        index, entry = proof["index"], canonical(proof["entry"])
        paths = {alg: [base64.b64decode(one, validate=True) for one in proof[alg]] for alg in HASH}
    except notes.NoteError as error:
        report.problem("checkpoint_malformed", "checkpoint", str(error))
        return
    except (KeyError, TypeError, ValueError, binascii.Error):
        report.problem("proof_malformed", "proof", "存证证明缺少字段或写法不对。")
        return
    report.proof = {"origin": point.origin, "size": point.size, "index": index, "entry": proof["entry"]}
    _signed_checkpoint(report, point, keys)
    for alg, hash_ in HASH.items():
        root = None
        if type(index) is int:
            root = included(alg, hash_(b"\0" + entry), index, point.size, paths[alg])
        if root is None or root != point.root(alg):
            sentence = f"条目不在检查点之下（{alg}）：条目、序号、路径或检查点被改动过。"
            report.problem("inclusion", alg, sentence)


def _signed_checkpoint(report: DocumentReport, point: notes.Checkpoint, keys: Sequence[Key]) -> None:
    held, problems = notes.signers(point, keys)
    for sentence in problems:
        report.problem("checkpoint_signature", "checkpoint", sentence)
    if keys and not held and not problems:
        report.problem("checkpoint_signer", "checkpoint", "检查点不是所给的公钥签的。")
    missing = notes.expected(point, keys) - {key.alg for key in held} if held else set()
    for alg in sorted(missing):
        report.problem("checkpoint_signature", "checkpoint", f"检查点缺少所给公钥的 {alg} 签名。")
    report.trusted = bool(held) and not problems and not missing
