"""The texts of law a zone's rules rest on, with their standing: 施行, 征求意见稿, 已被替代."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from gongshu.law.errors import LawError
from gongshu.law.packs import NATION
from gongshu.law.rules import Standing
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import lawbook

PROVINCE = 2  # GB/T 2260：前两位是省
TONES = {"in_force": "valid", "draft": "review", "superseded_draft": "objected", "superseded": "expired"}
WORDS = {
    "in_force": "施行",
    "draft": "征求意见稿",
    "superseded_draft": "征求意见稿，正式文本已发布、待核",
    "superseded": "已被替代",
}


@dataclass(frozen=True)
class Text:
    """One text, how it stands, and how many rules of the zone cite it."""

    standing: Standing
    rules: int
    zone: str

    @property
    def borrowed(self) -> str:
        """Whose text it is, when it is of another province and binds nobody here; else ''."""
        pack = self.standing.source.pack
        if NATION in (pack, self.zone) or pack not in ZONES:
            return ""
        same = ZONES[pack].code[:PROVINCE] == ZONES[self.zone].code[:PROVINCE]
        return "" if same else ZONES[pack].title

    @property
    def tone(self) -> str:
        return TONES[self.standing.text_status]

    @property
    def words(self) -> str:
        status = self.standing.text_status
        source = self.standing.source
        if status == "in_force" and not self.standing.in_force:
            return "已过施行期" if source.until and source.until < self.standing.on else "尚未施行"
        return WORDS[status]

    @property
    def later(self) -> str:
        """The final text that took a draft's place, in words."""
        later = self.standing.source.superseded_by or {}
        return "，".join(str(later[key]) for key in ("title", "number", "issued") if later.get(key))


def texts(zone: str, today: date) -> list[Text]:
    """The texts behind a zone's rules on a day: its own first, then by how often they are cited."""
    rules = lawbook.rules_now(zone, today)
    counted = _counted(rules.digest, zone, today)
    order = list(rules.library.lineage(zone))
    found = [Text(rules.text(key), count, zone) for key, count in counted.items()]

    def place(text: Text) -> tuple[int, int, str]:
        pack = text.standing.source.pack
        return (order.index(pack) if pack in order else len(order), -text.rules, text.standing.source.key)

    return sorted(found, key=place)


@lru_cache(maxsize=64)
def _counted(_digest: str, zone: str, day: date) -> dict[str, int]:
    rules = lawbook.rules_now(zone, day)
    counted: dict[str, int] = {}
    for section, name in rules.library.table(zone):
        try:
            basis = rules.find(section, name).basis
        except LawError:  # absent in this zone on this day
            continue
        for key in {each.partition(":")[0] for each in basis}:
            counted[key] = counted.get(key, 0) + 1
    return counted
