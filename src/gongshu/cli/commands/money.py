"""`gongshu money maximum`: needs no home, no database, no network."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import command_parser
from gongshu.crypto import canonical
from gongshu.law import rules
from gongshu.law.errors import LawError
from gongshu.law.history import SHANGHAI
from gongshu.money import maximum as room
from gongshu.money.amounts import decimal_text, yuan
from gongshu.money.pricelaw import PriceLaw, price_law
from gongshu.money.why import adjust_words

LARGEST = 1 << 20


def maximum(argv: list[str]) -> Answer:
    """`--file FILE` (design section 11): exit 0 with the maximum, 1 when the margin is over its limit."""
    parser = command_parser("money maximum", "核定最高准许收入")
    parser.add_argument("--file", type=Path, required=True, help="成本、补助、收益率、税金和实际收入（JSON）")
    options = parser.parse_args(argv)
    try:
        survey = room.read(_data(options.file))
        law = price_law(rules.at(survey.zone, options.at or datetime.now(SHANGHAI).date()))
    except room.BadSurvey as error:
        raise BadUse("file", str(error)) from error
    except LawError as error:
        raise BadUse(error.code, error.sentence, error.basis) from error
    found = room.compute(survey, law)
    return Answer(not found.refused, found.data(), _told(found, law))


def _data(path: Path) -> object:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BadUse("file", f"读不到文件 {path}。") from error
    if len(content) > LARGEST:
        raise BadUse("file", f"文件 {path} 太大，最多 1 兆字节。")
    try:
        return canonical.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except canonical.CanonicalError as error:
        raise BadUse("file", f"文件 {path} 不是合格的 JSON：{error}") from error


def _told(found: room.Maximum, law: PriceLaw) -> str:
    if found.refused or found.maximum is None or found.profit is None:
        return found.refused
    lines = [
        f"最高准许收入 {yuan(found.maximum)}：经营成本 {yuan(found.cost)}（已扣补助），"
        f"准许利润 {yuan(found.profit)}，税金 {yuan(found.tax)}。"
    ]
    if found.deviation is not None:
        lines.append(
            f"实际收入偏离 {decimal_text(found.deviation * 100, 2)}%：{adjust_words(found.adjust, law)}。"
        )
    if found.carry:
        said = "、".join(map(yuan, found.deductions))
        lines.append(f"超过最高准许收入 {yuan(found.carry)}，在下一周期扣减（{said}）。")
    return "\n".join([*lines, f"依据：{'、'.join(found.basis)}"])
