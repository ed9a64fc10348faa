"""Pandera's data types in Ibis' spelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandera.engines import pandas_engine

SUPPORTED = (
    "integers, floats, decimals, booleans, text, categories, dates, timestamps, and Arrow lists and structs of these"
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


def ibis_type(dtype: Any) -> str | None:
    """The Ibis spelling of a Pandera data type, or None where Tidegate has none for it."""
    if isinstance(dtype, pandas_engine.Decimal):
        return f"decimal({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pandas_engine.Date):
        return "date"
    native = getattr(dtype, "type", dtype)
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
