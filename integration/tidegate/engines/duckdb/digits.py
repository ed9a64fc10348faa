"""How many bytes whole numbers take when they are written the one canonical way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tidegate.engines.duckdb.connection import identifier, quoted

_MOST = 10**20  # more than any 64-bit number


def count_digits(connection: duckdb.DuckDBPyConnection, file: Path, columns: Sequence[str]) -> int:
    """The digits and minus signs of all numbers in `columns` of a Parquet file that we wrote.

    Counting how many numbers reach 10, 100, ... takes half as long as writing them out. How far to go, the file's own
    statistics tell.
    """
    if not columns:
        return 0
    counted = " + ".join(_digits(identifier(name), *_range(file, name)) for name in columns)
    row = connection.execute(f"SELECT {counted} FROM read_parquet({quoted(str(file))})").fetchone()
    assert row is not None
    return int(row[0])


def _digits(cell: str, low: int, high: int) -> str:
    steps = [10**power for power in range(1, 21)]
    longer = [f"({cell} >= {step})::UTINYINT" for step in steps if step <= high]
    longer += [f"({cell} <= -{step})::UTINYINT" for step in steps if -step >= low]
    longer += [f"({cell} < 0)::UTINYINT"] if low < 0 else []
    return " + ".join([f"count({cell})", *(f"coalesce(sum({each}), 0)" for each in longer)])


def _range(file: Path, name: str) -> tuple[int, int]:
    """The smallest and the largest value of a column, or bounds that none exceeds."""
    metadata = pq.read_metadata(file)
    places = [place for place in range(metadata.num_columns) if metadata.schema.column(place).path == name]
    if len(places) != 1:  # a field of a struct can have the path of a column with a dot in its name
        return -_MOST, _MOST
    (place,), low, high = places, 0, 0
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(place)
        known = column.statistics
        if known is not None and known.has_min_max:
            low, high = min(low, int(known.min)), max(high, int(known.max))
        elif known is None or known.null_count != column.num_values:
            return -_MOST, _MOST
    return low, high
