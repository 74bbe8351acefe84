#!/usr/bin/env bash
# make test 的步骤。每一步都说用了多久；任何一步失败即失败。 用法：scripts/test.sh [fault]
set -eu
cd "$(dirname "$0")/.."
export PYTHONPATH=tests
export COVERAGE_FILE=$PWD/.coverage
rm -f .coverage .coverage.*
failed=""
step() { # 名称 命令…
  local name=$1 from=$SECONDS
  shift
  echo "== $name"
  if "$@"; then echo "-- $name：通过（$((SECONDS - from)) 秒）"; else echo "-- $name：失败"; failed="$failed $name"; fi
}
py=.venv/bin/python
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
pytest() { $py -m pytest --cov --cov-report= --rows "$rows" "$@"; }

if [ "${1:-}" = fault ]; then
  step 故障 $py -m pytest -m fault --timeout 1800 tests/fault tests/integration
  [ -z "$failed" ] || exit 1
  exit 0
fi

step 格式 .venv/bin/ruff format --check -q src tests bench scripts
step 静态检查 .venv/bin/ruff check -q src tests bench scripts
step 类型 .venv/bin/mypy
step 引用约定 .venv/bin/lint-imports
step 规则包 .venv/bin/gongshu law check
pure=""
for room in crypto evidence law lens recognise contract verify wire attack spec property redteam; do
  [ -d "tests/$room" ] && pure="$pure tests/$room"
done
# shellcheck disable=SC2086
step 纯房间 pytest -m "not fault and not root" $pure tests/enclave tests/gateway tests/host tests/cli
step 办公域 pytest -m "not fault" -p support.office_env tests/office
step 闸口 pytest -m "not fault" -p support.domain_env tests/airlock tests/domain
step 集成 pytest -m "not fault" tests/integration tests/fault
step 浏览器 pytest -m "not fault" -p support.office_env -p support.browser tests/browser
step 闸口浏览器 pytest -m "not fault" -p support.domain_env -p support.browser tests/browser/test_airlock.py
step 要求 $py -m support.rows "$rows"
$py -m coverage combine -q
step 覆盖率 $py scripts/coverage_floor.py
if [ -n "$failed" ]; then echo "失败：$failed" >&2; exit 1; fi
echo "全部通过（$SECONDS 秒）"
