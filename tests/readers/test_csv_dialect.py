"""The dialect of a CSV file, judged by the contract's names."""

from __future__ import annotations

import pytest

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers.csv_dialect import CsvDialect, read_dialect

COLUMNS = [Column("a", "string"), Column("b", "string"), Column("b,c", "string")]


def dialect_of(path, columns=COLUMNS) -> CsvDialect:
    return read_dialect(path, columns, Resources())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,2\n", (",", ("a", "b"), 4, "\n")),
        (b"b,a\r\n1,2\r\n", (",", ("b", "a"), 5, "\r\n")),
        (b"a;b\r1;2\r", (";", ("a", "b"), 4, "\r")),
        (b"\xef\xbb\xbfa\tb\n", ("\t", ("a", "b"), 7, "\n")),
        (b"a|b", ("|", ("a", "b"), 3, "\n")),
        (b"a", (",", ("a",), 1, "\n")),
        (b"a;x,y\n", (";", ("a", "x,y"), 6, "\n")),
        (b"A;B, c\n", (";", ("A", "B, c"), 7, "\n")),  # no name is the contract's, and one is but for its case
        (b"a,x;y\n", (",", ("a", "x;y"), 6, "\n")),
        (b'"b,c","say ""a"""\n', (",", ("b,c", 'say "a"'), 18, "\n")),
        (b'"a","x\ny"\n1,2\n', (",", ("a", "x\ny"), 10, "\n")),
    ],
)
def test_delimiter_header_and_newline(data: bytes, expected: tuple, write) -> None:
    assert dialect_of(write(data)) == CsvDialect(*expected)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"x,y\n1,2\n", "the first line reads 'x,y'"),
        (b"\na,b\n", "has no header"),
        (b'a,"b\n1,2\n', "has no header"),
        (b"a,\xe9\n", "is not UTF-8"),
        (b"a,,b\n", "column 2 of 3 has no name"),
        (b"a,b,\n1,2,\n", "column 3 of 3 has no name"),
        (b"a,b,A\n", "two columns of one name: 'a' and 'A'"),
        ("a,é,e\u0301\n".encode(), "two columns of one name"),
        (b"a,b\x00\n", "NUL"),
        (b"a,b\n" + b"0,1,2\n" * 3, "every record has 1 field more than the header (3 and 2)"),
        (b"a,b\n" + b"0\n" * 20, "every record has 1 field fewer than the header (1 and 2)"),
        (b"a" + b",x" * 10_000 + b"\n", "has 10001 columns"),
    ],
)
def test_refused(data: bytes, fact: str, write) -> None:
    with pytest.raises(SourceUnreadable) as error:
        dialect_of(write(data))
    assert fact in error.value.fact


def test_some_ragged_records_are_no_matter_of_the_file(write) -> None:
    assert dialect_of(write(b"a,b\n0,1,2\n1,2\n")).header == ("a", "b")
    assert dialect_of(write(b"a,b\n" + b"1,2,3\n" * 9 + b"1,2\n")).header == ("a", "b")


def test_a_first_line_is_not_shown_where_a_column_is_personal(write) -> None:
    with pytest.raises(SourceUnreadable) as error:
        dialect_of(write(b"Ann,1234\n"), [Column("name", "string", personal=True)])
    assert "Ann" not in str(error.value)


def test_a_header_without_end_is_not_read_to_its_end(write) -> None:
    with pytest.raises(SourceUnreadable, match="longer than"):
        dialect_of(write(b"a," * 2_000_000))
