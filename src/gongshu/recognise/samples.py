"""Marks of sample values: a masked value keeps its kind's form and check character and is never a real one.

One table: each kind is written inside a range nobody was ever issued, so a sample can be told from real
data by the value alone, by anybody, without a key. `make` writes the value of a number, `is_sample`
recognises it; both are pure and know nothing of any real value but its form.
"""

from __future__ import annotations

import datetime as _dt
import re
from collections.abc import Callable
from dataclasses import dataclass

from stdnum.cn import uscc as _uscc

from . import checks
from .kinds import normal

DIVISION = "89"
"""No division code of GB/T 2260 begins with it; a sample's resident id and credit code do."""
HAN = "样"
"""No surname and no province's short name."""
_CITY = "样例市"
_HOST = "sample.invalid"
_FIRST_BIRTH, _BIRTHS = _dt.date(1950, 1, 1), 20_000
_BASE31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VIN = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
_PLACE = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_ENERGY = "DF"
_GIVEN = (
    "安白冰博朝晨成诚春达丹德东恩方芳飞峰刚光国海涵浩和恒红宏虹华怀欢辉慧吉佳建健江杰洁金锦京景静娟军君"
    "凯康可坤兰乐磊丽利良林琳玲龙璐茂梅美萌敏明宁鹏平奇琪千青清庆秋然仁荣如瑞润森山诗思松涛天田婷彤万薇"
    "伟文武希贤祥晓心欣新馨星雪雅岩艳阳洋宜艺益英颖永勇友瑜宇雨玉远月云泽哲珍振正志智中舟子紫"
)
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]")
_MOBILE_PREFIX = re.compile(r"(?:\+|00)?86[\s-]?(?=1)")
_CODE_CLASSES = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class _Digits:
    """Reads digits in any base off one large number, the same ones for the same number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def take(self, base: int) -> int:
        self.left, found = divmod(self.left, base)
        return found

    def text(self, length: int, alphabet: str = "0123456789") -> str:
        return "".join(alphabet[self.take(len(alphabet))] for _ in range(length))


def _birth(digits: _Digits) -> _dt.date:
    return _FIRST_BIRTH + _dt.timedelta(days=digits.take(_BIRTHS))


def _resident_id(like: str, digits: _Digits) -> str:
    body = f"{DIVISION}{digits.text(4)}{_birth(digits):%Y%m%d}{digits.text(3)}"
    check = checks.resident_check(body)
    return body + (check.lower() if like.endswith("x") else check)


def _resident_id_15(_like: str, digits: _Digits) -> str:
    return f"{DIVISION}{digits.text(4)}{_birth(digits):%y%m%d}{digits.text(3)}"


def organisation_check(body: str) -> str:
    """Check character (GB 11714) of the eight characters of an organisation code."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(char, 36) * weight for char, weight in zip(body, weights, strict=True))
    return "0123456789X"[(11 - total % 11) % 11]


def _credit_code(like: str, digits: _Digits) -> str:
    head = like[:2].upper() if re.fullmatch(r"[159ANY][1239]", like[:2].upper()) else "91"
    inner = digits.text(8, _BASE31)
    body = f"{head}{DIVISION}{digits.text(4)}{inner}{organisation_check(inner)}"
    return body + str(_uscc.calc_check_digit(body))


def _luhn(body: str) -> str:
    return next(digit for digit in "0123456789" if checks.luhn(body + digit))


def _mobile(like: str, digits: _Digits) -> str:
    prefix = _MOBILE_PREFIX.match(like)
    return f"{prefix[0] if prefix else ''}12{digits.text(9)}"


def _landline(like: str, digits: _Digits) -> str:
    dash = "-" if "-" in like else " " if " " in like else ""
    return f"011{dash}{2 + digits.take(8)}{digits.text(7)}"


def _bank_card(like: str, digits: _Digits) -> str:
    length = min(max(len(like), 16), 19)
    body = "80" + digits.text(length - 3)
    return body + _luhn(body)


def _plate(like: str, digits: _Digits) -> str:
    dot = "".join(char for char in like[2:3] if char in "·•")
    area = _PLACE[digits.take(len(_PLACE))]
    if len(like) - len(dot) >= 8:
        return f"{HAN}{area}{dot}{_ENERGY[digits.take(2)]}{digits.text(5)}"
    return f"{HAN}{area}{dot}{digits.text(1, _PLACE)}{digits.text(4)}"


