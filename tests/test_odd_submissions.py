"""Empty, headless, null and doubled: each odd submission has the verdict of docs/codes.md, in every format."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.in_process import command_line
from tests.staged_here import stage_here

from tidegate import validate_contributed_data
from tidegate.config import load_config
from tidegate.errors import SourceUnreadable

CODES = Path(__file__).resolve().parents[1] / "docs" / "codes.md"
ENDINGS = {"CSV": "csv", "JSON": "json", "JSON Lines": "jsonl", "Parquet": "parquet"}
EXIT_CODES = {"accepted": 0, "rejected": 1, "unreadable": 3}
FOLDER = "a folder"

CONTRACT = '''
from typing import Optional

import pandas as pd
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip of a ferry."""

    id: str = pa.Field(metadata={"key": True})
    cars: int = pa.Field(ge=0)
    delay: pd.Float64Dtype = pa.Field(nullable=True)
    wind: Optional[pd.Float64Dtype]
    café: Optional[str] = pa.Field(nullable=True)
%s
    class Config:
        strict = %s
'''
CHECK = "    @pa.check('cars')\n    def odd(cls, cells):\n        %s\n"
PARSER = "    @pa.parser('cars')\n    def mend(cls, cells):\n        raise KeyError('x')\n"
PATTERN = "    feature: float = pa.Field(alias=r'[Ff]eature_\\d+', regex=True)\n"


def expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def of_records(column: str) -> tuple[dict[str, Any], ...]:
    return (
        expect("expect_column_values_to_be_between", column=column, min_value=5),
        expect("expect_column_values_to_be_in_set", column=column, value_set=[5]),
        expect("expect_column_values_to_be_unique", column=column),
    )


def of_whole(column: str) -> tuple[dict[str, Any], ...]:
    kinds = ("mean", "max")
    return tuple(expect(f"expect_column_{kind}_to_be_between", column=column, min_value=0) for kind in kinds)


TEXTS = (
    expect("expect_column_values_to_match_regex", column="café", regex="x"),
    expect("expect_column_value_lengths_to_be_between", column="café", min_value=2),
)
DISTINCT = (
    expect("expect_column_distinct_values_to_be_in_set", column="delay", value_set=[5]),
    expect("expect_column_unique_value_count_to_be_between", column="delay", max_value=5),
)
SEVERAL = (
    expect("expect_column_pair_values_a_to_be_greater_than_b", column_A="delay", column_B="cars"),
    expect("expect_compound_columns_to_be_unique", column_list=["delay", "cars"]),
    expect("expect_multicolumn_sum_to_equal", column_list=["delay", "cars"], sum_total=5),
)
UNMET = expect(
    "expect_column_values_to_be_between", column="cars", min_value=5,
    row_condition='col("cars") > 5', condition_parser="great_expectations",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row of the table, and how to make such a submission: two records of a ferry, unless told otherwise."""

    submission: str
    formats: str
    verdict: str
    checks: tuple[str, ...] = ()
    words: str = ""
    columns: str = "id cars delay"
    records: tuple[tuple[Any, ...], ...] = (("a", 1, 1.0), ("b", 2, 2.0))
    raw: bytes | str | None = None
    contract: str = ""
    strict: str = "True"
    suite: tuple[dict[str, Any], ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    beside: bool = False
    others: str = "id cars delay"
    overlooked: bool = False

    @property
    def cell(self) -> str:
        """What the table says in its last column."""
        ids = [f"`{check}` {status.replace('_', ' ')}" for check, status in map(str.split, self.checks)]
        codes = ["`source-unreadable`"] if self.verdict == "unreadable" else []
        return ": ".join(filter(None, [", ".join(codes + ids), self.words]))

    @property
    def tried(self) -> list[str]:
        """The formats."""
        return list(ENDINGS) if self.formats == "every" else self.formats.split(", ")

    def write(self, path: Path, form: str) -> None:
        """Write the submission."""
        if self.raw == FOLDER:
            path.mkdir()
        elif isinstance(self.raw, bytes):
            path.write_bytes(self.raw)
        else:
            write(path, form, self.columns.split(), self.records)


def write(path: Path, form: str, names: list[str], records: tuple[tuple[Any, ...], ...]) -> None:
    if form == "Parquet":
        kinds = [pa.string() if name in ("id", "café", CAFE) else pa.float64() for name in names]
        cells = [[record[number] for record in records] for number in range(len(names))]
        pq.write_table(pa.Table.from_arrays(list(map(pa.array, cells, kinds)), names=names), path)
        return
    if form == "CSV":
        lines = [",".join("" if cell is None else str(cell) for cell in record) for record in records]
        text = "\n".join([",".join(names), *lines, ""])
    else:
        pairs = [zip(map(json.dumps, names), map(json.dumps, record), strict=True) for record in records]
        objects = ["{" + ", ".join(map(": ".join, each)) + "}" for each in pairs]
        text = f"[{', '.join(objects)}]" if form == "JSON" else "\n".join([*objects, ""])
    path.write_text(text, encoding="utf-8")


CAFE = "cafe\N{COMBINING ACUTE ACCENT}"
TWICE = "two columns of one name"
NONE_JUDGED = "all 2 values are null, so none was judged"
NONE_LEFT = "no record is left to go in"
ABSENT_COLUMN = "no file has the column"
ALL_FAIL: dict[str, Any] = {
    "records": (("a", -1, 1.0), ("b", -2, 2.0)),
    "checks": ("cars.greater_than_or_equal_to failed",),
}
NO_DELAY: dict[str, Any] = {"records": (("a", 1, None), ("b", 2, None))}
ABSENT = ("cars.not_nullable not_evaluated", "cars.greater_than_or_equal_to not_evaluated")


def doubled(submission: str, columns: str, second: Any) -> tuple[Row, Row]:
    """A file can have a column twice; in JSON it is a record that has a key twice."""
    made: dict[str, Any] = {"columns": columns, "records": (("a", 1, 1.0, second, second),), "strict": "'filter'"}
    return (
        Row(submission, "CSV, Parquet", "unreadable", words=TWICE, **made),
        Row(
            submission, "JSON, JSON Lines", "rejected", ("dataframe.well_formed failed",), "duplicate-key", **made
        ),
    )  # fmt: skip


TABLE = (
    Row("0 bytes", "every", "unreadable", words="is empty", raw=b""),
    Row("only white space", "every", "unreadable", words="is empty", raw=b" \r\n\n"),
    Row("only a byte order mark", "every", "unreadable", words="is empty", raw=b"\xef\xbb\xbf"),
    Row("an empty folder in the place of a file", "every", "unreadable", words="holds no files", raw=FOLDER),
    Row("a header without rows", "CSV", "rejected", words="it holds no records", records=()),
    Row("`[]`", "JSON", "rejected", words="it holds no records", raw=b"[]"),
    Row("columns without rows", "Parquet", "rejected", words="it holds no records", records=()),
    Row("neither columns nor rows", "Parquet", "unreadable", words="has no columns", columns="", records=()),
    Row("several files, one of 0 bytes", "every", "unreadable", words="is empty", raw=b"", beside=True),
    Row("several files, one without rows", "CSV, JSON, Parquet", "accepted", records=(), beside=True),
    Row("a required column is absent", "every", "rejected", ("cars.column_in_dataframe failed", *ABSENT),
        columns="id delay", records=(("a", 1.0), ("b", 2.0))),
    Row("a required column is there in another case only", "every", "rejected",
        ("cars.column_in_dataframe failed", "dataframe.column_in_schema failed", *ABSENT), columns="id Cars delay"),
    Row("an optional column is absent", "every", "accepted"),
    Row("an optional column is absent, and an expectation judges its values", "every", "accepted", words=ABSENT_COLUMN,
        suite=(*of_records("wind"), *TEXTS)),
    Row("an optional column is absent, and an expectation says that it exists", "every", "rejected",
        ("wind.expect_column_to_exist failed",), ABSENT_COLUMN,
        suite=(expect("expect_column_to_exist", column="wind"),)),
    Row("an optional column is absent, and an expectation asks for its mean or maximum", "every", "rejected",
        tuple(f"wind.{each['type']} failed" for each in of_whole("wind")), suite=of_whole("wind")),
    Row("a nullable column is all null", "every", "accepted", **NO_DELAY),
    Row("a column that is not nullable is all null", "every", "rejected", ("cars.not_nullable failed",),
        records=(("a", None, 1.0), ("b", None, 2.0))),
    Row("a nullable column is all null, and an expectation judges its values", "every", "accepted", words=NONE_JUDGED,
        suite=of_records("delay"), **NO_DELAY),
    Row("a nullable column is all null, and an expectation asks for its distinct values", "every", "accepted",
        suite=DISTINCT, **NO_DELAY),
    Row("a nullable column is all null, and an expectation compares it with another", "every", "accepted",
        words="0 % unexpected", suite=SEVERAL, **NO_DELAY),
    Row("a nullable column is all null, and an expectation asks for its mean or maximum", "every", "rejected",
        tuple(f"delay.{each['type']} failed" for each in of_whole("delay")), suite=of_whole("delay"), **NO_DELAY),
    Row("a nullable column is all null, and an expectation asks for values", "every", "rejected",
        ("delay.expect_column_values_to_not_be_null failed",), "100 % unexpected",
        suite=(expect("expect_column_values_to_not_be_null", column="delay", mostly=0.1),), **NO_DELAY),
    *doubled("a column twice", "id cars delay wind wind", 1.0),
    *doubled("a column twice, in upper and lower case", "id cars delay wind Wind", 1.0),
    *doubled("a column twice, as Unicode composed and decomposed", f"id cars delay café {CAFE}", "x"),
    Row("two records spell a column that a pattern stands for in two cases", "JSON Lines", "unreadable", words=TWICE,
        contract=PATTERN, raw=b'{"id": "a", "cars": 1, "delay": 1, "feature_1": 1}\n'
                              b'{"id": "b", "cars": 1, "delay": 1, "Feature_1": 1}\n'),
    Row("two files spell a column that a pattern stands for in two cases", "every", "unreadable",
        words="columns of one name twice", contract=PATTERN, columns="id cars delay Feature_1", beside=True,
        others="id cars delay feature_1", records=(("a", 1, 1.0, 1.0),)),
    Row("a check raises", "every", "rejected", ("cars.odd not_evaluated",), "the check raised KeyError",
        contract=CHECK % "raise KeyError('x')"),
    Row("a check answers for fewer rows", "every", "rejected", ("cars.odd not_evaluated",),
        "the check raised ValueError", contract=CHECK % "return cells[cells != 1] >= 0"),
    Row("a parser raises", "every", "rejected", ("cars.mend not_evaluated",), "KeyError", contract=PARSER),
    Row("an expectation raises", "every", "rejected", ("id.expect_column_mean_to_be_between not_evaluated",),
        "it could not be evaluated", suite=(expect("expect_column_mean_to_be_between", column="id"),)),
    Row("an expectation saw fewer rows", "every", "rejected",
        ("cars.expect_column_values_to_be_between not_evaluated",), "it saw 1 of 2 records", overlooked=True,
        suite=(expect("expect_column_values_to_be_between", column="cars", min_value=0),)),
    Row("no record meets an expectation's `row_condition`", "every", "accepted", suite=(UNMET,)),
    Row("every record fails", "every", "rejected", words="2 of 2 records fail", **ALL_FAIL),
    Row("every record fails, and `max_failing_fraction` is 1", "every", "rejected", words=NONE_LEFT,
        suite=(UNMET,), config={"validation_config": {"max_failing_fraction": 1.0}}, **ALL_FAIL),
    Row("every record is dropped by `drop_row`", "every", "rejected", words=NONE_LEFT,
        suite=(UNMET,), config={"cleaning_config": {"missing": {"delay": "drop_row"}}}, **NO_DELAY),
)  # fmt: skip


def submitted(row: Row, form: str, folder: Path) -> list[str]:
    """Write contract, suite and submission."""
    (folder / "contracts/trips").mkdir(parents=True)
    (folder / "contracts/trips/v1_0.py").write_text(CONTRACT % (row.contract, row.strict))
    if row.suite:
        (folder / "expectations/trips").mkdir(parents=True)
        (folder / "expectations/trips/v1_0.json").write_text(json.dumps({"name": "trips", "expectations": row.suite}))
    files = [folder / f"{name}.{ENDINGS[form]}" for name in ("odd", "sound")]
    row.write(files[0], form)
    write(files[1], form, row.others.split(), (("a", 1, 1.0, 1.0)[: len(row.others.split())],))
    return [str(file) for file in (files if row.beside else files[:1])]


def judged(paths: list[str], folder: Path, config: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    """The verdict, every check that did not pass, and what is told: of the expectations, where they ran."""
    try:
        report = validate_contributed_data(
            load_config({"data_path": paths, "schema_config": "trips", "registry": str(folder)} | config)
        )
    except SourceUnreadable as error:
        return "unreadable", [], [error.fact]
    unpassed = [check for check in report.checks if check.status != "passed"]
    expectations = [str(check.observed) for check in report.checks if check.kind == "expectation"]
    told = [*report.reasons, *report.notes, *(str(check.observed) for check in unpassed)]
    return report.verdict, [f"{check.id} {check.status}" for check in unpassed], expectations or ["; ".join(told)]


@pytest.mark.parametrize(
    ("row", "form"),
    [pytest.param(row, form, id=f"{row.submission}-{form}") for row in TABLE for form in row.tried],
)
def test_an_odd_submission_has_the_verdict_that_the_docs_give_it(
    row: Row, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here, and not in a process of its own, whose start takes longer than all the rest; the command line below has it.
    engine = stage_here(monkeypatch)
    if row.overlooked:
        whole = engine.batch
        monkeypatch.setattr(engine, "batch", lambda engine, rows: whole(engine, rows.limit(1)))
    verdict, checks, told = judged(submitted(row, form, tmp_path), tmp_path, row.config)
    assert (verdict, checks) == (row.verdict, list(row.checks))
    assert [text for text in told if row.words not in text] == []


@pytest.mark.parametrize("submission", ["0 bytes", "a header without rows", "an optional column is absent",
                                        "a column twice", "a check raises", "an expectation raises"])  # fmt: skip
def test_the_command_line_has_its_exit_code(submission: str, tmp_path: Path) -> None:
    row = next(row for row in TABLE if row.submission == submission)
    paths = submitted(row, "CSV", tmp_path)
    done = command_line("validate", *paths, "--contract", "trips", "--registry", str(tmp_path), "--format", "json")
    assert done.returncode == EXIT_CODES[row.verdict]
    assert "Traceback" not in done.stderr
    assert row.words in done.stdout + done.stderr
    if row.verdict != "unreadable":
        told = json.loads(done.stdout)
        unpassed = [f"{check['id']} {check['status']}" for check in told["checks"] if check["status"] != "passed"]
        assert (told["verdict"], unpassed) == (row.verdict, list(row.checks))


def test_the_table_in_the_docs_has_these_rows_and_no_others() -> None:
    section = CODES.read_text(encoding="utf-8").partition("## Odd submissions\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    documented = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in lines]
    assert documented[0] == ("submission", "format", "verdict", "what names it")
    assert documented[2:] == [(row.submission, row.formats, row.verdict, row.cell) for row in TABLE]
