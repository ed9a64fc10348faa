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


def repeats(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """The rows whose values in `columns` occur more than once; null equals null.

    Returns:
        A table of `_record`, `_copy` (0 for the first row with those values, then 1, ...) and `_copies` (how many).
    """
    pairs = table.select(RECORD, _hash=key_hash(table, columns))
    often = pairs.group_by("_hash").aggregate(_n=pairs.count()).filter(ibis._["_n"] > 1).select("_hash")
    candidates = table.select(RECORD, *_named(table, columns), _hash=key_hash(table, columns))
    candidates = candidates.semi_join(often, "_hash")
    key = [f"_k{n}" for n in range(len(columns))]
    grouped = ibis.window(group_by=key)
    marked = candidates.select(
        RECORD,
        ibis.row_number().over(ibis.window(group_by=key, order_by=RECORD)).name(COPY),
        candidates[RECORD].count().over(grouped).name(COPIES),
    )
    return marked.filter(marked[COPIES] > 1)


def shared(table: ir.Table, others: ir.Table, columns: Sequence[str]) -> ir.Table:
    """The `_record` of every row of `table` whose values in `columns` occur in `others`; null equals null."""
    theirs = others.select(_hash=key_hash(others, columns)).distinct()
    candidates = table.select(RECORD, *_named(table, columns), _hash=key_hash(table, columns))
    candidates = candidates.semi_join(theirs, "_hash")
    ours = candidates.select(_hash=candidates["_hash"]).distinct()
    narrow = others.select(*_named(others, columns), _hash=key_hash(others, columns)).semi_join(ours, "_hash")
    same = [candidates[f"_k{n}"].identical_to(narrow[f"_k{n}"]) for n in range(len(columns))]
    return candidates.semi_join(narrow, same).select(RECORD)


def key_hash(table: ir.Table, columns: Sequence[str]) -> ir.Value:
    """A 64-bit hash of the values in `columns`. Comparable within one engine session only: it is never stored."""
    return ibis.struct({f"k{n}": table[name] for n, name in enumerate(columns)}).hash()


def _named(table: ir.Table, columns: Sequence[str]) -> list[ir.Value]:
    return [table[name].name(f"_k{n}") for n, name in enumerate(columns)]
