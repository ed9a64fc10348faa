"""Nested cells: exactly the values of the column's type, or a reason that quotes none of them."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.readers.nested import arrow_type, json_object, nested_reader

ROWS = "array<struct<training_row_index: int64, helpful_score: float64, note: string, seen: boolean>>"


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("int64", pa.int64()),
        ("uint8", pa.uint8()),
        ("float32", pa.float32()),
        ("boolean", pa.bool_()),
        ("string", pa.string()),
        ("date", pa.date32()),
        ("timestamp(6)", pa.timestamp("us")),
        ("timestamp('UTC', 6)", pa.timestamp("us", tz="UTC")),
        ("decimal(10, 2)", pa.decimal128(10, 2)),
        ("array<string>", pa.list_(pa.string())),
        ("array<array<int8>>", pa.list_(pa.list_(pa.int8()))),
        (
            "struct<a b: int64, c: array<struct<d: decimal(5, 1)>>, e: string>",
            pa.struct(
                [
                    ("a b", pa.int64()),
                    ("c", pa.list_(pa.struct([("d", pa.decimal128(5, 1))]))),
                    ("e", pa.string()),
                ]
            ),
        ),
    ],
)
def test_types_in_ibis_spelling(spelling: str, expected: pa.DataType) -> None:
    assert arrow_type(spelling) == expected


@pytest.mark.parametrize(
    "spelling", ["", "int65", "array<int64", "array<int64>>", "struct<a>", "struct<a: int64", "int64 x"]
)
def test_what_is_no_type(spelling: str) -> None:
    with pytest.raises(ValueError, match="is no type"):
        arrow_type(spelling)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("array<string>", '["a", null, ""]', ["a", None, ""]),
        ("array<int64>", "[9223372036854775807, -0]", [9223372036854775807, 0]),
        ("array<float64>", "[1, 1.5e-3]", [1.0, 0.0015]),
        ("array<decimal(5, 2)>", "[1.10, 999.99]", [Decimal("1.10"), Decimal("999.99")]),
        ("array<date>", '["2026-01-31"]', [dt.date(2026, 1, 31)]),
        ("array<timestamp(6)>", '["2026-01-31T09:30:00.5"]', [dt.datetime(2026, 1, 31, 9, 30, 0, 500000)]),  # noqa: DTZ001
        ("struct<a: int64, b: array<boolean>>", '{"b": [true]}', {"a": None, "b": [True]}),
        (
            ROWS,
            '[{"training_row_index": 3, "note": "x"}, null]',
            [{"training_row_index": 3, "helpful_score": None, "note": "x", "seen": None}, None],
        ),
        ("array<string>", "null", None),
    ],
)
def test_values_are_exact_and_fit_arrow(kind: str, text: str, expected: Any) -> None:
    value = nested_reader(kind, 64)(text)
    assert value == expected
    assert pa.array([value], arrow_type(kind)).to_pylist() == [expected]


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (ROWS, "[{", "not JSON"),
        (ROWS, "", "not JSON"),
        (ROWS, "{}", "an array is expected"),
        (ROWS, "[4]", "an object is expected at [0]"),
        (ROWS, '[{"training_row_index": 1.0}]', "an integer is expected at [0].training_row_index"),
        (ROWS, '[{"training_row_index": "1"}]', "an integer is expected at [0].training_row_index"),
        (ROWS, '[{"training_row_index": true}]', "an integer is expected at [0].training_row_index"),
        (ROWS, '[{}, {"training_row_index": 9223372036854775808}]', "an integer is expected at [1].training_row_index"),
        (ROWS, '[{"helpful_score": NaN}]', "a number is expected at [0].helpful_score"),
        (ROWS, '[{"helpful_score": 1e400}]', "a number within range is expected at [0].helpful_score"),
        (ROWS, '[{"note": 5}]', "a string is expected at [0].note"),
        (ROWS, '[{"seen": 1}]', "true or false is expected at [0].seen"),
        (ROWS, '[{"x": 1}]', "unknown key 'x' at [0]"),
        (ROWS, '[{"note": "a", "note": "a"}]', "an object has a key twice"),
        (ROWS, '[{"note": "\\ud800"}]', "half of a surrogate pair"),
        ("struct<a: struct<b: int8>>", '{"a": {"b": 128}}', "an integer (int8) is expected at a.b"),
        ("array<float32>", "[1e39]", "a number within range is expected at [0]"),
        ("array<uint64>", "[-1]", "an integer (uint64) is expected at [0]"),
        ("array<decimal(5, 2)>", "[1.234]", "a decimal number of 5 digits, 2 after the point, is expected at [0]"),
        ("array<decimal(5, 2)>", "[1000]", "a decimal number of 5 digits, 2 after the point, is expected at [0]"),
        ("array<date>", '["2026-02-30"]', "a date such as 2026-01-31 is expected at [0]"),
        ("array<timestamp('UTC', 6)>", '["2026-01-31 09:30"]', "a time with its zone is expected at [0]"),
        ("array<string>", "[" * 100_000, "nested deeper than 64"),
    ],
)
def test_reasons(kind: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        nested_reader(kind, 64)(text)


@pytest.mark.parametrize("cell", ["Ann Lee", {"a": "Ann Lee"}, ["Ann Lee"], {"a": [True, "Ann Lee"]}])
@pytest.mark.parametrize("kind", ["array<int64>", "array<array<date>>", "array<struct<a: boolean>>", "struct<a: int8>"])
def test_reasons_quote_no_value(kind: str, cell: Any) -> None:
    for text in (json.dumps([cell]), json.dumps([cell])[:-1]):
        with pytest.raises(ValueError, match=r"^(?!.*Ann)"):
            nested_reader(kind, 64)(text)


def test_an_object_has_one_compact_spelling() -> None:
    assert json_object(' { "b" : 1.10 , "a" : [ ] , "\\u00e9" : null } ') == '{"b":1.10,"a":[],"é":null}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "a JSON object is expected"),
        ("{'a': 1}", "not JSON"),
        ('{"a": Infinity}', "Infinity is not JSON"),
        ('{"a": {"b": 1, "b": 1}}', "an object has a key twice"),
        ('{"a": ' + "[" * 100_000, "nested deeper than 500"),
    ],
)
def test_what_is_no_object(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        json_object(text)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_integers_go_through(values: list[int | None]) -> None:
    assert nested_reader("array<int64>", 64)(json.dumps(values)) == values
