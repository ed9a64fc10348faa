"""The JSON reader: one row per object, every value the text that the file spells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.columns import PROBLEMS, Column
from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers import json_split
from tidegate.readers.json_records import JsonReading, read_json_records

COLUMNS = [
    Column("i", "int64"),
    Column("d", "decimal(10, 2)"),
    Column("s", "string"),
    Column("t", "timestamp('UTC', 6)"),
    Column("b", "boolean"),
    Column("l", "array<string>"),
    Column("r", "struct<x: int64>"),
    Column("j", "string", json=True),
]
NAMES = [column.name for column in COLUMNS]


def reading(
    path: Path, format: str = "jsonl", columns=COLUMNS, strict=True, null_values=(), **limits: int
) -> JsonReading:
    return read_json_records(
        path, format, columns, strict=strict, limits=Resources(**limits), null_values=frozenset(null_values)
    )


def problems(batches: Any) -> list[dict[str, Any]]:
    return [problem for batch in batches for found in batch.column(PROBLEMS).to_pylist() for problem in found or []]


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_values_stay_as_they_are_spelled(format: str, write) -> None:
    record = (
        '{"s": "\\u00e9 \\"q\\"", "i": 9007199254740993, "d": 1.10, "t": "2026-01-31T00:00:00Z", "b": true,'
        ' "l": ["a", null], "r": {"x": 1e2}, "j": {"z": 567.890, "a": [ ], "\\u00e9": "\\n"}}'
    )
    (batch,) = reading(write((f"[{record}]" if format == "json" else record).encode()), format).batches
    assert batch.schema.names == [*NAMES, PROBLEMS]
    assert set(batch.schema.types[:-1]) == {pa.string()}
    assert batch.to_pylist() == [
        {
            "i": "9007199254740993",
            "d": "1.10",
            "s": 'é "q"',
            "t": "2026-01-31T00:00:00Z",
            "b": "true",
            "l": '["a",null]',
            "r": '{"x":1e2}',
            "j": '{"z":567.890,"a":[],"é":"\\n"}',
            PROBLEMS: None,
        }
    ]


def test_null_and_absent_are_null(write, rows_of) -> None:
    found = reading(write(b'{"i": null}\n{}\n'))
    assert rows_of(found.batches) == [[None] * 8, [None] * 8]
    assert found.seen == {"i"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('"i": "1"', "a JSON string where int64 is expected"),
        ('"i": true', "a JSON boolean where int64 is expected"),
        ('"i": NaN', "NaN or an infinity where int64 is expected"),
        ('"d": "1.10"', "a JSON string where decimal(10, 2) is expected"),
        ('"s": 501', "a JSON number where string is expected"),
        ('"s": {}', "a JSON object where string is expected"),
        ('"t": 17', "a JSON number where timestamp('UTC', 6) is expected"),
        ('"b": "true"', "a JSON string where boolean is expected"),
        ('"b": 1', "a JSON number where boolean is expected"),
        ('"l": {}', "a JSON object where array<string> is expected"),
        ('"l": "[]"', "a JSON string where array<string> is expected"),
        ('"r": [1]', "a JSON array where struct<x: int64> is expected"),
        ('"j": []', "a JSON array where a JSON object is expected"),
        ('"j": {"a": [-Infinity]}', "NaN or an infinity, which JSON has not"),
    ],
)
def test_a_cell_of_the_wrong_kind_alone_is_null(cell: str, expected: str, write, rows_of) -> None:
    other = '"b": false' if '"s"' in cell else '"s": "kept"'
    path = write(f"{{{cell}, {other}}}".encode())
    column = json.loads(f"{{{cell}}}").popitem()[0]
    (problem,) = problems(reading(path).batches)
    assert [problem["column"], problem["code"]] == [column, "cell-type"]
    assert problem["detail"] == f"line 1: {expected}"
    (batch,) = reading(path).batches
    assert [cell for cell in batch.to_pylist()[0].values() if isinstance(cell, str)] == [
        "false" if '"s"' in cell else "kept"
    ]


def test_the_text_of_a_cell_is_cut_and_never_personal(write) -> None:
    path = write(json.dumps({"s": [1.5, "x" * 200]}).encode())
    texts = [
        problems(reading(path, columns=[Column("s", "string", personal=personal)]).batches)[0]["text"]
        for personal in (False, True)
    ]
    assert texts == ['[1.5,"' + "x" * 94, None]


def test_a_declared_null_passes_in_any_column(write, rows_of) -> None:
    path = write(b'{"i": "NA", "l": "NA", "b": "na"}')
    assert rows_of(reading(path, null_values=["NA"]).batches) == [[1, "b", "cell-type"]]
    (batch,) = reading(path, null_values=["NA"]).batches
    assert [batch.column("i")[0].as_py(), batch.column("l")[0].as_py()] == ["NA", "NA"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"i": 1,}', "json-syntax"),
        (b'{"i": 01}', "json-syntax"),
        (b'{"i": 1} {"i": 2}', "json-syntax"),
        (b'{"s": "a\tb"}', "json-syntax"),
        (b"{'i': 1}", "json-syntax"),
        (b"[1]", "not-an-object"),
        (b"null", "not-an-object"),
        (b'"x"', "not-an-object"),
        (b'{"i": 1, "i": 1}', "duplicate-key"),
        (b'{"j": {"a": [{"b": 1, "b": 2}]}}', "duplicate-key"),
        (b'{"s": "\xe9"}', "not-utf-8"),
        (b'{"s": "\\ud800"}', "not-utf-8"),
        (b'{"\\udfff": 1}', "not-utf-8"),
        (b'{"j": {"a": ' + b"[" * 63 + b"]" * 63 + b"}}", "nested-too-deep"),
        (b'{"j": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "nested-too-deep"),
    ],
)
def test_a_malformed_record_is_one_row_and_its_neighbours_stay(line: bytes, code: str, write, rows_of) -> None:
    columns = [Column("i", "int64")]
    good = b'{"i": 1}'
    expected = [["1"], [2, None, code], ["1"]]
    lines = write(b"\xef\xbb\xbf" + good + b"\r\n\n" + line + b"\n" + good)
    assert rows_of(reading(lines, "jsonl", columns, strict=False).batches) == expected
    if line != b'{"i": 1} {"i": 2}':
        array = write(b"\xef\xbb\xbf [" + good + b",\n" + line + b"," + good + b"]\n")
        assert rows_of(reading(array, "json", columns, strict=False).batches) == expected


def test_what_looks_broken_and_is_not(write, rows_of) -> None:
    text = rb'{"s": "]},{[\"\\", "j": {"a": "\ud83d\ude00 \u0000"}}'
    for format, data in (("jsonl", text), ("json", b"[" + text + b"]")):
        (row,) = rows_of(reading(write(data), format).batches)
        assert [row[2], row[7]] == [']},{["\\', '{"a":"😀 \\u0000"}']


def test_a_nul_character_does_not_break_arrow(write, rows_of) -> None:
    assert rows_of(reading(write(b'{"s": "a\\u0000b"}')).batches)[0][2] == "a\0b"


def test_the_depth_that_is_allowed_is_read(write, rows_of) -> None:
    for depth in (64, 500):
        cell = b"[" * (depth - 2) + b"]" * (depth - 2)
        path = write(b'{"j": {"a": ' + cell + b"}}")
        assert rows_of(reading(path, max_depth=depth).batches)[0][7] == f'{{"a":{cell.decode()}}}'
        assert rows_of(reading(path, max_depth=depth - 1).batches) == [[1, None, "nested-too-deep"]]


def test_an_unknown_key_is_named_with_its_neighbour(write, rows_of) -> None:
    path = write(b'{"i": 1, "amuont": 2}\n{"i": 3}')
    columns = [Column("i", "int64"), Column("amount", "int64")]
    (problem,) = problems(reading(path, columns=columns).batches)
    assert (problem["column"], problem["code"]) == ("amuont", "unknown-column")
    assert "Did you mean 'amount'?" in problem["detail"]
    loose = reading(path, columns=columns, strict=False)
    assert rows_of(loose.batches) == [["1", None], ["3", None]]
    assert loose.seen == {"i"}


def test_a_malformed_record_keeps_its_place_and_text(write) -> None:
    path = write(b'\n{"i": 1\n')
    (problem,) = problems(reading(path).batches)
    assert problem["text"] == '{"i": 1'
    assert problem["detail"].startswith("line 2: not JSON: Expecting ',' delimiter at character")
    (problem,) = problems(reading(write(b'[{}, {"i": 1 2}]'), "json").batches)
    assert problem["detail"].startswith("element 2: not JSON")


def test_a_long_cell(write, rows_of) -> None:
    path = write(b'{"s": "' + b"x" * 101 + b'"}\n{"s": "' + b"x" * 100 + b'"}\n{"l": ["' + b"x" * 101 + b'"]}')
    found = rows_of(reading(path, max_cell_bytes=100).batches)
    assert [found[0], found[1][2], found[2]] == [[1, "s", "cell-too-long"], "x" * 100, [3, "l", "cell-too-long"]]


def test_a_line_that_is_longer_than_any_record_is_given_up(write, rows_of, monkeypatch) -> None:
    monkeypatch.setattr(json_split, "RECORD_BYTES", 1000)
    path = write(b'{"s": "' + b"x" * 5000 + b'"}\n{"s": "y"}\n' + b"z" * 3000)
    found = rows_of(reading(path).batches)
    assert [found[0], found[1][2], found[2]] == [[1, None, "cell-too-long"], "y", [3, None, "cell-too-long"]]
    array = write(b'[{"s": "' + b"x" * 3_000_000 + b'"}]')
    with pytest.raises(SourceUnreadable, match="more than 1000 bytes"):
        list(reading(array, "json").batches)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b'[{"i": 1}', "(at byte 10)"),
        (b'[{"i": 1}, ', "ends where element 2 is expected"),
        (b'[{"i": 1}, {"i": ', "ends in the middle of element 2 (at byte 12)"),
        (b'[{"s": "abc', "ends in the middle of element 1"),
        (b"[nul", "ends in the middle of element 1"),
        (b'[{"i": 1},]', "has ']' where element 2 is expected"),
        (b'[{"i": 1} {"i": 2}]', "lacks a comma"),
        (b'[{"i": [1}, {"i": 2]}]', "brackets that do not match in element 1"),
        (b'[{"s": "a\n"}]', "never closed in element 1"),
        (b'[{"i": 1}] []', "goes on after its closing bracket (at byte 12)"),
        (b"{}", "is not a JSON array"),
    ],
)
def test_an_array_that_cannot_be_split_is_refused_with_the_place(data: bytes, fact: str, write) -> None:
    with pytest.raises(SourceUnreadable) as error:
        list(reading(write(data), "json").batches)
    assert fact in error.value.fact


def test_an_empty_array_has_no_records(write) -> None:
    assert list(reading(write(b" [ ] "), "json").batches) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=6), st.booleans(), st.integers(1, 9))
def test_both_formats_carry_any_object_through(objects: list[dict[str, Any]], escaped: bool, block: int) -> None:
    import tempfile

    columns = [Column("j", "string", json=True)]
    records = [json.dumps({"j": value}, ensure_ascii=escaped) for value in objects]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_split, "_BLOCK", block)
        path = Path(folder, "x")
        for format, text in (("jsonl", "\n".join(records)), ("json", "[" + " , ".join(records) + "]\n")):
            path.write_text(text, encoding="utf-8", newline="")
            batches = list(reading(path, format, columns).batches)
            cells = [cell for batch in batches for cell in batch.column("j").to_pylist()]
            assert problems(batches) == []
            assert cells == [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in objects]
