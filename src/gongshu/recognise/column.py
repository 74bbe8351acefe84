"""A column seen value by value: its type, its kind, a grade with the reason, its defects.

`ColumnProfile` is fed block after block and keeps counts only (and one sample-sized budget), so a file
of any length is profiled in bounded memory; `column` does the same for a list.
"""

from __future__ import annotations

import datetime as _dt
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from . import headers, kinds, types

SAMPLE = 5000
SAMPLE_LATER = 50
SETTLES = 20_000
DUPLICATES_OVER = 1_000_000
_CHECKED = ("resident_id", "credit_code", "bank_card")
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9_\-]{4,40}")
_KEYS = ("resident_id", "credit_code", "vin")
# Forms no kind is written in.
_NO_KIND = frozenset(["money", "number", "date", "stamp", "bool"])
_FIRST_DAY = _dt.date(1900, 1, 1)


@dataclass(frozen=True)
class Defects:
    """Counts of cells. `duplicates` is looked for in keys and identifiers only, over the first
    million of filled cells; `out_of_range` by the meaning of the name, or a day that cannot be."""

    blank: int = 0
    broken: int = 0
    wrong_check: int = 0
    duplicates: int = 0
    out_of_range: int = 0

    def total(self) -> int:
        return self.broken + self.wrong_check + self.duplicates + self.out_of_range


@dataclass(frozen=True)
class Recognised:
    """The proposal for one column. `share`: part of the filled cells that are of `kind` (0 to 1)."""

    name: str
    type: str
    type_why: str
    kind: str | None
    grade: str
    why: str
    share: float
    rows: int
    defects: Defects = field(default_factory=Defects)
    unique: bool = False

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Settled:
    """A block of a settled column, counted elsewhere: `filled` cells, all of `form`, trimmed; `recurs`:
    cells equal to the name; `some`: a few filled cells, in which kinds are still sought; `keys`: cells
    whose hashes are remembered."""

    form: str
    filled: int
    blank: int
    vague: int
    recurs: int
    out_of_range: int
    some: Sequence[str]
    keys: Sequence[str] = ()


