"""What a value is: one table of kinds, each with its test on one value and its search in a text.

`of(value)` names the kinds a whole value belongs to, `looks_like(value)` also those it only has the
shape of (a resident id with a wrong check character), `find(text)` the identifiers inside a longer
text. Nothing here keeps or prints a value.

A kind is *strong* when one value alone is evidence (a check character or an unmistakable form), and
*weak* when only a column full of them is (names, 15-digit ids, bare numbers).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from . import checks
from .surnames import COMPOUND, NOT_A_NAME, NOT_A_NAME_ENDING, SINGLE

_HAN = r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff·]"
_DROPPED = re.compile(r"[\s\u200b-\u200f\u2060\ufeff\u00ad]+")
_SEPARATED = re.compile(r"^[\dXx][\dXx\s\-\u2010-\u2015]{9,40}[\dXx]$")
_PROVINCE_CHARS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_LETTER = "A-HJ-NP-Z"
_PLATE = re.compile(
    rf"[{_PROVINCE_CHARS}][A-Z][·•\- ]?(?:"
    rf"[{_LETTER}0-9]{{4}}[{_LETTER}0-9挂学警港澳]|"  # GA 36: 5 places
    rf"[ABCDEFGHJK][{_LETTER}0-9]\d{{4}}|\d{{5}}[ABCDEFGHJK])"  # new-energy: 6 places
)
_MOBILE = re.compile(r"(?:(?:\+|00)?86[\s-]?)?1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}")
_LANDLINE = re.compile(
    r"(?:\(?0(?:10|2\d|[3-9]\d{2})\)?[\s-]?[2-9]\d{6,7}(?:[\s-]\d{1,5})?|[48]00-?\d{3}-?\d{4})"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.)+[A-Za-z]{2,24}")
_BANK_PREFIX = re.compile(r"(?:62|60|4|5[1-5]|35|37|69|9[0-9])")
_PASSPORT = re.compile(r"(?:E[A-HJ-NP-Z]\d{7}|[EGDSP]\d{8}|P[ES]?\d{7}|1[45]\d{7})", re.I)
_TRAVEL_PERMIT = re.compile(r"(?:[CW]\d{8}|C[A-Z]\d{7}|[HM]\d{8}(?:\d{2})?)", re.I)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_STREET = re.compile(
    r"(?:路|街|大道|道|巷|弄|胡同|村|组|小区|花园|苑|社区|大厦|广场|屯|里)[^，,。;；]{0,14}?[\d一二三四五六七八九十]+(?:\s*[-－]\s*\d+)*\s*(?:号|栋|幢|弄|室|单元|楼|座|组|户|层)"
)
_REGION = re.compile(
    rf"{_HAN}{{2,}}?(?:省|市|自治区|区|县|旗|州){_HAN}{{1,}}?(?:区|县|市|镇|乡|街道|旗)[^，,。;；]{{2,}}?"
    r"(?:路|街|道|巷|弄|村|号|组|小区|社区|栋|幢|室)"
)
_COORDINATE = re.compile(r"\(?\s*(-?\d{1,3}\.\d{3,})\s*[,，;\s]\s*(-?\d{1,3}\.\d{3,})\s*\)?")
_DIGITS = re.compile(r"\d+")


def normal(value: str) -> str:
    """NFKC (full-width digits become plain), no blanks or invisible marks: disguises fall away."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", value))


def _joined(value: str) -> str:
    """Digits grouped by dashes ("6222 0212-...") as one run; anything else unchanged."""
    return re.sub(r"[\s\-\u2010-\u2015]", "", value) if _SEPARATED.match(value) else value


def _is_bank_card(value: str) -> bool:
    return (
        16 <= len(value) <= 19
        and value.isascii()
        and value.isdigit()
        and bool(_BANK_PREFIX.match(value))
        and len(set(value)) > 1
        and checks.luhn(value)
        and not checks.resident_id(value)
    )


def _looks_bank_card(value: str) -> bool:
    return (
        value.isascii()
        and value.isdigit()
        and 16 <= len(value) <= 19
        and value.startswith("62")
        and len(set(value)) > 1
    )


