#!/usr/bin/env bash
# make test 的步骤。每一步都说用了多久；任何一步失败即失败。 用法：scripts/test.sh [fault]
# 静态检查之后，测试由两个工人同时做（两个核）；每一步是一个 pytest 进程，因为一个进程只能有一套 Django 设置。
set -eu
cd "$(dirname "$0")/.."
export PYTHONPATH=tests PYTHONHASHSEED=0 LC_ALL=C.UTF-8
# 别人的家目录、数据库和设置不得影响测试
unset GONGSHU_HOME DATABASE_URL DOMAIN_DATABASE_URL DJANGO_SETTINGS_MODULE 2>/dev/null || true
py=.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # 名称 命令…：跑一步，把输出整段打印，失败记下名字
  local name=$1 from=$SECONDS log
  shift
  log=$(mktemp "$work/step.XXXXXX")
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '== %s\n%s\n-- %s：通过（%s 秒）\n' "$name" "$(tail -n 3 "$log")" "$name" "$((SECONDS - from))"
  else
    printf '== %s\n%s\n-- %s：失败（%s 秒）\n' "$name" "$(cat "$log")" "$name" "$((SECONDS - from))"
    echo "$name" >>"$work/failed"
  fi
}
# 期限由各测试自己守；一个停住的测试不得停住全部
# 覆盖率：pytest 自己由 slipcover 插桩来数（计时器式的慢三分之二），它启动的命令由 coverage 数
tests() {
  COVERAGE_FILE=$work/coverage $py -m slipcover --source src/gongshu,src/gongshu_verify --json \
    --out "$(mktemp -u "$work/lines.XXXXXX")" -m pytest -p support.children --rows "$work/rows" \
    --hypothesis-profile make -m "not fault" --timeout 900 "$@"
}

if [ "${1:-}" = fault ]; then
  $py -m pytest -m fault --timeout 1800 tests/fault tests/integration
  # 每个公开的接口一千个造出来的请求
  $py -m pytest -m fault --timeout 3600 tests/gateway
  $py -m pytest -m fault --timeout 3600 -p support.office_env tests/office
  # 每个角色的一天
  $py -m pytest -m fault --timeout 900 -p support.office_env -p support.browser tests/browser
  exit
fi

# 两个核，两个人：谁空了谁取下一步，最长的在前。新的测试文件夹须列在这里，不然「齐全」一步会失败。
pure="crypto evidence law lens recognise money contract verify wire property spec enclave gateway host cli client"
steps=(whole office_browser office pure domain redteam airlock_browser airlock)
step_whole() { run 集成与故障 tests tests/integration tests/fault; }
step_office() { run 办公域 tests -p support.office_env tests/office; }
# 闸口的页面另有设置；它的文件在别的设置下自己跳过
step_office_browser() { run 办公域浏览器 tests -p support.office_env -p support.browser tests/browser; }
step_airlock_browser() { run 闸口浏览器 tests -p support.domain_env -p support.browser tests/browser/test_airlock.py; }
# shellcheck disable=SC2046
step_pure() { run 纯房间 tests --ignore tests/lens/test_speed.py $(present "$pure"); }
step_redteam() { run 红队 tests tests/redteam; }
step_domain() { run 数据域 tests -p support.enclave_env tests/domain; }
step_airlock() { run 闸口 tests -p support.domain_env tests/airlock; }
next() { # 还没有人做的下一步
  local number
  exec 9>"$work/lock"
  flock 9
  number=$(cat "$work/next" 2>/dev/null || echo 0)
  echo $((number + 1)) >"$work/next"
  exec 9>&-
  [ "$number" -lt "${#steps[@]}" ] && echo "${steps[$number]}"
}
worker() { local step; while step=$(next); do "step_$step"; done; }
listed="$pure redteam domain airlock office browser integration fault support"
present() { for room in $1; do if [ -d "tests/$room" ]; then echo "tests/$room"; fi; done; }
complete() {
  local folder left=""
  for folder in tests/*/; do
    folder=$(basename "$folder")
    case " $listed " in *" $folder "*) continue ;; esac
    if find "tests/$folder" -name 'test_*.py' | grep -q .; then left="$left $folder"; fi
  done
  [ -z "$left" ] || { echo "这些文件夹的测试没有人跑：$left"; return 1; }
  echo "每个测试文件夹都在某一步里。"
}

run 格式 .venv/bin/ruff format --check -q src tests bench scripts
run 静态检查 .venv/bin/ruff check -q src tests bench scripts
run 类型 .venv/bin/mypy
run 引用约定 .venv/bin/lint-imports
run 规则包 .venv/bin/gongshu law check
run 文档 $py scripts/docs.py --check
run 齐全 complete
# 速度不在插桩下量，也不与别的测试同时量
run 速度 $py -m pytest tests/lens/test_speed.py

worker &
one=$!
worker &
two=$!
wait "$one"
wait "$two"
run 要求 $py -m support.rows "$work/rows"
run 覆盖率 $py scripts/coverage_floor.py "$work"
if [ -s "$work/failed" ]; then
  echo "失败：$(tr '\n' ' ' <"$work/failed")（共 $SECONDS 秒）" >&2
  exit 1
fi
echo "全部通过（$SECONDS 秒）"
