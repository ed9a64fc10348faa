"""Every supported expectation says on DuckDB what it says in pandas; where Great Expectations differs, it is told."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.audit.expectation_cases import CASES, COLUMNS, CONDITIONS, M, N, T, X, named

from tidegate.columns import RECORD
from tidegate.config import load_config
from tidegate.engines import DataFile, Engine, open_engine
from tidegate.registry.suite import REFUSED

Judged = dict[str, Any]
PLAIN = {N: "number", M: "other", X: "ratio", T: "word"}
NULLS = {name: [*cells[:2], None, *cells[3:5], None] for name, cells in COLUMNS.items()}
DATA = {
    "full": COLUMNS,
    "nulls": NULLS | {M: [None, *COLUMNS[M][1:5], None]},
    "all null": {name: [None] * 6 for name in COLUMNS},
    "empty": {name: [] for name in COLUMNS},
}
TYPES = {N: pa.int64(), M: pa.int64(), X: pa.float64(), T: pa.string()}
ODD = [
    *("with space", 'quo"te', "it's", "select"),
    *("größe", "per%cent", "Mixed", "dot.ted"),
    *("semi;colon", "col:on", "br{ace}", "ORDER"),
]
"""What columns may be called."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    folder = tmp_path_factory.mktemp("conformance")
    with open_engine(load_config({"schema_config": "x"}), folder) as opened:
        yield opened, folder


def table(cells: dict[str, list[Any]], names: dict[str, str]) -> pa.Table:
    return pa.table({names[name]: pa.array(column, TYPES[name]) for name, column in cells.items()})


def objects(cases: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return [
        ExpectationConfiguration(type=kind, kwargs=kwargs, meta={"n": number}).to_domain_obj()
        for number, (kind, kwargs) in enumerate(cases)
    ]


def judged(batch: Any, cases: list[tuple[str, dict[str, Any]]]) -> list[Judged]:
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="all")
    suite.expectations.extend(objects(cases))
    results = sorted(
        batch.validate(suite, result_format="SUMMARY").results, key=lambda result: result.expectation_config.meta["n"]
    )
    kept = ("element_count", "missing_count", "unexpected_count", "observed_value")
    answers = []
    for result in results:
        content = {key: result.result[key] for key in kept if key in result.result}
        raised = any(isinstance(v, dict) and v.get("raised_exception") for v in result.exception_info.values())
        raised = raised or bool(result.exception_info.get("raised_exception"))
        answers.append(plain({"success": result.success} | content) if not raised else {"raised": True})
    return answers


def staged(engine: tuple[Engine, Path], rows: pa.Table) -> Any:
    opened, folder = engine
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    pq.write_table(rows, path)
    return opened.table("rows", (DataFile(path=path, rows=rows.num_rows),), record=RECORD)


def ours(engine: tuple[Engine, Path], rows: pa.Table, cases: list[tuple[str, dict[str, Any]]]) -> list[Judged]:
    opened, _ = engine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = staged(engine, rows)
        of_columns = [kind.startswith(("expect_table_column", "expect_column_to_exist")) for kind, _ in cases]
        whole = judged(opened.batch(table), cases)
        without_record = judged(opened.batch(table.drop(RECORD)), [case for case in cases if "query" not in str(case)])
    plain = iter(without_record)
    answers = []
    for case, first, about_columns in zip(cases, whole, of_columns, strict=True):
        other = first if "query" in str(case) else next(plain)
        answers.append(other if about_columns else first)
    return answers


def on_both(
    engine: tuple[Engine, Path], rows: pa.Table, cases: list[tuple[str, dict[str, Any]]]
) -> Iterator[tuple[str, dict[str, Any], Judged, Judged]]:
    import great_expectations as gx

    answers = ours(engine, rows, cases)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
        frame = rows.to_pandas(integer_object_nulls=False)
        batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
        theirs = judged(batch, cases)
    yield from ((kind, kwargs, us, them) for (kind, kwargs), us, them in zip(cases, answers, theirs, strict=True))


