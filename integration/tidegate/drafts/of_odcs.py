"""A draft from an ODCS document (Open Data Contract Standard, version 3), ours or anyone's.

What `tidegate.describe.odcs` writes comes back as it was, but for rules in Python. Of other documents what has no place
in a contract or suite is listed in the draft, so that nothing is lost without a word.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tidegate.describe import odcs
from tidegate.drafts.draft import GUESS, Draft, DraftColumn
from tidegate.drafts.literals import literal
from tidegate.errors import Misuse, nearest
from tidegate.readers.nested import arrow_type
from tidegate.registry.suite import SEVERITIES

_ARGUMENTS = {
    "equal_to": ("eq", "value"),
    "not_equal_to": ("ne", "value"),
    "greater_than": ("gt", "min_value"),
    "greater_than_or_equal_to": ("ge", "min_value"),
    "less_than": ("lt", "max_value"),
    "less_than_or_equal_to": ("le", "max_value"),
    "in_range": ("in_range", None),
    "isin": ("isin", "allowed_values"),
    "notin": ("notin", "forbidden_values"),
    "str_length": ("str_length", None),
    "str_startswith": ("str_startswith", "string"),
    "str_endswith": ("str_endswith", "string"),
    "str_matches": ("str_matches", "pattern"),
    "str_contains": ("str_contains", "pattern"),
}
"""Pandera's checks: the argument of `pa.Field`, and which of the check's own it takes; None for all of them."""

_BOUNDS = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"}
_INTEGERS = {
    letter + bits: f"{sign}int{bits}" for letter, sign in (("i", ""), ("u", "u")) for bits in ("8", "16", "32", "64")
}
_LOGICAL = {"string": "string", "date": "date", "boolean": "boolean", "integer": "int64", "number": "float64"}
_DECIMAL = re.compile(r"(?:decimal|numeric)\(\s*(\d+)\s*,\s*(\d+)\s*\)", re.IGNORECASE)
_OF_PEOPLE = ("personal", "pii", "confidential", "restricted", "sensitive")

_Said = dict[str, Any]


def draft_of_odcs(file: str | Path, name: str) -> Draft:
    """Draft the contract that a document of the standard describes.

    Args:
        name: of the dataset. Where the document has several tables, the one of this name is taken.

    Raises:
        Misuse: the file cannot be read, is no such document, or says what no contract can.
    """
    document = _document(Path(file))
    try:
        table = _table(document, name, file)
        columns, left_out = _columns(table)
        quality, expectations = _quality_of_table(table)
        custom = _custom(table)
        literal([custom, *([column.default, column.categories, column.arguments] for column in columns)])
    except (TypeError, ValueError, KeyError, AttributeError, re.error) as error:
        raise Misuse(f"{file} says something that is not as the standard has it: {error}.",
                     "Hold it against the JSON Schema of the standard.") from None  # fmt: skip
    config: dict[str, Any] = {"strict": custom.get("strict", True)}
    config |= {"ordered": True} if custom.get("ordered") else {}
    config |= {"add_missing_columns": True} if custom.get("addMissingColumns") else {}
    config |= {"unique": quality.pop("unique")} if "unique" in quality else {}
    purpose = document.get("description")
    described = table.get("description") or (purpose.get("purpose") if isinstance(purpose, dict) else purpose)
    return Draft(
        name=name,
        version=_version(document),
        columns=tuple(columns),
        description=str(described or ""),
        origin=Path(file).name,
        owner=_owner(document.get("team")),
        config=config,
        left_out=(*left_out, *quality.get("left_out", ())),
        expectations=tuple(expectations),
    )


def _document(file: Path) -> _Said:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misuse(f"{file} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Misuse(f"{file} is not YAML: {error}") from None
    if not isinstance(document, dict) or document.get("kind") != "DataContract":
        raise Misuse(f"{file} is no ODCS document: its kind is not DataContract.", "Name data without odcs: before it.")
    if not str(document.get("apiVersion", "")).startswith("v3."):
        raise Misuse(f"{file} is of ODCS {document.get('apiVersion')}; version 3 can be read.")
    return document


def _table(document: _Said, name: str, file: str | Path) -> _Said:
    tables = [each for each in document.get("schema") or () if isinstance(each, dict) and each.get("properties")]
    named = [each for each in tables if each.get("name") == name]
    if len(tables) == 1 or named:
        return (named or tables)[0]
    names = [str(each.get("name")) for each in tables]
    hint = f"Name the contract after one of them. {nearest(name, names)}" if names else None
    raise Misuse(f"{file} describes {len(tables)} tables with properties, and none is called {name!r}.", hint)


def _version(document: _Said) -> tuple[int, int]:
    found = re.match(r"v?(\d+)(?:\.(\d+))?", str(document.get("version", "")))
    return (int(found[1]), int(found[2] or 0)) if found else (1, 0)


def _owner(team: Any) -> str:
    """Whose it is: a team since version 3.1, a list of people before."""
    first = team[0] if isinstance(team, list) and team else team
    return str(first.get("name") or first.get("username") or "") if isinstance(first, dict) else ""


def _columns(table: _Said) -> tuple[list[DraftColumn], list[str]]:
    columns, left_out = [], []
    for said in table["properties"]:
        column, without = _column(said)
        columns.append(column)
        left_out += [what if what.startswith(f"{column.name}.") else f"{column.name}: {what}" for what in without]
    return columns, left_out


def _column(said: _Said) -> tuple[DraftColumn, list[str]]:
    custom = _custom(said)
    physical, comments = str(said.get("physicalType", "")), []
    kind, unsure = _type(said)
    if unsure:
        comments.append(f"{GUESS}. {unsure}")
    classification = str(said.get("classification", ""))
    personal = classification.lower() in _OF_PEOPLE
    if personal and classification != odcs.PERSONAL:
        comments.append(f"{GUESS}. Personal: its classification is {classification}.")
    category = physical.startswith("category")
    values = [each["value"] for each in said.get("enum") or ()]
    arguments, left_out = _checks(said, kind, [] if category else values)
    column = DraftColumn(
        name=str(said["name"]),
        type="string" if kind == "json" or (category and "int64" not in physical) else "int64" if category else kind,
        nullable=not said.get("required", False),
        optional=bool(custom.get("optional")),
        unique=bool(said.get("unique")),
        key=bool(said.get("primaryKey")),
        personal=personal,
        json=kind == "json",
        duration=physical == "duration",
        category=category,
        categories=tuple(values) if category and values else None,
        pattern=bool(custom.get("pattern")),
        default=custom.get("default"),
        description=str(said.get("description") or ""),
        arguments=arguments,
        comments=tuple(comments),
    )
    return column, left_out


def _type(said: _Said) -> tuple[str, str | None]:
    """The type in Ibis' spelling or `json`, and what is unsure about it."""
    logical, physical = said.get("logicalType"), str(said.get("physicalType", ""))
    if physical in ("json", "duration"):
        return {"json": "json", "duration": "int64"}[physical], None
    if decimal := _DECIMAL.fullmatch(physical):
        return f"decimal({decimal[1]}, {decimal[2]})", None
    own = _own_type(physical)
    if own is not None and logical in (None, own["logicalType"]):
        return physical, None
    options = said.get("logicalTypeOptions") or {}
    if logical == "integer":
        return _INTEGERS.get(options.get("format", ""), "int64"), None
    if logical == "number":
        return ("float32" if options.get("format") == "f32" else "float64"), None
    if logical == "timestamp":
        return ("timestamp(6)" if options.get("timezone") is False else "timestamp('UTC', 6)"), None
    if logical in _LOGICAL:
        return _LOGICAL[logical], None
    if logical == "array":
        inner, unsure = _type(said["items"]) if "items" in said else ("string", "The items have no type.")
        return f"array<{'string' if inner == 'json' else inner}>", unsure
    if logical == "vector":
        return "array<float64>", None
    if logical == "object" and said.get("properties"):
        fields = [(str(each["name"]), _type(each)[0]) for each in said["properties"]]
        kind = f"struct<{', '.join(f'{name}: {inner}' for name, inner in fields)}>"
        if _own_type(kind) is not None:
            return kind, None
    if logical in ("object", "map"):
        return "json", None
    return "string", f"Its type is {logical or physical or 'not said'}, which was taken for text."


