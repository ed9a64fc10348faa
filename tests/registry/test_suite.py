"""A suite is refused when it is loaded, if it could not be evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.audit import prepare_suite
from tidegate.columns import Column
from tidegate.errors import BrokenContract
from tidegate.registry import Suite, load_suite

A = Column("a", "int64")


def load(folder: Path, *expectations: Any) -> Suite:
    path = folder / "sample" / "v1_0.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"name": "sample", "expectations": list(expectations)}))
    return load_suite(path, (A, Column("b", "int64")))


def test_expectations_have_ids_and_severities(tmp_path: Path) -> None:
    mean = {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "min_value": 0}}
    rows = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "warning"}
    suite = load(tmp_path, mean, mean, rows)
    assert [(e.id, e.severity) for e in suite.expectations] == [
        ("a.expect_column_mean_to_be_between", "critical"),
        ("a.expect_column_mean_to_be_between#2", "critical"),
        ("dataset.expect_table_row_count_to_be_between", "warning"),
    ]
    assert (suite.name, suite.version) == ("sample", "1.0")


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        (
            {"type": "expect_column_values_to_be_increasing", "kwargs": {"column": "a"}},
            "cannot be judged: Great Expectations can evaluate it in pandas only",
        ),
        ({"type": "expect_column_max_to_be_between", "kwargs": {"column": "aa"}}, "'aa', .*\n\nDid you mean 'a'"),
        ({"type": "expect_column_max_to_be_between", "kwargs": {"column": "a"}, "severity": "criticl"}, "critical"),
        ({"type": "expect_column_max_to_be_between", "kwargs": {"column": "a"}, "mostly": 1}, "unknown key 'mostly'"),
        ({"kwargs": {}}, "expectation 1 has no type"),
        ("text", "expectation 1 has no type"),
    ],
)
def test_what_could_not_be_evaluated_is_refused(tmp_path: Path, expectation: Any, message: str) -> None:
    with pytest.raises(BrokenContract, match=message):
        load(tmp_path, expectation)


def test_a_broken_expectation_is_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "v1_0.json"
    good = '{"type": "expect_column_max_to_be_between", "kwargs": {"column": "a"}}'
    bad = good.replace('"a"', '"c"')
    meta = '{"expectations": [], "notes": "expectations"}'
    path.write_text(f'{{"meta": {meta},\n"expectations": [\n  {good},\n\n  {bad}], "more": {meta}}}')
    with pytest.raises(BrokenContract, match=r"v1_0\.json:5: expectation 2 names the column 'c'"):
        load_suite(path, (A,))
    path.write_text('{"expectations": [\n]]')
    with pytest.raises(BrokenContract, match=r"v1_0\.json:2: not JSON"):
        load_suite(path, (A,))


@pytest.mark.parametrize("text", ["{", "[]", '{"expectations": {}}', "[" * 100_000])
def test_what_is_no_suite_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "v1_0.json"
    path.write_text(text)
    with pytest.raises(BrokenContract, match=r"v1_0\.json"):
        load_suite(path, (A,))


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ({"type": "expect_column_mean_to_be_betwen", "kwargs": {"column": "a"}}, "Did you mean 'expect_column_mean_to"),
        ({"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a", "value_sett": [1]}}, "value_set"),
    ],
)
def test_what_great_expectations_does_not_know_is_refused(tmp_path: Path, expectation: Any, message: str) -> None:
    with pytest.raises(BrokenContract, match=rf"expectation 1 \({expectation['type']}\)(.|\n)*{message}"):
        prepare_suite(load(tmp_path, expectation))
