"""The attack as a whole: read, explain, check, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from gongshu.enclave import halting
from gongshu.law import grounds

from . import (
    anonymity,
    copies,
    counts,
    covert,
    derive,
    differencing,
    faithful,
    identifiers,
    known,
    lookups,
    loose,
    memory,
    nearest,
    prose,
    reading,
    replay,
    totals,
)
from .explain import Explained, View, link
from .model import AttackReport, Document, Finding, Mark, Table, report
from .query import Result, Untraceable, about_somebody, run
from .raw import BadRaw, Budget, OutOfTime, Raw, attach_subjects, opened
from .sentences import cited, say
from .shape import forget, melt, roles
from .spec import BadSpec, Floor, Spec, load, parse
from .views import computed, crossed, single_rows

SECONDS = 300.0


def attack(
    output: Path,
    raw: Mapping[str, Path],
    spec: Mapping[str, Any] | Path,
    spec_dir: Path | None = None,
    floor: Floor | None = None,
    workspace: Path | None = None,
    seconds: float = SECONDS,
    at: date | None = None,
) -> AttackReport:
    """Attack `output` with the raw tables it came from (name → csv, csv.gz or parquet).

    `spec` is a release spec or the path of one; `floor` the weakest thresholds allowed; `workspace` the
    private directory in which raw data may be unpacked; `seconds` the wall time after which what is not
    yet asked is left to people (a finding, never a pass). Raises BadSpec or BadRaw; an output that cannot
    be judged is a finding. `at`: the business day whose articles findings cite, in the zone the spec names
    (else the nation's); without it they cite none.
    """
    value = load(spec) if isinstance(spec, Path) else dict(spec)
    folder = spec_dir or (spec.parent if isinstance(spec, Path) else Path())
    if not output.is_file():
        raise BadSpec(f"没有结果文件“{output.name}”，请核对路径。")
    if not raw:
        raise BadRaw("没有给原始数据，请用 --raw 名字=文件 给出。")
    with opened(raw, workspace=workspace) as tables:
        return on_loaded(tables, output, value, folder, floor, seconds, at)


def on_loaded(
    raw: Raw,
    output: Path,
    value: Mapping[str, Any],
    folder: Path,
    floor: Floor | None = None,
    seconds: float = SECONDS,
    at: date | None = None,
) -> AttackReport:
    """The same with raw tables that are loaded already; `raw` is changed and used for this attack alone."""
    names = {table: list(columns) for table, columns in raw.columns.items()}
    parsed = parse(value, names, folder, floor or Floor())
    attach_subjects(raw, parsed.subject, parsed.grades)
    raw.budget = Budget(seconds, raw.engine)
    try:
        with halting.watched(raw.budget.break_off):
            made = _Attack(raw, parsed).run(output)
        halting.check()
        return cited(made, grounds.citing(parsed.zone, at)) if at is not None else made
    finally:
        raw.budget.close()
        forget()


class _Attack:
    def __init__(self, raw: Raw, spec: Spec) -> None:
        self.raw, self.spec = raw, spec
        self.raw_names = {c.name.casefold() for c in raw.all()}
        self.result: Result | None = None
        self.findings: list[Finding] = []
        self.marks: list[Mark] = []
        self.views: list[View] = []
        self._safe = {name.strip().casefold() for name in spec.columns} | self.raw_names

    def named(self, header: str) -> bool:
        """Headers that may be printed: declared ones, outputs of the query, raw column names."""
        return header.strip().casefold() in self._safe

    def run(self, output: Path) -> AttackReport:
        document = reading.read(output, self.spec.kind, self.spec.model.get("format"))
        self.findings += document.findings
        if self.spec.program:
            self.findings.append(say("unexplained", "review", "文件", "unexplained_program"))
        if document.form == "none":
            return report(self.findings)
        with suppress(OutOfTime):
            self._checks(document)
        if self.raw.budget.spent:
            self.findings.append(say("unexplained", "review", "文件", "out_of_time"))
        return report(self.findings, self._scenes())

    def _scenes(self) -> list[dict[str, Any]]:
        try:
            return replay.scenes(self.marks, self.views, self.raw, self.spec)
        except OutOfTime:
            return []

    def _checks(self, document: Document) -> None:
        if self.spec.sql is not None:
            self._query(self.spec.sql)
        what = known.gather(self.raw)
        scan = identifiers.Scan(self.raw, what, self.named)
        if self.spec.kind == "model":
            self.findings += memory.check(document, self.raw, self.spec)
            self.findings += scan.document(document, lambda *_: False)
            return
        if self.spec.kind == "lookup":
            keys = {id(table): lookups.key_column(table) for table in document.tables}
            scan.keyed = {table: key for table, key in keys.items() if key is not None}
            for table in document.tables:
                self.findings += lookups.check(table, keys[id(table)], self.spec, self.named)
        if self.spec.kind == "dataset":
            for table in document.tables:
                self.findings += nearest.check(table, self.raw, self.spec)
                self.findings += anonymity.check(table, self.spec)
        views = [self._view(table) for table in document.tables]
        self.views += views
        by_id = {id(view.original): view for view in views}
        self.findings += scan.document(
            document, lambda table, i: i in self._plain_computed(by_id.get(id(table)))
        )
        tokens = {
            identifiers.place(table, scan.keyed[id(table)], self.named)
            for table in document.tables
            if id(table) in scan.keyed
        }
        hidden = covert.check(document, self.named)
        self.findings += [one for one in hidden if not any(one.where.startswith(place) for place in tokens)]
        self._copies(document, views)
        for view in views:
            self._view_checks(view)
        if not self.spec.nobody:
            self.findings += prose.small_numbers(document, self.raw, self.spec, self.marks.append)
            self._earlier(views)
            self._among(views)
        self._declared(views)

    def _query(self, sql: str) -> None:
        try:
            self.result = run(self.raw, sql)
        except Untraceable:
            self.findings.append(say("unexplained", "review", "查询", "unexplained_query"))
            return
        self._safe |= {name.strip().casefold() for name in self.result.names}
        if self.spec.nobody:
            return
        if not self.result.traced and about_somebody(self.raw, sql):
            self.findings.append(say("unexplained", "block", "查询", "untraced"))
        if self.result.unasked and self.spec.kind not in ("dataset", "lookup"):
            self.findings.append(say("unexplained", "review", "查询", "no_shares"))
        for part in self.result.parts:
            self.findings += counts.part(part, self.raw, self.spec, self.named)

    def _plain_computed(self, view: View | None) -> set[int]:
        return view.computed if view is not None and view.table.origin is None else set()

    def _view(
        self, table: Table, result: Result | None = None, declared: Mapping[str, str] | None = None
    ) -> View:
        """The table as it is, or made long when only so it can be explained."""
        result = result or self.result
        options = []
        for shape in (table, melt(table)):
            if shape is None:
                continue
            own = roles(shape, self.spec.columns if declared is None else declared, self.raw_names)
            explained = link(shape, result, True, own) if result is not None else None
            if explained is not None and explained.rows:
                own.update(dict.fromkeys(explained.keys, "dimension"))
                options.append(
                    (len(explained.rows) / max(1, shape.height) + 1, View(shape, own, explained, table))
                )
                if len(explained.rows) == shape.height and len(explained.columns) == len(shape.columns):
                    break  # the query says all of it: no other reading can say more
                continue
            guessed = derive.derive(self.raw, shape, own)
            score = 0.0
            if guessed is not None:
                score = (
                    len(guessed.rows)
                    / max(1, shape.height)
                    * (len(guessed.functions) > 0 or shape is table)
                    * 0.9
                )
            if guessed is not None and shape is not table:
                score += crossed(shape, guessed, own)
            options.append((score, View(shape, own, guessed, table)))
        best = max(options, key=lambda o: o[0])[1] if options else View(table, {}, None, table)
        best.computed = computed(best)
        if best.explained is not None and single_rows(best.explained, self.raw):
            best.computed, best.single = set(), True
        return best

    def _copies(self, document: Document, views: list[View]) -> None:
        search = copies.Copies(self.raw, self.spec, self.named)
        for view in views:
            computed = view.computed

            def is_computed(i: int, computed: set[int] = computed) -> bool:
                return i in computed

            self.findings += search.table(view.table, view.explained, view.roles, is_computed, view.single)
        self.findings += loose.loose(document, search.domains, self.named)
        self.findings += loose.told(document, self.raw)

    def _view_checks(self, view: View) -> None:
        spec, table = self.spec, view.table
        if not spec.nobody:
            if spec.kind not in ("dataset", "lookup") or any(r == "count" for r in view.roles.values()):
                self.findings += counts.literal(table, view.roles, spec, self.named, self.marks.append)
                self.findings += counts.shares(table, view.roles, spec, self.named, self.marks.append)
            self.findings += totals.check(
                table, view.explained, view.roles, spec, self.named, self.marks.append
            )
            if view.original is not table:
                self._as_written(view.original)
            if view.explained is not None and self._aggregate(view):
                self.findings += counts.threshold(view.explained, spec, self.marks.append)
                self.findings += counts.by_core(view.explained, self.raw, spec, self.named, self.marks.append)
                self.findings += counts.hierarchy_free_attribute(view.explained, spec)
        if view.explained is not None and view.explained.declared:
            self.findings += faithful.compare(view.explained, self.named, spec.rounding)
        else:
            for i, role in view.roles.items():
                if role != "dimension" and i not in view.computed:
                    where = identifiers.place(table, i, self.named)
                    self.findings += covert.surplus(table, i, where)

    def _as_written(self, table: Table) -> None:
        """A cross table also as it stands: its total column may bear any name."""
        own = roles(table, self.spec.columns, self.raw_names)
        self.views.append(View(table, own, None, table))
        self.findings += totals.check(table, None, own, self.spec, self.named, self.marks.append)

    def _aggregate(self, view: View) -> bool:
        """An aggregation is judged cell by cell unless the output is row-level by its kind and its query."""
        if self.spec.kind in ("dataset", "lookup"):
            return bool(view.explained and view.explained.functions)
        return True

    def _earlier(self, views: list[View]) -> None:
        for earlier in self.spec.previous:
            document = reading.read(earlier.output, "table")
            result = None
            if earlier.sql is not None:
                with suppress(Untraceable):
                    result = run(self.raw, earlier.sql)
                if (result is None or not result.traced) and about_somebody(self.raw, earlier.sql):
                    self.findings.append(say("unexplained", "review", "较早的成果", "not_subtracted"))
            old = _Attack(self.raw, self.spec)
            old.result = result
            before = [old._view(table, result, earlier.columns) for table in document.tables]
            for view in views:
                for other in before:
                    self._pair(view, other, earlier.sql)

    def _among(self, views: list[View]) -> None:
        """Tables of one output are earlier releases to each other."""
        for i, view in enumerate(views):
            for other in views[i + 1 :]:
                if view.explained is not None and other.explained is not None:
                    self._by_subjects(view.explained, other.explained)
                    self.findings += differencing.withheld_then_shown(
                        view.table, other.table, view.roles, other.roles, self.spec, self.marks.append
                    )
                    self.findings += differencing.withheld_then_shown(
                        other.table, view.table, other.roles, view.roles, self.spec, self.marks.append
                    )

    def _by_subjects(self, now: Explained, before: Explained) -> bool:
        found = differencing.by_subjects(now, before, self.raw, self.spec, self.marks.append)
        self.findings += found
        return any(one.severity == "block" for one in found)

    def _pair(self, view: View, other: View, sql: str | None) -> None:
        found = False
        if view.explained is not None and other.explained is not None:
            found = self._by_subjects(view.explained, other.explained)
        same = (
            sql is None or self.spec.sql is None or " ".join(sql.split()) == " ".join(self.spec.sql.split())
        )
        if not found and same:
            one, two = view.table, other.table
            self.findings += differencing.by_figures(
                one, two, view.roles, other.roles, self.spec, self.marks.append
            )
        self.findings += differencing.withheld_then_shown(
            view.table, other.table, view.roles, other.roles, self.spec, self.marks.append
        )

    def _declared(self, views: list[View]) -> None:
        """With a query every table with figures must be one the query or the raw data explains."""
        if self.result is None:
            return
        fits = [v for v in views if v.explained is not None and v.explained.declared]
        for view in views:
            figures = [i for i, role in view.roles.items() if role != "dimension"]
            if view in fits or not figures or (fits and set(figures) <= view.computed):
                continue
            self.findings.append(say("unexplained", "review", view.table.name, "unexplained_shape"))
        if not views:
            self.findings.append(say("unexplained", "review", "文件", "unexplained_shape"))


Run = Callable[..., AttackReport]
