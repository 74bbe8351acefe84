"""A taken-over office signs with its true keys under other names: the verifier knows whose key it is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gongshu.crypto import canonical
from gongshu.crypto.hashes import digest
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import note
from gongshu.wire import envelope as wire
from gongshu_verify.keys import read_keys
from gongshu_verify.main import verify
from support.logs import NOW, ORIGIN, make, signers

LOG = signers()
OFFICE, ENCLAVE = (PrivateKey.generate("ed25519") for _ in range(2))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """As `gongshu keys` prints them."""
    lines = [note.verifier_line(ORIGIN, key.public()) for key in LOG.values()]
    lines.append(note.verifier_line("enclave", ENCLAVE.public(), cosigner=True))
    for service, name, key in (("office", "office", OFFICE), ("domain", "enclave", ENCLAVE)):
        lines.append(f"# {service} {name} {key.public().id}\n{key.public().to_pem().decode().strip()}")
    path = tmp_path / "keys.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def release(key: PrivateKey, role: str) -> dict[str, Any]:
    data = b"line,n\n1,123456\n"
    content = {"name": "r.csv", "digest": digest(data), "content": base64.b64encode(data).decode()}
    document = {"v": 1, "zone": "huangshi", "kind": "release", "body": {"id": "r", "files": [content]}}
    sig = base64.b64encode(key.sign(canonical.dumps(document))).decode()
    public = key.public()
    return {**document, "signatures": [{"role": role, "key": public.id, "alg": public.alg, "sig": sig}]}


@pytest.mark.parametrize("role", ["enclave", "office", ""])
def test_the_office_cannot_sign_a_release(tmp_path: Path, key_file: Path, role: str) -> None:
    path = tmp_path / "release.json"
    path.write_text(json.dumps(release(OFFICE, role)))
    answer = verify(path, key_file)
    assert not answer["ok"] and not answer["trusted"]
    assert {one["code"] for one in answer["problems"]} == {"role"}


def test_the_enclave_can(tmp_path: Path, key_file: Path) -> None:
    path = tmp_path / "release.json"
    path.write_text(json.dumps(release(ENCLAVE, "enclave")))
    answer = verify(path, key_file)
    assert answer["ok"] and answer["trusted"]


@pytest.mark.parametrize(("key", "holds"), [(OFFICE, False), (ENCLAVE, True)])
def test_the_office_cannot_cosign_as_a_witness(
    tmp_path: Path, key_file: Path, key: PrivateKey, holds: bool
) -> None:
    folder = tmp_path / "log"
    make(folder, [30], LOG)
    signed = (folder / "checkpoint").read_text()
    text = signed.rpartition("\n\n")[0] + "\n"
    (line,) = note.cosign("enclave", text, [key], 1_700_000_000)
    (folder / "cosigned").mkdir()
    encoded = base64.b64encode(line.key_id + line.signature).decode()
    (folder / "cosigned" / "enclave").write_text(f"{signed}— enclave {encoded}\n")
    answer = verify(folder, key_file)
    assert bool(answer["witnesses"]) is holds and answer["ok"] is holds
    assert {one["code"] for one in answer["problems"]} <= {"witness_signature"}


def test_nothing_is_added_beside_a_signed_body(tmp_path: Path, key_file: Path) -> None:
    """The buyer signed the body alone; the office hangs an annex on it that nobody signed."""
    body = {"id": "ct-1", "price": 100}
    signed = wire.consent("contract", "huangshi", body, "office", OFFICE).data()
    document = {"v": 1, "kind": "contract", "zone": "huangshi", "body": body, "signatures": [signed]}
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(document))
    assert verify(path, key_file)["ok"]
    path.write_text(json.dumps({**document, "annex": "价格改为 1 分"}))
    answer = verify(path, key_file)
    assert not answer["trusted"] and [one["code"] for one in answer["problems"]] == ["unsigned_part"]


def test_a_key_has_every_role_its_file_says(key_file: Path) -> None:
    roles = {key.id: key.roles for key in read_keys(key_file.read_bytes())}
    assert roles[OFFICE.public().id] == {"office"} and roles[ENCLAVE.public().id] == {"enclave"}
    assert {roles[key.public().id] for key in LOG.values()} == {frozenset({"log"})}
    bare = read_keys(OFFICE.public().to_pem())
    assert bare[0].roles == frozenset() and bare[0].speaks_for("enclave")


@pytest.mark.parametrize("gone", ["ed25519", "sm2"])
def test_a_signature_of_the_log_cut_off_everywhere_is_missing(
    tmp_path: Path, key_file: Path, gone: str
) -> None:
    """Whoever can break one algorithm cuts the other's lines off; the reader was given keys for both."""
    folder = tmp_path / "log"
    make(folder, [20, 20], LOG)
    assert verify(folder, key_file)["ok"]

    def cut(signed: str) -> str:
        text, _, lines = signed.rpartition("\n\n")
        kept = [one for one in lines.splitlines(keepends=True) if not _is_of(one, gone)]
        assert len(kept) == 1
        return f"{text}\n\n{''.join(kept)}"

    point, history = folder / "checkpoint", folder / "checkpoints"
    point.write_text(cut(point.read_text()))
    lines = [json.dumps(cut(json.loads(one)), ensure_ascii=False) for one in history.read_text().splitlines()]
    history.write_text("".join(f"{one}\n" for one in lines))
    answer = verify(folder, key_file)
    assert not answer["ok"] and not answer["trusted"]
    assert {one["code"] for one in answer["problems"]} == {"checkpoint_signature"}
    answer = verify(point, key_file)
    assert not answer["ok"] and not answer["trusted"]
    bare = tmp_path / "one.txt"
    bare.write_text(note.verifier_line(ORIGIN, LOG["sm2" if gone == "ed25519" else "ed25519"].public()))
    assert verify(folder, bare)["trusted"]  # who asks for one of them only gets that


def _is_of(line: str, alg: str) -> bool:
    raw = base64.b64decode(line.split(" ")[2])
    return raw[:4] == read_keys(note.verifier_line(ORIGIN, LOG[alg].public()).encode())[0].note_id(ORIGIN)


@pytest.mark.parametrize("kind", ["consent", "receipt", "withdrawal"])
def test_a_key_that_is_not_the_consent_services_signs_no_consent(
    tmp_path: Path, key_file: Path, kind: str
) -> None:
    made = wire.sign(wire.make(kind, "huangshi", 0, {"id": "c-1"}, NOW), "office", OFFICE)
    path = tmp_path / "consent.json"
    path.write_bytes(made.dumps())
    answer = verify(path, key_file)
    assert not answer["trusted"] and {one["code"] for one in answer["problems"]} == {"role"}
