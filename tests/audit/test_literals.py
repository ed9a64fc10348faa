"""Literals arrive in the engine as they are, to the last digit and in every time zone."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tidegate.audit.literals import literal
from tidegate.columns import Column

UTC = "timestamp('UTC', 6)"
NOON = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("column", "value", "seen"),
    [
        (Column("t", UTC), pd.Timestamp(NOON).tz_convert("America/New_York"), NOON),
        (Column("t", UTC), NOON.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30))), NOON),
        (Column("t", "timestamp(6)"), pd.Timestamp("2026-07-01 12:00:00.000001"), None),
        # Beyond 2^53, where a float would lose the last one.
        (Column("d", "int64", duration=True), pd.Timedelta(9_007_199_254_740_993, unit="us"), 9_007_199_254_740_993),
        (Column("n", "decimal(38, 2)"), Decimal("123456789012345678901234567890123456.78"), None),
        (Column("x", "float32"), 0.1, 0.10000000149011612),
        (Column("x", "float32"), float("inf"), float("inf")),
        (Column("s", "string"), "it's XX", None),
        (Column("s", "string"), np.str_("numpy's"), None),
        (Column("b", "boolean"), np.bool_(True), True),
        (Column("b", "boolean"), False, None),
        (Column("d", "date"), datetime.date(2026, 7, 1), None),
        (Column("x", "float64"), 0.1, None),
        (Column("x", "float64"), 7, 7.0),
        (Column("x", "float64"), np.float64(1e300), 1e300),
        (Column("n", "int64"), -7.0, -7),
        (Column("n", "uint8"), 1, None),
        (Column("n", "uint8"), 0, None),
        (Column("n", "int64"), 2**53 - 1, None),
    ],
)
def test_a_literal_arrives_as_it_is(bench: Any, column: Column, value: Any, seen: Any) -> None:
    found = literal(column, None, value)
    assert found is not None
    (arrived,) = bench.table({"x": [1]}).select(v=found).to_pyarrow()["v"].to_pylist()
    assert arrived == (value if seen is None else seen)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("t", UTC), pd.Timestamp("2026-07-01")),  # pandas refuses to compare it
        (Column("t", "timestamp(6)"), pd.Timestamp(NOON)),
        (Column("t", "timestamp(6)"), pd.Timestamp("2026-07-01 12:00:00.000000001")),
        (Column("d", "int64", duration=True), pd.Timedelta(1, unit="ns")),
        (Column("n", "decimal(4, 2)"), Decimal(100)),
        (Column("n", "decimal(4, 2)"), Decimal("1.001")),
        (Column("x", "float32"), 3.5e38),
        (Column("x", "float32"), float("nan")),
        (Column("s", "string"), "a\0b"),
        (Column("s", "string"), 7),
        (Column("b", "boolean"), 1),
        (Column("d", "date"), NOON),
        (Column("d", "date"), "2026-07-01"),
        (Column("x", "float64"), float("nan")),
        (Column("x", "float64"), 2**53 + 1),
        (Column("x", "float64"), "1"),
        (Column("x", "float64"), True),
        (Column("n", "int64"), 1.5),
        (Column("n", "int64"), 2**53),
        (Column("n", "uint8"), -1),
        (Column("n", "decimal(4, 2)"), True),
        (Column("n", "decimal(4, 2)"), 1.5),
        (Column("t", UTC), "2026-07-01"),
        (Column("t", UTC), pd.NaT),
        (Column("t", "timestamp(6)"), "2026-07-01"),
        (Column("j", "string", json=True), "{}"),
        (Column("l", "array<string>"), "[]"),
        (Column("s", "string"), None),
    ],
)
def test_what_would_arrive_otherwise_is_left_to_pandera(column: Column, value: Any) -> None:
    assert literal(column, None, value) is None


def test_a_number_beside_floats_of_arrow_is_left_to_pandera() -> None:
    """Arrow widens the column, where NumPy rounds the number."""
    assert literal(Column("x", "float32"), pd.ArrowDtype(pa.float32()), 0.1) is None
