"""A dataset as a lazy frame of Polars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from tidegate.pool.location import pool_location
from tidegate.pool.reading import Reading

_BATCH = 65_536


def lazy_frame(reading: Reading) -> pl.LazyFrame:
    """The rows, scanned when they are collected.

    Polars reads the files of a local pool itself, and pushes down what is selected and filtered. In an object store,
    and where there is a filter of Arrow's, Arrow reads: what is selected is pushed down, and that filter.
    """
    location = pool_location(reading.uri)
    if isinstance(location, Path) and reading.where is None and reading.sizes:
        return _scanned(reading, location)
    return _streamed(reading)


def _scanned(reading: Reading, root: Path) -> pl.LazyFrame:
    """The files, whose columns may be fewer or in another spelling of their type than the pool's."""
    return pl.scan_parquet(
        [root / name for name in reading.sizes],
        schema=_schema(reading.schema),
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
        hive_partitioning=False,
        cast_options=pl.ScanCastOptions(
            integer_cast="upcast",
            float_cast="upcast",
            datetime_cast=["nanosecond-downcast", "convert-timezone"],
            categorical_to_string="allow",
        ),
    ).select(reading.columns)


def _streamed(reading: Reading) -> pl.LazyFrame:
    def frames(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        chosen = replace(reading, columns=tuple(columns)) if columns else reading
        for batch in chosen.batches(size or _BATCH):
            frame = pl.DataFrame(pl.from_arrow(batch))
            if rows is not None:
                frame, rows = frame.head(rows), rows - min(rows, frame.height)
            yield frame if predicate is None else frame.filter(predicate)
            if rows == 0:
                return

    return register_io_source(frames, schema=_schema(reading.chosen))


def _schema(columns: pa.Schema) -> pl.Schema:
    return pl.DataFrame(pl.from_arrow(columns.empty_table())).schema
