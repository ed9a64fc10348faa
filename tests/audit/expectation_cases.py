"""For every expectation of Great Expectations that is supported: arguments that hold and arguments that do not.

`N`, `M` (whole numbers), `X` (floats) and `T` (text) stand for columns, whatever they are called.
"""
# One case to a line reads best here.
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

Arguments = dict[str, Any]

N, M, X, T = "<n>", "<m>", "<x>", "<t>"
COLUMNS = {
    N: [1, 2, 2, 3, 5, 100],
    M: [1, 3, 2, 2, 4, 7],
    X: [0.5, 1.5, 1.5, -2.0, 8.25, 3.0],
    T: ["x", "yy", "yy", "o'clock", "ä%", 'a"b'],
}
_EVEN = {"bins": [0.0, 3.0, 101.0], "weights": [0.5, 0.5]}
_SHARES = {"values": ["x", "yy"], "weights": [0.5, 0.5]}

CASES: dict[str, list[Arguments]] = {
    "expect_column_distinct_values_to_be_in_set": [
        {"column": N, "value_set": [1, 2, 3, 5, 100]}, {"column": T, "value_set": ["x", "o'clock"]}],
    "expect_column_distinct_values_to_contain_set": [
        {"column": T, "value_set": ["x", "o'clock"]}, {"column": N, "value_set": [1, 4]}],
    "expect_column_distinct_values_to_equal_set": [
        {"column": N, "value_set": [1, 2, 3, 5, 100]}, {"column": T, "value_set": ["x"]}],
    "expect_column_kl_divergence_to_be_less_than": [
        {"column": T, "partition_object": _SHARES, "threshold": 100}, {"column": T, "partition_object": _SHARES, "threshold": 0},
        {"column": X, "partition_object": _EVEN, "threshold": 100, "tail_weight_holdout": 0.01, "internal_weight_holdout": 0.01},
    ],
    "expect_column_max_to_be_between": [{"column": N, "max_value": 100}, {"column": X, "max_value": 8.0}],
    "expect_column_mean_to_be_between": [{"column": X, "min_value": 2.0, "max_value": 2.2}, {"column": N, "max_value": 3}],
    "expect_column_median_to_be_between": [{"column": N, "min_value": 2, "max_value": 3}, {"column": X, "max_value": 0}],
    "expect_column_min_to_be_between": [{"column": X, "min_value": -2}, {"column": N, "min_value": 2}],
    "expect_column_most_common_value_to_be_in_set": [
        {"column": T, "value_set": ["yy"]}, {"column": N, "value_set": [3]}],
    "expect_column_pair_values_a_to_be_greater_than_b": [
        {"column_A": N, "column_B": M}, {"column_A": N, "column_B": M, "or_equal": True},
        {"column_A": N, "column_B": M, "ignore_row_if": "either_value_is_missing"},
        {"column_A": N, "column_B": M, "mostly": 0.1}],
    "expect_column_pair_values_to_be_equal": [
        {"column_A": N, "column_B": N}, {"column_A": N, "column_B": M},
        {"column_A": N, "column_B": M, "ignore_row_if": "either_value_is_missing"},
        {"column_A": N, "column_B": M, "ignore_row_if": "neither"}],
    "expect_column_proportion_of_non_null_values_to_be_between": [
        {"column": N, "min_value": 0.5}, {"column": T, "max_value": 0.1}],
    "expect_column_proportion_of_unique_values_to_be_between": [
        {"column": N, "min_value": 0.5}, {"column": T, "max_value": 0.1}],
    "expect_column_quantile_values_to_be_between": [
        {"column": N, "quantile_ranges": {"quantiles": [0.0, 0.5, 1.0], "value_ranges": [[1, 1], [2, 3], [100, 100]]}},
        {"column": X, "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, 0.1]]}}],
    "expect_column_stdev_to_be_between": [{"column": N, "max_value": 50}, {"column": X, "max_value": 1}],
    "expect_column_sum_to_be_between": [{"column": N, "min_value": 100}, {"column": X, "max_value": 1}],
    "expect_column_to_exist": [{"column": N}, {"column": N, "column_index": 0}, {"column": N, "column_index": 2}],
    "expect_column_type_to_be": [{"column": N, "type_": "BIGINT"}, {"column": T, "type_": "BIGINT"}],
    "expect_column_unique_value_count_to_be_between": [{"column": N, "min_value": 1}, {"column": T, "max_value": 1}],
    "expect_column_value_lengths_to_be_between": [
        {"column": T, "min_value": 1}, {"column": T, "min_value": 2, "max_value": 3}, {"column": T, "max_value": 2, "strict_max": True}],
    "expect_column_value_lengths_to_equal": [{"column": T, "value": 2}, {"column": T, "value": 2, "mostly": 0.3}],
    "expect_column_value_z_scores_to_be_less_than": [
        {"column": N, "threshold": 10, "double_sided": True}, {"column": N, "threshold": 1, "double_sided": True},
        {"column": X, "threshold": 0.5, "double_sided": False}],
    "expect_column_values_to_be_between": [
        {"column": N, "min_value": 1}, {"column": N, "min_value": 2, "max_value": 5, "strict_max": True},
        {"column": X, "max_value": 1.5, "mostly": 0.5}],
    "expect_column_values_to_be_in_set": [
        {"column": T, "value_set": ["x", "o'clock"]}, {"column": N, "value_set": [1, 2, 3, 5, 100]},
        {"column": T, "value_set": ["x"], "mostly": 0.1}],
    "expect_column_values_to_be_in_type_list": [{"column": N, "type_list": ["BIGINT"]}, {"column": T, "type_list": ["DATE"]}],
    "expect_column_values_to_be_null": [{"column": N}, {"column": T, "mostly": 0.01}],
    "expect_column_values_to_be_of_type": [{"column": T, "type_": "VARCHAR"}, {"column": T, "type_": "DATE"}],
    "expect_column_values_to_be_unique": [{"column": M}, {"column": T}, {"column": N, "mostly": 0.1}],
    "expect_column_values_to_match_like_pattern": [{"column": T, "like_pattern": "%y%"}, {"column": T, "like_pattern": "%"}],
    "expect_column_values_to_match_like_pattern_list": [
        {"column": T, "like_pattern_list": ["y%", "x"]}, {"column": T, "like_pattern_list": ["%", "%y%"], "match_on": "all"}],
    "expect_column_values_to_match_regex": [
        {"column": T, "regex": "^.*$"}, {"column": T, "regex": "y"}, {"column": T, "regex": "^[a-z']+$", "mostly": 0.5},
        {"column": T, "regex": r"^\w"}],
    "expect_column_values_to_match_regex_list": [
        {"column": T, "regex_list": ["^x$", "y"]}, {"column": T, "regex_list": [".", "y"], "match_on": "all"}],
    "expect_column_values_to_not_be_in_set": [{"column": T, "value_set": ["zz"]}, {"column": N, "value_set": [2, 5]}],
    "expect_column_values_to_not_be_null": [{"column": N}, {"column": T, "mostly": 0.5}],
    "expect_column_values_to_not_be_outliers": [{"column": N}, {"column": X, "multiplier": 10}],
    "expect_column_values_to_not_match_like_pattern": [{"column": T, "like_pattern": "%y%"}, {"column": T, "like_pattern": "z"}],
    "expect_column_values_to_not_match_like_pattern_list": [
        {"column": T, "like_pattern_list": ["%y%", "x"]}, {"column": T, "like_pattern_list": ["z"]}],
    "expect_column_values_to_not_match_regex": [{"column": T, "regex": "y"}, {"column": T, "regex": "^z"}],
    "expect_column_values_to_not_match_regex_list": [
        {"column": T, "regex_list": ["y", "x"]}, {"column": T, "regex_list": ["^z"]}],
    "expect_compound_columns_to_be_unique": [
        {"column_list": [N, M]}, {"column_list": [N, T]},
        {"column_list": [N, T], "ignore_row_if": "any_value_is_missing"}, {"column_list": [N, T], "ignore_row_if": "never"}],
    "expect_multicolumn_sum_to_equal": [
        {"column_list": [N, M], "sum_total": 4}, {"column_list": [N, M], "sum_total": 4, "ignore_row_if": "any_value_is_missing"}],
    "expect_multicolumn_values_to_be_equal": [
        {"column_list": [N, N]}, {"column_list": [N, M]}, {"column_list": [N, M], "ignore_row_if": "any_value_is_missing"}],
    "expect_select_column_values_to_be_unique_within_record": [
        {"column_list": [N, M]}, {"column_list": [N, M], "ignore_row_if": "any_value_is_missing"}],
    "expect_table_column_count_to_be_between": [{"min_value": 4, "max_value": 4}, {"max_value": 3}],
    "expect_table_column_count_to_equal": [{"value": 4}, {"value": 5}],
    "expect_table_columns_to_match_ordered_list": [{"column_list": [N, M, X, T]}, {"column_list": [M, N, X, T]}],
    "expect_table_columns_to_match_set": [
        {"column_set": [T, X, M, N]}, {"column_set": [N]}, {"column_set": [N], "exact_match": False}],
    "expect_table_row_count_to_be_between": [{"min_value": 0, "max_value": 6}, {"min_value": 7}],
    "expect_table_row_count_to_equal": [{"value": 6}, {"value": 5}],
    "unexpected_rows_expectation": [
        {"unexpected_rows_query": "SELECT * FROM {batch} WHERE false"},
        {"unexpected_rows_query": "SELECT * FROM {batch} WHERE _record > 2"}],
}  # fmt: skip
"""Per type of expectation."""

_CONDITION = {"condition_parser": "great_expectations"}
CONDITIONS: list[tuple[str, Arguments]] = [
    ("expect_column_values_to_be_between", {"column": N, "max_value": 4, "row_condition": f'col("{M}") > 2'}),
    ("expect_column_values_to_be_unique", {"column": T, "row_condition": f'col("{M}") < 3'}),
    ("expect_column_values_to_not_be_null", {"column": T, "row_condition": f'col("{M}").notnull()'}),
    ("expect_column_mean_to_be_between", {"column": N, "max_value": 4, "row_condition": f'col("{M}") <= 3'}),
    ("expect_column_pair_values_to_be_equal", {"column_A": N, "column_B": M, "row_condition": f'col("{X}") > 1'}),
    ("expect_compound_columns_to_be_unique", {"column_list": [N, T], "row_condition": f'col("{M}") < 4'}),
    ("expect_table_row_count_to_be_between", {"max_value": 2, "row_condition": f'col("{M}") > 2'}),
]
"""Expectations over some rows only."""
CONDITIONS = [(kind, arguments | _CONDITION) for kind, arguments in CONDITIONS]


def named(value: Any, names: dict[str, str]) -> Any:
    """The arguments with columns' names in them."""
    if isinstance(value, dict):
        return {key: named(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item, names) for item in value]
    if isinstance(value, str):
        for stand_in, name in names.items():
            value = value.replace(stand_in, name)
    return value
