"""统一社会信用代码: 18 characters with a check character (GB 32100)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from stdnum.cn import uscc as standard
from stdnum.exceptions import ValidationError as Invalid

SENTENCE = "统一社会信用代码不对：应为 18 位数字和大写字母（不含 I、O、S、V、Z），末位校验码要正确。"


def normal(value: str) -> str:
    """Upper case, half-width, without blanks; raises `ValidationError` when it is no such code."""
    text = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in value or "")
    text = "".join(text.split()).upper()
    try:
        return str(standard.validate(text))
    except Invalid as error:
        raise ValidationError(SENTENCE, code="uscc") from error


def is_valid(value: str) -> bool:
    try:
        normal(value)
    except ValidationError:
        return False
    return True
