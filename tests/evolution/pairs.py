"""Pairs of contracts of which the second is the first with something changed, and rows, made up by Hypothesis."""

from __future__ import annotations

import datetime
import decimal
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pandera.pandas as pa
from hypothesis import strategies as st
from tests.parity.kinds import KINDS, KindOfColumn

TYPES = {
    "whole": [
        "int8", "int16", "int64", "uint8", "Int32", "Int64", "UInt8", "arrow int64", "float64", "Float64", "float32"
    ],
    "float": ["float64", "Float64", "float32", "Float32", "arrow double"],
    "text": ["str", "string", "object", "arrow string", "category"],
    "truth": ["bool", "boolean", "arrow bool"],
    "day": ["date", "arrow date32"],
    "time": ["UTC", "Berlin", "arrow timestamp UTC"],
    "plain time": ["datetime64[ns]", "datetime64[us]", "arrow timestamp"],
    "decimal": ["decimal", "arrow decimal"],
}  # fmt: skip
"""Kinds of columns that one may be changed into another of, and often say the same."""
_DAYS = [datetime.date(2026, 1, day) for day in range(1, 6)]
_TIMES = [datetime.datetime(2026, 1, day, 12) for day in range(1, 6)]  # noqa: DTZ001
VALUES: dict[str, list[Any]] = {
    "whole": [-1, 0, 1, 2, 3, 4, 100, 200],
    "float": [-1.0, -0.5, 0.0, 0.1, 0.5, 1.0, 2.5, float("inf")],
    "text": ["", "a", "ab", "abc", "b", "A", "ä", "1"],
    "truth": [False, True],
    "day": list(_DAYS),
    "time": [time.replace(tzinfo=datetime.UTC) for time in _TIMES],
    "plain time": list(_TIMES),
    "decimal": [decimal.Decimal(value) for value in ("-1.50", "0.00", "0.25", "1.00", "2.00")],
}
_CATEGORY = ["a", "b", "ab", "ä"]
_CHECKS = {
    "even": lambda cells: cells.map(lambda cell: str(cell) != "2"),
    "small": lambda cells: cells.map(lambda cell: str(cell) not in ("3", "ab")),
}
_ACROSS = {
    "there": lambda rows: rows[rows.columns[0]].notna(),
    "all_there": lambda rows: rows.notna().all(axis="columns"),
}


