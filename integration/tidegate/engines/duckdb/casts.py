"""From a source's cells to the contract's types, without loss and without guessing.

Text is cast by one canonical spelling per type; typed cells (Parquet) are cast only where casting back gives the same
value. A cell that cannot become its column's type is null in the stage and named in the record's problems.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tidegate.columns import Column
from tidegate.engines.duckdb.connection import identifier, quoted
from tidegate.readers.invisible import PATTERN as INVISIBLE
from tidegate.readers.nested import arrow_type

_FLOAT = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_DAYS, _CLOCK = r"([+-]?[0-9]{1,6}) days?", r"([+]?)([0-9]{2}):([0-5][0-9]):([0-5][0-9])(\.[0-9]{1,6})?"
_ISO = r"(-?)P(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6})(\.[0-9]{1,6})?S)?)?"
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_ZONE = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"

_INTEGERS = frozenset(
    f"{sign}{name}" for sign in ("", "U") for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_STAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_CALENDAR = "0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"
"""DuckDB's go further, and to infinity; but in no other year has Python, ISO 8601 or Delta a time."""

_HIDDEN = "a character that cannot be seen: of no width, or one that turns the direction of text"
TEXT_LIMIT = 100
"""How much of an offending cell is kept, in characters."""


@dataclass(frozen=True)
class Cast:
    """How one column is read: SQL over the columns `r<i>` (the repaired cell) and, for nested ones, `u<i>`.

    Attributes:
        raw: the cell as it comes, with the declared repairs of text.
        parsed: for nested and JSON columns, the call that parses the text into (value, reason).
        value: the typed cell, null where it cannot be cast.
        bad: whether the cell cannot be cast.
        problem: the struct that says so.
        source: the cell before repairs, where repairs apply.
        invisible: whether the cell holds a character that nobody sees; None where no cell can.
        hidden: the struct that says so.
    """

    raw: str
    parsed: str | None
    value: str
    bad: str
    problem: str
    source: str | None
    invisible: str | None
    hidden: str


def cast(column: Column, number: int, sql_type: str, source_type: str, repair: Repairs) -> Cast:
    """The cast of the contract's column `column`, the `number`-th, from cells of `source_type` (DuckDB's name)."""
    cell, r, u = identifier(column.name), f"r{number}", f"u{number}"
    textual = source_type == "VARCHAR" or source_type.startswith("ENUM(")
    raw, parsed, detail = cell, None, _label(column)
    if textual:
        cell = cell if source_type == "VARCHAR" else f"{cell}::VARCHAR"
        raw = repair.applied(cell)
    if column.nested or column.json:
        if source_type == sql_type and not column.json:
            value, bad = r, "false"
            if beyond := _beyond(r, arrow_type(column.type)):
                bad = f"coalesce({beyond}, false)"
                value = f"CASE WHEN NOT {bad} THEN {r} END"
        else:
            raw = raw if textual else f"to_json({cell})::VARCHAR"
            parsed, value, bad = f"parse_{number}({r})", f"{u}.value", f"{u}.reason IS NOT NULL"
    elif textual:
        value = _duration(r) if column.duration else _from_text(r, column.type, sql_type)
        value = _of(column.categories, value)
        free = column.type == "string" and column.categories is None
        bad = "false" if free else f"({r} IS NOT NULL AND c{number} IS NULL)"
    else:
        value = (
            _from_durations(r, source_type) if column.duration else _from_typed(r, column.type, sql_type, source_type)
        )
        value = _of(column.categories, value)
        missing = f"isnan({r})" if source_type in _FLOATS else "false"
        restricted = column.categories is not None or column.duration or _is_time(column.type)
        as_it_is = source_type == sql_type and not restricted
        bad = "false" if as_it_is else f"({r} IS NOT NULL AND NOT {missing} AND c{number} IS NULL)"
    shown = "NULL" if column.personal else f"left({r}::VARCHAR, {TEXT_LIMIT})"
    reason = f"{quoted(detail)} || ': ' || {u}.reason" if parsed else quoted(detail)
    problem, hidden = (
        f"{{'code': '{code}', 'column': {quoted(column.name)}, 'text': {shown}::VARCHAR, 'detail': {detail}}}"
        for code, detail in (("cell-type", reason), ("invisible-character", quoted(_HIDDEN)))
    )
    invisible = _invisible(r) if bad == "false" and textual and not parsed else None
    return Cast(raw, parsed, value, bad, problem, cell if textual and repair.any else None, invisible, hidden)


