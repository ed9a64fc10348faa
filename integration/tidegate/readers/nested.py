"""Nested cells: JSON text to the exact values of a list or struct column, and JSON objects that nobody looks into.

Reasons say where in the cell something is wrong and what is expected there, and never quote a value.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from tidegate.readers.json_text import JsonError, NotANumber, Number, compact, parse

_DEEPEST = 500
"""What `resources.max_depth` may be at most; a file's own reader has already held its records against the limit."""
_TOKEN = re.compile(r"\s*(?:([a-z]+[0-9]*)(\([^)]*\))?|([<>,]))")
_FIELD = re.compile(r"\s*([^:<>]+?)\s*:")
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)

_SCALARS: dict[str, pa.DataType] = {
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float32": pa.float32(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "date": pa.date32(),
}

Reader = Callable[[Any, str], Any]
"""From a parsed value and its place in the cell to the value of the column."""


def arrow_type(ibis_type: str) -> pa.DataType:
    """The Arrow type of a type in Ibis' spelling, such as ``array<struct<row: int64>>``."""
    kind, end = _type(ibis_type, 0)
    if ibis_type[end:].strip():
        raise ValueError(f"{ibis_type!r} is no type")
    return kind


def nested_reader(ibis_type: str, max_depth: int) -> Callable[[str], Any]:
    """The function from a cell's JSON text to the Python value of a nested column.

    It raises `ValueError` with a short reason where the text is not exactly such a value. A key that is absent from a
    struct is null.
    """
    read = _reader(arrow_type(ibis_type))

    def read_cell(text: str) -> Any:
        return read(_parsed(text, max_depth), "")

    return read_cell


def json_object(text: str) -> str:
    """A JSON object in its one compact spelling. Raises `ValueError` with a short reason for any other text."""
    value = _parsed(text, _DEEPEST)
    if type(value) is not dict:
        raise ValueError("a JSON object is expected")
    return compact(value)


def _parsed(text: str, max_depth: int) -> Any:
    try:
        return parse(text, max_depth)
    except JsonError as error:
        raise ValueError("not JSON" if error.code == "json-syntax" else error.reason) from None


def _type(text: str, start: int) -> tuple[pa.DataType, int]:
    """The type that begins at `start`, and where it ends."""
    token = _TOKEN.match(text, start)
    if token is None or token[1] is None:
        raise ValueError(f"{text!r} is no type")
    name, arguments, end = token[1], token[2], token.end()
    if name in _SCALARS and not arguments:
        return _SCALARS[name], end
    if name == "timestamp":
        return pa.timestamp("us", tz="UTC" if "UTC" in (arguments or "") else None), end
    if name == "decimal" and arguments:
        precision, scale = map(int, arguments[1:-1].split(","))
        return pa.decimal128(precision, scale), end
    if name == "array":
        inner, end = _type(text, _after(text, end, "<"))
        return pa.list_(inner), _after(text, end, ">")
    if name == "struct":
        return _struct_type(text, _after(text, end, "<"))
    raise ValueError(f"{text!r} is no type")


def _struct_type(text: str, start: int) -> tuple[pa.DataType, int]:
    fields: list[tuple[str, pa.DataType]] = []
    while name := _FIELD.match(text, start):
        inner, end = _type(text, name.end())
        fields.append((name[1], inner))
        token = _TOKEN.match(text, end)
        if token is None or token[3] not in (",", ">"):
            break
        start = token.end()
        if token[3] == ">":
            return pa.struct(fields), start
    raise ValueError(f"{text!r} is no type")


def _after(text: str, start: int, sign: str) -> int:
    token = _TOKEN.match(text, start)
    if token is None or token[3] != sign:
        raise ValueError(f"{text!r} is no type")
    return token.end()


