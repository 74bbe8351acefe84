"""The table of errors is complete, and the pages and the OpenAPI file printed from it say the same."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema_rs
import pytest

from gongshu.contract import evaluate
from gongshu.contract.grounds import SAYINGS
from gongshu.gateway import pages, testing
from gongshu.gateway.errors import ERRORS, RETRIES, WORDS, Refusal
from gongshu.gateway.openapi import document

SOURCE = Path(pages.__file__).parent
CODES = re.compile(r"""refusal\(\s*"([a-z_]+)"|Unauthorised\(\s*"([a-z_]+)"|Refusal\(\d+, "([a-z_]+)\"""")


def test_every_ruling_and_every_refusal_of_the_code_is_in_the_table() -> None:
    used = {
        code
        for path in SOURCE.glob("*.py")
        for found in CODES.findall(path.read_text("utf-8"))
        for code in found
        if code
    }
    assert len(used) > 15
    assert used <= set(ERRORS)
    assert set(SAYINGS) - {"allowed"} <= set(ERRORS)


@pytest.mark.parametrize("code", ERRORS)
def test_every_row_has_status_sentence_and_advice(code: str) -> None:
    row = ERRORS[code]
    assert 400 <= row.status <= 503 and row.sentence.endswith("。") and row.retry in RETRIES
    assert row.answer in ("", "unauthorised", "over_quota")
    assert (row.answer == "over_quota") == (row.status == 429)


def test_the_page_lists_every_code_word_and_fixed_subject() -> None:
    text = pages.page()
    for name in (*ERRORS, *WORDS, *testing.ANSWERS, *testing.REFUSALS):
        assert f"`{name}`" in text


def test_the_openapi_file_is_one_and_describes_what_is_refused() -> None:
    made = document()
    assert made["openapi"] == "3.1.0"
    schemas = made["components"]["schemas"]
    for name, schema in schemas.items():
        jsonschema_rs.Draft202012Validator({"$defs": schemas, "components": {"schemas": schemas}, **schema})
        assert name in str(made["paths"]) or name == "Answer"
    refused = {"$defs": schemas, **schemas["Refusal"]}
    jsonschema_rs.validate(refused, Refusal(403, "purpose", "用途不对。", ("x:1",), "purposes").data())
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(refused, Refusal(403, "nosuch", "x。").data())


@pytest.mark.parametrize("operation", ["verify", "lookup"])
def test_the_test_environments_answers_are_what_the_openapi_file_says(operation: str) -> None:
    schemas = document()["components"]["schemas"]
    answer = schemas["Answer"]
    for subject in (*testing.ANSWERS, *testing.REFUSALS):
        if ERRORS.get(testing.REFUSALS.get(subject, ""), ERRORS["body"]).status == 503:
            continue
        values = '"values":{"状态":"正常"}' if operation == "verify" else '"fields":["状态"]'
        body = f'{{"purpose":"test","items":[{{"subject":"{subject}",{values}}}]}}'.encode()
        (one,) = testing.answer(operation, body)["results"]
        jsonschema_rs.validate(answer, one)


def test_every_code_of_the_table_is_said_somewhere() -> None:
    """A code nobody says is a promise to buyers' engineers that nothing keeps."""
    rooms = SOURCE, Path(evaluate.__file__).parent
    apart = {"errors.py", "grounds.py"}
    files = [path for room in rooms for path in room.glob("*.py") if path.name not in apart]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [code for code in ERRORS if f'"{code}"' not in text] == []
