"""Load a suite: the JSON of a Great Expectations expectation suite.

Great Expectations itself is imported only when the suite is run; here the JSON is checked for what an author gets
wrong, so that `tidegate contracts list` stays quick.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.columns import Column
from tidegate.errors import BrokenContract, nearest
from tidegate.receipt import Versioned
from tidegate.registry.parameters import Parameter, find_parameters

UNEXPECTED_ROWS = "unexpected_rows_expectation"

_NO_SQL = "Great Expectations can evaluate it in pandas only. Make it a check of the contract."
_OTHER_DATA = "it reads other data than the submission. Compare with the training dataset by a suite parameter."
REFUSED = {
    "expect_column_pair_values_to_be_in_set": _NO_SQL,
    "expect_column_values_to_be_dateutil_parseable": _NO_SQL,
    "expect_column_values_to_be_decreasing": _NO_SQL,
    "expect_column_values_to_be_increasing": _NO_SQL,
    "expect_column_values_to_be_json_parseable": _NO_SQL,
    "expect_column_values_to_match_json_schema": _NO_SQL,
    "expect_column_values_to_match_strftime_format": _NO_SQL,
    "expect_query_results_to_match_comparison": _OTHER_DATA,
    "expect_table_row_count_to_equal_other_table": _OTHER_DATA,
}
"""Expectations that could not be evaluated, each with the reason and what to do instead."""

OF_COLUMNS = frozenset(
    {
        "expect_column_to_exist",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
"""Expectations about the columns themselves."""

_BETWEEN = re.compile(r"[\s,]*")
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Expectation:
    """One expectation of a suite.

    Attributes:
        id: ``<column>.<type>``, or ``dataset.<type>`` for the whole dataset.
        where: file, line and number, for messages.
        parameters: the suite parameters that stand in its arguments.
        arguments: the arguments for people, where parameters have been given their values.
    """

    id: str
    where: str
    type: str
    kwargs: dict[str, Any]
    severity: str
    notes: str
    parameters: tuple[Parameter, ...] = ()
    arguments: str = ""


@dataclass(frozen=True)
class Suite:
    """A versioned suite, checked."""

    name: str
    version: str
    digest: str
    path: Path
    expectations: tuple[Expectation, ...]

    def versioned(self) -> Versioned:
        """How receipts name it."""
        return Versioned(name=self.name, version=self.version, digest=self.digest)


def load_suite(path: Path, columns: tuple[Column, ...], patterns: tuple[Column, ...] = ()) -> Suite:
    """Load the suite in ``expectations/<name>/v<MAJOR>_<MINOR>.json``.

    Args:
        columns: the columns of the contract that it goes with.
        patterns: the patterns of names that the contract has besides.

    Raises:
        BrokenContract: it is not JSON, not a suite, names a column that the contract has not, an expectation that
            SQL engines cannot evaluate, or a suite parameter that there is not.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode(json.detect_encoding(raw))
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BrokenContract(f"{path}:{error.lineno}: not JSON: {error.msg}.") from None
    except (ValueError, RecursionError) as error:
        raise BrokenContract(f"{path}: not JSON: {error}.") from None
    if not isinstance(content, dict) or not isinstance(content.get("expectations"), list):
        raise BrokenContract(f"{path}: a suite is an object with a list 'expectations'.")
    seen: dict[str, int] = {}
    lines = _lines(text, content["expectations"])
    expectations = tuple(
        _expectation(f"{path}:{line}: expectation {number}", item, columns, patterns, seen)
        for number, (line, item) in enumerate(zip(lines, content["expectations"], strict=True), 1)
    )
    return Suite(
        name=path.parent.name,
        version=path.stem.removeprefix("v").replace("_", "."),
        digest=hashlib.sha256(raw).hexdigest(),
        path=path,
        expectations=expectations,
    )


def _lines(text: str, expectations: list[Any]) -> list[int]:
    """The lines on which the elements of the list "expectations" begin."""
    decoder = json.JSONDecoder()
    for key in re.finditer(r'"expectations"\s*:\s*(?=\[)', text):
        if decoder.raw_decode(text, key.end())[0] != expectations:
            continue  # a key of that name within something else
        position, lines = key.end() + 1, []
        for _ in expectations:
            position = _BETWEEN.match(text, position).end()  # type: ignore[union-attr]
            lines.append(text.count("\n", 0, position) + 1)
            position = decoder.raw_decode(text, position)[1]
        return lines
    return [1] * len(expectations)  # the key is spelled with escapes, or NaN differs from itself


def _named(where: str, kwargs: dict[str, Any]) -> list[str]:
    """The columns that an expectation names."""
    listed = kwargs.get("column_list", [])
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in [*named, *listed]):
        raise BrokenContract(f"{where}: a column is named by a text, and column_list is a list of them.")
    return [*named, *listed]


def _refuse(where: str, kind: str, kwargs: dict[str, Any]) -> None:
    """Refuse what Great Expectations could not evaluate here."""
    if kind in REFUSED:
        reason, _, instead = REFUSED[kind].partition(". ")
        raise BrokenContract(f"{where}: {kind} cannot be judged: {reason}.", instead)
    if kind == UNEXPECTED_ROWS and "{batch}" not in str(kwargs.get("unexpected_rows_query", "")):
        raise BrokenContract(
            f"{where}: the query does not read the submission.", "Write SELECT * FROM {batch} WHERE ..."
        )
    if kind == "expect_column_values_to_be_unique" and '"' in str(kwargs.get("column")):
        raise BrokenContract(
            f"{where}: Great Expectations cannot judge this of a column with a quote in its name.",
            "Say unique=True in the contract.",
        )


def _expectation(
    where: str, item: Any, columns: tuple[Column, ...], patterns: tuple[Column, ...], seen: dict[str, int]
) -> Expectation:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise BrokenContract(f"{where} has no type.", 'Write {"type": "expect_...", "kwargs": {...}}.')
    kind, kwargs = item["type"], item.get("kwargs", {})
    if unknown := set(item) - {"type", "kwargs", "severity", "meta", "id", "notes", "description", "rendered_content"}:
        raise BrokenContract(f"{where} has the unknown key {min(unknown)!r}.")
    if not isinstance(kwargs, dict):
        raise BrokenContract(f"{where}: kwargs must be an object.", 'Write {"column": "...", ...}.')
    _refuse(where, kind, kwargs)
    severity = item.get("severity", "critical")
    if severity not in SEVERITIES:
        raise BrokenContract(f"{where} has the severity {severity!r}.", nearest(str(severity), SEVERITIES))
    known = [column.name for column in columns]
    for column in _named(where, kwargs):
        if column not in known and not any(re.match(pattern.name, column) for pattern in patterns):
            raise BrokenContract(f"{where} names the column {column!r}, which the contract has not.",
                                 nearest(column, known))  # fmt: skip
    base = f"{kwargs.get('column', 'dataset')}.{kind}"
    seen[base] = seen.get(base, 0) + 1
    meta = item.get("meta") or {}
    return Expectation(
        id=base if seen[base] == 1 else f"{base}#{seen[base]}",
        where=f"{where} ({kind})",
        type=kind,
        kwargs=kwargs,
        severity=severity,
        notes=str(item.get("notes") or (meta.get("notes") if isinstance(meta, dict) else "") or ""),
        parameters=find_parameters(kwargs, columns, where),
    )
