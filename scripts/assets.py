"""Fetch the front-end files named in `assets.lock` into `.assets/`.

Each package is fetched by name and version with the ordinary npm client, its tarball compared with
the SHA-512 of the lock, and only the named files are taken out. `--from DIR` takes tarballs already
there (the offline bundle) and needs no network. A package that is complete is left alone.

    python scripts/assets.py [--lock assets.lock] [--to .assets] [--from DIR] [--check] [--keep DIR]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class AssetError(Exception):
    """A package cannot be fetched or is not what the lock says."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def integrity(path: Path) -> str:
    """The subresource-integrity form npm uses: `sha512-<base64>`."""
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def missing(package: dict[str, Any], target: Path) -> list[str]:
    """Files of a package that are absent from `target` or differ from the lock."""
    wanted = package["files"]
    return [
        file["to"]
        for file in wanted
        if not (target / file["to"]).is_file() or sha256(target / file["to"]) != file["sha256"]
    ]


def tarball(package: dict[str, Any], folder: Path) -> Path:
    """Fetch the package's tarball into `folder` with `npm pack`."""
    npm = shutil.which("npm")
    if npm is None:
        raise AssetError("没有 npm：请先安装（apt-get install npm），再运行 make setup。")
    spec = f"{package['name']}@{package['version']}"
    command = [npm, "pack", spec, "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    found = folder / archive_name(package)
    if done.returncode or not found.is_file():
        raise AssetError(f"取 {spec} 失败：{done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return found


def archive_name(package: dict[str, Any]) -> str:
    return f"{package['name'].lstrip('@').replace('/', '-')}-{package['version']}.tgz"


def unpack(package: dict[str, Any], archive: Path, target: Path) -> None:
    """Check the archive against the lock and take the named files out of it, each replaced whole."""
    if integrity(archive) != package["integrity"]:
        raise AssetError(f"{package['name']} 的校验值与 assets.lock 不符，没有使用。")
    with tarfile.open(archive) as tar:
        for file in package["files"]:
            source = tar.extractfile(f"package/{file['from']}")
            if source is None:
                raise AssetError(f"{package['name']} 里没有 {file['from']}。")
            place = target / file["to"]
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(place.name + ".part")
            part.write_bytes(source.read())
            if sha256(part) != file["sha256"]:
                part.unlink()
                raise AssetError(f"{file['to']} 的内容与 assets.lock 不符，没有使用。")
            part.replace(place)


def main() -> int:
    parser = argparse.ArgumentParser(description="按 assets.lock 取前端文件")
    parser.add_argument("--lock", type=Path, default=ROOT / "assets.lock")
    parser.add_argument("--to", type=Path, default=ROOT / ".assets")
    parser.add_argument("--from", dest="source", type=Path, help="已有的 tgz 所在目录（离线安装）")
    parser.add_argument("--keep", type=Path, help="把取到的 tgz 留在这个目录（做离线包）")
    parser.add_argument("--check", action="store_true", help="只检查，不取")
    args = parser.parse_args()
    packages = json.loads(args.lock.read_text("utf-8"))["packages"]
    problems = 0
    for package in packages:
        absent = missing(package, args.to)
        if not absent and not args.keep:
            continue
        if args.check:
            print(f"缺少或不符：{'、'.join(absent)}", file=sys.stderr)
            problems += 1
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                archive = (
                    args.source / archive_name(package) if args.source else tarball(package, Path(folder))
                )
                unpack(package, archive, args.to)
                if args.keep:
                    args.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(archive, args.keep / archive.name)
            print(f"{package['name']} {package['version']} 已就绪")
        except (AssetError, OSError, tarfile.TarError, KeyError, subprocess.SubprocessError) as error:
            print(f"{package['name']}：{error}", file=sys.stderr)
            problems += 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
