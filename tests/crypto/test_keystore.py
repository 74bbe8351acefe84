"""Keys lie in files that nobody else can read, or the process does not start."""

from __future__ import annotations

import os
import stat

import pytest

from gongshu.crypto.keystore import FileKeyStore, KeyStoreError


def test_keys_and_secrets_survive(tmp_path):
    store = FileKeyStore(tmp_path / "keys")
    public = store.create("log", "ed25519")
    store.create("log-sm2", "sm2")
    secret = store.create_secret("master")
    again = FileKeyStore(tmp_path / "keys")
    assert again.names() == ["log", "log-sm2"] and "log" in again and "x" not in again
    assert again.public("log") == public
    assert public.verify(again.signer("log").sign(b"x"), b"x")
    assert again.secret("master") == again.create_secret("master") == secret
    assert len(secret) == 32


def test_files_are_0600_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        store = FileKeyStore(tmp_path / "keys")
        store.create("a", "ed25519")
        store.create_secret("b")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = list((tmp_path / "keys").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert sorted(file.name for file in files) == ["a.key", "b.secret"]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602])
def test_refuses_to_start_on_keys_others_can_read(tmp_path, mode):
    store = FileKeyStore(tmp_path)
    store.create("a", "ed25519")
    (tmp_path / "a.key").chmod(mode)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        FileKeyStore(tmp_path)
    with pytest.raises(KeyStoreError):
        store.signer("a")


def test_refuses_a_directory_others_can_write(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o777)
    with pytest.raises(KeyStoreError):
        FileKeyStore(tmp_path / "keys")


def test_refuses_what_would_lose_or_mistake_a_key(tmp_path):
    store = FileKeyStore(tmp_path)
    store.create("a", "ed25519")
    with pytest.raises(KeyStoreError):
        store.create("a", "sm2")
    with pytest.raises(KeyStoreError):
        store.create("../a", "sm2")
    with pytest.raises(KeyStoreError):
        store.create("b", "rsa")
    with pytest.raises(KeyStoreError):
        store.secret("missing")
    store.create_secret("short", 16)
    with pytest.raises(KeyStoreError):
        store.secret("short", 32)
    (tmp_path / "c.key").symlink_to(tmp_path / "a.key")
    with pytest.raises(KeyStoreError):
        FileKeyStore(tmp_path)


def test_a_damaged_key_says_so_without_repeating_it(tmp_path):
    store = FileKeyStore(tmp_path)
    store.create("a", "sm2")
    text = (tmp_path / "a.key").read_text()
    (tmp_path / "a.key").write_text(text[:40] + "AAAA" + text[44:])
    with pytest.raises(KeyStoreError) as refused:
        store.signer("a")
    assert text[50:70] not in str(refused.value)
