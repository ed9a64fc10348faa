"""Declared repairs of missing values."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.columns import Column
from tidegate.errors import Misuse
from tidegate.merge import apply_missing, check_missing, dropped_for_missing

COLUMNS = (
    Column("n", "int64", nullable=True),
    Column("x", "float64", nullable=True),
    Column("s", "string", nullable=True),
    Column("l", "array<string>"),
)


def filled(bench: Any, how: dict[str, Any]) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    table = bench.table({"n": [1, None, 2, 2], "x": [1.0, 2.0, None, 6.0], "s": ["a", None, "b", "b"]})
    missing = apply_missing(table, how, COLUMNS)
    rows = missing.rows.order_by("_record").select("n", "x", "s").to_pyarrow().to_pylist()
    return rows, [[repair.column, repair.detail, repair.cells] for repair in missing.repairs]


def test_statistics_fill_nulls_and_are_stated(bench: Any) -> None:
    rows, repairs = filled(bench, {"n": "mean", "x": "median", "s": "mode"})
    assert rows[1] == {"n": 2, "x": 2.0, "s": "b"}
    assert rows[2]["x"] == 2.0
    assert repairs == [
        ["n", "mean 1.6666666666666667, rounded to 2", 1],
        ["x", "median 2.0", 1],
        ["s", "mode b", 1],
    ]


def test_a_value_fills_nulls(bench: Any) -> None:
    rows, repairs = filled(bench, {"n": 0, "s": "none"})
    assert (rows[1]["n"], rows[1]["s"]) == (0, "none")
    assert [repair[0] for repair in repairs] == ["n", "s"]


def test_drop_row_marks_rows_and_fills_none(bench: Any) -> None:
    table = bench.table({"n": [1, None], "x": [None, 1.0], "s": ["a", "b"]})
    unfit = dropped_for_missing(table, {"n": "drop_row"})
    assert table.filter(unfit).to_pyarrow().column("_record").to_pylist() == [2]
    assert dropped_for_missing(table, {"n": 0}) is None
    assert apply_missing(table, {"n": "drop_row"}, COLUMNS).repairs == ()


def test_of_equally_frequent_values_the_mode_is_the_smallest(bench: Any) -> None:
    table = bench.table({"n": [2, 1, None], "x": [0.0] * 3, "s": ["a"] * 3})
    assert apply_missing(table, {"n": "mode"}, COLUMNS).repairs[0].detail == "mode 1"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"m": 1}, "no such column"),
        ({"s": "mean"}, "no mean of a string column"),
        ({"n": "abc"}, "'abc' is no value of a int64 column"),
        ({"n": 1.5}, "1.5 is no value of a int64 column"),
        ({"n": True}, "True is no value of a int64 column"),
        ({"s": 1}, "1 is no value of a string column"),
        ({"l": "mode"}, "'mode' is no value of a array<string> column"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_data_is_read(missing: dict[str, Any], message: str) -> None:
    with pytest.raises(Misuse, match=message):
        check_missing(missing, COLUMNS)
