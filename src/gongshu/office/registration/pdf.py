"""A certificate as PDF/A-2b with its Chinese font embedded; the same facts give the same bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno
import typst

TEMPLATE = Path(__file__).parent / "typst" / "certificate.typ"
FONTS = ("NotoSansSC-Regular.ttf", "NotoSansSC-Bold.ttf")
MARKS = {
    "demo": "演示环境签发，没有效力",
    "test": "测试环境签发，没有效力",
}


class NoFonts(Exception):
    """The fonts a certificate needs are not installed. `args[0]` is a Chinese sentence."""


def render(facts: Mapping[str, Any], seal: str, fonts: Path) -> bytes:
    """The PDF of a certificate. `facts` as `Certificate.facts`, `fonts` the folder of the fonts.

    No clock is read: the only date in the document is the day of issue. Raises `NoFonts`.
    """
    missing = [name for name in FONTS if not (fonts / name).is_file()]
    if missing:
        raise NoFonts(f"缺少凭证用的字体 {'、'.join(missing)}，请先运行 make setup。")
    shown = {
        "title": facts["title"],
        "zone": facts["zone_title"],
        "lines": facts["lines"],
        "basis": facts["basis"],
        "because": facts["because"],
        "scheme": facts["scheme"],
        "mark": MARKS.get(facts["mark"], ""),
        "code": facts["code"],
        "check": facts["check"],
        "issued": facts["issued"],
    }
    inputs = {"facts": json.dumps(shown, ensure_ascii=False), "qr": qr(address(facts, seal))}
    issued = datetime.fromisoformat(facts["issued"]).replace(tzinfo=UTC)
    return typst.compile(
        _template(),
        font_paths=_fonts(str(fonts)),
        format="pdf",
        pdf_standards=["a-2b"],
        sys_inputs=inputs,
        timestamp=int(issued.timestamp()),
    )


def address(facts: Mapping[str, Any], seal: str) -> str:
    """What the QR says: the public check page of the code, with the SM2 signature over the content."""
    return f"{facts['check']}?s={seal.rstrip('=').replace('+', '-').replace('/', '_')}"


def qr(text: str) -> str:
    """A QR code (level M) as SVG."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", border=2, xmldecl=False, svgns=True, nl=False, scale=4
    )
    return out.getvalue().decode()


@lru_cache(maxsize=2)
def _fonts(folder: str) -> typst.Fonts:
    """Only the fonts of this folder, never those of the machine: other fonts would give other bytes."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


@lru_cache(maxsize=1)
def _template() -> bytes:
    return TEMPLATE.read_bytes()
