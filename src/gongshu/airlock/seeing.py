"""Who may see values of raw data at the airlock: who reviews them, or provided all that was read.

A grant may name tables of two providers, and one of them may be the developing organisation: neither sees
at the airlock what came of the other's rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from gongshu.airlock.access import Visitor, can
from gongshu.enclave import confirm
from gongshu.enclave.store.models import Grant, Output, Snapshot, Task

OTHERS = "输出和报错里可能有别的单位提供的数据，只给提供全部数据的单位和审核机构看。"
# Ends before any snapshot was taken out: what is said then is of the query alone.
BEFORE = frozenset({"refused_lens", "refused_grant", "refused_stop", "limit"})


def sees(visitor: Visitor, grant: Grant, snapshots: Iterable[str]) -> bool:
    """Whether the visitor may see what was made of these snapshots under the grant."""
    body, read = grant.body, set(snapshots)
    if visitor.person in body["developers"]:
        return False
    if visitor.organisation in body["reviewing_orgs"] and visitor.organisation != body["developing_org"]:
        return can(visitor, "see")
    own = Snapshot.objects.filter(id__in=read, organisation=visitor.organisation).count()
    return can(visitor, "see") and bool(read) and own == len(read)


def output(visitor: Visitor, made: Output, grant: Grant) -> bool:
    """Whether the visitor may see an output, its findings and its replay; the developing one never does."""
    return visitor.organisation != grant.body["developing_org"] and sees(visitor, grant, made.sources)


def detail(visitor: Visitor, task: Task, grant: Grant) -> bool:
    """Whether the visitor may read what a task printed or why it broke."""
    if task.sources:
        return sees(visitor, grant, task.sources)
    # of a task of before its snapshots were kept it may be any of the grant's
    alone = confirm.required(grant) == (visitor.organisation,)
    outside = visitor.person not in grant.body["developers"]
    return (alone and outside) or task.outcome in BEFORE or sees(visitor, grant, ())
