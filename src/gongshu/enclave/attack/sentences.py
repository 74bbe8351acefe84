"""What each check says, in one place: sentence, ground, and how to repair the output.

A sentence never holds a value of the data. The grounds (`packs/*/grounds.yaml`) are 原始数据不出域 and the
review before release; which articles they are depends on the zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from .model import AttackReport, Finding

_REVIEW = ("release.review",)
_RAW = ("release.raw", "release.review")

GROUNDS: dict[str, tuple[str, ...]] = {
    "threshold": _REVIEW,
    "dominance_nk": _REVIEW,
    "dominance_p": _REVIEW,
    "identifier": _RAW,
    "identifier_encoded": _RAW,
    "identifier_hashed": _RAW,
    "row_copy": _RAW,
    "unique": _REVIEW,
    "differencing": _REVIEW,
    "total": _REVIEW,
    "extreme": _REVIEW,
    "unexplained": _REVIEW,
    "covert": _REVIEW,
    "model_memory": _RAW,
    "format": _REVIEW,
    "unreadable": _REVIEW,
}

SENTENCES: dict[str, str] = {
    "threshold": "单元格背后的不同主体少于 {threshold} 个，请合并类别或隐去该单元格及其补充单元格。",
    "threshold_text": "文字里写出了少于 {threshold} 个主体的数目，请改为区间或删去。",
    "threshold_share": "比例乘以总数可以还原出少于 {threshold} 个主体的数目，请合并类别或降低比例的精度。",
    "dominance_nk": "单元格的总量主要来自最大的 {n} 个主体，请合并类别或隐去。",
    "dominance_p": "最大的主体的数值可以被第二大的主体估得过近，请合并类别或隐去。",
    "identifier": "出现了能直接识别主体的内容（{kind}），请删去该列或该处文字。",
    "identifier_raw": "出现了原始数据里的识别字段的值，请删去该列或该处文字。",
    "identifier_encoded": "还原编码或伪装（{way}）后是能识别主体的内容，请删去。",
    "identifier_hashed": "内容是识别字段经散列（{way}）得到的，可以被反查，请删去。",
    "identifier_token": "每行一个高随机性的代号，等于逐个主体的假名，请删去该列或改为汇总。",
    "identifier_digest": "单元格是一个散列值，不能排除是某个主体的假名，请删去。",
    "row_copy": "多列的取值与原始数据的单个主体的记录一致，属于原始数据出域，请改为汇总结果。",
    "row_copy_column": "整列取值来自单个主体的原始数值（{way}），请改为汇总结果。",
    "row_copy_near": "多行与单个主体的原始记录过近，只是略作改动，属于原始数据出域，请改为汇总或另行合成。",
    "unique_rows": "非数值各列的组合不足 {k} 行，可以被单独指认，请合并类别或删去这些行。",
    "lookup_rare": "有类别不足 {threshold} 个主体，说出类别就等于指认，请并入其他类别。",
    "lookup_figure": "有取值不足 {threshold} 个主体，须由人判断；建议改为分段作答。",
    "lookup_constant": "对所有主体的回答都相同，知道一个人在其中就知道答案，须由人判断。",
    "unique": "若干列的组合在原始数据里只对应一个主体，可以被单独指认，请合并类别。",
    "differencing": "与较早放行的结果相减，可以得到少于 {threshold} 个主体的差额，请改用相同口径或隐去。",
    "differencing_numeric": "与较早放行的同一张表相减，单元格只差不到 {threshold}，请改用相同口径或隐去。",
    "total": "隐去的单元格可以用合计减去其余单元格推回，请增加补充隐去。",
    "total_small": "同一合计下被隐去的单元格合起来仍少于 {threshold} 个主体，请增加补充隐去。",
    "total_short": "各部分之和比合计少不到 {threshold}，可以推回没有列出的类别，请并入其他类别或隐去合计。",
    "total_large": "表太大，不能逐格核对隐去的单元格能否由合计推回，须由人判断或拆小后提交。",
    "extreme": "数值是单个主体的极值或原值，须由人判断；建议改用分位数或分组。",
    "group_attribute": "整组主体的某项属性相同，知道一个人在组内就知道其属性，须由人判断。",
    "unexplained": "单元格与声明的查询在原始数据上的结果不一致，须由人判断。",
    "unexplained_row": "查询结果里没有这一行，须由人判断。",
    "unexplained_column": "声明的查询没有产生这一列，须由人判断。",
    "unexplained_query": "声明的查询不能在原始数据上重算，请核对查询。",
    "unexplained_shape": "结果里的表格和声明的查询对不上，须由人判断。",
    "unexplained_program": "结果由程序写成，没有查询说明每个数的来历，须由人判断个数和位数是否与用途相称。",
    "not_asked": "与原始记录的比对没有做成，须由人判断。",
    "untraced": "查询的写法（如递归、透视、抽样）数不出单元格背后的主体，无从检查，请改写后重新运行。",
    "no_shares": "算不出单个主体在汇总里占多少，须由人判断；请把嵌套的汇总写成一层。",
    "not_subtracted": "没有能与较早或在审的成果逐格相减，须由人判断；请缩小结果或改写查询。",
    "out_of_time": "在规定时间内没有做完全部检查，没有查到的部分须由人判断；请缩小结果或拆开提交。",
    "covert_invisible": "含有不可见字符或方向控制字符，可能夹带信息，请清除。",
    "covert_blank": "含有不寻常的空白（行尾、全角、制表混用），可能夹带信息，请清除。",
    "covert_precision": "数值的低位与查询结果不同或精度过高，可能夹带信息，请按需要的精度四舍五入。",
    "covert_order": "行的次序与声明的查询不同，可能夹带信息，请按声明的次序排列。",
    "covert_hidden": "含有隐藏的工作表、行、列或文字，请取消隐藏或删去。",
    "covert_blob": "含有成段的编码数据，不能解释其内容，请删去。",
    "covert_extra": "文件里有表格以外的多余数据，请重新导出。",
    "covert_active": "含有脚本、外部链接或宏，请删去后重新提交。",
    "model_rows": "模型里存有训练用的原始记录或单个主体的取值，请换用不存记录的模型。",
    "model_leaf": "模型的叶子或分组少于 {threshold} 个主体，等于记住了他们，请提高最小叶子样本数。",
    "model_threshold": "模型的分裂点等于单个主体的取值，等于存下了这些值，请先分段再训练。",
    "model_extreme": "模型存有特征的极值，取自单个主体，须由人判断；请去掉 feature_infos 一行。",
    "model_membership": "从模型的误差可以看出谁在训练数据里（{how}），请提高最小叶子样本数或减少轮数。",
    "model_unasked": "模型记住了多少没有测：{why}，须由人判断。",
    "model_useless": "模型对留出的主体猜得不比常数准，参数不能用所称的用途解释，请核对目标、标准化和校准。",
    "model_unscored": "模型不能对留出的主体打分，请写明目标，特征须是项目表的列，标准化写成 mean 和 scale。",
    "model_freedom": "样本数减去参数数不足 {freedom}，模型可以还原样本，请减少特征或增加样本。",
    "model_format": "不是可检查的模型格式（lightgbm-text、onnx、json），请改存后提交。",
    "model_unknown": "模型的结构不在可检查的清单里，须由人判断。",
    "format": "这种文件格式不能出域（{what}），请改用 parquet、csv、json、xlsx、md、txt 或 html。",
    "format_media": "夹带了图片或附件，机器无法检查其内容，请删去。",
    "unreadable": "文件不能读取（{what}），请重新导出。",
    "too_large": "文件过大，不能逐格检查，请缩小后提交。",
}


def say(check: str, severity: str, where: str, sentence: str | None = None, **words: object) -> Finding:
    """A finding of `check`; `sentence` names another wording than the check's own."""
    text = SENTENCES[sentence or check].format(**words)
    return Finding(check, severity, where, text, ())


def cited(report: AttackReport, cite: Callable[[str], Sequence[str]]) -> AttackReport:
    """The report with the articles of each finding's grounds; `cite`: ground → citations of the zone."""
    basis = {
        check: tuple(dict.fromkeys(article for ground in found for article in cite(ground)))
        for check, found in GROUNDS.items()
    }
    return replace(report, findings=tuple(replace(each, basis=basis[each.check]) for each in report.findings))


def rows_phrase(rows: Iterable[int], limit: int = 5) -> str:
    """Row numbers for `where`: data rows, counted from 1."""
    numbers: Sequence[int] = sorted(set(rows))
    if not numbers:
        return ""
    shown = "、".join(str(n + 1) for n in numbers[:limit])
    return f"第 {shown} 行" + (f"等 {len(numbers)} 行" if len(numbers) > limit else "")
