"""Repeated and shared keys. Which hashes recur, an engine finds out; only rows that have such a hash are looked at.

A group-by that carries whole rows runs out of memory on large submissions. A hash only proposes: every candidate is
confirmed on the key's true values, so a collision, accidental or made, loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from tidegate.columns import RECORD

COPY, COPIES = "_copy", "_copies"


def hashes_of(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """The hash of every row's key, as the only column: what `Engine.recurring` finds the candidates in."""
    return table.select(_hash=key_hash(table, columns))


def narrowed(table: ir.Table, columns: Sequence[str], hashes: ir.Table) -> ir.Table:
    """The rows whose key has one of `hashes`: the key's values as `_k0`, ..., and `_record` where there is one."""
    known = [RECORD] if RECORD in table.columns else []
    values = {f"_k{n}": table[name] for n, name in enumerate(columns)}
    return table.select(*known, **values, _hash=key_hash(table, columns)).semi_join(hashes, "_hash").drop("_hash")


def repeats(narrow: ir.Table) -> ir.Table:
    """The rows of a narrowed table whose key occurs more than once; null equals null.

    Returns:
        A table of `_record`, `_copy` (0 for the first row with that key, then 1, ...) and `_copies` (how many).
    """
    key = _key(narrow)
    marked = narrow.select(
        RECORD,
        ibis.row_number().over(ibis.window(group_by=key, order_by=RECORD)).name(COPY),
        narrow[RECORD].count().over(ibis.window(group_by=key)).name(COPIES),
    )
    return marked.filter(marked[COPIES] > 1)


def shared(narrow: ir.Table, others: ir.Table) -> ir.Table:
    """The `_record` of every row of a narrowed table whose key is in another one; null equals null."""
    return narrow.semi_join(others, [narrow[name].identical_to(others[name]) for name in _key(narrow)]).select(RECORD)


def _key(narrow: ir.Table) -> list[str]:
    return [name for name in narrow.columns if name != RECORD]


def key_hash(table: ir.Table, columns: Sequence[str]) -> ir.Value:
    """A 64-bit hash of the values in `columns`. Comparable within one engine session only: it is never stored."""
    return ibis.struct({f"k{n}": table[name] for n, name in enumerate(columns)}).hash()
