"""Repeated and shared keys, confirmed on their true values."""

from __future__ import annotations

from typing import Any

import ibis
import pytest

from tidegate.columns import RECORD
from tidegate.findings import Findings
from tidegate.keys import COPIES, COPY, hashes_of, narrowed, repeats, shared

CELLS = {"a": [2, 1, 2, None, 2, None, 3], "b": ["x", "x", "x", "y", "z", "y", None]}


def rows_of(table: Any, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in columns) for row in table.to_pyarrow().to_pylist())


def test_copies_are_numbered_in_the_order_of_records(bench: Any) -> None:
    found = repeats(narrowed(bench.table(CELLS), ["a", "b"], hashes_of(bench.table(CELLS), ["a", "b"])))
    assert rows_of(found, RECORD, COPY, COPIES) == [(1, 0, 2), (3, 1, 2), (4, 0, 2), (6, 1, 2)]


def test_many_copies_are_in_order_also_where_the_engine_met_them_in_another(bench: Any) -> None:
    table = bench.table({"a": [n % 3 for n in range(30_000)]})
    backwards = table.order_by(ibis.desc(RECORD))
    found = repeats(narrowed(backwards, ["a"], hashes_of(table, ["a"]))).to_pyarrow()
    records, copies = found.column(RECORD).to_pylist(), found.column(COPY).to_pylist()
    assert all(copy == (record - 1) // 3 for record, copy in zip(records, copies, strict=True))
    assert set(found.column(COPIES).to_pylist()) == {10_000}


def test_only_rows_with_one_of_the_hashes_are_kept(bench: Any) -> None:
    table = bench.table(CELLS)
    wanted = hashes_of(bench.table({"a": [2]}), ["a"])
    narrow = narrowed(table, ["a"], wanted)
    assert set(narrow.columns) == {RECORD, "_k0"}
    assert rows_of(narrow, RECORD, "_k0") == [(1, 2), (3, 2), (5, 2)]
    assert set(narrowed(table.drop(RECORD), ["a"], wanted).columns) == {"_k0"}


@pytest.mark.parametrize(("columns", "expected"), [(["a"], [1, 3, 4, 5, 6]), (["a", "b"], [4, 6])])
def test_shared_keys_are_the_same_in_every_column_null_too(bench: Any, columns: list[str], expected: list[int]) -> None:
    ours, theirs = bench.table(CELLS), bench.table({"a": [None, 2, 9], "b": ["y", None, "x"]}).drop(RECORD)
    narrow = [narrowed(table, columns, hashes_of(theirs, columns)) for table in (ours, theirs)]
    assert rows_of(shared(*narrow), RECORD) == [(record,) for record in expected]


def test_rows_without_a_column_of_the_key_have_nulls_there(bench: Any) -> None:
    """As a pool or a holdout may be, where the contract does not require that column."""
    rows, others = bench.table({"k": ["a", None]}), bench.table({"v": [1]})
    found = Findings(bench.engine, bench.folder).candidates("within", rows, ["k"], others)
    assert found is not None
    assert found[1] is not None
    assert shared(found[0], found[1]).to_pyarrow()[RECORD].to_pylist() == [2]
