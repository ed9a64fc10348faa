"""Load a suite: the JSON of a Great Expectations expectation suite.

Great Expectations itself is imported only when the suite is run; here the JSON is checked for what an author gets
wrong, so that `tidegate contracts list` stays quick.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.errors import BrokenContract, nearest
from tidegate.receipt import Versioned

WITHOUT_SQL = frozenset(
    {
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_match_strftime_format",
        "expect_column_values_to_match_json_schema",
        "expect_column_pair_values_to_be_in_set",
    }
)
"""Expectations for which Great Expectations has no SQL implementation: they could not be evaluated."""

SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Expectation:
    """One expectation of a suite. `id` is ``<column>.<type>``, or ``dataset.<type>`` for the whole dataset."""

    id: str
    type: str
    kwargs: dict[str, Any]
    severity: str
    notes: str


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


def load_suite(path: Path, columns: tuple[str, ...]) -> Suite:
    """Load the suite in ``expectations/<name>/v<MAJOR>_<MINOR>.json``.

    Args:
        columns: the columns of the contract that it goes with.

    Raises:
        BrokenContract: it is not JSON, not a suite, names a column that the contract has not, or an expectation
            that SQL engines cannot evaluate.
    """
    raw = path.read_bytes()
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BrokenContract(f"{path}: not JSON: {error}.") from None
    if not isinstance(content, dict) or not isinstance(content.get("expectations"), list):
        raise BrokenContract(f"{path}: a suite is an object with a list 'expectations'.")
    seen: dict[str, int] = {}
    expectations = tuple(
        _expectation(path, number, item, columns, seen) for number, item in enumerate(content["expectations"], 1)
    )
    return Suite(
        name=path.parent.name,
        version=path.stem.removeprefix("v").replace("_", "."),
        digest=hashlib.sha256(raw).hexdigest(),
        path=path,
        expectations=expectations,
    )


def _expectation(path: Path, number: int, item: Any, columns: tuple[str, ...], seen: dict[str, int]) -> Expectation:
    where = f"{path}: expectation {number}"
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise BrokenContract(f"{where} has no type.", 'Write {"type": "expect_...", "kwargs": {...}}.')
    kind, kwargs = item["type"], item.get("kwargs", {})
    if unknown := set(item) - {"type", "kwargs", "severity", "meta", "id", "notes", "description", "rendered_content"}:
        raise BrokenContract(f"{where} has the unknown key {min(unknown)!r}.")
    if kind in WITHOUT_SQL:
        raise BrokenContract(
            f"{where}: {kind} has no SQL implementation in Great Expectations and could not be evaluated.",
            "Make it a check of the contract.",
        )
    severity = item.get("severity", "critical")
    if severity not in SEVERITIES:
        raise BrokenContract(f"{where} has the severity {severity!r}.", nearest(str(severity), SEVERITIES))
    named = [kwargs.get(key) for key in ("column", "column_A", "column_B")] + list(kwargs.get("column_list", []))
    for column in named:
        if isinstance(column, str) and column not in columns:
            raise BrokenContract(f"{where} names the column {column!r}, which the contract has not.",
                                 nearest(column, columns))  # fmt: skip
    base = f"{kwargs.get('column', 'dataset')}.{kind}"
    seen[base] = seen.get(base, 0) + 1
    meta = item.get("meta") or {}
    return Expectation(
        id=base if seen[base] == 1 else f"{base}#{seen[base]}",
        type=kind,
        kwargs=kwargs,
        severity=severity,
        notes=str(item.get("notes") or (meta.get("notes") if isinstance(meta, dict) else "") or ""),
    )
