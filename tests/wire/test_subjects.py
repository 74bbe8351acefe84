"""Whom a consent speaks of: only the gateway can tell, and only of the consent it was sealed for."""

from __future__ import annotations

import pytest

from gongshu.crypto import box
from gongshu.crypto.sign import PrivateKey
from gongshu.wire import subjects
from gongshu.wire.errors import WireError

PERSON = subjects.name("person", "11010519491231002x")


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate("sm2")


def test_a_number_is_written_in_one_way() -> None:
    assert subjects.name("person", " 11010519491231002x ") == "person:11010519491231002X"
    with pytest.raises(WireError):
        subjects.name("dog", "1")


def test_the_gateway_reads_what_was_sealed_to_it(key: PrivateKey) -> None:
    text = subjects.sealed(PERSON, "cs-1", key.public())
    assert subjects.FORM.match(text)
    assert subjects.opened(text, "cs-1", key) == PERSON
    assert subjects.speaks_of({"id": "cs-1", "subject": text}, PERSON, key)
    assert not subjects.speaks_of({"id": "cs-1", "subject": text}, subjects.name("firm", "1"), key)
    assert not subjects.speaks_of({"id": "cs-1", "subject": text}, PERSON)


def test_sealing_twice_gives_different_texts_so_guesses_cannot_be_compared(key: PrivateKey) -> None:
    assert subjects.sealed(PERSON, "cs-1", key.public()) != subjects.sealed(PERSON, "cs-1", key.public())


def test_a_sealed_subject_serves_no_other_consent(key: PrivateKey) -> None:
    text = subjects.sealed(PERSON, "cs-1", key.public())
    with pytest.raises(WireError):
        subjects.opened(text, "cs-2", key)
    assert not subjects.speaks_of({"id": "cs-2", "subject": text}, PERSON, key)


def test_a_changed_or_foreign_text_is_refused(key: PrivateKey) -> None:
    text = subjects.sealed(PERSON, "cs-1", key.public())
    flipped = text[:-8] + ("A" if text[-8] != "A" else "B") + text[-7:]
    for wrong in (flipped, "sm2:AAAA", "sm2:???", text[:40]):
        with pytest.raises(WireError):
            subjects.opened(wrong, "cs-1", key)
    with pytest.raises(WireError):
        subjects.opened(text, "cs-1", PrivateKey.generate("sm2"))


def test_the_digest_form_needs_its_salt() -> None:
    salt, firm = "ab" * 16, subjects.name("firm", "91420200MB0000017X")
    body = {"id": "cs-1", "subject": subjects.digest(firm, salt), "salt": salt}
    assert subjects.FORM.match(body["subject"])
    assert subjects.speaks_of(body, firm)
    assert not subjects.speaks_of(body | {"salt": "cd" * 16}, firm)
    assert not subjects.speaks_of(body | {"salt": "no"}, firm)
    assert not subjects.speaks_of({"id": "cs-1", "subject": body["subject"]}, firm)


def test_only_small_things_and_sm2_keys(key: PrivateKey) -> None:
    other = PrivateKey.generate("ed25519")
    for plain, to in ((b"", key.public()), (b"x" * (box.LARGEST + 1), key.public()), (b"x", other.public())):
        with pytest.raises(box.BoxError):
            box.seal(plain, to)
    with pytest.raises(box.BoxError):
        box.open_(box.seal(b"x", key.public()), other)
