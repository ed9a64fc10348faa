"""Numbers in the place of suite parameters: what they come to, and what becomes of those that come to nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tidegate.audit import parameters, resolve
from tidegate.audit.parameters import Resolved, measures_asked
from tidegate.columns import Column
from tidegate.registry import PoolStatistics, Suite
from tidegate.registry.parameters import find_parameters
from tidegate.registry.statistics import ColumnMeasures, Measure
from tidegate.registry.suite import Expectation

X, Y = Column("x", "float64"), Column("y", "string")
POOL = PoolStatistics(
    table="t",
    version=7,
    rows=100,
    columns={
        "x": ColumnMeasures(
            type="float64",
            measures={
                "mean": Measure(value=4.0),
                "std": Measure(value=0.0),
                "min": Measure(),
                "max": Measure(value=1e308),
                "quantiles": Measure(value=[percent / 10 for percent in range(1, 100)]),
                "partition": Measure(value={"bins": [1.0, 2.0], "weights": [0.5], "tail_weights": [0.25, 0.25]}),
            },
        ),
        "y": ColumnMeasures(
            type="string", measures={"categories": Measure(value={"values": ["a", "b"], "weights": [0.75, 0.25]})}
        ),
    },
)
LARGE = POOL.model_copy(
    update={"columns": {"y": ColumnMeasures(type="string", measures={"categories": Measure(fault="too many")})}}
)


def expectation(**kwargs: Any) -> Expectation:
    kind, asked = "expect_column_mean_to_be_between", find_parameters(kwargs, (X, Y), "here")
    return Expectation(f"{kwargs['column']}.{kind}", "here", kind, kwargs, "critical", "A note.", asked)


def resolved(*expectations: Expectation, pool: PoolStatistics | None = POOL, rows: int = 25) -> Resolved:
    return resolve(Suite("sample", "1.0", "0", Path("v1_0.json"), expectations), pool, rows)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pool.x.mean", 4.0),
        ("pool.x.mean + 2 * 3", 10.0),
        ("(pool.x.mean + 2) * 3", 18.0),
        ("-pool.x.mean / 8 - 1", -1.5),
        ("pool.x.q05", 0.5),
        ("pool.x.q99 - pool.x.q01", pytest.approx(9.8)),
        ("pool.rows", 100.0),
        ("pool.x.mean / sqrt(submission.rows)", 0.8),
        ("pool.y.values", ["a", "b"]),
        ('pool.y.shares["a"]', 0.75),
        ('1 - pool.y.shares["z"]', 1.0),
        ("pool.y.partition", {"values": ["a", "b"], "weights": [0.75, 0.25]}),
        ("pool.x.partition", {"bins": [1.0, 2.0], "weights": [0.5], "tail_weights": [0.25, 0.25]}),
    ],
)
def test_what_parameters_come_to(text: str, value: Any) -> None:
    (found,) = resolved(expectation(column="x", min_value={"$PARAMETER": text})).suite.expectations
    assert found.kwargs == {"column": "x", "min_value": value}


def test_they_are_put_in_however_deep_and_the_rest_stays() -> None:
    ranges = {"quantiles": [0.5], "value_ranges": [[{"$PARAMETER": "pool.x.q50"}, None]]}
    plain = expectation(column="x", max_value=3)
    found = resolved(expectation(column="x", quantile_ranges=ranges), plain).suite.expectations
    assert found[0].kwargs["quantile_ranges"] == {"quantiles": [0.5], "value_ranges": [[5.0, None]]}
    assert found[1] is plain


def test_what_is_expected_is_told_with_where_it_comes_from() -> None:
    asked = expectation(column="x", min_value={"$PARAMETER": "pool.x.mean / 3"}, max_value=9)
    (found,) = resolved(asked).suite.expectations
    assert found.arguments == "min_value 1.333333333 = pool.x.mean / 3, max_value 9, the pool at version 7"


@pytest.mark.parametrize(
    ("text", "pool", "note"),
    [
        ("pool.x.mean", None, "there is no training data"),
        ("pool.rows + 1", None, "there is no training data"),
        ("pool.x.min * 2", POOL, "the training data has no min of 'x'"),
        ("pool.x.min", POOL, "the training data has no min of 'x'"),
    ],
)
def test_without_something_to_compare_with_it_is_left_out_and_noted(
    text: str, pool: PoolStatistics | None, note: str
) -> None:
    found = resolved(expectation(column="x", min_value={"$PARAMETER": text}), pool=pool)
    assert (found.suite.expectations, found.checks) == ((), ())
    assert found.notes == (
        f"x.expect_column_mean_to_be_between was not judged: {note}, so there is nothing to compare with.",
    )


@pytest.mark.parametrize(
    ("text", "pool", "why"),
    [
        ("1 / pool.x.std", POOL, "divides by zero"),
        ("sqrt(0 - pool.x.mean)", POOL, "takes a root"),
        ("pool.x.max * 10", POOL, "too large"),
        ("pool.x.max * 10 - pool.x.max * 10", POOL, "too large"),
        ("pool.y.values", LARGE, "the pool's column 'y' gives no values: too many"),
        ('pool.y.shares["a"] * 2', LARGE, "too many"),
    ],
)
def test_what_cannot_be_reckoned_is_not_evaluated_so_not_passed(text: str, pool: PoolStatistics, why: str) -> None:
    found = resolved(expectation(column="x", min_value={"$PARAMETER": text}), pool=pool)
    assert (found.suite.expectations, found.notes) == ((), ())
    (check,) = found.checks
    assert (check.status, check.column, check.expected) == ("not_evaluated", "x", f"A note. ({text})")
    assert why in str(check.observed)


def test_all_that_was_asked_is_told_also_without_a_note() -> None:
    bounds = {"min_value": {"$PARAMETER": "1 / pool.x.std"}, "max_value": {"$PARAMETER": "pool.x.mean"}}
    (check,) = resolved(replace(expectation(column="x", **bounds), notes=None)).checks
    assert check.expected == "pool.x.mean, 1 / pool.x.std"


def test_values_are_told_as_people_read_them_and_cut_short() -> None:
    asked = {"$PARAMETER": "pool.x.mean"}
    (found,) = resolved(expectation(column="ä", min_value=asked, value_set=["b" * 26])).suite.expectations
    assert 'value_set ["' + "b" * 26 + '"]' in found.arguments
    (found,) = resolved(expectation(column="x", min_value=asked, value_set=["ö" * 200])).suite.expectations
    (told,) = re.findall(r'value_set (\["ö+\.\.\.)', found.arguments)
    assert len(told) == parameters._SHOWN + len("...")


def test_a_value_that_just_fits_is_told_whole() -> None:
    value = "b" * (parameters._SHOWN - len('""'))
    asked = {"$PARAMETER": "pool.x.mean"}
    (found,) = resolved(expectation(column="x", min_value=asked, regex=value)).suite.expectations
    assert f'regex "{value}"' in found.arguments
    assert "..." not in found.arguments


def test_without_the_pool_the_submission_may_still_be_asked() -> None:
    found = resolved(expectation(column="x", max_value={"$PARAMETER": "submission.rows / 5"}), pool=None)
    assert found.suite.expectations[0].kwargs["max_value"] == 5.0
    assert "pool" not in found.suite.expectations[0].arguments
    found = resolved(expectation(column="x", max_value={"$PARAMETER": "submission.rows / 5"}))
    assert "version" not in found.suite.expectations[0].arguments


def test_only_what_a_suite_names_is_measured(make_contract: Any) -> None:
    contract = make_contract("x: float\ny: str\nz: float = pa.Field()")
    by_name = {column.name: column for column in contract.columns}

    def suite(*texts: str) -> Suite:
        asked = tuple(expectation(column="x", min_value={"$PARAMETER": text}) for text in texts)
        return Suite("sample", "1.0", "0", Path("v1_0.json"), (*asked, expectation(column="x", max_value=3)))

    assert measures_asked(suite(), contract) is None
    assert measures_asked(suite("submission.rows * 2"), contract) is None
    assert measures_asked(suite("pool.rows"), contract) == {}
    assert measures_asked(suite("pool.x.q05 - pool.x.std", 'pool.y.shares["a"]', "pool.x.partition"), contract) == {
        by_name["x"]: {"quantiles", "std", "partition"},
        by_name["y"]: {"categories"},
    }
