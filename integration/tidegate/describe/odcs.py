"""ODCS, the Open Data Contract Standard (version 3.2, Linux Foundation): YAML.

What the standard has no word for stands where it leaves room: a check of Pandera's as a quality rule of the engine
`pandera`, an expectation as one of `great-expectations`, a rule in Python as text, and marks of a column as custom
properties of the vendor `tidegate`. `tidegate.drafts.of_odcs` reads all that but the text.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import yaml

from tidegate.audit.lowering import is_plain
from tidegate.columns import Column
from tidegate.describe.said import anchored, arguments_of, columns_of, rules_over_columns, unsaid
from tidegate.readers.nested import arrow_type
from tidegate.registry import Contract, Rule, Suite

VERSION = "v3.2.0"
VENDOR = "tidegate"
PANDERA, EXPECTATIONS = "pandera", "great-expectations"
PERSONAL = "personal"

_BOUNDS = {
    "greater_than": {"exclusiveMinimum": "min_value"},
    "greater_than_or_equal_to": {"minimum": "min_value"},
    "less_than": {"exclusiveMaximum": "max_value"},
    "less_than_or_equal_to": {"maximum": "max_value"},
}
_FORMATS = {
    **{f"{sign}int{bits}": f"{letter}{bits}" for sign, letter in (("", "i"), ("u", "u")) for bits in (8, 16, 32, 64)},
    "float32": "f32",
    "float64": "f64",
}

_Said = dict[str, Any]


def odcs(contract: Contract, suite: Suite | None) -> str:
    """The contract, and its suite, as a document of the standard."""
    table: _Said = {
        "name": contract.name,
        "logicalType": "object",
        "physicalType": "table",
        "description": contract.description,
        "properties": [_of_column(contract, column, rules) for column, rules in columns_of(contract)],
    }
    quality = [_of_rule_over_columns(rule) for rule in rules_over_columns(contract)]
    quality += [_of_expectation(e.type, e.kwargs, e.severity, e.notes) for e in (suite.expectations if suite else ())]
    if quality:
        table["quality"] = quality
    schema = contract.schema
    table["customProperties"] = [
        _custom(name, value)
        for name, value in (
            ("strict", schema.strict),
            ("ordered", schema.ordered),
            ("addMissingColumns", schema.add_missing_columns),
        )
        if value or name == "strict"
    ]
    document: _Said = {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": contract.name,
        "name": contract.name,
        "version": contract.version,
        "status": "active",
        "description": {"purpose": contract.description},
        "schema": [table],
    }
    if contract.owner:
        document["team"] = {"name": contract.owner}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


def _of_column(contract: Contract, column: Column, rules: list[Rule]) -> _Said:
    said: _Said = {"name": column.name}
    if column.json:
        said |= {"logicalType": "object", "physicalType": "json"}
    elif column.duration:
        said |= {"logicalType": "string", "physicalType": "duration"}
    else:
        said |= of_type(arrow_type(column.type), column.type)
    if column.category:
        said["physicalType"] = "category" if column.type == "string" else "category of int64"
    if column.description:
        said["description"] = column.description
    said["required"] = not column.nullable
    if column.key:
        keys = [each.name for each in contract.columns if each.key]
        said |= {"primaryKey": True, "primaryKeyPosition": keys.index(column.name) + 1}
    if column.personal:
        said["classification"] = PERSONAL
    if column.categories:
        said["enum"] = [{"value": value} for value in column.categories]
    for rule in rules:
        _say_rule(said, column, rule)
    properties = [("optional", not column.required), ("pattern", column in contract.patterns)]
    marks = [_custom(name, True) for name, so in properties if so]
    if column.default is not None:
        marks.append(_custom("default", column.default))
    if marks:
        said["customProperties"] = marks
    return said


def of_type(kind: pa.DataType, spelled: str) -> _Said:
    """What the standard calls a type. `spelled` is what we call it."""
    types = pa.types
    if types.is_list(kind):
        return {
            "logicalType": "array",
            "physicalType": spelled,
            "items": of_type(kind.value_type, str(kind.value_type)),
        }
    if types.is_struct(kind):
        fields = [{"name": field.name} | of_type(field.type, str(field.type)) for field in kind]
        return {"logicalType": "object", "physicalType": spelled, "properties": fields}
    if types.is_integer(kind):
        return _number("integer", spelled)
    if types.is_floating(kind) or types.is_decimal(kind):
        return _number("number", spelled)
    if types.is_timestamp(kind):
        return {"logicalType": "timestamp", "physicalType": spelled, "logicalTypeOptions": {"timezone": bool(kind.tz)}}
    logical = {"bool": "boolean", "date32[day]": "date"}.get(str(kind), "string")
    return {"logicalType": logical, "physicalType": spelled}


def _number(logical: str, spelled: str) -> _Said:
    width = _FORMATS.get(spelled)
    return {"logicalType": logical, "physicalType": spelled} | (
        {"logicalTypeOptions": {"format": width}} if width is not None else {}
    )


def _say_rule(said: _Said, column: Column, rule: Rule) -> None:
    if rule.check == "not_nullable":
        return
    if rule.check == "unique" and rule.definition is None:
        said["unique"] = True
        return
    arguments = arguments_of(rule)
    options = _options(column, rule.check, arguments) if arguments is not None else None
    if options is not None and not options.keys() & said.get("logicalTypeOptions", {}).keys():
        said.setdefault("logicalTypeOptions", {}).update(options)
    elif (values := _values(column, rule.check, arguments or {})) is not None and "enum" not in said:
        said["enum"] = [{"value": value} for value in values]
    else:
        said.setdefault("quality", []).append(_quality(rule, arguments))


def _options(column: Column, check: str, arguments: _Said) -> _Said | None:
    """What the standard has words for, as its `logicalTypeOptions`."""
    if check in _BOUNDS and column.numeric:
        return {word: arguments[name] for word, name in _BOUNDS[check].items()}
    if check == "in_range" and column.numeric:
        least = "minimum" if arguments.get("include_min", True) else "exclusiveMinimum"
        most = "maximum" if arguments.get("include_max", True) else "exclusiveMaximum"
        return {least: arguments["min_value"], most: arguments["max_value"]}
    textual = column.type == "string" and not column.json and not column.category
    if check == "str_length" and textual:
        exact = arguments.get("exact_value")
        ends = {
            "minLength": exact if exact is not None else arguments.get("min_value"),
            "maxLength": exact if exact is not None else arguments.get("max_value"),
        }
        return {word: value for word, value in ends.items() if value is not None}
    if check == "str_matches" and textual and is_plain(arguments["pattern"]):
        return {"pattern": anchored(arguments["pattern"])}
    return None


def _values(column: Column, check: str, arguments: _Said) -> list[Any] | None:
    """The values that there may be, where a rule lists them; a list of one is always that one."""
    if column.category or column.duration or column.nested or column.type.startswith(("date", "timestamp")):
        return None
    if check == "equal_to" and arguments:
        return [arguments["value"]]
    values = arguments.get("allowed_values") if check == "isin" else None
    return values if values is not None and len(values) > 1 else None


def _quality(rule: Rule, arguments: _Said | None) -> _Said:
    severity = "warning" if rule.warns else "error"
    if arguments is None:
        return {"type": "text", "description": unsaid(rule), "severity": severity}
    implementation = {"check": rule.check, "arguments": {n: v for n, v in arguments.items() if v is not None}}
    return {"type": "custom", "engine": PANDERA, "implementation": implementation, "severity": severity}


def _of_rule_over_columns(rule: Rule) -> _Said:
    if rule.check == "unique" and rule.definition is None:
        implementation = {"check": "unique", "arguments": {"columns": list(rule.columns)}}
        return {"type": "custom", "engine": PANDERA, "implementation": implementation, "severity": "error"}
    return {"type": "text", "description": unsaid(rule), "severity": "warning" if rule.warns else "error"}


def _of_expectation(kind: str, kwargs: _Said, severity: str, notes: str) -> _Said:
    said = {"type": "custom", "engine": EXPECTATIONS, "severity": severity}
    return said | ({"description": notes} if notes else {}) | {"implementation": {"type": kind, "kwargs": kwargs}}


def _custom(name: str, value: Any) -> _Said:
    return {"property": name, "value": value, "vendor": VENDOR}
