"""What each check of the attack means and how an output is repaired: one table for office and airlock."""

from __future__ import annotations

from typing import NamedTuple


class Repair(NamedTuple):
    """`meaning`: what the check says of an output; `repair`: what its developers do about it."""

    meaning: str
    repair: str


REPAIRS: dict[str, Repair] = {
    "threshold": Repair(
        "有的格子背后的主体太少。", "合并分组，或者用 HAVING 去掉人数不足的组（按门槛或者更高）。"
    ),
    "dominance_nk": Repair("有的格子几乎由一两家贡献。", "合并分组，或者不输出总量只输出比例。"),
    "dominance_p": Repair("最大的一家可以推算第二大的一家。", "合并分组，或者把数值分段。"),
    "identifier": Repair("结果里有能直接认出主体的编号或者姓名。", "去掉这一列，按不含标识的字段汇总。"),
    "identifier_encoded": Repair("结果里有换了写法的标识。", "去掉这一列。"),
    "identifier_hashed": Repair("结果里有散列的标识，可以用原始数据对上。", "去掉这一列。"),
    "row_copy": Repair("结果里有原始数据的整行。", "先按不含标识的字段汇总。"),
    "unique": Repair("有的组合只对应一个主体。", "减少分组的字段，或者把数值分段。"),
    "differencing": Repair(
        "与以前出域的成果相减，可以得到人数太少的格子。", "沿用以前的分组和范围，或者合并到更粗的一级。"
    ),
    "total": Repair("从合计可以倒推出被去掉的格子。", "再去掉一个格子，或者不输出合计。"),
    "extreme": Repair("有的数可能就是某一个主体的极值。", "改用平均数、中位数，或者把两端截短。"),
    "unexplained": Repair(
        "有的数与查询在原始数据上的结果对不上。", "出域的必须是查询的原样结果，请重新运行。"
    ),
    "covert": Repair(
        "结果里有可能夹带信息的地方，例如过长的小数或者空白。", "把小数四舍五入，去掉多余的列。"
    ),
    "model_memory": Repair("模型里可能留有训练数据。", "换用更简单的模型，或者增加每组的最少样本。"),
    "format": Repair("这种格式不能逐项检查。", "改用表、指数或者报告的形式。"),
    "unreadable": Repair("输出读不出来，不能检查。", "重新运行后再申请。"),
}
