"""Values of anyone as literals of Python: what comes of a file's header or another tool's document is never code."""

from __future__ import annotations

import datetime
from typing import Any


def literal(value: Any) -> str:
    """A value as a literal of Python, with double quotes where it is text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    if isinstance(value, datetime.datetime):
        return f"pd.Timestamp({_text(value.isoformat())})"
    if isinstance(value, datetime.date):
        return f"datetime.date({value.year}, {value.month}, {value.day})"
    if value is not None and not isinstance(value, bool | int | float):
        raise TypeError(f"no literal: {type(value).__name__}")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return f"{value:_}"
    if (isinstance(value, float) and value != value) or value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return repr(value)


def _text(text: str) -> str:
    """Like `repr`, which escapes what cannot be seen, but with double quotes as the house has them."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown.startswith("'") and '"' not in text else shown
