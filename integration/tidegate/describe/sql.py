"""SQL DDL: a table with CHECK constraints. ANSI where ANSI has it; regular expressions, lists and structs as DuckDB's.

What it cannot say stands in comments of the statement.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from tidegate.audit.lowering import is_plain
from tidegate.columns import Column
from tidegate.describe.said import anchored, arguments_of, columns_of, rules_over_columns, unsaid
from tidegate.readers.nested import arrow_type
from tidegate.registry import Contract, Rule

_UNSIGNED = {8: "SMALLINT", 16: "INTEGER", 32: "BIGINT", 64: "DECIMAL(20, 0)"}
_SIGNED = {8: "SMALLINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}


def sql(contract: Contract) -> str:
    """A `CREATE TABLE` that takes the rows that the contract accepts."""
    head = [f"{contract.name}@{contract.version}: {contract.description}"]
    key = [column.name for column in contract.columns if column.key]
    head.append(f"Dedupe key: {', '.join(key) or 'the whole record'}.")
    lines: list[tuple[str, list[str]]] = []
    for column, rules in columns_of(contract):
        if column in contract.patterns:
            head.append(f"Not said here: columns whose name begins with a match of {column.name}.")
        else:
            lines.append(_of_column(column, rules))
    for rule in rules_over_columns(contract):
        if rule.check == "unique" and rule.copies == "all":
            lines.append((f"UNIQUE ({', '.join(_name(name) for name in rule.columns)})", []))
        else:
            head.append(f"Not said here: {unsaid(rule)}.")
    text = "".join(f"-- {_one_line(line)}\n" for line in head)
    body = ""
    for number, (line, comments) in enumerate(lines):
        body += "".join(f"    -- {_one_line(comment)}\n" for comment in comments)
        body += f"    {line}{',' if number < len(lines) - 1 else ''}\n"
    return f"{text}CREATE TABLE {_name(contract.name)} (\n{body});\n"


def _of_column(column: Column, rules: list[Rule]) -> tuple[str, list[str]]:
    """The column's line, and the comments above it."""
    kind = arrow_type(column.type)
    words = [_name(column.name), _type(kind)]
    comments = [column.description] if column.description else []
    comments += [mark for mark, so in (("Personal.", column.personal), ("A JSON object, as text.", column.json),
                                       ("Microseconds.", column.duration)) if so]  # fmt: skip
    if column.default is not None and (default := _literal(column.default)) is not None:
        words.append(f"DEFAULT {default}")
    if column.required and not column.nullable:
        words.append("NOT NULL")
    checks = _bounds(column, kind)
    for rule in rules:
        if rule.check == "not_nullable":
            continue
        if rule.check == "unique" and rule.copies == "all":
            words.append("UNIQUE")
        elif (said := _of_rule(column, rule)) is not None:
            checks.append(said)
        else:
            comments.append(f"Not said here: {unsaid(rule)}.")
    if column.categories is not None:
        checks.append(f"{_name(column.name)} IN ({', '.join(_literal(value) or '' for value in column.categories)})")
    return " ".join([*words, *(f"CHECK ({check})" for check in checks)]), comments


def _type(kind: pa.DataType) -> str:
    types = pa.types
    if types.is_list(kind):
        return f"{_type(kind.value_type)}[]"
    if types.is_struct(kind):
        return f"STRUCT({', '.join(f'{_name(field.name)} {_type(field.type)}' for field in kind)})"
    if types.is_integer(kind):
        return (_SIGNED if types.is_signed_integer(kind) else _UNSIGNED)[kind.bit_width]
    if types.is_floating(kind):
        return "REAL" if kind.bit_width == 32 else "DOUBLE PRECISION"
    if types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return {"bool": "BOOLEAN", "date32[day]": "DATE"}.get(str(kind), "VARCHAR")


def _bounds(column: Column, kind: pa.DataType) -> list[str]:
    """What an integer's own width says, where SQL's type is a wider one."""
    if not pa.types.is_integer(kind) or (pa.types.is_signed_integer(kind) and kind.bit_width > 8):
        return []
    low = -128 if pa.types.is_signed_integer(kind) else 0
    return [f"{_name(column.name)} BETWEEN {low} AND {low + 2**kind.bit_width - 1}"]


def _of_rule(column: Column, rule: Rule) -> str | None:
    """The condition that says a rule, or None where there is none."""
    arguments, say = arguments_of(rule), _CONDITIONS.get(rule.check)
    if arguments is None or say is None or column.json or column.nested or column.duration:
        return None
    return say(column, arguments)


