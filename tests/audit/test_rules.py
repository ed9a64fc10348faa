"""The rules of a contract together: each keeps its number and its reason, whoever judges it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tidegate.audit import Shape, judge_rules
from tidegate.audit.rules import RuleOutcome
from tidegate.engines import Extremes
from tidegate.registry import Contract

Make = Callable[[str], Contract]
WHOLE = Shape((), (), (), {})


def flat(outcome: RuleOutcome) -> list[tuple[str, int]]:
    """Rule and record of every failure, in order."""
    told = {row["rule"]: row["id"] for row in outcome.named.to_pyarrow().to_pylist()}
    assert told == {number: rule.id for number, rule in enumerate(outcome.rules)}
    return sorted((told[row["rule"]], row["_record"]) for row in outcome.failures.to_pyarrow().to_pylist())


def test_every_rule_keeps_its_number_whoever_judges_it(bench: Any, make_contract: Make) -> None:
    contract = make_contract("""
    a: int = pa.Field(ge=2, unique=True)
    b: str = pa.Field(unique=True, str_length={"min_value": 1})
    @pa.check("a", name="odd")
    def odd(cls, cells):
        return cells % 2 == 1
    """)
    rows = bench.table({"a": [1, 3, 3, 4], "b": ["x", "", "y", "x"]})
    outcome = judge_rules(bench.engine, rows, contract, WHOLE, bench.folder)
    assert flat(outcome) == [
        ("a.greater_than_or_equal_to", 1),
        ("a.odd", 4),
        ("a.unique", 2),
        ("a.unique", 3),
        ("b.str_length", 2),
        ("b.unique", 1),
        ("b.unique", 4),
    ]
    assert outcome.not_evaluated == {}
    assert {str(kind) for kind in outcome.failures.schema().values()} <= {"int64", "int32", "!int64", "!int32"}


def test_without_a_failure_there_is_an_empty_table_of_the_same_form(bench: Any, make_contract: Make) -> None:
    contract = make_contract("a: int = pa.Field(ge=0)")
    rows = bench.table({"a": [1, 2]})
    read, settled = (
        judge_rules(bench.engine, rows, contract, WHOLE, bench.folder, extremes=extremes)
        for extremes in ({}, {"a": Extremes(low=1, high=2, values=2)})
    )
    for outcome in (read, settled):
        assert flat(outcome) == []
        assert dict(outcome.failures.schema()).keys() == {"_record", "rule"}
    assert [str(kind) for kind in settled.failures.schema().values()] == ["int64", "int32"]


def test_what_is_missing_is_named_and_the_rest_is_judged(bench: Any, make_contract: Make) -> None:
    contract = make_contract("""
    z: int
    a: int
    y: int
    b: int = pa.Field(ge=2)
    @pa.check("b", name="broken")
    def broken(cls, cells):
        if len(cells) == 3:
            raise KeyError("x")
        return cells > 0
    @pa.dataframe_check(name="together")
    def together(cls, rows):
        return rows["z"] > rows["y"]
    """)
    rows = bench.table({"a": [1, 1, 1], "b": [1, 2, 3]})
    rows = rows.mutate(z=rows["a"].nullif(1), y=rows["a"].nullif(1))
    outcome = judge_rules(bench.engine, rows, contract, Shape(("z", "y"), (), (), {}), bench.folder)
    assert flat(outcome) == [("b.greater_than_or_equal_to", 1)]
    assert outcome.not_evaluated == {
        "z.not_nullable": "the column 'z' is missing",
        "y.not_nullable": "the column 'y' is missing",
        "dataframe.together": "the column 'y' is missing",
        "b.broken": "the check raised KeyError",
    }


def test_a_null_is_one_where_its_file_has_the_column(bench: Any, make_contract: Make) -> None:
    contract = make_contract("a: Optional[str]\nb: str")
    rows = bench.table({"a": ["x", None, None], "b": ["x", None, "y"]})
    outcome = judge_rules(bench.engine, rows, contract, Shape((), (), (), {"a": ((1, 2),)}), bench.folder)
    assert flat(outcome) == [("a.not_nullable", 2), ("b.not_nullable", 2)]


@pytest.mark.parametrize(("kind", "one"), [("int", 1), ("bool", True)])
def test_a_record_without_an_optional_cell_is_judged_over_its_columns_all_the_same(
    bench: Any, make_contract: Make, kind: str, one: int | bool
) -> None:
    """Were it left out, a sender could pass by leaving out a cell that nobody asks for."""
    contract = make_contract(f"""
    a: Optional[{kind}]
    b: int
    @pa.dataframe_check(name="of_b")
    def of_b(cls, rows):
        return rows["b"] > 0
    @pa.dataframe_check(name="of_both")
    def of_both(cls, rows):
        return rows["a"].isna() | (rows["a"] <= rows["b"])
    @pa.dataframe_check(name="unaware")
    def unaware(cls, rows):
        return rows["a"] <= rows["b"]
    """)
    rows = bench.table(pa.table({"a": [one, None, one, None], "b": [5, 0, 0, 7]}))
    outcome = judge_rules(bench.engine, rows, contract, Shape((), (), (), {"a": ((1, 1), (3, 3))}), bench.folder)
    assert flat(outcome) == [("dataframe.of_b", 2), ("dataframe.of_b", 3), ("dataframe.of_both", 3)]
    assert outcome.not_evaluated == {"dataframe.unaware": "the check raised ValueError"}  # as in Pandera: no pass
    # Where its file has the column, a null fails by itself, and checks over several columns need not cope with it.
    nulls = judge_rules(bench.engine, rows, contract, Shape((), (), (), {"a": ((1, 4),)}), bench.folder)
    assert [pair for pair in flat(nulls) if pair[0] != "a.not_nullable"] == [
        ("dataframe.of_b", 3),
        ("dataframe.of_both", 3),
        ("dataframe.unaware", 3),
    ]
    assert nulls.not_evaluated == {}


def test_where_no_record_is_well_formed_no_rule_fails_whatever_the_files_extremes(
    bench: Any, make_contract: Make
) -> None:
    contract = make_contract("a: int = pa.Field(ge=2)")
    rows = bench.table(pa.table({"a": pa.array([], pa.int64())}))
    extremes = {"a": Extremes(low=1, high=2, values=2)}
    outcome = judge_rules(bench.engine, rows, contract, WHOLE, bench.folder, extremes=extremes)
    assert (flat(outcome), outcome.not_evaluated) == ([], {})