def _invisible(r: str) -> str:
    """Whether a text has a character that nobody sees. Most are ASCII, whose length tells it: that is quick."""
    return f"CASE WHEN strlen({r}) <> length({r}) THEN regexp_matches({r}, {quoted(INVISIBLE)}) ELSE false END"


@dataclass(frozen=True)
class Repairs:
    """The declared repairs of text: they are made on the way in, so that data is written once."""

    null_values: tuple[str, ...]
    trim_strings: bool

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.null_values) or self.trim_strings

    def trimmed(self, cell: str) -> str:
        """The cell without white space around it, where that is declared."""
        return f"trim({cell}, {_WHITE_SPACE})" if self.trim_strings else cell

    def is_null(self, cell: str) -> str:
        """Whether the cell is one of the declared spellings of null."""
        if not self.null_values:
            return "false"
        return f"{self.trimmed(cell)} IN ({', '.join(map(quoted, self.null_values))})"

    def applied(self, cell: str) -> str:
        """The repaired cell."""
        if not self.null_values:
            return self.trimmed(cell)
        return f"CASE WHEN {self.is_null(cell)} THEN NULL ELSE {self.trimmed(cell)} END"


_WHITE_SPACE = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160)"


def _of(categories: tuple[str | int, ...] | None, value: str) -> str:
    """The value where it is one of the categories, if there are any."""
    if categories is None:
        return value
    listed = ", ".join(quoted(one) if isinstance(one, str) else str(one) for one in categories)
    return f"CASE WHEN {value} IN ({listed}) THEN {value} END" if categories else "NULL"


def _duration(r: str) -> str:
    """Microseconds, from ISO 8601 (``PT1H30M``) or from what pandas writes into CSV (``1 days 01:30:00``)."""

    def part(pattern: str, group: int, microseconds: int) -> str:
        digits = f"regexp_extract({r}, {quoted(f'^{pattern}$')}, {group})"
        return f"coalesce(TRY_CAST(nullif({digits}, '') AS BIGINT), 0) * {microseconds}"

    def fraction(pattern: str, group: int) -> str:
        digits = f"regexp_extract({r}, {quoted(f'^{pattern}$')}, {group})"
        return f"coalesce(TRY_CAST(rpad(substr({digits}, 2), 6, '0') AS BIGINT), 0)"

    day, hour, minute, second = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000
    iso = " + ".join(part(_ISO, n, size) for n, size in ((2, day), (3, hour), (4, minute), (5, second)))
    iso = f"({iso} + {fraction(_ISO, 6)}) * CASE WHEN {r} LIKE '-%' THEN -1 ELSE 1 END"
    written = f"{_DAYS} {_CLOCK}"
    pandas = " + ".join(part(written, n, size) for n, size in ((1, day), (3, hour), (4, minute), (5, second)))
    pandas = f"{pandas} + {fraction(written, 6)}"
    is_iso = f"regexp_full_match({r}, {quoted(_ISO)}) AND regexp_matches({r}, '[0-9][DHMS]$')"
    return f"CASE WHEN {is_iso} THEN {iso} WHEN regexp_full_match({r}, {quoted(written)}) THEN {pandas} END"


def _from_durations(r: str, source_type: str) -> str:
    """Microseconds, from a count of other units; a number that is no duration in the file says nothing of its unit."""
    unit = source_type.removeprefix("DURATION ")
    if unit in _UNITS:
        return f"TRY_CAST({r}::HUGEINT * {_UNITS[unit]} AS BIGINT)"
    return f"CASE WHEN {r} % 1000 = 0 THEN {r} // 1000 END" if unit == "ns" else "NULL::BIGINT"


