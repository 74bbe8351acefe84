"""`docs/gateway-api.md`: the page for a buyer's engineers, printed from the tables the gateway answers by."""

from __future__ import annotations

from pathlib import Path

from gongshu.gateway.errors import ANSWERED, ERRORS, RETRIES, WORDS
from gongshu.gateway.keyring import LONGEST, OVERLAP
from gongshu.gateway.openapi import document
from gongshu.gateway.products import LARGEST_PAGE
from gongshu.gateway.reconcile import COLUMNS, TITLES
from gongshu.gateway.requests import WINDOW_MS
from gongshu.gateway.singles import LONGEST_NUMBER, MOST
from gongshu.gateway.testing import ANSWERS, FIELD, PRODUCT, PURPOSE, REFUSALS, SECRET

PAGE = "gateway-api.md"

HEAD = f"""# 网关接口

给使用单位的工程师。由 `make docs` 从网关的代码生成；机器可读的同一份在 `GET /v1/openapi.json`（OpenAPI 3.1）。
Python 客户端：`pip install '公枢源码目录[buyer]'`，`from gongshu_client import Client`（见 `src/gongshu_client/README.md`）。

## 签名

每个请求带一个请求头：

```
Authorization: <方式> Credential=<凭证>, Time=<毫秒>, Nonce=<16 到 64 个字母数字>, Signature=<base64>
```

签的是 `GS1\\n<方法>\\n<路径?查询>\\n<毫秒>\\n<随机数>\\n<正文 SHA-256 的十六进制>`；带 `Idempotency-Key` 的请求在后面再接
`\\n<幂等键>`。方式：`GS1-HMAC-SHA256`、`GS1-HMAC-SM3`（用从网关领取的密钥），`GS1-KEY`（用自己的 Ed25519 或 SM2 私钥，
SM2 签名为 DER、默认用户标识）。时间与网关相差不超过 {WINDOW_MS // 60_000} 分钟，随机数只用一次。

领取密钥：`POST /v1/credentials/<凭证>/secret`，用自己的私钥签名，办公域看不到。再领一次就是更换：旧密钥继续有效
{OVERLAP // 3600} 小时，或正文 `{{"keep_old_seconds": n}}` 写明的时间（至多 {LONGEST // 86_400} 天，0 为立即作废）。

## 问一个人、一家企业

`POST /v1/products/<产品>/verify` 核验、`/lookup` 查询，一次至多 {MOST} 个主体，号码至多 {LONGEST_NUMBER} 个字符：

```json
{{"purpose": "loan-review", "items": [{{"subject": "号码", "values": {{"缴存状态": "正常"}}, "consent": {{"…": "本人签名的同意"}}}}]}}
```

核验给 `values`，只答一致或不一致，不说哪一项；查询可给 `fields`，不给就是协议约定的全部字段。协议写明每次调用都要同意的，
每个主体带一份同意的信封；事先同意的不用带。回答按请求的次序：

| `answer` | `word` | 计次 |
|---|---|---|
"""

MIDDLE = f"""
**未授权和超额在查找之前就答**，所以主体在不在数据里，这两种回答一个字也不差。一个请求里全部未授权（停止、到期、用途不对等）时
整个请求以 HTTP 403 或 429 拒绝，`error` 里有同样的 `answer`、`word`、`code`、`sentence`、`basis`（条款）、`clause`（协议的哪一条）。

`GET /v1/products/<产品>/rows?purpose=…&limit=…&offset=…` 取已出域的表，只有协议约定的字段，一页至多 {LARGEST_PAGE} 行。

## 重试而不多付

请求头 `Idempotency-Key`（8 到 64 个字母、数字、`.`、`_`、`-`）：同一凭证、同一键、同一正文，24 小时内得到**逐字节相同**的回答，
只计一次，网关重启也一样；同一键、另一正文是 422。没有收到回答就用同一键重新签名再问。这只用于核验和查询：
取已出域的表的请求不带幂等键，带了也不起作用，重取一次计一次。

## 错误表

| `code` | HTTP | 回答 | 说明 | 重试 |
|---|---|---|---|---|
"""

TAIL = f"""
503 和 429 带 `Retry-After`（秒）的按它等。多次越权（用途、字段、同意的范围之外，次数和时间写在协议里）会**熔断**：网关自己停下
这份协议，直到办公域和提供单位（闸口）为这一次熔断各签一个字。

## 对账文件

`GET /v1/credentials/<凭证>/reconciliation/<YYYY-MM-DD>`（上海时间）给出 CSV：{TITLES}。列：`{"`、`".join(COLUMNS)}`。
响应头 `X-Gongshu-Digest` 是文件的 SHA-256，`X-Gongshu-Signature` 是网关私钥对
`gongshu-reconciliation-v1\\n<凭证>\\n<日期>\\n<摘要>\\n` 的签名，`X-Gongshu-Key` 是钥匙的指纹，`X-Gongshu-Complete` 说当天是否已结束。
`answer_sha256` 是收到的那份回答逐字节的 SHA-256；回答里的 `nonce` 是只有双方看得到的随机数，所以别人不能从摘要试出问的是谁、答的是什么。
`record_sha256` 是网关流水一条的摘要；一批流水的默克尔根在存证日志里。

## 测试环境

`POST /v1/test/products/{PRODUCT}/verify` 和 `/lookup`：凭证 `test`，HMAC 密钥（公开）`{SECRET.hex()}`，
用途 `{PURPOSE}`，字段 `{FIELD}`。不计次、不收费、不读任何产品；签名、正文和错误的写法与正式环境相同。固定的主体：

| 主体 | 回答 |
|---|---|
"""


def page() -> str:
    """The whole page."""
    words = [f"| `{name}` | {word} | {'是' if name in ANSWERED else '否'} |" for name, word in WORDS.items()]
    errors = [
        f"| `{code}` | {row.status} | {WORDS.get(row.answer, '')} | {row.sentence} | {RETRIES[row.retry]} |"
        for code, row in ERRORS.items()
    ]
    fixed = [f"| `{subject}` | {WORDS[answer]} |" for subject, answer in ANSWERS.items()]
    for subject, code in REFUSALS.items():
        row = ERRORS[code]
        said = WORDS[row.answer] if row.answer else f"HTTP {row.status}"
        fixed.append(f"| `{subject}` | {said}（`{code}`） |")
    paths = [
        f"| `{method.upper()} {path}` | {one['summary']} |"
        for path, methods in document()["paths"].items()
        for method, one in methods.items()
    ]
    lines = [
        HEAD + "\n".join(words),
        MIDDLE + "\n".join(errors),
        TAIL + "\n".join(fixed),
        "\n## 全部地址\n\n| 地址 | 作用 |\n|---|---|\n" + "\n".join(paths),
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    (folder / PAGE).write_text(page(), encoding="utf-8")
