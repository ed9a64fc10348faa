"""At which line of a CSV file a record begins: records and lines differ, for a cell may hold newlines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tidegate.config import Resources
from tidegate.readers.csv_dialect import CsvDialect
from tidegate.readers.csv_syntax import NEWLINE, grammar
from tidegate.readers.problems import RECORD_BYTES

LOOKED_THROUGH = 32 << 20
"""How many bytes are looked through: beyond them no line is told."""


def lines_of_csv(path: Path, dialect: CsvDialect, limits: Resources, records: Sequence[int]) -> dict[int, int]:
    """The first line of records, counted from 1 as the header's; of those that begin soon enough.

    Args:
        path: the plain file.
        records: their numbers in this file, from 1, in order.
    """
    with path.open("rb") as file:
        data = file.read(LOOKED_THROUGH)
        cut = bool(file.read(1))
        if not cut and not data.endswith((b"\n", b"\r")):
            data += b"\n"
    wanted, last = set(records), records[-1]
    syntax, width = grammar(dialect.delimiter), len(dialect.header)
    most = min((2 * limits.max_cell_bytes + 4) * width, RECORD_BYTES)  # as the reader bounds a record
    found: dict[int, int] = {}
    position, line, number = dialect.header_bytes, _newlines(data[: dialect.header_bytes]) + 1, 0
    while number < last and position < len(data):
        record = syntax.record.match(data, position)
        if record is None and cut and len(data) - position <= most and syntax.beginning.match(data, position):
            break  # it may go on beyond what is looked through
        if record is None or (record.end() - position > most and _newlines(record[0]) > 1):
            # A quote that is never closed: the reader gives up its line, and goes on behind it.
            record = NEWLINE.search(data, position)
            if record is None:
                break
        text = data[position : record.end()]
        if width == 1 or text.strip(b"\r\n"):
            number += 1
            if number in wanted:
                found[number] = line
        line += _newlines(text)
        position = record.end()
    return found


def _newlines(data: bytes) -> int:
    returns = data.count(b"\r")
    return data.count(b"\n") + (returns - data.count(b"\r\n") if returns else 0)