def _vin(_like: str, digits: _Digits) -> str:
    first, rest = "000" + digits.text(4, _VIN) + "A", digits.text(8, _VIN)
    for check in "0123456789X":
        if checks.vin_check(first + check + rest):
            return first + check + rest
    raise AssertionError("a check digit always exists")  # pragma: no cover


def _imei(_like: str, digits: _Digits) -> str:
    # never 0086, after which a mobile number could follow
    body = f"00{digits.take(8)}{digits.text(11)}"
    return body + _luhn(body)


def _mac(like: str, digits: _Digits) -> str:
    joint = "-" if "-" in like else ":"
    made = joint.join(["03", *(f"{digits.take(256):02x}" for _ in range(5))])
    return made if like == like.lower() else made.upper()


def _ip(like: str, digits: _Digits) -> str:
    if ":" in like:
        return "2001:db8:" + ":".join(f"{digits.take(65536):x}" for _ in range(6))
    return ".".join([str(240 + digits.take(15)), *(str(digits.take(256)) for _ in range(3))])


def _email(_like: str, digits: _Digits) -> str:
    return f"{digits.text(10, 'abcdefghijklmnopqrstuvwxyz0123456789')}@{_HOST}"


def _travel(like: str, digits: _Digits) -> str:
    return "X" + digits.text(max(len(like), 9) - 1)


def _name(like: str, digits: _Digits) -> str:
    return HAN + digits.text(1 if len(like) == 2 else 2, _GIVEN)


def _address(_like: str, digits: _Digits) -> str:
    road, number, room = digits.text(1, _GIVEN) + digits.text(1, _GIVEN), digits.take(999), digits.take(99)
    return f"{_CITY}{road}路{number + 1}号{room + 1}室"


def _code(like: str, digits: _Digits) -> str:
    """Each character of its own class, the first one the mark; what is no letter or digit stays."""
    made = []
    for char in like[1:]:
        alphabet = next((one for one in _CODE_CLASSES if char in one), char)
        made.append(alphabet[digits.take(len(alphabet))])
    return HAN + "".join(made)


def _text(_like: str, digits: _Digits) -> str:
    return f"{HAN}例-{digits.text(10, _BASE31)}"


def _number(like: str, digits: _Digits) -> str:
    """As many digits, at most 18 so that each is a BIGINT, and a minus sign: numbers that name somebody
    have none."""
    length = min(max(len(like.lstrip("+-")), 1), 18)
    return f"-{1 + digits.take(9)}{digits.text(length - 1)}"


def _checked_text(pattern: str, holds: Callable[[str], bool] = lambda _value: True) -> Callable[[str], bool]:
    form = re.compile(pattern)
    return lambda value: form.fullmatch(value) is not None and holds(value)


def _resident_holds(value: str) -> bool:
    born = (int(value[6:10]), int(value[10:12]), int(value[12:14]))
    return checks.calendar_day(*born) and checks.resident_check(value[:17]) == value[17].upper()


def _credit_holds(value: str) -> bool:
    held = organisation_check(value[8:16]) == value[16]
    return held and str(_uscc.calc_check_digit(value[:17])) == value[17]


@dataclass(frozen=True)
class Mark:
    """How a kind's sample values look. `rule`: what is reserved and why nobody has it; `holds`: a test
    on the value without separators, check characters included."""

    kind: str
    rule: str
    write: Callable[[str, _Digits], str]
    holds: Callable[[str], bool]
    grouped: bool = False


