#!/usr/bin/env bash
# 安装公枢所需的一切；可重复运行。 用法：scripts/setup.sh [demo|dev]
set -eu
cd "$(dirname "$0")/.."
part=${1:-demo}
umask 022

need_apt() { # 命令或文件 软件包
  if ! command -v "$1" >/dev/null 2>&1 && [ ! -e "$1" ]; then missing="$missing $2"; fi
}
missing=""
# 以 root 运行时，/root 下的 Python 服务用户读不到，所以用系统的。
if [ "$(id -u)" = 0 ]; then python=/usr/bin/python3.11; else python=$(command -v python3.11 || echo /usr/bin/python3.11); fi
need_apt "$python" python3.11
need_apt /usr/lib/python3.11/ensurepip python3.11-venv
need_apt bwrap bubblewrap
need_apt setpriv util-linux
# LightGBM 的并行库，沙箱从 /usr 里读
need_apt "/usr/lib/$(uname -m)-linux-gnu/libgomp.so.1" libgomp1
need_apt npm npm
if [ "$part" = dev ]; then need_apt chromium chromium; fi
if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "缺少系统软件包：$missing 。请以管理员身份运行：apt-get install$missing" >&2
    exit 1
  fi
  echo "安装系统软件包：$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

[ -x .venv/bin/python ] || { echo "建立 .venv"; "$python" -m venv .venv; }
lock=requirements/$part.txt
stamp=.venv/.installed-$part
now=$(cat requirements/build.txt "$lock" requirements/engine-*.txt | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$now" ]; then
  echo "安装 $lock（按散列核对）"
  .venv/bin/python -m pip install -q --require-hashes -r requirements/uv.txt
  .venv/bin/uv pip install -q --compile-bytecode --python .venv/bin/python --require-hashes -r requirements/build.txt -r "$lock"
  .venv/bin/uv pip install -q --compile-bytecode --python .venv/bin/python --no-deps --no-build-isolation -e .
  mkdir -p .engines
  # 沙箱里的环境在安装时建好并按散列核对；任务自己装不了任何东西
  for engine in sql python; do
    [ -x ".engines/$engine/bin/python" ] || .venv/bin/uv venv -q --python "$python" ".engines/$engine"
    .venv/bin/uv pip install -q --compile-bytecode --python ".engines/$engine/bin/python" --require-hashes -r "requirements/engine-$engine.txt"
  done
  .venv/bin/python -m compileall -q src >/dev/null || true
  printf '%s' "$now" >"$stamp"
fi
.venv/bin/python scripts/assets.py
chmod -R a+rX .venv .engines .assets src
