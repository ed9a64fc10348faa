"""Expressions that cannot be computed of every row: a cast of a text that is no number, a sum that is too large.

For DuckDB alone: what asks for it is done on this machine (`tidegate.choosing`).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

_VALUE = "value"


def attempt(value: ir.Value) -> ir.StructValue:
    """The value in a struct, which is null in rows of which it cannot be computed.

    It is no plain null there, which would look like one that was computed.
    """
    held = ibis.struct({_VALUE: value})
    # DuckDB spells it TRY. Ibis has no operation for it, and Spark nothing that is like it.
    tried = ibis.udf.scalar.builtin(_try, name="try", signature=((held.type(),), held.type()))
    attempted: ir.StructValue = tried(held)
    return attempted


def computed(attempted: ir.StructValue) -> ir.Value:
    """The value of an attempt; null where there is none."""
    return attempted[_VALUE]


def _try(value: object) -> object:
    raise NotImplementedError  # engines have it
