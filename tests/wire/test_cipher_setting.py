"""The cipher of new snapshots is a setting; an unknown one stops the process instead of a weaker choice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gongshu.wire import settings
from gongshu.wire.errors import WireError


def home(tmp_path: Path, **more: object) -> Path:
    config = tmp_path / "config"
    config.mkdir(parents=True)
    ports = {name: 21000 + n for n, name in enumerate(settings.PORTS)}
    told = {"v": 1, "mode": "single", "zones": ["huangshi"], "ports": ports, **more}
    (config / "config.json").write_text(json.dumps(told))
    (config / "mark").write_text("test")
    (config / "mark").chmod(0o444)
    return tmp_path


@pytest.mark.parametrize(
    ("more", "cipher"),
    [({}, "aes-256-gcm"), ({"cipher": "sm4-gcm"}, "sm4-gcm"), ({"cipher": "aes-256-gcm"}, "aes-256-gcm")],
)
def test_cipher(tmp_path: Path, more: dict[str, str], cipher: str) -> None:
    assert settings.load(home(tmp_path, **more)).cipher == cipher


@pytest.mark.parametrize("cipher", ["none", "", None, 1, "AES"])
def test_an_unknown_cipher_is_refused(tmp_path: Path, cipher: object) -> None:
    with pytest.raises(WireError):
        settings.load(home(tmp_path, cipher=cipher))
