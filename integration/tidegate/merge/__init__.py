"""Cleaning and merging, as expressions: repair, deduplicate, leak check, strategies, shuffle. No I/O."""

from tidegate.merge.deduplicate import dedupe_columns, duplicates, leaks
from tidegate.merge.parse import Parsed, parse
from tidegate.merge.repair import Missing, apply_missing, check_missing, dropped_for_missing
from tidegate.merge.strategies import ORDER, SHARE, merged

__all__ = [
    "ORDER",
    "SHARE",
    "Missing",
    "Parsed",
    "apply_missing",
    "check_missing",
    "dedupe_columns",
    "dropped_for_missing",
    "duplicates",
    "leaks",
    "merged",
    "parse",
]
