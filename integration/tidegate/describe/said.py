"""What a contract's rules say, apart from Python: their arguments as plain values, and in words."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from tidegate.columns import Column
from tidegate.registry import Contract, Rule
from tidegate.registry.rules import rules_of


def columns_of(contract: Contract) -> list[tuple[Column, list[Rule]]]:
    """Every column with its rules, in the contract's order, and then the patterns of names with theirs."""
    named = [(column, [rule for rule in contract.rules if rule.column == column.name]) for column in contract.columns]
    for pattern in contract.patterns:
        rules = rules_of(contract.schema, {pattern.name: contract.schema.columns[pattern.name]})
        named.append((pattern, [rule for rule in rules if rule.column == pattern.name]))
    return named


def rules_over_columns(contract: Contract) -> list[Rule]:
    """The rules that read several columns."""
    return [rule for rule in contract.rules if rule.column is None]


def arguments_of(rule: Rule) -> dict[str, Any] | None:
    """The arguments of a check of Pandera's own, by name; None for a rule that only Python can judge.

    A check that only warns keeps no record out, so it is none that other languages could hold a record to.
    """
    check = rule.definition
    if check is None or not rule.builtin or check.element_wise or not check.ignore_na or rule.warns:
        return None
    try:
        return {name: _plain(value) for name, value in (check.statistics or {}).items()}
    except TypeError:
        return None


def _plain(value: Any) -> Any:
    """An argument as JSON and YAML spell it. Raises `TypeError` for one that they cannot."""
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value), key=repr)  # the same text each time
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, pd.Timestamp | datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "item"):
        value = value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"no plain value: {type(value).__name__}")
    return value


def anchored(pattern: str) -> str:
    """A pattern that is looked for at the beginning, for languages that look for it anywhere."""
    return pattern if pattern.startswith("^") and "|" not in pattern else f"^({pattern})"


def may_be_null(column: Column) -> bool:
    """Whether a null fails nothing in JSON, where a null in an optional column is an absence."""
    return column.nullable or column.default is not None or not column.required


def unsaid(rule: Rule) -> str:
    """What another language leaves out, by the rule's id."""
    return f"{rule.id}: {rule.expected.rstrip('.')}{', a warning' if rule.warns else ''}"


def in_words(rule: Rule) -> str:
    """A rule for people who do not read Python."""
    arguments = arguments_of(rule)
    words = _WORDS.get(rule.check) if arguments is not None else None
    if arguments is None or words is None:
        return unsaid(rule).partition(": ")[2]
    return words(arguments)


def _range(arguments: dict[str, Any]) -> str:
    low, high = _spelled(arguments["min_value"]), _spelled(arguments["max_value"])
    if arguments.get("include_min", True) and arguments.get("include_max", True):
        return f"{low} to {high}"
    above = "at least" if arguments.get("include_min", True) else "above"
    below = "at most" if arguments.get("include_max", True) else "below"
    return f"{above} {low} and {below} {high}"


def _length(arguments: dict[str, Any]) -> str:
    low, high, exact = (arguments.get(name) for name in ("min_value", "max_value", "exact_value"))
    if exact is not None or low == high:
        return f"{exact if exact is not None else low} characters"
    if high is None:
        return f"at least {low} character{'' if low == 1 else 's'}"
    return f"at most {high} characters" if low is None else f"{low} to {high} characters"


def code(value: Any) -> str:
    """A value as code in Markdown, which nothing in it ends: it may be of anyone's data."""
    text = " ".join(str(value).split())
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _listed(values: list[Any]) -> str:
    return ", ".join(code(value) for value in values)


def _spelled(value: Any) -> str:
    return (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000 else str(value)
    )


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "equal_to": lambda a: f"always {code(a['value'])}",
    "not_equal_to": lambda a: f"never {code(a['value'])}",
    "greater_than": lambda a: f"above {_spelled(a['min_value'])}",
    "greater_than_or_equal_to": lambda a: f"at least {_spelled(a['min_value'])}",
    "less_than": lambda a: f"below {_spelled(a['max_value'])}",
    "less_than_or_equal_to": lambda a: f"at most {_spelled(a['max_value'])}",
    "in_range": _range,
    "isin": lambda a: f"one of {_listed(a['allowed_values'])}",
    "notin": lambda a: f"none of {_listed(a['forbidden_values'])}",
    "str_length": _length,
    "str_startswith": lambda a: f"begins with {code(a['string'])}",
    "str_endswith": lambda a: f"ends with {code(a['string'])}",
    "str_matches": lambda a: f"matches {code(a['pattern'])}",
    "str_contains": lambda a: f"holds a match of {code(a['pattern'])}",
}
