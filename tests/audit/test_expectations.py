"""What a suite says goes to the report and the files beside it: every failing record, and nothing that is someone's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate import integrate_contributed_data
from tidegate.audit import Shape, prepare_suite, run_suite
from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import BrokenContract
from tidegate.receipt import Check, Report
from tidegate.registry import Contract, load_suite

WHOLE = Shape(missing=(), left_out=(), checks=(), spans={})

SECRET = "sesame-17"
BODY = """
    n: pd.Int64Dtype = pa.Field(nullable=True)
    name: str = pa.Field(nullable=True, metadata={"personal": True})
    note: Optional[str] = pa.Field(nullable=True)
"""


class Suites:
    """A contract with a suite beside it, and rows to hold against them."""

    def __init__(self, make: Callable[[str], Contract], folder: Path) -> None:
        self.folder, self.contract = folder, make(BODY)
        self.registry = folder / "registry"

    def write(self, *expectations: dict[str, Any]) -> Path:
        path = self.registry / "expectations" / "sample" / "v1_0.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"expectations": expectations}))
        return path

    def config(self, rows: dict[str, list[Any]], **more: Any) -> dict[str, Any]:
        path = self.folder / "rows.parquet"
        pq.write_table(pa.table(rows), path)
        given = {"data_path": str(path), "schema_config": "sample", "registry": str(self.registry)}
        return given | {"cleaning_config": {"deduplicate": False}} | more

    def validate(self, rows: dict[str, list[Any]], *expectations: dict[str, Any]) -> Report:
        self.write(*expectations)
        return validate_contributed_data(load_config(self.config(rows)), str(self.folder / "q.parquet"))


@pytest.fixture
def suites(make_contract: Callable[[str], Contract], tmp_path: Path) -> Suites:
    return Suites(make_contract, tmp_path)


def expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def of_suite(report: Report) -> list[Check]:
    return [check for check in report.checks if check.kind == "expectation"]


def test_every_failing_record_is_kept_with_the_id_of_the_expectation(suites: Suites) -> None:
    rows = {"n": [n % 100 for n in range(1000)], "name": ["x"] * 1000}
    report = suites.validate(
        rows,
        expect("expect_column_values_to_be_between", column="n", max_value=89),
        expect("expect_column_values_to_be_between", column="n", min_value=1, mostly=0.5),
        expect("expect_column_mean_to_be_between", column="n", max_value=1),
        expect("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE n = 5"),
    )
    between, mostly, mean, query = of_suite(report)
    assert [check.status for check in (between, mostly, mean, query)] == ["failed", "passed", "failed", "failed"]
    assert (between.failing_rows, [e.record for e in between.examples]) == (100, [91, 92, 93, 94, 95])
    assert [e.value for e in between.examples] == ["90", "91", "92", "93", "94"]
    assert (mostly.failing_rows, mostly.examples, mean.failing_rows, query.failing_rows) == (10, (), None, 10)
    assert report.failing_expectations == str(suites.folder / "q.expectations.parquet")
    kept = pq.read_table(report.failing_expectations)
    assert kept.column_names == ["record", "expectation"]
    named = [(row["record"], row["expectation"]) for row in kept.to_pylist()]
    records = [n + 1 for n in range(1000)]
    assert named == sorted(
        [(r, between.id) for r in records if (r - 1) % 100 > 89]
        + [(r, mostly.id) for r in records if (r - 1) % 100 < 1]
        + [(r, query.id) for r in records if (r - 1) % 100 == 5]
    )
    assert Path(report.failing_expectations).stat().st_mode & 0o777 == 0o600


def test_nothing_of_a_personal_column_is_told(suites: Suites) -> None:
    suites.write(
        expect("expect_column_values_to_be_in_set", column="name", value_set=["a"]),
        expect("expect_column_most_common_value_to_be_in_set", column="name", value_set=["a"]),
        expect("expect_column_distinct_values_to_be_in_set", column="name", value_set=["a"]),
        expect("expect_column_mean_to_be_between", column="name", max_value=1),  # which raises, quoting a cell
        expect("expect_column_pair_values_to_be_equal", column_A="name", column_B="note"),
        expect("expect_compound_columns_to_be_unique", column_list=["name", "n"]),
        expect("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE n = 1"),
        expect("expect_column_kl_divergence_to_be_less_than", column="name", threshold=0.1,
               partition_object={"values": ["a"], "weights": [1.0]}),
    )  # fmt: skip
    rows = {"n": [1, 1], "name": [SECRET, SECRET]}
    state = suites.folder / "state"
    with pytest.raises(Exception, match="rejected") as rejected:
        integrate_contributed_data(
            **suites.config(rows, training_data=str(suites.folder / "pool")), tracking=False, state_dir=str(state)
        )
    told = [str(rejected.value)] + [
        path.read_text(errors="replace") for path in state.rglob("*") if path.suffix in (".json", ".html", ".txt")
    ]
    assert len(told) > 2
    assert not [text for text in told if SECRET in text]


def test_of_a_personal_column_it_is_told_that_it_was_not_evaluated_and_not_why(suites: Suites) -> None:
    raising = expect("expect_column_mean_to_be_between", column="name", max_value=1)
    unique = expect("expect_column_values_to_be_unique", column="name")
    checks = of_suite(suites.validate({"n": [1, 2], "name": [SECRET, SECRET]}, raising, unique))
    assert [(check.status, check.observed) for check in checks] == [
        ("not_evaluated", "it could not be evaluated"),
        ("failed", None),
    ]


def test_a_statistic_of_other_columns_is_told(suites: Suites) -> None:
    of_n = expect("expect_column_mean_to_be_between", column="n", max_value=1)
    (mean,) = of_suite(suites.validate({"n": [1, 2], "name": ["x", "y"]}, of_n))
    assert (mean.status, mean.observed) == ("failed", "1.5")


def test_what_judges_the_columns_sees_those_of_the_submission_and_no_others(bench: Any, suites: Suites) -> None:
    path = suites.write(
        expect("expect_table_columns_to_match_ordered_list", column_list=["n", "name"]),
        expect("expect_column_values_to_be_between", column="n", max_value=9),
        expect("expect_table_column_count_to_equal", value=2),
        expect("expect_column_to_exist", column="note"),
    )
    suite = load_suite(path, suites.contract.columns)
    rows = bench.table(pa.table({"n": [1, 2], "name": ["x"] * 2, "note": pa.nulls(2, pa.string())}))
    shape = Shape(missing=(), left_out=("note",), checks=(), spans={})
    told = run_suite(bench.engine, rows, suites.contract, suite, prepare_suite(suite), shape, bench.folder)
    assert [check.status for check in told.checks] == ["passed", "passed", "passed", "failed"]
    assert told.failures is None


def test_a_nested_cell_is_judged_as_its_json(bench: Any, make_contract: Any, suites: Suites) -> None:
    contract = make_contract("n: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.int64())]")
    path = suites.write(expect("expect_column_values_to_be_in_set", column="n", value_set=["[1,2]"]))
    suite = load_suite(path, contract.columns)
    rows = bench.table(pa.table({"n": pa.array([[1, 2], [3]])}))
    (check,) = run_suite(bench.engine, rows, contract, suite, prepare_suite(suite), WHOLE, bench.folder).checks
    assert (check.failing_rows, [(e.record, e.value) for e in check.examples]) == (1, [(2, "[3]")])


def test_the_result_of_great_expectations_is_kept_without_cells(bench: Any, suites: Suites) -> None:
    path = suites.write(
        expect("expect_column_values_to_be_between", column="n", max_value=1, mostly=0.5),
        expect("expect_column_mean_to_be_between", column="n", max_value=5) | {"severity": "warning"},
        expect("expect_column_values_to_not_be_null", column="note"),
    )
    suite = load_suite(path, suites.contract.columns)
    rows = bench.table(pa.table({"n": [1, 2, None, 1], "name": ["x"] * 4, "note": pa.nulls(4, pa.string())}))
    shape = Shape(missing=("note",), left_out=(), checks=(), spans={})
    told = run_suite(bench.engine, rows, suites.contract, suite, prepare_suite(suite), shape, bench.folder)
    between, mean, missing = told.checks
    first, second, _ = told.result["expectations"]
    assert first == {
        "id": between.id,
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "n", "max_value": 1, "mostly": 0.5},
        "severity": "critical",
        "status": "passed",
        "result": {
            "element_count": 4, "missing_count": 1, "missing_percent": 25.0, "unexpected_count": 1,
            "unexpected_percent": pytest.approx(100 / 3), "unexpected_percent_total": 25.0,
            "unexpected_percent_nonmissing": pytest.approx(100 / 3), "observed": "33.33 % unexpected",
        },
    }  # fmt: skip
    assert (second["id"], second["severity"], second["result"]["observed"]) == (mean.id, "warning", mean.observed)
    assert (missing.status, missing.observed) == ("not_evaluated", "the column 'note' is missing")
    assert (missing.failing_rows, missing.examples) == (None, ())
    assert told.failures is not None
    assert told.failures.to_pyarrow().to_pylist() == [{"_record": 2, "expectation": between.id}]


def test_what_was_expected_is_told_in_words(suites: Suites) -> None:
    checks = of_suite(
        suites.validate(
            {"n": [1, 2], "name": ["x", "y"]},
            expect("expect_column_values_to_be_between", column="n", min_value=0, mostly=0.5),
            expect("expect_column_mean_to_be_between", column="n", max_value=5) | {"meta": {"notes": "Few cars."}},
            expect("expect_column_values_to_not_be_null", column="n"),
            expect("expect_column_values_to_not_be_null", column="n") | {"meta": {"notes": "Always there."}},
        )
    )
    assert [(check.column, check.expected) for check in checks] == [
        ("n", "min_value 0, mostly 0.5"),
        ("n", "Few cars. (max_value 5)"),
        ("n", "as the expectation says"),
        ("n", "Always there."),
    ]


class TestNoPassUnseen:
    def test_an_expectation_that_raises_or_says_nothing_is_not_evaluated(self, bench: Any, suites: Suites) -> None:
        path = suites.write(
            expect("expect_column_mean_to_be_between", column="note", max_value=1),
            expect("expect_column_max_to_be_between", column="n", max_value=9),
        )
        suite = load_suite(path, suites.contract.columns)
        rows = bench.table(pa.table({"n": [1, 2], "name": ["x"] * 2, "note": ["y"] * 2}))
        prepared = prepare_suite(suite)
        raised, silent = run_suite(
            bench.engine, rows, suites.contract, suite, prepared[:1], WHOLE, bench.folder
        ).checks  # fmt: skip
        assert (raised.status, raised.failing_rows) == ("not_evaluated", None)
        assert raised.observed is not None
        assert re.match(r"it could not be evaluated: .*Binder Error", raised.observed)
        assert (silent.status, silent.observed) == ("not_evaluated", "Great Expectations gave no result")

    def test_an_expectation_that_saw_fewer_rows_is_not_evaluated(self, bench: Any, suites: Suites) -> None:
        path = suites.write(
            expect("expect_column_values_to_be_between", column="n", max_value=9),
            expect("expect_column_values_to_be_between", column="n", max_value=9, row_condition='col("n") > 1',
                   condition_parser="great_expectations"),
        )  # fmt: skip
        suite = load_suite(path, suites.contract.columns)
        rows = bench.table(pa.table({"n": [1, 2, 3], "name": ["x"] * 3, "note": ["y"] * 3}))
        overlooked = _Short(bench.engine)
        all_seen = run_suite(bench.engine, rows, suites.contract, suite, prepare_suite(suite), WHOLE, bench.folder)
        too_few = run_suite(overlooked, rows, suites.contract, suite, prepare_suite(suite), WHOLE, bench.folder)
        assert [check.status for check in all_seen.checks] == ["passed", "passed"]
        assert [check.status for check in too_few.checks] == ["not_evaluated", "passed"]
        assert too_few.checks[0].observed == "it saw 2 of 3 records"

    def test_failing_records_that_cannot_all_be_named_are_no_verdict(self, bench: Any, suites: Suites) -> None:
        path = suites.write(expect("expect_column_values_to_be_between", column="n", max_value=1))
        suite = load_suite(path, suites.contract.columns)
        rows = bench.table(pa.table({"n": [1, 2, 3], "name": ["x"] * 3, "note": ["y"] * 3}))
        told = run_suite(
            _Forgetful(bench.engine), rows, suites.contract, suite, prepare_suite(suite), WHOLE, bench.folder
        )
        assert [(c.status, c.observed) for c in told.checks] == [
            ("not_evaluated", "2 records fail, but 1 could be named")
        ]

    def test_where_all_values_are_null_the_report_says_so(self, suites: Suites) -> None:
        report = suites.validate(
            {"n": pa.nulls(3, pa.int64()), "name": ["x", "y", "z"]},
            expect("expect_column_values_to_be_between", column="n", max_value=9),
            expect("expect_column_values_to_not_be_null", column="n"),
            expect("expect_column_values_to_be_in_set", column="note", value_set=["a"]),
            expect("expect_column_mean_to_be_between", column="n", max_value=9),
        )
        assert [(check.status, check.observed) for check in of_suite(report)] == [
            ("passed", "all 3 values are null, so none was judged"),
            ("failed", "100 % unexpected"),
            ("passed", "no file has the column 'note'"),
            ("failed", None),
        ]


class _Short:
    """An engine that loses the first row on the way to Great Expectations."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def batch(self, rows: Any) -> Any:
        return self._engine.batch(rows.filter(rows["n"] > 1))


class _Forgetful(_Short):
    """An engine that loses one while it names the failing records."""

    def batch(self, rows: Any) -> Any:
        return self._engine.batch(rows)

    def failing(self, batch: Any, expectation: Any, path: Path) -> Any:
        (file,) = self._engine.failing(batch, expectation, path)
        return (file.model_copy(update={"rows": file.rows - 1}),)


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ({"type": "expect_column_to_exist", "kwargs": ["n"]}, "kwargs must be an object"),
        (expect("expect_column_to_exist", column=3), "a column is named by a text"),
        (expect("expect_compound_columns_to_be_unique", column_list="n"), "column_list is a list"),
        (expect("unexpected_rows_expectation", unexpected_rows_query="SELECT 1"), "does not read the submission"),
        (expect("expect_query_results_to_match_comparison"), "it reads other data"),
        (expect("expect_column_values_to_be_between", column="n", max_valu=3), "max_valu"),
    ],
)
def test_slips_of_an_author_are_refused_with_line_and_number(
    suites: Suites, expectation: dict[str, Any], message: str
) -> None:
    with pytest.raises(BrokenContract, match=f"v1_0.json:1: expectation 1.*{message}"):
        suites.validate({"n": [1], "name": ["x"]}, expectation)
