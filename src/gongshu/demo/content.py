"""What the demo's people write into forms: the passenger-flow resource, scenario and product."""

from __future__ import annotations

from typing import Any

from gongshu.demo.product import COARSER, Content, Source
from gongshu.demo.resources import Resource, identifier
from gongshu.demo.stage import Stage

TERM = {"from": "2026-01-01", "until": "2028-12-31"}

CATALOGUE: dict[str, Any] = {
    "category": "theme",
    "name": "公交刷卡记录（合成）",
    "code": "306001/000012",
    "summary": "全市公交车刷卡和扫码上车记录，每次上车一行。合成数据。",
    "format": ["csv"],
    "cycle": "daily",
    "share_type": "none",
    "share_conditions": "含个人出行轨迹，依法不予共享",
    "open": "false",
    "in_scope": "true",
}
CATALOGUE_ITEMS = (
    ("卡号", "卡号", "C", "L4"),
    ("线路", "线路", "C", "L1"),
    ("上车站", "上车站", "C", "L2"),
    ("上车时间", "上车时间", "T", "L2"),
    ("卡种", "卡种", "C", "L2"),
    ("金额", "金额", "N", "L2"),
)
GRADES = {
    "卡号": ("L4", ""),
    "线路": ("L1", "线路是公开信息，不指向个人"),
    "上车站": ("L2", "站点不指向个人"),
    "上车时间": ("L2", "时间不指向个人"),
    "卡种": ("L2", "卡种不指向个人"),
    "金额": ("L2", "票价不指向个人"),
    "合成标记": ("L1", "标记列，全部相同"),
}
REGISTRATION: dict[str, Any] = {
    "R01": "公交刷卡记录（合成）",
    "R02": "resource",
    "R03": "306001",
    "R04": "G5412",
    "R05": "420200",
    "R06": "全市公交车刷卡和扫码上车记录，用于公交客流分析。演示用合成数据。",
    "R07": "交通\n公交",
    "R08": TERM,
    "R09": "in_scope",
    "R19": False,
    "R24": "business",
    "R25": "structured",
    "R26": ["csv"],
    "R27": "gov_cloud",
    "R28": {"value": "300", "unit": "万条"},
    "R29": "daily",
    "R30": "incremental",
    "R31": {"value": "100", "unit": "万条/月"},
    "R32": True,
    "R33": ["person"],
    "R34": "200000",
    "R35": False,
    "R37": "self",
    "R38": "在本平台存证：表结构和说明的摘要写入存证日志。",
    "R40": "经授权并签订使用协议",
    "R41": "黄石市区全部公交线路",
    "R42": "交通管理部门、公交运营企业、金融机构",
    "R43": "线路优化、站点选址、商圈客流研判",
    "R44": "none",
    "R47": False,
    "R49": False,
    "R57": True,
}
SQL = """SELECT 线路, date_trunc('month', 上车时间) AS 月份, count(*) AS 客流人次,
       count(DISTINCT 卡号) AS 乘客人数, round(avg(金额), 2) AS 平均票价
FROM bus_trips
GROUP BY 线路, date_trunc('month', 上车时间)
ORDER BY 线路, 月份"""
INDEX_SQL = """SELECT date_trunc('month', 上车时间) AS 月份, 线路, count(*) AS 客流人次
FROM bus_trips
GROUP BY date_trunc('month', 上车时间), 线路
ORDER BY 月份, 线路"""
LEAD = "本报告由数据域在合成数据上计算，经攻击检验和两人盲审后出域。"
RAW_SQL = "SELECT 卡号, 线路, 上车时间 FROM bus_trips LIMIT 100"
SMALL_SQL = """SELECT 上车站, date_trunc('hour', 上车时间) AS 小时, 卡种, count(*) AS 客流人次
FROM bus_trips
WHERE 线路 = '31路'
GROUP BY 上车站, date_trunc('hour', 上车时间), 卡种"""

