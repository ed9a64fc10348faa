"""The profile of a contribution's columns: read off footers, and silent about what may not be told."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from mlflow.utils.validation import MAX_DATASET_SCHEMA_SIZE

from tidegate.columns import Column
from tidegate.pool import mlflow_columns
from tidegate.tracking.inputs import profile_of


def test_numbers_and_times_have_ends_and_all_have_nulls(tmp_path: Path) -> None:
    day, moment = datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    cells = {
        "count": [3, None, 7],
        "text": ["a", "b", None],
        "share": [1.5, float("inf"), None],
        "day": [day] * 3,
        "price": pa.array([Decimal("1.20")] * 3, pa.decimal128(10, 2)),
        "nothing": pa.array([None] * 3, pa.int64()),
        "list": [[1], [2], []],
        "card": [9, 8, 7],
        "moment": pa.array([moment] * 3, pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(cells), tmp_path / "x.parquet", row_group_size=2)
    kinds = {
        "count": "int64", "text": "string", "share": "float64", "day": "date", "price": "decimal(10, 2)",
        "nothing": "int64", "list": "array<int64>", "card": "int64", "moment": "timestamp('UTC', 6)", "absent": "int64",
    }  # fmt: skip
    columns = [Column(name, kind) for name, kind in kinds.items()]
    assert profile_of([tmp_path / "x.parquet"] * 2, columns, {"card"}) == {
        "count": {"nulls": 2, "min": 3, "max": 7},
        "text": {"nulls": 2},
        "share": {"nulls": 2, "min": 1.5, "max": "inf"},
        "day": {"nulls": 0, "min": "2020-01-01", "max": "2020-01-01"},
        "price": {"nulls": 0, "min": "1.20", "max": "1.20"},
        "nothing": {"nulls": 6},
        "card": {"nulls": 0},
        "moment": {"nulls": 0, "min": "2020-01-01T00:00:00+00:00", "max": "2020-01-01T00:00:00+00:00"},
    }


def test_ends_are_told_only_where_every_part_tells_them(tmp_path: Path) -> None:
    pq.write_table(pa.table({"count": [1]}), tmp_path / "with.parquet")
    pq.write_table(pa.table({"count": [100]}), tmp_path / "without.parquet", write_statistics=False)
    files = [tmp_path / "with.parquet", tmp_path / "without.parquet"]
    assert profile_of(files, [Column("count", "int64")], set()) == {}
    assert profile_of(files[:1] * 1_001, [Column("count", "int64")], set()) == {}


def test_a_schema_that_mlflow_would_refuse_is_left_out() -> None:
    def told(letters: int) -> Any:
        return mlflow_columns(pa.schema([(f"{n}".rjust(letters, "x"), pa.int64()) for n in range(2_000)]))

    assert len(told(60)["mlflow_colspec"]) == 2_000
    assert told(60 + MAX_DATASET_SCHEMA_SIZE // 2_000) is None
