"""A contract is read as its author means it, or refused with the line and the likely slip."""

from __future__ import annotations

import os
import py_compile
from collections.abc import Callable

import pytest

from tidegate.errors import BrokenContract
from tidegate.registry import Contract, load_contract

Make = Callable[[str], Contract]


def test_columns_have_types_marks_and_descriptions(make_contract: Make) -> None:
    contract = make_contract(
        """
        a: int = pa.Field(metadata={"key": True}, description="the number")
        b: Optional[pd.Int64Dtype] = pa.Field(nullable=True)
        c: str = pa.Field(metadata={"personal": True})
        d: str = pa.Field(metadata={"json": "object"})
        e: Annotated[pd.DatetimeTZDtype, "us", "UTC"]
        f: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.struct([("x", pyarrow.float64())]))]
        g: bool
        """
    )
    assert [(c.name, c.type, c.required, c.nullable) for c in contract.columns] == [
        ("a", "int64", True, False),
        ("b", "int64", False, True),
        ("c", "string", True, False),
        ("d", "string", True, False),
        ("e", "timestamp('UTC', 6)", True, False),
        ("f", "array<struct<x: float64>>", True, False),
        ("g", "boolean", True, False),
    ]
    assert contract.key == ("a",)
    assert [c.name for c in contract.columns if c.personal] == ["c"]
    assert [c.name for c in contract.columns if c.json] == ["d"]
    assert contract.column("a").description == "the number"
    assert (contract.name, contract.version) == ("sample", "1.0")


def test_without_a_key_the_whole_record_is_it(make_contract: Make) -> None:
    assert make_contract("a: int\nb: str\n").key == ("a", "b")


def test_rules_are_named_by_column_and_check(make_contract: Make) -> None:
    contract = make_contract(
        """
        a: int = pa.Field(ge=0, unique=True)
        b: str = pa.Field(nullable=True, isin=["x"])
        @pa.check("a")
        def even(cls, cells):
            return cells % 2 == 0
        @pa.dataframe_check
        def ordered(cls, rows):
            return rows["a"] > 0
        """
    )
    assert [rule.id for rule in contract.rules] == [
        "a.not_nullable", "a.unique", "a.greater_than_or_equal_to", "a.even", "b.isin", "dataframe.ordered"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("a: int = \n", r"v1_0\.py:\d+: invalid syntax"),
        ("a: int = pa.Feild()\n", r"v1_0\.py:11: AttributeError: .*Feild"),
        ("a: pd.PeriodDtype\n", "a"),
        ("x: int = pa.Field(alias='_x')\na: int\n", r"Column '_x': names with _ first"),
        ("file_index: int\n", r":11: Column 'file_index': the name belongs to the engines"),
        ("a: int\nA: int\n", r":12: Columns 'a' and 'A' are one to files and engines"),
        ("a: complex\n", "Column 'a' has the type complex"),
        ("a: int = pa.Field(default='1')\n", r":11: Column 'a' has the default '1', which is no int64"),
        ("a: int = pa.Field(alias='x.*', regex=True, metadata={'key': True})\n", "is a pattern and part of the key"),
        ("a: int = pa.Field(metadata={'json': 'object'})\n", ":11: Column 'a' is marked json and is no text"),
        ("a: int\nclass Config:\n    dtype = float\n", "One type for all columns"),
        ("a: int\nclass Config:\n    drop_invalid_rows = True\n", "drop_invalid_rows"),
        ("a: int\n@pa.check('a')\ndef f(cls, s):\n    return s > s.mean()\n", "looks at more than one row"),
        ("a: int\n@pa.check('a')\ndef f(cls, s):\n    return ~s.duplicated()\n", "looks at more than one row"),
        ("a: int\n@pa.check('a')\ndef f(cls, s):\n    return s.is_monotonic_increasing\n", "more than one row"),
        ("a: int\n@pa.dataframe_check\ndef f(cls, df):\n    return df['a'].sum() > 0\n", "more than one row"),
        ("a: int = pa.Field(unique_values_eq=[1])\n", "judges a whole column"),
        ("@pa.check('a', groupby='b')\ndef f(cls, g):\n    return True\na: int\nb: int\n", "groups rows"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_file_and_line(make_contract: Make, body: str, message: str) -> None:
    with pytest.raises(BrokenContract, match=message):
        make_contract(body)


def test_what_is_loaded_again_and_again_does_not_pile_up_and_what_changed_is_run_anew(make_contract: Make) -> None:
    from pandera.api.dataframe.model import MODEL_CACHE

    contract = make_contract("distance: int = pa.Field(ge=0)")
    before = len(MODEL_CACHE)  # Pandera keeps each model's class for ever
    for _ in range(5):
        assert load_contract(contract.path) == contract
    assert len(MODEL_CACHE) == before
    contract.path.write_text(contract.path.read_text().replace("ge=0", "ge=1"))
    (rule,) = [rule for rule in load_contract(contract.path).rules if "greater_than" in rule.id]
    assert "1" in str(rule.expected)
    assert rule not in contract.rules


def test_a_file_has_exactly_one_model(make_contract: Make) -> None:
    path = make_contract("a: int\n").path
    path.write_text(path.read_text() + "\n\nclass Other(pa.DataFrameModel):\n    b: int\n")
    with pytest.raises(BrokenContract, match="exactly one DataFrameModel; it defines Sample, Other"):
        load_contract(path)


def test_what_runs_is_the_file_and_not_bytecode_that_lies_beside_it(make_contract: Make) -> None:
    path = make_contract("a: int\n").path
    before = path.stat()
    cached = py_compile.compile(str(path))  # a stranger can plant one for any size and time
    path.write_text(path.read_text().replace("a: int", "b: int"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cached is not None
    assert [column.name for column in load_contract(path).columns] == ["b"]