SINCE, UNTIL = "2026-03-17", "2026-12-31"
SCENARIO: dict[str, Any] = {
    "name": "公交客流指数",
    "domain": "交通运输",
    "direction": "industry",
    "purpose": "掌握各线路各月客流变化，为线路优化和商圈研判提供依据。",
    "users": "公交运营企业、交通管理部门、金融机构",
    "period": {"from": "2026-03-01", "until": "2027-12-31"},
    "economic": "减少空驶，为商圈授信提供客观依据。",
    "social": "改善市民出行。",
    "business": "按次提供指数接口，公益用途免费。",
    "feasible": "数据已经入库，结果只出汇总。",
    "products": "公交客流指数\n公交客流月报",
    "protection": "只出按线路和月份汇总的结果，每格不少于规定人数，出域前逐项检验并两人盲审。",
}
NEED = {
    "need_resource": "公交刷卡记录（合成）",
    "need_provider": "黄石市公共交通集团（演示）",
    "need_items": "卡号\n线路\n上车站\n上车时间\n卡种\n金额",
    "need_reason": "没有刷卡记录就算不出客流。",
}
COLUMNS = {
    "卡号": "去重统计乘客人数，只计数不输出",
    "线路": "按线路汇总",
    "上车站": "核对站点覆盖",
    "上车时间": "按月份汇总",
    "卡种": "分析客群结构",
    "金额": "计算平均票价",
}
PURPOSE = "公交客流指数与月度报告"
PRODUCT: dict[str, Any] = {
    "name": "公交客流指数与报告",
    "form": "数据指数",
    "purpose": "industry",
    "summary": "按线路和月份汇总的公交客流指数，附月度报告。演示用合成数据。",
    "cycle": "monthly",
    "fields": "月份\n线路\n客流人次",
    "touches": False,
}
HEADS = {
    "source": "公交刷卡记录，已登记，提供单位在闸口确认授权。",
    "masking": "结果只有线路、月份和人次，不含任何标识。",
    "no_raw": "原始数据没有离开数据域，出域的是经检验和盲审的汇总。",
    "access": "使用单位用自己的私钥签名调用，网关按协议和上限逐次核对。",
    "consent": "不涉及个人信息，不需要关联主体授权。",
}
PRODUCT_REGISTRATION: dict[str, Any] = {
    **{key: value for key, value in REGISTRATION.items() if key not in ("R08", "R09", "R57")},
    "R01": "公交客流指数与报告",
    "R02": "product",
    "R06": "按线路和月份汇总的公交客流指数和月度报告。演示用合成数据。",
    "R14": "数据指数",
    "R15": "公交刷卡记录（合成）",
    "R17": TERM,
    "R18": "industry",
    "R24": "derived",
    "R32": False,
    "R33": ["none"],
    "R57": False,
}
AGREEMENT: dict[str, Any] = {
    "delivery": "api",
    "pricing": "free",
    "price_note": "",
    "scene": "商圈授信研判",
    "conditions": "只用于约定的场景，不得转让、再许可或者尝试还原",
    "term": {"from": "2026-04-01", "until": "2026-12-31"},
    "security": "使用单位负责接口凭证和结果的安全",
    "breach": "超范围使用的，停止供数并承担责任",
    "touches": False,
    "purposes": "商圈授信研判",
    "fields": "月份\n线路\n客流人次",
    "calls_per_day": "100",
}
CEILING = {"calls_per_day": "200", "subjects_per_day": "0"}
BUS = Resource(
    key="bus",
    officer="provider",
    checker="checker",
    organisation="bus",
    file="bus_trips",
    table="bus_trips",
    subject="卡号",
    catalogue=CATALOGUE,
    items=CATALOGUE_ITEMS,
    grades=GRADES,
    registration=REGISTRATION,
)


def product(stage: Stage) -> Content:
    """The passenger-flow product."""
    return Content(
        key="bus_product",
        sources=(Source(identifier(stage, BUS), NEED, COLUMNS, COARSER),),
        scenario=SCENARIO,
        purpose=PURPOSE,
        since=SINCE,
        until=UNTIL,
        product=PRODUCT,
        heads=HEADS,
        registration=PRODUCT_REGISTRATION,
        agreement=AGREEMENT,
        ceiling=CEILING,
        registered=(BUS.registered,),
    )
