"""`evidence verify` says how far each witness has co-signed, and says so when one has not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gongshu.cli.commands.evidence import verify
from gongshu.crypto.sign import PrivateKey
from gongshu.evidence import entry, note
from gongshu.evidence.log import Log
from gongshu.evidence.witness import Witness

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def lines(first: int, last: int) -> list[dict]:
    return [
        entry.make("office", n, NOW, "huangshi", "p", f"s-{n}", "registrar", "a.b", "", (), {})
        for n in range(first, last + 1)
    ]


def test_a_witness_that_stopped_signing_is_named(tmp_path: Path) -> None:
    keys = [PrivateKey.generate("ed25519"), PrivateKey.generate("sm2")]
    own = PrivateKey.generate("ed25519")
    log = Log(tmp_path / "log", "gongshu/huangshi", {key.alg: key for key in keys})
    log.append(lines(1, 3), NOW)
    witness = Witness("enclave", tmp_path / "w", [own], [key.public() for key in keys])
    log.add_cosignature(3, witness.cosign(log.checkpoint(), {}, NOW), [own.public()])
    trusted = tmp_path / "keys"
    trusted.write_text(
        "".join(note.verifier_line("gongshu/huangshi", key.public()) + "\n" for key in keys)
        + note.verifier_line("enclave", own.public(), cosigner=True)
        + "\n"
    )
    words = ["--dir", str(tmp_path / "log"), "--key", str(trusted)]
    said = verify(words)
    assert said.data["unwitnessed"] == {"enclave": 0, "gateway": 3}
    assert "“数据域”已联署最新的检查点" in said.text and "“网关”没有联署过任何检查点" in said.text
    log.append(lines(4, 5), NOW)
    log.close()
    said = verify(words)
    assert said.data["unwitnessed"] == {"enclave": 2, "gateway": 5}
    assert "“数据域”只联署到第 3 条，其后 2 条没有它的见证" in said.text
