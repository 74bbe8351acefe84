"""Yuan as people type them, to whole fen and back; exact, never a float."""

from __future__ import annotations

import re
from typing import Any

from gongshu.office.accounts.permissions import Refused

YUAN = re.compile(r"(0|[1-9]\d{0,12})(?:\.(\d{1,2}))?", re.ASCII)


def fen(value: Any, field: str, title: str) -> int:
    """Whole fen of an amount in yuan with at most two decimals; `Refused` beside the field else."""
    found = YUAN.fullmatch(str(value if value is not None else "").replace(",", "").strip())
    if found is None:
        raise Refused(f"“{title}”应是以元为单位的金额，最多两位小数，例如 1234.56。", f"input:{field}")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
