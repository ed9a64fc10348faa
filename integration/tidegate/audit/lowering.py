"""Lower Pandera's built-in checks to Ibis: one boolean expression per rule, true where a row fails.

Only what is exactly Pandera's verdict is lowered. Where a type, a value or a regular expression could be judged
otherwise by an engine, `lower` answers None, and the rule runs in Pandera itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir

from tidegate.columns import Column
from tidegate.registry import Rule

_EXACT_INTEGERS = 2**53

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


def lower(rule: Rule, column: Column, cell: ir.Value) -> ir.BooleanValue | None:
    """True where `cell` fails the rule, or None where only Pandera can tell. A null never fails a built-in check."""
    check = rule.definition
    if check is None or not rule.builtin or check.element_wise or not check.ignore_na:
        return None
    condition = _CONDITIONS.get(rule.check)
    statistics: dict[str, Any] = check.statistics or {}
    passes = condition(column, cell, statistics) if condition else None
    return None if passes is None else (~passes).fill_null(False)


def _comparable(column: Column, value: Any) -> bool:
    """Whether comparing the column's cells with this value is exact in every engine."""
    if column.type == "string":
        return isinstance(value, str) and "\0" not in value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if column.type == "float64":
        return value == value and (isinstance(value, float) or abs(value) <= _EXACT_INTEGERS)
    if column.type in ("int8", "int16", "int32", "int64"):
        return float(value).is_integer() and abs(value) < _EXACT_INTEGERS
    return False


def _literal(column: Column, value: Any) -> Any:
    return int(value) if column.type.startswith("int") else value


_Condition = Callable[[Column, Any, dict[str, Any]], "ir.BooleanValue | None"]


def _comparison(operator: Callable[[Any, Any], Any], name: str) -> _Condition:
    def condition(column: Column, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        value = statistics[name]
        return operator(cell, _literal(column, value)) if _comparable(column, value) else None

    return condition


def _in_range(column: Column, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    low, high = statistics["min_value"], statistics["max_value"]
    if not (_comparable(column, low) and _comparable(column, high)):
        return None
    low, high = _literal(column, low), _literal(column, high)
    above = cell >= low if statistics.get("include_min", True) else cell > low
    below = cell <= high if statistics.get("include_max", True) else cell < high
    return above & below


def _membership(name: str, negate: bool) -> _Condition:
    def condition(column: Column, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        values = list(statistics[name])
        if not values or not all(_comparable(column, value) for value in values):
            return None
        inside = cell.isin([_literal(column, value) for value in values])
        return ~inside if negate else inside

    return condition


def _str_length(column: Column, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
    if column.type != "string":
        return None
    exact = statistics.get("exact_value")
    low, high = (exact, exact) if exact is not None else (statistics.get("min_value"), statistics.get("max_value"))
    length, condition = cell.length(), None
    if low is not None:
        condition = length >= low
    if high is not None:
        condition = length <= high if condition is None else condition & (length <= high)
    return condition


def _affix(name: str) -> _Condition:
    def condition(column: Column, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        text = statistics["string"]
        if column.type != "string" or not isinstance(text, str) or "\0" in text:
            return None
        passes: ir.BooleanValue = getattr(cell, name)(text)
        return passes

    return condition


def _pattern(anchored: bool) -> _Condition:
    def condition(column: Column, cell: Any, statistics: dict[str, Any]) -> ir.BooleanValue | None:
        pattern = statistics["pattern"]
        if column.type != "string" or not isinstance(pattern, str) or not _SAFE_PATTERN.fullmatch(pattern):
            return None
        if pattern.endswith("$") and not pattern.endswith("\\$"):
            pattern = pattern[:-1] + r"\n?\z"  # Python's $ also matches before a final newline
        passes: ir.BooleanValue = cell.re_search(rf"\A(?:{pattern})" if anchored else pattern)
        return passes

    return condition


_CONDITIONS: dict[str, _Condition] = {
    "equal_to": _comparison(lambda cell, value: cell == value, "value"),
    "not_equal_to": _comparison(lambda cell, value: cell != value, "value"),
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
