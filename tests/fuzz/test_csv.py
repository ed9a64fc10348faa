"""CSV: the readers against a plain one that reads byte by byte, and the fast reader against the exact one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.fuzz.fuzzer import fuzz, told

from tidegate.columns import PROBLEMS, Column
from tidegate.config import Resources
from tidegate.engines.duckdb import worker
from tidegate.engines.duckdb.connection import connect, lock
from tidegate.engines.duckdb.scan import open_scan
from tidegate.engines.plan import StagePlan, StageSource
from tidegate.errors import SourceUnreadable
from tidegate.readers import csv_records
from tidegate.readers.csv_dialect import CsvDialect, read_dialect
from tidegate.readers.csv_records import read_csv_records

COLUMNS = (Column("id", "string", key=True), Column("n", "int64"), Column("f", "float64"), Column("t", "string"))
SEEDS = (
    b"id,n,f,t\na,1,1.5,x\nb,2,,y\n",
    b"id;n;f;t\r\na;1;1.5;x\r\nb;2;;y\r\n",
    b"t\tid\tn\tf\nx\ta\t1\t2e5\ny\tb\t-2\t-0.5\n",
    b"id|n|f|t\ra|1|1.5|x\rb|2|0|y\r",
    b'id,n,f,t\na,1,1,"x,y"\n"b",2,2,"line\nbreak ""quoted"""\nc,3,3,""\n',
    b'\xef\xbb\xbfid,n,f,t\na,1,1,x\nb,"2",2,"y"',
    b"id,n\na,1\nb,2,3\nc\n\nd,4\n",
    b'id,n\na,"1\nb,2\nc,3"x\nd,4\n',
    b"id,n,f,t\n\xc3\xa9,1,1,\xff\nb\0,2,2,y\n",
    b"id\na\n\nb\n\"\"\n",
    b"id,n\na,1e5\nb,0x1F\nc, 7\nd,1_000\ne,007\nf,+1\n",
)  # fmt: skip
TOKENS = (
    b"\n", b"\r\n", b"\r", b'"', b'""', b'"\n', b'\n"', b",", b";", b"\t", b"|", b",,,", b"\0", b"\xff",
    b"\xef\xbb\xbf",
    b"id,n,f,t\n", b"id\n", b"a,1,1,x\n", b"\xc3\xa9", b"\xc3", b"1e5", b"0x1F", b"-0", b"9223372036854775808",
    b"x" * 70,
    b"\xe2\x80\x8b", b" ",
)  # fmt: skip

Row = tuple[Any, ...]


def plain_records(data: bytes, delimiter: int) -> Iterator[list[bytes | None] | None]:
    """The records of what follows a header, byte by byte: their cells, or None for broken quoting."""
    position = 0
    while position < len(data):
        record, end = _record(data, position, delimiter)
        if record is None:
            while end < len(data) and data[end] not in b"\r\n":
                end += 1
            end = _after_newline(data, end)
        yield record
        position = end


def _record(data: bytes, position: int, delimiter: int) -> tuple[list[bytes | None] | None, int]:
    cells: list[bytes | None] = []
    start = position
    while True:
        if data[position : position + 1] == b'"':
            cell, position = bytearray(), position + 1
            while True:
                closing = data.find(b'"', position)
                if closing < 0:
                    return None, start
                cell += data[position:closing]
                position = closing + 1
                if data[position : position + 1] != b'"':
                    break
                cell, position = cell + b'"', position + 1
            cells.append(bytes(cell))
        else:
            begin = position
            while position < len(data) and data[position] not in b"\r\n" and data[position] != delimiter:
                position += 1
            cells.append(data[begin:position] or None)
        if position == len(data):
            return cells, position
        if data[position] in b"\r\n":
            return cells, _after_newline(data, position)
        if data[position] != delimiter:
            return None, start
        position += 1


def _after_newline(data: bytes, position: int) -> int:
    return position + (2 if data[position : position + 2] == b"\r\n" else 1)


