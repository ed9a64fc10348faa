"""Every disagreement that was found, by name; and the few where Tidegate is right and Pandera is not followed."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pytest
from pandera.engines import pandas_engine
from tests.parity.cases import Case
from tests.parity.compare import Answer, contract_for, differences, ours, theirs
from tests.parity.kinds import KINDS

from tidegate.config import load_config
from tidegate.engines import open_engine


class Judges:
    """Both, on one column of a kind."""

    def __init__(self, engine: Any, folder: Path) -> None:
        self._engine, self._folder = engine, folder

    def both(self, kind: str, cells: list[Any], *checks: pa.Check, **column: Any) -> tuple[Answer, Answer, list[Any]]:
        """What each says, and where they differ."""
        how = KINDS[kind]
        return self.of(
            pa.DataFrameSchema({"a": pa.Column(how.dtype, list(checks), **column)}),
            pd.DataFrame({"a": how.series(cells)}),
            pyarrow.table({"a": pyarrow.array(cells, how.stage)}),
        )

    def of(self, schema: pa.DataFrameSchema, frame: pd.DataFrame, table: pyarrow.Table) -> Any:
        """The same of a whole schema."""
        case = Case(schema, frame, table)
        contract = contract_for(case, self._folder)
        mine, other = ours(self._engine, contract, table, self._folder), theirs(contract, frame)
        assert other is not None
        return mine, other, differences(contract, mine, other)


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    folder = tmp_path_factory.mktemp("named")
    with open_engine(load_config({"schema_config": "case"}), folder) as engine:
        yield Judges(engine, folder)


def rows(answer: Answer) -> list[int]:
    return sorted(record for _, _, record in answer.rows)


@pytest.mark.parametrize("kind", ["Int64", "UInt64"])
def test_a_whole_number_beside_a_null_keeps_its_last_digit(judges: Judges, kind: str) -> None:
    low, high = (-(2**63), -(2**63) + 1) if kind == "Int64" else (2**64 - 2, 2**64 - 1)
    mine, _, differing = judges.both(kind, [None, low, high], pa.Check.eq(low), nullable=True)
    assert (rows(mine), differing) == ([2], [])


def test_a_check_that_cannot_be_evaluated_is_told_so_without_a_row(judges: Judges) -> None:
    mine, _, differing = judges.both("float64", [], pa.Check.gt("a"))
    assert (mine.unjudged, differing) == (frozenset({"a.greater_than"}), [])


def test_nulls_among_decimals(judges: Judges) -> None:
    cells = [decimal.Decimal("1.50"), None]
    mine, _, differing = judges.both("decimal", cells, pa.Check.eq(decimal.Decimal("1.50"), ignore_na=False))
    assert (rows(mine), differing) == ([1, 1], [])  # the null is told by not_nullable as well


def test_an_unsigned_number_against_a_negative_one(judges: Judges) -> None:
    mine, _, differing = judges.both("uint16", [0, 7], pa.Check.gt(-1), pa.Check.le(-1), pa.Check.isin([-1, 7]))
    assert (rows(mine), differing) == ([0, 0, 1], [])


def test_a_check_over_rows_sees_the_nulls_of_nullable_integers(judges: Judges) -> None:
    table = pyarrow.table({"a": pyarrow.array([1, None], pyarrow.int32())})
    schema = pa.DataFrameSchema(
        {"a": pa.Column("Int32", nullable=True)},
        checks=pa.Check(lambda frame: frame.notna().all(axis="columns"), ignore_na=False, name="there"),
    )
    mine, _, differing = judges.of(schema, pd.DataFrame({"a": pd.array([1, None], "Int32")}), table)
    assert (rows(mine), differing) == ([1], [])


def test_what_pandas_warns_of_is_no_verdict(judges: Judges) -> None:
    mine, _, differing = judges.both("arrow string", ["ab", "c"], pa.Check.str_contains("(a|b)"))
    assert (rows(mine), differing) == ([1], [])


@pytest.mark.parametrize("kind", ["float64", "Float64", "float32", "Float32"])
def test_a_float_is_the_float_that_was_written(judges: Judges, kind: str) -> None:
    # As decimals, which DuckDB takes numbers in SQL for, each of these is another float.
    floats = [-0.024286686951704883, -1.4666994594481354e-06, 0.8215288519859314, 0.021092478185892105, 0.01, 1e300]
    values = [float(np.float32(value)) if "32" in kind else value for value in floats[: 5 if "32" in kind else 6]]
    mine, _, differing = judges.both(kind, values, *(pa.Check.ne(value) for value in values), pa.Check.notin(values))
    assert differing == []
    assert rows(mine) == sorted([*range(len(values))] * 2)


class TestWherePanderaIsNotFollowed:
    """Each of these is told in docs/contracts.md. A test that fails here says that Pandera or pandas has changed."""

    def test_large_arrow_integers_are_told_apart_beside_a_null(self, judges: Judges) -> None:
        mine, other, _ = judges.both("arrow int64", [2**63 - 1, 2**63 - 2, None, 2, 2], unique=True, nullable=True)
        assert (rows(mine), rows(other)) == ([3, 4], [0, 1, 3, 4])  # pandas compares them as float64

    @pytest.mark.parametrize(("kind", "pandas"), [("float64", [0, 1]), ("Float64", [0, 1]), ("arrow double", [])])
    def test_there_is_one_zero(self, judges: Judges, kind: str, pandas: list[int]) -> None:
        mine, other, _ = judges.both(kind, [0.0, -0.0, 1.0], unique=True)
        assert (rows(mine), rows(other)) == ([0, 1], pandas)

    def test_nulls_are_no_duplicates(self, judges: Judges) -> None:
        mine, _, differing = judges.both("Int64", [None, None, 1], unique=True, nullable=True)
        assert (rows(mine), differing) == ([], [])
        with pytest.raises(pa.errors.SchemaErrors) as refused:  # it fails the whole, and names no row
            pa.DataFrameSchema({"a": pa.Column("Int64", unique=True, nullable=True)}).validate(
                pd.DataFrame({"a": pd.array([None, None, 1], "Int64")}), lazy=True
            )
        assert refused.value.failure_cases.empty

    def test_a_minus_sign_is_no_digit(self) -> None:
        schema = pa.DataFrameSchema({"a": pa.Column(pandas_engine.Decimal(6, 2))})
        with pytest.raises(pa.errors.SchemaErrors, match="Decimal"):
            schema.validate(pd.DataFrame({"a": [decimal.Decimal("-6979.50")]}), lazy=True)


@pytest.mark.parametrize("copies", ["all", "exclude_first", "exclude_last"])
@pytest.mark.parametrize("columns", [["a"], ["a", "b"]])
def test_which_of_three_copies_fails(judges: Judges, copies: Any, columns: list[str]) -> None:
    cells: dict[str, list[Any]] = {"a": [1, 1, None, None, 1, 2], "b": [3, 3, 4, 4, 3, 3]}
    definitions = {name: pa.Column("Int64", nullable=True) for name in cells}
    frame = pd.DataFrame({name: pd.Series(values, dtype="Int64") for name, values in cells.items()})
    schema = pa.DataFrameSchema(definitions, unique=columns, report_duplicates=copies)
    mine, other, apart = judges.of(schema, frame, pyarrow.table(cells))
    assert (mine, apart) == (other, [])
    ones = {"all": [0, 1, 4], "exclude_first": [1, 4], "exclude_last": [0, 1]}[copies]
    assert [record for record in rows(mine) if record not in (2, 3)] == ones
