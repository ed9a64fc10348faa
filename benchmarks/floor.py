"""The floor: DuckDB alone reads a file and writes it as Parquet, and looks at nothing.

`python -m benchmarks.floor SOURCE TARGET --threads N --memory-limit 4GB`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb


def copy(source: Path, target: Path, threads: int, memory_limit: str) -> None:
    """Copy a CSV or Parquet file to a Parquet file.

    DuckDB refuses some files with line breaks in their cells unless one thread alone reads them.
    """
    if source.suffix == ".parquet":
        _copy(f"read_parquet('{source}')", target, threads, memory_limit)
        return
    try:
        _copy(f"read_csv('{source}')", target, threads, memory_limit)
    except duckdb.NotImplementedException:
        _copy(f"read_csv('{source}', parallel = false)", target, threads, memory_limit)


def _copy(rows: str, target: Path, threads: int, memory_limit: str) -> None:
    with duckdb.connect(config={"threads": threads, "memory_limit": memory_limit}) as connection:
        connection.execute(f"SET temp_directory = '{target.parent / 'spill'}'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"COPY (SELECT * FROM {rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="4GB")
    given = parser.parse_args()
    copy(given.source, given.target, given.threads, given.memory_limit)
