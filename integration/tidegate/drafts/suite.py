"""The suite of a draft: what the rows added up to, with room around it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from tidegate.drafts.draft import GUESS, Draft
from tidegate.drafts.guess import outward
from tidegate.drafts.measure import Seen


def suite_of(draft: Draft) -> str:
    """The file of a draft's suite."""
    content = {
        "name": draft.name,
        "expectations": list(draft.expectations),
        "meta": {"description": f"What rows of {draft.name} add up to."},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def expectations_of(columns: Sequence[Seen], secret: frozenset[str], key: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What rows like those that were seen may be expected to add up to.

    Args:
        secret: the columns of which no statistic may be written.
        key: the columns that tell records apart; their mean says nothing.
    """
    yield _expectation(
        "expect_table_row_count_to_be_between",
        {"min_value": 1},
        "critical",
        "A submission that brings no rows is none.",
    )
    for seen in columns:
        name = seen.column.name
        if 0 < seen.nulls < seen.records:
            least = math.floor(90 * seen.values / seen.records) / 100
            yield _expectation(
                "expect_column_values_to_not_be_null", {"column": name, "mostly": least}, "warning",
                f"{GUESS}. Seen in {seen.records:,} records: {seen.nulls:,} nulls.",
            )  # fmt: skip
        if name in secret or name in key or seen.mean is None or not math.isfinite(seen.mean):
            continue
        room = (float(seen.high) - float(seen.low)) / 4
        if math.isfinite(room) and room > 0:
            low, high = outward(seen.mean - room, seen.mean + room)
            yield _expectation(
                "expect_column_mean_to_be_between", {"column": name, "min_value": low, "max_value": high}, "warning",
                f"{GUESS}. Seen in {seen.records:,} records: a mean of {seen.mean:.4g}.",
            )  # fmt: skip


def _expectation(kind: str, kwargs: dict[str, Any], severity: str, notes: str) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {"notes": notes}}