def plain(value: Any) -> Any:
    """NaN and null are one to this comparison, and so are no rows and none."""
    if isinstance(value, dict):
        counts = {"unexpected_count", "missing_count"}
        return {key: 0 if key in counts and item is None else plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


PINNED = {
    # Where one of two cells is null, SQL's comparison is neither true nor false, and GX counts the row as no failure.
    ("nulls", "expect_column_pair_values_a_to_be_greater_than_b", 0),
    ("nulls", "expect_column_pair_values_a_to_be_greater_than_b", 1),
    ("nulls", "expect_column_pair_values_a_to_be_greater_than_b", 3),
    ("nulls", "expect_multicolumn_sum_to_equal", 0),
    ("nulls", "expect_compound_columns_to_be_unique", 3),
    ("all null", "expect_compound_columns_to_be_unique", 3),
    # DuckDB's regular expressions are RE2's: to them, \\w is ASCII.
    ("full", "expect_column_values_to_match_regex", 3),
    ("nulls", "expect_column_values_to_match_regex", 3),
    # SQL takes the lower of two values in the middle, pandas the nearest.
    ("nulls", "expect_column_quantile_values_to_be_between", 0),
    ("nulls", "expect_column_quantile_values_to_be_between", 1),
    # The sum of nothing is null in SQL and 0 in pandas.
    *((name, "expect_column_sum_to_be_between", n) for name in ("all null", "empty") for n in (0, 1)),
    # Over no values it raises in SQL, so it is not evaluated; in pandas it fails.
    *((name, "expect_column_kl_divergence_to_be_less_than", n) for name in ("all null", "empty") for n in (0, 1, 2)),
}
"""Where Great Expectations itself differs between SQL and pandas; docs/suites.md tells each."""

NO_PANDAS = {
    # LIKE is SQL's own, and types have other names there: what these say of the full data, case by case.
    "expect_column_type_to_be": [True, False],
    "expect_column_values_to_be_of_type": [True, False],
    "expect_column_values_to_be_in_type_list": [True, False],
    "expect_column_values_to_match_like_pattern": [4, 0],
    "expect_column_values_to_match_like_pattern_list": [3, 4],
    "expect_column_values_to_not_match_like_pattern": [2, 0],
    "expect_column_values_to_not_match_like_pattern_list": [3, 0],
    "unexpected_rows_expectation": [0, 4],
}

ALL = [(kind, number, arguments) for kind, cases in CASES.items() for number, arguments in enumerate(cases)]
COMMON = [case for case in ALL if case[0] not in NO_PANDAS]


@pytest.mark.parametrize("name", DATA)
def test_every_expectation_says_what_it_says_in_pandas(engine: tuple[Engine, Path], name: str) -> None:
    cases = [(kind, named(arguments, PLAIN)) for kind, _, arguments in COMMON]
    both = on_both(engine, table(DATA[name], PLAIN), cases)
    differing = {
        (name, kind, number): (us, them)
        for (kind, number, _), (_, _, us, them) in zip(COMMON, both, strict=True)
        if not same(us, them)
    }
    assert differing.keys() == {pinned for pinned in PINNED if pinned[0] == name}, differing


@pytest.mark.parametrize("name", DATA)
def test_conditions_on_rows_say_what_they_say_in_pandas(engine: tuple[Engine, Path], name: str) -> None:
    cases = [(kind, named(arguments, PLAIN)) for kind, arguments in CONDITIONS]
    both = list(on_both(engine, table(DATA[name], PLAIN), cases))
    assert [(kind, us, them) for kind, _, us, them in both if not same(us, them)] == []


def test_what_pandas_does_not_have_says_what_it_should(engine: tuple[Engine, Path]) -> None:
    cases = [(kind, number, named(arguments, PLAIN)) for kind, number, arguments in ALL if kind in NO_PANDAS]
    rows = table(COLUMNS, PLAIN)
    answers = ours(engine, rows, [(kind, arguments) for kind, _, arguments in cases])
    for (kind, number, _), answer in zip(cases, answers, strict=True):
        wanted = NO_PANDAS[kind][number]
        if isinstance(wanted, bool):
            assert answer["success"] is wanted, (kind, number)
        else:
            found = answer.get("unexpected_count", answer.get("observed_value"))
            assert "raised" not in answer, (kind, number)
            assert (found, answer["success"]) == (wanted, wanted == 0), (kind, number)


Case = tuple[str, dict[str, Any]]


def under(engine: tuple[Engine, Path], names: dict[str, str], cases: list[Case]) -> list[Judged]:
    """What is said of columns with these names, with the names that the cases have."""
    told = ours(engine, table(DATA["nulls"], names), [(kind, named(arguments, names)) for kind, arguments in cases])
    back = {name: stand_in for stand_in, name in names.items()}
    return [
        {
            key: sorted(named(value, back), key=str) if isinstance(value, list) else value
            for key, value in answer.items()
        }
        for answer in told
    ]


@pytest.fixture(scope="module")
def plainly(engine: tuple[Engine, Path]) -> list[tuple[Case, Judged]]:
    """Every case, and what is said of columns with plain names."""
    cases = [(kind, arguments) for kind, _, arguments in ALL] + CONDITIONS
    return [*zip(cases, under(engine, PLAIN, cases), strict=True)]


@pytest.mark.parametrize(
    "start", [pytest.param(n, marks=pytest.mark.thorough if n % 16 else ()) for n in range(0, len(ODD), 4)]
)
def test_names_of_columns_do_not_matter(
    engine: tuple[Engine, Path], plainly: list[tuple[Case, Judged]], start: int
) -> None:
    odd = dict(zip(PLAIN, ODD[start : start + 4], strict=True))
    quotes = set("'\"") & set("".join(odd.values()))
    asked = [
        (case, answer) for case, answer in plainly if not unreadable(case, odd) and not (quotes and case in CONDITIONS)
    ]
    answers = under(engine, odd, [case for case, _ in asked])
    assert [case for (case, plain), answer in zip(asked, answers, strict=True) if not same(plain, answer)] == []


def unreadable(case: tuple[str, dict[str, Any]], names: dict[str, str]) -> bool:
    """Refused when the suite is loaded: Great Expectations cannot read its own condition on such a name."""
    kind, arguments = case
    return kind == "expect_column_values_to_be_unique" and '"' in names[arguments["column"]]


def test_all_failing_records_are_named(engine: tuple[Engine, Path]) -> None:
    opened, folder = engine
    rows = table(DATA["nulls"], PLAIN)
    cases = [(kind, arguments) for kind, _, arguments in ALL] + CONDITIONS
    cases = [(kind, named(arguments, PLAIN)) for kind, arguments in cases if kind not in ONLY_THE_WHOLE]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = opened.batch(staged(engine, rows))
        answers = judged(batch, cases)
        for number, (expectation, answer) in enumerate(zip(objects(cases), answers, strict=True)):
            files = opened.failing(batch, expectation, folder / f"failing-{number}.parquet")
            assert files is not None, cases[number]
            found = answer.get("unexpected_count", answer.get("observed_value"))
            records = pq.read_table([file.path for file in files]).column(RECORD).to_pylist()
            assert (len(records), records) == (found, sorted(set(records))), cases[number]
        batch = opened.batch(staged(engine, table(COLUMNS, PLAIN)))
    (between,) = objects([("expect_column_values_to_be_between", {"column": "number", "min_value": 2, "max_value": 5})])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (file,) = opened.failing(batch, between, folder / "failing.parquet")
    assert pq.read_table(file.path).column(RECORD).to_pylist() == [1, 6]


ONLY_THE_WHOLE = {
    kind
    for kind in CASES
    if kind.startswith(("expect_table", "expect_column_to_exist", "expect_column_type"))
    or any(word in kind for word in ("_distinct_", "_kl_", "_max_", "_mean_", "_median_", "_min_", "_most_", "_stdev_",
                                     "_sum_to_be", "_proportion_", "_quantile_", "_unique_value_count_", "type"))
}  # fmt: skip


def test_every_expectation_of_great_expectations_is_supported_or_refused() -> None:
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    known = {kind for kind in list_registered_expectation_implementations() if kind in CASES or kind in REFUSED}
    core = {kind for kind in list_registered_expectation_implementations() if not kind.startswith("_")}
    assert core == known == set(CASES) | set(REFUSED)
    page = (Path(__file__).resolve().parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (supported|refused)", page, flags=re.MULTILINE))
    assert told == dict.fromkeys(CASES, "supported") | dict.fromkeys(REFUSED, "refused")
