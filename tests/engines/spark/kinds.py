"""The kinds of columns that made-up submissions have: how each is declared, and its cells in every format."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

TEXTS = (
    "", "a", "ab", " a ", "A", "ä", "NA", "n/a", "1", "a\nb", 'say "x"', "x,y", "e\u0301", "\u0661", "\U0001f600 smile",
    "ann@example.org", "+49 30 901820", "it's", "back\\slash", "\ttab", "a\u200bb", "00123", "true", "null",
)  # fmt: skip
_DAYS = tuple(datetime.date.fromisoformat(day) for day in ("2026-01-31", "1969-12-31", "1582-10-10", "9999-12-31"))
_STAMPS = tuple(
    datetime.datetime.fromisoformat(stamp)
    for stamp in ("2026-01-31T09:30:00", "2026-01-31T09:30:00.000001", "1965-06-30T23:59:59.5", "1582-10-10T00:00:00")
)
_SPANS = tuple(
    datetime.timedelta(**span)
    for span in ({"hours": 1, "minutes": 30}, {"microseconds": 1}, {"days": -1, "microseconds": 5}, {"days": 40})
)


def _text(value: Any) -> str:
    return str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _quoted(spelled: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: json.dumps(spelled(value))


def _span(value: datetime.timedelta) -> str:
    size = abs(value)
    return f"{'-' if value < datetime.timedelta(0) else ''}P{size.days}DT{size.seconds}.{size.microseconds:06}S"


@dataclass(frozen=True)
class Kind:
    """One kind of column.

    Attributes:
        declared: its annotation in a contract.
        values: values that are no nulls.
        arrow: what it is in Parquet.
        wrong: texts that are no cells of it; empty where every text is one.
        rules: rules as arguments of `pa.Field`.
        others: other types in which Parquet may have it.
        fills: values that stand for a null.
        text: how a value is spelled in CSV.
        json: how a value is spelled in JSON.
    """

    declared: str
    values: tuple[Any, ...]
    arrow: pa.DataType
    wrong: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    others: tuple[pa.DataType, ...] = ()
    fills: tuple[Any, ...] = ()
    text: Callable[[Any], str] = _text
    json: Callable[[Any], str] = _json

    @property
    def compared(self) -> bool:
        """Whether pandas can tell which cells are equal."""
        return not pa.types.is_nested(self.arrow)


def _whole(declared: str, arrow: pa.DataType, low: int, high: int, *others: pa.DataType) -> Kind:
    values = tuple(value for value in (0, 1, 2, 3, -1, 7, low, high, high - 1) if value >= low)
    rules = ("ge=0", "lt=5", "isin=[0, 1, 2, 3]", "ne=1", "in_range={'min_value': 0, 'max_value': 1000}", "notin=[7]")
    wrong = ("x", "1.5", "007", "+1", "1e3", str(high + 1), "")
    return Kind(declared, values, arrow, wrong, rules, others, fills=("mean", "median", "mode", 1))


def _floats(declared: str, arrow: pa.DataType, *more: float) -> Kind:
    values = (0.0, 0.5, 1.5, -2.25, 3.0, 1e-3, *more)
    rules = (
        "ge=0",
        "lt=1e6",
        "gt=-2.25",
        "ne=1.5",
        "isin=[0.5, 1.5, 3.0]",
        "in_range={'min_value': -1, 'max_value': 2}",
    )
    return Kind(declared, values, arrow, ("x", "NaN", "inf", ".5", "1,5"), rules, (pa.float64(), pa.int32()),
                fills=("mean", "median", "mode", 0.25))  # fmt: skip


def _arrow(inner: str) -> str:
    return f"Annotated[pd.ArrowDtype, pyarrow.{inner}]"


_LENGTHS = ("str_length={'min_value': 1, 'max_value': 6}",)
_PATTERNS = (r"str_matches=r'^[a-zA-Z ]+$'", r"str_contains=r'\w'", "str_startswith='a'", "str_endswith='b'")
_POINT = pa.struct([("x", pa.int64()), ("y", pa.string()), ("z", pa.list_(pa.float64()))])
_POINTS: tuple[dict[str, Any], ...] = (
    {"x": 1, "y": "a", "z": [0.5, 1e-7]}, {"x": None, "y": 'q"ü', "z": []}, {"x": 2, "y": None, "z": None},
    {"x": -(2**53), "y": "", "z": [None, 1e22, 100.0]},
)  # fmt: skip

KINDS: dict[str, Kind] = {
    "int64": _whole("int", pa.int64(), -(2**63), 2**63 - 1, pa.int32(), pa.float64()),
    "Int8": _whole("pd.Int8Dtype", pa.int8(), -128, 127, pa.int64()),
    "UInt8": _whole("pd.UInt8Dtype", pa.uint8(), 0, 255, pa.int64()),
    "UInt32": _whole("pd.UInt32Dtype", pa.uint32(), 0, 2**32 - 1, pa.int64()),
    "UInt64": _whole("pd.UInt64Dtype", pa.uint64(), 0, 2**64 - 1),
    "float64": _floats("float", pa.float64(), 0.1, 1e300, 123456789.123, 5e-324),
    "Float64": _floats("pd.Float64Dtype", pa.float64(), 0.1, 0.30000000000000004, -1e17),
    "Float32": _floats("pd.Float32Dtype", pa.float32(), 16777216.0),
    "bool": Kind("bool", (True, False), pa.bool_(), ("yes", "1"), ("eq=True",), fills=("mode", True),
                 text=lambda value: str(value).lower()),
    "boolean": Kind("pd.BooleanDtype", (True, False), pa.bool_(), ("yes",), fills=("mode", False), text=str),
    "str": Kind("str", TEXTS, pa.string(), (), (*_LENGTHS, *_PATTERNS, "isin=['a', 'ab', 'ä', '1']", "ne='A'"),
                (pa.large_string(), pa.dictionary(pa.int32(), pa.string())), fills=("mode", "none")),
    "string": Kind("pd.StringDtype", TEXTS, pa.string(), (), (*_LENGTHS, *_PATTERNS), fills=("mode", "a")),
    "category": Kind("Annotated[pd.CategoricalDtype, ('a', 'ab', 'ä', 'x,y'), False]", ("a", "ab", "ä", "x,y"),
                     pa.string(), ("b", "A"), ("ne='ab'", "isin=['a', 'ä']"), fills=("mode", "a")),
    "decimal": Kind(_arrow("decimal128(9, 2)"), tuple(map(Decimal, ("0.00", "1.00", "-1.50", "1234567.89", "0.10"))),
                    pa.decimal128(9, 2), ("1.234", "1e2", "12345678.00", "x"), (), (pa.decimal128(20, 4),),
                    fills=("mode", "median"), json=_text),
    "date": Kind("pa.engines.pandas_engine.Date", _DAYS, pa.date32(), ("2026-02-30", "31.01.2026", "2026-1-1"),
                 fills=("mode", "2026-02-28"), json=_quoted(str)),
    "stamp": Kind(_arrow("timestamp('us')"), _STAMPS, pa.timestamp("us"), ("2026-01-31T09:30:00Z", "2026-01-31", "x"),
                  (), (pa.timestamp("ms"),), fills=("mode",), text=lambda value: value.isoformat(" "),
                  json=_quoted(lambda value: value.isoformat())),
    "zoned": Kind("Annotated[pd.DatetimeTZDtype, 'us', 'UTC']",
                  tuple(stamp.replace(tzinfo=datetime.UTC) for stamp in _STAMPS[:3]), pa.timestamp("us", "UTC"),
                  ("2026-01-31T09:30:00", "x"), (), (pa.timestamp("us", "Europe/Berlin"),), fills=("mode",),
                  text=lambda value: value.isoformat(), json=_quoted(lambda value: value.isoformat())),
    "span": Kind(_arrow("duration('us')"), _SPANS, pa.duration("us"),
                 ("1:30", "90"), fills=(), text=_span, json=_quoted(_span)),
    "list": Kind(_arrow("list_(pyarrow.int64())"), ([], [1, 2], [1, None], [3], [2**62]), pa.list_(pa.int64()),
                 ('["a"]', "[", "{}"), text=_json),
    "texts": Kind(_arrow("list_(pyarrow.string())"), ([], ["a"], ["a", 'b"', None], ["ü", ""]), pa.list_(pa.string()),
                  ("[1]", "a"), text=_json),
    "struct": Kind(_arrow("struct([('x', pyarrow.int64()), ('y', pyarrow.string()),"
                          " ('z', pyarrow.list_(pyarrow.float64()))])"),
                   _POINTS, _POINT, ('{"x": "a"}', "[]"), text=_json),
    "structs": Kind(_arrow("list_(pyarrow.struct([('n', pyarrow.int32()), ('t', pyarrow.timestamp('us', 'UTC'))]))"),
                    ([], [{"n": 1, "t": None}], [{"n": 2, "t": _STAMPS[1].replace(tzinfo=datetime.UTC)}, None]),
                    pa.list_(pa.struct([("n", pa.int32()), ("t", pa.timestamp("us", "UTC"))])), ("{}",),
                    text=lambda value: json.dumps(value, default=lambda stamp: stamp.isoformat()),
                    json=lambda value: json.dumps(value, default=lambda stamp: stamp.isoformat())),
}  # fmt: skip