def _from_text(r: str, kind: str, sql_type: str) -> str:
    if kind == "string":
        return r
    attempt = f"TRY_CAST({r} AS {sql_type})"
    if "int" in kind or kind == "date":
        # Canonical is what casting back gives: no sign, no leading zero, no space, no fraction.
        known = f" AND {_in_calendar(attempt, sql_type)}" if kind == "date" else ""
        return f"CASE WHEN {attempt}::VARCHAR = {r}{known} THEN {attempt} END"
    if kind == "boolean":
        truth = "{'true': true, 'True': true, 'TRUE': true, 'false': false, 'False': false, 'FALSE': false}"
        return f"CASE WHEN {r} IS NOT NULL THEN (MAP {truth})[{r}] END"
    if kind.startswith("float"):
        return f"CASE WHEN regexp_full_match({r}, {quoted(_FLOAT)}) AND isfinite({attempt}) THEN {attempt} END"
    if kind.startswith("decimal"):
        scale = int(kind.rstrip(")").split(",")[1])
        digits = r"-?(0|[1-9][0-9]*)" + (rf"(\.[0-9]{{1,{scale}}})?" if scale else "")
        return f"CASE WHEN regexp_full_match({r}, {quoted(digits)}) THEN {attempt} END"
    if kind.startswith("timestamp"):
        pattern = _TIME + (_ZONE if "UTC" in kind else "")
        known = _in_calendar(attempt, sql_type)
        return f"CASE WHEN regexp_full_match({r}, {quoted(pattern)}) AND {known} THEN {attempt} END"
    raise AssertionError(f"no canonical text for {kind}")


def _is_time(kind: str) -> bool:
    return kind == "date" or kind.startswith("timestamp")


def _in_calendar(value: str, sql_type: str) -> str:
    """Whether a date or time lies in the years that there are."""
    first, last = (end[:10] if sql_type == "DATE" else end for end in _CALENDAR)
    return f"{value} BETWEEN '{first}'::{sql_type} AND '{last}'::{sql_type}"


def _beyond(value: str, kind: pa.DataType, depth: int = 0) -> str | None:
    """Whether a date or time within a nested value lies in no year that there is; None where it can hold none."""
    if pa.types.is_date(kind):
        return f"NOT ({_in_calendar(value, 'DATE')})"
    if pa.types.is_timestamp(kind):
        return f"NOT ({_in_calendar(value, 'TIMESTAMPTZ' if kind.tz else 'TIMESTAMP')})"
    if pa.types.is_list(kind):
        one = f"x{depth}"
        inner = _beyond(one, kind.value_type, depth + 1)
        return inner and f"len(list_filter({value}, lambda {one}: {inner})) > 0"
    if pa.types.is_struct(kind):
        fields = ((f"struct_extract({value}, {quoted(field.name)})", field.type) for field in kind)
        found = [inner for each, of in fields if (inner := _beyond(each, of, depth))]
        return " OR ".join(f"({inner})" for inner in found) or None
    return None


def _from_typed(r: str, kind: str, sql_type: str, source_type: str) -> str:
    """The typed cell where nothing is lost; NaN becomes null, as pandas has it."""
    numeric = source_type in _INTEGERS | _FLOATS or source_type.startswith("DECIMAL(")
    exact = (
        f"CASE WHEN TRY_CAST(TRY_CAST({r} AS {sql_type}) AS {source_type}) = {r} THEN TRY_CAST({r} AS {sql_type}) END"
    )
    if source_type == sql_type and _is_time(kind):
        return f"CASE WHEN {_in_calendar(r, sql_type)} THEN {r} END"
    if source_type == sql_type:
        return f"CASE WHEN NOT isnan({r}) THEN {r} END" if source_type in _FLOATS else r
    if numeric and ("int" in kind or kind.startswith(("float", "decimal"))):
        return f"CASE WHEN NOT isnan({r}) THEN {exact} END" if source_type in _FLOATS else exact
    if kind == "timestamp(6)" and source_type in _STAMPS:
        return f"CASE WHEN {_in_calendar(exact, sql_type)} THEN {exact} END"
    return f"NULL::{sql_type}"


def _label(column: Column) -> str:
    if column.json:
        return "a JSON object"
    if column.duration:
        return "a duration such as PT1H30M"
    if column.categories is not None:
        return f"one of its categories: {', '.join(map(str, column.categories[:10]))}"
    labels = {
        "string": "text",
        "boolean": "true or false",
        "date": "a date such as 2026-01-31",
        "timestamp('UTC', 6)": "a time with its zone such as 2026-01-31T09:30:00Z",
        "timestamp(6)": "a time without zone such as 2026-01-31T09:30:00",
    }
    if "int" in column.type and not column.nested:
        return f"a whole number ({column.type}), written like 1200"
    if column.type.startswith(("float", "decimal")):
        return f"a number ({column.type}), written like 1200.5"
    return labels.get(column.type, column.type)
