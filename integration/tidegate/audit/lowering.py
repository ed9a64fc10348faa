"""Lower Pandera's built-in checks to Ibis: one boolean expression per rule, true where a row fails.

Only what is exactly Pandera's verdict is lowered. Where a type, a value or a regular expression could be judged
otherwise by an engine, `lower` answers None, and the rule runs in Pandera itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from tidegate.audit.literals import literal
from tidegate.columns import Column
from tidegate.registry import Rule

# Letters, digits, anchors, groups and plain classes mean the same to RE2, to Python and on either side of Unicode.
# Classes by name (\w, \d, \s), word boundaries, look-around, back references and flags do not.
_SAFE_PATTERN = re.compile(
    r"\^?"
    r"(?:[A-Za-z0-9_ @:;,/<>=!~#%&'\"-]"  # literals
    r"|\\[.\-/+*?()|\[\]{}^$]"  # escaped punctuation
    r"|\[[A-Za-z0-9_ .:/@-]+\]"  # positive ASCII classes
    r"|[()|](?!\?)"  # groups, alternatives
    r"|[*+?](?![*+?])|\{\d{1,3}(?:,\d{0,3})?\}(?![*+?{])"  # quantifiers, not lazy or possessive
    r")*"
    r"\$?"
)


def lower(rule: Rule, column: Column, dtype: Any, cell: ir.Value) -> ir.BooleanValue | None:
    """True where `cell` fails the rule, or None where only Pandera can tell. A null never fails a built-in check.

    Args:
        dtype: what holds the column in pandas.
    """
    check = rule.definition
    if check is None or not rule.builtin or check.element_wise or not check.ignore_na:
        return None
    condition = _CONDITIONS.get(rule.check)
    passes = condition(column, dtype, cell, check.statistics or {}) if condition else None
    return None if passes is None else (~passes).fill_null(False)


_Condition = Callable[[Column, Any, Any, dict[str, Any]], "ir.BooleanValue | None"]


def _comparison(operator: Callable[[Any, Any], Any], name: str, ordering: bool = True) -> _Condition:
    def condition(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        if ordering and not _ordered(column, dtype):
            return None
        value = literal(column, dtype, statistics[name])
        return None if value is None else operator(cell, value)

    return condition


def _ordered(column: Column, dtype: Any) -> bool:
    """Categories have an order of their own, or none, and it is no use to ask which of two truths is greater."""
    return not isinstance(dtype, pd.CategoricalDtype) and column.type != "boolean" and not _dictionary(dtype)


def _dictionary(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and "dictionary" in str(dtype.pyarrow_dtype)


def _in_range(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    if not _ordered(column, dtype):
        return None
    low, high = (literal(column, dtype, statistics[name]) for name in ("min_value", "max_value"))
    if low is None or high is None:
        return None
    above = cell >= low if statistics.get("include_min", True) else cell > low
    below = cell <= high if statistics.get("include_max", True) else cell < high
    return above & below


def _membership(name: str, negate: bool) -> _Condition:
    def condition(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        # pandas compares float32 with a list of values as float64, and casts lists for some others.
        wide = column.type.startswith("float")
        arrow = isinstance(dtype, pd.ArrowDtype)
        if wide and arrow:  # which tells 0.0 from -0.0, and raises for a number too large
            return None
        if arrow and len({type(value) for value in statistics[name]}) > 1:  # which may raise for some of them
            return None
        kind = Column(column.name, "float64") if wide else column
        values = [literal(kind, np.dtype("float64") if wide else dtype, value) for value in statistics[name]]
        if not values or any(value is None for value in values) or _dictionary(dtype):
            return None
        inside = (cell.cast("float64") if column.type == "float32" else cell).isin(values)
        return ~inside if negate else inside

    return condition


def _str_length(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    if not _textual(column, dtype):
        return None
    exact = statistics.get("exact_value")
    low, high = (exact, exact) if exact is not None else (statistics.get("min_value"), statistics.get("max_value"))
    length, condition = cell.length(), None
    if low is not None:
        condition = length >= low
    if high is not None:
        condition = length <= high if condition is None else condition & (length <= high)
    return condition


def _textual(column: Column, dtype: Any) -> bool:
    """Whether pandas has text here; of Arrow's dictionaries it asks no text."""
    return column.type == "string" and not _dictionary(dtype)


def _affix(name: str) -> _Condition:
    def condition(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        text = statistics["string"]
        if not _textual(column, dtype) or not isinstance(text, str) or "\0" in text:
            return None
        passes: ir.BooleanValue = getattr(cell, name)(text)
        return passes

    return condition


def _pattern(anchored: bool) -> _Condition:
    def condition(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        pattern = statistics["pattern"]
        if not _textual(column, dtype) or not isinstance(pattern, str) or not _SAFE_PATTERN.fullmatch(pattern):
            return None
        if pattern.endswith("$") and not pattern.endswith("\\$"):
            pattern = pattern[:-1] + r"\n?\z"  # Python's $ also matches before a final newline
        passes: ir.BooleanValue = cell.re_search(rf"\A(?:{pattern})" if anchored else pattern)
        return passes

    return condition


_CONDITIONS: dict[str, _Condition] = {
    "equal_to": _comparison(lambda cell, value: cell == value, "value", ordering=False),
    "not_equal_to": _comparison(lambda cell, value: cell != value, "value", ordering=False),
    "greater_than": _comparison(lambda cell, value: cell > value, "min_value"),
    "greater_than_or_equal_to": _comparison(lambda cell, value: cell >= value, "min_value"),
    "less_than": _comparison(lambda cell, value: cell < value, "max_value"),
    "less_than_or_equal_to": _comparison(lambda cell, value: cell <= value, "max_value"),
    "in_range": _in_range,
    "isin": _membership("allowed_values", negate=False),
    "notin": _membership("forbidden_values", negate=True),
    "str_length": _str_length,
    "str_startswith": _affix("startswith"),
    "str_endswith": _affix("endswith"),
    "str_matches": _pattern(anchored=True),
    "str_contains": _pattern(anchored=False),
}
