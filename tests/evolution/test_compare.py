"""What differs between two versions, and for whom: a table of changes, each by itself."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.in_process import command_line
from tests.evolution.conftest import Folder

from tidegate.evolution import CHANGES, Diff, diff_of

STRICT = "\nclass Config:\n    strict = True\n"
OK, LOOK, BREAKS = "compatible", "review", "breaking"


def diff(folder: Folder, before: str, after: str, *, head: tuple[str, str] = ("", "")) -> Diff:
    folder.write("sample@1.0", before, head=head[0])
    folder.write("sample@1.1", after, head=head[1])
    return diff_of(folder.release("sample@1.0"), folder.release("sample@1.1"))


def flat(told: Diff) -> list[tuple[str, str, str, str]]:
    return [(one.change, one.subject, one.contributors, one.consumers) for one in told.changes]


def field(what: str, kind: str = "int") -> str:
    return f"a: {kind} = pa.Field({what})\n"


def decimal(precision: int, scale: int) -> str:
    digits = {"precision": precision, "scale": scale}
    return field(f"dtype_kwargs={digits}", "pa.engines.pandas_engine.Decimal")


KEY = field("metadata={'key': True}")
BOUND = "a.greater_than_or_equal_to"

CASES: dict[str, tuple[str, str, list[tuple[str, str, str, str]]]] = {
    # columns
    "an optional column is added": (
        "a: int" + STRICT, "a: int\nb: Optional[int]" + STRICT, [("column-added", "b", OK, OK)]),
    "a required column is added": (
        "a: int" + STRICT, "a: int\nb: str" + STRICT, [("column-added", "b", BREAKS, OK)]),
    "an optional column is added where unknown ones were passed over": (
        "a: int", "a: int\nb: Optional[int]", [("column-added", "b", LOOK, OK)]),
    "a column that is filled is added": (
        "a: int\nclass Config:\n    strict = True\n    add_missing_columns = True",
        "a: int\nb: int = pa.Field(default=3, ge=0)\nclass Config:\n    strict = True\n    add_missing_columns = True",
        [("column-added", "b", OK, OK)]),
    "a column that is filled with what fails is added": (
        "a: int\nclass Config:\n    strict = True\n    add_missing_columns = True",
        "a: int\nb: int = pa.Field(default=3, ge=9)\nclass Config:\n    strict = True\n    add_missing_columns = True",
        [("column-added", "b", BREAKS, OK)]),
    "a column is removed, and refused": (
        "a: int\nb: str" + STRICT, "a: int" + STRICT, [("column-removed", "b", BREAKS, BREAKS)]),
    "a column is removed, and passed over": (
        KEY + "b: str", KEY, [("column-removed", "b", OK, BREAKS)]),
    "a column is removed that alone told records apart": (
        "a: int\nb: str", "a: int",
        [("column-removed", "b", OK, BREAKS), ("key-changed", "contract", BREAKS, OK)]),
    "a personal column is renamed and not marked any more": (
        KEY + "ship_name: str = pa.Field(metadata={'personal': True})", KEY + "shipname: str",
        [("column-renamed", "shipname", BREAKS, BREAKS), ("personal-changed", "shipname", LOOK, OK)]),
    "a column is renamed": (
        "query_text: str = pa.Field(str_length={'min_value': 1})" + STRICT,
        "querytext: str = pa.Field(str_length={'min_value': 1})" + STRICT,
        [("column-renamed", "querytext", BREAKS, BREAKS)]),
    "columns change places": ("a: int\nb: str", "b: str\na: int", [("columns-reordered", "contract", OK, OK)]),
    "columns change places where that matters": (
        "a: int\nb: str\nclass Config:\n    ordered = True", "b: str\na: int\nclass Config:\n    ordered = True",
        [("columns-reordered", "contract", BREAKS, OK)]),
    "columns change places under a check of whole rows": (
        "a: int\nb: int\n@pa.dataframe_check\ndef less(cls, rows):\n    return rows.iloc[:, 0] < rows.iloc[:, 1]",
        "b: int\na: int\n@pa.dataframe_check\ndef less(cls, rows):\n    return rows.iloc[:, 0] < rows.iloc[:, 1]",
        [("columns-reordered", "contract", OK, OK), ("rule-changed", "dataframe.less", LOOK, LOOK)]),
    "a pattern is added": (
        "a: int" + STRICT, "a: int\nf: float = pa.Field(alias=r'f_\\d+', regex=True)" + STRICT,
        [("column-added", "f_\\d+", BREAKS, OK)]),
    "a column is added that a pattern stood for": (
        "f: float = pa.Field(alias=r'f_\\d+', regex=True)" + STRICT,
        "f: float = pa.Field(alias=r'f_\\d+', regex=True)\nf_1: Optional[float]" + STRICT,
        [("column-added", "f_1", LOOK, LOOK)]),
    # types
    "whole numbers are wider": ("a: pd.Int32Dtype", "a: pd.Int64Dtype", [("type-changed", "a", OK, BREAKS)]),
    "whole numbers are narrower": ("a: pd.Int64Dtype", "a: pd.Int32Dtype", [("type-changed", "a", BREAKS, BREAKS)]),
    "whole numbers are narrower, and were small": (
        "a: pd.Int64Dtype = pa.Field(in_range={'min_value': 0, 'max_value': 9})",
        "a: pd.Int16Dtype = pa.Field(in_range={'min_value': 0, 'max_value': 9})",
        [("type-changed", "a", OK, BREAKS)]),
    "whole numbers become floats": ("a: pd.Int32Dtype", "a: float", [("type-changed", "a", OK, BREAKS)]),
    "large whole numbers become floats": ("a: int", "a: float", [("type-changed", "a", BREAKS, BREAKS)]),
    "decimals have more digits": (
        decimal(8, 2), decimal(10, 4), [("type-changed", "a", OK, BREAKS)]),
    "decimals have more digits than a float64 in Parquet": (
        decimal(17, 1), decimal(38, 18), [("type-changed", "a", LOOK, BREAKS)]),
    "decimals have less digits": (decimal(8, 2), decimal(8, 3), [("type-changed", "a", BREAKS, BREAKS)]),
    "text becomes numbers": ("a: str", "a: int", [("type-changed", "a", BREAKS, BREAKS)]),
    "values of one type are not held against those of another": (
        field("isin=['1', '2']", "str"), field("ge=0"),
        [("type-changed", "a", BREAKS, BREAKS), ("rule-added", BOUND, BREAKS, OK),
         ("rule-removed", "a.isin", OK, BREAKS)]),
    "only pandas holds it otherwise": ("a: int", "a: pd.Int64Dtype", [("type-changed", "a", OK, OK)]),
    "a custom check sees another type": (
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cells % 2 == 0",
        "a: pd.Int64Dtype\n@pa.check('a')\ndef even(cls, cells):\n    return cells % 2 == 0",
        [("type-changed", "a", OK, OK), ("rule-changed", "a.even", LOOK, LOOK)]),
    "text becomes any category": (
        "a: str", "a: Annotated[pd.CategoricalDtype, None, False]", [("type-changed", "a", LOOK, OK)]),
    "a category has one more value": (
        "a: Annotated[pd.CategoricalDtype, ['x'], False]", "a: Annotated[pd.CategoricalDtype, ['x', 'y'], False]",
        [("type-changed", "a", OK, BREAKS)]),
    "any text becomes a JSON object": (
        "a: str", "a: str = pa.Field(metadata={'json': 'object'})", [("type-changed", "a", BREAKS, BREAKS)]),
    # nulls and absence
    "nulls are allowed": (field(""), field("nullable=True"), [("nullable-changed", "a", OK, BREAKS)]),
    "nulls are refused": (field("nullable=True"), field(""), [("nullable-changed", "a", BREAKS, OK)]),
    "nulls are refused, and filled": (
        field("nullable=True"), field("default=3"),
        [("nullable-changed", "a", OK, OK), ("default-changed", "a", OK, BREAKS)]),
    "nulls are refused, and filled with what fails": (
        field("nullable=True, ge=9"), field("default=3, ge=9"),
        [("nullable-changed", "a", OK, OK), ("default-changed", "a", BREAKS, BREAKS)]),
    "a file may lack it": ("a: int\nb: int", "a: int\nb: Optional[int]", [("required-changed", "b", OK, BREAKS)]),
    "a file may not lack it": ("a: int\nb: Optional[int]", "a: int\nb: int", [("required-changed", "b", BREAKS, OK)]),
    # rules
    "a bound is tighter": (field("ge=0"), field("ge=5"), [("rule-tightened", BOUND, BREAKS, OK)]),
    "a bound is looser": (field("ge=5"), field("ge=0"), [("rule-loosened", BOUND, OK, BREAKS)]),
    "a bound says the same": (
        field("gt=0"), field("ge=1"),
        [("rule-added", BOUND, OK, OK), ("rule-removed", "a.greater_than", OK, OK)]),
    "a bound moves": (
        field("in_range={'min_value': 0, 'max_value': 5}"), field("in_range={'min_value': 1, 'max_value': 6}"),
        [("rule-changed", "a.in_range", BREAKS, BREAKS)]),
    "a rule is added": (field(""), field("ge=0"), [("rule-added", BOUND, BREAKS, OK)]),
    "a rule is added that the type says": (
        field("", "pd.UInt8Dtype"), field("ge=0", "pd.UInt8Dtype"),
        [("rule-added", BOUND, OK, OK)]),
    "a rule is added that the others say": (
        field("isin=[1, 2]"), field("isin=[1, 2], lt=3"), [("rule-added", "a.less_than", OK, OK)]),
    "a rule is removed": (field("ge=0"), field(""), [("rule-removed", BOUND, OK, BREAKS)]),
    "one more value": (field("isin=[1, 2]"), field("isin=[1, 2, 3]"), [("rule-loosened", "a.isin", OK, BREAKS)]),
    "one value less": (field("isin=[1, 2]"), field("isin=[1]"), [("rule-tightened", "a.isin", BREAKS, OK)]),
    "values in another order": (field("isin=[1, 2]"), field("isin=[2, 1]"), [("rule-reworded", "a.isin", OK, OK)]),
    "a range becomes the list of its values": (
        field("in_range={'min_value': 1, 'max_value': 3}"), field("isin=[1, 2, 3]"),
        [("rule-added", "a.isin", OK, OK), ("rule-removed", "a.in_range", OK, OK)]),
    "a pattern changes": (
        field("str_matches='^[A-Z]+$'", "str"), field("str_matches='^[A-Z0-9]+$'", "str"),
        [("rule-changed", "a.str_matches", LOOK, LOOK)]),
    "a pattern is read by another library": (
        field("str_matches='^[A-Z]+$'", "str"),
        field("str_matches='^[A-Z]+$'", "Annotated[pd.ArrowDtype, pyarrow.string()]"),
        [("type-changed", "a", OK, OK), ("rule-changed", "a.str_matches", LOOK, LOOK)]),
    "texts may be shorter": (
        field("str_length={'min_value': 2}", "str"), field("str_length={'min_value': 1}", "str"),
        [("rule-loosened", "a.str_length", OK, BREAKS)]),
    "a longer beginning": (
        field("str_startswith='a'", "str"), field("str_startswith='ab'", "str"),
        [("rule-tightened", "a.str_startswith", BREAKS, OK)]),
    "a rule only warns": (field("ge=0"), field("ge=0, raise_warning=True"), [
        ("severity-changed", BOUND, OK, BREAKS)]),
    "a rule warns no more": (field("ge=0, raise_warning=True"), field("ge=0"), [
        ("severity-changed", BOUND, BREAKS, OK)]),
    "a float32 is compared bluntly": (
        field("ge=0.10000000001", "pd.Float32Dtype"), field("gt=0.1", "pd.Float32Dtype"),
        [("rule-added", "a.greater_than", BREAKS, OK), ("rule-removed", BOUND, OK, BREAKS)]),
    "a custom check is added": (
        "a: int", "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cells % 2 == 0",
        [("rule-added", "a.even", BREAKS, OK)]),
    "a custom check is removed": (
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cells % 2 == 0", "a: int",
        [("rule-removed", "a.even", OK, BREAKS)]),
    "a custom check changes": (
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cells % 2 == 0",
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cells % 4 == 0",
        [("rule-changed", "a.even", LOOK, LOOK)]),
    "a custom check has another text": (
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    'It is even.'\n    return cells % 2 == 0",
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    'Even, it is.'\n    return cells % 2 == 0",
        [("rule-reworded", "a.even", OK, OK)]),
    "a custom check looks at its class": (
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cls.__name__ is None or cells % 2 == 0",
        "a: int\n@pa.check('a')\ndef even(cls, cells):\n    return cls.__name__ is None or cells % 2 == 0",
        [("rule-changed", "a.even", LOOK, LOOK)]),
    # several columns
    "a check of whole rows may read what is gone": (
        "a: int\nb: int\nc: str\n@pa.dataframe_check\ndef less(cls, rows):\n    return rows['a'] < rows['b']",
        "a: int\nb: int\n@pa.dataframe_check\ndef less(cls, rows):\n    return rows['a'] < rows['b']",
        [("column-removed", "c", OK, BREAKS), ("key-changed", "contract", BREAKS, OK),
         ("rule-changed", "dataframe.less", LOOK, LOOK)]),
    "a check of whole rows does not see what a file lacks": (
        "a: int\n@pa.dataframe_check\ndef all_there(cls, rows):\n    return rows.notna().all(axis=1)" + STRICT,
        "a: int\nb: Optional[int]\n@pa.dataframe_check\ndef all_there(cls, rows):\n"
        "    return rows.notna().all(axis=1)" + STRICT,
        [("column-added", "b", OK, OK)]),
    "values are unique": (field(""), field("unique=True"), [("unique-changed", "a", BREAKS, OK)]),
    "values are not unique any more": (field("unique=True"), field(""), [("unique-changed", "a", OK, BREAKS)]),
    "pairs are unique": (
        "a: int\nb: int", "a: int\nb: int\nclass Config:\n    unique = ['a', 'b']",
        [("unique-changed", "contract", BREAKS, OK)]),
    "pairs are unique of which one is": (
        "a: int = pa.Field(unique=True)\nb: int",
        "a: int = pa.Field(unique=True)\nb: int\nclass Config:\n    unique = ['a', 'b']",
        [("unique-changed", "contract", OK, OK)]),
    "pairs are unique of which one is, or is null": (
        "a: float = pa.Field(unique=True, nullable=True)\nb: int",
        "a: float = pa.Field(unique=True, nullable=True)\nb: int\nclass Config:\n    unique = ['a', 'b']",
        [("unique-changed", "contract", BREAKS, OK)]),
    # marks
    "the key has one column more": (
        KEY + "b: int", KEY + "b: int = pa.Field(metadata={'key': True})",
        [("key-changed", "contract", OK, BREAKS)]),
    "the key has one column less": (
        KEY + "b: int = pa.Field(metadata={'key': True})", KEY + "b: int",
        [("key-changed", "contract", BREAKS, OK)]),
    "the key has a text more": (
        KEY + "b: str", KEY + "b: str = pa.Field(metadata={'key': True})",
        [("key-changed", "contract", LOOK, BREAKS)]),
    "nulls of the key are filled": (
        field("nullable=True, metadata={'key': True}", "float"),
        field("nullable=True, metadata={'key': True}, default=3.0", "float"),
        [("default-changed", "a", LOOK, BREAKS)]),
    "a column is personal": (field(""), field("metadata={'personal': True}"), [("personal-changed", "a", OK, LOOK)]),
    "a column is personal no more": (
        field("metadata={'personal': True}"), field(""), [("personal-changed", "a", LOOK, OK)]),
    "other marks": (
        field("metadata={'unit': 'm'}"), field("metadata={'unit': 'km'}"), [("metadata-changed", "a", OK, OK)]),
    "a description": (field("description='x'"), field("description='y'"), [("description-changed", "a", OK, OK)]),
    "coercion, which is always": (field("coerce=True"), field(""), [("coerce-changed", "a", OK, OK)]),
    "an owner": (
        "a: int\nclass Config:\n    metadata = {'owner': 'x'}", "a: int\nclass Config:\n    metadata = {'owner': 'y'}",
        [("owner-changed", "contract", OK, OK)]),
    # the whole
    "unknown columns are refused": ("a: int", "a: int" + STRICT, [("strict-changed", "contract", BREAKS, OK)]),
    "unknown columns are passed over": ("a: int" + STRICT, "a: int", [("strict-changed", "contract", OK, OK)]),
    "the order matters": (
        "a: int", "a: int\nclass Config:\n    ordered = True", [("ordered-changed", "contract", BREAKS, OK)]),
    "a parser is added": (
        "a: int", "a: int\n@pa.parser('a')\ndef twice(cls, cells):\n    return cells * 2",
        [("parser-changed", "a", LOOK, LOOK)]),
    "nothing differs": ("a: int = pa.Field(ge=0)" + STRICT, "a: int = pa.Field(ge=0)" + STRICT, []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_change_is_told_to_whom_it_matters(
    folder: Folder, case: tuple[str, str, list[tuple[str, str, str, str]]]
) -> None:
    before, after, wanted = case
    assert sorted(flat(diff(folder, before, after))) == sorted(wanted)


def test_every_kind_of_change_of_a_contract_is_tried() -> None:
    tried = {change for _, _, wanted in CASES.values() for change, *_ in wanted}
    assert {change for change in CHANGES if not change.startswith("expectation")} == tried


@pytest.mark.parametrize(
    ("heads", "wanted"),
    [
        (("MOST = 3\n", "MOST = 3\n"), []),
        (("MOST = 3\n", "MOST = 4\n"), ["rule-changed"]),
        (("def most():\n    return 3\nMOST = most()\n", "MOST = 3\n"), []),
        (("from math import floor as MOST\n", "from math import floor as MOST\n"), []),
        (("from math import floor as MOST\n", "from math import ceil as MOST\n"), ["rule-changed"]),
        (("MOST = lambda: 3\n", "MOST = lambda: 4\n"), ["rule-changed"]),
        (("MOST = object()\n", "MOST = object()\n"), ["rule-changed"]),
    ],
)
def test_a_check_is_the_same_if_all_that_it_refers_to_is(
    folder: Folder, heads: tuple[str, str], wanted: list[str]
) -> None:
    body = "a: int\n@pa.check('a')\ndef few(cls, cells):\n    return cells.map(lambda cell: cell != MOST)"
    told = diff(folder, body, body, head=heads)
    assert [change.change for change in told.changes] == wanted


def expectation(**more: Any) -> dict[str, Any]:
    told = {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "min_value": 1, "max_value": 5}}
    return told | {"kwargs": told["kwargs"] | more.pop("kwargs", {})} | more  # type: ignore[operator]


IN_SET = {"type": "expect_column_distinct_values_to_be_in_set"}
MATCHES = {"type": "expect_column_values_to_match_regex_list"}


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ([], [expectation()], [("expectation-added", BREAKS, OK)]),
        ([], [expectation(severity="warning")], [("expectation-added", OK, OK)]),
        ([expectation()], [], [("expectation-removed", OK, BREAKS)]),
        ([], [expectation(kwargs={"max_value": {"$PARAMETER": "pool.a.mean"}})], [("expectation-added", LOOK, OK)]),
        ([expectation()], [expectation(kwargs={"min_value": 2})], [("expectation-tightened", BREAKS, OK)]),
        ([expectation()], [expectation(kwargs={"max_value": 9})], [("expectation-loosened", OK, BREAKS)]),
        ([expectation()], [expectation(kwargs={"max_value": None})], [("expectation-loosened", OK, BREAKS)]),
        (
            [expectation()],
            [expectation(kwargs={"min_value": 0, "max_value": 4})],
            [("expectation-changed", BREAKS, BREAKS)],
        ),
        ([expectation()], [expectation(kwargs={"mostly": 0.9})], [("expectation-loosened", OK, BREAKS)]),
        (
            [expectation()],
            [expectation(kwargs={"min_value": {"$PARAMETER": "pool.a.mean"}})],
            [("expectation-changed", LOOK, LOOK)],
        ),
        (
            [expectation(severity="warning")],
            [expectation(severity="warning", kwargs={"min_value": 2})],
            [("expectation-tightened", OK, OK)],
        ),
        ([expectation()], [expectation(severity="warning")], [("severity-changed", OK, BREAKS)]),
        ([expectation(severity="info")], [expectation()], [("severity-changed", BREAKS, OK)]),
        ([expectation()], [expectation(notes="Why.")], [("expectation-reworded", OK, OK)]),
        (
            [IN_SET | {"kwargs": {"column": "a", "value_set": [1, 2]}}],
            [IN_SET | {"kwargs": {"column": "a", "value_set": [2, 1, 3]}}],
            [("expectation-loosened", OK, BREAKS)],
        ),
        (
            [MATCHES | {"kwargs": {"column": "a", "regex_list": ["x"]}}],
            [MATCHES | {"kwargs": {"column": "a", "regex_list": ["x", "y"]}}],
            [("expectation-loosened", OK, BREAKS)],
        ),
        (
            [MATCHES | {"kwargs": {"column": "a", "regex_list": ["x"], "match_on": "all"}}],
            [MATCHES | {"kwargs": {"column": "a", "regex_list": ["x", "y"], "match_on": "all"}}],
            [("expectation-tightened", BREAKS, OK)],
        ),
        (
            [expectation(), expectation(kwargs={"min_value": 3})],
            [expectation(kwargs={"min_value": 3}), expectation()],
            [],
        ),
    ],
)
def test_a_change_of_the_suite(
    folder: Folder, before: list[Any], after: list[Any], wanted: list[tuple[str, str, str]]
) -> None:
    folder.write("sample@1.0", "a: int", suite=before)
    folder.write("sample@1.1", "a: int", suite=after)
    told = diff_of(folder.release("sample@1.0"), folder.release("sample@1.1"))
    assert [(one.change, one.contributors, one.consumers) for one in told.changes] == wanted


NAMES = {"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": ["a", "b"], "exact_match": True}}
FEW = IN_SET | {"kwargs": {"column": "a", "value_set": [1, 2]}}


@pytest.mark.parametrize(
    ("before", "after", "suite", "wanted"),
    [
        (KEY + "b: int", KEY, NAMES, [LOOK]),
        (KEY + "b: int", KEY, NAMES | {"severity": "warning"}, []),
        (KEY + "b: int" + STRICT, KEY + "b: int\nc: Optional[int]" + STRICT, NAMES, []),
        (field("nullable=True"), field("nullable=True, default=9"), FEW, [LOOK]),
        (KEY + "b: int", KEY + "b: pd.Int32Dtype", FEW, []),
    ],
)
def test_the_same_expectation_may_see_something_else(
    folder: Folder, before: str, after: str, suite: dict[str, Any], wanted: list[str]
) -> None:
    folder.write("sample@1.0", before, suite=[suite])
    folder.write("sample@1.1", after, suite=[suite])
    told = diff_of(folder.release("sample@1.0"), folder.release("sample@1.1"))
    assert [one.contributors for one in told.changes if one.change == "expectation-changed"] == wanted


def test_the_worst_change_is_that_of_the_whole(folder: Folder) -> None:
    told = diff(folder, field("ge=0", "str") + "b: int", field("", "int") + "b: int")
    assert (told.contributors, told.consumers, told.before) == (BREAKS, BREAKS, "sample@1.0")


def test_a_name_of_anyones_header_does_nothing_to_a_terminal(folder: Folder) -> None:
    for version, more in (("1.0", ""), ("1.1", "b: Optional[int]\n")):
        folder.write(
            f"sample@{version}", f'a: str = pa.Field(alias="\\x1b]0;x", isin=["\\x1b[2J", "{version}"])\n' + more
        )
    for what in (["show", "sample"], ["diff", "sample@1.0", "sample@1.1"]):
        told = command_line("contracts", *what, "--registry", str(folder.root)).stdout
        assert "\\x1b]0;x" in told
        assert "\x1b" not in told
