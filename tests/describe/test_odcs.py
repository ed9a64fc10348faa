"""ODCS: valid by the standard's own schema, and read again as the contract that it was."""

from __future__ import annotations

import datetime
import json
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from jsonschema import Draft201909Validator
from tests.describe.shipped import CONTRACTS, ROOT, loaded, name_of

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.describe.odcs import odcs
from tidegate.drafts import write_draft
from tidegate.drafts.of_odcs import draft_of_odcs
from tidegate.errors import Misuse
from tidegate.registry import Registry, load_contract, load_suite


@cache
def standard() -> Draft201909Validator:
    return Draft201909Validator(json.loads((Path(__file__).parent / "odcs/odcs-json-schema-v3.2.0.json").read_text()))


def again(text: str, name: str, folder: Path) -> Registry:
    """A registry with what the document drafts."""
    (folder / "x.odcs.yaml").write_text(text)
    registry = Registry(folder)
    write_draft(draft_of_odcs(folder / "x.odcs.yaml", name), registry)
    return registry


@pytest.mark.parametrize("path", CONTRACTS, ids=name_of)
def test_a_document_is_valid_and_comes_back_as_the_same_contract(path: Path, tmp_path: Path) -> None:
    contract, suite = loaded(path)
    assert suite is not None
    text = odcs(contract, suite)
    assert [error.message for error in standard().iter_errors(yaml.safe_load(text))] == []
    registry = again(text, contract.name, tmp_path)
    drafted = load_contract(registry.contract_file(contract.name))
    assert (drafted.version, drafted.columns, drafted.strict) == (contract.version, contract.columns, contract.strict)
    own = [rule for rule in contract.rules if rule.definition is not None and not rule.builtin]
    assert [(r.id, r.expected) for r in drafted.rules] == [(r.id, r.expected) for r in contract.rules if r not in own]
    assert all(f"# Not brought over: {rule.id}: " in drafted.path.read_text() for rule in own)
    beside = registry.suite_beside(drafted.path)
    assert beside is not None
    assert [(e.id, e.kwargs, e.severity, e.notes) for e in load_suite(beside, drafted.columns).expectations] == [
        (e.id, e.kwargs, e.severity, e.notes) for e in suite.expectations
    ]


def test_it_gives_the_same_verdicts(tmp_path: Path) -> None:
    path = next(path for path in CONTRACTS if path.parent.name == "sales_outcome_row")
    contract, suite = loaded(path)
    registry = again(odcs(contract, suite), contract.name, tmp_path)
    files = sorted((path.parent / "examples" / path.stem).glob("*/*.json"))
    rows = [row for file in files if file.stem.partition(".")[2] != "column_in_dataframe" for row in _rows(file)]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))  # one file is staged sooner
    told = []
    for root, out in ((ROOT, "before.parquet"), (registry.root, "after.parquet")):
        settings = {"data_path": tmp_path / "all.jsonl", "schema_config": contract.name, "registry": root} | {
            "cleaning_config": {"deduplicate": False}
        }
        validate_contributed_data(load_config(settings), tmp_path / out)
        kept_out = pq.read_table(tmp_path / out).to_pylist()
        told.append({(row["record"], row["code"], row["rule"]) for row in kept_out})
    assert {rule for _, _, rule in told[0] - told[1]} == {"dataframe.delivered_within_sent"}
    assert told[1] <= told[0]
    assert len(told[1]) > 15


def _rows(file: Path) -> list[dict[str, Any]]:
    rows = json.loads(file.read_text())
    return rows if isinstance(rows, list) else [rows]


FOREIGN: dict[str, Any] = {
    "apiVersion": "v3.0.2", "kind": "DataContract", "id": "1", "version": "2.3.1", "status": "draft",
    "team": {"name": "the tills"},
    "schema": [{
        "name": "payments",
        "properties": [
            {"name": "id", "logicalType": "integer", "required": True, "primaryKey": True, "unique": True},
            {"name": "amount", "logicalType": "number", "physicalType": "DECIMAL(10,2)",
             "logicalTypeOptions": {"minimum": 0, "multipleOf": 0.01}},
            {"name": "card", "logicalType": "string", "physicalType": "VARCHAR(19)", "classification": "restricted"},
            {"name": "paid on", "logicalType": "date", "logicalTypeOptions": {"minimum": "2020-01-01"}},
            {"name": "at", "logicalType": "timestamp",
             "logicalTypeOptions": {"exclusiveMinimum": "2020-01-01T00:00:00Z"}},
            {"name": "lines", "logicalType": "array", "items": {"logicalType": "object", "properties": [
                {"name": "sku", "logicalType": "string"}]}},
            {"name": "clock", "logicalType": "time"},
        ],
        "quality": [{"type": "sql", "query": "SELECT 1", "mustBe": 1}],
    }],
}  # fmt: skip


