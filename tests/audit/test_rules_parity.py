"""The rules name the same (rule, record) pairs as Pandera itself does, whether they are lowered or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq
import pytest

from tidegate.audit import judge_rules
from tidegate.audit.lowering import lower
from tidegate.audit.shape import Shape
from tidegate.columns import RECORD
from tidegate.config import load_config
from tidegate.engines import DataFile, open_engine
from tidegate.registry import Contract

_PANDERA_NAMES = {"field_uniqueness": "unique", "multiple_fields_uniqueness": "unique"}


def pairs(contract: Contract, frame: pyarrow.Table, folder: Path) -> set[tuple[str, int]]:
    """What Tidegate says: rule ids with record numbers counted from 0, as pandas counts."""
    folder.mkdir(exist_ok=True)
    pq.write_table(frame, folder / "rows.parquet")
    with open_engine(load_config({"schema_config": "sample"}), folder) as engine:
        rows = engine.table("rows", (DataFile(path=folder / "rows.parquet", rows=frame.num_rows),), record=RECORD)
        outcome = judge_rules(engine, rows, contract, Shape((), (), (), {}), folder)
        found = outcome.failures.to_pyarrow().to_pylist()
    assert not outcome.not_evaluated
    return {(outcome.rules[pair["rule"]].id, pair[RECORD] - 1) for pair in found}


def pandera_pairs(contract: Contract, frame: pyarrow.Table) -> set[tuple[str, int]]:
    """What Pandera says of the same rows."""
    columns = {}
    for name, column in contract.schema.columns.items():
        cells = frame.column(name)
        columns[name] = pd.Series(pd.arrays.ArrowExtensionArray(cells))
        if not cells.null_count:
            columns[name] = column.dtype.coerce(columns[name])
    try:
        contract.schema.validate(pd.DataFrame(columns), lazy=True)
    except pa.errors.SchemaErrors as error:
        return {
            (f"{'dataframe' if where == 'DataFrameSchema' else column}.{_name(check)}", int(index))
            for where, column, check, index in error.failure_cases[
                ["schema_context", "column", "check", "index"]
            ].itertuples(index=False)
            if not str(check).startswith("dtype(")
        }
    return set()


def _name(check: str) -> str:
    check = str(check).partition("(")[0]
    return _PANDERA_NAMES.get(check, check)


CASES = {
    "comparisons": (
        """
        a: int = pa.Field(ge=0, lt=100)
        b: float = pa.Field(gt=0.5, le=2)
        c: int = pa.Field(ne=7, in_range={"min_value": 1, "max_value": 9, "include_max": False})
        """,
        {
            "a": [0, -1, 100, 99, 2**53],
            "b": [0.5, 0.50001, 2.0, float("inf"), float("-inf")],
            "c": [1, 9, 8, 7, 0],
        },
    ),
    "nulls": (
        """
        a: pd.Int64Dtype = pa.Field(ge=0, nullable=True)
        b: str = pa.Field(isin=["x", "y"], nullable=True)
        c: str = pa.Field(str_length={"min_value": 1})
        """,
        {"a": [1, None, -1], "b": ["x", None, "z"], "c": ["", None, "ok"]},
    ),
    "text": (
        """
        a: str = pa.Field(str_startswith="ab", str_length={"max_value": 3})
        b: str = pa.Field(str_matches="^[a-z]+$")
        c: str = pa.Field(str_contains="b.d", str_endswith="z")
        d: str = pa.Field(notin=["no"])
        """,
        {
            "a": ["ab", "abcd", "AB", "abü", "ab\n"],
            "b": ["abc", "abc\n", "abc\n\n", "aBc", ""],
            "c": ["bxdz", "bdz", "abcdz", "b\ndz", "bxd"],
            "d": ["no", "NO", "yes", "", "no "],
        },
    ),
    "ends of a text": (
        """
        a: str = pa.Field(str_matches=r"^a[$]?$")
        b: str = pa.Field(str_matches=r"^a\\$")
        c: Annotated[pd.ArrowDtype, pyarrow.string()] = pa.Field(str_matches="^a$")
        d: str = pa.Field(str_matches="^a")
        """,
        {name: ["a", "a$", "a\n", "a$\n", "ab"] for name in "abcd"},
    ),
    "patterns that only Python judges": (
        """
        a: str = pa.Field(str_matches=r"^\\w+$")
        b: str = pa.Field(str_matches=r"a(?=b)")
        """,
        {"a": ["über", "a b", "ok", "x\n"], "b": ["ab", "ac", "a", "xab"]},
    ),
    "uniqueness": (
        """
        a: pd.Int64Dtype = pa.Field(unique=True, nullable=True)
        b: str
        class Config:
            unique = ["a", "b"]
        """,
        {"a": [1, 1, None, None, 2], "b": ["x", "x", "y", "y", "x"]},
    ),
    "two checks of one column": (
        """
        a: int
        @pa.check("a")
        def even(cls, cells):
            return cells % 2 == 0
        @pa.check("a")
        def low(cls, cells):
            return cells < 3
        """,
        {"a": [1, 2, 3, 4]},
    ),
    "custom checks": (
        """
        a: int
        b: int
        @pa.check("a")
        def even(cls, cells):
            return cells % 2 == 0
        @pa.dataframe_check
        def ordered(cls, rows):
            return rows["a"] <= rows["b"]
        """,
        {"a": [1, 2, 3, 4], "b": [1, 1, 4, 3]},
    ),
    "lists": (
        """
        a: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.string())]
        @pa.check("a")
        def at_least_one(cls, cells):
            return cells.map(len) >= 1
        """,
        {"a": [["x"], [], ["x", "y"]]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_same_pairs_as_pandera(case: str, make_contract: Callable[[str], Contract], tmp_path: Path) -> None:
    body, cells = CASES[case]
    contract = make_contract(body)
    frame = pyarrow.table(cells)
    expected = pandera_pairs(contract, frame)
    assert expected, "a case in which nothing fails shows nothing"
    assert pairs(contract, frame, tmp_path / "work") == expected


@pytest.mark.parametrize(
    ("field", "lowered"),
    [
        ("str_matches='^[a-z]{2}$'", True),
        (r"str_matches=r'^\d+$'", False),
        (r"str_matches=r'(?i)^x$'", False),
        ("str_matches='^[^a]$'", False),
        ("str_matches='^a+?$'", False),
        ("ge='a'", True),
        ("isin=['a', None]", False),
        ("ge='a', ignore_na=False", False),
    ],
)
def test_only_what_is_exact_is_lowered(field: str, lowered: bool, make_contract: Callable[[str], Contract]) -> None:
    import ibis

    contract = make_contract(f"a: str = pa.Field({field}, nullable=True)\n")
    table = ibis.table({"a": "string"}, name="t")
    (rule,) = contract.rules
    assert (lower(rule, contract.column("a"), contract.definitions["a"].dtype.type, table["a"]) is not None) == lowered


def test_of_arrows_dictionaries_no_pattern_is_lowered(make_contract: Callable[[str], Contract]) -> None:
    """pandas asks no text of them."""
    import ibis

    contract = make_contract("a: str = pa.Field(str_matches='^a$', nullable=True)\n")
    (rule,), table = contract.rules, ibis.table({"a": "string"}, name="t")
    dictionary = pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))
    assert lower(rule, contract.column("a"), dictionary, table["a"]) is None
