"""The exact CSV reader: one row per record, whatever the bytes are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegate.columns import PROBLEMS, Column
from tidegate.config import Resources
from tidegate.readers import csv_records
from tidegate.readers.csv_dialect import CsvDialect, read_dialect
from tidegate.readers.csv_records import read_csv_records

COLUMNS = [Column("a", "string"), Column("b", "string")]


def read(path: Path, columns: list[Column] = COLUMNS, **limits: int) -> list[pa.RecordBatch]:
    dialect = read_dialect(path, columns, Resources())
    return list(read_csv_records(path, dialect, Resources(**limits)))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"1,2\n3,4\n", [["1", "2"], ["3", "4"]]),
        (b"1,2\n3,4", [["1", "2"], ["3", "4"]]),
        (b"", []),
        (b"\n\r\n\r", []),
        (b'1,\n,"2"\n"",""\n', [["1", None], [None, "2"], ["", ""]]),
        (b"1,2\r\n3,4\r5,6\n\n7,8\r", [["1", "2"], ["3", "4"], ["5", "6"], ["7", "8"]]),
        (b'"x\ny","a ""b"""\n1,2\n', [["x\ny", 'a "b"'], ["1", "2"]]),
        (b'x"y, "z"\n', [['x"y', ' "z"']]),
        (b"\xef\xbb\xbf1,\xc3\xa9\n", [["\ufeff1", "é"]]),
        (b"NA,null\n", [["NA", "null"]]),
        (b" \n1,2\n", [[1, None, "field-count"], ["1", "2"]]),
        (b"1\n1,2\n1,2,3\n", [[1, None, "field-count"], ["1", "2"], [3, None, "field-count"]]),
        (b'1,"x"y\n3,4\n', [[1, None, "broken-quoting"], ["3", "4"]]),
        (b'1,"x\n3,4\n5,6\n', [[1, None, "broken-quoting"], ["3", "4"], ["5", "6"]]),
        (b'1,"x', [[1, None, "broken-quoting"]]),
        (b"1,\xe9\n3,4\n", [[1, None, "not-utf-8"], ["3", "4"]]),
        (b"1,\xe9\n3,\xe9\n5,6\n", [[1, None, "not-utf-8"], [2, None, "not-utf-8"], ["5", "6"]]),
        (b"1,\x00\n3,4\n", [[1, None, "nul-character"], ["3", "4"]]),
        (b'1,"\x00"\n3,4\n', [[1, None, "nul-character"], ["3", "4"]]),
    ],
)  # fmt: skip
def test_each_record_is_one_row(body: bytes, expected: list[list[Any]], write, rows_of) -> None:
    assert rows_of(read(write(b"a,b\n" + body))) == expected


def test_a_blank_line_is_a_null_where_there_is_one_column(write, rows_of) -> None:
    path = write(b'a\n1\n\n""\n\r\n2,3\n')
    assert rows_of(read(path)) == [["1"], [None], [""], [None], [5, None, "field-count"]]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(delimiter: str, write, rows_of) -> None:
    body = 'a;b\n1,5;"x;y"\n1;2;3\n'.replace(";", delimiter).encode()
    assert rows_of(read(write(body))) == [["1,5", f"x{delimiter}y"], [2, None, "field-count"]]


def test_a_malformed_record_says_where_and_what(write) -> None:
    path = write(b'a,b\r\n"1\r\n2",3\r\n\r\n1,2,"\xc3\xa9"\r\n')
    (batch,) = read(path)
    assert batch.column(PROBLEMS).to_pylist() == [
        None,
        [
            {
                "code": "field-count",
                "column": None,
                "text": '1,2,"é"',
                "detail": "line 5: 3 fields where the header has 2",
            }
        ],
    ]


def test_the_text_of_a_malformed_record_is_cut(write) -> None:
    path = write(b"a,b\n" + b"\xc3\xa9" * 3000 + b"\n")
    assert read(path)[0].column(PROBLEMS)[0][0]["text"].as_py() == "é" * 1000


@pytest.mark.parametrize("limit", [9, 100])
def test_a_cell_on_the_budget_is_taken_and_one_over_it_is_not(limit: int, write, rows_of) -> None:
    fits, over = "x" * limit, "x" * (limit + 1)
    quoted = '"' + '""' * limit + '"'
    path = write(f"a,b\n1,{fits}\n{over},2\n1,{quoted}\n3,4\n".encode())
    assert rows_of(read(path, max_cell_bytes=limit)) == [
        ["1", fits], [2, "a", "cell-too-long"], ["1", '"' * limit], ["3", "4"]
    ]  # fmt: skip


