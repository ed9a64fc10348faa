"""How many bytes whole numbers take when they are written the one canonical way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tidegate.engines.duckdb.connection import added, identifier, quoted
from tidegate.engines.duckdb.footer import in_file, places_of
from tidegate.engines.plan import Extremes


def count_digits(connection: duckdb.DuckDBPyConnection, file: Path, columns: Sequence[str]) -> int:
    """How many characters the numbers in these columns of a Parquet file take, signs included, nulls none.

    Counting how many numbers reach 10, 100, ... takes half as long as writing them out. How far to go, the file's own
    statistics say, and what all numbers reach, or none, is not counted.
    """
    metadata, found, terms = pq.read_metadata(file), 0, []
    places = places_of(metadata)
    for name in columns:
        known = in_file(metadata, places[name]) if name in places else None
        if known is None:
            terms += [f"coalesce(sum(strlen({identifier(name)}::VARCHAR)), 0)"]
        elif known.values:
            reached, some = _steps(identifier(name), known)
            found += known.values * (1 + reached)
            terms += some
    if not terms:
        return found
    row = connection.execute(f"SELECT {added(terms)} FROM read_parquet({quoted(str(file))})").fetchone()
    assert row is not None
    return found + int(row[0])


def _steps(cell: str, known: Extremes) -> tuple[int, list[str]]:
    """How many characters after the first all numbers have, and the sums of those that only some have."""
    low, high = known.low, known.high
    assert low is not None
    assert high is not None
    steps = [(f"{cell} < 0", high < 0, low < 0)]
    for step in (10**power for power in range(1, 21)):
        steps.append((f"{cell} >= {step}", low >= step, high >= step))
        steps.append((f"{cell} <= -{step}", high <= -step, low <= -step))
    reached = sum(everywhere for _, everywhere, _ in steps)
    some = [
        f"coalesce(sum(({each})::UTINYINT), 0)" for each, everywhere, anywhere in steps if anywhere and not everywhere
    ]
    return reached, some
