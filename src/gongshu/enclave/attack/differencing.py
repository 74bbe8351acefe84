"""Check `differencing`: what an earlier release and this one give together.

Cells of two releases are counted against each other on the raw rows. Each published cell is an equation
over these intersections; in that graph an intersection follows from the published figures exactly when
its edge is a bridge. A bridge with few subjects is a person found by subtraction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from .cells import is_suppressed, is_total, number, text
from .explain import Explained
from .model import Finding, Mark, Note, Table, unnoted
from .query import Result, family
from .raw import Raw
from .sentences import rows_phrase, say
from .shape import canon
from .spec import Spec
from .tracer import text_of

_MOST_EDGES = 300_000
Key = tuple[str, ...]
Node = tuple[str, Key]
_GROUND: Node = ("outside", ())


def by_subjects(
    now: Explained, before: Explained, raw: Raw, spec: Spec, note: Note = unnoted
) -> list[Finding]:
    """Subjects found by subtracting an earlier release, counted on the raw rows. A pair that cannot be
    compared is for people to judge."""
    found: list[Finding] = []
    frames = _frames(before.result)
    for one, two in ((a, b) for a in _frames(now.result) for b in frames if a.family == b.family):
        try:
            joint = _joint(raw, one, two)
        except duckdb.Error:
            joint = None
        if joint is None or len(joint) > _MOST_EDGES:
            found.append(say("unexplained", "review", now.table.name, "not_subtracted"))
            continue
        ours, theirs = _published(now), _published(before)
        edges = _edges(joint, ours, theirs)
        small = _small(edges, spec)
        if not small:
            continue
        rows = {r for e in small for side in e[:2] if side[0] == "now" for r in ours[side[1]]}
        where = f"{now.table.name} {rows_phrase(rows)}".strip()
        found.append(say("differencing", "block", where, threshold=spec.threshold))
        note(_seen(now, before, joint, edges, small, sorted(rows), spec))
    return found


Edge = tuple[Node, Node, int]
Joint = Mapping[tuple[Key | None, Key | None], int]


def _edges(joint: Joint, ours: Mapping[Key, list[int]], theirs: Mapping[Key, list[int]]) -> list[Edge]:
    edges: list[Edge] = []
    for (a, b), n in joint.items():
        left = ("now", a) if a is not None and a in ours else _GROUND
        right = ("before", b) if b is not None and b in theirs else _GROUND
        if left != _GROUND or right != _GROUND:
            edges.append((left, right, n))
    return edges


def _small(edges: list[Edge], spec: Spec) -> list[Edge]:
    degrees = Counter(side for e in edges for side in {e[0], e[1]})
    return [e for e in bridges(edges) if 0 < e[2] < spec.threshold and not _is_cell(e, degrees)]


def _seen(
    now: Explained, before: Explained, joint: Joint, edges: list[Edge], small: list[Edge],
    rows: list[int], spec: Spec,
) -> Mark:  # fmt: skip
    """What the airlock is shown: the subtraction of the smallest bridge, and a way to try a mended table."""
    ours, theirs = _published(now), _published(before)
    bridge = min(small, key=lambda e: e[2])
    side = _side(edges, bridge)
    lines: list[list[str]] = []
    for node in sorted(side, key=lambda n: (n[0] != bridge[0][0] if bridge[0] in side else n[0] == "now", n)):
        explained, at = (now, ours) if node[0] == "now" else (before, theirs)
        first = bridge[0] if bridge[0] in side else bridge[1]
        sign = "取" if node[0] == first[0] and not lines else "加上" if node[0] == first[0] else "减去"
        subjects = sum(e[2] for e in edges if node in e[:2])
        lines.append(
            [
                sign,
                f"{'本次' if node[0] == 'now' else '较早'} {_title(explained, at[node[1]])}",
                str(subjects),
            ]
        )
    lines.append(["剩下", "只在一边的主体", str(bridge[2])])

    def again(table: Table) -> list[int]:
        mended = {
            key: left
            for key, out in ours.items()
            if (left := [r for r in out if any(
                not is_suppressed(table.columns[i][r]) for i in range(len(table.columns)) if i not in now.keys
            )])
        }  # fmt: skip
        still = _small(_edges(joint, mended, theirs), spec)
        return sorted({r for e in still for n in e[:2] if n[0] == "now" for r in mended[n[1]]})

    before_rows = sorted({r for n in side if n[0] == "before" for r in theirs[n[1]]})
    shown = sorted({r for n in side if n[0] == "now" for r in ours[n[1]]}) or rows
    return Mark(
        "differencing",
        now.table,
        shown,
        steps=lines,
        before=before.table,
        before_rows=before_rows,
        again=again,
    )


def _side(edges: list[Edge], bridge: Edge) -> set[Node]:
    """The nodes on the side of a bridge that does not touch the ground: their figures give the bridge."""
    near: dict[Node, set[Node]] = {}
    for e in edges:
        if e is not bridge:
            near.setdefault(e[0], set()).add(e[1])
            near.setdefault(e[1], set()).add(e[0])
    sides = []
    for start in bridge[:2]:
        seen, stack = {start}, [start]
        while stack:
            for other in near.get(stack.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        sides.append(seen)
    free = [side for side in sides if _GROUND not in side]
    return min(free or sides, key=len) - {_GROUND}


def _title(explained: Explained, rows: list[int]) -> str:
    row = rows[0]
    return " / ".join(text(explained.table.columns[k][row]) or "合计" for k in explained.keys) or "全部"


def _is_cell(edge: Edge, degrees: Mapping[Node, int]) -> bool:
    """Whether the intersection is a whole published cell of one side: `threshold` judges that one. `degrees`:
    in how many intersections a cell stands."""
    return any(side != _GROUND and degrees[side] == 1 for side in edge[:2])


def _published(explained: Explained) -> dict[Key, list[int]]:
    """Group keys with a shown figure → output rows. Rolled-up rows are left to `total`."""
    found: dict[Key, list[int]] = {}
    for row, at in explained.rows.items():
        if explained.published(row):
            found.setdefault(tuple(map(str, explained.result.keys[at])), []).append(row)
    return found


@dataclass(frozen=True)
class Frame:
    """Who stands behind which cell of a release: a query of (u, who, cell). `u` is the row of the raw table
    `reads`, where the release counts its rows."""

    family: str
    sql: str
    reads: str | None = None


def _frames(result: Result) -> list[Frame]:
    """A frame for each source of subjects."""
    core = result.core
    if core is None:
        return [Frame(family(name), sql) for name, sql in result.kept.items()]
    keys = ", ".join(map(text_of, core.keys))
    unit, reads = core.unit or ("0", None)
    return [
        Frame(
            family(name),
            f"{core.prefix}SELECT DISTINCT {unit} AS u, {who} AS who,"
            f" list_value({keys}) AS cell{core.of[name]}",
            reads,
        )
        for name, who in core.whos.items()
    ]


def _joint(raw: Raw, one: Frame, two: Frame) -> dict[tuple[Key | None, Key | None], int]:
    """(cell of one, cell of the other) → distinct subjects of the rows in both; null: in no cell. Rows are
    compared one by one only where both read the same raw table first."""
    by_unit = one.reads is not None and one.reads == two.reads
    on = "a.u = b.u AND a.who = b.who" if by_unit else "a.who = b.who"
    sql = (
        f"SELECT a.cell, b.cell, count(DISTINCT coalesce(a.who, b.who)) FROM ({one.sql}) a"
        f" FULL OUTER JOIN ({two.sql}) b ON {on}"
        f" GROUP BY a.cell, b.cell LIMIT {_MOST_EDGES + 1}"
    )
    return {
        (None if x is None else tuple(x), None if y is None else tuple(y)): n for x, y, n in raw.rows(sql)
    }


def bridges(edges: Iterable[tuple[Node, Node, int]]) -> list[tuple[Node, Node, int]]:
    """Edges that lie on no cycle of the multigraph (iterative, linear)."""
    listed = list(edges)
    near: dict[Node, list[tuple[Node, int]]] = {}
    for at, (x, y, _) in enumerate(listed):
        near.setdefault(x, []).append((y, at))
        near.setdefault(y, []).append((x, at))
    order: dict[Node, int] = {}
    low: dict[Node, int] = {}
    found = []
    for start in near:
        if start in order:
            continue
        order[start] = low[start] = len(order)
        stack: list[tuple[Node, int, int]] = [(start, -1, 0)]
        while stack:
            node, came, place = stack.pop()
            if place < len(near[node]):
                stack.append((node, came, place + 1))
                other, at = near[node][place]
                if at == came:
                    continue
                if other in order:
                    low[node] = min(low[node], order[other])
                else:
                    order[other] = low[other] = len(order)
                    stack.append((other, at, 0))
            elif came >= 0:
                parent = listed[came][0] if listed[came][1] == node else listed[came][1]
                low[parent] = min(low[parent], low[node])
                if low[node] > order[parent]:
                    found.append(listed[came])
    return found


def by_figures(
    now: Table, before: Table, now_roles: Mapping[int, str], before_roles: Mapping[int, str], spec: Spec,
    note: Note = unnoted,
) -> list[Finding]:  # fmt: skip
    """The same cells with slightly different counts, all moved the same way: one group inside the other."""
    keys = [i for i, role in now_roles.items() if role == "dimension"]
    others = [i for i, role in before_roles.items() if role == "dimension"]
    pairs = _paired(now, before, keys, others)
    if pairs is None:
        return []
    found = []
    for i, role in now_roles.items():
        if role != "count":
            continue
        j = _twin(now, before, i, before_roles)
        if j is None:
            continue
        moves = []
        for r, s in pairs:
            ours, theirs = number(now.columns[i][r]), number(before.columns[j][s])
            if ours is not None and theirs is not None:
                moves.append((r, ours.value - theirs.value, max(abs(ours.value), 1.0)))
        small = [r for r, d, _ in moves if 0 < abs(d) < spec.threshold]
        signs = {d > 0 for _, d, _ in moves if d}
        near = sum(abs(d) <= 0.1 * size for _, d, size in moves)
        if small and len(signs) == 1 and near >= 0.7 * len(moves):
            twin = dict(pairs)
            lines = []
            for r in small[:6]:
                label = " / ".join(text(now.columns[k][r]) for k in keys)
                now_cell, then_cell = now.columns[i][r], before.columns[j][twin[r]]
                one, two = number(now_cell), number(then_cell)
                left = f"{abs(one.value - two.value):g}" if one and two else ""
                lines += [
                    ["取", f"本次 {label}", text(now_cell)],
                    ["减去", f"较早 {label}", text(then_cell)],
                    ["剩下", label, left],
                ]
            note(
                Mark(
                    "differencing",
                    now,
                    small,
                    i,
                    steps=lines,
                    before=before,
                    before_rows=[twin[r] for r in small],
                )
            )
            where = f"{now.name} 第 {i + 1} 列 {rows_phrase(small)}"
            found.append(
                say("differencing", "block", where, "differencing_numeric", threshold=spec.threshold)
            )
    return found


def _twin(now: Table, before: Table, i: int, roles: Mapping[int, str]) -> int | None:
    counts = [j for j, role in roles.items() if role == "count"]
    same = [j for j in counts if before.headers[j].strip().casefold() == now.headers[i].strip().casefold()]
    return (same or counts)[0] if same or len(counts) == 1 else None


def _paired(now: Table, before: Table, keys: list[int], others: list[int]) -> list[tuple[int, int]] | None:
    """Rows of both tables with the same labels; keys are matched by name, else by order."""
    names = {before.headers[j].strip().casefold(): j for j in others}
    matched = [names.get(now.headers[k].strip().casefold()) for k in keys]
    if any(j is None for j in matched):
        if len(keys) != len(others):
            return None
        matched = list(others)
    if len(keys) != len(others):
        return None
    index = {
        tuple(canon(before.columns[j][r]) for j in matched if j is not None): r for r in range(before.height)
    }
    found = []
    for r in range(now.height):
        s = index.get(tuple(canon(now.columns[k][r]) for k in keys))
        if s is not None:
            found.append((r, s))
    return found or None


def withheld_then_shown(
    now: Table, before: Table, now_roles: Mapping[int, str], before_roles: Mapping[int, str], spec: Spec,
    note: Note = unnoted,
) -> list[Finding]:  # fmt: skip
    """Parts now against a whole released before: a withheld part follows by subtraction."""
    keys = [i for i, role in now_roles.items() if role == "dimension"]
    others = {
        before.headers[j].strip().casefold(): j for j, role in before_roles.items() if role == "dimension"
    }
    shared = [k for k in keys if now.headers[k].strip().casefold() in others]
    if len(others) != len(shared) or len(shared) >= len(keys):
        return []
    found = []
    for i, role in now_roles.items():
        j = _twin(now, before, i, before_roles) if role == "count" else None
        if j is None:
            continue
        wholes = {
            tuple(
                canon(before.columns[others[now.headers[k].strip().casefold()]][r]) for k in shared
            ): n.value
            for r in range(before.height)
            if (n := number(before.columns[j][r])) is not None
        }
        sums: dict[Key, float] = {}
        rows: dict[Key, list[int]] = {}
        for r in range(now.height):
            if any(is_total(now.columns[k][r]) for k in keys):
                continue
            key = tuple(canon(now.columns[k][r]) for k in shared)
            value = number(now.columns[i][r])
            if value is not None and not is_suppressed(now.columns[i][r]):
                sums[key] = sums.get(key, 0) + value.value
            rows.setdefault(key, []).append(r)
        broken = [
            key for key, whole in wholes.items() if key in sums and 0 < whole - sums[key] < spec.threshold
        ]
        bad = [r for key in broken for r in rows[key]]
        if bad:
            lines = []
            for key in broken[:4]:
                label = " / ".join(key) or "全部"
                lines += [
                    ["取", f"较早 {label}", f"{wholes[key]:g}"],
                    ["减去", f"本次公布的各部分之和 {label}", f"{sums[key]:g}"],
                    ["剩下", f"隐去的部分 {label}", f"{wholes[key] - sums[key]:g}"],
                ]
            note(Mark("differencing", now, bad, i, steps=lines, before=before))
            where = f"{now.name} 第 {i + 1} 列 {rows_phrase(bad)}"
            found.append(
                say("differencing", "block", where, "differencing_numeric", threshold=spec.threshold)
            )
    return found
