"""Declared repairs of missing values. Those of text (null spellings, trimming) are made while staging.

A fill is computed over the well-formed records of the submission itself and stated in the report.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.columns import Column
from tidegate.config import Scalar
from tidegate.errors import Misuse, nearest
from tidegate.receipt import Repair

_STATISTICS = ("mean", "median", "mode")


@dataclass(frozen=True)
class Missing:
    """A table whose nulls were filled, and what was done."""

    rows: ir.Table
    repairs: tuple[Repair, ...]


def check_missing(missing: Mapping[str, Scalar], columns: Sequence[Column]) -> None:
    """Refuse a `missing` that cannot be done, before any data is read. Raises `Misuse`."""
    by_name = {column.name: column for column in columns}
    for name, how in missing.items():
        where = f"cleaning_config.missing.{name}"
        if name not in by_name:
            raise Misuse(f"{where}: the contract has no such column.", nearest(name, by_name))
        kind = by_name[name].type
        numeric = not by_name[name].nested and kind.startswith(("int", "uint", "float", "decimal"))
        if how in ("mean", "median") and not numeric:
            raise Misuse(f"{where}: there is no {how} of a {kind} column.", "Use mode, drop_row or a value.")
        if how == "drop_row" or (how in _STATISTICS and not by_name[name].nested):
            continue
        fits = (
            (kind == "boolean" and isinstance(how, bool))
            or (numeric and not isinstance(how, bool | str) and _whole_enough(how, kind))
            or ((kind in ("string", "date") or kind.startswith("timestamp")) and isinstance(how, str))
        )
        if not fits:
            raise Misuse(f"{where}: {how!r} is no value of a {kind} column.")


def dropped_for_missing(rows: ir.Table, missing: Mapping[str, Scalar]) -> ir.BooleanValue | None:
    """True where a row has a null in a `drop_row` column; None where there is no such column."""
    nulls = [rows[name].isnull() for name, how in missing.items() if how == "drop_row"]
    return functools.reduce(operator.or_, nulls) if nulls else None


def apply_missing(rows: ir.Table, missing: Mapping[str, Scalar], columns: Sequence[Column]) -> Missing:
    """Fill nulls as declared. Statistics are computed here, in one pass over the rows."""
    fills = {name: how for name, how in missing.items() if how != "drop_row"}
    if not fills:
        return Missing(rows, ())
    measures: dict[str, ir.Value] = {}
    for number, (name, how) in enumerate(fills.items()):
        measures[f"n{number}"] = rows[name].isnull().sum()
        if how in _STATISTICS:
            measures[f"v{number}"] = _statistic(rows, name, str(how))
    measured = rows.aggregate(**measures).to_pyarrow().to_pylist()[0]
    types = {column.name: column.type for column in columns}
    repairs, filled = [], {}
    for number, (name, how) in enumerate(fills.items()):
        cells = int(measured[f"n{number}"] or 0)
        value = measured[f"v{number}"] if how in _STATISTICS else how
        detail = f"{how} {value}" if how in _STATISTICS else f"value {how}"
        if how in ("mean", "median") and "int" in types[name] and value is not None:
            value = math.floor(float(value) + 0.5)
            detail += f", rounded to {value}"
        if value is None or not cells:
            continue
        filled[name] = rows[name].fill_null(ibis.literal(value).cast(types[name]))
        repairs.append(Repair(kind="missing", column=name, detail=detail, cells=cells))
    return Missing(rows.mutate(**filled) if filled else rows, tuple(repairs))


def _statistic(rows: ir.Table, name: str, how: str) -> ir.Value:
    cell: Any = rows[name]
    if how == "mean":
        return cell.cast("float64").mean()
    if how == "median":
        return cell.cast("float64").median()
    # Of values that are equally frequent, the smallest: a mode must not depend on the order of rows.
    present = rows.filter(cell.notnull())
    counts = present.group_by(name).aggregate(_n=present.count())
    return counts.order_by([ibis.desc("_n"), name]).limit(1)[name].as_scalar()


def _whole_enough(value: Scalar, kind: str) -> bool:
    return "int" not in kind or float(value).is_integer()