def test_a_line_longer_than_a_record_may_be_is_given_up_and_reading_goes_on(write, rows_of) -> None:
    path = write(b"a,b\n1,2\n" + b"x" * 3_000_000 + b",1\r\n3,4\n" + b"y" * 2_000_000)
    assert rows_of(read(path, max_cell_bytes=1000)) == [
        ["1", "2"], [2, None, "cell-too-long"], ["3", "4"], [4, None, "cell-too-long"]
    ]  # fmt: skip


def test_a_quote_that_is_never_closed_costs_one_line_however_large_the_file_is(write, rows_of) -> None:
    good = b"1,2\n" * 500_000
    rows = rows_of(read(write(b'a,b\n1,"x\n' + good), max_cell_bytes=1000))
    assert (rows[:2], len(rows)) == ([[1, None, "broken-quoting"], ["1", "2"]], 500_001)


def test_line_numbers_go_on_through_blocks_and_skipped_lines(write) -> None:
    path = write(b"a,b\n" + b'"1\n2",3\r\n' * 100_000 + b"x" * 900_000 + b"\n1,2\n1\n")
    problems = [
        p["detail"] for b in read(path, max_cell_bytes=1000) for ps in b.column(PROBLEMS).to_pylist() for p in ps or []
    ]
    assert [detail.split(":")[0] for detail in problems] == ["line 200002", "line 200004"]  # fmt: skip


def reference(data: bytes, width: int) -> list[list[str | None] | str]:
    """The same, one character at a time: a list of cells, or the code of the problem."""
    rows: list[list[str | None] | str] = []
    text = data.decode("latin-1")
    position = 0
    while position < len(text):
        cells, end, sound = _reference_record(text, position)
        if not sound:
            end = position
            while end < len(text) and text[end] not in "\r\n":
                end += 1
            rows.append("broken-quoting")
            end += 2 if text[end : end + 2] == "\r\n" else 1
        elif cells == [None] and text[position] in "\r\n" and width > 1:
            pass
        else:
            try:
                raw = text[position:end].encode("latin-1").decode()
                cells = [cell if cell is None else cell.encode("latin-1").decode() for cell in cells]
                rows.append("nul-character" if "\0" in raw else cells if len(cells) == width else "field-count")
            except UnicodeDecodeError:
                rows.append("not-utf-8")
        position = end
    return rows


def _reference_record(text: str, position: int) -> tuple[list[str | None], int, bool]:
    cells: list[str | None] = []
    while True:
        if text[position : position + 1] == '"':
            cell, position = "", position + 1
            while True:
                if position >= len(text):
                    return cells, position, False
                if text[position : position + 2] == '""':
                    cell, position = cell + '"', position + 2
                elif text[position] == '"':
                    position += 1
                    break
                else:
                    cell, position = cell + text[position], position + 1
            cells.append(cell)
            if text[position : position + 1] not in ("", ",", "\r", "\n"):
                return cells, position, False
        else:
            start = position
            while position < len(text) and text[position] not in ",\r\n":
                position += 1
            cells.append(text[start:position] or None)
        if text[position : position + 1] != ",":
            return cells, position + (2 if text[position : position + 2] == "\r\n" else 1), True
        position += 1


PIECES = [
    b'"', b'""', b',', b'\n', b'\r', b'\r\n', b'a', b'\xc3\xa9', b'\xe9', b'\0', b' ', b'\xef\xbb\xbf',
    b'1,2\n', b'"x",y\n',
]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    st.integers(1, 3),
    st.sampled_from([3, 7, 64, 1 << 19]),
    st.sampled_from([12, 1_000_000]),
)
@example(b'"a\n""\n', 1, 3, 1_000_000)
def test_it_agrees_with_a_reader_of_single_characters(data: bytes, width: int, block: int, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "_BLOCK", block)
        path = Path(folder, "x")
        path.write_bytes(data)
        names = tuple("abc"[:width])
        batches = read_csv_records(path, CsvDialect(",", names, 0, "\n"), Resources(max_cell_bytes=limit))
        rows = [row for batch in batches for row in batch.to_pylist()]
    found = [row.pop(PROBLEMS)[0]["code"] if row[PROBLEMS] else [row[name] for name in names] for row in rows]
    if limit > len(data):
        assert found == reference(data, width)
    else:
        # With a small budget more is malformed; what is taken keeps to it.
        cells = [cell for row in found if isinstance(row, list) for cell in row if cell is not None]
        assert all(len(cell.encode()) <= limit for cell in cells)
