"""Find out before any data is read whether a custom check judges row by row.

A check is tried on a few made-up rows: together, and each on its own. Where it answers for all rows at once, or
otherwise about a row that is alone, it looks at other rows, and batches would change its verdict. Where it raises, the
made-up rows are none that it expects, and nothing is known; the first rows of real data are tried in the same way.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.api.function_dispatch import Dispatcher

from tidegate.registry.dtypes import kind_of
from tidegate.registry.frames import series_of
from tidegate.registry.model import Model

_INSTEAD = {
    "mean": "expect_column_mean_to_be_between",
    "std": "expect_column_stdev_to_be_between",
    "median": "expect_column_median_to_be_between",
    "quantile": "expect_column_quantile_values_to_be_between",
    "sum": "expect_column_sum_to_be_between",
    "min": "expect_column_min_to_be_between",
    "max": "expect_column_max_to_be_between",
    "nunique": "expect_column_unique_value_count_to_be_between",
    "value_counts": "expect_column_kl_divergence_to_be_less_than",
    "unique": "expect_column_distinct_values_to_be_in_set",
    "isna": "expect_column_values_to_not_be_null with mostly",
    "len": "expect_table_row_count_to_be_between",
}


def refuse_what_looks_at_other_rows(model: Model, definitions: Mapping[str, pa.Column]) -> None:
    """Refuse checks whose answer about a row depends on other rows. Raises `BrokenContract`."""
    samples = {name: _sample(column) for name, column in definitions.items()}
    for name, column in definitions.items():
        for check in column.checks:
            _refuse(model, name, check, samples[name])
    known = {name: sample for name, sample in samples.items() if sample is not None}
    if len(known) == len(samples):
        for check in model.schema.checks:
            _refuse(model, None, check, pd.DataFrame(known))


def answers(check: pa.Check, rows: pd.Series | pd.DataFrame) -> pd.Series | None:
    """What a check says of each row, nulls being no failures; None where it says one thing of all of them."""
    output = check(rows).check_output
    if isinstance(output, pd.DataFrame):
        output = output.all(axis="columns")
    if not isinstance(output, pd.Series):
        return None
    return output.where(output.notna(), True).astype(bool)


def depends_on_others(check: pa.Check, rows: pd.Series | pd.DataFrame) -> bool:
    """Whether the check answers otherwise of rows that are judged in two parts."""
    whole = answers(check, rows)
    if whole is None:
        return len(rows) > 0
    if len(rows) < 2:
        return False
    parts = [answers(check, rows.iloc[start::2]) for start in (0, 1)]
    return any(part is None or not part.equals(whole.reindex(part.index)) for part in parts)


def _refuse(model: Model, column: str | None, check: pa.Check, rows: pd.Series | pd.DataFrame | None) -> None:
    if rows is None or isinstance(check._check_fn, Dispatcher):
        return
    try:
        if not depends_on_others(check, rows):
            return
    except Exception:  # noqa: BLE001 - the author's code may raise anything over rows that we made up
        return
    raise model.broken(column, f"The check {check.name!r} looks at more than one row at a time.", instead(model, check))


def instead(model: Model, check: pa.Check) -> str:
    """What to do instead of a check that judges whole columns, with the expectation that its code suggests."""
    text = model.path.read_text(encoding="utf-8")
    body = text.partition(f"def {check.name}(")[2].partition("\n    @")[0]
    called = [_INSTEAD[word] for word in re.findall(r"\.?\b(\w+)\(", body) if word in _INSTEAD]
    what = called[0] if called else "such as expect_column_mean_to_be_between"
    return f"A rule judges row by row; what rows must add up to is an expectation in the suite: {what}."


_VALUES: dict[str, list[Any]] = {
    "string": ["a", "b", "b", "cd"],
    "boolean": [True, False, True, True],
    "date": [datetime.date(2026, 1, day) for day in (1, 2, 2, 4)],
    "timestamp(6)": [datetime.datetime.fromisoformat(f"2026-01-0{day}") for day in (1, 2, 2, 4)],
    "timestamp('UTC', 6)": [datetime.datetime(2026, 1, day, tzinfo=datetime.UTC) for day in (1, 2, 2, 4)],
}


def _sample(column: pa.Column) -> pd.Series | None:
    """Four made-up cells, two of them the same; None for types that nothing can be made up for."""
    kind = kind_of(column.dtype)
    if kind is None or kind.type.startswith(("array<", "struct<")):
        return None
    values = _VALUES.get(kind.type, [1, 2, 2, 4])
    if kind.categories is not None:
        values = [*kind.categories, *kind.categories][:4]
    if kind.type.startswith("decimal"):
        values = [decimal.Decimal(value) for value in values]
    try:
        cells = pyarrow.chunked_array([pyarrow.array(values, ibis.dtype(kind.type).to_pyarrow())])
        return series_of(cells, column, pd.RangeIndex(len(values)))
    except (pyarrow.ArrowException, TypeError, ValueError):
        return None
