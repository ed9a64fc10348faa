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


def repeats(table: ir.Table, columns: Sequence[str], hashes: ir.Table) -> ir.Table:
    """The rows whose values in `columns` occur more than once; null equals null.

    Args:
        hashes: those that occur twice, at least.

    Returns:
        A table of `_record`, `_copy` (0 for the first row with those values, then 1, ...) and `_copies` (how many).
    """
    found = _with_hash(table, columns, hashes)
    key = [f"_k{n}" for n in range(len(columns))]
    grouped = ibis.window(group_by=key)
    marked = found.select(
        RECORD,
        ibis.row_number().over(ibis.window(group_by=key, order_by=RECORD)).name(COPY),
        found[RECORD].count().over(grouped).name(COPIES),
    )
    return marked.filter(marked[COPIES] > 1)


def shared(table: ir.Table, others: ir.Table, columns: Sequence[str], hashes: ir.Table) -> ir.Table:
    """The `_record` of every row of `table` whose values in `columns` occur in `others`; null equals null.

    Args:
        hashes: those that both have, at least.
    """
    ours, theirs = _with_hash(table, columns, hashes), _with_hash(others, columns, hashes)
    same = [ours[f"_k{n}"].identical_to(theirs[f"_k{n}"]) for n in range(len(columns))]
    return ours.semi_join(theirs, same).select(RECORD)


def _with_hash(table: ir.Table, columns: Sequence[str], hashes: ir.Table) -> ir.Table:
    """The key's values (`_k0`, ...) and the record numbers, where there are any, of the rows that have such a hash."""
    known = [RECORD] if RECORD in table.columns else []
    values = [table[name].name(f"_k{n}") for n, name in enumerate(columns)]
    return table.select(*known, *values, _hash=key_hash(table, columns)).semi_join(hashes, "_hash")


def key_hash(table: ir.Table, columns: Sequence[str]) -> ir.Value:
    """A 64-bit hash of the values in `columns`. Comparable within one engine session only: it is never stored."""
    return ibis.struct({f"k{n}": table[name] for n, name in enumerate(columns)}).hash()
