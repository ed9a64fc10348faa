"""What is told of records that do not go in: row by row, and in a report, which is bounded however many fail."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit import judge_rules
from tidegate.audit.quarantine import (
    checks_of,
    dropped_rows,
    examples_of,
    failed_rows,
    failing_per_rule,
    first_of_each,
    keep,
    keep_failing,
    malformed_as,
    malformed_rows,
    shape_rows,
)
from tidegate.audit.shape import Shape
from tidegate.columns import Column
from tidegate.engines import DataFile
from tidegate.errors import Misuse
from tidegate.receipt import Check
from tidegate.registry import Contract

CONTRACT = 'a: int\nb: str = pa.Field(metadata={"personal": True})\nc: pd.Float64Dtype = pa.Field(nullable=True)'


@pytest.mark.duckdb("it looks into DuckDB's plan")
def test_the_engine_keeps_a_few_records_for_each_rule_and_sorts_none(bench: Any) -> None:
    table = bench.table({"rule": [f"r{n % 2}" for n in range(100)]})
    first = first_of_each(table, 3)
    assert sorted(first.to_pyarrow()["_record"].to_pylist()) == [1, 2, 3, 4, 5, 6]
    backend = first.get_backend()
    plan = str(backend.raw_sql(f"EXPLAIN {backend.compile(first)}").fetchall())
    assert "WINDOW" not in plan


def test_an_example_shows_the_cell_of_its_own_rule(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    stage = bench.table({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [0.5, None, 2.5]})
    told = bench.table({"rule": ["a.ge", "b.eq", "c.ge"], "column": ["a", "b", "c"], "text": [None, None, None]})
    told = told.mutate(text=told["text"].cast("string"))
    examples = examples_of(told, stage, make_contract(CONTRACT))
    assert examples == {"a.ge": [(1, "1")], "b.eq": [(2, None)], "c.ge": [(3, "2.5")]}


def test_a_null_is_told_as_nothing_and_not_as_a_word(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    stage = bench.table({"a": [1, 2], "b": ["x", "y"], "c": [0.5, None]})
    told = narrow_of(bench, (2, "rule-failed", "c.not_nullable", "c", "null", None))
    assert examples_of(told, stage, make_contract(CONTRACT)) == {"c.not_nullable": [(2, None)]}


def test_of_a_long_cell_the_beginning_is_shown(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    stage = bench.table({"a": ["é" * 900_000]})
    told = bench.table({"rule": ["a.eq"], "column": ["a"], "text": ["x"]})
    told = told.mutate(text=told["text"].nullif("x"))
    assert examples_of(told, stage, make_contract("a: str")) == {"a.eq": [(1, "é" * 200)]}


PERSONAL = 'a: int = pa.Field(ge=0)\nb: str = pa.Field(metadata={"personal": True})'
TEXTS = ("code", "rule", "column", "reason", "text")


def narrow_of(bench: Any, *rows: tuple[Any, ...]) -> Any:
    """Rows of (record, code, rule, column, reason, text) as a table of the engine."""
    schema = pa.schema([("_record", pa.int64()), *((name, pa.string()) for name in TEXTS)])
    cells = pa.table([list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 6, schema=schema)
    path = bench.folder / f"narrow-{len(list(bench.folder.iterdir()))}.parquet"
    pq.write_table(cells, path)
    return bench.engine.table(path.stem.replace("-", "_"), (DataFile(path=path, rows=cells.num_rows),))


def flat(table: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row[name] for name in ("_record", *TEXTS)) for row in table.to_pyarrow().to_pylist()), key=str)


def problem(code: str, column: str | None, text: str | None, detail: str | None) -> dict[str, str | None]:
    return {"code": code, "column": column, "text": text, "detail": detail}


def test_each_problem_of_a_record_is_a_row_with_its_rule(bench: Any) -> None:
    stage = bench.table(
        {
            "_problems": [
                json.dumps([problem("cell-type", "a", "x", "a number"), problem("cell-type", "b", None, None)]),
                None,
                json.dumps([problem("unknown-column", "z", None, "no such column")]),
                json.dumps([problem("json-syntax", None, "{", "line 4")]),
            ]
        }
    )
    assert flat(malformed_rows(stage)) == [
        (1, "cell-type", "a.dtype", "a", "not a number", "x"),
        (1, "cell-type", "b.dtype", "b", "not ", None),
        (3, "unknown-column", "dataframe.column_in_schema", "z", "no such column", None),
        (4, "json-syntax", "dataframe.well_formed", None, "line 4", "{"),
    ]


def test_rules_that_only_warn_keep_no_record_out(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract("a: int = pa.Field(ge=2, raise_warning=True)\nb: int = pa.Field(ge=2)")
    rows = bench.table({"a": [1, 2], "b": [1, 1]})
    outcome = judge_rules(bench.engine, rows, contract, Shape((), (), (), {}), bench.folder)
    failing = (1, "rule-failed", "b.greater_than_or_equal_to", "b", "expected: greater_than_or_equal_to(2)", None)
    assert flat(failed_rows(outcome)) == [failing, (2, *failing[1:])]
    warned = (1, "rule-failed", "a.greater_than_or_equal_to", "a", "expected: greater_than_or_equal_to(2)", None)
    assert flat(failed_rows(outcome, warnings=True)) == [warned, failing, (2, *failing[1:])]


def check(rule: str, status: str, **more: Any) -> Check:
    told = {"kind": "rule", "column": None, "severity": "critical", "expected": "e", "failing_rows": 1} | more
    return Check(id=rule, status=status, **told)


def test_a_wrong_shape_keeps_every_well_formed_record_out(bench: Any) -> None:
    rows = bench.table({"a": [1, 2]})
    checks = (check("a.in", "passed"), check("b.in", "failed", column="b", observed="x.csv lacks it."),
              check("c", "failed"))  # fmt: skip
    assert flat(shape_rows(rows, Shape((), (), checks, {}))) == [
        (1, "wrong-columns", "b.in", "b", "x.csv lacks it.", None),
        (1, "wrong-columns", "c", None, "", None),
        (2, "wrong-columns", "b.in", "b", "x.csv lacks it.", None),
        (2, "wrong-columns", "c", None, "", None),
    ]
    assert flat(shape_rows(rows, Shape((), (), checks[:1], {}))) == []


def test_the_reason_of_dropped_rows_may_be_said_row_by_row(bench: Any) -> None:
    rows = bench.table({"a": ["x", "y"]})
    assert flat(dropped_rows(rows, "duplicate", "deduplicate", rows["a"] + "!", "a")) == [
        (1, "duplicate", "deduplicate", "a", "x!", None),
        (2, "duplicate", "deduplicate", "a", "y!", None),
    ]


def test_the_file_has_whole_records_in_order_and_only_its_owner_reads_it(
    bench: Any, make_contract: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = make_contract("code: str\nrecord: int\nb: str")
    stage = bench.table({"code": ["p", "q", "r"], "record": [7, 8, 9], "b": ["x", None, "z"]})
    narrow = narrow_of(
        bench,
        (3, "rule-failed", "b.z", "b", "expected: y", None),
        (1, "cell-type", "b.dtype", "b", "not y", "x"),
        (3, "rule-failed", "b.a", "b", "expected: y", None),
        (3, "cell-type", "b.a", "b", "not y", ""),
    )
    path = tmp_path / "new" / "folder" / "quarantine.parquet"
    kept = keep(bench.engine, narrow, stage, contract, bench.folder, path)
    assert (kept.path, kept.rows) == (path, 4)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    names = ["record", "code", "rule", "column", "reason", "code_value", "record_value", "b"]
    found = pq.read_table(path)
    assert found.column_names == names
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (1, "cell-type", "b.dtype", "b", "not y: x", "p", 7, "x"),
        (3, "cell-type", "b.a", "b", "not y: ", "r", 9, "z"),
        (3, "rule-failed", "b.a", "b", "expected: y", "r", 9, "z"),
        (3, "rule-failed", "b.z", "b", "expected: y", "r", 9, "z"),
    ]


def test_what_fails_expectations_is_kept_in_order(bench: Any, tmp_path: Path) -> None:
    failing = bench.table({"expectation": ["b", "a"]})
    twice = failing.union(bench.table({"expectation": ["a"]}))
    path = tmp_path / "failing.parquet"
    assert keep_failing(bench.engine, twice, bench.folder, path).rows == 3
    told = [tuple(row.values()) for row in pq.read_table(path).to_pylist()]
    assert told == [(1, "a"), (1, "b"), (2, "a")]
    assert pq.read_schema(path).names == ["record", "expectation"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_the_file_cannot_be_written_is_said(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "failing.parquet"
    with pytest.raises(Misuse) as refused:
        keep_failing(bench.engine, bench.table({"expectation": ["a"]}), bench.folder, path)
    assert refused.value.fact == f"The quarantine {path} cannot be written: File exists."


def test_examples_are_the_first_by_rule_and_nothing_personal_is_shown(
    bench: Any, make_contract: Callable[[str], Contract]
) -> None:
    stage = bench.table({"a": list(range(10, 20)), "b": ["secret"] * 10})
    rows = [(record, "rule-failed", "a.ge", "a", "r", None) for record in (9, 3, 7, 1, 5, 8, 2)]
    rows += [(4, "cell-type", "a.dtype", "a", "not", "twelve"), (5, "rule-failed", "b.eq", "b", "r", None)]
    rows += [
        (6, "json-syntax", "dataframe.well_formed", None, "r", "{secret"),
        (2, "rule-failed", "dataframe.x", None, "r", None),
    ]
    told = narrow_of(bench, *rows)
    assert examples_of(told, stage, make_contract(PERSONAL)) == {
        "a.ge": [(1, "10"), (2, "11"), (3, "12"), (5, "14"), (7, "16")],
        "a.dtype": [(4, "twelve")],
        "b.eq": [(5, None)],
        "dataframe.well_formed": [(6, None)],
        "dataframe.x": [(2, None)],
    }
    open_to_all = make_contract("a: int\nb: str", "open")
    assert examples_of(told, stage, open_to_all, most=1)["dataframe.well_formed"] == [(6, "{secret")]
    assert len(examples_of(told, stage, open_to_all, most=1)["a.ge"]) == 1
    assert examples_of(narrow_of(bench), stage, open_to_all) == {}


def test_examples_of_many_records_are_each_their_own(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    stage = bench.table({"a": list(range(3_000)), "b": ["x"] * 3_000})
    told = narrow_of(bench, *((n, "rule-failed", f"r{n}", "a", "r", None) for n in range(1, 3_001)))
    found = examples_of(told, stage, make_contract("a: int\nb: str"))
    assert found == {f"r{n}": [(n, str(n - 1))] for n in range(1, 3_001)}


def test_every_rule_is_told_shape_first_then_types_then_the_contract_s_own(
    bench: Any, make_contract: Callable[[str], Contract]
) -> None:
    body = """
    a: int = pa.Field(ge=2)
    b: int = pa.Field(ge=3, raise_warning=True)
    c: int = pa.Field(nullable=True, ge=4, n_failure_cases=1)
    d: Optional[str]
    e: Annotated[pd.CategoricalDtype, ["x", "y"], False]
    """
    contract = make_contract(body)
    rows = bench.table({"a": [1], "b": [1], "c": [1], "e": ["x"]})
    outcome = judge_rules(bench.engine, rows, contract, Shape((), ("d",), (), {}), bench.folder)
    outcome = replace(outcome, not_evaluated={"e.not_nullable": "the check raised KeyError"})
    shape = Shape((), ("d",), (check("p", "passed", observed="o"), check("q", "failed", observed="o")), {})
    counts = {"p": 2, "a.greater_than_or_equal_to": 3, "b.greater_than_or_equal_to": 1, "c.dtype": 5,
              "c.greater_than_or_equal_to": 2, "e.not_nullable": 9}  # fmt: skip
    examples = {"a.greater_than_or_equal_to": [(1, "x"), (2, None)], "c.greater_than_or_equal_to": [(1, "x"), (2, "y")]}
    told = checks_of(outcome, shape, contract, counts, examples, "json-syntax: 1")
    assert [(c.id, c.column, c.severity, c.status, c.failing_rows, c.observed) for c in told] == [
        ("p", None, "critical", "failed", 2, None),
        ("q", None, "critical", "failed", 1, "o"),
        ("dataframe.well_formed", None, "critical", "passed", 0, "json-syntax: 1"),
        ("a.dtype", "a", "critical", "passed", 0, None),
        ("b.dtype", "b", "critical", "passed", 0, None),
        ("c.dtype", "c", "critical", "failed", 5, None),
        ("e.dtype", "e", "critical", "passed", 0, None),
        ("a.not_nullable", "a", "critical", "passed", 0, None),
        ("a.greater_than_or_equal_to", "a", "critical", "failed", 3, None),
        ("b.not_nullable", "b", "critical", "passed", 0, None),
        ("b.greater_than_or_equal_to", "b", "warning", "failed", 1, None),
        ("c.greater_than_or_equal_to", "c", "critical", "failed", 2, None),
        ("e.not_nullable", "e", "critical", "not_evaluated", None, "the check raised KeyError"),
    ]
    shown = {c.id: [(e.record, e.value) for e in c.examples] for c in told if c.examples}
    assert shown == {"a.greater_than_or_equal_to": [(1, "x"), (2, None)], "c.greater_than_or_equal_to": [(1, "x")]}
    expected = {c.id: c.expected for c in told}
    assert expected["a.dtype"] == "type int64"
    assert expected["e.dtype"] == "one of x, y"
    assert expected["dataframe.well_formed"] == "records that can be read"
    assert {c.kind for c in told} == {"rule"}


def test_a_type_is_told_as_people_say_it(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract("a: int")
    kinds = (
        Column("j", "string", json=True),
        Column("c", "int64", categories=tuple(range(12))),
        Column("d", "int64", duration=True),
        Column("f", "float64"),
    )
    shape = Shape((), (), (check("s", "passed", column="a"),), {})
    outcome = replace(judge_rules(bench.engine, bench.table({"a": [1]}), contract, shape, bench.folder), rules=())
    told = checks_of(outcome, shape, replace(contract, columns=kinds), {}, {}, None)
    assert (told[0].id, told[0].column) == ("s", "a")
    assert {c.id: c.expected for c in told if c.id.endswith("dtype")} == {
        "j.dtype": "a JSON object",
        "c.dtype": "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "d.dtype": "type duration",
        "f.dtype": "type float64",
    }


def test_a_missing_column_has_no_type_to_be_told(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract("a: int\nb: int")
    shape = Shape(("b",), (), (), {})
    outcome = judge_rules(bench.engine, bench.table({"a": [1], "b": [1]}), contract, shape, bench.folder)
    told = {c.id: c.status for c in checks_of(outcome, shape, contract, {}, {}, None)}
    assert told == {
        "dataframe.well_formed": "passed",
        "a.dtype": "passed",
        "a.not_nullable": "passed",
        "b.not_nullable": "not_evaluated",
    }


def test_what_cannot_be_read_is_counted_by_code_with_the_first_of_each(bench: Any) -> None:
    rows = [(3, "not-utf-8", "dataframe.well_formed", None, "line 4: no UTF-8", None),
            (2, "field-count", "dataframe.well_formed", None, "line 3: 2 fields", None),
            (1, "field-count", "dataframe.well_formed", None, "line 2: 4 fields", None),
            (4, "broken-quoting", "dataframe.well_formed", None, "line 5: open", None),
            (1, "cell-type", "a.dtype", "a", "not a number", "x")]  # fmt: skip
    assert malformed_as(narrow_of(bench, *rows)) == (
        "field-count: 2, the first at line 2: 4 fields; broken-quoting: 1, the first at line 5: open; "
        "not-utf-8: 1, the first at line 4: no UTF-8"
    )
    assert malformed_as(narrow_of(bench, rows[-1])) is None
    assert failing_per_rule(narrow_of(bench, *rows)) == {"dataframe.well_formed": 4, "a.dtype": 1}


def test_a_record_in_which_two_cells_fail_one_rule_is_one_record(bench: Any) -> None:
    rows = [(1, "invisible-character", "dataframe.well_formed", "a", "", None),
            (1, "invisible-character", "dataframe.well_formed", "b", "", None),
            (1, "unknown-column", "dataframe.column_in_schema", "x", "", None),
            (1, "unknown-column", "dataframe.column_in_schema", "y", "", None),
            (2, "rule-failed", "c.ge", "c", "", None)]  # fmt: skip
    told = {"dataframe.well_formed": 1, "dataframe.column_in_schema": 1, "c.ge": 1}
    assert failing_per_rule(narrow_of(bench, *rows)) == told
