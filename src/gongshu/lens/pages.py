"""The tables of `docs/lens.md`, printed from the code so that the page cannot drift."""

from __future__ import annotations

from gongshu.lens.function_table import ALLOWED, REFUSED
from gongshu.lens.verdict import CODES

MEANINGS = {
    "parse": "读不懂、过长、改写后读不回来",
    "statement": "不是查询，或用了清单外的写法",
    "many_statements": "不止一条语句",
    "table_function": "FROM 里用了表函数，或从文件、网址读数据",
    "function": "函数或表达式节点不在允许清单中",
    "table": "表不存在或未授权（两种情形答复相同）",
    "column": "字段不存在或未授权（两种情形答复相同）",
    "expired": "过了授权的最后一天",
    "not_yet": "没到授权的第一天",
    "row_filter": "授权里的行范围读不懂、含子查询或清单外的写法",
    "identifier": "L4 或未定级字段出现在不许的位置",
    "sensitive_group": "L3 未分段就作分组或输出",
    "copying_aggregate": "在主体表上照搬取值的聚合到了输出",
    "row_output": "answer 用法的输出仍是一行一主体",
    "singling_out": "条件、抽样、LIMIT 或窗口只留下少数人",
    "error_oracle": "出错与否会说出数据",
    "too_large": "三张原始表无条件相乘、无界递归、展开过大",
    "grant": "授权读不懂、级别未知、版本不对",
}


def codes_table() -> str:
    """Markdown: every code, what it means, what to do, its ground."""
    lines = ["| 代码 | 含义 | 怎么办 | 依据 |", "|---|---|---|---|"]
    for name, code in CODES.items():
        lines.append(f"| `{name}` | {MEANINGS[name]} | {code.advice} | [`{code.ground}`](grounds.md) |")
    return "\n".join(lines)


def functions_table() -> str:
    """Markdown: the classes of allowed functions and the groups of refused ones."""
    lines = ["| 类 | 含义 | 函数 |", "|---|---|---|"]
    for name, (title, names) in ALLOWED.items():
        lines.append(f"| `{name}` | {title} | {' '.join(f'`{word}`' for word in sorted(names.split()))} |")
    lines += ["", "| 拒绝的一组 | 个数 |", "|---|---|"]
    lines += [f"| {title} | {len(names.split())} |" for title, names in REFUSED]
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """Section marker of the page → the table that stands there."""
    return {"codes": codes_table(), "functions": functions_table()}
