"""Which values a column can have, as far as its type and built-in checks tell: bounds, lists of values, lengths.

What a domain says is true of every value that is valid; what it does not say may be so or not. Values that a library
could compare in another way than Python does here are left out of it.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tidegate.columns import Column
from tidegate.registry import Rule

EXACT = 2**53
"""Whole numbers below it are the same in float64."""
_MANY = 10_000

COMPARISONS = {
    "greater_than": ("min_value", "low", False),
    "greater_than_or_equal_to": ("min_value", "low", True),
    "less_than": ("max_value", "high", False),
    "less_than_or_equal_to": ("max_value", "high", True),
}


@dataclass(frozen=True)
class Bound:
    """An end of a range. `inclusive` says whether it is a value itself."""

    value: Any
    inclusive: bool


@dataclass(frozen=True)
class Domain:
    """Values, nulls aside.

    Attributes:
        low, high: the ends; None where there is none.
        only: the only values that there may be; None where there is no such list.
        never: values that there may not be.
        shortest, longest: the length of texts, in characters.
        discrete: whether they are whole numbers.
        blunt: whether they are compared as float32, so that two bounds may turn out to be one.
    """

    low: Bound | None = None
    high: Bound | None = None
    only: frozenset[Any] | None = None
    never: frozenset[Any] = frozenset()
    shortest: int = 0
    longest: int | None = None
    discrete: bool = False
    blunt: bool = False

    def has(self, value: Any) -> bool:
        """Whether it may be one of them."""
        if self.only is not None and value not in self.only:
            return False
        if self.low is not None and not (value >= self.low.value if self.low.inclusive else value > self.low.value):
            return False
        if self.high is not None and not (value <= self.high.value if self.high.inclusive else value < self.high.value):
            return False
        if isinstance(value, str) and not self._fits(len(value)):
            return False
        return value not in self.never

    def values(self) -> list[Any] | None:
        """All of them, where they can be listed."""
        listed: Iterable[Any] | None = self.only
        if listed is None and self.discrete and self.low is not None and self.high is not None:
            # Bounds of whole numbers are inclusive.
            span = self.high.value - self.low.value
            listed = range(self.low.value, self.high.value + 1) if span < _MANY else None
        return None if listed is None else [value for value in listed if self.has(value)]

    @property
    def empty(self) -> bool:
        """Whether there can be no value at all."""
        listed = self.values()
        if listed is not None:
            return not listed
        if self.longest is not None and self.longest < self.shortest:
            return True
        if self.low is None or self.high is None:
            return False
        if self.low.value == self.high.value:
            return not (self.low.inclusive and self.high.inclusive)
        return bool(self.low.value > self.high.value)

    def within(self, other: Domain) -> bool:
        """Whether each of these values is one of the other's."""
        listed = self.values()
        if listed is not None:
            return all(other.has(value) for value in listed)
        if other.only is not None:
            return False
        blunt = self.blunt or other.blunt
        return (
            _ends_inside(self.low, other.low, blunt, +1)
            and _ends_inside(self.high, other.high, blunt, -1)
            and self.shortest >= other.shortest
            and (other.longest is None or (self.longest is not None and self.longest <= other.longest))
            and not any(self.has(value) for value in other.never)
        )

    def meets(self, other: Domain) -> bool:
        """Whether a value may be in both."""
        return not self.narrowed(other).empty

    def narrowed(self, other: Domain) -> Domain:
        """What is in both."""
        only = self.only if other.only is None else other.only if self.only is None else self.only & other.only
        ends = [end for end in (self.longest, other.longest) if end is not None]
        return replace(
            self,
            low=_tighter(self.low, other.low, +1),
            high=_tighter(self.high, other.high, -1),
            only=only,
            never=self.never | other.never,
            shortest=max(self.shortest, other.shortest),
            longest=min(ends, default=None),
        )

    def _fits(self, length: int) -> bool:
        return length >= self.shortest and (self.longest is None or length <= self.longest)


def _ends_inside(ours: Bound | None, theirs: Bound | None, blunt: bool, direction: int) -> bool:
    """Whether values up to our end stay within theirs; `direction` is 1 for lower ends, -1 for upper ones."""
    if theirs is None:
        return True
    if ours is None:
        return False
    if ours.value == theirs.value or (blunt and _further(ours.value, theirs.value, direction)):
        return theirs.inclusive or not ours.inclusive
    return _further(ours.value, theirs.value, direction)


def _further(value: Any, other: Any, direction: int) -> bool:
    return bool(value > other if direction > 0 else value < other)


def _tighter(one: Bound | None, other: Bound | None, direction: int) -> Bound | None:
    if one is None or other is None:
        return one or other
    if one.value == other.value:
        return one if not one.inclusive else other
    return one if _further(one.value, other.value, direction) else other


def family(column: Column) -> str | None:
    """What a column's values can be compared with; None where nothing is known of them."""
    if column.nested or column.json:
        return None
    if column.duration:
        return "duration"
    if column.numeric:
        return "number"
    return column.type  # string, boolean, date, timestamps with and without zone


