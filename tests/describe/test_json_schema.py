"""JSON Schema of a record: what the contract accepts it accepts, and what it lets pass beyond that it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator
from tests.describe.shipped import CONTRACTS, examples, loaded, name_of

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.describe.json_schema import json_schema
from tidegate.registry import Contract


@pytest.mark.parametrize("path", CONTRACTS, ids=name_of)
def test_of_the_examples_it_refuses_the_invalid_ones_or_says_that_it_cannot(path: Path) -> None:
    schema = json_schema(loaded(path)[0])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name, rows in examples(path, "valid").items():
        assert [error.message for row in rows for error in validator.iter_errors(row)] == [], name
    told = json.dumps(schema)
    let_pass = {name for name, rows in examples(path, "invalid").items() if all(map(validator.is_valid, rows))}
    assert {name for name in let_pass if f"{name}: " not in told} == set()
    assert let_pass <= {
        name for name in let_pass if name.split(".")[1] not in ("dtype", "in_range", "isin", "str_length")
    }


COLUMNS = """
n: int = pa.Field(in_range={"min_value": 1, "max_value": 12})
small: Optional[pd.UInt8Dtype] = pa.Field(nullable=True, notin=[7])
x: float = pa.Field(gt=0, lt=2.5)
price: Optional[pa.engines.pandas_engine.Decimal] = pa.Field(dtype_kwargs={"precision": 4, "scale": 2})
yes: Optional[bool] = pa.Field(eq=True)
code: str = pa.Field(str_matches="[A-Z]{2}-?|x", str_length={"min_value": 2})
ends: Optional[str] = pa.Field(str_startswith="(", str_endswith="$")
day: Optional[pa.engines.pandas_engine.Date] = pa.Field()
at: Optional[Annotated[pd.DatetimeTZDtype, "us", "UTC"]] = pa.Field()
local: Optional[Annotated[pd.ArrowDtype, pyarrow.timestamp("us")]] = pa.Field()
took: Optional[Annotated[pd.ArrowDtype, pyarrow.duration("us")]] = pa.Field()
tags: Optional[Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.int32())]] = pa.Field()
who: Optional[Annotated[pd.ArrowDtype, pyarrow.struct([("a", pyarrow.string()), ("b", pyarrow.float64())])]]
kind: Optional[pd.CategoricalDtype] = pa.Field(nullable=True, dtype_kwargs={"categories": ["lo", "hi"]})
extra: Optional[str] = pa.Field(metadata={"json": "object"})

class Config:
    strict = True
"""
SOUND = {"n": "3", "x": "1.5", "code": '"AB"'}
CELLS = {
    "n": ["1", "12", "0", "13", "null", '"3"', "true", "1.5", "9223372036854775808"],
    "small": ["255", "256", "-1", "7", "null"],
    "x": ["0", "2.5", "0.0001", "2", "1e0", '"1"', "null"],
    "price": ["12.34", "99.99", "100", "-99.5", '"1"'],
    "yes": ["true", "false", "1", '"true"', "null"],
    "code": ['"x"', '"xy"', '"AB-"', '"abAB"', '"ABC"', '"A"', '""', "7"],
    "ends": ['"($"', '"(a$"', '"a$"', '"(a"', '"x"'],
    "day": ['"2026-01-31"', '"2026-1-31"', '"31.01.2026"', "20260131"],
    "at": ['"2026-01-31T09:30:00Z"', '"2026-01-31 09:30:00+01:00"', '"2026-01-31T09:30:00"', '"2026-01-31T09:30Z"'],
    "local": ['"2026-01-31T09:30:00"', '"2026-01-31T09:30:00.5"', '"2026-01-31T09:30:00Z"'],
    "took": ['"PT1H30M"', '"P1DT0.5S"', '"1 days 01:30:00"', '"1:30"', "90"],
    "tags": ["[]", "[1, null]", "[1.5]", '["1"]', "[3000000000]", "{}", '"[1]"'],
    "who": ['{"a": "x", "b": 1}', "{}", '{"a": 1}', '{"c": 1}', "[]", '{"a": null}'],
    "kind": ['"lo"', '"mid"', "null", "0"],
    "extra": ["{}", '{"a": [1]}', "[]", '"{}"', "1"],
    "unknown": ["1"],
}
LENIENT = {("n", "3.0"), ("n", "3e0"), ("price", "1.234"), ("day", '"2026-02-31"'), ("took", '"P"')}
"""What JSON Schema has no words for, or only such as nobody would read."""


def test_it_says_of_every_cell_what_tidegate_says(make_contract: Callable[[str], Contract], tmp_path: Path) -> None:
    contract = make_contract(COLUMNS)
    validator = Draft202012Validator(json_schema(contract))
    cells = [(column, cell) for column, listed in CELLS.items() for cell in listed] + sorted(LENIENT)
    lines = [
        f"{{{', '.join(f'{json.dumps(k)}: {v}' for k, v in (SOUND | {column: cell}).items())}}}"
        for column, cell in cells
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(lines) + "\n")
    config = load_config({
        "data_path": tmp_path / "x.jsonl", "schema_config": "sample", "registry": tmp_path / "registry",
        "cleaning_config": {"deduplicate": False},
    })  # fmt: skip
    validate_contributed_data(config, tmp_path / "q.parquet")
    refused = set(pq.read_table(tmp_path / "q.parquet")["record"].to_pylist())
    says = {cell: (n not in refused, validator.is_valid(json.loads(line)))
            for n, (cell, line) in enumerate(zip(cells, lines, strict=True), 1)}  # fmt: skip
    assert {cell for cell, (accepted, valid) in says.items() if accepted and not valid} == set()
    assert {cell for cell, (accepted, valid) in says.items() if valid and not accepted} == LENIENT
    assert sum(accepted for accepted, _ in says.values()) > 25


def test_a_record_lacks_what_is_required_and_no_more(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract(
        "a: int = pa.Field()\nb: Optional[int] = pa.Field()\nc: float = pa.Field(default=1.5)\n"
        'd: float = pa.Field(alias="f_[0-9]+", regex=True, ge=0)\n'
    )
    schema = json_schema(contract)
    assert schema["required"] == ["a", "c"]
    assert schema["properties"]["c"]["default"] == 1.5
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"a": 1, "c": None, "f_1": 2.5})
    assert not validator.is_valid({"a": 1, "c": None, "f_1": -1})
    assert "at least one column" in schema["$comment"]
