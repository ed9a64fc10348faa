"""Extremes of columns, from footers of our own files: all of a column, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit import judge_rules
from tidegate.audit.shape import Shape
from tidegate.columns import RECORD
from tidegate.engines import DataFile, Extremes
from tidegate.engines.duckdb.footer import extremes

INTEGERS = pa.schema([("n", pa.int64())])


def write(path: Path, cells: dict[str, list[Any]], schema: pa.Schema | None = None, **how: Any) -> DataFile:
    table = pa.table(cells, schema=schema)
    pq.write_table(table, path, **how)
    return DataFile(path=path, rows=table.num_rows)


@pytest.mark.parametrize("group", [1, 2, 100])
def test_they_are_those_of_all_row_groups_and_files(tmp_path: Path, group: int) -> None:
    files = (
        write(tmp_path / "a", {"n": [5, None, -3], "x": [0.5, 2.0, None]}, row_group_size=group),
        write(tmp_path / "b", {"n": [None, 2**63 - 1], "x": [1.0, float("inf")]}, row_group_size=group),
    )
    assert extremes(files, ["n", "x", "absent"]) == {
        "n": Extremes(low=-3, high=2**63 - 1, values=3, nulls=2),
        "x": Extremes(low=0.5, high=float("inf"), values=4, nulls=1),
    }


def test_of_nothing_but_nulls_there_is_neither(tmp_path: Path) -> None:
    file = write(tmp_path / "a", {"n": [None, None]}, INTEGERS)
    assert extremes((file,), ["n"]) == {"n": Extremes(nulls=2)}


def test_what_one_file_does_not_tell_is_not_told(tmp_path: Path) -> None:
    whole = write(tmp_path / "a", {"n": [1]})
    assert extremes((whole, write(tmp_path / "b", {"m": [1]})), ["n"]) == {}
    assert extremes((whole, write(tmp_path / "c", {"n": [1]}, write_statistics=False)), ["n"]) == {}
    assert extremes((whole, write(tmp_path / "d", {"n": ["x"]})), ["n"]) == {}
    assert extremes((), ["n"]) == {}
    assert extremes((whole,) * 65, ["n"]) == {}


def test_a_field_of_a_struct_is_not_taken_for_a_column(tmp_path: Path) -> None:
    file = write(tmp_path / "a", {"s": [{"n": 100}], "s.n": [1]})
    assert extremes((file,), ["s.n"]) == {}


RANGED = "n: pd.Int64Dtype = pa.Field({}, nullable={})"


@pytest.mark.parametrize(
    ("rule", "nullable", "cells", "read"),
    [
        ("ge=1, le=9", True, [1, 9, None], False),
        ("ge=1, le=9", False, [1, 9], False),
        ("ge=1, le=9", False, [1, None], True),
        ("ge=2, le=9", True, [1, 9], True),
        ("ge=1, lt=9", True, [1, 9], True),
        ("in_range={'min_value': 1, 'max_value': 9, 'include_max': False}", True, [1, 9], True),
        ("in_range={'min_value': 1, 'max_value': 9}", True, [1, 9], False),
        ("ne=5", True, [1, 9], True),  # what lies between may be 5
        ("isin=[1, 9]", True, [1, 9], True),
        ("ge=1", True, [None, None], False),
    ],
)
def test_rows_are_read_only_for_rules_that_the_extremes_leave_open(
    make_contract: Any, bench: Any, rule: str, nullable: bool, cells: list[Any], read: bool
) -> None:
    contract = make_contract(RANGED.format(rule, nullable))
    file = write(bench.folder / "rows.parquet", {"n": cells}, INTEGERS)
    rows = bench.engine.table("rows", (file,), record=RECORD)
    work = bench.folder / "work"
    work.mkdir()
    judge_rules(bench.engine, rows, contract, Shape((), (), (), {}), work, None, extremes((file,), ["n"]))
    assert (work / "failures-lowered.parquet").exists() == read
