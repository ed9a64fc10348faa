"""Statistics of the training data: the names under which a suite asks for them, and what they came to.

Measuring is the pool's business (`tidegate.pool.statistics`). A *statistic* is what an author names; a *measure* is
what is kept of a column. Several statistics are read off one measure: `q05` and `q95` off `quantiles`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from tidegate.columns import Column
from tidegate.errors import nearest

Family = Literal["integer", "real", "category", "time", "other"]
Item = str | int | bool

MOST_CATEGORIES = 1_000
"""A column with more different values has no categories."""
QUANTILES = tuple(f"q{percent:02}" for percent in range(1, 100))

_NUMBERS = frozenset({"mean", "std", "min", "max", "distinct", "partition", *QUANTILES})
_CATEGORIES = frozenset({"distinct", "values", "shares", "partition"})
OFFERED: dict[Family, frozenset[str]] = {
    "integer": _NUMBERS | _CATEGORIES | {"null_fraction"},
    "real": _NUMBERS | {"null_fraction"},
    "category": _CATEGORIES | {"null_fraction"},
    "time": frozenset({"min", "max", "distinct", "null_fraction"}),
    "other": frozenset({"null_fraction"}),
}
"""The statistics that columns have, by the family of their type."""
WHOLE = frozenset({"values", "partition"})
"""Statistics that are no single value and stand alone, as the whole value of an argument."""


def family(column: Column) -> Family:
    """What kind of column it is, as far as statistics go."""
    if column.json or column.nested:
        return "other"
    if column.type.lstrip("u").startswith("int"):
        return "integer"
    if column.type.startswith(("float", "decimal")):
        return "real"
    if column.type in ("string", "boolean"):
        return "category"
    return "time" if column.type.startswith(("date", "timestamp")) else "other"


def refusal(column: Column, statistic: str) -> tuple[str, str] | None:
    """Why a column has no such statistic, as a fact and a hint; None where it has."""
    known = OFFERED[family(column)]
    if column.personal and statistic != "null_fraction":
        return (
            f"{column.name!r} is personal, so no statistic of it is kept but null_fraction",
            "A mean, a share or an extreme can give a person's value away.",
        )
    if statistic in known:
        return None
    fact = f"{column.name!r} is {column.type} and has no statistic {statistic!r}"
    if statistic in frozenset().union(*OFFERED.values()) or re.fullmatch(r"q\d+", statistic):
        shown = sorted(known - set(QUANTILES)) + (["q01 to q99"] if "q50" in known else [])
        return fact, f"It has {', '.join(shown)}."
    return fact, nearest(statistic, known)


def measure_of(column: Column, statistic: str) -> str:
    """The measure that a statistic is read off."""
    if statistic in QUANTILES:
        return "quantiles"
    if statistic in ("values", "shares") or (statistic == "partition" and family(column) == "category"):
        return "categories"
    return statistic


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(_Kept):
    """What measuring came to: a value, or null where the column has no value at all, or why there is none."""

    value: JsonValue = None
    fault: str | None = None


class ColumnMeasures(_Kept):
    """The measures of one column, by name. They are of the column as this type, in Ibis' spelling."""

    type: str
    measures: dict[str, Measure]

    @model_validator(mode="after")
    def _are_measures(self) -> ColumnMeasures:
        """A profile comes from elsewhere: what is no such measure must not be computed with."""
        for name, measure in self.measures.items():
            if measure.value is not None and not _is_measure(name, measure.value):
                raise ValueError(f"what is told as {name} is none")
        return self


class PoolStatistics(_Kept):
    """Statistics of one version of the training data.

    Attributes:
        table: the Delta table's id.
        version: its version.
        rows: how many rows it has.
        columns: the measures of those columns that were asked for, each with those measures that were asked for.
    """

    table: str
    version: int
    rows: int
    columns: dict[str, ColumnMeasures] = {}

    def statistic(self, name: str, statistic: str, item: Item | None = None) -> Measure:
        """A statistic of a column that was measured. `item` is the category of which `shares` is asked."""
        measures = self.columns[name].measures
        if statistic in QUANTILES:
            return _read(measures["quantiles"], lambda all_of_them: all_of_them[QUANTILES.index(statistic)])
        if statistic == "values":
            return _read(measures["categories"], lambda found: found["values"])
        if statistic == "shares":
            return _read(measures["categories"], lambda found: _share(found, item))
        if statistic == "partition" and "partition" not in measures:
            return measures["categories"]
        return measures[statistic]


def _is_measure(name: str, value: Any) -> bool:
    """Whether a value may be what measuring came to."""
    match name, value:
        case "quantiles", list():
            return len(value) == len(QUANTILES) and all(map(_is_number, value))
        case "categories", {"values": list() as values, "weights": list() as weights}:
            known = all(isinstance(each, (str, int)) for each in values)
            return known and len(values) == len(weights) and all(map(_is_number, weights))
        case "partition", {"bins": list() as bins, "weights": list() as weights, "tail_weights": list() as tails}:
            return all(map(_is_number, (*bins, *weights, *tails)))
        case (("quantiles" | "categories" | "partition"), _):
            return False
        case (("min" | "max"), str()):
            return True
    return _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read(measure: Measure, part: Callable[[Any], Any]) -> Measure:
    return measure if measure.value is None else Measure(value=part(measure.value))


def _share(categories: dict[str, list[Any]], item: Item | None) -> float:
    """Of the rows with a value, the part that has this one: 0 for one that never occurs."""
    shares = dict(zip(categories["values"], categories["weights"], strict=True))
    return float(shares.get(item, 0.0))
