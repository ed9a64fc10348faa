"""The language of suite parameters: small, checked when the suite is loaded, and never run as Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.columns import Column
from tidegate.errors import BrokenContract
from tidegate.registry.parameters import Number, Operation, Parameter, Root, Rows, Statistic, find_parameters
from tidegate.registry.statistics import QUANTILES

COLUMNS = (
    Column("delay", "float64"),
    Column("carrier", "string"),
    Column("month", "int8"),
    Column("late", "boolean"),
    Column("at", "timestamp('UTC', 6)"),
    Column("tags", "array<string>"),
    Column("captain", "string", personal=True),
    Column("a", "int64"),
    Column('départ "retard"', "decimal(10, 2)"),
)


def read(text: str) -> Parameter:
    (parameter,) = find_parameters({"column": "a", "min_value": {"$PARAMETER": text}}, COLUMNS, "v1_0.json:4: one")
    return parameter


DELAY = Statistic("delay", "mean")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("pool.delay.mean", DELAY),
        (" pool.delay.mean ", DELAY),
        ("pool.rows", Rows("pool")),
        ("submission.rows", Rows("submission")),
        ("pool.delay.mean + 3", Operation("+", DELAY, Number(3.0))),
        ("-(2 * pool.delay.mean)", Operation("-", Number(0.0), Operation("*", Number(2.0), DELAY))),
        ("sqrt(submission.rows) / 1e2", Operation("/", Root(Rows("submission")), Number(100.0))),
        ("pool.delay.q05", Statistic("delay", "q05")),
        ("pool.carrier.values", Statistic("carrier", "values")),
        ("pool.carrier.partition", Statistic("carrier", "partition")),
        ('pool.carrier.shares["Ünited"]', Statistic("carrier", "shares", "Ünited")),
        ("pool.month.shares[1]", Statistic("month", "shares", 1)),
        ("pool.late.shares[True]", Statistic("late", "shares", True)),
        ("pool.at.max", Statistic("at", "max")),
        ("pool.at.distinct * 2", Operation("*", Statistic("at", "distinct"), Number(2.0))),
        ("pool.captain.null_fraction", Statistic("captain", "null_fraction")),
        ("""pool['départ "retard"'].mean""", Statistic('départ "retard"', "mean")),
    ],
)
def test_what_the_language_has(text: str, node: Any) -> None:
    assert read(text).node == node


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("pool.delay.", "cannot be read"),
        ("pool.départ retard.mean", r'cannot be read.*\n\n.*pool\["its name"\]'),
        ("pool.delay", "no number and no name"),
        ("delay.mean", "no number and no name"),
        ("pool.dlay.mean", "the column 'dlay', .*\n\nDid you mean 'delay'"),
        ("pool.delay.meen", "no statistic 'meen'.*\n\nDid you mean 'mean'"),
        ("pool.delay.values", "float64 and has no statistic 'values'.*\n\nIt has .*mean.*q01 to q99"),
        ("pool.delay.q100", "no statistic 'q100'.*\n\nIt has .*q01 to q99"),
        ("pool.tags.distinct", "no statistic 'distinct'.*\n\nIt has null_fraction"),
        ("pool.captain.values", "personal"),
        ("pool.captain.shares['Ahab']", "personal"),
        ("pool.carrier.shares", "of which value"),
        ("pool.carrier.shares[1]", "of which value"),
        ("pool.month.shares[True]", "of which value"),
        ("pool.month.shares['1']", "of which value"),
        ("pool.carrier.values + 1", "reckons with pool.carrier.values"),
        ("-pool.at.max", "reckons with pool.at.max"),
        ("pool.ª.mean", "no number and no name"),  # to Python that is pool.a.mean
        ("pool.delay.meªn", "no number and no name"),
        ("2 ** 9", "no number"),
        ("7 // 2", "no number"),
        ("1e999", "too large"),
        ("1j", "no number"),
        ("True", "no number"),
        ("'text'", "no number"),
        ("1 if 1 else 2", "no number"),
        ("[x for x in (1,)]", "no number"),
        ("lambda: 1", "no number"),
        ("abs(1)", "no number"),
        ("sqrt(1, 2)", "no number"),
        ("sqrt(*pool)", "no number"),
        ("__import__('os').system('true')", "no number"),
        ("pool.__class__.mean", "the column '__class__'"),
        ("pool.delay.__class__", "no statistic '__class__'"),
        ("\0", "cannot be read"),
        ("-" * 400 + "1", "longer than 300"),
        ("(" * 250 + "1", "cannot be read"),
    ],
)
def test_all_else_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(BrokenContract, match=rf"(?s)v1_0\.json:4: one: the parameter .*{message}"):
        read(text)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"column": {"$PARAMETER": "pool.rows"}}, "cannot stand for column"),
        ({"column_list": ["a", {"$PARAMETER": "pool.rows"}]}, "cannot stand for column_list"),
        ({"min_value": {"$PARAMETER": 5}}, "stands alone, with a text"),
        ({"min_value": {"$PARAMETER": "pool.rows", "$PARAMETER.pool.rows": 5}}, "stands alone"),
        ({"column": "a", "$PARAMETER": ["a", "b"]}, "stands for the value of an argument"),
        ({"$PARAMETER": "pool.rows"}, "stands for the value of an argument"),
    ],
)
def test_where_no_parameter_may_stand(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(BrokenContract, match=message):
        find_parameters(kwargs, COLUMNS, "one")


def test_they_are_found_however_deep() -> None:
    deep: Any = {"$PARAMETER": "pool.rows"}
    for _ in range(5_000):
        deep = [deep]
    kwargs = {"quantile_ranges": {"value_ranges": [[{"$PARAMETER": "pool.delay.q05"}, 3]]}, "more": deep}
    assert sorted(found.text for found in find_parameters(kwargs, COLUMNS, "one")) == ["pool.delay.q05", "pool.rows"]


def test_what_depends_on_the_pool() -> None:
    assert read("1 + sqrt(pool.delay.mean)").pooled
    assert read("pool.rows").pooled
    assert not read("submission.rows / 2").pooled


@given(st.text() | st.text(alphabet="pool.delaymeansqrt()[]'\"+-*/ 0123456789,:=\\\n", max_size=60))
def test_no_text_is_anything_but_read_or_refused(text: str) -> None:
    try:
        read(text)
    except BrokenContract as error:
        json.dumps(str(error))


@given(st.floats(0, 1e300), st.sampled_from(QUANTILES))
def test_numbers_mean_what_json_means(number: float, quantile: str) -> None:
    assert read(f"{number!r} * pool.delay.{quantile}").node == Operation(
        "*", Number(number), Statistic("delay", quantile)
    )
