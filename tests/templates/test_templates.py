"""Templates: what is made up is accepted, in every format, and nobody takes it for a person's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse
from tidegate.registry import Contract, Registry, find_registry, load_contract
from tidegate.templates import made_up_rows, write_template
from tidegate.templates.patterns import matches_of
from tidegate.templates.rows import valid_examples
from tidegate.templates.values import made_up

ROOT = Path(__file__).resolve().parents[2]
DATASETS = ("flights", "query_relevance", "technical_task_router_row")  # the plain, the personal and the nested one


def lacking(contract: Contract, rows: list[dict[str, Any]]) -> list[str]:
    """The cells of personal columns that do not say that they are made up."""
    texts = [json.dumps(row[column.name]) for row in rows for column in contract.columns if column.personal]
    return [text for text in texts if "made-up" not in text]


@pytest.mark.parametrize("name", DATASETS)
def test_the_rows_of_a_shipped_contract_are_accepted_and_nobodys(name: str) -> None:
    """Rows that Tidegate does not accept raise."""
    contract = load_contract(find_registry(ROOT).contract_file(name))
    rows = made_up_rows(find_registry(ROOT), contract, 3, "csv")
    assert [list(row) for row in rows] == [[column.name for column in contract.columns]] * 3
    assert lacking(contract, rows) == []


def test_all_formats_say_the_same(tmp_path: Path) -> None:
    contract = load_contract(find_registry(ROOT).contract_file("technical_task_router_row"))
    rows = valid_examples(contract)[:1]
    assert {"neighbor_provenance", "selected_strategy", "metadata"} <= rows[0].keys()
    files = [tmp_path / f"template.{form}" for form in ("csv", "jsonl", "parquet")]
    for file in files:
        write_template(rows, contract.columns, file.suffix[1:], file)
    settings = {"data_path": files, "schema_config": contract.name, "registry": ROOT}
    report = validate_contributed_data(load_config(settings))
    assert (report.rows.read, report.rows.malformed, report.rows.duplicate) == (3, 0, 2)


def test_without_rows_it_has_the_columns_alone(make_contract: Callable[[str], Contract], tmp_path: Path) -> None:
    contract = make_contract('a: int = pa.Field()\nb: str = pa.Field(alias="b, c")\n')
    for form in ("csv", "parquet"):
        write_template([], contract.columns, form, tmp_path / f"x.{form}")
    assert (tmp_path / "x.csv").read_text() == 'a,"b, c"\n'
    assert [str(field.type) for field in pq.read_schema(tmp_path / "x.parquet")] == ["int64", "string"]


def test_nothing_is_overwritten(make_contract: Callable[[str], Contract], tmp_path: Path) -> None:
    contract = make_contract("a: int = pa.Field()\n")
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(Misuse, match="is there already"):
        write_template([], contract.columns, "csv", tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "mine"


KINDS = """
exact: str = pa.Field(str_length={"exact_value": 3})
short: str = pa.Field(str_length={"max_value": 2})
affixed: str = pa.Field(str_startswith="<", str_endswith=">")
mail: str = pa.Field(str_matches=r"^[a-z]+@example\\.(com|org)$", metadata={"personal": True})
above: float = pa.Field(gt=1e6)
below: int = pa.Field(lt=-5)
share: float = pa.Field(in_range={"min_value": 0, "max_value": 1, "include_min": False, "include_max": False})
price: pa.engines.pandas_engine.Decimal = pa.Field(dtype_kwargs={"precision": 6, "scale": 2}, ge=1)
even: int = pa.Field()
nested: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.struct([("a", pyarrow.date32()), ("b", pyarrow.bool_())]))]
took: Annotated[pd.ArrowDtype, pyarrow.duration("us")] = pa.Field()
level: pd.CategoricalDtype = pa.Field(dtype_kwargs={"categories": ["lo", "hi"], "ordered": True})

@pa.check("even")
def is_even(cls, cells):
    return cells % 2 == 0
"""


def test_cells_are_made_up_for_every_kind_of_rule(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract(KINDS)
    cells = {column.name: made_up(contract, column) for column in contract.columns}
    assert [name for name, found in cells.items() if not found] == []
    assert cells["level"] == ["lo", "hi"]
    assert all(cell % 2 == 0 for cell in cells["even"])
    assert all(0 < cell < 1 for cell in cells["share"])
    assert cells["mail"][0] == "a@example.org"
    assert {len(set(map(json.dumps, found))) == len(found) for found in cells.values()} == {True}


def test_what_cannot_be_made_up_is_told_with_what_to_do(
    make_contract: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = make_contract('a: str = pa.Field(str_matches="^(?=never)always$")\n')
    assert list(matches_of("^(?=a)b$", 5)) == []
    with pytest.raises(Misuse, match=r"a\.not_nullable") as told:
        made_up_rows(Registry(tmp_path / "registry"), contract, 1)
    assert "examples/v1_0/valid" in str(told.value.hint)


def test_an_example_that_cannot_be_read_is_told(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract("a: int = pa.Field()\n")
    example = contract.path.parent / "examples/v1_0/valid/x.json"
    example.parent.mkdir(parents=True)
    for content in (b"[{", b"\xff"):
        example.write_bytes(content)
        with pytest.raises(Misuse, match="cannot be read"):
            valid_examples(contract)


def test_texts_are_made_up_from_a_pattern() -> None:
    assert list(matches_of("^T-[0-9]{2}$", 3)) == ["T-01", "T-02", "T-03"]
    assert list(matches_of("(north|south)-?[a-c]+", 3)) == ["north-b", "north-c", "south-a"]
    assert all(len(text) == 66 for text in matches_of("^0x[0-9a-f]{64}$", 50))
    assert list(matches_of("x", 3)) == ["x"]