def expected(data: bytes, dialect: CsvDialect, longest: int) -> list[Row | str]:
    """What the exact reader must say of each record: its cells, or its code."""
    rest = data[dialect.header_bytes :]
    if rest and not rest.endswith((b"\n", b"\r")):
        rest += b"\n"
    found: list[Row | str] = []
    for cells in plain_records(rest, ord(dialect.delimiter)):
        # The code of a record that has several faults is the first of these.
        width = len(dialect.header)
        if cells is None:
            found.append("broken-quoting")
        elif cells == [None] and width > 1:
            continue
        elif not all(_decodes(cell) for cell in cells):
            found.append("not-utf-8")
        elif any(b"\0" in (cell or b"") for cell in cells):
            found.append("nul-character")
        elif len(cells) != width:
            found.append("field-count")
        elif any(len(cell or b"") > longest for cell in cells):
            found.append("cell-too-long")
        else:
            found.append(tuple(None if cell is None else cell.decode() for cell in cells))
    return found


def _decodes(cell: bytes | None) -> bool:
    try:
        (cell or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def read(path: Path, dialect: CsvDialect, limits: Resources) -> list[Row | str]:
    """What the exact reader says, in the same form."""
    found: list[Row | str] = []
    for batch in read_csv_records(path, dialect, limits):
        for record in batch.to_pylist():
            problems = record.pop(PROBLEMS)
            assert not problems or (len(problems) == 1 and not any(record.values()))
            found.append(problems[0]["code"] if problems else tuple(record.values()))
    return found


def test_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    wide = Resources()  # in which no record is cut off for its length
    narrow = Resources(max_cell_bytes=60)

    def in_blocks(size: int, dialect: CsvDialect, limits: Resources) -> list[Row | str]:
        with monkeypatch.context() as patch:
            patch.setattr(csv_records, "_BLOCK", size)
            return read(path, dialect, limits)

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        try:
            dialect = read_dialect(path, COLUMNS if data.count(b",") % 3 else COLUMNS[:1], Resources(max_cell_bytes=60))
        except SourceUnreadable as error:
            return told(error)
        rest = len(data) - dialect.header_bytes
        size = (1, 3, 17, 60, 200)[len(data) % 5]
        whole, cut = read(path, dialect, wide), read(path, dialect, narrow)
        assert whole == expected(data, dialect, wide.max_cell_bytes)
        assert in_blocks(size, dialect, wide) == whole, f"blocks of {size} bytes"
        if rest <= (2 * narrow.max_cell_bytes + 4) * len(dialect.header):  # the longest record
            assert cut == expected(data, dialect, narrow.max_cell_bytes)
        again = in_blocks(size, dialect, narrow)
        # A line that is longer than a record may be is called too long or broken: whether all of it was in sight.
        assert list(map(sound, again)) == list(map(sound, cut)), f"blocks of {size} bytes"
        return frozenset(row if isinstance(row, str) else len(row) for row in [*whole, *cut]), dialect.delimiter

    def sound(row: Row | str) -> Row | None:
        return row if isinstance(row, tuple) else None

    fuzz("csv records", target, SEEDS, TOKENS)


def test_fast_and_exact(tmp_path: Path) -> None:
    """What DuckDB read and is believed is what the exact reader reads."""
    path = tmp_path / "x.csv"
    folder = tmp_path / "work"
    folder.mkdir()
    limits = Resources(max_cell_bytes=200, threads=1)
    path.touch()
    connection = connect(folder, limits, files=(path,))
    lock(connection)
    names = count()  # never twice one name: DuckDB may take a file for the one that it has read a moment before

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        source = StageSource(uri="x.csv", path=path, format="csv", compression="none")
        plan = StagePlan(sources=(source,), folder=folder, columns=COLUMNS, strict=False, resources=limits)
        believed = []
        staged: list[list[dict[str, Any]]] = []
        try:
            for number, scan in enumerate(open_scan(connection, plan, source, path)):
                written = folder / f"{next(names)}.parquet"
                if worker._staged_whole(connection, plan, source, scan, written):
                    believed.append(number if scan.tentative else "exact")
                    read = [column.name for column, _, _ in scan.casts]
                    staged.append(pq.read_table(written, columns=[*read, PROBLEMS]).to_pylist())
                    written.unlink()
        except SourceUnreadable as error:
            return told(error)
        assert believed, "no reader is left"
        assert believed[-1] == "exact"
        for fast in staged[:-1]:
            assert fast == staged[-1]
        return tuple(believed), frozenset(str(row[PROBLEMS])[:40] for row in staged[-1])

    fuzz("csv fast and exact", target, SEEDS, TOKENS)
