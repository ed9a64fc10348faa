"""Every expectation says on Spark what it says on DuckDB, and names the same records."""

from __future__ import annotations

import datetime
import math
import random
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.audit.expectation_cases import CONDITIONS, M, N, T, X, named
from tests.audit.test_expectations_conformance import ALL, DATA, PLAIN, judged, objects, same, table
from tests.spark import interpret

from tidegate.columns import RECORD
from tidegate.config import load_config
from tidegate.engines import DataFile, Engine, open_engine

Case = tuple[str, dict[str, Any]]
Both = tuple[list[dict[str, Any]], list[dict[str, Any]]]
CASES: list[Case] = [(kind, arguments) for kind, _, arguments in ALL] + CONDITIONS
ONCE = list({kind: (kind, named(arguments, PLAIN)) for kind, arguments in reversed(CASES)}.values())
"""Each kind once."""
ODD = {N: 'quo"te`tick', M: "select größe", X: "it's.dotted", T: "per%cent;$1"}
UNTIL_READ = "unexpected_rows_expectation"


class Pair:
    """The same Parquet file as a batch on either engine."""

    def __init__(self, engine: Engine, spark: Any, folder: Path) -> None:
        self._engine, self._spark, self._folder, self._number = engine, spark, folder, 0

    def batches(self, rows: pa.Table) -> tuple[Any, Any]:
        """DuckDB's batch and Spark's."""
        from tidegate.engines.spark.expectations import batch_of

        self._number += 1
        path = self._folder / f"{self._number}.parquet"
        pq.write_table(rows.append_column(RECORD, pa.array(range(1, rows.num_rows + 1), pa.int64())), path)
        staged = self._engine.table(f"rows_{self._number}", (DataFile(path=path, rows=rows.num_rows),))
        self._spark.read.parquet(str(path)).createOrReplaceTempView(f"rows_{self._number}")
        return self._engine.batch(staged), batch_of(self._spark, f"rows_{self._number}")

    def judged(self, rows: pa.Table, cases: list[Case]) -> Both:
        """What each says of the rows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            duckdb, spark = self.batches(rows)
            return judged(duckdb, cases), judged(spark, cases)

    def failing(self, batches: tuple[Any, Any], expectation: Any) -> tuple[Any, Any]:
        """The records that each names; None where the expectation judges none."""
        from tidegate.engines.spark.expectations import failing_query

        self._number += 1
        files = self._engine.failing(batches[0], expectation, self._folder / f"failing_{self._number}.parquet")
        theirs = None if files is None else [n for f in files for n in pq.read_table(f.path)[RECORD].to_pylist()]
        query = failing_query(batches[1], expectation, RECORD)
        found = None if query is None else self._spark.sql(query)
        if found is None or RECORD not in found.columns:
            return theirs, None
        return theirs, sorted({row[0] for row in found.select(RECORD).collect()})


@pytest.fixture(scope="module")
def pair(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("spark")
    with open_engine(load_config({"schema_config": "x"}), folder) as engine:
        session = spark.newSession()
        interpret(session)
        yield Pair(engine, session, folder)


def differing(cases: list[Case], both: Both) -> list[Any]:
    return [each for each in zip(cases, *both, strict=True) if not same(each[1], each[2])]


def test_every_kind_of_expectation_says_what_it_says_on_duckdb(pair: Pair) -> None:
    both = pair.judged(table(DATA["full"], PLAIN), ONCE)
    assert differing(ONCE, both) == []
    assert [case for case, answer in zip(ONCE, both[1], strict=True) if "raised" in answer] == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", DATA)
def test_every_expectation_says_what_it_says_on_duckdb(pair: Pair, name: str) -> None:
    cases = [(kind, named(arguments, PLAIN)) for kind, arguments in CASES]
    if name in ("empty", "all null"):  # where most have nothing to say
        cases = ONCE
    both = pair.judged(table(DATA[name], PLAIN), cases)
    assert differing(cases, both) == []
    if name == "full":
        passed = {kind for (kind, _), answer in zip(cases, both[1], strict=True) if answer.get("success")}
        failed = {kind for (kind, _), answer in zip(cases, both[1], strict=True) if not answer.get("success", True)}
        every = {kind for kind, _ in cases}
        assert passed | failed == every, "what raised said nothing"
        assert len(passed & failed) > 30


@pytest.mark.thorough
def test_the_same_records_are_named_whatever_columns_are_called(pair: Pair) -> None:
    # Great Expectations cannot read its own condition on a name with a quote, nor count such values.
    cases = [case for case in CASES if case not in CONDITIONS and case[0] != "expect_column_values_to_be_unique"]
    cases = [(kind, named(arguments, ODD)) for kind, arguments in cases]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = pair.batches(table(DATA["nulls"], ODD))
        both = judged(batches[0], cases), judged(batches[1], cases)
        assert differing(cases, both) == []
        failing = [
            (case, pair.failing(batches, expectation))
            for case, expectation, answer in zip(cases, objects(cases), both[0], strict=True)
            if answer.get("unexpected_count") or case[0] == UNTIL_READ
        ]
    assert [each for each in failing if each[1][0] != each[1][1]] == []
    assert sum(bool(records[1]) for _, records in failing) > 30


TYPES = {
    "boolean": pa.array([True, None, False]),
    "int8": pa.array([1, None, 3], pa.int8()),
    "int16": pa.array([1, None, 3], pa.int16()),
    "int32": pa.array([1, None, 3], pa.int32()),
    "int64": pa.array([2**62, None, 2**62], pa.int64()),
    "float32": pa.array([0.1, None, 3.5], pa.float32()),
    "float64": pa.array([0.1, None, 2.5], pa.float64()),
    "decimal": pa.array([Decimal("0.10"), None, Decimal("2.35")], pa.decimal128(9, 2)),
    "wide": pa.array([Decimal("0.10"), None, Decimal("2.35")], pa.decimal128(30, 2)),
    "text": pa.array(["a", None, "b"]),
    "date": pa.array(["2024-02-29", None, "2025-01-01"]).cast(pa.date32()),
    "moment": pa.array(["2024-02-29", None, "2025-01-01"]).cast(pa.timestamp("us")),
    "instant": pa.array(["2024-02-29T12Z", None, "2025-01-01T00Z"]).cast(pa.timestamp("us", "UTC")),
}
NUMBERS = [name for name in TYPES if name.startswith(("int", "float", "decimal", "wide"))]
OF_NUMBERS: list[Case] = [
    ("expect_column_mean_to_be_between", {"max_value": 0.2}),
    ("expect_column_sum_to_be_between", {"max_value": 0.2}),
    ("expect_column_stdev_to_be_between", {"max_value": 0.2}),
    ("expect_column_values_to_be_between", {"max_value": 0.1}),
    ("expect_column_value_z_scores_to_be_less_than", {"threshold": 0.5, "double_sided": True}),
]
OF_ANY_TYPE: list[Case] = [
    ("expect_column_max_to_be_between", {}),
    ("expect_column_values_to_be_unique", {}),
]
OF_SOME: list[Case] = [
    ("expect_column_values_to_be_in_set", {"column": "boolean", "value_set": [1, 3]}),
    ("expect_column_values_to_be_in_set", {"column": "date", "value_set": ["2024-02-29"]}),
    ("expect_column_values_to_be_between", {"column": "moment", "min_value": "2024-06-01"}),
    ("expect_column_values_to_be_between", {"column": "instant", "max_value": "2024-02-29 11:59:59"}),
    ("expect_column_values_to_be_in_set", {"column": "float32", "value_set": [0.1]}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "float32", "column_B": "decimal"}),
    ("expect_multicolumn_sum_to_equal", {"column_list": ["int8", "float32", "wide"], "sum_total": 1.2}),
]


def test_types_have_the_same_names_and_values(pair: Pair) -> None:
    cases: list[Case] = [("expect_column_type_to_be", {"column": name, "type_": "x"}) for name in TYPES]
    cases += [(kind, {"column": name} | arguments) for name in TYPES for kind, arguments in OF_ANY_TYPE]
    cases += [(kind, {"column": name} | arguments) for name in NUMBERS for kind, arguments in OF_NUMBERS]
    cases += OF_SOME
    both = pair.judged(pa.table(TYPES), cases)
    assert differing(cases, both) == []
    assert [case for case, answer in zip(cases, both[1], strict=True) if "raised" in answer] == []


@pytest.mark.parametrize(
    ("column", "kind", "arguments"),
    [
        ("text", "expect_column_value_z_scores_to_be_less_than", {"threshold": 1, "double_sided": True}),
        ("int8", "expect_column_value_lengths_to_equal", {"value": 1}),
        ("int8", "expect_column_values_to_match_like_pattern", {"like_pattern": "1"}),
        ("endless", "expect_column_stdev_to_be_between", {"max_value": 1}),
    ],
)
def test_what_duckdb_refuses_is_not_evaluated(pair: Pair, column: str, kind: str, arguments: dict[str, Any]) -> None:
    rows = pa.table({"text": ["1", "2"], "int8": pa.array([1, 3], pa.int8()), "endless": [1.0, math.inf]})
    both = pair.judged(rows, [(kind, {"column": column} | arguments)])
    assert both == ([{"raised": True}], [{"raised": True}])


PATTERNS = ["a$", "^b", "a.b", r"^\w$", r"\d", "(?i)É", "x{2}", r"\\", "", r"\p{Greek}", "(?s)a.b", "(?=a)"]
LIKES = ["a_b", r"a\%b", r"a\\b", "100!%", "_", "%'%", "%"]
TEXTS = ["a", "a\n", "a\nb", "ä", "5", "٣", "é", "xx", "a\\b", "a%b", "", None, "α", "100!%", "o'clock", "😀"]


def test_patterns_match_alike(pair: Pair) -> None:
    column = {"column": "text"}
    cases = [("expect_column_values_to_match_regex", column | {"regex": each}) for each in PATTERNS]
    cases += [("expect_column_values_to_match_like_pattern", column | {"like_pattern": each}) for each in LIKES]
    alone = [pair.judged(pa.table({"text": pa.array(TEXTS, pa.string())}), [case]) for case in (cases[-1], cases[11])]
    both = pair.judged(pa.table({"text": pa.array(TEXTS, pa.string())}), cases[:11] + cases[12:])
    assert differing(cases[:11] + cases[12:], both) == []
    assert [same(*each) for each in alone] == [True, True]
    assert alone[1][1] == [{"raised": True}]  # RE2 has no look-ahead


def test_quantiles_are_the_same_to_the_last_bit(pair: Pair) -> None:
    chance = random.Random(7)
    numbers = [chance.gauss(0, 100) for _ in range(37)]
    rows = pa.table({
        "double": numbers, "float": pa.array(numbers, pa.float32()), "whole": [int(each) for each in numbers],
        "decimal": pa.array([Decimal(f"{each:.2f}") for each in numbers], pa.decimal128(9, 2)),
        "wide": pa.array([Decimal(f"{each:.2f}") for each in numbers], pa.decimal128(30, 2)),
    })  # fmt: skip
    shares = [chance.random() for _ in range(8)]
    both = [[], []]
    for name in rows.column_names:
        ranks = {"quantiles": shares, "value_ranges": [[None, 0]] * len(shares)}
        asked = [("expect_column_quantile_values_to_be_between", {"column": name, "quantile_ranges": ranks})]
        asked += [("expect_column_values_to_not_be_outliers", {"column": name, "multiplier": 0.01})]
        for answers, found in zip(both, pair.judged(rows, asked), strict=True):
            answers += found
    assert both[0] == both[1]


MEANINGS = [
    "a / b > 2", "a / z > 2", "a // b = 2", "a // z IS NULL", "a % z IS NULL", "f = 0.1", "f > d", "f + f = 0.2",
    "d > 0.1", "t LIKE 'a\\%'", "t IN (SELECT max(t) FROM {batch})", "A = 7 AND T <> 'x'", "day > '2024-01-01'",
    "coalesce(a, b) >= least(a, z)", "regexp_matches(t, '^a')", "CASE WHEN a > 1 THEN true ELSE false END",
    "flag = 1", "flag < 2", "flag IN (0, 3)", "flag BETWEEN 1 AND 3", "flag = (a > 1)",
    "day BETWEEN '2024-01-02' AND '2024-01-03'",
]  # fmt: skip
REFUSED = {
    "t ~ 'a'": "the operator ~",
    "lower(t) = 'a'": "the function lower",
    "CAST(d AS INTEGER) = 1": "this cast to INT",
    "t > 1": "comparing number with text",
    "a IN (1, '7')": "comparing number with text",
    "t BETWEEN 1 AND d": "comparing number with text",
    "day > '2024-1-1'": "comparing text with time",
    "t GLOB 'a*'": "sqlglot calls Glob",
    "t IN (SELECT t FROM read_csv('x.csv'))": "reads other data than the submission",
    "strftime(day, '%Y') = '2024'": "not known to mean the same",
}


def test_queries_mean_the_same_or_are_not_evaluated(pair: Pair) -> None:
    rows = pa.table({
        "a": [7, 1, None, 4], "b": [3, 2, 5, 2], "z": [0, 0, 0, 1], "d": [0.1, 0.2, math.inf, None],
        "f": pa.array([0.1, 0.2, None, 1.5], pa.float32()), "t": ["a%", "a\\b", None, "x"],
        "flag": [True, False, None, True],
        "day": pa.array([datetime.date(2024, 1, n) for n in (1, 2, 3, 4)]),
    })  # fmt: skip

    def query(condition: str) -> Case:
        return UNTIL_READ, {"unexpected_rows_query": f"SELECT * FROM {{batch}} WHERE {condition}"}

    cases = [query(condition) for condition in MEANINGS]
    both = pair.judged(rows, cases)
    assert differing(cases, both) == []
    assert [case for case, answer in zip(cases, both[1], strict=True) if "raised" in answer] == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, batch = pair.batches(rows)
        for condition, told in REFUSED.items():
            (expectation,) = objects([query(condition)])
            result = batch.validate(expectation)
            assert (result.success, told in str(result.exception_info)) == (False, True), condition


@pytest.mark.parametrize("query", ["SELECT * FROM pool", "DELETE FROM v", "SELECT 1 FROM v; SELECT 2 FROM v", "SELECT"])
def test_only_a_query_of_the_submission_is_translated(query: str) -> None:
    from tidegate.engines.spark.translation import Untranslatable, translated

    with pytest.raises(Untranslatable):
        translated(query, "v", {"a": "BIGINT"})


def test_a_median_brings_no_rows_to_the_driver() -> None:
    from tidegate.engines.spark.translation import translated

    asked = "SELECT x FROM v WHERE x IS NOT NULL ORDER BY x LIMIT 2 OFFSET 4999"
    assert "ORDER BY `x`" not in translated(asked, "v", {"x": "BIGINT"})
    for other in (
        asked.replace("BY x", "BY x DESC"),
        asked.replace(" WHERE x IS NOT NULL", ""),
        asked.replace("2", "11"),
    ):
        assert "ORDER BY `x`" in translated(other, "v", {"x": "BIGINT"})


def test_places_of_an_order_are_the_same(pair: Pair) -> None:
    column = {"column": "x", "min_value": 100}
    for values in ([3, 1, None, 2], [3, 1], [5], [2, 2, 2, 7], [math.inf, 0.5, None, -1.5], [None, None]):
        rows = pa.table({"x": pa.array(values, pa.float64())})
        both = pair.judged(rows, [("expect_column_median_to_be_between", column)])
        assert same(both[0][0], both[1][0]), values
