"""The kinds of columns that contracts use: for each its type in pandas, values for cells, and how pandas holds them."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from hypothesis import strategies as st
from pandera.engines import pandas_engine

Cells = Sequence[Any]


@dataclass(frozen=True)
class KindOfColumn:
    """One kind.

    Attributes:
        dtype: as a contract declares it.
        values: values that are no nulls.
        stage: what the stage holds, as an Arrow type.
        series: how pandas holds the cells; None is a null.
        nulls: whether pandas can hold a null.
        text: whether the checks for text apply.
    """

    dtype: Any
    values: st.SearchStrategy[Any]
    stage: pyarrow.DataType
    series: Callable[[Cells], pd.Series]
    nulls: bool = True
    text: bool = False


def of_dtype(dtype: Any) -> Callable[[Cells], pd.Series]:
    return lambda cells: pd.Series(pd.array(list(cells), dtype=dtype))


def of_numpy(dtype: str, null: Any = None) -> Callable[[Cells], pd.Series]:
    return lambda cells: pd.Series(np.array([null if cell is None else cell for cell in cells], dtype=dtype))


def whole(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    edges = [low, low + 1, high, high - 1, 0, 1, 2, 3]
    return st.one_of(st.sampled_from(edges), st.integers(max(low, -5), 5), st.integers(low, high))


FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, 1e300, 5e-324, float("inf"), float("-inf"), 2.0**53, 2.0**53 + 2]),
    st.floats(allow_nan=False),
    st.integers(-3, 3).map(float),
)
FLOATS32 = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 1.0, float("inf"), float(np.float32(0.1)), 16777216.0]),
    st.floats(allow_nan=False, width=32),
)
ALPHABET = "abAB1 .\n\t_-äÄßée\u0301\u0661\u00a0\U0001f600"
TEXTS = st.one_of(
    st.sampled_from(["", "a", "ab", "abc", "a\n", "\na", "A", "ä", "1", "\u0661", "ß", " a ", "a.b", "e\u0301"]),
    st.text(ALPHABET, max_size=5),
)
DATES = st.one_of(
    st.sampled_from([datetime.date(2026, 1, 1), datetime.date(2026, 1, 2), datetime.date(1970, 1, 1)]),
    st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1)),
)
_LOW, _HIGH = datetime.datetime.fromisoformat("1700-01-01"), datetime.datetime.fromisoformat("2200-01-01")
STAMPS = st.one_of(
    st.sampled_from([datetime.datetime.fromisoformat(f"2026-01-0{day}T12:00:00") for day in (1, 2, 3)]),
    st.datetimes(_LOW, _HIGH),
)
ZONED = STAMPS.map(lambda stamp: stamp.replace(tzinfo=datetime.UTC))
DURATIONS = st.one_of(
    st.sampled_from([datetime.timedelta(0), datetime.timedelta(hours=1), datetime.timedelta(days=-1, microseconds=1)]),
    st.timedeltas(datetime.timedelta(days=-1000), datetime.timedelta(days=1000)),
)
DECIMALS = st.one_of(
    st.sampled_from([decimal.Decimal(value) for value in ("0.00", "1.00", "-1.50", "9999.99")]),
    st.decimals(-999, 9999, places=2),  # Pandera 0.35 takes the minus sign for a digit
)


def _dates(cells: Cells) -> pd.Series:
    return pd.Series(list(cells), dtype=object)


def _stamps(unit: str, zone: str | None = None) -> Callable[[Cells], pd.Series]:
    dtype = f"datetime64[{unit}]" if zone is None else pd.DatetimeTZDtype(unit, zone)

    def series(cells: Cells) -> pd.Series:
        stamps = [pd.NaT if cell is None else pd.Timestamp(cell) for cell in cells]
        index = pd.DatetimeIndex(stamps, tz="UTC" if zone else None)
        return pd.Series((index.tz_convert(zone) if zone else index).astype(dtype))

    return series


def _spans(unit: str) -> Callable[[Cells], pd.Series]:
    return lambda cells: pd.Series(
        pd.to_timedelta([pd.NaT if cell is None else cell for cell in cells]).astype(f"timedelta64[{unit}]")
    )


def _arrow(kind: pyarrow.DataType, values: st.SearchStrategy[Any], stage: Any = None, **more: Any) -> KindOfColumn:
    dtype = pd.ArrowDtype(kind)

    def series(cells: Cells) -> pd.Series:
        return pd.Series(pd.arrays.ArrowExtensionArray(pyarrow.array(list(cells), stage or kind).cast(kind)))

    return KindOfColumn(dtype, values, stage or kind, series, **more)


_CATEGORY = pd.CategoricalDtype(["a", "b", "ab", "ä"])
_ORDERED = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
_NUMBERED = pd.CategoricalDtype([3, 1, 2])
_UTC = pyarrow.timestamp("us", "UTC")
_STRUCT = pyarrow.struct([("x", pyarrow.int64()), ("y", pyarrow.string())])

KINDS: dict[str, KindOfColumn] = {
    **{
        f"{sign}int{bits}": KindOfColumn(
            f"{sign}int{bits}", whole(bits, not sign), getattr(pyarrow, f"{sign}int{bits}")(),
            of_numpy(f"{sign}int{bits}"), nulls=False,
        )
        for sign in ("", "u") for bits in (8, 16, 32, 64)
    },
    **{
        f"{sign}Int{bits}": KindOfColumn(
            f"{sign}Int{bits}", whole(bits, not sign), getattr(pyarrow, f"{sign.lower()}int{bits}")(),
            of_dtype(f"{sign}Int{bits}"),
        )
        for sign in ("", "U") for bits in (8, 32, 64)
    },
    # Beside a null, pandas tells Arrow's integers apart as float64 only; see test_named.py.
    "arrow int64": _arrow(pyarrow.int64(), whole(53, True)),
    "arrow uint16": _arrow(pyarrow.uint16(), whole(16, False)),
    "float64": KindOfColumn("float64", FLOATS, pyarrow.float64(), of_numpy("float64", float("nan"))),
    "float32": KindOfColumn("float32", FLOATS32, pyarrow.float32(), of_numpy("float32", float("nan"))),
    "Float64": KindOfColumn("Float64", FLOATS, pyarrow.float64(), of_dtype("Float64")),
    "Float32": KindOfColumn("Float32", FLOATS32, pyarrow.float32(), of_dtype("Float32")),
    # There is one zero: in pandas' Arrow arrays -0.0 is another; see test_named.py.
    "arrow double": _arrow(pyarrow.float64(), FLOATS.map(lambda value: value + 0.0)),
    "arrow float": _arrow(pyarrow.float32(), FLOATS32.map(lambda value: value + 0.0)),
    "bool": KindOfColumn("bool", st.booleans(), pyarrow.bool_(), of_numpy("bool"), nulls=False),
    "boolean": KindOfColumn("boolean", st.booleans(), pyarrow.bool_(), of_dtype("boolean")),
    "arrow bool": _arrow(pyarrow.bool_(), st.booleans()),
    "str": KindOfColumn(str, TEXTS, pyarrow.string(), of_dtype("str"), text=True),
    # Pandera makes of it the text of "str", where a null is NaN.
    "string": KindOfColumn(pd.StringDtype(), TEXTS, pyarrow.string(), of_dtype("str"), text=True),
    "object": KindOfColumn(
        object, TEXTS, pyarrow.string(), lambda cells: pd.Series(list(cells), dtype=object), text=True
    ),
    "arrow string": _arrow(pyarrow.string(), TEXTS, text=True),
    "arrow large_string": _arrow(pyarrow.large_string(), TEXTS, pyarrow.string(), text=True),
    "category": KindOfColumn(
        _CATEGORY, st.sampled_from(list(_CATEGORY.categories)), pyarrow.string(), of_dtype(_CATEGORY), text=True
    ),
    "ordered category": KindOfColumn(
        _ORDERED, st.sampled_from(list(_ORDERED.categories)), pyarrow.string(), of_dtype(_ORDERED)
    ),
    "numbered category": KindOfColumn(
        _NUMBERED, st.sampled_from([1, 2, 3]), pyarrow.int64(), of_dtype(_NUMBERED)
    ),
    "date": KindOfColumn(pandas_engine.Date(), DATES, pyarrow.date32(), _dates),
    "arrow date32": _arrow(pyarrow.date32(), DATES),
    "datetime64[ns]": KindOfColumn("datetime64[ns]", STAMPS, pyarrow.timestamp("us"), _stamps("ns")),
    "datetime64[us]": KindOfColumn("datetime64[us]", STAMPS, pyarrow.timestamp("us"), _stamps("us")),
    "UTC": KindOfColumn(pd.DatetimeTZDtype("ns", "UTC"), ZONED, _UTC, _stamps("ns", "UTC")),
    "Berlin": KindOfColumn(pd.DatetimeTZDtype("us", "Europe/Berlin"), ZONED, _UTC, _stamps("us", "Europe/Berlin")),
    "arrow timestamp": _arrow(pyarrow.timestamp("us"), STAMPS),
    "arrow timestamp UTC": _arrow(_UTC, ZONED),
    "timedelta64[ns]": KindOfColumn("timedelta64[ns]", DURATIONS, pyarrow.duration("us"), _spans("ns")),
    "timedelta64[us]": KindOfColumn("timedelta64[us]", DURATIONS, pyarrow.duration("us"), _spans("us")),
    "arrow duration": _arrow(pyarrow.duration("us"), DURATIONS),
    "decimal": KindOfColumn(pandas_engine.Decimal(6, 2), DECIMALS, pyarrow.decimal128(6, 2), _dates),
    "arrow decimal": _arrow(pyarrow.decimal128(6, 2), DECIMALS),
    "arrow list": _arrow(pyarrow.list_(pyarrow.int64()), st.lists(st.integers(0, 3), max_size=3)),
    "arrow struct": _arrow(
        _STRUCT, st.fixed_dictionaries({"x": st.integers(0, 3), "y": st.sampled_from(["a", "b"])})
    ),
}  # fmt: skip
