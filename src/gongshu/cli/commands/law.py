"""`gongshu law check | deadline | show | coverage | diagram`: needs no home, no database, no network."""

from __future__ import annotations

from datetime import date, datetime
from importlib import import_module, util
from pathlib import Path

from gongshu.cli.answer import Answer, BadUse
from gongshu.cli.parser import Parser, command_parser, day
from gongshu.law import calendar, clocks, diagrams, packs, procedures, rules
from gongshu.law import coverage as covering
from gongshu.law import show as showing
from gongshu.law.errors import LawError, Problem
from gongshu.law.history import SHANGHAI

# rooms of the law that know more of a pack's content than its shape: `problems(library) -> list[Problem]`
DEEPER = (
    "gongshu.law.content",
    "gongshu.law.procedures",
    "gongshu.law.forms",
    "gongshu.law.articles",
    "gongshu.law.coverage",
)


def _bad(error: LawError) -> BadUse:
    return BadUse(error.code, error.sentence, error.basis)


def _zoned(name: str, title: str) -> Parser:
    parser = command_parser(name, title)
    parser.add_argument("--zone", default="cn", help="专区：cn gansu hubei huangshi anhui chizhou")
    return parser


def check(argv: list[str]) -> Answer:
    """Every pack: shape, citations, inheritance, calendar, procedures and forms. `ok, packs, problems`."""
    parser = command_parser("law check", "检查全部规则包")
    parser.add_argument("--packs", type=Path, default=packs.ROOT, help="规则包所在的文件夹（默认是安装的）")
    folder: Path = parser.parse_args(argv).packs
    if not folder.is_dir():
        raise BadUse("packs", f"没有“{folder}”这个文件夹。")
    library = packs.build(packs.read_folder(folder))
    problems = [*library.problems, *_calendar_problems(library)]
    if not problems:
        problems += _deeper_problems(library)
    listing = [
        {
            "id": pack.id,
            "title": pack.title,
            "parent": pack.parent,
            "digest": pack.digest,
            "zone_digest": library.digest(pack.id),
            "sources": sorted(pack.sources),
            "values": sum(len(versions) for versions in pack.values.values()),
        }
        for pack in library.packs.values()
    ]
    data = {
        "ok": not problems,
        "packs": sorted(listing, key=lambda item: str(item["id"])),
        "problems": sorted((problem.data() for problem in problems), key=lambda item: tuple(item.values())),
    }
    lines = [f"{item['id']:<9}{item['title']}，{item['values']} 项" for item in listing]
    lines += [f"错误：{problem}" for problem in problems] or ["全部规则包没有错误。"]
    return Answer(not problems, data, "\n".join(lines))


def _calendar_problems(library: packs.Library) -> list[Problem]:
    return [
        Problem(pack.id, f"{pack.id}/calendar", "", sentence)
        for pack in library.packs.values()
        for sentence in calendar.problems(pack.files)
    ]


def _deeper_problems(library: packs.Library) -> list[Problem]:
    found: list[Problem] = []
    for name in DEEPER:
        if util.find_spec(name):
            look = getattr(import_module(name), "problems", None)
            found += look(library) if look else []
    return found


def deadline(argv: list[str]) -> Answer:
    """One clock of one zone, reckoned from a day (design section 11)."""
    parser = _zoned("law deadline", "计算一个期限")
    parser.add_argument("clock", help="期限的 id，例如 registration.publicity")
    parser.add_argument(
        "--from", dest="from_", metavar="DAY", type=day, required=True, help="起算的事件发生之日 YYYY-MM-DD"
    )
    options = parser.parse_args(argv)
    try:
        due = _reckon(options.zone, options.clock, options.from_, options.at)
    except LawError as error:
        raise _bad(error) from error
    return Answer(True, due.data(), _told(due))


def _reckon(zone: str, clock: str, from_: date, at: date | None) -> clocks.Due:
    # without --at the rule is asked on the day of its event, with every paper there is
    return clocks.deadline(rules.at(zone, at or from_, known=at), clock, from_)


def _told(due: clocks.Due) -> str:
    lines = [due.sentence]
    lines += [f"不计：{skip.date} {skip.why}" for skip in due.skipped]
    lines += [f"计入：{skip.date} {skip.why}" for skip in due.worked]
    return "\n".join(lines)


def show(argv: list[str]) -> Answer:
    """The effective rule of an id in a zone: every value with its pack, article and standing."""
    parser = _zoned("law show", "显示一条规则的有效值和出处")
    parser.add_argument("id", nargs="?", help="规则的 id，也可写 类别/id；不写则列出全部")
    options = parser.parse_args(argv)
    try:
        found = rules.at(options.zone, options.at or datetime.now(SHANGHAI).date(), known=options.at)
        data = showing.rule(found, options.id) if options.id else showing.everything(found)
    except LawError as error:
        raise _bad(error) from error
    return Answer(True, data, showing.text(data))


def coverage(argv: list[str]) -> Answer:
    """Every row of the requirements: state, where, tests, reason (design section 11)."""
    command_parser("law coverage", "逐条列出要求的落实情况").parse_args(argv)
    found = covering.rows(packs.library())
    counted = covering.summary(found)
    lines = [f"{row.id:<28}{covering.STATES[row.state]}  {row.title}  {row.reason}".rstrip() for row in found]
    lines.append("；".join(f"{covering.STATES[state]} {number}" for state, number in counted.items()))
    return Answer(True, {"rows": [row.data() for row in found], "summary": counted}, "\n".join(lines))


def diagram(argv: list[str]) -> Answer:
    """The state diagram of a procedure in a zone, as mermaid text, with its acts and clocks."""
    parser = _zoned("law diagram", "打印一个程序的状态图")
    parser.add_argument("procedure", help="程序的 id，例如 registration.first")
    options = parser.parse_args(argv)
    try:
        found = rules.at(options.zone, options.at or datetime.now(SHANGHAI).date())
        procedure = procedures.load(found, options.procedure)
    except LawError as error:
        raise _bad(error) from error
    drawn = diagrams.mermaid(procedure)
    data = {
        "ok": True,
        "id": procedure.id,
        "zone": options.zone,
        "title": procedure.title,
        "mermaid": drawn,
        "states": [{"id": s.id, "title": s.title, "final": s.final} for s in procedure.states.values()],
        "acts": [
            {"id": act.id, "title": act.title, "by": list(act.by), "basis": list(act.basis)}
            for act in procedure.acts.values()
        ],
        "readings": dict(procedure.readings),
    }
    return Answer(True, data, drawn)
