"""Declared repairs of missing values. Those of text (null spellings, trimming) are made while staging.

A fill is computed over the well-formed records of the submission itself and stated in the report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.columns import Column, Scalar
from tidegate.engines.conditions import any_of
from tidegate.engines.literals import exact_float
from tidegate.errors import Misuse, nearest
from tidegate.receipt import Repair

_STATISTICS = ("mean", "median", "mode")
_DIGITS = 12
"""Of a mean; those that follow depend on the order of adding up, and so on threads and engine."""


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
        column, kind = by_name[name], by_name[name].type
        if how in ("mean", "median") and (not column.numeric or column.categories is not None):
            raise Misuse(f"{where}: there is no {how} of a {kind} column.", "Use mode, drop_row or a value.")
        if how == "drop_row" or (how in _STATISTICS and not column.nested):
            continue
        if not column.takes(how):
            raise Misuse(f"{where}: {how!r} is no value of a {kind} column.")


def dropped_for_missing(rows: ir.Table, missing: Mapping[str, Scalar]) -> ir.BooleanValue | None:
    """True where a row has a null in a `drop_row` column; None where there is no such column."""
    nulls = [rows[name].isnull() for name, how in missing.items() if how == "drop_row"]
    return any_of(nulls) if nulls else None


def apply_missing(
    rows: ir.Table,
    missing: Mapping[str, Scalar],
    columns: Sequence[Column],
    holds: Callable[[str], ir.BooleanValue] | None = None,
) -> Missing:
    """Fill nulls as declared. Statistics are computed here, in one pass over the rows.

    Args:
        holds: per column that is filled by its contract's default, whether a row's file has it; an absent cell of an
            optional column stays absent.
    """
    fills = {name: how for name, how in missing.items() if how != "drop_row"}
    if not fills:
        return Missing(rows, ())
    measures: dict[str, ir.Value] = {}
    for number, (name, how) in enumerate(fills.items()):
        measures[f"n{number}"] = _null(rows, name, holds).sum()
        if how in _STATISTICS:
            measures[f"v{number}"] = _statistic(rows, name, str(how))
    measured = rows.aggregate(**measures).to_pyarrow().to_pylist()[0]
    described = {column.name: column for column in columns}
    repairs, filled = [], {}
    for number, (name, how) in enumerate(fills.items()):
        cells = int(measured[f"n{number}"] or 0)
        value = measured[f"v{number}"] if how in _STATISTICS else how
        if how == "mean" and value is not None:
            value = float(f"{value:.{_DIGITS}g}")
        kind = described[name].type
        detail = f"{how} {value}" if how in _STATISTICS else f"value {how}"
        if how in ("mean", "median") and "int" in kind and value is not None:
            value = math.floor(float(value) + 0.5)
            detail += f", rounded to {value}"
        if value is None or not cells:
            continue
        if described[name].personal and how in _STATISTICS:
            detail = str(how)  # the statistic may be a cell's value
        fill = exact_float(value) if isinstance(value, float) else ibis.literal(value)
        filled[name] = ibis.ifelse(_null(rows, name, holds), fill.cast(kind), rows[name])
        repairs.append(Repair(kind="missing", column=name, detail=detail, cells=cells))
    return Missing(rows.mutate(**filled) if filled else rows, tuple(repairs))


def _null(rows: ir.Table, name: str, holds: Callable[[str], ir.BooleanValue] | None) -> ir.BooleanValue:
    null: ir.BooleanValue = rows[name].isnull()
    return null if holds is None else null & holds(name)


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
