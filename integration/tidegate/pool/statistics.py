"""Statistics of the training data, measured once per version and kept with it.

They are kept in ``_tidegate/statistics/<version>.json`` in the pool's folder, which Delta passes over, as it does all
that begins with an underscore. A file that is torn, edited or of another table is as good as none.

The same pool has the same statistics on any number of threads: counts, extremes and shares are exact, quantiles are
those of a sample that is chosen by the rows' places, and means and deviations are rounded before the digits that depend
on the order of adding up.
"""

from __future__ import annotations

import json
import logging
import math
import uuid
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from pydantic import ValidationError

from tidegate.columns import RECORD, Column
from tidegate.errors import PoolError
from tidegate.pool.location import Location
from tidegate.pool.object_folder import ObjectFolder
from tidegate.pool.table import open_table
from tidegate.receipt import digest_of
from tidegate.registry.statistics import MOST_CATEGORIES, QUANTILES, ColumnMeasures, Measure, PoolStatistics, family
from tidegate.telemetry import event

log = logging.getLogger(__name__)

SAMPLE = 1_000_000
"""Quantiles of a column with more values than this are those of about so many of them."""
_DIGITS = 12
_PRIME, _STEP = 2**31 - 1, 1_327_217_885  # the golden section of the prime: neighbours land far apart, evenly
_LARGEST = 400  # above 2^400 squares overflow, so such columns are measured in a larger unit
_TOO_LARGE = Measure(fault="it is too large for a number")

Wanted = Mapping[Column, frozenset[str]]


def pool_statistics(
    location: Location, version: int, rows: int, table: ir.Table, wanted: Wanted, *, keep: bool = True
) -> PoolStatistics:
    """The measures of a pool, read from where they are kept as far as they are there, and measured otherwise.

    Args:
        location: the pool's folder.
        version: its version, of which `table` has the rows.
        rows: how many.
        table: the rows, in the types of the contract, with `_record`.
        wanted: which measures of which columns.
        keep: whether what had to be measured is kept. A folder that cannot be written is no error.

    Raises:
        PoolError: there is no pool any more.
    """
    kept_at = f"_tidegate/statistics/{version}.json"
    there = open_table(location)
    identity = str(there.metadata().id) if there is not None else ""
    known = _read(location, kept_at, PoolStatistics(table=identity, version=version, rows=rows))
    missing = {
        column: lacking
        for column, measures in wanted.items()
        if (lacking := measures - _measured(known, column))
    }  # fmt: skip
    if not missing:
        return known
    columns = dict(known.columns)
    for column, measures in measure(table, missing).items():
        before = columns[column.name].measures if _measured(known, column) else {}
        columns[column.name] = ColumnMeasures(type=column.type, measures=before | measures)
    statistics = known.model_copy(update={"columns": columns})
    event(log, "statistics measured", version=version, columns=len(missing))
    if keep:
        _keep(location, kept_at, statistics)
    return statistics


def measure(table: ir.Table, wanted: Wanted) -> dict[Column, dict[str, Measure]]:
    """Measure columns of a table: what they have in common in two scans, then what takes a scan of its own.

    NaN counts as null, and infinity as no value.
    """
    simple = _simple(table, tuple(wanted))
    moments = _moments(table, {c: simple[c] for c, asked in wanted.items() if asked & {"mean", "std"}})
    measured = {}
    for column, asked in wanted.items():
        values, count = _values(table[column.name], column), int(simple[column]["count"])
        found = {name: Measure(value=value) for name, value in simple[column].items() if name != "count"}
        found |= moments.get(column, {})
        if "distinct" in asked:
            found["distinct"] = Measure(value=_distinct(values))
        if asked & {"quantiles", "partition"}:
            found["quantiles"] = _quantiles(table, values, count)
        if "partition" in asked:
            found["partition"] = _partition(table, values, found["quantiles"])
        if "categories" in asked:
            found["categories"] = _categories(values, count)
        measured[column] = found
    return measured


def _simple(table: ir.Table, columns: tuple[Column, ...]) -> dict[Column, dict[str, Any]]:
    """The number of values, the part of nulls and the extremes, of all columns in one scan."""
    asked: dict[str, ir.Value] = {"rows": table.count()}
    for number, column in enumerate(columns):
        cells = table[column.name]
        present = cells.notnull() & ~cells.isnan() if column.type.startswith("float") else cells.notnull()
        asked[f"present_{number}"] = present.sum()
        if _shown(column):
            values = _values(cells, column)
            asked[f"count_{number}"] = values.count()
            if family(column) in ("integer", "real", "time"):
                asked |= {f"min_{number}": values.min(), f"max_{number}": values.max()}
    row = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    told: dict[Column, dict[str, Any]] = {}
    for number, column in enumerate(columns):
        present = row[f"present_{number}"] or 0
        told[column] = {"null_fraction": 1 - present / row["rows"] if row["rows"] else None}
        told[column]["count"] = row.get(f"count_{number}", 0)
        told[column] |= {e: _plain(row[f"{e}_{number}"]) for e in ("min", "max") if f"{e}_{number}" in row}
    return told


