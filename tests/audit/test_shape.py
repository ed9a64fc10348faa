"""The shape of a submission: what is missing, unknown or out of order, in which file, and what was probably meant."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.audit import judge_shape
from tidegate.audit.shape import Shape
from tidegate.engines import Stage, StagedFile
from tidegate.receipt import Check

BODY = """
    amount: int
    label: str
    note: Optional[str]
    tag: str = pa.Field(alias="tag_.*", regex=True)

    class Config:
        strict = True
        ordered = True
"""
GOOD = ("amount", "label", "note", "tag_a")


def staged(uri: str, rows: int, *present: str, unknown: tuple[str, ...] = (), sparse: bool = False) -> StagedFile:
    return StagedFile(
        rows=rows,
        bytes=1,
        uri=uri,
        present=present,
        unknown=unknown,
        matched={name: "tag_.*" for name in present if name.startswith("tag_")},
        sparse=sparse,
    )


def judged(contract: Any, *files: StagedFile) -> Shape:
    stage = Stage(staged=files, files=(), nulled={}, trimmed={}, invisible={})
    return judge_shape(contract.with_matched(stage.matched), stage)


def check(shape: Shape, rule: str) -> Check:
    (found,) = [check for check in shape.checks if check.id == rule]
    return found


@pytest.fixture
def contract(make_contract: Any) -> Any:
    return make_contract(BODY)


def test_what_is_as_the_contract_says_passes(contract: Any) -> None:
    shape = judged(contract, staged("a.csv", 3, *GOOD), staged("b.jsonl", 2, "tag_a", "label", "amount", sparse=True))
    assert [(c.id, c.column, c.status, c.failing_rows, c.observed) for c in shape.checks] == [
        ("amount.column_in_dataframe", "amount", "passed", 0, None),
        ("label.column_in_dataframe", "label", "passed", 0, None),
        ("tag_.*.column_in_dataframe", None, "passed", 0, None),
        ("dataframe.column_in_schema", None, "passed", 0, None),
        ("dataframe.column_ordered", None, "passed", 0, None),
    ]
    assert (shape.failed, shape.missing, shape.left_out) == ((), (), ())
    assert check(shape, "dataframe.column_in_schema").expected == "no column but the contract's"
    assert check(shape, "dataframe.column_ordered").expected == "the columns in the contract's order"


def test_a_missing_column_is_told_with_its_files_and_what_was_probably_meant(contract: Any) -> None:
    lacking = [staged(f"{n}.csv", 2, "label", "note", "tag_a", unknown=("Amount", "x")) for n in range(4)]
    shape = judged(contract, staged("good.csv", 5, *GOOD), *lacking)
    assert shape.missing == ("amount",)
    found = check(shape, "amount.column_in_dataframe")
    assert (found.status, found.column, found.failing_rows) == ("failed", "amount", 8)
    assert found.observed == "0.csv, 1.csv, 2.csv lacks it. Did you mean 'Amount'?"
    assert found.hint == "If it is 'Amount', call it 'amount'."


def test_without_a_like_name_all_unknown_ones_are_told(contract: Any) -> None:
    shape = judged(contract, staged("a.csv", 1, "label", "tag_a", unknown=("y", "x")))
    assert check(shape, "amount.column_in_dataframe").observed == "a.csv lacks it. It has: x, y."
    shape = judged(contract, staged("a.csv", 1, "label", "tag_a"))
    assert check(shape, "amount.column_in_dataframe").observed == "a.csv lacks it."
    assert check(shape, "amount.column_in_dataframe").hint == "Add the column."


def test_unknown_columns_are_told_with_their_files_five_at_most(contract: Any) -> None:
    shape = judged(
        contract,
        staged("a.csv", 3, *GOOD, unknown=("lable",)),
        staged("b.csv", 4, *GOOD, unknown=tuple(f"zz{n}" for n in range(5))),
        staged("c.csv", 5, *GOOD),
    )
    found = check(shape, "dataframe.column_in_schema")
    assert (found.status, found.failing_rows) == ("failed", 7)
    told = str(found.observed).split("; ")
    assert told[0] == "a.csv has 'lable'. Did you mean 'label'?"
    assert told[1] == "b.csv has 'zz0'. Known are: amount, label, note, tag_a."
    assert len(told) == 5
    assert found.hint == "Leave out 'zz0', 'zz1', 'zz2', 'zz3', 'zz4', or call it as the contract does."


def test_a_file_without_a_column_for_a_pattern_fails(contract: Any) -> None:
    without = [staged(f"{n}.csv", 2, "amount", "label") for n in range(4)]
    found = check(judged(contract, *without, staged("good.csv", 1, *GOOD)), "tag_.*.column_in_dataframe")
    assert (found.status, found.failing_rows) == ("failed", 8)
    assert found.observed == "0.csv, 1.csv, 2.csv has none"


def test_columns_out_of_order_are_told_with_their_files(contract: Any) -> None:
    mixed = [staged(f"{n}.csv", 2, "label", "amount", "tag_a") for n in range(4)]
    found = check(judged(contract, *mixed, staged("good.csv", 1, *GOOD)), "dataframe.column_ordered")
    assert (found.status, found.failing_rows, found.observed) == ("failed", 8, "0.csv, 1.csv, 2.csv")


def test_an_optional_column_is_left_out_where_every_file_lacks_it(contract: Any) -> None:
    with_it, without = staged("a.csv", 3, *GOOD), staged("b.csv", 2, "amount", "label", "tag_a")
    assert judged(contract, without, without).left_out == ("note",)
    shape = judged(contract, without, with_it, without)
    assert (shape.left_out, shape.spans) == ((), {"note": ((3, 5),)})


def test_a_null_of_a_file_that_lacks_the_column_is_an_absence(bench: Any, contract: Any) -> None:
    with_it, without = staged("a.csv", 2, *GOOD), staged("b.csv", 3, "amount", "label", "tag_a")
    shape = judged(contract, with_it, without, with_it)
    rows = bench.table({"x": list("abcdefg")})
    for column, expected in (("note", "ttffftt"), ("amount", "ttttttt")):
        told = rows.mutate(held=shape.holds(column, rows["_record"])).order_by("_record").to_pyarrow()["held"]
        assert "".join("t" if held else "f" for held in told.to_pylist()) == expected


def test_json_of_which_something_was_read_may_lack_a_column(contract: Any) -> None:
    shape = judged(contract, staged("b.jsonl", 2, "label", "tag_a", sparse=True))
    assert (shape.missing, check(shape, "amount.column_in_dataframe").failing_rows) == (("amount",), 2)


def test_a_column_that_is_added_is_neither_missing_nor_left_out(make_contract: Any) -> None:
    body = """
    a: int
    b: int = pa.Field(default=1)
    c: Optional[int] = pa.Field(default=1)

    class Config:
        add_missing_columns = True
    """
    shape = judged(make_contract(body), staged("a.csv", 3, "a"))
    assert (shape.missing, shape.left_out, shape.spans) == ((), (), {})


def test_of_a_file_in_which_nothing_could_be_read_no_column_is_missing(contract: Any) -> None:
    shape = judged(contract, staged("a.csv", 3, *GOOD), staged("b.jsonl", 2, sparse=True))
    assert (shape.failed, shape.missing) == ((), ())


def test_without_a_record_no_column_is_missing(contract: Any) -> None:
    assert judged(contract, staged("a.csv", 0, "label", "tag_a")).missing == ()


def test_neighbouring_files_are_one_span(contract: Any) -> None:
    """There may be ten thousand, and each span is a condition of a query."""
    files = [staged("a", 10, *GOOD)] * 3 + [staged("b", 5, "amount", "label", "tag_a")] + [staged("c", 1, *GOOD)] * 2
    assert judged(contract, *files).spans == {"note": ((1, 30), (36, 37))}


def test_of_thousands_of_unknown_names_some_are_compared(contract: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr("tidegate.audit.shape.closest", lambda name, _: compared.append(name))
    files = (staged("a.csv", 3, unknown=tuple(map(str, range(30_000)))), staged("b.csv", 3, unknown=("0", "1")))
    judged(contract, *files)
    assert len(compared) < 15_000, "a sender could make it take minutes"
