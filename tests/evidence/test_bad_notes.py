"""Notes, checkpoints and proofs that are not of the form are refused with a sentence, never believed."""

from __future__ import annotations

import base64

import pytest

from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import checkpoint, note, proof
from gongshu.evidence.note import NoteError
from gongshu.evidence.proof import ProofError

KEY = PrivateKey.generate("ed25519")
ROOT = base64.b64encode(bytes(32)).decode()
GOOD = f"gongshu/test\n1\n{ROOT}\nsm3 {ROOT}\n"


def signed(text: str) -> bytes:
    return note.sign("gongshu/test", text, [KEY]).encode()


def test_a_good_checkpoint_is_read() -> None:
    said, found = checkpoint.read(signed(GOOD))
    assert said.size == 1
    assert note.signed_by(found, "gongshu/test", [KEY.public()]) == (KEY.public(),)


@pytest.mark.parametrize(
    "text",
    [
        "gongshu/test\n1\n",
        f"gongshu/test\n1\n{ROOT}\n",
        f"gongshu/test\nmany\n{ROOT}\nsm3 {ROOT}\n",
        f"gongshu/test\n01\n{ROOT}\nsm3 {ROOT}\n",
        f"\n1\n{ROOT}\nsm3 {ROOT}\n",
        f"gongshu/test\n1\n***\nsm3 {ROOT}\n",
        f"gongshu/test\n1\n{ROOT}\nsm3 {ROOT[:20]}\n",
    ],
)
def test_a_checkpoint_without_size_or_roots_is_refused(text: str) -> None:
    with pytest.raises(NoteError, match=r"。$"):
        checkpoint.read(signed(text))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"",
        b"text only\n",
        b"text\n\n\xe2\x80\x94 name AAAA",
        "文\n\n— name ***\n".encode(),
        "文\n\n— name AAAA\n".encode(),
        "文\n\nname AAAAAAAAAAAA\n".encode(),
    ],
)
def test_a_note_not_of_the_form_is_refused(data: bytes) -> None:
    with pytest.raises(NoteError, match=r"。$"):
        note.parse(data)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_a_name_that_would_blur_the_line_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        note.sign(name, GOOD, [KEY])
    with pytest.raises(NoteError):
        note.cosign(name, GOOD, [KEY], 1)


def test_a_text_without_its_newline_is_not_signed() -> None:
    with pytest.raises(NoteError):
        note.sign("gongshu/test", "text", [KEY])


def test_a_changed_text_under_our_own_key_is_named() -> None:
    made = note.parse(signed(GOOD))
    changed = note.Note(made.text.replace("\n1\n", "\n2\n"), made.lines)
    with pytest.raises(NoteError, match="通不过验证"):
        note.signed_by(changed, "gongshu/test", [KEY.public()])


def test_a_cosignature_holds_for_its_text_and_time_only() -> None:
    witness = PrivateKey.generate("ed25519")
    (line,) = note.cosign("witness", GOOD, [witness], 1_700_000_000)
    assert note.cosigned_by(GOOD, line, [witness.public()]) == (witness.public(), 1_700_000_000)
    assert note.cosigned_by(GOOD, line, [KEY.public()]) is None
    later = note.Line(line.name, line.key_id, (1_700_000_001).to_bytes(8, "big") + line.signature[8:])
    for bad in (later, note.Line(line.name, line.key_id, line.signature[:8])):
        with pytest.raises(NoteError, match="见证人"):
            note.cosigned_by(GOOD, bad, [witness.public()])
    with pytest.raises(NoteError, match="见证人"):
        note.cosigned_by(GOOD.replace("\n1\n", "\n2\n"), line, [witness.public()])


def _proof(**changes: object) -> dict[str, object]:
    made = {
        "v": 1,
        "kind": "proof",
        "index": 0,
        "entry": {"a": 1},
        "checkpoint": signed(GOOD).decode(),
        "sha256": [],
        "sm3": [],
    }
    return {**made, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"kind": "consistency"},
        {"index": "0"},
        {"index": True},
        {"sha256": ["***"]},
        {"sha256": None},
        {"sha256": [base64.b64encode(b"short").decode()]},
        {},
    ],
)
def test_a_proof_that_proves_nothing_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises((ProofError, ValueError), match=r"。$"):
        proof.check_inclusion(_proof(**changes), [KEY.public()])


def test_a_proof_under_a_strangers_key_is_refused() -> None:
    with pytest.raises(ProofError, match="信任"):
        proof.check_inclusion(_proof(), [PrivateKey.generate("ed25519").public()])


@pytest.mark.parametrize("changes", [{"v": 2}, {"kind": "proof"}, {"from": 2}, {"sm3": ["***"]}])
def test_a_consistency_proof_for_other_checkpoints_is_refused(changes: dict[str, object]) -> None:
    said, _ = checkpoint.read(signed(GOOD))
    made = {"v": 1, "kind": "consistency", "from": 1, "to": 1, "sha256": [], "sm3": [], **changes}
    with pytest.raises(ProofError, match=r"。$"):
        proof.check_consistency(made, said, said)
