"""How many rows a row group of what we write may have.

DuckDB holds the row group that it writes in memory, once for each thread, and reads back at least 2,048 rows of one at
once. Its 122,880 rows are right for most data. Of cells of a megabyte they are more than any machine has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from tidegate.engines.plan import DataFile

_MOST = 122_880  # DuckDB's own
_SHARE = 16  # of the limit: each thread has one that is collected and one that is compressed, and a scan of its own
_CELL = 16  # bytes of a cell in memory, at least
_SAMPLES, _SAMPLE = 8, 1 << 18


def rows_of_group(encoded: float, columns: int, limit: int) -> int:
    """How many rows of about that size, in a row group, take a sixteenth of the limit in memory."""
    return int(max(1, min(limit / _SHARE / row_bytes(encoded, columns), _MOST)))


def row_bytes(encoded: float, columns: int) -> float:
    """How large a row is in memory, at least, that in a file takes `encoded` bytes."""
    return max(encoded, columns * _CELL, 1)


def bytes_of_record(plain: Path, mark: bytes) -> float:
    """About how long a record of a text file is, by how many marks stand in a few places of it, one for each record."""
    size = plain.stat().st_size
    places = min(_SAMPLES, -(-size // _SAMPLE))
    read = marks = 0
    with plain.open("rb") as file:
        for number in range(places):
            file.seek((size - _SAMPLE) * number // (places - 1) if number else 0)
            block = file.read(_SAMPLE)
            read += len(block)
            marks += block.count(mark)
    return read / max(marks, 1)


def bytes_of_row(path: Path) -> float:
    """The mean row of a Parquet file, uncompressed."""
    metadata = pq.read_metadata(path)
    size = sum(int(metadata.row_group(number).total_byte_size) for number in range(metadata.num_row_groups))
    return size / max(int(metadata.num_rows), 1)


def widest(files: Sequence[DataFile]) -> float:
    """The mean row of the file that has the longest."""
    full = [file for file in files if file.rows]
    return bytes_of_row(max(full, key=lambda file: file.path.stat().st_size / file.rows).path) if full else 0
