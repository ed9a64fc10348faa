"""Contracts and data, made up by Hypothesis."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
from hypothesis import strategies as st
from tests.parity.kinds import KINDS, KindOfColumn

ATOMS = [
    "a", "b", "A", "ä", "1", r"\.", ".", "[ab]", "[^a]", "[a-z]", r"\d", r"\w", r"\s", r"\b", "^", "$", "|", "(a|b)",
    "(?:ab)", "a*", "a+", "a?", "a{2}", "b{1,2}", "(?i)", "a+?", "(?=b)", r"\n", r"\A", r"\Z", " ", "_", "-", "[A-Z1]",
    "é", "()", "[", "*", "\\",
]  # fmt: skip
NAMES = ["a", "b", "größe", "with space", 'quo"te', "it's", "select", "C", "x.y"]


@dataclass(frozen=True)
class Case:
    """A contract and the rows that are held against it."""

    schema: pa.DataFrameSchema
    frame: pd.DataFrame
    table: pyarrow.Table


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One case of one to three columns and up to a dozen rows."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    rows = draw(st.integers(1, 12))  # of none, see test_named.py
    columns, series, arrays = {}, {}, {}
    for name in names:
        kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        columns[name] = draw(_columns(kind))
        cells = draw(_cells(kind, rows))
        series[name] = kind.series(cells)
        arrays[name] = _staged(cells, kind)
    schema = pa.DataFrameSchema(columns, **draw(_across(names, {n: series[n].dtype for n in names})))
    return Case(schema, pd.DataFrame(series, index=range(rows)), pyarrow.table(arrays))


def _staged(cells: list[Any], kind: KindOfColumn) -> pyarrow.Array:
    array = pyarrow.array(cells, kind.stage)
    return array.cast(pyarrow.int64()) if pyarrow.types.is_duration(kind.stage) else array


@st.composite
def _cells(draw: st.DrawFn, kind: KindOfColumn, rows: int) -> list[Any]:
    few = draw(st.lists(kind.values, min_size=1, max_size=4))  # so that values come more than once
    value = st.one_of(st.sampled_from(few), kind.values)
    if kind.nulls and draw(st.booleans()):
        value = st.one_of(st.none(), value)
    return draw(st.lists(value, min_size=rows, max_size=rows))


@st.composite
def _columns(draw: st.DrawFn, kind: KindOfColumn) -> pa.Column:
    hashable = not isinstance(kind.stage, pyarrow.ListType | pyarrow.StructType)
    return pa.Column(
        kind.dtype,
        checks=draw(st.lists(_checks(kind), max_size=3)),
        nullable=draw(st.booleans()),
        unique=hashable and draw(st.integers(0, 3)) == 0,
        report_duplicates=draw(st.sampled_from(["all", "exclude_first", "exclude_last"])),
    )


@st.composite
def _checks(draw: st.DrawFn, kind: KindOfColumn) -> pa.Check:
    # Mostly values of the column's own kind, at times of another.
    other = st.sampled_from([0, 1, -1, 1.5, 2**40, True, "a", datetime.date(2026, 1, 1), np.int64(2), np.float32(0.5)])
    value = st.one_of(kind.values, kind.values, kind.values, kind.values, other)
    options: dict[str, Any] = {}
    if draw(st.integers(0, 5)) == 0:
        options["ignore_na"] = False
    if draw(st.integers(0, 7)) == 0:
        options["n_failure_cases"] = draw(st.integers(1, 3))
    if draw(st.integers(0, 7)) == 0:
        options["raise_warning"] = True
    families = ["compare", "compare", "range", "member", "custom"] + ["text", "text"] * kind.text
    family = draw(st.sampled_from(families))
    if family == "compare":
        name = draw(st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]))
        return getattr(pa.Check, name)(draw(value), **options)
    if family == "range":
        low, high = draw(value), draw(value)
        try:
            return pa.Check.in_range(low, high, draw(st.booleans()), draw(st.booleans()), **options)
        except (TypeError, ValueError):  # Pandera wants them in order
            return pa.Check.ge(low, **options)
    if family == "member":
        arrow = isinstance(kind.dtype, pd.ArrowDtype)  # for which see test_named.py
        values = draw(st.lists(kind.values if arrow else value, max_size=4))
        try:
            return getattr(pa.Check, draw(st.sampled_from(["isin", "notin"])))(values, **options)
        except (TypeError, ValueError):  # lists and structs have no hash
            return pa.Check(lambda cells: cells.notna(), **options)
    return draw(_text_checks(options)) if family == "text" else draw(_custom_checks(kind, options))


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, FutureWarning):  # Pandera refuses it; or `[[`, whose meaning may change
        return False
    return True


@st.composite
def _text_checks(draw: st.DrawFn, options: dict[str, Any]) -> pa.Check:
    pattern = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4).map("".join).filter(_compiles)
    text = st.text("abA1 .ä\n", max_size=2)
    match draw(st.sampled_from(["matches", "contains", "startswith", "endswith", "length", "exact"])):
        case "matches":
            return pa.Check.str_matches(draw(pattern), **options)
        case "contains":
            return pa.Check.str_contains(draw(pattern), **options)
        case "startswith":
            return pa.Check.str_startswith(draw(text), **options)
        case "endswith":
            return pa.Check.str_endswith(draw(text), **options)
        case "exact":
            return pa.Check.str_length(exact_value=draw(st.integers(0, 4)), **options)
        case _:
            low, high = draw(st.sampled_from([(0, None), (None, 2), (1, 3), (2, 2)]))
            return pa.Check.str_length(low, high, **options)


@st.composite
def _custom_checks(draw: st.DrawFn, kind: KindOfColumn, options: dict[str, Any]) -> pa.Check:
    value = draw(kind.values)
    whole = pa.Check(lambda cells: cells.map(lambda cell: _same(cell, value)).astype(bool), name="mapped", **options)
    single = pa.Check(lambda cell: _same(cell, value), element_wise=True, name="single", **options)
    present = pa.Check(lambda cells: cells.notna(), name="present", **options)
    return draw(st.sampled_from([whole, single, present]))


def _same(cell: Any, value: Any) -> bool:
    return bool(cell == value) if isinstance(value, float) else bool(str(cell) == str(value))


@st.composite
def _across(draw: st.DrawFn, names: list[str], dtypes: dict[str, Any]) -> dict[str, Any]:
    """What a schema says of several columns."""
    options: dict[str, Any] = {}
    plain = [name for name in names if "list" not in str(dtypes[name]) and "struct" not in str(dtypes[name])]
    if len(plain) > 1 and draw(st.booleans()):
        options["unique"] = draw(st.lists(st.sampled_from(plain), min_size=2, max_size=3, unique=True))
        options["report_duplicates"] = draw(st.sampled_from(["all", "exclude_first", "exclude_last"]))
    if draw(st.integers(0, 3)) == 0:
        first = names[0]
        options["checks"] = draw(
            st.sampled_from(
                [
                    pa.Check(lambda rows: rows[first].notna(), name="there"),
                    pa.Check(lambda rows: rows.notna().all(axis="columns"), name="all_there", ignore_na=False),
                    pa.Check(lambda row: str(row[first]) != "a", element_wise=True, name="row"),
                ]
            )
        )
    return options