def _compare(operator: str, name: str) -> Callable[[Column, dict[str, Any]], str | None]:
    def say(column: Column, arguments: dict[str, Any]) -> str | None:
        value = _typed(column, arguments[name])
        ordered = operator in ("=", "<>") or not (column.category or column.type == "boolean")
        return f"{_name(column.name)} {operator} {value}" if value is not None and ordered else None

    return say


def _in_range(column: Column, arguments: dict[str, Any]) -> str | None:
    low, high = (_typed(column, arguments[name]) for name in ("min_value", "max_value"))
    if low is None or high is None or column.category or column.type == "boolean":
        return None
    if arguments.get("include_min", True) and arguments.get("include_max", True):
        return f"{_name(column.name)} BETWEEN {low} AND {high}"
    above = ">=" if arguments.get("include_min", True) else ">"
    below = "<=" if arguments.get("include_max", True) else "<"
    return f"{_name(column.name)} {above} {low} AND {_name(column.name)} {below} {high}"


def _among(word: str, name: str) -> Callable[[Column, dict[str, Any]], str | None]:
    def say(column: Column, arguments: dict[str, Any]) -> str | None:
        values = [_typed(column, value) for value in arguments[name]]
        known = [value for value in values if value is not None]
        return f"{_name(column.name)} {word} ({', '.join(known)})" if known and len(known) == len(values) else None

    return say


def _length(column: Column, arguments: dict[str, Any]) -> str | None:
    if column.type != "string":
        return None
    length = f"char_length({_name(column.name)})"
    low, high, exact = (arguments.get(name) for name in ("min_value", "max_value", "exact_value"))
    if exact is not None:
        return f"{length} = {exact}"
    if low is None:
        return f"{length} <= {high}"
    return f"{length} >= {low}" if high is None else f"{length} BETWEEN {low} AND {high}"


def _affix(form: str) -> Callable[[Column, dict[str, Any]], str | None]:
    def say(column: Column, arguments: dict[str, Any]) -> str | None:
        text = arguments["string"]
        if column.type != "string" or not isinstance(text, str):
            return None
        escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        return f"{_name(column.name)} LIKE {_quoted(form.format(escaped))} ESCAPE '!'"

    return say


def _pattern(form: Callable[[str], str]) -> Callable[[Column, dict[str, Any]], str | None]:
    def say(column: Column, arguments: dict[str, Any]) -> str | None:
        pattern = arguments["pattern"]
        if column.type != "string" or not is_plain(pattern):
            return None
        return f"regexp_matches({_name(column.name)}, {_quoted(form(pattern))})"

    return say


_CONDITIONS: dict[str, Callable[[Column, dict[str, Any]], str | None]] = {
    "equal_to": _compare("=", "value"),
    "not_equal_to": _compare("<>", "value"),
    "greater_than": _compare(">", "min_value"),
    "greater_than_or_equal_to": _compare(">=", "min_value"),
    "less_than": _compare("<", "max_value"),
    "less_than_or_equal_to": _compare("<=", "max_value"),
    "in_range": _in_range,
    "isin": _among("IN", "allowed_values"),
    "notin": _among("NOT IN", "forbidden_values"),
    "str_length": _length,
    "str_startswith": _affix("{}%"),
    "str_endswith": _affix("%{}"),
    "str_matches": _pattern(anchored),
    "str_contains": _pattern(str),
}


def _typed(column: Column, value: Any) -> str | None:
    """A literal that can be compared with the column's cells."""
    kind = column.type
    if kind == "date" and isinstance(value, str):
        return f"DATE {_quoted(value[:10])}" if value[10:] in ("", "T00:00:00") else None
    if kind.startswith("timestamp") and isinstance(value, str):
        word = "TIMESTAMP WITH TIME ZONE" if "UTC" in kind else "TIMESTAMP"
        return f"{word} {_quoted(value.replace('T', ' '))}"
    fits = (
        isinstance(value, bool) if kind == "boolean"
        else isinstance(value, str) if kind == "string"
        else isinstance(value, int | float) and not isinstance(value, bool)
    )  # fmt: skip
    return _literal(value) if fits else None


def _literal(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return _quoted(value) if "\0" not in value else None
    return repr(value) if math.isfinite(value) else None


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _one_line(text: str) -> str:
    """A comment must not end before its text does."""
    return " ".join(text.split())