@dataclass
class Drawn:
    """A column as it is drawn: what `pa.Column` is made of."""

    group: str
    kind: str
    checks: list[tuple[str, Any, dict[str, Any]]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def column(self) -> pa.Column:
        """The definition."""
        checks = [_check(*told) for told in self.checks]
        return pa.Column(self.of_kind.dtype, checks=[check for check in checks if check is not None], **self.options)

    @property
    def of_kind(self) -> KindOfColumn:
        """How pandas holds it."""
        return KINDS[self.kind]


def _check(name: str, argument: Any, options: dict[str, Any]) -> pa.Check | None:
    if name == "custom":
        return pa.Check(_CHECKS[argument], name=argument, **options)
    try:
        if isinstance(argument, dict):
            return getattr(pa.Check, name)(**argument, **options)
        return getattr(pa.Check, name)(argument, **options)
    except (TypeError, ValueError):  # ends that are not in order
        return None


@dataclass(frozen=True)
class Pair:
    """Two contracts, and rows as Python values."""

    old: pa.DataFrameSchema
    new: pa.DataFrameSchema
    old_columns: dict[str, Drawn]
    new_columns: dict[str, Drawn]
    rows: dict[str, list[Any]]


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """A pair, and rows for the first."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True))
    old = {name: draw(_drawn()) for name in names}
    new = {name: draw(_changed(column)) for name, column in old.items()}
    if draw(st.integers(0, 5)) == 0 and len(new) > 1:
        new.pop(names[-1])
    if draw(st.integers(0, 4)) == 0:
        added = draw(_drawn())
        added.options["required"] = draw(st.booleans())
        new["z"] = added
    if draw(st.integers(0, 5)) == 0:
        new = dict(reversed(new.items()))
    shape = draw(_shape(names))
    other = draw(_shape(names)) if draw(st.integers(0, 3)) == 0 else shape
    rows = draw(_rows(old, new, strict=shape["strict"] is True))
    return Pair(_schema(old, shape), _schema(new, other), old, new, rows)


def _schema(columns: dict[str, Drawn], shape: dict[str, Any]) -> pa.DataFrameSchema:
    told = dict(shape)
    unique = [name for name in told.pop("unique") if name in columns]
    across = [pa.Check(_ACROSS[name], name=name, ignore_na=False) for name in told.pop("across")]
    definitions = {name: column.column() for name, column in columns.items()}
    return pa.DataFrameSchema(definitions, checks=across, unique=unique or None, **told)


@st.composite
def _shape(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    return {
        "strict": draw(st.sampled_from([True, True, False])),
        "ordered": draw(st.integers(0, 5)) == 0,
        "add_missing_columns": draw(st.integers(0, 3)) == 0,
        "unique": names if draw(st.integers(0, 4)) == 0 else [],
        "across": draw(st.lists(st.sampled_from(sorted(_ACROSS)), max_size=1)) if draw(st.booleans()) else [],
    }


@st.composite
def _drawn(draw: st.DrawFn) -> Drawn:
    group = draw(st.sampled_from(sorted(TYPES)))
    kind = draw(st.sampled_from(TYPES[group]))
    options = {
        "nullable": draw(st.booleans()),
        "unique": draw(st.integers(0, 4)) == 0,
        "required": draw(st.integers(0, 3)) > 0,
    }
    if draw(st.integers(0, 4)) == 0 and group in ("whole", "float", "text", "truth"):
        options["default"] = draw(st.sampled_from(VALUES[group]))
    return Drawn(group, kind, draw(st.lists(_checks(group), max_size=3)), options)


@st.composite
def _checks(draw: st.DrawFn, group: str) -> tuple[str, Any, dict[str, Any]]:
    value = st.sampled_from(VALUES[group])
    options: dict[str, Any] = {}
    if draw(st.integers(0, 7)) == 0:
        options["raise_warning"] = True
    if draw(st.integers(0, 9)) == 0:
        options["ignore_na"] = False
    if draw(st.integers(0, 7)) == 0:
        options["name"] = draw(st.sampled_from(["less_than", "mine"]))
    names = ["eq", "ne", "gt", "ge", "lt", "le", "isin", "notin", "in_range", "custom"]
    names += ["str_length", "str_startswith", "str_matches"] * (group == "text")
    name = draw(st.sampled_from(names))
    match name:
        case "isin" | "notin":
            return name, draw(st.lists(value, min_size=1, max_size=4)), options
        case "in_range":
            ends = {"include_min": draw(st.booleans()), "include_max": draw(st.booleans())}
            return name, {"min_value": draw(value), "max_value": draw(value), **ends}, options
        case "str_length":
            return name, {"min_value": draw(st.integers(0, 2)), "max_value": draw(st.integers(1, 3))}, options
        case "str_startswith":
            return name, draw(st.sampled_from(["a", "ab", ""])), options
        case "str_matches":
            return name, draw(st.sampled_from(["^a", "^[a-z]+$", r"\w"])), options
        case "custom":
            options.pop("name", None)
            return name, draw(st.sampled_from(sorted(_CHECKS))), options
    return name, draw(value), options


@st.composite
def _changed(draw: st.DrawFn, column: Drawn) -> Drawn:
    """The column with one or two things changed, or none."""
    kind, checks, options = column.kind, list(column.checks), dict(column.options)
    for what in draw(st.lists(st.sampled_from(["kind", "drop", "add", "replace", "option", "default"]), max_size=2)):
        if what == "kind":
            kind = draw(st.sampled_from(TYPES[column.group]))
        elif what == "drop" and checks:
            checks.pop(draw(st.integers(0, len(checks) - 1)))
        elif what == "add":
            checks.insert(draw(st.integers(0, len(checks))), draw(_checks(column.group)))
        elif what == "replace" and checks:
            checks[draw(st.integers(0, len(checks) - 1))] = draw(_checks(column.group))
        elif what == "option":
            name = draw(st.sampled_from(["nullable", "unique", "required"]))
            options[name] = not options[name]
        elif what == "default" and column.group in ("whole", "float", "text", "truth"):
            options["default"] = draw(st.sampled_from([*VALUES[column.group], None]))
    return Drawn(column.group, kind, checks, options)


@st.composite
def _rows(draw: st.DrawFn, old: dict[str, Drawn], new: dict[str, Drawn], *, strict: bool) -> dict[str, list[Any]]:
    """Cells of the columns of a file: optional ones may not be there, unknown ones may where they are passed over."""
    count = draw(st.integers(1, 8))
    columns = {name: column for name, column in old.items() if column.options["required"] or draw(st.booleans())}
    if not strict:
        columns |= {name: column for name, column in new.items() if name not in old and draw(st.booleans())}
    return {name: draw(_cells(column, count)) for name, column in columns.items()}


@st.composite
def _cells(draw: st.DrawFn, column: Drawn, count: int) -> list[Any]:
    known = [value for value in VALUES[column.group] if column.kind != "category" or value in _CATEGORY]
    value = st.sampled_from(known)
    if column.of_kind.nulls and draw(st.booleans()):
        value = st.one_of(st.none(), value)
    return draw(st.lists(value, min_size=count, max_size=count))


def series(kind: str, cells: list[Any]) -> pd.Series | None:
    """The cells as pandas holds them; None where they are none of the kind."""
    if kind == "category" and any(cell is not None and cell not in _CATEGORY for cell in cells):
        return None
    if not KINDS[kind].nulls and None in cells:
        return None
    try:
        found = KINDS[kind].series(cells)
    except (OverflowError, TypeError, ValueError):
        return None
    kept = [None if pd.isna(one) else one for one in found]
    exact = all(
        (one is None) == (cell is None) and (one is None or one == cell) for one, cell in zip(kept, cells, strict=True)
    )
    return found if exact or kind in ("float32", "Float32") else None
