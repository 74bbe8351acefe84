"""What a column's name says about it, and names that are themselves data.

A header is a hint, never proof: it raises a grade by itself only for identifiers and for sensitive
personal information; for names and addresses the values must agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import kinds, types


@dataclass(frozen=True)
class Hint:
    """`kind`: the kind of value the name announces; `grade`: proposal; `alone`: holds without the values."""

    kind: str | None
    grade: str
    why: str
    alone: bool = True


_ID = "列名表明是能识别自然人的标识"
_FIRM = "列名表明是能识别法人或其他组织的标识"
_ROW = "列名表明是某一对象的编号，可与其他表关联到人或单位"
_MONEY = "列名表明是敏感个人信息：金融账户"
_HEALTH = "列名表明是敏感个人信息：医疗健康"
_STATUS = "列名表明是敏感个人信息：宗教信仰、特定身份"
_TRACK = "列名表明是敏感个人信息：行踪轨迹"

HINTS: tuple[tuple[re.Pattern[str], Hint], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (
            r"身份证|公民身份|证件号|证照号码|sfz|id_?card|resident_?id|citizen_?id|cert_?no",
            Hint("resident_id", "L4", _ID),
        ),
        (
            r"信用代码|组织机构代码|纳税人识别号|uscc|credit_?code|tax_?no|tyshxydm",
            Hint("credit_code", "L4", _FIRM),
        ),
        (r"手机|移动电话|mobile|cell_?phone|sjh", Hint("mobile", "L4", _ID)),
        (r"联系电话|联系方式|固定电话|^电话|(?:^|_)(?:tele?)?phone|(?:^|_)tel$", Hint("landline", "L4", _ID)),
        (
            r"银行卡|银行账[号户]|卡号|bank_?(?:card|account)|account_?(?:no|number)|card_?no",
            Hint("bank_card", "L4", _ID),
        ),
        (r"车牌|号牌(?!种类)|plate", Hint("plate", "L4", _ID)),
        (r"车辆识别代[号码]|车架号|(?:^|_)vin$", Hint("vin", "L4", _ID)),
        (r"邮箱|电子邮件|e-?mail", Hint("email", "L4", _ID)),
        (r"护照|passport", Hint("passport", "L4", _ID)),
        (r"微信|openid|支付宝|qq号|(?:^|_)qq$", Hint(None, "L4", _ID)),
        (
            r"(?:社保|公积金|个人|参保|医保|人员|职工|居民|用户|患者|学生)(?:账号|编号|号码|卡号|号)$",
            Hint(None, "L4", _ID),
        ),
        (
            r"(?:^|_)(?:person|people|user|customer|patient|student|employee|member|resident|citizen)_?(?:id|no|code)$",
            Hint(None, "L4", _ID),
        ),
        (
            r"(?:企业|单位|公司|商户|法人)(?:编号|代码|号)$"
            r"|(?:^|_)(?:firm|company|enterprise|corp|employer|org)_?(?:id|no|code)$",
            Hint(None, "L4", _FIRM),
        ),
        (r"^(?:id|主键|流水号|记录号|uuid|guid)$", Hint(None, "L4", _ROW, alone=False)),
        (r"姓名|名字|联系人|法定代表人|经办人|户主|(?:^|_)name$|xm$", Hint("name", "L4", _ID, alone=False)),
        (
            r"地址|住址|住所|住处|门牌|address|addr$",
            Hint("address", "L4", "列名表明是详细地址，能定位到户或到人", alone=False),
        ),
        (r"(?:^|_)ip(?:_?addr(?:ess)?)?$|IP地址", Hint("ip", "L3", "网络标识，可间接识别自然人")),
        (
            r"经度|纬度|坐标|位置|轨迹|longitude|latitude|(?:^|_)(?:lng|lon|lat|gps)$",
            Hint("coordinate", "L3", _TRACK, alone=False),
        ),
        (
            r"工资|薪|收入|余额|存款|贷款|负债|缴存|缴费基数|资产|income|salary|wage|balance|loan|debt",
            Hint(None, "L3", _MONEY),
        ),
        (
            r"诊断|疾病|病[种史名情]|用药|处方|手术|残疾|血型|过敏|diagnos|disease|medic|blood_?type",
            Hint(None, "L3", _HEALTH),
        ),
        (
            r"宗教|民族$|政治面貌|婚姻|生育|低保|犯罪|违法|前科|religion|ethnic|marital",
            Hint(None, "L3", _STATUS),
        ),
        (r"出生|生日|birth|(?:^|_)dob$|csrq", Hint(None, "L3", "出生日期与其他字段组合可识别自然人")),
        (
            r"指纹|人脸|虹膜|声纹|基因|fingerprint|biometric|face_?id",
            Hint(None, "L4", "列名表明是敏感个人信息：生物识别"),
        ),
    )
)

MONEY_NAMES = re.compile(
    r"元|金额|工资|薪|收入|费|价|款|余额|缴存|amount|price|salary|income|fee|balance|cost", re.I
)
KEY_NAMES = re.compile(r"^(?:id|no|主键|编号|流水号|记录号|序号)$|(?:_id|编号|流水号)$", re.I)
FUTURE_NAMES = re.compile(r"到期|截止|有效|届满|计划|预计|终止|expire|until|due|end|plan|valid", re.I)

# Ranges that hold by the meaning of the word; what lies outside is a defect, not an error.
RANGES: tuple[tuple[re.Pattern[str], float, float], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), low, high)
    for pattern, low, high in (
        (r"年龄|^age$|_age$", 0, 150),
        (r"经度|longitude|^(?:lng|lon)$", -180, 180),
        (r"纬度|latitude|^lat$", -90, 90),
        (r"湿度|百分|占比|比例|%|humidity|percent", 0, 100),
        (r"^月份?$|^month$", 1, 12),
        (r"^[日号]$|^day$", 1, 31),
        (r"^小?时$|^hour$", 0, 24),
        (r"人数|客流|次数|数量|件数|户数|count$|^pm2\.?5$|^pm10$", 0, float("inf")),
    )
)


def hint(name: str) -> Hint | None:
    """What the name announces, or None."""
    plain = kinds.normal(name)
    return next((found for pattern, found in HINTS if pattern.search(plain)), None)


def limits(name: str) -> tuple[float, float] | None:
    """The range the name itself sets, or None."""
    plain = kinds.normal(name)
    return next(((low, high) for pattern, low, high in RANGES if pattern.search(plain)), None)


@dataclass(frozen=True)
class Finding:
    """A header that must not leave the data domain. `column` counts from 1; the value is not repeated."""

    column: int
    code: str
    sentence: str


_ADVICE = "像是数据而不是列名，请检查是否缺少表头或改名。"
_SENTENCES = {
    "identifier": "第 {n} 列的列名本身像{what}，不能作为列名送出数据域，请检查是否缺少表头或改名。",
    "number": "第 {n} 列的列名是数字或日期，{advice}",
    "recurs": "第 {n} 列的列名在下面的数据里又出现，{advice}",
    "like_values": "第 {n} 列的列名和下面的值同属一类（{what}），{advice}",
    "blank": "第 {n} 列没有列名，请补上。",
    "duplicate": "第 {n} 列的列名与前面的列重复，请改名。",
    "too_long": "第 {n} 列的列名超过 64 个字，请改短。",
}


def _finding(code: str, place: int, what: str = "") -> Finding:
    return Finding(place, code, _SENTENCES[code].format(n=place, what=what, advice=_ADVICE))


def _own(header: str, place: int) -> Finding | None:
    """What the header alone gives away."""
    if not header.strip():
        return _finding("blank", place)
    if len(header) > 64:
        return _finding("too_long", place)
    named = next(
        (k for k in kinds.looks_like(header) if kinds.KINDS[k].strong or k == "resident_id_15"), None
    )
    inside = kinds.find(header)
    if named or inside:
        return _finding("identifier", place, kinds.KINDS[named or inside[0].kind].title)
    return _finding("number", place) if types.form(header) not in ("text", "", "vague", "bool") else None


def _against(header: str, values: Sequence[str], place: int) -> Finding | None:
    """What the values below say about the header."""
    plain = kinds.normal(header)
    filled = [v for v in values if types.form(v) not in ("", "vague")]
    if any(kinds.normal(v) == plain for v in filled):
        return _finding("recurs", place)
    for kind in kinds.of(header):
        alike = sum(kinds.is_kind(kind, v) for v in filled[:500])
        if filled and alike / len(filled[:500]) >= 0.5:
            return _finding("like_values", place, kinds.KINDS[kind].title)
    return None


def recurs(place: int) -> Finding:
    """The finding for a header met as a value below, in whatever row of the file."""
    return _finding("recurs", place)


def about_rows(name: str) -> bool:
    """Whether the name only numbers rows or records, and so says nothing of whom they are about."""
    found = hint(name)
    return found is not None and found.why == _ROW


def headers_look_like_data(headers: Sequence[str], rows: Sequence[Sequence[str | None]]) -> list[Finding]:
    """Headers that look like data: an identifier, a number, a value that recurs below in its column.

    `rows`: any sample of the rows below, each as long as `headers`. At most one finding a column.
    """
    found: list[Finding] = []
    seen: set[str] = set()
    for place, header in enumerate(headers, 1):
        values = [row[place - 1] or "" for row in rows if len(row) >= place]
        hit = _own(header, place) or _against(header, values, place)
        name = kinds.normal(header).casefold()
        if hit is None and name in seen:
            hit = _finding("duplicate", place)
        seen.add(name)
        if hit:
            found.append(hit)
    return found
