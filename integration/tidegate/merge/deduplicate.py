"""Rows that are there already: within the submission, in the pool, in the holdout."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from tidegate.columns import RECORD
from tidegate.errors import Misuse, nearest
from tidegate.keys import COPY, repeats, shared


def dedupe_columns(setting: bool | Sequence[str], key: Sequence[str], known: Sequence[str]) -> tuple[str, ...] | None:
    """The columns by which rows are the same row, or None where duplicates stay. Raises `Misuse`."""
    if isinstance(setting, bool):
        return tuple(key) if setting else None
    for name in setting:
        if name not in known:
            raise Misuse(f"cleaning_config.deduplicate: the contract has no column {name!r}.", nearest(name, known))
    return tuple(setting)


def duplicates(rows: ir.Table, pool: ir.Table | None) -> ir.Table:
    """Rows to drop, as `_record` and `place` (`submission` or `pool`). Of a repeated row the first stays.

    A row that is in the pool is named as such, repeated or not, and each row is named once.

    Args:
        rows, pool: as `tidegate.keys.narrowed` makes them, to keys whose hash occurs twice in `rows`, or in both.
    """
    repeated = repeats(rows)
    within = repeated.filter(repeated[COPY] > 0).select(RECORD, place=ibis.literal("submission"))
    if pool is None:
        return within
    known = shared(rows, pool).select(RECORD, place=ibis.literal("pool"))
    return known.union(within.anti_join(known, RECORD))


def leaks(rows: ir.Table, holdout: ir.Table) -> ir.Table:
    """The `_record` of rows that match the holdout: a model trained on them would be tested on what it knows.

    Args:
        rows, holdout: as `tidegate.keys.narrowed` makes them.
    """
    return shared(rows, holdout)
