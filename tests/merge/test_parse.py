"""A contract's parsers over batches: what they change, what they may not do, and rows that do not fit them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tidegate.merge import parse
from tidegate.merge.parse import Parsed
from tidegate.registry import Contract

Make = Callable[[str], Contract]


def parsed(bench: Any, contract: Contract, cells: Any, left_out: tuple[str, ...] = (), **more: Any) -> Parsed:
    return parse(bench.engine, bench.table(cells), contract, left_out, bench.folder, **more)


def rows(outcome: Parsed) -> list[tuple[Any, ...]]:
    found = outcome.rows.order_by("_record").to_pyarrow().to_pylist()
    return [tuple(row[name] for name in sorted(row)) for row in found]


def repairs(outcome: Parsed) -> list[tuple[str, str, int]]:
    assert {(repair.kind, repair.detail) for repair in outcome.repairs} <= {("parser", "the contract's parser")}
    return [(repair.column, repair.detail, repair.cells) for repair in outcome.repairs]


def test_parsers_of_rows_run_before_those_of_columns_each_on_what_the_last_made(
    bench: Any, make_contract: Make
) -> None:
    contract = make_contract("""
        a: str
        b: int
        c: pd.Int64Dtype = pa.Field(nullable=True)
        @pa.dataframe_parser
        def doubled(cls, rows):
            return rows.assign(b=rows["b"] * 2)
        @pa.parser("b")
        def more(cls, cells):
            return cells + 1
        @pa.parser("c")
        def low(cls, cells):
            return cells.where(cells < 5)
    """)
    outcome = parsed(bench, contract, {"a": ["x", "y", "z"], "b": [1, -1, 3], "c": [4, 9, None]})
    assert outcome.failed is None
    assert rows(outcome) == [(1, "x", 3, 4), (2, "y", -1, None), (3, "z", 7, None)]
    assert [(column, cells) for column, _, cells in repairs(outcome)] == [("b", 2), ("c", 1)]
    assert not (bench.folder / "unparsed.parquet").exists()


def test_many_rows_are_parsed_batch_by_batch_in_order(bench: Any, make_contract: Make) -> None:
    contract = make_contract("a: int\n@pa.parser('a')\ndef less(cls, cells):\n    return cells - (cells > 100_000)")
    many = 140_000
    outcome = parsed(bench, contract, {"a": list(range(many))})
    assert [column for column, _, _ in repairs(outcome)] == ["a"]
    assert outcome.repairs[0].cells == many - 100_001
    found = outcome.rows.order_by("_record").to_pyarrow()
    assert found.column("_record").to_pylist() == list(range(1, many + 1))
    assert found.column("a").to_pylist() == [n - (n > 100_000) for n in range(many)]


def test_a_row_that_pandas_cannot_hold_stays_as_it_is(bench: Any, make_contract: Make) -> None:
    contract = make_contract("a: int\nb: str\n@pa.parser('b')\ndef loud(cls, cells):\n    return cells.str.upper()")
    outcome = parsed(bench, contract, {"a": [1, None, 3], "b": ["x", "y", "z"]})
    assert rows(outcome) == [(1, 1, "X"), (2, None, "y"), (3, 3, "Z")]
    assert outcome.repairs[0].cells == 2


def test_a_column_that_is_not_there_is_not_seen(bench: Any, make_contract: Make) -> None:
    contract = make_contract("""
        a: int
        b: Optional[str]
        @pa.parser("b")
        def loud(cls, cells):
            return cells.str.upper()
        @pa.dataframe_parser
        def alone(cls, rows):
            return rows.assign(a=len(rows.columns))
    """)
    outcome = parsed(bench, contract, {"a": [5], "b": pa.array([None], pa.string())}, left_out=("b",))
    assert outcome.failed is None
    assert rows(outcome) == [(1, 1, None)]


def test_durations_and_lists_keep_their_form(bench: Any, make_contract: Make) -> None:
    contract = make_contract("""
        a: pa.typing.Series["timedelta64[ns]"]
        b: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.string())]
        @pa.parser("a")
        def twice(cls, cells):
            return cells * 2
        @pa.parser("b")
        def first(cls, cells):
            return cells.map(lambda each: list(each)[:1])
    """)
    outcome = parsed(bench, contract, {"a": [1_000_000, 0, 0], "b": [["x", "y"], ["z"], ["w"]]})
    assert outcome.failed is None
    assert rows(outcome) == [(1, 2_000_000, ["x"]), (2, 0, ["z"]), (3, 0, ["w"])]
    assert [(column, cells) for column, _, cells in repairs(outcome)] == [("a", 1), ("b", 1)]
    assert str(outcome.rows.schema()["a"]) == "int64"


def test_times_arrive_as_the_contract_has_them(bench: Any, make_contract: Make) -> None:
    contract = make_contract("""
        a: Annotated[pd.DatetimeTZDtype, "us", "UTC"]
        @pa.parser("a")
        def later(cls, cells):
            return cells + pd.Timedelta("1h")
    """)
    moment = datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.UTC)
    outcome = parsed(bench, contract, {"a": pa.array([moment], pa.timestamp("us", "UTC"))})
    assert outcome.failed is None
    (told,) = outcome.rows["a"].to_pyarrow().to_pylist()
    assert told == moment + datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("parser", "rule", "reason"),
    [
        ("@pa.parser('a')\ndef odd(cls, cells):\n    raise KeyError('secret')", "a.odd", "it raised KeyError"),
        ("@pa.parser('a')\ndef odd(cls, cells):\n    return cells - cells.min()", "a.odd",
         "it looks at more than one row at a time"),
        ("@pa.dataframe_parser\ndef odd(cls, rows):\n    return rows.head(2)", "dataframe.odd",
         "it does not give one row for each row"),
        ("@pa.dataframe_parser\ndef odd(cls, rows):\n    return rows['a']", "dataframe.odd",
         "it does not give one row for each row"),
        ("@pa.dataframe_parser\ndef odd(cls, rows):\n    return rows.assign(z=1)", "dataframe.odd",
         "it does not give the contract's columns"),
        ("@pa.parser('a')\ndef odd(cls, cells):\n    return cells.astype(str) + 'x'", "a.odd", "it raised "),
    ],
)  # fmt: skip
def test_what_cannot_be_run_row_by_row_is_told_and_changes_nothing(
    bench: Any, make_contract: Make, parser: str, rule: str, reason: str
) -> None:
    outcome = parsed(bench, make_contract(f"a: int\nb: int\n{parser}"), {"a": [3, 4, 5], "b": [1, 2, 3]})
    assert list(outcome.failed or {}) == [rule]
    assert (outcome.failed or {})[rule].startswith(reason)
    assert "secret" not in str(outcome.failed)
    assert (rows(outcome), outcome.repairs) == ([(1, 3, 1), (2, 4, 2), (3, 5, 3)], ())


def test_what_fails_in_a_later_batch_changes_nothing(bench: Any, make_contract: Make) -> None:
    body = "if cells.max() > 70_000: raise ValueError\n    return cells + 1"
    outcome = parsed(bench, make_contract(f"a: int\n@pa.parser('a')\ndef odd(cls, cells):\n    {body}"),
                     {"a": list(range(80_000))})  # fmt: skip
    assert outcome.failed == {"a.odd": "it raised ValueError"}
    assert outcome.rows["a"].sum().to_pyarrow().as_py() == sum(range(80_000))


def test_one_row_cannot_be_held_against_another(bench: Any, make_contract: Make) -> None:
    contract = make_contract("a: int\n@pa.parser('a')\ndef odd(cls, cells):\n    return cells - cells.min()")
    assert rows(parsed(bench, contract, {"a": [7]})) == [(1, 0)]
    assert parsed(bench, contract, {"a": [7, 8]}).failed == {"a.odd": "it looks at more than one row at a time"}


def test_parsers_that_take_too_long_have_not_been_run(bench: Any, make_contract: Make) -> None:
    contract = make_contract("""
        a: int
        @pa.parser("a")
        def slow(cls, cells):
            import time
            time.sleep(60)
            return cells
        @pa.dataframe_parser
        def fine(cls, rows):
            return rows
    """)
    outcome = parsed(bench, contract, {"a": [1]}, max_seconds=1)
    assert outcome.failed == {"dataframe.fine": "a timeout after 1 s", "a.slow": "a timeout after 1 s"}
    assert (rows(outcome), outcome.repairs) == ([(1, 1)], ())


def test_a_record_that_leaves_out_an_optional_cell_is_parsed_all_the_same(bench: Any, make_contract: Make) -> None:
    """Were it left as it is, a sender could keep a parser from what it is there to mend."""
    contract = make_contract("""
        a: Optional[int]
        b: str
        c: Optional[bool]
        @pa.dataframe_parser
        def loud(cls, rows):
            return rows.assign(b=rows["b"].str.upper())
        @pa.parser("a")
        def more(cls, cells):
            return cells.astype("int64") + 1
    """)
    table = bench.table({"a": [2**60, None, 5], "b": ["x", "y", "z"], "c": [True, None, None]})
    outcome = parse(bench.engine, table, contract, (), bench.folder, whole=table["_record"] < 3)
    assert outcome.failed is None
    assert rows(outcome) == [(1, 2**60 + 1, "X", True), (2, None, "Y", None), (3, 5, "z", None)]
    assert [(column, cells) for column, _, cells in repairs(outcome)] == [("a", 1), ("b", 2)]


def test_a_parser_of_an_optional_column_gives_one_cell_for_each(bench: Any, make_contract: Make) -> None:
    contract = make_contract("a: Optional[int]\n@pa.parser('a')\ndef fewer(cls, cells):\n    return cells.iloc[:1]")
    table = bench.table({"a": [1, None, 3]})
    outcome = parse(bench.engine, table, contract, (), bench.folder, whole=table["_record"] > 0)
    assert outcome.failed == {"a.fewer": "it does not give one row for each row"}


def test_a_parser_sees_cells_in_the_contracts_type_and_nulls_only_where_that_has_them(
    bench: Any, make_contract: Make
) -> None:
    contract = make_contract("""
        a: Optional[int]
        b: Optional[bool]
        c: str = pa.Field(nullable=True)
        @pa.parser("a")
        def more(cls, cells):
            return cells + (cells.dtype == "int64")
        @pa.parser("b")
        def other(cls, cells):
            return ~cells if cells.dtype == bool else cells
        @pa.parser("c")
        def filled(cls, cells):
            return cells.fillna("none")
    """)
    table = bench.table({"a": [1, None, 3], "b": [None, True, False], "c": ["x", None, "z"]})
    outcome = parse(bench.engine, table, contract, (), bench.folder, whole=table["_record"] > 0)
    assert outcome.failed is None
    assert rows(outcome) == [(1, 2, None, "x"), (2, None, False, "none"), (3, 4, True, "z")]
