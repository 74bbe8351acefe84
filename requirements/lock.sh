#!/usr/bin/env bash
# 重新生成带散列的锁文件；不写任何注册表地址。 用法：requirements/lock.sh（需要 uv）
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate "$@"; }
lock --extra dev pyproject.toml -o requirements/dev.txt
for part in office domain gateway demo client; do
  lock --extra "$part" pyproject.toml -c requirements/dev.txt -o "requirements/$part.txt"
done
for engine in sql python; do
  lock "requirements/engine-$engine.in" -c requirements/dev.txt -o "requirements/engine-$engine.txt"
done
lock requirements/build.in -o requirements/build.txt
lock requirements/uv.in -o requirements/uv.txt
