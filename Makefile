SHELL := /bin/bash
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test bench fault mutation format lint docs screens

help: ## 列出命令
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

setup: ## 安装（建立 .venv 等，六分钟以内）
	scripts/setup.sh demo

setup-dev: setup ## 另装测试所需
	scripts/setup.sh dev

demo: setup ## 演示：一座合成的城市走完全程，最后开着网站
	.venv/bin/gongshu demo

test: setup-dev ## 全部检查和测试（CI 只跑这个）
	scripts/test.sh

bench: setup-dev ## 基准：同一次运行里与参照相比
	scripts/bench.sh

fault: setup-dev ## 长时间的故障与容量测试
	scripts/test.sh fault

mutation: setup-dev ## 变异测试：make mutation [ROOMS="money contract law lens"] [SAMPLE=300]，不到 80 % 即失败
	$(PY) scripts/mutation.py $(if $(SAMPLE),--sample $(SAMPLE)) $(ROOMS)

format: setup-dev ## 整理格式
	.venv/bin/ruff format src tests bench scripts
	.venv/bin/ruff check --fix src tests bench scripts

docs: setup-dev ## 重新生成文档
	$(PY) scripts/docs.py

screens: setup-dev ## 重新拍 docs/screens 的图（浏览器测试边走边拍）
	$(PY) scripts/screens.py
