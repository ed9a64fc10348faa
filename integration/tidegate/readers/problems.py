"""How a reader says that a record is malformed: the schema of `_problems`, and what of a record is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import pyarrow as pa

from tidegate.columns import PROBLEMS

RECORD_TEXT = 1000
"""How much of a malformed record is kept, in characters."""
CELL_TEXT = 100
"""How much of an offending cell is kept, in characters."""
RECORD_BYTES = 64 << 20
"""The longest record that is ever held in memory."""

_TYPE = pa.list_(pa.struct([(name, pa.string()) for name in ("code", "column", "text", "detail")]))


class Problem(TypedDict):
    """One thing that is wrong with a record."""

    code: str
    column: str | None
    text: str | None
    detail: str | None


def beginning(raw: bytes) -> str:
    """The beginning of a malformed record. It may hold personal values: it is for the quarantine, not for reports."""
    return raw[: 4 * RECORD_TEXT].rstrip(b"\r\n").decode(errors="backslashreplace")[:RECORD_TEXT]


def schema(names: Sequence[str]) -> pa.Schema:
    """The schema of a reader's batches: text cells, and `_problems`."""
    return pa.schema([*((name, pa.string()) for name in names), (PROBLEMS, _TYPE)])


def problems_array(problems: dict[int, list[Problem]], rows: int) -> pa.Array:
    """`_problems` of a batch, from the problems by row."""
    if not problems:
        return pa.nulls(rows, _TYPE)
    return pa.array([problems.get(row) for row in range(rows)], _TYPE)
