"""Rows that are there already: flat rows of [record, place]."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir
import pyarrow
import pytest

from tidegate import keys
from tidegate.errors import Misuse
from tidegate.merge import dedupe_columns, duplicates, leaks


@pytest.fixture
def hashes(bench: Any) -> Callable[..., ir.Table]:
    """A function: the hashes of keys that recur in one table, or in both."""

    def find(rows: ir.Table, others: ir.Table | None, columns: list[str]) -> ir.Table:
        theirs = None if others is None else keys.hashes_of(others, columns)
        path = bench.folder / f"hashes-{uuid.uuid4().hex}.parquet"
        file = bench.engine.recurring(keys.hashes_of(rows, columns), theirs, path)
        table: ir.Table = bench.engine.table(f"hashes_{path.stem[7:]}", (file,))
        return table

    return find


def found(expression: Any) -> list[list[Any]]:
    return sorted([list(row.values()) for row in expression.to_pyarrow().to_pylist()])


def test_of_a_repeated_row_the_first_stays(bench: Any, hashes: Callable[..., ir.Table]) -> None:
    rows = bench.table({"k": ["a", "b", "a", "a"], "v": [1, 2, 3, 4]})
    assert found(duplicates(rows, None, ["k"], hashes(rows, None, ["k"]))) == [[3, "submission"], [4, "submission"]]


def test_a_row_of_the_pool_is_named_once(bench: Any, hashes: Callable[..., ir.Table]) -> None:
    rows = bench.table({"k": ["a", "b", "a", "c"]})
    pool = bench.table({"k": ["a", "z"]})
    assert found(duplicates(rows, pool, ["k"], hashes(rows, pool, ["k"]))) == [[1, "pool"], [3, "pool"]]


def test_null_equals_null_and_nothing_else(bench: Any, hashes: Callable[..., ir.Table]) -> None:
    rows = bench.table({"k": [None, "a", None, ""], "l": [1, 1, 1, 1]})
    assert found(duplicates(rows, None, ["k", "l"], hashes(rows, None, ["k", "l"]))) == [[3, "submission"]]
    pool = bench.table({"k": pyarrow.array([None], pyarrow.string()), "l": [1]})
    assert found(duplicates(rows, pool, ["k", "l"], hashes(rows, pool, ["k", "l"]))) == [[1, "pool"], [3, "pool"]]


def test_lists_are_compared_by_what_they_hold(bench: Any, hashes: Callable[..., ir.Table]) -> None:
    rows = bench.table({"k": [["a", "b"], ["ab"], ["a", "b"]]})
    assert found(duplicates(rows, None, ["k"], hashes(rows, None, ["k"]))) == [[3, "submission"]]


def test_a_hash_that_collides_loses_nothing(
    bench: Any, hashes: Callable[..., ir.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.keys.key_hash", lambda table, columns: table[columns[0]].length() * 0)
    rows = bench.table({"k": ["a", "b", "c", "b"]})
    assert found(
        duplicates(rows, bench.table({"k": ["c", "d"]}), ["k"], hashes(rows, bench.table({"k": ["c", "d"]}), ["k"]))
    ) == [[3, "pool"], [4, "submission"]]


def test_leaks_match_the_holdout(bench: Any, hashes: Callable[..., ir.Table]) -> None:
    rows, holdout = bench.table({"k": [1, 2, 3, 2]}), bench.table({"k": [2, 9]})
    assert found(leaks(rows, holdout, ["k"], hashes(rows, holdout, ["k"]))) == [[2], [4]]


@pytest.mark.parametrize(
    ("setting", "columns"), [(True, ("k",)), (False, None), (("v",), ("v",)), (("k", "v"), ("k", "v"))]
)
def test_dedupe_columns(setting: Any, columns: Any) -> None:
    assert dedupe_columns(setting, ("k",), ("k", "v")) == columns


def test_an_unknown_dedupe_column_is_refused() -> None:
    with pytest.raises(Misuse, match=r"'keey'.*\n\nDid you mean 'key'"):
        dedupe_columns(("keey",), ("key",), ("key", "v"))