def _own_type(physical: str) -> _Said | None:
    """What we would have said of a type of that name, if it is one of ours."""
    try:
        return odcs.of_type(arrow_type(physical), physical)
    except (ValueError, TypeError):
        return None


def _checks(said: _Said, kind: str, values: list[Any]) -> tuple[dict[str, Any], list[str]]:
    """The checks of a column as arguments of `pa.Field`, and what has no place among them."""
    options = dict(said.get("logicalTypeOptions") or {})
    arguments, left_out = dict(_of_options(options, kind)), []
    if values:
        arguments |= {"eq": values[0]} if len(values) == 1 else {"isin": values}
    for rule in said.get("quality") or ():
        implementation = rule.get("implementation")
        known = rule.get("engine") == odcs.PANDERA and isinstance(implementation, dict)
        found = _of_pandera(implementation, kind) if known and rule.get("severity") != "warning" else None
        if found is None or found.keys() & arguments.keys():
            left_out.append(_shown(rule))
        else:
            arguments |= found
    left_out += [f"{word} {options[word]}" for word in options if word not in ("format", "timezone", "defaultTimezone")]
    return arguments, left_out


def _of_options(options: _Said, kind: str) -> Iterator[tuple[str, Any]]:
    """The checks that the standard has words for. What is taken is removed from the options."""
    bounds = {argument: _value(options.pop(word), kind) for word, argument in _BOUNDS.items() if word in options}
    low, high = bounds.keys() & {"ge", "gt"}, bounds.keys() & {"le", "lt"}
    if len(low) == len(high) == 1:
        least, most = low.pop(), high.pop()
        told = {"min_value": bounds[least], "max_value": bounds[most]}
        told |= {"include_min": False} if least == "gt" else {}
        yield "in_range", told | ({"include_max": False} if most == "lt" else {})
    else:
        yield from bounds.items()
    lengths = {ours: options.pop(word) for word, ours in (("minLength", "min_value"), ("maxLength", "max_value"))
               if word in options}  # fmt: skip
    if lengths:
        yield "str_length", lengths
    if "pattern" in options:
        pattern = str(options.pop("pattern"))
        re.compile(pattern)
        yield ("str_matches" if pattern.startswith("^") else "str_contains"), pattern


