"""更正账单: what changed since a month was billed, as one more bill; what was billed stays as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gongshu.money.bill import CORRECTION, ORDINARY, BadUsage, Bill, BillLine
from gongshu.money.split import Part


def correct(billed: Sequence[Bill], now: Bill, dropped: frozenset[str] = frozenset()) -> Bill | None:
    """The bill that, with those already made, says what `now` says; None when nothing changed.

    `now`: the ordinary bill of the whole month as it should be; `dropped`: batches withdrawn on purpose
    (a refund). Raises `BadUsage` when the bills are not of one month and agreement, when the ordinary bill
    is not the first, or when a billed batch is gone without being named in `dropped`.
    """
    _check(billed, now, dropped)
    lines = _changes(billed, now)
    batches = sorted(_net(billed) ^ set(now.batches))
    total = now.total - sum(one.total for one in billed)
    if not lines and not batches:
        return None
    before = Counter[tuple[str, str]]()
    for one in billed:
        before.update({(part.share.role, part.share.organisation): part.fen for part in one.parts})
    parts = tuple(
        Part(part.share, part.fen - before[part.share.role, part.share.organisation]) for part in now.parts
    )
    return replace(
        now,
        kind=CORRECTION,
        lines=lines,
        total=total,
        parts=parts,
        batches=tuple(batches),
        calls=now.calls - sum(one.calls for one in billed),
        corrects=tuple(one.id for one in billed),
    )


def _check(billed: Sequence[Bill], now: Bill, dropped: frozenset[str]) -> None:
    if not billed or billed[0].kind != ORDINARY or any(one.kind == ORDINARY for one in billed[1:]):
        raise BadUsage("更正的是一份已经出过的账单；一个月只有一份正常账单，其余是对它的更正。")
    if now.kind != ORDINARY or any(_subject(one) != _subject(now) for one in billed):
        raise BadUsage("更正账单要与原账单是同一份协议、同一个月。")
    if [one.corrects for one in billed[1:]] != [
        tuple(each.id for each in billed[: number + 1]) for number in range(len(billed) - 1)
    ]:
        raise BadUsage("更正账单前后接不上，请按先后给出这个月的全部账单。")
    gone = _net(billed) - set(now.batches) - dropped
    if gone:
        raise BadUsage(f"已经计费的调用批次不见了：{'、'.join(sorted(gone))}；退费请写明。")


def _subject(one: Bill) -> tuple[str, str, str, str]:
    return one.zone, one.contract, one.product, one.month


def _net(billed: Iterable[Bill]) -> set[str]:
    """The batches that stand billed: a correction adds those that are new and takes back those it drops."""
    found: set[str] = set()
    for one in billed:
        found ^= set(one.batches)
    return found


def _changes(billed: Sequence[Bill], now: Bill) -> tuple[BillLine, ...]:
    """Line by line, the difference in count and fen; a line that is gone is taken back."""
    counts, fens, known = Counter[str](), Counter[str](), dict[str, BillLine]()
    for one in billed:
        for line in one.lines:
            counts[line.id] += line.count
            fens[line.id] += line.fen
            known.setdefault(line.id, line)
    found = []
    after = {line.id: line for line in now.lines}
    for id_ in sorted(known.keys() | after.keys()):
        line = after.get(id_) or replace(known[id_], count=0, fen=0, sentence="这一行撤销。")
        count, fen = line.count - counts[id_], line.fen - fens[id_]
        if count or fen:
            said = f"更正：{line.sentence}原计 {fens[id_]} 分，应为 {line.fen} 分。"
            found.append(replace(line, count=count, fen=fen, sentence=said))
    return tuple(found)


def billed_twice(bills: Iterable[Bill]) -> tuple[str, ...]:
    """Batches that stand in two ordinary bills, sorted: there must be none."""
    seen = Counter(batch for one in bills if one.kind == ORDINARY for batch in set(one.batches))
    return tuple(sorted(batch for batch, times in seen.items() if times > 1))
