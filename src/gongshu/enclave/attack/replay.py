"""The attack replay 攻击回放: what an attacker would do with the blocked output, step by step.

Scenes show cells, so they are for the airlock alone and are kept in the data domain; the office gets the
findings, which name neither cell nor place value (design section 1).

A scene is plain JSON: `{check, title, sentence, tables: [{title, columns, rows}]}`; a row is a list of
cells, each a string, or `{"text", "mark"}` where mark is `small` (the cell found), `left` (what the
subtraction leaves) or `withheld` (what the mended table hides).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import mend
from .cells import is_suppressed, text
from .explain import View
from .model import Mark, Table
from .raw import Raw
from .sentences import say
from .spec import Spec

MOST_ROWS = 20
MOST_COLUMNS = 12
_MOST_SCENES = 12
_MOST_CELLS = 12_000  # cells beyond which no mended table is worked out

TITLES = {
    "threshold": "数出少于门槛的主体",
    "total": "用合计减去其余单元格",
    "dominance_nk": "拆开合计看最大的主体",
    "dominance_p": "由第二大的主体估出最大的主体",
    "differencing": "与较早放行的结果相减",
}
_UNITS = {"credit_code": "家"}

Cell = str | dict[str, str]
Scene = dict[str, Any]


def scenes(marks: Sequence[Mark], views: Sequence[View], raw: Raw, spec: Spec) -> list[Scene]:
    """The scenes of an attack in the order of the checks' marks, one a check and table."""
    grouped: dict[tuple[str, int], list[Mark]] = {}
    for mark in marks:
        grouped.setdefault((mark.check, id(mark.table)), []).append(mark)
    by_table: dict[int, list[Mark]] = {}
    for mark in marks:
        by_table.setdefault(id(mark.table), []).append(mark)
    of = {id(view.table): view for view in views}
    mended: dict[int, dict[str, Any] | None] = {}
    found = []
    for (check, key), own in list(grouped.items())[:_MOST_SCENES]:
        view = of.get(key)
        if key not in mended:
            mended[key] = _mended(view, by_table[key], raw, spec) if view is not None else None
        found.append(_scene(check, own, view, mended[key], _unit(raw), spec))
    return found


def _unit(raw: Raw) -> str:
    kinds = {raw.columns[t][c].identifying for t, c in raw.subjects.items() if c in raw.columns.get(t, {})}
    return next((_UNITS[k] for k in kinds if k in _UNITS), "人")


def _scene(
    check: str, marks: list[Mark], view: View | None, mended: dict[str, Any] | None, unit: str, spec: Spec
) -> Scene:
    table = marks[0].table
    tables = []
    before = next((m for m in marks if m.before is not None), None)
    if before is not None and before.before is not None:
        tables.append(
            _picture("较早放行的结果", before.before, {(r, None) for r in before.before_rows}, "small")
        )
    places = {(r, m.column) for m in marks for r in m.rows}
    tables.append(_picture("本次结果" if before else "送审的结果", table, places, "small", view))
    tables += _worked(marks, view, unit, spec)
    if mended is not None:
        tables.append(mended)
    sentence = say(check, "block", "", threshold=spec.threshold, n=spec.nk[0][0]).sentence
    if mended is None:
        sentence += "（单靠隐去单元格不能修好，请减少维度或合并类别后重新运行。）"
    return {"check": check, "title": TITLES[check], "sentence": sentence, "tables": tables}


def _worked(marks: list[Mark], view: View | None, unit: str, spec: Spec) -> list[dict[str, Any]]:
    """The working: subjects counted, shares, or the subtraction done."""
    found: list[dict[str, Any]] = []
    for mark in marks:
        if mark.steps:
            found.append(_steps(mark.steps, unit))
        elif mark.shares:
            rows: list[list[Cell]] = []
            for r, shares in sorted(mark.shares.items())[:MOST_ROWS]:
                two = f"{100 * sum(shares[: spec.nk[0][0]]):.1f}%"
                rows.append(
                    [_label(mark.table, view, r), f"{100 * shares[0]:.1f}%", {"text": two, "mark": "left"}]
                )
            found.append(
                _table(
                    "各单元格里最大主体的份额", ["单元格", "最大的 1 个", f"最大的 {spec.nk[0][0]} 个"], rows
                )
            )
        elif mark.behind:
            behind = sorted(mark.behind.items(), key=lambda at: at[1])[:MOST_ROWS]
            counted: list[list[Cell]] = [
                [_label(mark.table, view, r), {"text": f"{n} {unit}", "mark": "left"}] for r, n in behind
            ]
            found.append(
                _table(
                    f"在原始数据上数出的不同主体（门槛 {spec.threshold}）", ["单元格", "不同主体"], counted
                )
            )
    return found[:2]