def _is_credit_code(value: str) -> bool:
    # 89 开头的是样例的身份证号（samples.DIVISION），没有这样的登记管理部门
    return (
        len(value) == 18
        and not value.startswith("89")
        and checks.credit_code(value)
        and not checks.resident_shape(value)
    )


def _looks_credit_code(value: str) -> bool:
    return bool(re.fullmatch(r"[159ANY][1239][1-9]\d{5}[0-9A-HJ-NPQRTUWXY]{10}", value.upper())) and not (
        checks.resident_shape(value)
    )


def _is_name(value: str) -> bool:
    """A Han name: surname and one or two characters, or with the dot of the minorities (GB/T)."""
    if not re.fullmatch(rf"{_HAN}{{2,15}}", value) or value in NOT_A_NAME or value[-1] in NOT_A_NAME_ENDING:
        return False
    if "·" in value:
        return all(2 <= len(part) <= 8 for part in value.split("·")) and value.count("·") <= 3
    if value[:2] in COMPOUND and len(value) in (3, 4):
        return True
    return value[0] in SINGLE and len(value) in (2, 3)


def _is_address(value: str) -> bool:
    return 6 <= len(value) <= 200 and bool(_STREET.search(value) or _REGION.search(value))


def _is_ip(value: str) -> bool:
    if not (_IPV4.fullmatch(value) or (value.count(":") >= 2 and re.fullmatch(r"[0-9A-Fa-f:.]+", value))):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_imei(value: str) -> bool:
    return (
        len(value) == 15
        and value.isascii()
        and value.isdigit()
        and value[:2] in ("35", "86", "99", "01")
        and len(set(value)) > 3
        and checks.luhn(value)
    )


