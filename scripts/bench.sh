#!/usr/bin/env bash
# 逐个运行 bench/*.py（不同时，免得互相影响），把结果写进 docs/bench.md。 用法：scripts/bench.sh [名称…]
set -eu
cd "$(dirname "$0")/.."
unset GONGSHU_HOME DATABASE_URL DOMAIN_DATABASE_URL DJANGO_SETTINGS_MODULE 2>/dev/null || true
exec .venv/bin/python scripts/bench.py "$@" </dev/null
