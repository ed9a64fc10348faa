"""Thousands of columns and rules make one expression that no library or engine finds too deep."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from tidegate.engines.conditions import any_of
from tidegate.engines.duckdb.connection import added


@pytest.mark.parametrize("many", [0, 1, 2, 3, 7, 3_000])
def test_a_sum_of_any_length(many: int) -> None:
    assert duckdb.execute(f"SELECT {added([str(n) for n in range(many)])}").fetchall() == [(sum(range(many)),)]


@pytest.mark.parametrize(("values", "found"), [([], []), ([2], [2]), ([1, 3], [1, 3]), ([*range(3, 3_000), 1], [1, 3])])
def test_one_of_any_number_of_conditions(bench: Any, values: list[int], found: list[int]) -> None:
    rows = bench.table({"a": [1, 2, 3]})
    held = rows.filter(any_of([rows["a"] == value for value in values]))
    assert sorted(held.to_pyarrow().column("a").to_pylist()) == found
