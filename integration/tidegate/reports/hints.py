"""How to mend what failed, where the examples tell."""

from __future__ import annotations

import re

from tidegate.receipt import Check

_NULLS = {"na", "n/a", "nan", "null", "none", "nil", "-", "--", ".", "?", "#n/a", ""}


def hint(check: Check) -> str | None:
    """What to do about a failed check, or None."""
    values = [example.value for example in check.examples if example.value is not None]
    if check.id.endswith(".dtype") and values:
        return _of_type(values, check.expected)
    if check.id == "dataframe.well_formed" and "not-utf-8" in (check.observed or ""):
        return "Save the file as UTF-8."
    if check.id.endswith(".unique"):
        return "Send each record once."
    if check.id.endswith(".str_matches") or check.id.endswith(".isin"):
        return _of_spelling(values)
    return None


def _of_type(values: list[str], expected: str) -> str | None:
    spelling = values[0]
    if all(value == spelling for value in values) and spelling.strip().lower() in _NULLS:
        return f"If {spelling!r} means missing, list it: cleaning_config: {{null_values: [{spelling!r}]}}"
    if any(value != value.strip() for value in values):
        return "There is white space around values: cleaning_config: {trim_strings: true}"
    if "int" in expected and all(re.fullmatch(r"-?\d+\.0+", value) for value in values):
        return f"Write {spelling.partition('.')[0]}, not {spelling}."
    if all(re.fullmatch(r"-?\d{1,3}([,._' ]\d{3})+", value) for value in values):
        return "Write numbers without a separator of thousands: 1200."
    if "float" in expected and all(re.fullmatch(r"-?\d+,\d+", value) for value in values):
        return "Write a decimal point: 1200.5."
    if "timestamp" in expected and all(re.fullmatch(r"\d{4}-\d\d-\d\d[ T][\d:.]+", value) for value in values):
        return "Write the zone: 2026-01-31T09:30:00Z."
    if ("timestamp" in expected or "date" in expected) and all(
        re.match(r"\d{1,2}[./-]\d{1,2}[./-]", v) for v in values
    ):
        return "Write dates as 2026-01-31."
    return None


def _of_spelling(values: list[str]) -> str | None:
    if any(value != value.strip() for value in values):
        return "There is white space around values: cleaning_config: {trim_strings: true}"
    return None