def of_column(column: Column, dtype: Any, rules: Iterable[Rule]) -> Domain:
    """The values that a column may have by its type and those of its rules that keep records out.

    Args:
        dtype: what holds the column in pandas.
    """
    found = _of_type(column)
    for rule in rules:
        if rule.warns:
            continue
        allowed = of_rule(rule, column, dtype)
        if allowed is not None:
            found = found.narrowed(allowed)
    return found


def _of_type(column: Column) -> Domain:
    if column.categories is not None:
        return Domain(only=frozenset(column.categories))
    if column.type == "boolean":
        return Domain(only=frozenset({False, True}))
    if _whole(column):
        signed, bits = not column.type.startswith("u"), int(column.type.lstrip("uint"))
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        return Domain(low=Bound(low, True), high=Bound(high, True), discrete=True)
    return Domain(blunt=_blunt(column))


def of_rule(rule: Rule, column: Column, dtype: Any) -> Domain | None:
    """The values that pass a rule; None where only Pandera can tell."""
    check = rule.definition
    if check is None or not rule.builtin or check.element_wise or not check.ignore_na:
        return None
    told: dict[str, Any] = check._check_kwargs
    name = builtin_name(rule)
    if name in COMPARISONS:
        argument, end, inclusive = COMPARISONS[name]
        return bounded(column, {end: (told[argument], inclusive)})
    match name:
        case "in_range":
            ends = {"low": (told["min_value"], told["include_min"]), "high": (told["max_value"], told["include_max"])}
            return bounded(column, ends)
        case "equal_to":
            return _listed(column, dtype, [told["value"]], "only")
        case "isin":
            return _listed(column, dtype, told["allowed_values"], "only")
        case "not_equal_to":
            return _listed(column, dtype, [told["value"]], "never")
        case "notin":
            return _listed(column, dtype, told["forbidden_values"], "never")
        case "str_length" if family(column) == "string" and not column.category:
            exact = told.get("exact_value")
            low, high = (exact, exact) if exact is not None else (told.get("min_value"), told.get("max_value"))
            return Domain(shortest=low or 0, longest=high)
    return None


def builtin_name(rule: Rule) -> str:
    """Which of Pandera's checks a rule is; its author may have given it another name. Empty for a custom one."""
    return str(getattr(rule.definition._check_fn, "__name__", "")) if rule.definition and rule.builtin else ""


def bounded(column: Column, ends: dict[str, tuple[Any, bool]]) -> Domain | None:
    """The values between ends, each with whether it belongs to them; None where they are not of the column's kind.

    Args:
        ends: `low` and `high`.
    """
    if column.category or column.categories is not None or column.type == "boolean":
        return None  # categories have an order of their own
    found = Domain(discrete=_whole(column), blunt=_blunt(column))
    for end, (value, inclusive) in ends.items():
        plain = comparable(value, column)
        if plain is None:
            return None
        bound = _whole_bound(plain, inclusive, end) if found.discrete else Bound(plain, inclusive)
        found = replace(found, **{end: bound})  # type: ignore[arg-type]
    return found


def _whole_bound(value: Any, inclusive: bool, end: str) -> Bound:
    """The same end among whole numbers."""
    if value in (math.inf, -math.inf):
        return Bound(value, True)
    if end == "low":
        return Bound(math.ceil(value) if inclusive else math.floor(value) + 1, True)
    return Bound(math.floor(value) if inclusive else math.ceil(value) - 1, True)


def _listed(column: Column, dtype: Any, values: Iterable[Any], how: str) -> Domain | None:
    # Arrow tells 0.0 from -0.0; a list of values and a float32 meet as float64.
    if _blunt(column) or (isinstance(dtype, pd.ArrowDtype) and column.type.startswith("float")):
        return None
    plain = [comparable(value, column) for value in values]
    if any(value is None for value in plain):
        return None
    return Domain(**{how: frozenset(plain)}, discrete=_whole(column))  # type: ignore[arg-type]


def comparable(value: Any, column: Column) -> Any:
    """A rule's value, in the one form in which it can be held against others of the column; None where it has none."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    match family(column):
        case "number":
            return _number(value, column)
        case "string":
            return value if isinstance(value, str) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return value if type(value) is datetime.date else None
        case "duration":
            known = isinstance(value, datetime.timedelta | np.timedelta64) and not pd.isna(value)
            return pd.Timedelta(value) if known else None
        case "timestamp(6)" | "timestamp('UTC', 6)":
            if not isinstance(value, datetime.datetime | np.datetime64) or pd.isna(value):
                return None
            stamp = pd.Timestamp(value)
            return stamp if (stamp.tz is not None) == ("UTC" in column.type) else None
    return None


def _number(value: Any, column: Column) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | decimal.Decimal) or value != value:
        return None
    if isinstance(value, decimal.Decimal):
        return value if column.type.startswith("decimal") and value.is_finite() else None
    if abs(value) >= EXACT and not (isinstance(value, float) and column.type == "float64"):
        return None
    return value


def _whole(column: Column) -> bool:
    return column.type.lstrip("u").startswith("int") and not column.duration


def _blunt(column: Column) -> bool:
    return column.type == "float32"
