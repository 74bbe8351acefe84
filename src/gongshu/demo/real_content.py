"""What people write about the real air-quality data: registration, scenario, product, agreement."""

from __future__ import annotations

from typing import Any

from gongshu.demo import cast, content
from gongshu.demo.product import Content, Source
from gongshu.demo.real_cast import ORGANISATION
from gongshu.demo.real_resources import AIR

KEY = "data_product"
REGISTERED = "data_registration"
UNTIL = "2026-12-31"
NAME = "空气质量月度指数与月报"
ORIGIN = "输入是公开的真实监测数据，演示环境，没有效力。"
FIELDS = "站点\n年\n月\n有效小时数\n细颗粒物月均\n可吸入颗粒物月均\n臭氧月均"

REGISTRATION: dict[str, Any] = {
    **content.REGISTRATION,
    "R01": AIR.title,
    "R03": "308001",
    "R04": "M7461",
    "R06": f"{AIR.summary}{ORIGIN}",
    "R07": "环境\n空气质量",
    "R28": {"value": "42.0768", "unit": "万条"},
    "R29": "never",
    "R30": "none",
    "R31": {"value": "0", "unit": "万条/月"},
    "R32": False,
    "R33": ["none"],
    "R41": "十二个国控监测站点",
    "R42": "生态环境部门、科研机构、金融机构",
    "R43": "空气质量评价、绿色金融研判",
}
SCENARIO: dict[str, Any] = {
    **content.SCENARIO,
    "name": "空气质量月度指数",
    "domain": "绿色低碳",
    "purpose": "掌握各站点各月的空气质量变化，为环境评价和绿色金融提供依据。",
    "users": "生态环境部门、科研机构、金融机构",
    "economic": "为绿色信贷的环境尽职调查提供客观依据。",
    "social": "让公众看得懂空气质量的变化。",
    "products": "空气质量月度指数\n空气质量月报",
    "protection": "只出按站点和月份汇总的结果，每格不少于规定的小时数，出域前逐项检验并两人盲审。",
}
NEED = {
    "need_resource": AIR.title,
    "need_provider": cast.organisation(ORGANISATION).name,
    "need_items": "监测站点\n年\n月\n细颗粒物\n可吸入颗粒物\n臭氧",
    "need_reason": "没有小时监测值就算不出月均值。",
}
COLUMNS = {
    "station": "按站点汇总",
    "year": "按年汇总",
    "month": "按月汇总",
    "day": "核对有效天数",
    "hour": "核对有效小时数",
    "PM2.5": "计算细颗粒物月均值",
    "PM10": "计算可吸入颗粒物月均值",
    "O3": "计算臭氧月均值",
}
COARSER = "不能：先分段再平均，月均值就不准了；结果只出汇总。"
INDEX_SQL = """SELECT station AS 站点, year AS 年, month AS 月, count("PM2.5") AS 有效小时数,
       round(avg("PM2.5"), 1) AS 细颗粒物月均, round(avg(PM10), 1) AS 可吸入颗粒物月均,
       round(avg(O3), 1) AS 臭氧月均
FROM air_quality
GROUP BY station, year, month
ORDER BY station, year, month"""
REPORT_SQL = """SELECT year AS 年, month AS 月, count("PM2.5") AS 有效小时数,
       round(avg("PM2.5"), 1) AS 细颗粒物月均,
       round(100 * avg(CASE WHEN "PM2.5" > 75 THEN 1.0 WHEN "PM2.5" <= 75 THEN 0.0 END), 1) AS 高于75的占比
FROM air_quality
GROUP BY year, month
ORDER BY year, month"""
UNGRANTED_SQL = "SELECT station, avg(SO2) AS 二氧化硫 FROM air_quality GROUP BY station"
HOURS_SQL = """SELECT station AS 站点, year AS 年, month AS 月, day AS 日, hour AS 时,
       avg("PM2.5") AS 细颗粒物
FROM air_quality
WHERE day = 1 AND hour < 6
GROUP BY station, year, month, day, hour"""
PRODUCT: dict[str, Any] = {
    **content.PRODUCT,
    "name": NAME,
    "summary": f"按站点和月份汇总的空气质量指数，附月报。{ORIGIN}",
    "fields": FIELDS,
}
HEADS = {
    **content.HEADS,
    "source": "空气质量小时监测，已登记，提供单位在闸口确认授权。",
    "masking": "结果只有站点、年月、有效小时数和月均值；数据背后不是个人或单位。",
}
PRODUCT_REGISTRATION: dict[str, Any] = {
    **content.PRODUCT_REGISTRATION,
    **{
        key: REGISTRATION[key]
        for key in ("R03", "R04", "R07", "R28", "R29", "R30", "R31", "R41", "R42", "R43")
    },
    "R01": NAME,
    "R06": PRODUCT["summary"],
    "R15": AIR.title,
}
AGREEMENT: dict[str, Any] = {
    **content.AGREEMENT,
    "scene": "绿色信贷环境研判",
    "purposes": "绿色信贷环境研判",
    "fields": FIELDS,
}


def product(resource: str, since: str) -> Content:
    """The product's content; `resource` the catalogue id, `since` the business day its work begins."""
    return Content(
        key=KEY,
        sources=(Source(resource, NEED, COLUMNS, COARSER),),
        scenario=SCENARIO,
        purpose=NAME,
        since=since,
        until=UNTIL,
        product=PRODUCT,
        heads=HEADS,
        registration=PRODUCT_REGISTRATION,
        agreement={**AGREEMENT, "term": {"from": since, "until": UNTIL}},
        ceiling=content.CEILING,
        registered=(REGISTERED,),
    )