class ColumnProfile:
    """Feed it cells, ask `result()`. `today` bounds dates (a birthday tomorrow is a defect)."""

    def __init__(self, name: str, today: _dt.date | None = None) -> None:
        self.name = name
        self.today = today
        self.hint = headers.hint(name)
        self.limits = headers.limits(name)
        self.hashes = array("q")
        self._named_key = bool(headers.KEY_NAMES.search(name))
        self.rows = 0
        self.forms: Counter[str] = Counter()
        self.sampled = 0
        self.room = 0
        self.recurs = 0
        self.codes = 0
        self.cells = self.distinct = 0
        self.valid: Counter[str] = Counter()
        self.shaped: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.bad_days = 0
        self.out_of_range = 0
        self._watched: tuple[str, ...] = ()
        # Worth remembering hashes for: the name or the values so far are those of a key.
        self._may_be_key = self._named_key

    def feed(self, values: Iterable[str | None]) -> None:
        """Count the cells of a block. Equal cells of a block are judged once; kinds are sought in the first
        `SAMPLE` distinct ones and in some of every later block."""
        counted = Counter(values)
        self.recurs += counted.get(self.name, 0)
        self.room = max(SAMPLE - self.sampled, SAMPLE_LATER)
        empty = counted.pop(None, 0)
        self.rows += empty + counted.total()
        self.cells += counted.total()
        self.distinct += len(counted)
        self.forms[""] += empty
        for cell, times in counted.items():
            value = (cell or "").strip()
            form = types.form(value)
            self.forms[form] += times
            if form not in ("", "vague"):
                self._judge(value, form, times)

    @property
    def settled(self) -> str | None:
        """`text`, `int`, `number`, `date` or `stamp` once the cells so far leave no doubt of their form:
        later blocks may then be given to `feed_settled`. Else None."""
        filled = self.rows - self.forms[""] - self.forms["vague"]
        if self.rows < SETTLES or not filled or self._watched:
            return None
        if self.forms["text"] >= 0.1 * filled:
            return "text"
        for form in ("int", "date", "stamp"):
            if self.forms[form] == filled and not self.bad_days:
                return form
        numbers = self.forms["int"] + self.forms["number"] + self.forms["money"]
        return "number" if numbers == filled and self.forms["number"] > 0.03 * filled else None

    @property
    def remembers(self) -> int:
        """How many more cells of a key it wants to remember the hashes of."""
        return DUPLICATES_OVER - len(self.hashes) if self._may_be_key else 0

    def feed_settled(self, block: Settled) -> None:
        """Count a block of a settled column."""
        self.rows += block.filled + block.blank + block.vague
        self.recurs += block.recurs
        self.out_of_range += block.out_of_range
        self.forms[block.form] += block.filled
        self.forms[""] += block.blank
        self.forms["vague"] += block.vague
        self.hashes.extend(map(hash, block.keys[: self.remembers]))
        for value in block.some:
            self.sampled += 1
            self._sample(value, types.form(value))

    def _judge(self, value: str, form: str, times: int) -> None:
        if self.room > 0:
            self.room -= 1
            self.sampled += 1
            self._sample(value, form)
        for kind in self._watched:
            if kinds.checked(kind, value) is False:
                self.wrong[kind] += times
        if form in ("date", "stamp", "compact"):
            self._day(value, form, times)
        if self.limits is not None and form in ("int", "money", "number", "code"):
            number = float(value.replace(",", ""))
            self.out_of_range += 0 if self.limits[0] <= number <= self.limits[1] else times
        if self._may_be_key and len(self.hashes) < DUPLICATES_OVER:
            room = min(times, DUPLICATES_OVER - len(self.hashes))
            self.hashes.extend([hash(value)] * room)

    def _sample(self, value: str, form: str) -> None:
        self.codes += form in ("text", "code", "long") and _CODE.fullmatch(value) is not None
        if form in _NO_KIND or (form == "int" and len(value) < 7):
            return
        for kind in kinds.of(value):
            self.valid[kind] += 1
        for kind in kinds.looks_like_one(value):
            self.shaped[kind] += 1
        self._watched = tuple(k for k in _CHECKED if self.shaped[k] * 10 >= self.sampled)
        self._may_be_key = self._named_key or any(self.shaped[k] * 2 >= self.sampled for k in _KEYS)
        if form == "text" and len(value) > 12:
            for found in {f.kind for f in kinds.find(value)}:
                self.inside[found] += 1

    def _day(self, value: str, form: str, times: int) -> None:
        if form == "compact" and self.forms["int"] > self.forms["compact"]:
            return
        try:
            read = types.read("TIMESTAMP" if form == "stamp" or len(value) == 14 else "DATE", value)
        except ValueError:
            self.bad_days += times
            return
        day = read.date() if isinstance(read, _dt.datetime) else read
        late = self.today is not None and not headers.FUTURE_NAMES.search(self.name)
        if isinstance(day, _dt.date) and (day < _FIRST_DAY or (late and day > (self.today or day))):
            self.out_of_range += times

    def result(self) -> Recognised:
        """The proposal so far. No value of the column is in it."""
        filled = self.rows - self.forms[""] - self.forms["vague"]
        kind, share = self._kind()
        type_, type_why = self._type(kind, filled)
        holds = types.HOLDS.get(type_)
        fits = filled if holds is None else sum(n for form, n in self.forms.items() if form in holds)
        broken = filled - fits + (self.bad_days if type_ in ("DATE", "TIMESTAMP") else 0)
        key = self._is_key(kind)
        duplicates = len(self.hashes) - self._distinct() if key else 0
        unique = filled > 1 and key and not duplicates
        grade, why = self._grade(kind, share)
        defects = Defects(
            blank=self.forms[""] + (0 if type_ == "VARCHAR" else self.forms["vague"]),
            broken=broken,
            wrong_check=self.wrong[kind] if kind else 0,
            duplicates=duplicates,
            out_of_range=self.out_of_range,
        )
        return Recognised(self.name, type_, type_why, kind, grade, why, share, self.rows, defects, unique)

    def _distinct(self) -> int:
        return int(np.unique(np.frombuffer(self.hashes, dtype=np.int64)).size)

    def _is_key(self, kind: str | None) -> bool:
        """A key, by name or kind, that a table about one object a row would not repeat."""
        if not self.hashes or not (self._named_key or kind in _KEYS):
            return False
        return self._distinct() >= 0.95 * len(self.hashes)

    def _kind(self) -> tuple[str | None, float]:
        """The kind most cells are of: strong kinds from half, weak ones from 0.7 (0.3 if the name agrees)."""
        if not self.sampled:
            return None, 0.0
        hinted = self.hint.kind if self.hint else None
        for name, kind in kinds.KINDS.items():
            seen = max(self.valid[name], self.shaped[name])
            needed = 0.3 if name == hinted else 0.5 if kind.strong else 0.7
            if seen / self.sampled >= needed and (kind.strong or name == hinted or self._plausible(name)):
                return name, round(seen / self.sampled, 4)
        return None, 0.0

    def _plausible(self, kind: str) -> bool:
        """A weak kind needs variety: three wards with surname-like names are not people."""
        if kind in ("imei", "passport", "travel_permit"):
            return False  # the form alone fits any numbering; see `_numbers_things`
        if kind == "resident_id_15":
            return self.sampled >= 20
        return self.sampled >= 5 and (kind != "name" or self.sampled >= 30)

    def _numbers_things(self) -> bool:
        """Codes with digits, mostly different from one another: a numbering of persons, cards, cases."""
        return (
            self.distinct >= 50 and self.codes >= 0.9 * self.sampled > 0 and self.distinct >= 0.5 * self.cells
        )

    def _type(self, kind: str | None, filled: int) -> tuple[str, str]:
        if not filled:
            return "VARCHAR", "全部为空"
        if kind and kind not in ("coordinate",):
            return "VARCHAR", f"值是{kinds.KINDS[kind].title}，按文本保存"
        if self.forms["code"]:
            return "VARCHAR", "有以 0 开头的数字，是代码而不是数"
        for type_ in ("BOOLEAN", "DATE", "BIGINT", "DECIMAL(18,2)", "DOUBLE", "TIMESTAMP"):
            if self._fits(type_, filled):
                return type_, f"{sum(self.forms[f] for f in types.HOLDS[type_])}/{filled} 个非空值符合"
        return "VARCHAR", "不是统一的数、日期或是否"

    def _fits(self, type_: str, filled: int) -> bool:
        """At least 98 % of the filled cells fit, and the form that names the type is really there."""
        held = sum(self.forms[f] for f in types.HOLDS[type_])
        if held < 0.98 * filled:
            return False
        if type_ == "DATE":
            return (
                self.forms["date"] > 0 or (self.forms["compact"] >= 0.98 * filled and self._eight())
            ) and self.bad_days <= 0.02 * filled
        if type_ == "TIMESTAMP":
            return self.forms["stamp"] + self.forms["compact"] > 0
        if type_ == "BIGINT":
            return (
                not self.forms["number"] and not self.forms["money"] and self.forms["compact"] < 0.98 * filled
            )
        if type_ == "DECIMAL(18,2)":
            return self.forms["money"] > 0 and bool(headers.MONEY_NAMES.search(self.name))
        return True

    def _eight(self) -> bool:
        return self.bad_days * 50 <= self.forms["compact"]

    def _grade(self, kind: str | None, share: float) -> tuple[str, str]:
        if kind:
            found = kinds.KINDS[kind]
            grade = "L4" if self.hint and self.hint.grade == "L4" and self.hint.kind == kind else found.grade
            return grade, f"{share:.0%} 的非空值是{found.title}：{found.why}"
        strong = next((k for k in kinds.STRONG if self.valid[k] >= max(2, 0.01 * self.sampled)), None)
        if strong:
            return "L4", f"部分值是{kinds.KINDS[strong].title}：{kinds.KINDS[strong].why}"
        if self.inside:
            return "L4", f"文字里夹有{kinds.KINDS[min(self.inside)].title}"
        if self.hint and (
            self.hint.alone or (self.hint.kind is None and self._is_key(None) and not self._serial())
        ):
            return self.hint.grade, self.hint.why
        if self.hint and self.hint.kind == "coordinate" and self.forms["number"]:
            return self.hint.grade, self.hint.why
        if self._numbers_things():
            return "L4", "值是编号且多数各不相同，可能是人、单位、卡或案件的编号"
        return "L2", "未发现个人或单位标识，也不属敏感个人信息"

    def _serial(self) -> bool:
        return self.forms["int"] == self.rows


def column(values: Sequence[str | None], name: str, today: _dt.date | None = None) -> Recognised:
    """Recognise a whole column at once; see `ColumnProfile`."""
    profile = ColumnProfile(name, today)
    profile.feed(values)
    return profile.result()


def table(columns: Sequence[Recognised]) -> list[Recognised]:
    """Columns of one table together: where no column identifies or is sensitive, nobody stands behind
    the rows and the proposal is L1."""
    if any(c.grade in ("L3", "L4") for c in columns):
        return list(columns)
    return [
        replace(c, grade="L1", why="全表未发现个人或单位标识和敏感个人信息，可作公开字段") for c in columns
    ]
