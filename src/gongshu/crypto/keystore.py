"""Where private keys and secrets live: one interface, and a store of files only their owner can read.

A hardware module (密码机) later implements `KeyStore` and nothing else changes.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Protocol

from gongshu.crypto.sign import BadKey, PrivateKey, PublicKey

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_KEY, _SECRET = ".key", ".secret"


class KeyStoreError(Exception):
    """A key is missing, unreadable, or readable by others. `args[0]` is a Chinese sentence."""


class KeyStore(Protocol):
    """Named signing keys and named secrets. Every method raises `KeyStoreError`."""

    def create(self, name: str, alg: str) -> PublicKey:
        """A new signing key under `name`; refused when the name is taken."""

    def signer(self, name: str) -> PrivateKey:
        """The signing key `name`."""

    def public(self, name: str) -> PublicKey:
        """The public part of the signing key `name`."""

    def create_secret(self, name: str, size: int = 32) -> bytes:
        """The secret `name`, made of `size` random bytes if it is not there yet."""

    def secret(self, name: str, size: int = 32) -> bytes:
        """The secret `name`; refused when it is missing: a lost key is never silently drawn anew."""

    def names(self) -> list[str]:
        """The names of all signing keys, sorted."""


class FileKeyStore:
    """Keys as files: `<name>.key` (PKCS#8 PEM) and `<name>.secret`, mode 0600, in a directory of 0700.

    Refuses to start when anything in it can be read or written by another user.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_directory()
        for path in sorted(self.directory.iterdir()):
            if path.suffix in (_KEY, _SECRET):
                self._check(path)

    def create(self, name: str, alg: str) -> PublicKey:
        try:
            key = PrivateKey.generate(alg)
        except BadKey as error:
            raise KeyStoreError(str(error)) from error
        if not self._write_new(self._path(name, _KEY), key.to_pem()):
            raise KeyStoreError(f"名为“{name}”的密钥已经存在，不能覆盖。")
        return key.public()

    def add(self, name: str, key: PrivateKey) -> PublicKey:
        """Put a key made elsewhere under `name`; refused when the name is taken."""
        if not self._write_new(self._path(name, _KEY), key.to_pem()):
            raise KeyStoreError(f"名为“{name}”的密钥已经存在，不能覆盖。")
        return key.public()

    def signer(self, name: str) -> PrivateKey:
        data = self._read(self._path(name, _KEY), f"没有名为“{name}”的密钥。")
        try:
            return PrivateKey.from_pem(data)
        except BadKey as error:
            raise KeyStoreError(f"密钥“{name}”的文件已损坏，请从备份恢复。") from error

    def public(self, name: str) -> PublicKey:
        return self.signer(name).public()

    def create_secret(self, name: str, size: int = 32) -> bytes:
        path = self._path(name, _SECRET)
        self._write_new(path, secrets.token_bytes(size))
        return self.secret(name, size)

    def secret(self, name: str, size: int = 32) -> bytes:
        data = self._read(self._path(name, _SECRET), f"没有名为“{name}”的秘密值，请先建立或从备份恢复。")
        if len(data) != size:
            raise KeyStoreError(f"秘密值“{name}”的长度是 {len(data)} 个字节，应为 {size} 个。")
        return data

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.directory.iterdir() if path.suffix == _KEY)

    def __contains__(self, name: str) -> bool:
        return self._path(name, _KEY).exists()

    def _path(self, name: str, suffix: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyStoreError(f"密钥名“{name}”不合规：只用小写字母、数字、点、横线和下划线。")
        return self.directory / (name + suffix)

    def _check_directory(self) -> None:
        mode = stat.S_IMODE(self.directory.stat().st_mode)
        if mode & 0o022:
            raise KeyStoreError(
                f"密钥目录 {self.directory} 可被其他用户写入（{mode:04o}），请执行 chmod 700。"
            )

    def _check(self, path: Path) -> None:
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISREG(found.st_mode):
            raise KeyStoreError(f"密钥文件 {path} 不是普通文件。")
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            raise KeyStoreError(
                f"密钥文件 {path} 可被其他用户读取（{mode:04o}），请执行 chmod 600 后再启动。"
            )

    def _read(self, path: Path, missing: str) -> bytes:
        self._check(path)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise KeyStoreError(missing) from error
        except OSError as error:
            raise KeyStoreError(f"读不了密钥文件 {path}：{error.strerror}。") from error

    def _write_new(self, path: Path, data: bytes) -> bool:
        """Write and make durable; false if the name is taken. A crash leaves no half-written key."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o600)  # whatever the umask says
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
        finally:
            temporary.unlink()
        directory = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return True