def _reader(kind: pa.DataType) -> Reader:
    types = pa.types
    if types.is_list(kind):
        return _nullable(_list_reader(kind))
    if types.is_struct(kind):
        return _nullable(_struct_reader(kind))
    if types.is_integer(kind):
        return _nullable(_integer_reader(kind))
    if types.is_floating(kind):
        return _nullable(_float_reader(kind))
    if types.is_decimal(kind):
        return _nullable(_decimal_reader(kind))
    if types.is_date(kind):
        return _nullable(_text_reader("a date such as 2026-01-31", _DATE, dt.date.fromisoformat))
    if types.is_timestamp(kind):
        return _nullable(_timestamp_reader(kind))
    if types.is_boolean(kind):
        return _nullable(_of_type(bool, "true or false"))
    return _nullable(_of_type(str, "a string"))


def _nullable(read: Reader) -> Reader:
    return lambda value, place: None if value is None else read(value, place)


def _expected(what: str, place: str) -> ValueError:
    return ValueError(f"{what} is expected" + (f" at {place.removeprefix('.')}" if place else ""))


def _of_type(kind: type, what: str) -> Reader:
    def read(value: Any, place: str) -> Any:
        if type(value) is not kind:
            raise _expected(what, place)
        return value

    return read


def _list_reader(kind: pa.ListType) -> Reader:
    read_item = _reader(kind.value_type)

    def read(value: Any, place: str) -> list[Any]:
        if type(value) is not list:
            raise _expected("an array", place)
        return [read_item(item, f"{place}[{number}]") for number, item in enumerate(value)]

    return read


def _struct_reader(kind: pa.StructType) -> Reader:
    readers = {field.name: _reader(field.type) for field in kind}

    def read(value: Any, place: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise _expected("an object", place)
        for key in value:
            if key not in readers:
                raise ValueError(f"unknown key {key[:50]!r}" + (f" at {place.removeprefix('.')}" if place else ""))
        return {name: read_field(value.get(name), f"{place}.{name}") for name, read_field in readers.items()}

    return read


def _integer_reader(kind: pa.DataType) -> Reader:
    signed = pa.types.is_signed_integer(kind)
    low = -(2 ** (kind.bit_width - 1)) if signed else 0
    high = 2 ** (kind.bit_width - 1 if signed else kind.bit_width) - 1

    def read(value: Any, place: str) -> int:
        if type(value) is not Number or not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
            raise _expected("an integer" if kind.bit_width == 64 and signed else f"an integer ({kind})", place)
        return int(value)

    return read


def _float_reader(kind: pa.DataType) -> Reader:
    greatest = 3.4028234663852886e38 if kind.bit_width == 32 else math.inf

    def read(value: Any, place: str) -> float:
        if type(value) is NotANumber or type(value) is not Number:
            raise _expected("a number", place)
        number = float(value)
        if math.isinf(number) or abs(number) > greatest:
            raise _expected("a number within range", place)
        return number

    return read


def _decimal_reader(kind: pa.DataType) -> Reader:
    def read(value: Any, place: str) -> decimal.Decimal:
        what = f"a decimal number of {kind.precision} digits, {kind.scale} after the point,"
        if type(value) is not Number or len(value) > 100:
            raise _expected(what, place)
        number = decimal.Decimal(value)
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int), "a JSON number is finite"
        if -exponent > kind.scale or len(digits) + exponent > kind.precision - kind.scale:
            raise _expected(what, place)
        return number

    return read


def _timestamp_reader(kind: pa.TimestampType) -> Reader:
    zoned = kind.tz is not None
    what = "a time with its zone" if zoned else "a time without zone"

    def read(text: str) -> dt.datetime:
        time = dt.datetime.fromisoformat(text)
        if (time.tzinfo is not None) != zoned:
            raise ValueError
        return time

    return _text_reader(what, _TIME, read)


def _text_reader(what: str, spelling: re.Pattern[str], convert: Callable[[str], Any]) -> Reader:
    def read(value: Any, place: str) -> Any:
        if type(value) is not str or not spelling.fullmatch(value):
            raise _expected(what, place)
        try:
            return convert(value)
        except ValueError:
            raise _expected(what, place) from None

    return read