def _steps(lines: Sequence[Sequence[str]], unit: str) -> dict[str, Any]:
    if len(lines) > MOST_ROWS:
        middle = f"……（省去 {len(lines) - MOST_ROWS + 1} 行）"
        lines = [*lines[: MOST_ROWS - 2], ["", middle, ""], lines[-1]]
    rows: list[list[Cell]] = []
    for word, what, value in lines:
        last = word in ("剩下", "解得")
        body = f"{value} {unit}" if last and value.isdigit() else value
        rows.append([word, what, {"text": body, "mark": "left"} if last else body])
    return _table("逐步相减", ["步骤", "单元格", "数"], rows)


def _label(table: Table, view: View | None, row: int) -> str:
    keys = [i for i, role in view.roles.items() if role == "dimension"] if view is not None else []
    return " / ".join(text(table.columns[k][row]) or "合计" for k in keys) or f"第 {row + 1} 行"


def _table(title: str, columns: list[str], rows: list[list[Cell]]) -> dict[str, Any]:
    return {"title": title, "columns": columns, "rows": rows}


def _picture(
    title: str, table: Table, places: Iterable[tuple[int, int | None]], mark: str, view: View | None = None
) -> dict[str, Any]:
    """A window of a table around marked cells; (row, null) marks the figures of the row.

    A cross table is shown as it was written.
    """
    figures = [i for i, role in view.roles.items() if role != "dimension"] if view is not None else None
    cells: set[tuple[int, int]] = set()
    for row, column in places:
        wanted = [column] if column is not None else figures or range(len(table.columns))
        cells |= {(row, c) for c in wanted}
    if view is not None and view.original is not table and table.origin is not None:
        last = len(table.columns) - 1
        cells = {table.origin[r] for r, c in cells if c == last}
        table = view.original
    width = min(MOST_COLUMNS, len(table.columns))
    rows: list[list[Cell]] = []
    for r in _window(table.height, sorted({r for r, _ in cells})):
        line: list[Cell] = []
        for c in range(width):
            body = text(table.columns[c][r])
            line.append({"text": body or "（空）", "mark": mark} if (r, c) in cells else body)
        rows.append(line)
    more = f"（共 {table.height} 行，显示 {len(rows)} 行）" if table.height > len(rows) else ""
    return _table(title + more, table.headers[:width], rows)


def _window(height: int, marked: list[int]) -> list[int]:
    """At most MOST_ROWS rows: marked ones first, then their neighbours."""
    if height <= MOST_ROWS:
        return list(range(height))
    chosen = set(marked[:MOST_ROWS])
    for distance in range(1, height):
        for row in marked[:MOST_ROWS] or [0]:
            for near in (row - distance, row + distance):
                if len(chosen) >= MOST_ROWS:
                    return sorted(chosen)
                if 0 <= near < height:
                    chosen.add(near)
    return sorted(chosen)


def _mended(view: View, marks: list[Mark], raw: Raw, spec: Spec) -> dict[str, Any] | None:
    """The table as it could leave, or as it could be asked for with a dimension less."""
    table = view.table
    figures = [i for i, role in view.roles.items() if role != "dimension"]
    hide = [m for m in marks if m.check != "total" and m.again is None]  # the others are asked again instead
    cells = {
        (r, c)
        for m in hide
        for r in m.rows
        for c in (figures if m.column is None or m.check == "differencing" else [m.column])
    }
    if len(table.columns) * table.height <= _MOST_CELLS:
        again = [m.again for m in marks if m.again is not None]
        fixed = mend.withheld(view, cells, again, spec)
        if fixed is not None:
            hidden = {
                (r, c)
                for c in range(len(table.columns))
                for r in range(table.height)
                if is_suppressed(fixed.columns[c][r]) and not is_suppressed(table.columns[c][r])
            }
            return _mended_picture(fixed, hidden, view)
    wider = mend.coarser(view.explained, raw, spec) if view.explained is not None else None
    if wider is not None:
        return _picture("修好以后（减少一个维度，各格都达到门槛）", wider, set(), "withheld")
    return None


def _mended_picture(fixed: Table, hidden: set[tuple[int, int]], view: View) -> dict[str, Any]:
    title = "修好以后（隐去该单元格和补充单元格）"
    if view.table.origin is None:
        return _picture(title, fixed, hidden, "withheld")
    original = view.original
    columns = [list(column) for column in original.columns]
    places = set()
    for row, column in hidden:
        r, c = view.table.origin[row]
        columns[c][r] = fixed.columns[column][row]
        places.add((r, c))
    return _picture(title, Table(original.name, original.headers, columns), places, "withheld")
