"""The columns of a file are held against a contract's as Pandera does it: missing, unknown, in order, by pattern."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.parity.cases import Case
from tests.parity.compare import contract_for
from tests.parity.test_parity import CASES, SEED

from tidegate.audit import judge_shape
from tidegate.engines import Stage, StagedFile
from tidegate.engines.plan import StagePlan
from tidegate.registry import Contract

NAMES = ["a", "b", "c", "f_1", "f_2", "z"]
Failures = dict[str, bool]


@st.composite
def schemas(draw: st.DrawFn) -> pa.DataFrameSchema:
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True))
    columns: dict[str, Any] = {
        name: pa.Column(
            "Int64",
            required=draw(st.booleans()),
            nullable=draw(st.booleans()),
            default=draw(st.sampled_from([None, 1])),
        )
        for name in names
    }
    if draw(st.booleans()):
        pattern = draw(st.sampled_from([r"f_\d", "f", "f_1", "[fz]"]))
        columns[pattern] = pa.Column("Int64", regex=True)
        order = draw(st.permutations(list(columns)))
        columns = {name: columns[name] for name in order}
    return pa.DataFrameSchema(
        columns,
        strict=draw(st.sampled_from([True, False, "filter"])),
        ordered=draw(st.booleans()),
        add_missing_columns=draw(st.booleans()),
    )


def ours(contract: Contract, present: list[str]) -> Failures:
    plan = StagePlan(
        sources=(), folder=Path(), columns=contract.columns, patterns=contract.patterns, strict=contract.strict,
        resources={},
    )  # fmt: skip
    matched = plan.matched(present)
    known = [name for name in present if name in matched or name in {column.name for column in contract.columns}]
    file = StagedFile(
        rows=1, bytes=1, uri="x", present=tuple(known), matched=matched, sparse=False,
        unknown=tuple(name for name in present if name not in known),
    )  # fmt: skip
    shape = judge_shape(
        contract.with_matched(matched), Stage(staged=(file,), files=(), nulled={}, trimmed={}, invisible={})
    )
    return {check.id: check.status == "failed" for check in shape.checks}


def theirs(contract: Contract, present: list[str]) -> set[str]:
    try:
        contract.schema.validate(pd.DataFrame({name: pd.array([1], "Int64") for name in present}), lazy=True)
    except pa.errors.SchemaErrors as error:
        return {_id(str(case["check"]), str(case["failure_case"])) for case in error.failure_cases.to_dict("records")}
    return set()


def _id(check: str, case: str) -> str:
    if check in ("column_in_dataframe", "add_missing_has_default"):
        return f"{case}.column_in_dataframe"
    if check.startswith("no_regex_column_match("):
        return check.partition("'")[2].rpartition("'")[0].replace("\\\\", "\\") + ".column_in_dataframe"
    assert check in ("column_in_schema", "column_ordered"), check
    return f"dataframe.{check}"


@seed(SEED)
@settings(
    max_examples=CASES, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(schema=schemas(), present=st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
@pytest.mark.filterwarnings("ignore")
def test_the_same_columns_are_wrong(tmp_path: Path, schema: pa.DataFrameSchema, present: list[str]) -> None:
    contract = contract_for(Case(schema, pd.DataFrame(), None), tmp_path)
    assert {check for check, failed in ours(contract, present).items() if failed} == theirs(contract, present)
