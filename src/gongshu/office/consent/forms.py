"""The buyer's form: the inputs of a request with the choices its agreement leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gongshu.office.consent import terms
from gongshu.ui import inputs


def ask_form(allowed: Mapping[str, Any], data: Any = None) -> inputs.LawForm:
    """`allowed` as `requests.allowed` gives it."""
    options = {
        "purpose": tuple((each, each) for each in allowed["purposes"]),
        "kind": terms.kinds(str(allowed.get("consent", ""))),
        "fields": tuple((each, each) for each in allowed["fields"]),
    }
    asked = [replace(each, options=options.get(each.id, each.options)) for each in terms.INPUTS]
    first = max(allowed["from"], min(allowed["today"], allowed["until"]))
    initial = {"kind": "once", "hours": "72", "from": first, "until": allowed["until"]}
    return inputs.build(asked)(data, initial=initial)
