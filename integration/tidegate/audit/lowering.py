"""Lower Pandera's built-in checks to Ibis: one boolean expression per rule, true where a row fails.

Only what is exactly Pandera's verdict is lowered. Where a type, a value or a regular expression could be judged
otherwise by an engine, `lower` answers None, and the rule runs in Pandera itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeGuard

import ibis.expr.types as ir
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

_EMPTY = re.compile(r"(?:^\^?|[(|])(?:[)|]|\$?$)")
"""An alternative that is nothing: DuckDB 1.5 takes such a pattern for another."""


def is_plain(pattern: object) -> TypeGuard[str]:
    """Whether a regular expression means the same to Python and to other languages, but for a `$` at its end."""
    return isinstance(pattern, str) and bool(_SAFE_PATTERN.fullmatch(pattern)) and not _EMPTY.search(pattern)


def lower(rule: Rule, column: Column, dtype: Any, cell: ir.Value) -> ir.BooleanValue | None:
    """True where `cell` fails the rule, or None where only Pandera can tell. Of a null it says null: it fails no check.

    Args:
        dtype: what holds the column in pandas.
    """
    check = rule.definition
    if check is None or not rule.builtin or check.element_wise or not check.ignore_na:
        return None
    condition = _CONDITIONS.get(rule.check)
    passes = condition(column, dtype, cell, check.statistics or {}) if condition else None
    return None if passes is None else ~passes


def _comparison(
    operator: Callable[[Any, Any], Any], name: str, column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]
) -> ir.BooleanValue | None:
    if operator not in (eq, ne) and not _ordered(column, dtype):
        return None
    value = literal(column, dtype, statistics[name])
    return None if value is None else operator(cell, value)


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
    above = cell >= low if statistics["include_min"] else cell > low
    below = cell <= high if statistics["include_max"] else cell < high
    return above & below


def _membership(name: str, column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    wanted = list(statistics[name])
    # Arrow tells 0.0 from -0.0, raises for a number too large for a float, and may raise for values of several types.
    several = len({type(value) for value in wanted}) > 1
    if isinstance(dtype, pd.ArrowDtype) and (column.type.startswith("float") or _dictionary(dtype) or several):
        return None
    if column.type == "float32":  # which pandas compares with a list of values as float64
        column, dtype, cell = Column(column.name, "float64"), None, cell.cast("float64")
    values = [literal(column, dtype, value) for value in wanted]
    if not values or any(value is None for value in values):
        return None
    inside: ir.BooleanValue = cell.isin(values)
    return inside if name == "allowed_values" else ~inside


def _str_length(column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    if not _textual(column, dtype):
        return None
    exact = statistics.get("exact_value")
    low, high = (exact, exact) if exact is not None else (statistics.get("min_value"), statistics.get("max_value"))
    length = cell.length()
    if low is None:
        return None if high is None else length <= high
    return length >= low if high is None else (length >= low) & (length <= high)


def _textual(column: Column, dtype: Any) -> bool:
    """Whether pandas has text here; of Arrow's dictionaries it asks no text."""
    return column.type == "string" and not _dictionary(dtype)


def _affix(name: str, column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    text = statistics["string"]
    if not _textual(column, dtype) or not isinstance(text, str) or "\0" in text:
        return None
    passes: ir.BooleanValue = getattr(cell, name)(text)
    return passes


def _pattern(anchor: str, column: Column, dtype: Any, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    pattern = statistics["pattern"]
    if not _textual(column, dtype) or not is_plain(pattern):
        return None
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        # Python's $ also matches before a final newline; Arrow's own text has RE2's, which does not.
        pattern = pattern[:-1] + (r"\z" if isinstance(dtype, pd.ArrowDtype) else r"\n?\z")
    passes: ir.BooleanValue = cell.re_search(f"{anchor}(?:{pattern})")
    return passes


_CONDITIONS: dict[str, Callable[[Column, Any, Any, dict[str, Any]], ir.BooleanValue | None]] = {
    "equal_to": partial(_comparison, eq, "value"),
    "not_equal_to": partial(_comparison, ne, "value"),
    "greater_than": partial(_comparison, gt, "min_value"),
    "greater_than_or_equal_to": partial(_comparison, ge, "min_value"),
    "less_than": partial(_comparison, lt, "max_value"),
    "less_than_or_equal_to": partial(_comparison, le, "max_value"),
    "in_range": _in_range,
    "isin": partial(_membership, "allowed_values"),
    "notin": partial(_membership, "forbidden_values"),
    "str_length": _str_length,
    "str_startswith": partial(_affix, "startswith"),
    "str_endswith": partial(_affix, "endswith"),
    "str_matches": partial(_pattern, r"\A"),
    "str_contains": partial(_pattern, ""),
}
