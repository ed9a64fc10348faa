"""Literals that arrive in an engine as they are."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def exact_float(value: float) -> ir.Value:
    """A float64. Written as a number it would be a decimal to DuckDB, whose cast to a float is off by one at times."""
    return ibis.literal(repr(value)).try_cast("float64")  # a plain cast Ibis would turn into a number again


def exact(value: float, kind: str) -> ir.Value:
    """A number of a type in Ibis' spelling."""
    return ibis.literal(int(value), kind) if "int" in kind else exact_float(float(value)).cast(kind)
