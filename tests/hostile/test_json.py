"""Rows 34 to 41: JSON. Its types are meant, its numbers are texts until they are cast, and depth is looked at first."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.hostile.harness import Case, Gate, file, params

DEEP = '{"id":' + "[" * 100_000 + "]" * 100_000 + "}"
EXACT = 2**53 + 1
TEXT = {"value": "str"}
FLOAT = {"value": "pd.Float64Dtype"}
DECIMAL = {"value": "Annotated[pd.ArrowDtype, pyarrow.decimal128(10, 2)]"}


def lines(*objects: str) -> Any:
    return file("x.jsonl", "".join(f"{one}\n" for one in objects))


def array(*objects: str) -> Any:
    return file("x.json", "[" + ",".join(objects) + "]")


A, C = '{"id":"a","value":1}', '{"id":"c","value":3}'
BOTH = (("a", 1), ("c", 3))
CASES = (
    Case(34, "nested 100,000 deep, a file of it", lines(DEEP), "rejected", "nested deeper than 64",
         quarantine=((1, None, "nested-too-deep"),), apart=True),
    Case(34, "nested 100,000 deep, one record", lines(A, DEEP, C), "accepted", "nested deeper than 64", BOTH,
         ((2, None, "nested-too-deep"),)),
    Case(34, "nested 100,000 deep, in an array", array(A, DEEP, C), "accepted", "nested deeper than 64", BOTH,
         ((2, None, "nested-too-deep"),)),
    Case(34, "nested 100,000 deep and never closed", array(A, DEEP[:100_000]), "unreadable",
         "ends in the middle of element 2"),
    Case(35, "a bad line beside good ones", lines(A, '{"id":"b","value":', C), "accepted", "line 2: not JSON", BOTH,
         ((2, None, "json-syntax"),)),
    Case(35, "a line that is no object", lines(A, "[1]", C), "accepted", "line 2: a record must be a JSON object", BOTH,
         ((2, None, "not-an-object"),)),
    Case(17, "invisible characters in a key, as an escape", lines(A, '{"id":"a\\u200b","value":2}', C), "accepted",
         "a character that cannot be seen", BOTH, ((2, "id", "invisible-character"),)),
    Case(36, "a key twice", lines(A, '{"id":"b","value":1,"value":2}', C), "accepted", "an object has a key twice",
         BOTH, ((2, None, "duplicate-key"),)),
    Case(36, "a key twice in an array", array(A, '{"id":"b","id":"b2","value":1}', C), "accepted",
         "an object has a key twice", BOTH, ((2, None, "duplicate-key"),)),
    Case(37, "an unknown key", lines(A, '{"id":"b","value":1,"extra":2}', C), "accepted",
         "the contract has no column 'extra'", BOTH, ((2, "extra", "unknown-column"),)),
    Case(37, "a misspelt key", lines(A, '{"id":"b","vlaue":1}', C), "accepted", "Did you mean 'value'?", BOTH,
         ((2, "vlaue", "unknown-column"),)),
    Case(37, "a key in the wrong case", lines(A, '{"id":"b","Value":1}', C), "accepted", "Did you mean 'value'?", BOTH,
         ((2, "Value", "unknown-column"),)),
    Case(38, "2^53+1 beside a null", lines(f'{{"id":"a","value":{EXACT}}}', '{"id":"b","value":null}'), "accepted",
         rows=(("a", EXACT), ("b", None))),
    Case(38, "2^53+1 beside a float", lines(f'{{"id":"a","value":{EXACT}}}', '{"id":"b","value":1.5}'), "accepted",
         "a whole number (int64)", (("a", EXACT),), ((2, "value", "cell-type"),)),
    Case(38, "2^53+1 in an array", array(f'{{"id":"a","value":{EXACT}}}', '{"id":"b","value":null}'), "accepted",
         rows=(("a", EXACT), ("b", None))),
    Case(39, "digits that are text", lines('{"id":"00501","value":"1.10"}'), "accepted", rows=(("00501", "1.10"),),
         columns=TEXT),
    Case(39, "a number where text is meant", lines('{"id":"a","value":"00501"}', '{"id":"b","value":501}'), "accepted",
         "a JSON number where string is expected", (("a", "00501"),), ((2, "value", "cell-type"),), TEXT),
    Case(39, "whole numbers called date", lines('{"id":"a","date":20260131}', '{"id":"b","date":3}'), "accepted",
         rows=(("a", 20260131), ("b", 3)), columns={"date": "pd.Int64Dtype"}),
    Case(40, "decimals", lines('{"id":"a","value":567.89}', '{"id":"b","value":99999999.99}'), "accepted",
         rows=(("a", Decimal("567.89")), ("b", Decimal("99999999.99"))), columns=DECIMAL),
    Case(40, "decimals in an array", array('{"id":"a","value":567.89}', '{"id":"b","value":-0.10}'), "accepted",
         rows=(("a", Decimal("567.89")), ("b", Decimal("-0.10"))), columns=DECIMAL),
    Case(41, "NaN, infinities and 1e400", lines('{"id":"a","value":1.5}', *(
        json.dumps({"id": "b"})[:-1] + f',"value":{spelt}}}' for spelt in ("NaN", "Infinity", "-Infinity", "1e400"))),
         "accepted", "NaN or an infinity", (("a", 1.5),),
         tuple((record, "value", "cell-type") for record in range(2, 6)), FLOAT),
)  # fmt: skip


@params(CASES)
def test_a_json_file(case: Case, gate: Gate) -> None:
    gate.holds(case)
