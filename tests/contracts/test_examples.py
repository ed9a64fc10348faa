"""The shipped registry is as it should be: each valid example passes, each invalid one fails for its own rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate.evolution.check import Checked, check_registry
from tidegate.registry import find_registry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checked() -> Checked:
    """What is found in it: to judge all examples takes a while."""
    return check_registry(find_registry(ROOT))


def test_nothing_is_wrong_with_it(checked: Checked) -> None:
    assert checked.findings == ()


def test_every_version_that_ships_is_released(checked: Checked) -> None:
    assert {dataset.name: dataset.released for dataset in checked.datasets} == {
        "flights": ("1.0", "1.1"),
        "query_relevance": ("1.0", "1.1"),
        "sales_outcome_row": ("1.0",),
        "technical_task_router_row": ("1.0", "2.0"),
    }
    assert {dataset.versions for dataset in checked.datasets} == {dataset.released for dataset in checked.datasets}


def test_examples_are_many_and_are_lists() -> None:
    examples = sorted((ROOT / "contracts").glob("*/examples/*/*/*.json"))
    assert len(examples) > 100
    assert [example for example in examples if not isinstance(json.loads(example.read_text()), list)] == []
