"""The shipped contracts: each valid example passes, and each invalid one fails for the rule that its name says."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.receipt import Report
from tidegate.registry import find_registry, load_contract, load_suite

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "contracts").glob("*/examples/*/*/*.json"))
CONTRACTS = sorted((ROOT / "contracts").glob("*/v*.py"))


# These look at more than one record, so others must not stand beside them.
BY_ITSELF = [
    example for example in EXAMPLES if example.stem.endswith((".unique", ".none_twice", "column_in_dataframe"))
]
TOGETHER = [example for example in EXAMPLES if example not in BY_ITSELF]
FOLDERS = sorted({example.parent for example in TOGETHER if example.parent.name == "invalid"})


def judged(*examples: Path, quarantine: Path | None = None) -> Report:
    version = examples[0].parent.parent.name.removeprefix("v").replace("_", ".")
    config = {
        "schema_config": f"{examples[0].parents[3].name}@{version}", "data_path": [str(each) for each in examples],
        "registry": str(ROOT), "cleaning_config": {"deduplicate": False},
    }  # fmt: skip
    return validate_contributed_data(load_config(config), quarantine)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.parent.name == "valid"], ids=lambda p: p.stem)
def test_a_valid_example_is_accepted(example: Path) -> None:
    report = judged(example)
    assert [check.id for check in report.checks if check.kind == "rule" and check.status == "failed"] == []
    assert report.verdict == "accepted", report.reasons


@pytest.mark.parametrize("example", BY_ITSELF, ids=lambda p: f"{p.parents[3].name}-{p.parents[1].name}-{p.stem}")
def test_an_invalid_example_fails_for_the_rule_that_it_is_named_after(example: Path) -> None:
    failed = [check.id for check in judged(example).checks if check.kind == "rule" and check.status == "failed"]
    assert failed == [example.stem]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: f"{p.parents[2].name}-{p.parent.name}-{p.name}")
def test_each_example_of_a_folder_fails_for_its_own_rule_and_no_other(folder: Path, tmp_path: Path) -> None:
    """As one submission, which takes a second as each would; what fails since they are together is left out."""
    examples = [example for example in TOGETHER if example.parent == folder]
    judged(*examples, quarantine=tmp_path / "quarantine.parquet")
    found: dict[int, set[str]] = {}
    for row in pq.read_table(tmp_path / "quarantine.parquet").to_pylist():
        found.setdefault(row["record"], set()).add(row["rule"])
    first = 1
    for example in examples:
        records = range(first, first + len(json.loads(example.read_text())))
        rules = set().union(*(found.get(record, set()) for record in records))
        assert {rule for rule in rules if not rule.endswith((".unique", ".none_twice"))} == {example.stem}
        first = records.stop


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_contract_is_described_and_has_a_suite_and_examples(path: Path) -> None:
    contract = load_contract(path)
    assert contract.description
    assert [column.name for column in contract.columns if not column.description] == []
    suite = find_registry(ROOT).suite_beside(path)
    assert suite is not None
    assert load_suite(suite, contract.columns).expectations
    kinds = {example.parent.name for example in EXAMPLES if example.parents[1] == path.parent / "examples" / path.stem}
    assert kinds == {"valid", "invalid"}


def test_the_datasets_that_ship() -> None:
    assert find_registry(ROOT).datasets() == {
        "flights": [(1, 0), (1, 1)],
        "query_relevance": [(1, 0), (1, 1)],
        "sales_outcome_row": [(1, 0)],
        "technical_task_router_row": [(1, 0), (2, 0)],
    }


def test_the_minimal_examples_stand_in_every_format_that_a_version_names() -> None:
    for example in EXAMPLES:
        assert isinstance(json.loads(example.read_text()), list), example