def _is_coordinate(value: str) -> bool:
    pair = _COORDINATE.fullmatch(value)
    if not pair:
        return False
    one, two = float(pair[1]), float(pair[2])
    return abs(one) <= 180 and abs(two) <= 180 and min(abs(one), abs(two)) <= 90


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    `is_` holds for a whole normalised value that is valid; `looks` for one that has the shape (null:
    same as `is_`); `within` finds candidates in a text (null: not searched in texts); `grade` is the
    proposal, `why` its reason.
    """

    id: str
    title: str
    grade: str
    why: str
    strong: bool
    is_: Callable[[str], bool]
    looks: Callable[[str], bool] | None = None
    within: re.Pattern[str] | None = None


_PIPL = "能识别自然人"
_SENSITIVE = "敏感个人信息"

KINDS: dict[str, Kind] = {
    k.id: k
    for k in (
        Kind("resident_id", "居民身份证号", "L4", _PIPL, True, checks.resident_id, checks.resident_shape,
             re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])")),
        Kind("credit_code", "统一社会信用代码", "L4", "能识别法人或其他组织", True, _is_credit_code,
             _looks_credit_code,
             re.compile(r"(?<![0-9A-Za-z])[159ANY][1239]\d{6}[0-9A-Z]{10}(?![0-9A-Za-z])")),
        Kind("mobile", "手机号码", "L4", _PIPL, True, _full(_MOBILE), None,
             re.compile(rf"(?<![\d.]){_MOBILE.pattern}(?!\d|\.\d)")),
        Kind("bank_card", "银行卡号", "L4", _SENSITIVE + "（金融账户）", True, _is_bank_card,
             _looks_bank_card,
             re.compile(r"(?<![0-9A-Za-z.])\d{4}(?:[ -]?\d{4}){2,3}[ -]?\d{0,4}(?![0-9A-Za-z])")),
        Kind("plate", "机动车号牌", "L4", _PIPL, True, _full(_PLATE), None, _PLATE),
        Kind("email", "电子邮箱", "L4", _PIPL, True, _full(_EMAIL), None, _EMAIL),
        Kind("vin", "车辆识别代号", "L4", "能识别车辆及其所有人", True, checks.vin, None,
             re.compile(r"(?<![0-9A-Za-z])[A-HJ-NPR-Z0-9]{17}(?![0-9A-Za-z])")),
        Kind("imei", "移动设备识别码", "L4", _PIPL, False, _is_imei),
        Kind("mac", "网卡地址", "L4", _PIPL, True, _full(_MAC), None, _MAC),
        Kind("ip", "网络地址", "L3", "网络标识，可间接识别自然人", True, _is_ip, None, _IPV4),
        Kind("resident_id_15", "居民身份证号（15 位）", "L4", _PIPL, False, checks.resident_id_15),
        Kind("landline", "固定电话", "L3", "联系方式，可间接识别自然人", False, _full(_LANDLINE)),
        Kind("passport", "护照号", "L4", _PIPL, False, _full(_PASSPORT)),
        Kind("travel_permit", "往来通行证号", "L4", _PIPL, False, _full(_TRAVEL_PERMIT)),
        Kind("address", "详细地址", "L4", "能定位到户或到人", False, _is_address),
        Kind("coordinate", "精确位置", "L3", _SENSITIVE + "（行踪轨迹）", False, _is_coordinate),
        Kind("name", "姓名", "L4", _PIPL, False, _is_name),
    )
}  # fmt: skip

STRONG = tuple(k.id for k in KINDS.values() if k.strong)


@dataclass(frozen=True)
class Found:
    """An identifier inside a text: its kind and where it stands (never the value itself)."""

    kind: str
    start: int
    end: int


def _forms(value: str) -> tuple[str, ...]:
    if value.isascii() and value.isalnum():
        return (value,)
    plain = normal(value)
    spaced = unicodedata.normalize("NFKC", value).strip()
    joined = _joined(spaced)
    return (plain,) if joined in (plain, spaced) else (plain, joined)


def of(value: str) -> tuple[str, ...]:
    """Kinds the whole value validly belongs to, strongest first; `()` for none."""
    if not value or len(value) > 400:
        return ()
    forms = _forms(value)
    return tuple(k.id for k in KINDS.values() if any(k.is_(f) for f in forms))


def looks_like(value: str) -> tuple[str, ...]:
    """Kinds whose shape the value has, whether or not its check character holds."""
    if not value or len(value) > 400:
        return ()
    forms = _forms(value)
    return tuple(k.id for k in KINDS.values() if any((k.looks or k.is_)(f) for f in forms))


_SHAPED = tuple(k for k in KINDS.values() if k.looks)


def looks_like_one(value: str) -> tuple[str, ...]:
    """Like `looks_like`, only for kinds with a check character (what a wrong one is counted against)."""
    forms = _forms(value)
    return tuple(k.id for k in _SHAPED if k.looks and any(k.looks(f) for f in forms))


def checked(kind: str, value: str) -> bool | None:
    """For a kind with a check character: None if the value has another shape, else whether it holds."""
    looks = KINDS[kind].looks or KINDS[kind].is_
    for form in _forms(value):
        if looks(form):
            return KINDS[kind].is_(form)
    return None


def is_kind(kind: str, value: str) -> bool:
    """Whether the whole value is a valid `kind` (KeyError for an unknown kind)."""
    test = KINDS[kind].is_
    return any(test(form) for form in _forms(value))


def identifies(value: str) -> bool:
    """Whether this one value alone points at a person, firm, vehicle or device."""
    forms = _forms(value)
    return any(k.strong and any(k.is_(f) for f in forms) for k in KINDS.values())


def find(text: str, kinds: tuple[str, ...] = STRONG) -> list[Found]:
    """Valid identifiers inside a text, after NFKC; offsets count in the normalised text."""
    text = unicodedata.normalize("NFKC", text)
    found: list[Found] = []
    for name in kinds:
        kind = KINDS[name]
        if kind.within is None:
            continue
        for hit in kind.within.finditer(text):
            if kind.is_(re.sub(r"[ \-]", "", hit[0]) if name == "bank_card" else hit[0]):
                found.append(Found(name, hit.start(), hit.end()))
    return sorted(found, key=lambda f: (f.start, f.kind))


def mask(value: str) -> str:
    """The value with its middle hidden, for screens of the data domain only."""
    if len(value) <= 2:
        return value[:1] + "*" * (len(value) - 1)
    keep = max(1, len(value) // 5)
    return value[:keep] + "*" * (len(value) - 2 * keep) + value[-keep:]


def digits(value: str) -> str:
    """The digits of a value, in order, after NFKC."""
    return "".join(_DIGITS.findall(unicodedata.normalize("NFKC", value)))
