"""Repeated and shared keys, found on narrow (hash, record) pairs.

A group-by that carries whole rows runs out of memory on large submissions; one on hashes does not. A hash only
proposes: every candidate is confirmed on the key's true values, so a collision, accidental or made, loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from tidegate.columns import RECORD

COPY, COPIES = "_copy", "_copies"


def candidates(table: ir.Table, columns: Sequence[str], others: ir.Table | None = None) -> ir.Table:
    """The hashes (`_hash`) that occur twice in `table`, or both in it and in `others`: one pass over narrow pairs.

    Where there are none, there is nothing to confirm, and the rows themselves need not be read again.
    """
    ours = table.select(_hash=key_hash(table, columns), _theirs=ibis.literal(0, "int8"))
    if others is not None:
        theirs = others.select(_hash=key_hash(others, columns), _theirs=ibis.literal(1, "int8"))
        ours = ours.union(theirs)
    counted = ours.group_by("_hash").aggregate(_ours=(1 - ours["_theirs"]).sum(), _theirs=ours["_theirs"].max())
    twice = (counted["_ours"] > 1) | ((counted["_ours"] > 0) & (counted["_theirs"] > 0))
    return counted.filter(twice).select("_hash")


def repeats(table: ir.Table, columns: Sequence[str], hashes: ir.Table | None = None) -> ir.Table:
    """The rows whose values in `columns` occur more than once; null equals null.

    Args:
        hashes: the `candidates`, where they have been found already.

    Returns:
        A table of `_record`, `_copy` (0 for the first row with those values, then 1, ...) and `_copies` (how many).
    """
    found = _with_hash(table, columns, candidates(table, columns) if hashes is None else hashes)
    key = [f"_k{n}" for n in range(len(columns))]
    grouped = ibis.window(group_by=key)
    marked = found.select(
        RECORD,
        ibis.row_number().over(ibis.window(group_by=key, order_by=RECORD)).name(COPY),
        found[RECORD].count().over(grouped).name(COPIES),
    )
    return marked.filter(marked[COPIES] > 1)


def shared(table: ir.Table, others: ir.Table, columns: Sequence[str], hashes: ir.Table | None = None) -> ir.Table:
    """The `_record` of every row of `table` whose values in `columns` occur in `others`; null equals null.

    Args:
        hashes: the `candidates` of both, where they have been found already.
    """
    hashes = candidates(table, columns, others) if hashes is None else hashes
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
