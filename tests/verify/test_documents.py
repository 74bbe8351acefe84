"""Proofs, certificates, releases, receipts, consents: hold with the right key, fail for any change."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest, salted
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import note, proof
from gongshu.evidence.log import Log
from gongshu_verify.main import main, verify
from support.logs import NOW, ORIGIN, make, one, public, signers

KEYS = signers()
PDF = b"%PDF-1.7 certificate"


@pytest.fixture
def key_file(tmp_path) -> Path:
    path = tmp_path / "trusted"
    path.write_bytes(b"# keys\n" + b"".join(key.to_pem() for key in public(KEYS)))
    return path


def signed(document: dict[str, Any], keys: dict[str, PrivateKey] = KEYS, **extra: Any) -> dict[str, Any]:
    message = canonical.dumps(document)
    signatures = [
        {
            "role": "office",
            "key": key.public().id,
            "alg": alg,
            "sig": base64.b64encode(key.sign(message)).decode(),
        }
        for alg, key in keys.items()
    ]
    return {**document, "signatures": signatures, **extra}


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1))
    return path


def codes(path: Path, key: Path | None) -> tuple[bool, bool, str, list[str]]:
    answer = verify(path, key)
    assert {"ok", "kind", "trusted", "problems"} <= set(answer)
    return (
        answer["ok"],
        answer["trusted"],
        answer["kind"],
        [problem["code"] for problem in answer["problems"]],
    )


def test_a_proof_file(tmp_path, key_file):
    make(tmp_path / "log", [300], KEYS)
    made = proof.inclusion(tmp_path / "log", 123)
    path = write(tmp_path / "p.json", made)
    assert codes(path, key_file) == (True, True, "proof", [])
    assert codes(path, None) == (True, False, "proof", [])
    assert main([str(path)]) == 1 and main([str(path), "--key", str(key_file)]) == 0
    for change in (
        {"index": 124},
        {"entry": {**made["entry"], "actor": "person:1x"}},
        {"sm3": made["sm3"][:-1]},
        {"sha256": made["sm3"]},
        {"checkpoint": made["checkpoint"].replace("\n300\n", "\n301\n")},
    ):
        ok, _, kind, found = codes(write(path, {**made, **change}), key_file)
        assert not ok and kind == "proof" and found
    other = tmp_path / "other"
    other.write_text(PrivateKey.generate("ed25519").public().encode())
    assert codes(write(path, made), other) == (False, False, "proof", ["checkpoint_signer"])
    assert codes(tmp_path / "log" / "checkpoint", key_file) == (True, True, "checkpoint", [])


def test_a_certificate(tmp_path, key_file):
    pdf = tmp_path / "certificate.pdf"
    pdf.write_bytes(PDF)
    document = {"kind": "certificate", "v": 1, "digest": digest(PDF, "sm3"), "facts": {"number": "甘数登001"}}
    side = write(tmp_path / "certificate.pdf.sig.json", signed(document))
    for path in (pdf, side):
        assert codes(path, key_file) == (True, True, "certificate", [])
    pdf.write_bytes(PDF + b" ")
    assert codes(pdf, key_file) == (False, True, "certificate", ["digest"])
    pdf.write_bytes(PDF)
    changed = {**signed(document), "facts": {"number": "甘数登002"}}
    write(side, changed)
    assert codes(pdf, key_file)[3] == ["signature", "signature"]
    side.unlink()
    assert codes(pdf, key_file)[3] == ["signature_missing"]


@pytest.mark.parametrize("salt", [None, b"0123456789abcdef"])
def test_a_release_with_its_files_and_proof(tmp_path, key_file, salt):
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "index.csv").write_text("月,客流\n1,1000\n")
    files = [{"name": "index.csv", "digest": digest((folder / "index.csv").read_bytes())}]
    document: dict[str, Any] = {"kind": "release", "v": 1, "body": {"files": files, "checks": ["threshold"]}}
    if salt:
        document["salt"] = salt.hex()
    message = canonical.dumps(document)
    named = salted(message, salt) if salt else digest(message)
    with Log(tmp_path / "log", ORIGIN, KEYS) as log:
        log.append([one("enclave", 1, digests={"release": named}), one("enclave", 2)], datetime.now(UTC))
    whole = signed(document, proof=proof.inclusion(tmp_path / "log", 0))
    record = write(folder / "release.json", whole)
    assert codes(folder, key_file) == codes(record, key_file) == (True, True, "release", [])
    write(record, {**whole, "proof": proof.inclusion(tmp_path / "log", 1)})
    assert codes(folder, key_file)[3] == ["proof_unrelated"]
    write(record, whole)
    (folder / "index.csv").write_text("月,客流\n1,1001\n")
    assert codes(folder, key_file)[3] == ["digest"]
    (folder / "index.csv").unlink()
    assert codes(folder, key_file)[3] == ["file_missing"]
    write(record, signed({**document, "body": {"files": [{"name": "../x", "digest": files[0]["digest"]}]}}))
    assert codes(folder, key_file)[3] == ["file_name"]


def test_a_release_that_carries_its_file(tmp_path, key_file):
    content = base64.b64encode(b"a,b\n").decode()
    files = [{"name": "r.csv", "digest": digest(b"a,b\n"), "content": content}]
    path = write(tmp_path / "r.json", signed({"kind": "release", "v": 1, "body": {"files": files}}))
    assert codes(path, key_file) == (True, True, "release", [])
    files[0]["digest"] = digest(b"a,c\n")
    write(path, signed({"kind": "release", "v": 1, "body": {"files": files}}))
    assert codes(path, key_file)[3] == ["digest"]
    (tmp_path / "r.csv").write_bytes(b"a,c\n")
    files[0]["digest"] = digest(b"a,b\n")
    write(path, signed({"kind": "release", "v": 1, "body": {"files": files}}))
    assert codes(path, key_file)[3] == ["digest"]


@pytest.mark.parametrize("kind", ["receipt", "consent", "withdrawal"])
def test_any_signed_document(tmp_path, key_file, kind):
    document = {"kind": kind, "v": 1, "body": {"product": "p-1", "purpose": "信贷", "share": 0.25}}
    path = write(tmp_path / "d.json", signed(document))
    assert codes(path, key_file) == (True, True, kind, [])
    assert codes(path, None) == (True, False, kind, [])
    write(path, {**signed(document), "body": {**document["body"], "purpose": "营销"}})
    assert not codes(path, key_file)[0]
    write(path, signed(document, signers()))
    assert codes(path, key_file) == (False, False, kind, ["signer"])
    write(path, {**document, "signatures": []})
    assert codes(path, key_file)[3] == ["unsigned"]
    write(path, {**document, "signatures": [{"key": 1}]})
    assert codes(path, key_file)[3] == ["signature_malformed"]


def test_envelopes_of_the_wire(tmp_path, key_file):
    from gongshu.wire import envelope as wire

    key = KEYS["ed25519"]
    made = wire.sign(wire.make("consent", "huangshi", 7, {"id": "c-1"}, NOW), "portal", key)
    extra = wire.consent("consent", "huangshi", {"id": "c-1"}, "subject", KEYS["sm2"])
    path = tmp_path / "e.json"
    path.write_bytes(wire.attach(made, [extra]).dumps())
    assert codes(path, key_file) == (True, True, "consent", [])
    assert [one["role"] for one in verify(path, key_file)["signers"]] == ["portal", "subject"]
    path.write_bytes(path.read_bytes().replace(b'"seq":7', b'"seq":8'))
    assert codes(path, key_file)[3] == ["signature"]


@pytest.mark.parametrize("content", [b"", b"hello", b"[]", b"{}", b'{"a":1}', b"\xff\xfe", b'"text"'])
def test_what_it_does_not_know_is_bad_use(tmp_path, content, capsys):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert main([str(path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is False
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 2


@pytest.mark.parametrize(
    "content", [b'{"kind":"release","kind":"x"}', b'{"kind":"release","signatures":[NaN]}', b"{"]
)
def test_json_with_two_meanings_does_not_hold(tmp_path, content, key_file):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert codes(path, key_file)[3] == ["malformed"]


def test_keys_in_every_form(tmp_path):
    make(tmp_path / "log", [3], KEYS)
    forms = [
        "\n".join(note.verifier_line(ORIGIN, key) for key in public(KEYS)),
        "\n".join(key.encode() for key in public(KEYS)),
        b"".join(key.to_pem() for key in public(KEYS)).decode(),
        KEYS["ed25519"].public().to_pem().decode().replace("\n", "\r\n"),
        "\ufeff# 公钥\n\n" + KEYS["sm2"].public().encode() + "  \n",
    ]
    path = tmp_path / "k"
    for form in forms:
        path.write_text(form)
        assert codes(tmp_path / "log", path) == (True, True, "log", [])
    for bad in (
        "",
        "# nothing",
        "rubbish",
        "ed25519:AAAA",
        "a+00000000+AQ==",
        forms[0].replace("+", "+0", 1),
    ):
        path.write_text(bad)
        assert main([str(tmp_path / "log"), "--key", str(path)]) == 2
    assert main([str(tmp_path / "log"), "--key", str(tmp_path / "none")]) == 2


def test_carried_away_alone_without_any_package(tmp_path, key_file):
    """The folder of the verifier, copied, run by a Python that sees nothing else installed."""
    import shutil

    import gongshu_verify

    shutil.copytree(Path(gongshu_verify.__file__).parent, tmp_path / "away" / "gongshu_verify")
    make(tmp_path / "log", [300, 10], KEYS)
    call = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        "import sys; sys.path.insert(0, sys.argv.pop(1)); "
        "import gongshu_verify.main as m; assert 'cryptography' not in sys.modules; sys.exit(m.main())",
    ]
    words = [str(tmp_path / "away"), str(tmp_path / "log"), "--key", str(key_file), "--json"]
    done = subprocess.run([*call, *words], capture_output=True, check=False)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"], answer["trusted"], answer["size"]) == (0, True, True, 310)
    data = bytearray((tmp_path / "log/tile/entries/000").read_bytes())
    data[100] ^= 1
    (tmp_path / "log/tile/entries/000").write_bytes(data)
    assert subprocess.run([*call, *words], capture_output=True, check=False).returncode == 1
