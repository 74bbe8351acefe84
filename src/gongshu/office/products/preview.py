"""What exactly will be signed: the compiled agreement in words with its clauses, its digest, its text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gongshu.contract import explain
from gongshu.contract.model import BadContract, compile_contract
from gongshu.law.rules import Rules
from gongshu.money.why import clause_title
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook
from gongshu.office.products import content, upstream
from gongshu.office.products.models import Agreement
from gongshu.wire.envelope import body_digest


def of(row: Agreement, typed: Mapping[str, Any], terms: Mapping[str, Any]) -> dict[str, Any] | None:
    """{rows: [(title, words, clause)], digest, text} of the agreement as typed; None where it is not
    delivered by calls. While it cannot be compiled, `missing` says why and there is nothing to sign."""
    if not content.called(typed):
        return None
    try:
        body = _body(row, typed, terms)
        contract = compile_contract(row.zone_id, body)
    except (Refused, BadContract) as error:
        return {"missing": str(error)}
    rules = lawbook.rules_of(row.case)
    names = upstream.organisation_names(
        {contract.buyer, contract.operator, *(each.organisation for each in contract.shares)}
    )
    return {
        "rows": [
            (each.title, named(each.value, names), _clause(each.clause, rules))
            for each in explain.rows(contract)
        ],
        "digest": body_digest("contract", row.zone_id, body),
        "text": json.dumps(body, ensure_ascii=False, indent=2, sort_keys=True),
    }


def _body(row: Agreement, typed: Mapping[str, Any], terms: Mapping[str, Any]) -> dict[str, Any]:
    if row.signed:
        return dict(row.signed["contract"])
    return content.contract_body(
        row.pk, row.product_id, row.product.operator_id, row.buyer_id, row.zone_id, typed, terms
    )


def named(words: str, names: Mapping[str, str]) -> str:
    """Organisations by their names, not their numbers."""
    for id_, name in names.items():
        words = words.replace(id_, name)
    return words


def _clause(clause: str, rules: Rules) -> str:
    return clause_title(clause, rules)
