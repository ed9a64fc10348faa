"""The values that a check compares with, as literals that an engine compares exactly as pandas does, or not at all.

`literal` answers None wherever an engine could come to another verdict than the library that holds the column in
pandas: then the rule runs in Pandera.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from tidegate.columns import Column
from tidegate.engines.literals import exact_float

EXACT = 2**53
"""Whole numbers below it are the same in float64."""


def literal(column: Column, dtype: Any, value: Any) -> ir.Value | None:
    """A literal of the column's own type, or None.

    Args:
        dtype: what holds the column in pandas.
    """
    if value is None or column.nested or column.json:
        return None
    arrow = isinstance(dtype, pd.ArrowDtype)
    if column.duration:
        return _duration(value)
    if column.type.startswith("decimal"):
        return _decimal(column, value)
    if column.type.startswith("timestamp"):
        return _timestamp(column, value)
    if isinstance(value, np.generic):
        value = value.item()
    if column.type == "string":
        return ibis.literal(value) if isinstance(value, str) and "\0" not in value else None
    if column.type == "boolean":
        return ibis.literal(value) if isinstance(value, bool) else None
    if column.type == "date":
        return ibis.literal(value) if type(value) is datetime.date else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if column.type == "float64":
        return exact_float(float(value)) if value == value and (isinstance(value, float) or _small(value)) else None
    if column.type == "float32":
        return None if arrow else _float32(value)
    if not float(value).is_integer() or not _small(value) or (value < 0 and column.type.startswith("u")):
        return None
    return ibis.literal(int(value))


def _small(value: float) -> bool:
    return abs(value) < EXACT


def _float32(value: float) -> ir.Value | None:
    # NumPy takes a Python number for a float32 where it meets one.
    if value != value or float(np.finfo(np.float32).max) < abs(value) < float("inf"):
        return None
    return exact_float(float(np.float32(value))).cast("float32")


def _decimal(column: Column, value: Any) -> ir.Value | None:
    if isinstance(value, bool) or not isinstance(value, int | decimal.Decimal):
        return None
    value = decimal.Decimal(value)
    precision, scale = (int(part) for part in column.type[len("decimal(") : -1].split(","))
    if not value.is_finite() or abs(value) >= decimal.Decimal(10) ** (precision - scale):
        return None
    # By itself Python keeps 28 digits, and raises where there are more.
    rounded = value.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=precision))
    return ibis.literal(rounded, type=column.type) if rounded == value else None


def _duration(value: Any) -> ir.Value | None:
    if not isinstance(value, datetime.timedelta | np.timedelta64):
        return None
    nanoseconds = pd.Timedelta(value).as_unit("ns").value
    return ibis.literal(nanoseconds // 1000) if nanoseconds % 1000 == 0 else None


def _timestamp(column: Column, value: Any) -> ir.Value | None:
    if not isinstance(value, datetime.datetime | np.datetime64) or pd.isna(value):
        return None
    stamp = pd.Timestamp(value)
    if stamp.nanosecond or (stamp.tz is not None) != ("UTC" in column.type):
        return None
    moment = stamp.tz_convert("UTC") if stamp.tz is not None else stamp
    return ibis.literal(moment.to_pydatetime(warn=False), type=column.type)
