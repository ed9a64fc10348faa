"""Arrow cells as Pandera would see them: a pandas Series of the contract's own type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.compute as pc
from pandas.api.extensions import ExtensionDtype
from pandera.backends.pandas.register import register_pandas_backends

from tidegate.columns import WHOLE

# Pandera does this on the first `validate`; here its checks and parsers are called one by one.
register_pandas_backends("pandas.core.frame.DataFrame")


def holds_nulls(column: pa.Column) -> bool:
    """Whether a Series of the column's type can have a null in it; NumPy's integers and booleans cannot."""
    dtype = column.dtype.type
    return not (isinstance(dtype, np.dtype) and dtype.kind in "iub")


def series_of(cells: pyarrow.ChunkedArray, column: pa.Column, index: pd.Index) -> pd.Series:
    """Cells of the stage as a Series of the column's type; with a null that it cannot hold, of pandas' nullable one."""
    dtype: Any = column.dtype.type
    if cells.null_count and not holds_nulls(column):
        cells, dtype = cells.cast(pyarrow.from_numpy_dtype(dtype)), pd.Series(dtype=dtype).convert_dtypes().dtype
    if pyarrow.types.is_integer(cells.type) and getattr(dtype, "kind", "") == "m":
        cells = cells.cast(pyarrow.duration("us"))
    if isinstance(dtype, pd.ArrowDtype):
        wanted = dtype.pyarrow_dtype
        if pyarrow.types.is_dictionary(wanted):
            cells = cells.cast(wanted.value_type).dictionary_encode().cast(wanted)
        return pd.Series(pd.arrays.ArrowExtensionArray(cells.cast(wanted)), index=index)
    if isinstance(dtype, ExtensionDtype) and dtype.kind in "iufb":
        # `astype` would go through floats at times, and lose the last digits of a number beside a null.
        return pd.Series(dtype.__from_arrow__(cells), index=index)  # type: ignore[attr-defined]
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical(cells.to_pylist(), dtype=dtype), index=index)
    if pyarrow.types.is_decimal(cells.type) or pyarrow.types.is_date32(cells.type):  # Python's own, nulls as None
        return pd.Series(cells.to_pylist(), index=index, dtype=object)
    return pd.Series(column.dtype.coerce(pd.Series(pd.arrays.ArrowExtensionArray(cells), index=index)))


def frame_of(rows: pyarrow.Table, record: str, columns: Mapping[str, pa.Column]) -> pd.DataFrame:
    """The rows as Pandera would see them, indexed by record number.

    A row with a null in a column whose type holds none is left out: there is no such DataFrame. It fails
    `not_nullable`. But in an optional column a null may be an absence, which fails nothing and must not keep the row
    from being judged: where `_whole` says so, it is a null of pandas' nullable type.
    """
    told = WHOLE in rows.column_names
    if told:
        rows = rows.filter(rows.column(WHOLE))
    for name, column in columns.items():
        if (column.required or not told) and not holds_nulls(column) and rows.column(name).null_count:
            rows = rows.filter(pc.is_valid(rows.column(name)))
    index = pd.Index(rows.column(record).to_numpy(), name=record)
    return pd.DataFrame({n: series_of(rows.column(n), column, index) for n, column in columns.items()}, index=index)
