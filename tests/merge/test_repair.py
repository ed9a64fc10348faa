"""Declared repairs of missing values."""

from __future__ import annotations

from typing import Any

import pyarrow
import pytest

from tidegate.columns import Column
from tidegate.errors import Misuse
from tidegate.merge import apply_missing, check_missing, dropped_for_missing
from tidegate.merge.repair import Missing

COLUMNS = (
    Column("n", "int64", nullable=True),
    Column("x", "float64", nullable=True),
    Column("s", "string", nullable=True),
    Column("l", "array<string>"),
    Column("c", "int64", categories=(1, 2)),
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
        ["n", "mean 1.66666666667, rounded to 2", 1],
        ["x", "median 2.0", 1],
        ["s", "mode b", 1],
    ]


def test_a_value_fills_nulls(bench: Any) -> None:
    rows, repairs = filled(bench, {"n": 0, "s": "none"})
    assert (rows[1]["n"], rows[1]["s"]) == (0, "none")
    assert repairs == [["n", "value 0", 1], ["s", "value none", 1]]


def test_a_fraction_arrives_as_it_is(bench: Any) -> None:
    for value in (2.675e-17, -0.40015552639681573):  # as a decimal the second would come out one off
        rows, _ = filled(bench, {"x": value})
        assert rows[2]["x"] == value


def test_a_median_of_whole_numbers_is_rounded(bench: Any) -> None:
    table = bench.table({"n": [1, 2, None], "x": [0.0] * 3, "s": ["a"] * 3})
    missing = apply_missing(table, {"n": "median"}, COLUMNS)
    assert missing.rows.order_by("_record").to_pyarrow().column("n").to_pylist() == [1, 2, 2]
    assert missing.repairs[0].detail == "median 1.5, rounded to 2"


def test_what_needs_no_filling_does_not_keep_others_from_it(bench: Any) -> None:
    table = bench.table(pyarrow.table({"n": [1, 2], "x": pyarrow.nulls(2, pyarrow.float64()), "s": ["a", None]}))
    missing = apply_missing(table, {"n": "mean", "x": "mean", "s": "mode"}, COLUMNS)
    assert [[repair.column, repair.cells] for repair in missing.repairs] == [["s", 1]]
    assert apply_missing(table, {"n": 0}, COLUMNS) == Missing(table, ())


def test_a_statistic_of_a_personal_column_is_not_told(bench: Any) -> None:
    table = bench.table({"n": [7, None], "s": ["a", None]})
    columns = (Column("n", "int64", personal=True), Column("s", "string", personal=True))
    missing = apply_missing(table, {"n": "mean", "s": "none"}, columns)
    assert [repair.detail for repair in missing.repairs] == ["mean", "value none"]  # what was configured is no secret


def test_a_default_fills_only_cells_whose_file_has_the_column(bench: Any) -> None:
    table = bench.table({"n": [None, None, 3], "s": ["a", "b", None]})
    missing = apply_missing(
        table, {"n": 0, "s": "z"}, COLUMNS, lambda name: table["_record"] > (1 if name == "n" else 3)
    )
    rows = missing.rows.order_by("_record").select("n", "s").to_pyarrow().to_pylist()
    assert rows == [{"n": None, "s": "a"}, {"n": 0, "s": "b"}, {"n": 3, "s": None}]
    assert [[repair.column, repair.cells] for repair in missing.repairs] == [["n", 1]]


def test_nothing_is_done_where_nothing_is_asked(bench: Any) -> None:
    table = bench.table({"n": [None]})
    assert apply_missing(table, {"n": "drop_row"}, COLUMNS) == Missing(table, ())


def test_drop_row_marks_rows_and_fills_none(bench: Any) -> None:
    table = bench.table({"n": [1, None], "x": [None, 1.0], "s": ["a", "b"]})
    unfit = dropped_for_missing(table, {"n": "drop_row"})
    assert table.filter(unfit).to_pyarrow().column("_record").to_pylist() == [2]
    assert dropped_for_missing(table, {"n": 0}) is None
    assert apply_missing(table, {"n": "drop_row"}, COLUMNS).repairs == ()


def test_of_equally_frequent_values_the_mode_is_the_smallest(bench: Any) -> None:
    table = bench.table({"n": [2, 1, None], "x": [0.0] * 3, "s": ["a"] * 3})
    assert apply_missing(table, {"n": "mode"}, COLUMNS).repairs[0].detail == "mode 1"


MISUSED = "Use mode, drop_row or a value."


@pytest.mark.parametrize(
    ("missing", "fact", "hint"),
    [
        ({"m": 1}, "m: the contract has no such column.", "Known are: c, l, n, s, x."),
        ({"s": "mean"}, "s: there is no mean of a string column.", MISUSED),
        ({"s": "median"}, "s: there is no median of a string column.", MISUSED),
        ({"c": "mean"}, "c: there is no mean of a int64 column.", MISUSED),
        ({"n": "abc"}, "n: 'abc' is no value of a int64 column.", ""),
        ({"s": "drop_row", "n": 1.5}, "n: 1.5 is no value of a int64 column.", ""),
        ({"s": "mode", "n": True}, "n: True is no value of a int64 column.", ""),
        ({"s": 1}, "s: 1 is no value of a string column.", ""),
        ({"l": "mode"}, "l: 'mode' is no value of a array<string> column.", ""),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_data_is_read(missing: dict[str, Any], fact: str, hint: str) -> None:
    with pytest.raises(Misuse) as refused:
        check_missing(missing, COLUMNS)
    assert (refused.value.fact, refused.value.hint or "") == (f"cleaning_config.missing.{fact}", hint)


@pytest.mark.parametrize(
    ("kind", "held", "refused"),
    [
        ("uint8", [0, 255, 7.0], [256, -1, 0.5]),
        ("int64", [2**63 - 1, -(2**63)], [2**63, float("inf")]),
        ("decimal(6, 2)", [9999.99, -1, 0.125], [10_000, 9999.999, float("nan")]),
        ("float32", [0.1, 1e300], ["1"]),
        ("date", ["2026-01-31"], ["2026-02-30", "31.01.2026", "20260131", "2026-01-31T09:30:00", 1]),
        ("timestamp(6)", ["2026-01-31", "2026-01-31 09:30:00.5"], ["2026-01-31T09:30:00Z", "2026-01-31T25:00:00", ""]),
        (
            "timestamp('UTC', 6)",
            ["2026-01-31T09:30:00Z", "2026-01-31T09:30:00+01:00", "2026-01-31"],
            ["2026-01-31T09:30"],
        ),
        ("array<string>", [], ["a"]),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_none_of_it(kind: str, held: list[Any], refused: list[Any]) -> None:
    column = Column("x", kind)
    assert [column.takes(value) for value in (*held, *refused)] == [True] * len(held) + [False] * len(refused)


def test_what_can_be_done_is_not_refused() -> None:
    check_missing({"n": "mean", "x": "median", "s": "mode", "l": "drop_row", "c": 1}, COLUMNS)
    check_missing({"n": 2, "x": 1, "s": "text", "c": "mode"}, COLUMNS)
