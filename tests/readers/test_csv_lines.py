"""The line at which a record begins, as an editor counts lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.readers.csv_dialect import read_dialect
from tidegate.readers.csv_lines import lines_of_csv
from tidegate.readers.csv_records import read_csv_records
from tidegate.readers.json_split import lines_of_json

COLUMNS = (Column("a", "string"), Column("b", "string"))


def lines(path: Path, text: bytes, *records: int) -> dict[int, int]:
    path.write_bytes(text)
    dialect = read_dialect(path, COLUMNS, Resources())
    return lines_of_csv(path, dialect, Resources(), records)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"a,b\n1,2\n3,4\n", {1: 2, 2: 3}),
        (b"a,b\r\n1,2\r\n3,4\r\n", {1: 2, 2: 3}),
        (b"a,b\r1,2\r3,4", {1: 2, 2: 3}),
        (b'\xef\xbb\xbfa,b\n"1\n\n",2\n3,4\n', {1: 2, 2: 5}),
        (b"a,b\n\n1,2\n\n\n3,4\n", {1: 3, 2: 6}),
        (b'a,b\n5",2\n3,4\n', {1: 2, 2: 3}),
        (b'a,b\n"never closed,2\n3,4\n', {1: 2, 2: 3}),
        (b'a,b\n"1"x,2\n3,4\n', {1: 2, 2: 3}),
        (b'"a","b"\n1,2,3\n\xff,4\n', {1: 2, 2: 3}),
    ],
)
def test_records_are_found_where_they_begin(tmp_path: Path, text: bytes, found: dict[int, int]) -> None:
    assert lines(tmp_path / "x.csv", text, 1, 2) == found


def test_no_line_is_told_of_what_begins_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b'a,b\n"1"x,2\n3,"\n\n\n\n4"\n5,6\n'
    monkeypatch.setattr("tidegate.readers.csv_lines.LOOKED_THROUGH", len(text) - 8)
    assert lines(tmp_path / "x.csv", text, 1, 2, 3, 4) == {1: 2}, "the newlines within a cell begin no record"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.text(st.sampled_from(list('x,"\n\r')), max_size=6), max_size=8))
def test_there_are_as_many_records_as_the_reader_reads(tmp_path: Path, parts: list[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n" + "".join(parts).encode())
    dialect = read_dialect(path, COLUMNS, Resources())
    read = sum(batch.num_rows for batch in read_csv_records(path, dialect, Resources()))
    found = lines_of_csv(path, dialect, Resources(), list(range(1, read + 2)))
    assert sorted(found) == list(range(1, read + 1))
    assert sorted(found.values()) == list(found.values())


def test_lines_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\nnonsense\n{"a": 3}\n')
    assert lines_of_json(path, [2, 3, 4]) == {2: 3, 3: 4, 4: 5}
