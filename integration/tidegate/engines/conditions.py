"""Conditions of any number, nested as little as they can be: libraries and engines bound the depth of an expression."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir


def any_of(conditions: Sequence[ir.BooleanValue]) -> ir.BooleanValue:
    """Whether one of the conditions holds; false where there are none."""
    if not conditions:
        return ibis.literal(False)
    if len(conditions) == 1:
        return conditions[0]
    half = len(conditions) // 2
    return any_of(conditions[:half]) | any_of(conditions[half:])