def _of_pandera(implementation: _Said, kind: str) -> dict[str, Any] | None:
    check, given = implementation.get("check"), implementation.get("arguments") or {}
    if check not in _ARGUMENTS:
        return None
    argument, own = _ARGUMENTS[check]
    if own is None:
        return {argument: {str(name): _value(value, kind) for name, value in given.items()}}
    value = given[own]
    return {argument: [_value(each, kind) for each in value] if isinstance(value, list) else _value(value, kind)}


def _value(value: Any, kind: str) -> Any:
    """An argument of the column's type: documents spell times as text."""
    if isinstance(value, str) and kind == "date":
        return datetime.date.fromisoformat(value[:10])
    if isinstance(value, str) and kind.startswith("timestamp"):
        time = datetime.datetime.fromisoformat(value)
        return time.replace(tzinfo=datetime.UTC) if "UTC" in kind and time.tzinfo is None else time
    if value is not None and not isinstance(value, bool | int | float | str | datetime.date):
        raise TypeError(f"a value is a {type(value).__name__}")
    return value


def _quality_of_table(table: _Said) -> tuple[dict[str, Any], list[_Said]]:
    """The sets of columns that are unique together and what is left out, and the expectations of the suite."""
    found: dict[str, Any] = {"left_out": []}
    expectations = []
    for rule in table.get("quality") or ():
        implementation = rule.get("implementation")
        if rule.get("engine") == odcs.EXPECTATIONS and isinstance(implementation, dict) and "type" in implementation:
            severity = rule.get("severity") if rule.get("severity") in SEVERITIES else "warning"
            kwargs = _json(implementation.get("kwargs") or {})
            expectations.append(
                {"type": implementation["type"], "kwargs": kwargs, "severity": severity}
                | ({"meta": {"notes": str(rule["description"])}} if rule.get("description") else {})
            )
        elif isinstance(implementation, dict) and implementation.get("check") == "unique" and "unique" not in found:
            found["unique"] = [str(name) for name in implementation["arguments"]["columns"]]
        else:
            found["left_out"].append(_shown(rule))
    return found, expectations


def _json(value: Any) -> Any:
    """Arguments as a suite spells them: YAML knows days and times, JSON only their text."""
    return json.loads(json.dumps(value, default=_as_text))


def _as_text(value: Any) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"a value is a {type(value).__name__}")


def _shown(rule: _Said) -> str:
    """A rule that has no place, in words."""
    if rule.get("type") == "text":
        return str(rule.get("description"))
    implementation = rule.get("implementation")
    what = rule.get("description") or rule.get("metric") or rule.get("rule") or rule.get("query") or implementation
    return f"{rule.get('name') or rule.get('type') or 'rule'}: {what}"


def _custom(said: _Said) -> dict[str, Any]:
    """Our own marks."""
    listed = said.get("customProperties") or ()
    return {each["property"]: each["value"] for each in listed if each.get("vendor") == odcs.VENDOR}
