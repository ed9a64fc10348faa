"""Rows that are there already: flat rows of [record, place]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir
import pyarrow
import pytest

from tidegate.errors import Misuse
from tidegate.findings import Findings
from tidegate.merge import dedupe_columns, duplicates, leaks

Candidates = Callable[..., tuple[Any, Any]]


@pytest.fixture
def candidates(bench: Any) -> Candidates:
    """A function: the rows of both tables whose key may occur twice, narrowed to it."""

    def find(rows: ir.Table, others: ir.Table | None, *columns: str) -> tuple[ir.Table, ir.Table | None]:
        given = Findings(bench.engine, bench.folder).candidates("test", rows, columns, others)
        assert given is not None
        return given

    return find


def found(expression: Any) -> list[list[Any]]:
    return sorted([list(row.values()) for row in expression.to_pyarrow().to_pylist()])


def test_of_a_repeated_row_the_first_stays(bench: Any, candidates: Candidates) -> None:
    rows = bench.table({"k": ["a", "b", "a", "a"], "v": [1, 2, 3, 4]})
    assert found(duplicates(*candidates(rows, None, "k"))) == [[3, "submission"], [4, "submission"]]


def test_a_row_of_the_pool_is_named_once(bench: Any, candidates: Candidates) -> None:
    rows = bench.table({"k": ["a", "b", "a", "c"]})
    pool = bench.table({"k": ["a", "z"]})
    assert found(duplicates(*candidates(rows, pool, "k"))) == [[1, "pool"], [3, "pool"]]


def test_null_equals_null_and_nothing_else(bench: Any, candidates: Candidates) -> None:
    rows = bench.table({"k": [None, "a", None, ""], "l": [1, 1, 1, 1]})
    assert found(duplicates(*candidates(rows, None, "k", "l"))) == [[3, "submission"]]
    pool = bench.table({"k": pyarrow.array([None], pyarrow.string()), "l": [1]})
    assert found(duplicates(*candidates(rows, pool, "k", "l"))) == [[1, "pool"], [3, "pool"]]


def test_lists_are_compared_by_what_they_hold(bench: Any, candidates: Candidates) -> None:
    rows = bench.table({"k": [["a", "b"], ["ab"], ["a", "b"]]})
    assert found(duplicates(*candidates(rows, None, "k"))) == [[3, "submission"]]


def test_a_hash_that_collides_loses_nothing(
    bench: Any, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.keys.key_hash", lambda table, columns: table[columns[0]].length() * 0)
    rows = bench.table({"k": ["a", "b", "c", "b"]})
    assert found(duplicates(*candidates(rows, bench.table({"k": ["c", "d"]}), "k"))) == [[3, "pool"], [4, "submission"]]


def test_leaks_match_the_holdout(bench: Any, candidates: Candidates) -> None:
    rows, holdout = bench.table({"k": [1, 2, 3, 2]}), bench.table({"k": [2, 9]})
    assert found(leaks(*candidates(rows, holdout, "k"))) == [[2], [4]]


@pytest.mark.parametrize(
    ("setting", "columns"), [(True, ("k",)), (False, None), (("v",), ("v",)), (("k", "v"), ("k", "v"))]
)
def test_dedupe_columns(setting: Any, columns: Any) -> None:
    assert dedupe_columns(setting, ("k",), ("k", "v")) == columns


def test_an_unknown_dedupe_column_is_refused() -> None:
    with pytest.raises(Misuse, match=r"'keey'.*\n\nDid you mean 'key'"):
        dedupe_columns(("keey",), ("key",), ("key", "v"))
