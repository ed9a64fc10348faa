"""Which 64-bit values occur twice: sorted by NumPy, in a tenth of the time that grouping by them takes.

Values are read in as many passes as it takes to hold one pass' share of them; what they are compared with is streamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.engines.plan import DataFile

_BYTES_A_VALUE = 24  # as it is read, once more where batches become one array, and some to sort
_BATCH_ROWS = 1 << 20

_Values = npt.NDArray[np.int64]


def write_recurring(
    connection: duckdb.DuckDBPyConnection, name: str, values: str, others: str | None, path: Path, memory: int
) -> DataFile:
    """Write the values that occur twice in `values`, or both in it and in `others`, each once, in order.

    Args:
        name: of the column that holds them, in the queries and in the file.
        values: a query.
        others: another one, or None.
        memory: how many bytes the values of one pass may take.
    """
    row = connection.execute(f"SELECT count(*) FROM ({values})").fetchone()
    assert row is not None
    passes = 1 << max(0, (int(row[0]) * _BYTES_A_VALUE // memory).bit_length())
    schema, rows = pa.schema([(name, pa.int64())]), 0
    with pq.ParquetWriter(path, schema) as writer:
        for number in range(passes if row[0] else 0):
            share = f"WHERE ({name} & {passes - 1}) = {number}" if passes > 1 else ""
            ours = _sorted(_batches(connection, f"SELECT {name} FROM ({values}) {share}"))
            found = [ours[1:][ours[1:] == ours[:-1]]]
            if others is not None:
                found += [
                    _common(ours, each) for each in _batches(connection, f"SELECT {name} FROM ({others}) {share}")
                ]
            recurring = np.unique(np.concatenate(found))
            writer.write_table(pa.table([recurring], schema=schema))
            rows += len(recurring)
    return DataFile(path=path, rows=rows)


def _batches(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[_Values]:
    for batch in connection.execute(query).to_arrow_reader(_BATCH_ROWS):
        yield batch.column(0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)


def _sorted(batches: Iterator[_Values]) -> _Values:
    values = np.concatenate([np.empty(0, np.int64), *batches])
    values.sort()
    return values


def _common(ours: _Values, theirs: _Values) -> _Values:
    """The values of one batch that are among ours, which are in order."""
    theirs = np.sort(theirs)  # neighbours are looked up in neighbouring places, which is what takes the time
    places = np.searchsorted(ours, theirs)
    inside = places < len(ours)
    theirs, places = theirs[inside], places[inside]
    common: _Values = theirs[ours[places] == theirs]
    return common
