"""Expectations that no valid rows can meet, type by type, and their neighbours that some can."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evolution.conftest import Folder

from tidegate.evolution.contradictions import CONTRADICTIONS, contradictions

BODY = """\
n: int = pa.Field(in_range={'min_value': 1, 'max_value': 5})
m: int = pa.Field(ge=10, unique=True)
x: float = pa.Field(nullable=True, gt=0)
t: str = pa.Field(isin=['ab', 'cd'])
u: str = pa.Field(str_length={'min_value': 2, 'max_value': 4})
"""

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("expect_column_values_to_be_between", {"column": "n", "min_value": 6}, {"column": "n", "min_value": 5}),
    ("expect_column_values_to_be_between", {"column": "n", "max_value": 1, "strict_max": True},
     {"column": "n", "max_value": 1}),
    ("expect_column_values_to_be_between", {"column": "x", "max_value": 0, "mostly": 0.1},
     {"column": "x", "max_value": 0, "mostly": 0}),
    ("expect_column_mean_to_be_between", {"column": "n", "min_value": 5.5}, {"column": "n", "min_value": 4.5}),
    ("expect_column_median_to_be_between", {"column": "x", "max_value": -1}, {"column": "x", "max_value": 1}),
    ("expect_column_min_to_be_between", {"column": "n", "min_value": 7, "max_value": 9},
     {"column": "n", "min_value": 0, "max_value": 9}),
    ("expect_column_max_to_be_between", {"column": "m", "max_value": 9}, {"column": "m", "max_value": 10}),
    ("expect_column_values_to_be_in_set", {"column": "t", "value_set": ["ef"]}, {"column": "t", "value_set": ["ab"]}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "n", "value_set": [7]},
     {"column": "n", "value_set": [7, 5]}),
    ("expect_column_most_common_value_to_be_in_set", {"column": "n", "value_set": [0]},
     {"column": "n", "value_set": [0, 1]}),
    ("expect_column_distinct_values_to_contain_set", {"column": "t", "value_set": ["ab", "ef"]},
     {"column": "t", "value_set": ["ab", "cd"]}),
    ("expect_column_distinct_values_to_equal_set", {"column": "n", "value_set": [1, 6]},
     {"column": "n", "value_set": [1, 5]}),
    ("expect_column_values_to_not_be_in_set", {"column": "t", "value_set": ["ab", "cd"]},
     {"column": "t", "value_set": ["ab"]}),
    ("expect_column_values_to_be_null", {"column": "n"}, {"column": "x"}),
    ("expect_column_value_lengths_to_be_between", {"column": "u", "min_value": 5}, {"column": "u", "min_value": 4}),
    ("expect_column_value_lengths_to_equal", {"column": "u", "value": 1}, {"column": "u", "value": 2}),
    ("expect_column_values_to_match_regex", {"column": "t", "regex": "^x"}, {"column": "t", "regex": "^a"}),
    ("expect_column_unique_value_count_to_be_between", {"column": "n", "min_value": 6},
     {"column": "n", "min_value": 5}),
    ("expect_column_proportion_of_unique_values_to_be_between", {"column": "m", "max_value": 0.5},
     {"column": "n", "max_value": 0.5}),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "n", "column_B": "m"},
     {"column_A": "m", "column_B": "n"}),
    ("expect_table_columns_to_match_set", {"column_set": ["n", "m", "x", "t"]},
     {"column_set": ["n", "m", "x", "t"], "exact_match": False}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": ["n", "m"]},
     {"column_list": ["n", "m", "x", "t", "u"]}),
    ("expect_table_column_count_to_equal", {"value": 6}, {"value": 5}),
    ("expect_table_column_count_to_be_between", {"max_value": 4}, {"min_value": 1}),
]  # fmt: skip


def found(folder: Folder, kind: str, kwargs: dict[str, Any]) -> list[str]:
    folder.write("sample@1.0", BODY, suite=[{"type": kind, "kwargs": kwargs}])
    return [why for _, why in contradictions(folder.release("sample@1.0"))]


@pytest.mark.parametrize(
    ("kind", "impossible", "possible"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_what_no_valid_rows_can_meet_is_found(
    folder: Folder, kind: str, impossible: dict[str, Any], possible: dict[str, Any]
) -> None:
    assert len(found(folder, kind, impossible)) == 1
    assert found(folder, kind, possible) == []


def test_every_type_that_is_looked_at_is_tried() -> None:
    assert {kind for kind, *_ in CASES} == CONTRADICTIONS


def test_what_depends_on_the_pool_or_on_some_rows_is_passed_over(folder: Folder) -> None:
    pooled = {"column": "n", "min_value": {"$PARAMETER": "pool.n.mean"}}
    assert found(folder, "expect_column_mean_to_be_between", pooled) == []
    some = {
        "column": "n",
        "min_value": 9,
        "row_condition": 'col("t") == "ab"',
        "condition_parser": "great_expectations",
    }
    assert found(folder, "expect_column_values_to_be_between", some) == []