def _moments(table: ir.Table, columns: Mapping[Column, dict[str, Any]]) -> dict[Column, dict[str, Measure]]:
    """Mean and standard deviation, of all columns in one scan."""
    asked: dict[str, ir.Value] = {}
    units: dict[Column, float] = {}
    for number, (column, simple) in enumerate(columns.items()):
        values = _values(table[column.name], column)
        _, exponent = math.frexp(max(abs(simple["min"] or 0), abs(simple["max"] or 0)))
        units[column] = 2.0 ** max(0, exponent - _LARGEST)
        if units[column] > 1:
            values = values / units[column]
        asked |= {f"mean_{number}": values.mean(), f"std_{number}": values.std(how="sample")}
    if not asked:
        return {}
    row = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    return {
        column: {name: _rounded(row[f"{name}_{number}"], units[column]) for name in ("mean", "std")}
        for number, column in enumerate(columns)
    }


def _rounded(value: float | None, unit: float) -> Measure:
    if value is None:
        return Measure()
    rounded = float(f"{value:.{_DIGITS}g}") * unit
    return Measure(value=rounded) if math.isfinite(rounded) else _TOO_LARGE


def _quantiles(table: ir.Table, values: ir.Value, count: int) -> Measure:
    """The 1st to the 99th percentile, between values where they fall between, as pandas and NumPy have it."""
    if not count:
        return Measure()
    chosen = table.select(value=values.cast("float64"), place=table[RECORD])
    chosen = chosen.filter(chosen["value"].notnull())
    if count > SAMPLE:
        chosen = chosen.filter((chosen["place"] % _PRIME) * _STEP % _PRIME < _PRIME * SAMPLE // count)
    sample = chosen["value"].to_pyarrow().to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.quantile(sample, [int(name[1:]) / 100 for name in QUANTILES])
    return Measure(value=[float(value) for value in found]) if np.isfinite(found).all() else _TOO_LARGE


def _partition(table: ir.Table, values: ir.Value, quantiles: Measure) -> Measure:
    """The parts of the rows between the deciles, and below the first and above the last.

    Great Expectations has bins closed below and open above, but for the last. Half a row more is in every part, or a
    value where the pool has none would be infinitely unlikely.
    """
    if quantiles.value is None:
        return quantiles
    percentiles: Any = quantiles.value
    edges: list[float] = sorted(set(percentiles[9::10]))
    if len(edges) == 1:
        edges.append(math.nextafter(edges[0], math.inf))
    x = values.cast("float64")
    inner = [(x >= start) & (x < end) for start, end in pairwise(edges)]
    inner[-1] |= x == edges[-1]
    parts = [x < edges[0], *inner, x > edges[-1]]
    row = table.aggregate(**{f"part_{n}": part.sum() for n, part in enumerate(parts)}).to_pyarrow().to_pylist()[0]
    rows = [int(count) + 0.5 for count in row.values()]
    below, *weights, above = [part / sum(rows) for part in rows]
    return Measure(value={"bins": edges, "weights": weights, "tail_weights": [below, above]})


def _distinct(values: ir.Value) -> int:
    """How many different values there are. Of texts their hashes are counted: narrow enough to be counted on disk."""
    if values.type().is_string():
        values = ibis.ifelse(values.notnull(), values.hash(), ibis.null("int64"))
    return int(values.nunique().to_pyarrow().as_py())


def _categories(values: ir.Value, count: int) -> Measure:
    """Every value and its part of the rows that have one, in the values' order."""
    if not count:
        return Measure()
    if _distinct(values) > MOST_CATEGORIES:  # asked first, for a group per value may take more memory than there is
        return Measure(fault=f"it has more than {MOST_CATEGORIES:,} different values")
    counted = values.name("value").as_table().group_by("value").aggregate(rows=ibis._.count())
    found = counted.filter(counted["value"].notnull()).order_by("value").to_pyarrow()
    shares = [rows / count for rows in found.column("rows").to_pylist()]
    return Measure(value={"values": found.column("value").to_pylist(), "weights": shares})


def _values(cells: ir.Value, column: Column) -> ir.Value:
    """A column's finite values, and null elsewhere."""
    if column.type.startswith("float"):
        wide = cells.cast("float64")
        return ibis.ifelse(wide.isnan() | wide.isinf(), ibis.null("float64"), wide)
    return cells.cast("float64") if column.type.startswith("decimal") else cells


def _shown(column: Column) -> bool:
    """Whether anything but the part of nulls may be measured."""
    return not column.personal and family(column) != "other"


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _measured(statistics: PoolStatistics, column: Column) -> frozenset[str]:
    """Which measures there are of a column as the contract has it: of another type it is another column."""
    kept = statistics.columns.get(column.name)
    return frozenset(kept.measures) if kept is not None and kept.type == column.type else frozenset()


def _read(location: Location, name: str, nothing: PoolStatistics) -> PoolStatistics:
    """What is kept, if it is of this table, version and number of rows; else nothing."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        kept_bytes = location.read(name) if isinstance(location, ObjectFolder) else (location / name).read_bytes()
        content = json.loads(kept_bytes or b"")
        if content["digest"] == digest_of(content["statistics"]):
            kept = PoolStatistics.model_validate(content["statistics"])
            if kept.model_copy(update={"columns": {}}) == nothing:
                return kept
    return nothing


def _keep(location: Location, name: str, statistics: PoolStatistics) -> None:
    """Write the file as a whole or not at all. Where two do at once, the last one stays: they hold the same numbers."""
    content = statistics.model_dump(mode="json")
    text = json.dumps({"digest": digest_of(content), "statistics": content}, ensure_ascii=False)
    if isinstance(location, ObjectFolder):
        try:
            location.write(name, text.encode())
        except PoolError as error:
            event(log, "statistics not kept", reason=error.fact)
        return
    path = location / name
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        event(log, "statistics not kept", reason=error.strerror)
        with suppress(OSError):
            partial.unlink(missing_ok=True)
