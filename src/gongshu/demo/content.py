"""What the demo's people write into forms: the passenger-flow resource, scenario and product."""

from __future__ import annotations

from typing import Any

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
RAW_SQL = "SELECT 卡号, 线路, 上车时间 FROM bus_trips LIMIT 100"
SMALL_SQL = """SELECT 上车站, date_trunc('hour', 上车时间) AS 小时, 卡种, count(*) AS 客流人次
FROM bus_trips
WHERE 线路 = '31路'
GROUP BY 上车站, date_trunc('hour', 上车时间), 卡种"""
