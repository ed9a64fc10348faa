"""JSON Schema (2020-12) of one record, as JSON and JSON Lines spell it.

What it cannot say (rules in Python, no value twice, the order of texts and times) stands in a `$comment` beside what it
says. It never refuses a record that the contract accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from tidegate.audit.lowering import is_plain
from tidegate.columns import Column
from tidegate.describe.said import anchored, arguments_of, columns_of, may_be_null, rules_over_columns, unsaid
from tidegate.readers.nested import arrow_type
from tidegate.registry import Contract, Rule

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"
_CLOCK = "[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?"
_ISO_DURATION = "-?P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\\.[0-9]{1,6})?S)?)?"
_WRITTEN_DURATION = f"[+-]?[0-9]{{1,6}} days? \\+?{_CLOCK}"
_GREATEST_FLOAT32 = 3.4028234663852886e38

_Schema = dict[str, Any]


def json_schema(contract: Contract) -> _Schema:
    """The schema of one record that comes as a file of its own."""
    properties: dict[str, _Schema] = {}
    patterns: dict[str, _Schema] = {}
    for column, rules in columns_of(contract):
        if column in contract.patterns:
            patterns[f"^(?:{column.name})"] = _of_column(column, rules)
        else:
            properties[column.name] = _of_column(column, rules)
    left_out = [unsaid(rule) for rule in rules_over_columns(contract)]
    if contract.schema.ordered:
        left_out.append("the order of the columns")
    left_out += [f"at least one column whose name begins with a match of {name.name}" for name in contract.patterns]
    schema: _Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{contract.name}@{contract.version}",
        "description": contract.description,
        "type": "object",
        "properties": properties,
        "required": [c.name for c in contract.columns if c.required and not c.added],
        "additionalProperties": not contract.strict,
    }
    if patterns:
        schema["patternProperties"] = patterns
    if left_out:
        schema["$comment"] = f"Not said here: {'; '.join(left_out)}"
    return schema


def _of_column(column: Column, rules: list[Rule]) -> _Schema:
    schema: _Schema = {"description": column.description} if column.description else {}
    schema |= _json_object() if column.json else _duration() if column.duration else _of_type(arrow_type(column.type))
    if column.categories is not None:
        schema["enum"] = list(column.categories)
    if column.default is not None:
        schema["default"] = column.default
    left_out = []
    for rule in rules:
        if rule.check == "not_nullable":
            continue
        said = _of_rule(column, rule)
        if said is None:
            left_out.append(unsaid(rule))
        else:
            _add(schema, said)
    marks = [mark for mark, so in (("part of the dedupe key", column.key), ("personal", column.personal)) if so]
    comments = [*marks, *([f"Not said here: {'; '.join(left_out)}"] if left_out else [])]
    if comments:
        schema["$comment"] = ". ".join(comments)
    return _or_null(schema) if may_be_null(column) else schema


def _add(schema: _Schema, said: _Schema) -> None:
    """Say more: of two bounds the tighter one, and what else is said twice beside each other."""
    for keyword, value in said.items():
        if keyword not in schema:
            schema[keyword] = value
        elif keyword in _TIGHTER:
            schema[keyword] = _TIGHTER[keyword](schema[keyword], value)
        else:
            schema.setdefault("allOf", []).append({keyword: value})


_TIGHTER: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength"), min),
}


def _or_null(schema: _Schema) -> _Schema:
    """The same, and null besides. Only what lists values must be told; other keywords pass over a null."""
    told = schema | {"type": [schema["type"], "null"]}
    for part in (told, *told.get("allOf", ())):
        if "enum" in part:
            part["enum"] = [*part["enum"], None]
        if "const" in part:
            part["enum"] = [part.pop("const"), None]
    return told


def _of_type(kind: pa.DataType, within: bool = False) -> _Schema:
    """What cells of a type are in JSON.

    Args:
        within: whether it is the type of what stands in a list or a struct, where everything may be null.
    """
    types = pa.types
    if types.is_list(kind):
        schema: _Schema = {"type": "array", "items": _of_type(kind.value_type, within=True)}
    elif types.is_struct(kind):
        fields = {field.name: _of_type(field.type, within=True) for field in kind}
        schema = {"type": "object", "properties": fields, "additionalProperties": False}
    elif types.is_integer(kind):
        low = -(2 ** (kind.bit_width - 1)) if types.is_signed_integer(kind) else 0
        schema = {"type": "integer", "minimum": low, "maximum": low + 2**kind.bit_width - 1}
    elif types.is_floating(kind):
        schema = {"type": "number"}
        if kind.bit_width == 32:
            schema |= {"minimum": -_GREATEST_FLOAT32, "maximum": _GREATEST_FLOAT32}
    elif types.is_decimal(kind):
        most = 10 ** (kind.precision - kind.scale)
        digits = f"at most {kind.scale} digits after the point"
        schema = {"type": "number", "exclusiveMinimum": -most, "exclusiveMaximum": most, "$comment": digits}
    elif types.is_boolean(kind):
        schema = {"type": "boolean"}
    elif types.is_date(kind):
        schema = {"type": "string", "format": "date", "pattern": f"^{_DAY}$"}
    elif types.is_timestamp(kind):
        clock = "[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6})?)?" if within else _CLOCK
        schema = {"type": "string", "pattern": f"^{_DAY}[ T]{clock}{_ZONE if kind.tz else ''}$"}
    else:
        schema = {"type": "string"}
    return _or_null(schema) if within else schema


def _json_object() -> _Schema:
    return {"type": "object"}


def _duration() -> _Schema:
    return {"type": "string", "pattern": f"^({_ISO_DURATION}|{_WRITTEN_DURATION})$"}


def _of_rule(column: Column, rule: Rule) -> _Schema | None:
    """The keywords that say a rule, or None where there are none."""
    arguments, say = arguments_of(rule), _KEYWORDS.get(rule.check)
    return None if arguments is None or say is None else say(column, arguments)


def _bound(keyword: str, name: str) -> Callable[[Column, dict[str, Any]], _Schema | None]:
    def say(column: Column, arguments: dict[str, Any]) -> _Schema | None:
        value = arguments[name]
        return {keyword: value} if column.numeric and _is_number(value) else None

    return say


def _in_range(column: Column, arguments: dict[str, Any]) -> _Schema | None:
    low, high = arguments["min_value"], arguments["max_value"]
    if not (column.numeric and _is_number(low) and _is_number(high)):
        return None
    least = "minimum" if arguments.get("include_min", True) else "exclusiveMinimum"
    most = "maximum" if arguments.get("include_max", True) else "exclusiveMaximum"
    return {least: low, most: high}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparable(column: Column) -> bool:
    """Whether equal cells have one spelling, so that a list of values says what they may be."""
    spelled_freely = column.duration or column.json or column.nested or column.type.startswith("timestamp")
    return not spelled_freely


def _equal(column: Column, arguments: dict[str, Any]) -> _Schema | None:
    return {"const": arguments["value"]} if _comparable(column) else None


def _not_equal(column: Column, arguments: dict[str, Any]) -> _Schema | None:
    return {"not": {"const": arguments["value"]}} if _comparable(column) else None


def _among(column: Column, arguments: dict[str, Any]) -> _Schema | None:
    return {"enum": arguments["allowed_values"]} if _comparable(column) else None


def _not_among(column: Column, arguments: dict[str, Any]) -> _Schema | None:
    return {"not": {"enum": arguments["forbidden_values"]}} if _comparable(column) else None


def _length(column: Column, arguments: dict[str, Any]) -> _Schema | None:
    if column.type != "string" or column.json:
        return None
    exact = arguments.get("exact_value")
    ends = {
        "minLength": exact if exact is not None else arguments.get("min_value"),
        "maxLength": exact if exact is not None else arguments.get("max_value"),
    }
    return {keyword: value for keyword, value in ends.items() if value is not None}


def _affix(form: str) -> Callable[[Column, dict[str, Any]], _Schema | None]:
    def say(column: Column, arguments: dict[str, Any]) -> _Schema | None:
        text = re.sub(r"([\\^$.|?*+()\[\]{}/])", r"\\\1", str(arguments["string"]))
        return {"pattern": form.format(text)} if column.type == "string" and not column.json else None

    return say


def _pattern(form: Callable[[str], str]) -> Callable[[Column, dict[str, Any]], _Schema | None]:
    def say(column: Column, arguments: dict[str, Any]) -> _Schema | None:
        pattern = arguments["pattern"]
        if column.type != "string" or column.json or not is_plain(pattern):
            return None
        return {"pattern": form(pattern.replace("\\-", "-"))}  # which ECMA-262 refuses outside of a class

    return say


_KEYWORDS: dict[str, Callable[[Column, dict[str, Any]], _Schema | None]] = {
    "equal_to": _equal,
    "not_equal_to": _not_equal,
    "greater_than": _bound("exclusiveMinimum", "min_value"),
    "greater_than_or_equal_to": _bound("minimum", "min_value"),
    "less_than": _bound("exclusiveMaximum", "max_value"),
    "less_than_or_equal_to": _bound("maximum", "max_value"),
    "in_range": _in_range,
    "isin": _among,
    "notin": _not_among,
    "str_length": _length,
    "str_startswith": _affix("^{}"),
    "str_endswith": _affix("{}$"),
    "str_matches": _pattern(anchored),
    "str_contains": _pattern(str),
}
