"""Pandera reads its YAML again, and the schema that it makes of it names the same records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow
import pytest
from pandera.io import pandas_io
from tests.describe.shipped import CONTRACTS, examples, loaded, name_of

from tidegate.describe.pandera_yaml import pandera_yaml
from tidegate.registry import Contract
from tidegate.registry.frames import holds_nulls, series_of
from tidegate.templates.values import arrow_of, as_arrow


def frame(contract: Contract, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a frame of the contract's own types, without the columns that none of them can have."""
    found = {}
    for column in contract.columns:
        definition = contract.definitions[column.name]
        cells = [as_arrow(column, row.get(column.name)) for row in rows]
        if None in cells and not column.required and not holds_nulls(definition):
            continue
        array = pyarrow.chunked_array([pyarrow.array(cells, arrow_of(column))])
        found[column.name] = series_of(array, definition, pd.RangeIndex(len(rows)))
    return pd.DataFrame(found)


def failures(schema: pa.DataFrameSchema, rows: pd.DataFrame) -> set[tuple[str, str, int]]:
    try:
        schema.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        return set(zip(cases["column"].astype(str), cases["check"].astype(str), cases["index"], strict=True))
    return set()


@pytest.mark.parametrize("path", CONTRACTS, ids=name_of)
def test_the_same_records_fail_for_the_same_checks(path: Path) -> None:
    contract, _ = loaded(path)
    text = pandera_yaml(contract)
    again = pandas_io.from_yaml(text)
    assert list(again.columns) == list(contract.schema.columns)
    rows = [row for listed in examples(path, "valid").values() for row in listed]
    for name, invalid in examples(path, "invalid").items():
        if not name.endswith(("dtype", "column_in_dataframe", "column_in_schema")):
            rows += invalid
    judged = frame(contract, rows)
    expected = {case for case in failures(contract.schema, judged) if f".{case[1].partition('(')[0]}: " not in text}
    assert expected
    assert failures(again, judged) == expected


def test_what_yaml_has_no_place_for_stands_above_it() -> None:
    contract, _ = loaded(CONTRACTS[-1])
    head = [line for line in pandera_yaml(contract).splitlines() if line.startswith("#")]
    assert any("neighbor_provenance is marked personal" in line for line in head)
    assert any("allowed_models.at_least_one: At least one model is allowed" in line for line in head)
    assert any("allowed_models has the type" in line for line in head)
