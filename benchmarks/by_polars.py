"""The fastest that a user would write without Tidegate, for flights: Polars streaming with Pandera's Polars schema.

Pandera judges a lazy frame's schema alone, so each batch of the stream is judged as a frame. No Great Expectations: it
knows no Polars. No quarantine, no protection from malformed records, no commit, no history.

`python -m benchmarks.by_polars SOURCE POOL_PARQUET_FOLDER TARGET`
"""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path
from typing import Annotated

import pandera.polars as pa
import polars as pl

KEY = ["time_hour", "carrier", "flight", "origin"]
CLOCK = {"min_value": 0, "max_value": 2400}
DELAY = {"min_value": -180, "max_value": 10_080}


class Flights(pa.DataFrameModel):
    """contracts/flights/v1_1.py once more: a contract for pandas is none for Polars."""

    year: int = pa.Field(in_range={"min_value": 1987, "max_value": 2100})
    month: int = pa.Field(in_range={"min_value": 1, "max_value": 12})
    day: int = pa.Field(in_range={"min_value": 1, "max_value": 31})
    dep_time: int = pa.Field(nullable=True, in_range=CLOCK)
    sched_dep_time: int = pa.Field(in_range=CLOCK)
    dep_delay: int = pa.Field(nullable=True, in_range=DELAY)
    arr_time: int = pa.Field(nullable=True, in_range=CLOCK)
    sched_arr_time: int = pa.Field(in_range=CLOCK)
    arr_delay: int = pa.Field(nullable=True, in_range=DELAY)
    carrier: str = pa.Field(str_matches="^[A-Z0-9]{2}$")
    flight: int = pa.Field(ge=1)
    tailnum: str = pa.Field(nullable=True, str_length={"min_value": 2, "max_value": 10})
    origin: str = pa.Field(isin=["EWR", "JFK", "LGA"])
    dest: str = pa.Field(str_matches="^[A-Z]{3}$")
    air_time: int = pa.Field(nullable=True, in_range={"min_value": 1, "max_value": 1_440})
    distance: int = pa.Field(gt=0)
    hour: int = pa.Field(in_range={"min_value": 0, "max_value": 24})
    minute: int = pa.Field(in_range={"min_value": 0, "max_value": 59})
    time_hour: Annotated[pl.Datetime, "us", "UTC"]

    class Config:
        strict = True
        drop_invalid_rows = True


def main() -> None:
    """Judge a file, and write what passes and is new."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("pool", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()

    counter = threading.Lock()
    read = passed = 0

    def judge(batch: pl.DataFrame) -> pl.DataFrame:
        nonlocal read, passed
        good = Flights.validate(batch, lazy=True)
        with counter:
            read, passed = read + len(batch), passed + len(good)
        return good

    known = pl.scan_parquet(given.pool / "*.parquet").select(KEY)
    (
        scan(given.source)
        .map_batches(judge, streamable=True)
        .unique(KEY, keep="first")
        .join(known, on=KEY, how="anti")
        .sink_parquet(given.target, compression="zstd", maintain_order=False)
    )

    accepted = pl.scan_parquet(given.target).select(pl.len()).collect().item()
    rows = {"read": read, "failed": read - passed, "duplicate": passed - accepted, "accepted": accepted}
    print(json.dumps({"rows": rows}))


def scan(source: Path) -> pl.LazyFrame:
    """The file's rows in the contract's types."""
    if source.suffix == ".parquet":
        return pl.scan_parquet(source)
    types = {name: column.dtype.type for name, column in Flights.to_schema().columns.items()}
    text = {name: pl.String if name == "time_hour" else kind for name, kind in types.items()}
    return pl.scan_csv(source, schema=text).with_columns(pl.col("time_hour").str.to_datetime(time_zone="UTC"))


if __name__ == "__main__":
    main()