def test_a_document_of_another_tool_is_brought_over_and_what_is_not_is_listed(tmp_path: Path) -> None:
    assert [error.message for error in standard().iter_errors(FOREIGN)] == []
    registry = again(yaml.safe_dump(FOREIGN), "payments", tmp_path)
    contract = load_contract(registry.contract_file("payments@2.3"))
    assert [(c.name, c.type, c.nullable, c.personal) for c in contract.columns] == [
        ("id", "int64", False, False),
        ("amount", "decimal(10, 2)", True, False),
        ("card", "string", True, True),
        ("paid on", "date", True, False),
        ("at", "timestamp('UTC', 6)", True, False),
        ("lines", "array<struct<sku: string>>", True, False),
        ("clock", "string", True, False),
    ]
    assert contract.key == ("id",)
    assert {rule.id for rule in contract.rules} == {
        "id.not_nullable", "id.unique", "amount.greater_than_or_equal_to", "paid on.greater_than_or_equal_to",
        "at.greater_than",
    }  # fmt: skip
    text = contract.path.read_text()
    assert "# Not brought over: amount: multipleOf 0.01" in text
    assert "# Not brought over: sql: SELECT 1" in text
    assert 'metadata = {"owner": "the tills"}' in text
    assert "# guess: confirm. Personal: its classification is restricted." in text
    assert "# guess: confirm. Its type is time, which was taken for text." in text


def test_nothing_in_a_document_becomes_code(tmp_path: Path) -> None:
    evil = '"""\nimport os; os.abort() #\\'
    column = {"name": "x'\n    y: int = 1\n#", "logicalType": "string", "description": evil,
              "logicalTypeOptions": {"pattern": "^\"'\\\\$"},
              "enum": [{"value": evil}, {"value": "\u202e"}]}  # fmt: skip
    document = FOREIGN | {"schema": [{"name": evil, "description": evil, "properties": [column],
                                      "quality": [{"type": "text", "description": evil}]}]}  # fmt: skip
    registry = again(yaml.safe_dump(document), "evil", tmp_path)
    contract = load_contract(registry.contract_file("evil"))
    assert [c.name for c in contract.columns] == [column["name"]]
    assert contract.columns[0].description == evil
    assert "\u202e" not in contract.path.read_text()


def test_a_day_in_an_expectation_is_a_text_as_json_has_it(tmp_path: Path) -> None:
    day = {
        "engine": "great-expectations",
        "type": "custom",
        "implementation": {
            "type": "expect_column_max_to_be_between",
            "kwargs": {"column": "x", "max_value": datetime.date(2026, 1, 31)},
        },
    }
    table = {"name": "a", "properties": [{"name": "x", "logicalType": "date"}], "quality": [day]}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(FOREIGN | {"schema": [table]}))
    draft = draft_of_odcs(tmp_path / "x.yaml", "a")
    assert draft.expectations[0]["kwargs"] == {"column": "x", "max_value": "2026-01-31"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "Other"}, "is no ODCS document"),
        ({"apiVersion": "v2.2.2"}, "is of ODCS v2.2.2"),
        ({"schema": [{"name": "a", "properties": [{"name": "x"}]}, {"name": "b", "properties": [{"name": "x"}]}]},
         "describes 2 tables"),
        ({"schema": [{"name": "a", "properties": [{"logicalType": "string"}]}]}, "not as the standard has it"),
        ({"schema": [{"name": "a", "properties": [{"name": "x", "logicalTypeOptions": {"pattern": "("}}]}]},
         "not as the standard has it"),
        ({"schema": 3}, "not as the standard has it"),
        ({"schema": [{"name": "a", "properties": [{"name": "x"}], "customProperties": 3}]},
         "not as the standard has it"),
        ({"schema": [{"name": "a", "properties": [
            {"name": "x", "customProperties": [{"property": "default", "value": b"x", "vendor": "tidegate"}]}]}]},
         "not as the standard has it"),
        ({"schema": [{"name": "a", "properties": [{"name": "x"}], "quality": [
            {"engine": "great-expectations", "implementation": {"type": "x", "kwargs": {"a": b"x"}}}]}]},
         "not as the standard has it"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(FOREIGN | change))
    with pytest.raises(Misuse, match=words):
        draft_of_odcs(tmp_path / "x.yaml", "other")
