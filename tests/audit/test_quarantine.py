"""What is told of failing records is bounded, however many fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidegate.audit.quarantine import examples_of, first_of_each
from tidegate.registry import Contract

CONTRACT = 'a: int\nb: str = pa.Field(metadata={"personal": True})\nc: pd.Float64Dtype = pa.Field(nullable=True)'


def test_the_engine_keeps_a_few_records_for_each_rule_and_sorts_none(bench: Any) -> None:
    table = bench.table({"rule": [f"r{n % 2}" for n in range(100)]})
    first = first_of_each(table, 3)
    assert sorted(first.to_pyarrow()["_record"].to_pylist()) == [1, 2, 3, 4, 5, 6]
    backend = first.get_backend()
    plan = str(backend.raw_sql(f"EXPLAIN {backend.compile(first)}").fetchall())
    assert "WINDOW" not in plan


def test_an_example_shows_the_cell_of_its_own_rule(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    stage = bench.table({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [0.5, None, 2.5]})
    told = bench.table({"rule": ["a.ge", "b.eq", "c.ge"], "column": ["a", "b", "c"], "text": [None, None, None]})
    told = told.mutate(text=told["text"].cast("string"))
    examples = examples_of(told, stage, make_contract(CONTRACT))
    assert examples == {"a.ge": [(1, "1")], "b.eq": [(2, None)], "c.ge": [(3, "2.5")]}


def test_of_a_long_cell_the_beginning_is_shown(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    stage = bench.table({"a": ["é" * 900_000]})
    told = bench.table({"rule": ["a.eq"], "column": ["a"], "text": ["x"]})
    told = told.mutate(text=told["text"].nullif("x"))
    assert examples_of(told, stage, make_contract("a: str")) == {"a.eq": [(1, "é" * 200)]}
