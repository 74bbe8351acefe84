"""How long a registration certificate holds: three years in principle, a product no longer than its term."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from gongshu.law.clocks import Due, deadline
from gongshu.law.errors import LawError
from gongshu.law.rules import Rules

RENEWAL_TERM = "certificate.renewal_term"
CAPPED = "capped"

Term = tuple[date, date]
"""First and last day of an authorised term."""


@dataclass(frozen=True)
class Validity:
    """`until` is the last day of validity; `by` says what set it: `clock`, `term` (law's period, or term).

    `reading` is the reading taken of “以实际运营期限为准” when it mattered.
    """

    until: date
    by: str
    sentence: str
    basis: tuple[str, ...]
    due: Due
    reading: str = ""


def validity(rules: Rules, issued: date, data_type: str, term: Term | None = None) -> Validity:
    """The last day a certificate issued on a day holds. `data_type`: `resource` or `product` (R02).

    A product whose authorised term is not longer than the law's period follows the term (GSR 37, NAT-R 15).
    Raises LawError `term` when a product has no term, or a term that has already ended.
    """
    due = deadline(rules, "certificate.validity", issued)
    if due.due is None:
        raise LawError("clock", "规则包没有写登记结果的有效期。", due.basis)
    if data_type != "product":
        return Validity(due.due, "clock", due.sentence, due.basis, due)
    if term is None:
        raise LawError("term", "产品登记要有被授权运营时间，才能确定有效期。", due.basis)
    start, end = term
    if end < start or end < issued:
        raise LawError("term", f"授权运营期限到 {end} 为止，已经结束，不能发放。", due.basis)
    longest = deadline(rules, "certificate.validity", start).due
    if longest is None or end > longest:
        return Validity(due.due, "clock", due.sentence, due.basis, due)
    choice = str(rules.reading("certificate_end")["takes"])
    # the other reading keeps the length of the term and counts it from the day of issue
    until = end if choice == "a" else issued + timedelta(days=(end - start).days)
    sentence = (
        f"授权运营期限（{start} 至 {end}）不超过 {due.value} 年，有效期以实际运营期限为准，到 {until} 为止。"
    )
    return Validity(until, "term", sentence, due.basis, due, choice)


def renewed(rules: Rules, old: date, asked_until: date, term_end: date | None = None) -> Validity:
    """A renewal runs from the day after the old last day; at most the law's length.

    Where the zone's limit `certificate.renewal_term` is capped, it ends with the authorised term at the
    latest; `term_end`: that term's last day, None for data nobody is authorised to operate. Raises LawError
    `renewal` when more is asked than the law allows.
    """
    due = deadline(rules, "certificate.renewal_length", old)
    if due.due is None:
        raise LawError("clock", "规则包没有写续展的期间。", due.basis)
    if asked_until <= old:
        raise LawError("renewal", f"续展自 {old} 的次日起算，续展后的有效期必须更晚。", due.basis)
    if asked_until > due.due:
        raise LawError("renewal", f"每次续展最长到 {due.due}，不能到 {asked_until}。", due.basis)
    cap = rules.limit(RENEWAL_TERM)
    if cap.value == CAPPED and term_end is not None and asked_until > term_end:
        raise LawError("renewal", f"续展{cap['text']}（{term_end}）。", cap.basis)
    return Validity(asked_until, "clock", f"续展到 {asked_until}。", due.basis, due)
