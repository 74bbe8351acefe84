"""Answers about single subjects (kind `lookup`): row-level by nature, so each field is judged as an answer.

Who asks knows the subject already; what must not come back is another subject's or a whole record. A class so
rare that it names its few subjects blocks, a figure with rare values and a field that says the same of
everybody go to people. One column may be the keyed token by which an answer is found; raw numbers and hashes
of them stay forbidden (`identifiers`), and so do repeated raw rows (`copies`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from . import hashed
from .cells import is_suppressed, text
from .identifiers import place
from .model import Finding, Table
from .sentences import say
from .shape import is_numeric
from .spec import Spec

CLASSES = 40
"""Figures of no more different values than this are classes."""
_TOKEN = re.compile(r"[A-Za-z]{0,8}[-_:]?[0-9a-f]{16,}", re.I)


def key_column(table: Table) -> int | None:
    """The column that names each subject once by a random token; the first one, if any."""
    for index, cells in enumerate(table.columns):
        values = [text(c) for c in cells]
        if len(values) < 2 or len(set(values)) < len(values) or any(is_suppressed(c) for c in cells):
            continue
        if all(_TOKEN.fullmatch(v) for v in values) or (
            hashed.random_looking(values) and not is_numeric(cells)
        ):
            return index
    return None


def check(table: Table, key: int | None, spec: Spec, named: Callable[[str], bool]) -> list[Finding]:
    """Findings on the answer fields of one table; one row a subject."""
    if spec.nobody:
        return []
    found: list[Finding] = []
    for index, cells in enumerate(table.columns):
        if index == key:
            continue
        # every answer counts, also one that reads like the mark of a withheld cell (C, x)
        classes = Counter(answer for c in cells if (answer := text(c)))
        where = place(table, index, named)
        numeric = is_numeric(cells)
        if len(classes) == 1 and table.height >= spec.threshold:
            found.append(say("extreme", "review", where, "lookup_constant"))
        elif numeric and len(classes) > CLASSES:
            continue
        elif any(n < spec.threshold for n in classes.values()):
            severity, sentence = ("review", "lookup_figure") if numeric else ("block", "lookup_rare")
            found.append(say("threshold", severity, where, sentence, threshold=spec.threshold))
    return found
