"""What Pandera's data types are to the stage: a type in Ibis' spelling, and what else a cell must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandera.engines import pandas_engine

SUPPORTED = (
    "integers, floats, decimals, booleans, text, categories, dates, timestamps, durations, and Arrow lists and structs"
    " of these"
)

_SCALARS = {
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float32": "float32",
    "float64": "float64",
    "bool": "boolean",
    "boolean": "boolean",
    "string": "string",
    "str": "string",
    "object": "string",
    "date": "date",
    "category": "string",
}


@dataclass(frozen=True)
class Kind:
    """What a column's cells are.

    Attributes:
        type: in Ibis' spelling.
        duration: whether the whole number counts microseconds.
        categories: the only values that there may be; None where any may be.
        category: whether it is a category, whichever there may be.
    """

    type: str
    duration: bool = False
    categories: tuple[str | int, ...] | None = None
    category: bool = False


def kind_of(dtype: Any) -> Kind | None:
    """What the cells of a Pandera data type are, or None where Tidegate has nothing for it."""
    native = getattr(dtype, "type", dtype)
    if isinstance(native, pd.CategoricalDtype):
        return _categorical(native)
    if _is_duration(native):
        return Kind("int64", duration=True)
    name = _name(dtype, native)
    return None if name is None else Kind(name, category=_is_dictionary(native))


def _categorical(dtype: pd.CategoricalDtype) -> Kind | None:
    if dtype.categories is None:
        return Kind("string", category=True)
    values = dtype.categories.tolist()
    if all(isinstance(value, str) for value in values):
        return Kind("string", categories=tuple(values), category=True)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return Kind("int64", categories=tuple(values), category=True)
    return None


def _is_duration(native: Any) -> bool:
    if isinstance(native, pd.ArrowDtype):
        return bool(pa.types.is_duration(native.pyarrow_dtype))
    return isinstance(native, np.dtype) and native.kind == "m"


def _is_dictionary(native: Any) -> bool:
    return isinstance(native, pd.ArrowDtype) and bool(pa.types.is_dictionary(native.pyarrow_dtype))


def _name(dtype: Any, native: Any) -> str | None:
    if isinstance(dtype, pandas_engine.Decimal):
        return f"decimal({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pandas_engine.Date):
        return "date"
    if isinstance(native, pd.ArrowDtype):
        return _arrow(native.pyarrow_dtype)
    if isinstance(native, pd.DatetimeTZDtype):
        return "timestamp('UTC', 6)"
    if isinstance(native, pd.StringDtype):
        return "string"
    if isinstance(native, np.dtype) and native.kind == "M":
        return "timestamp(6)"
    if isinstance(native, np.dtype) and native.kind in "OU":
        return "string"
    return _SCALARS.get(str(native).lower())


def _arrow(dtype: pa.DataType) -> str | None:
    types = pa.types
    if types.is_dictionary(dtype):
        return "string" if _arrow(dtype.value_type) == "string" else None
    if types.is_timestamp(dtype):
        return "timestamp('UTC', 6)" if dtype.tz else "timestamp(6)"
    if types.is_string(dtype) or types.is_large_string(dtype):
        return "string"
    if types.is_decimal(dtype):
        return f"decimal({dtype.precision}, {dtype.scale})"
    if types.is_date32(dtype):
        return "date"
    if types.is_list(dtype) or types.is_large_list(dtype):
        inner = _arrow(dtype.value_type)
        return None if inner is None else f"array<{inner}>"
    if types.is_struct(dtype):
        fields = [(field.name, _arrow(field.type)) for field in dtype]
        if any(inner is None for _, inner in fields):
            return None
        return "struct<" + ", ".join(f"{name}: {inner}" for name, inner in fields) + ">"
    return _SCALARS.get({"float": "float32", "double": "float64"}.get(str(dtype), str(dtype)))
