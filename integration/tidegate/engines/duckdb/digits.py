"""How many bytes whole numbers take when they are written the one canonical way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tidegate.engines.duckdb.connection import added, identifier, quoted

_MOST = 10**20  # more than any 64-bit number


def count_digits(connection: duckdb.DuckDBPyConnection, file: Path, columns: Sequence[str]) -> int:
    """The digits and minus signs of all numbers in `columns` of a Parquet file that we wrote.

    Counting how many numbers reach 10, 100, ... takes half as long as writing them out. How far to go, the file's own
    statistics tell.
    """
    if not columns:
        return 0
    metadata = pq.read_metadata(file)
    places: dict[str, list[int]] = {}
    for place in range(metadata.num_columns):
        places.setdefault(metadata.schema.column(place).path, []).append(place)
    ranges = {name: _range(metadata, places[name]) for name in columns}
    counted = added([term for name, span in ranges.items() for term in _digits(identifier(name), *span)])
    row = connection.execute(f"SELECT {counted} FROM read_parquet({quoted(str(file))})").fetchone()
    assert row is not None
    return int(row[0])


def _digits(cell: str, low: int, high: int) -> list[str]:
    steps = [10**power for power in range(1, 21)]
    longer = [f"({cell} >= {step})::UTINYINT" for step in steps if step <= high]
    longer += [f"({cell} <= -{step})::UTINYINT" for step in steps if -step >= low]
    longer += [f"({cell} < 0)::UTINYINT"] if low < 0 else []
    return [f"count({cell})", *(f"coalesce(sum({each}), 0)" for each in longer)]


def _range(metadata: pq.FileMetaData, places: Sequence[int]) -> tuple[int, int]:
    """The smallest and the largest value of the column at a place, or bounds that none exceeds."""
    if len(places) != 1:  # a field of a struct can have the path of a column with a dot in its name
        return -_MOST, _MOST
    low = high = 0
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(places[0])
        known = column.statistics
        if known is not None and known.has_min_max:
            low, high = min(low, int(known.min)), max(high, int(known.max))
        elif known is None or known.null_count != column.num_values:
            return -_MOST, _MOST
    return low, high
