"""The shipped contracts: each valid example passes, and each invalid one fails for the rule that its name says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.receipt import Report
from tidegate.registry import find_registry, load_contract, load_suite

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "contracts").glob("*/examples/*/*/*.json"))
CONTRACTS = sorted((ROOT / "contracts").glob("*/v*.py"))


def judged(example: Path) -> Report:
    version = example.parent.parent.name.removeprefix("v").replace("_", ".")
    contract = f"{example.parents[3].name}@{version}"
    config = {"schema_config": contract, "data_path": str(example), "registry": str(ROOT)}
    return validate_contributed_data(load_config(config))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: f"{p.parents[3].name}-{p.parents[1].name}-{p.stem}")
def test_examples_are_judged_as_they_are_named(example: Path) -> None:
    report = judged(example)
    failed = [check.id for check in report.checks if check.kind == "rule" and check.status == "failed"]
    if example.parent.name == "valid":
        assert failed == []
        assert report.verdict == "accepted", report.reasons
    else:
        assert failed == [example.stem]


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