MARKS: dict[str, Mark] = {
    mark.kind: mark
    for mark in (
        Mark("resident_id", "前两位为 89：行政区划代码（GB/T 2260）没有；校验码照国家标准", _resident_id,
             _checked_text(rf"{DIVISION}\d{{15}}[\dXx]", _resident_holds), grouped=True),
        Mark("resident_id_15", "前两位为 89：行政区划代码没有", _resident_id_15,
             _checked_text(rf"{DIVISION}\d{{13}}")),
        Mark("credit_code", "第三、四位为 89：登记机关行政区划没有；两个校验码照国家标准", _credit_code,
             _checked_text(rf"[159ANY][1239]{DIVISION}\d{{4}}[0-9A-HJ-NPQRTUWXY]{{8}}[0-9X]"
                           r"[0-9A-HJ-NPQRTUWXY]", _credit_holds)),
        Mark("mobile", "12 开头的 11 位：没有分配给移动电话", _mobile,
             _checked_text(r"(?:(?:\+|00)?86)?12\d{9}")),
        Mark("landline", "区号 011：没有分配", _landline, _checked_text(r"011[2-9]\d{7}"), grouped=True),
        Mark("bank_card", "前两位为 80：不是任何银行的发卡机构代码；校验位（Luhn）照标准", _bank_card,
             _checked_text(r"80\d{14,17}", checks.luhn), grouped=True),
        Mark("plate", "“样”字头：不是任何省份的简称", _plate,
             _checked_text(rf"{HAN}[A-Z][·•]?(?:[A-Z]\d{{4}}|[{_ENERGY}]\d{{5}})")),
        Mark("vin", "前三位为 000：世界制造厂代码没有；校验位照标准", _vin,
             _checked_text(r"000.{14}", checks.vin_check)),
        Mark("imei", "前两位为 00：只用于测试设备；校验位照标准", _imei,
             _checked_text(r"00\d{13}", checks.luhn)),
        Mark("mac", "首字节 03：组播且本地管理，不是任何网卡的地址", _mac,
             _checked_text(r"03([:-]?[0-9A-Fa-f]{2}){5}")),
        Mark("ip", "240.0.0.0/4（保留）和 2001:db8::/32（文档用）", _ip,
             _checked_text(r"2(?:4\d|5[0-4])(?:\.\d{1,3}){3}|2001:db8:[0-9a-f:]+")),
        Mark("email", "域名 sample.invalid（RFC 2606 保留）", _email,
             _checked_text(r"[a-z0-9]{10}@sample\.invalid")),
        Mark("passport", "X 开头：我国护照没有", _travel, _checked_text(r"X\d{8,}")),
        Mark("travel_permit", "X 开头：通行证没有", _travel, _checked_text(r"X\d{8,}")),
        Mark("name", "姓“样”：没有这个姓", _name, _checked_text(rf"{HAN}[{_GIVEN}]{{1,2}}")),
        Mark("address", "样例市：没有这个市", _address, _checked_text(rf"{_CITY}.+号\d+室")),
        Mark("text", "整段换成“样例-”加十位代号", _text, _checked_text(rf"{HAN}例-?[0-9A-Z]{{10}}")),
        Mark("code", "首字换成“样”，其余各位仍是数字或字母", _code, _checked_text(rf"{HAN}.*")),
    )
}  # fmt: skip

NUMBER = Mark("number", "编号为数的，换成位数相同的负数", _number, _checked_text(r"-[1-9]\d*"))
"""Numbers that name somebody. Not in `MARKS`: a negative amount is no sample by itself, so it is asked
for by name: `is_sample(value, "number")`."""


def make(kind: str, like: str, number: int) -> str:
    """The sample value of `kind` that `number` stands for, in the written form of `like`.

    `number` should be large (128 bits or more); separators of grouped digits stay where they were.
    """
    mark = NUMBER if kind == "number" else MARKS[kind]
    if not mark.grouped or not _SEPARATORS.search(like) or kind == "landline":
        return mark.write(like, _Digits(number))
    plain = iter(mark.write(_SEPARATORS.sub("", like), _Digits(number)))
    return "".join(char if _SEPARATORS.match(char) else next(plain, "") for char in like)


def kind_of(value: str) -> str | None:
    """The kind whose mark a value bears, or None for a value that may be real."""
    plain = normal(value)
    return next((mark.kind for mark in MARKS.values() if _bears(mark, plain)), None)


def is_sample(value: object, kind: str | None = None) -> bool:
    """Whether a value bears the mark of samples: of `kind`, or of any kind but bare numbers."""
    if kind == "number":
        return NUMBER.holds(str(value))
    if kind is None:
        return kind_of(str(value)) is not None
    return _bears(MARKS[kind], normal(str(value)))


def _bears(mark: Mark, plain: str) -> bool:
    return mark.holds(plain) or mark.holds(_SEPARATORS.sub("", plain))
