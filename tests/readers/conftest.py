"""What the readers' tests share: files from bytes, and rows from batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tidegate.columns import PROBLEMS


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes bytes to a file: ``write(b"a,b\\n", "x.csv")``."""

    def write_file(data: bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


@pytest.fixture
def rows_of() -> Callable[[Iterable[pa.RecordBatch]], list[list[Any]]]:
    """A function from batches to rows: the cells of a sound record, or [record, column, code] of each problem."""

    def rows(batches: Iterable[pa.RecordBatch]) -> list[list[Any]]:
        records = [record for batch in batches for record in batch.to_pylist()]
        found: list[list[Any]] = []
        for number, record in enumerate(records, start=1):
            problems = record.pop(PROBLEMS)
            found += [[number, p["column"], p["code"]] for p in problems or []] or [list(record.values())]
        return found

    return rows
