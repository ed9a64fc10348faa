"""Rules over batches: every row is judged once, and what goes wrong with one rule is no other's affair."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit import pandera_batches
from tidegate.audit.pandera_batches import judge_batches
from tidegate.columns import RECORD
from tidegate.errors import BrokenContract
from tidegate.registry import Contract

Make = Callable[[str], Contract]
ROWS = 53
BODY = """
    a: int
    @pa.check("a", name="first")
    def first(cls, cells):
        {body}
    @pa.check("a", name="sevens")
    def sevens(cls, cells):
        return cells % 7 != 0
"""


def judged(contract: Contract, folder: Path, **more: Any) -> tuple[list[tuple[str, int]], dict[str, str]]:
    """The failing (rule, record) pairs, in order, and what was not evaluated."""
    rows = folder / "rows.parquet"
    table = pa.table({RECORD: pa.array(range(1, ROWS + 1)), "a": pa.array(range(1, ROWS + 1))})
    pq.write_table(table, rows, row_group_size=10)
    rules = {n: rule for n, rule in enumerate(contract.rules) if rule.definition is not None}
    not_evaluated = judge_batches(contract, rules, rows, folder / "failures.parquet", **more)
    found = pq.read_table(folder / "failures.parquet").to_pylist()
    return sorted((rules[row["rule"]].id, row[RECORD]) for row in found), not_evaluated


SEVENS = [("a.sevens", record) for record in range(7, ROWS + 1, 7)]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandera_batches, "BATCH_ROWS", 8)


def test_parts_are_disjoint_and_together_everything(make_contract: Make, tmp_path: Path) -> None:
    contract = make_contract(BODY.format(body="return cells < 0"))
    every = {(f"a.{rule}", n) for rule, step in (("first", 1), ("sevens", 7)) for n in range(step, ROWS + 1, step)}
    found = [judged(contract, tmp_path, part=(k, 3))[0] for k in range(3)]
    assert all(found)
    assert sorted(pair for part in found for pair in part) == sorted(every)
    assert {(record - 1) // 10 % 3 for _, record in found[1]} == {1}
    assert set(judged(contract, tmp_path)[0]) == every


@pytest.mark.parametrize("when", ["cells.max() > 0", "cells.max() > 45"])
def test_a_rule_that_raises_is_not_evaluated_and_the_next_one_is(
    make_contract: Make, tmp_path: Path, when: str
) -> None:
    contract = make_contract(BODY.format(body=f"if {when}: raise KeyError('x')\n        return cells > 0"))
    assert judged(contract, tmp_path) == (SEVENS, {"a.first": "the check raised KeyError"})


@pytest.mark.parametrize(
    "body",
    [
        "return True if cells.max() > 45 else cells > 0",
        "return (cells > 0).iloc[: 1 if cells.max() > 45 else None]",
    ],
)
def test_a_check_answers_for_the_rows_that_it_is_asked_about(make_contract: Make, tmp_path: Path, body: str) -> None:
    told = {"a.first": "the check raised ValueError"}
    assert judged(make_contract(BODY.format(body=body)), tmp_path) == (SEVENS, told)


def test_a_check_that_looks_at_other_rows_is_refused_in_words(make_contract: Make, tmp_path: Path) -> None:
    # What it is tried with when the contract is loaded does not show it.
    contract = make_contract(BODY.format(body="return cells <= (cells.median() if len(cells) > 7 else 99)"))
    with pytest.raises(BrokenContract) as refused:
        judged(contract, tmp_path)
    assert refused.value.fact.endswith("the check 'first' looks at more than one row at a time.")
    assert refused.value.hint == (
        "A rule judges row by row and returns a boolean Series; what rows must add up to is an expectation."
    )


def test_a_check_sees_the_column_by_its_name(make_contract: Make, tmp_path: Path) -> None:
    contract = make_contract(BODY.format(body="return cells > (0 if cells.name == 'a' else 10**6)"))
    assert judged(contract, tmp_path) == (SEVENS, {})


def test_without_a_row_a_check_is_run_all_the_same(make_contract: Make, tmp_path: Path) -> None:
    contract = make_contract(BODY.format(body="if not len(cells): raise KeyError('x')\n        return cells > 0"))
    assert judged(contract, tmp_path, part=(9, 10)) == ([], {"a.first": "the check raised KeyError"})
