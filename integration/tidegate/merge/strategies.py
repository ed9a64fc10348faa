"""How accepted rows and the pool become one dataset, for the strategies that write one. Pure expressions.

Both sides carry a position column (`_record`: 1, 2, 3 and on). Every random choice is a hash of seed, side and
position, so it is the same on any engine and any number of threads. Rows are numbered on columns of positions alone: a
window over whole rows would hold them all at once.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.columns import RECORD, SAMPLE_WEIGHT
from tidegate.config import MergeStrategy
from tidegate.engines.literals import exact_float

ORDER = ("_order", "_side", "_place")
"""The columns by which merged rows are ordered. None of them is to be written."""
SHARE = "_share"
"""About where in that order a row is: from 0 to 1, and never falling."""
_SIDES = ("base", "contributed")


def merged(base: ir.Table, contributed: ir.Table, counts: tuple[int, int], strategy: MergeStrategy,
           shuffle: int | None) -> ir.Table:  # fmt: skip
    """Base and contributed rows as one table, with `ORDER` and `SHARE`.

    Args:
        counts: how many rows each side has.
        shuffle: a seed, or None to spread both sides evenly through each other.
    """
    sides = {"base": (base, counts[0]), "contributed": (contributed, counts[1])}
    if strategy.name == "weighted":
        sides = _weighted(sides, strategy)
    parts = []
    for side, (table, count) in sides.items():
        place = table["_place"] if "_place" in table.columns else table[RECORD] - 1
        # The middle of the row's share of the whole: (0.5, 1.5, ...) / count. Even, and in order within each side.
        order = share = (place + 0.5) / max(count, 1)
        if shuffle is not None:
            order = _hash(shuffle, side, place)
            share = _share(order)
        told = {"_order": order, "_side": ibis.literal(_SIDES.index(side)), "_place": place, SHARE: share}
        parts.append(table.mutate(**told))
    columns = [name for name in parts[1].columns if not name.startswith("_") or name in ("_submission", "_contributor")]
    base, contributed = (part.select(*columns, *ORDER, SHARE) for part in parts)
    return base.union(contributed)


def _weighted(sides: dict[str, tuple[ir.Table, int]], strategy: MergeStrategy) -> dict[str, tuple[ir.Table, int]]:
    """Shares by weight: w of the total comes from each side (the total is as large as the scarcer side allows)."""
    assert strategy.weights is not None
    shares = {side: strategy.weights[side] for side in _SIDES}  # type: ignore[index]
    counts = {side: count for side, (_, count) in sides.items()}
    if strategy.sampling == "sample_weight":
        total = sum(counts.values())
        return {
            side: (
                table.mutate(**{SAMPLE_WEIGHT: exact_float(shares[side] * total / max(count, 1))}),
                count,
            )
            for side, (table, count) in sides.items()
        }
    totals = [counts[side] / shares[side] for side in _SIDES if counts[side]]
    fewest = strategy.sampling == "without_replacement"
    whole = (min(totals) if fewest else max(totals)) if len(totals) == len(_SIDES) else 0.0
    wanted = {side: round(whole * shares[side]) if whole else counts[side] for side in _SIDES}
    return {
        side: (_sampled(table, counts[side], wanted[side], side, strategy.seed), wanted[side])
        for side, (table, _) in sides.items()
    }


def _sampled(table: ir.Table, count: int, wanted: int, side: str, seed: int) -> ir.Table:
    """`wanted` of `count` rows: all of them as often as they fit, then a seeded sample without replacement.

    Each has its `_place` among those: first all, in order, and then those that come again.
    """
    if count == 0 or wanted == count:
        return table
    whole, rest = divmod(wanted, count)
    drawn = table.select(RECORD)
    drawn = drawn.mutate(_rank=ibis.row_number().over(order_by=[_hash(seed, side, drawn[RECORD]), RECORD]))
    if whole == 0:
        drawn = drawn.filter(drawn["_rank"] < rest)
        drawn = drawn.select(RECORD, _place=ibis.row_number().over(order_by=RECORD))
    else:
        drawn = drawn.select(
            RECORD, _round=ibis.range(0, ibis.ifelse(drawn["_rank"] < rest, whole + 1, whole)).unnest()
        )
        drawn = drawn.select(RECORD, _place=ibis.row_number().over(order_by=["_round", RECORD]))
    return table.inner_join(drawn, RECORD)


def _hash(seed: int, side: str, position: Any) -> ir.StringValue:
    """Uniform, and the same everywhere: MD5 is in every engine, and this is no secret.

    Of its digits as many as an engine keeps beside the row. Where they are equal, the position decides.
    """
    text = ibis.literal(f"{seed}:{side}:") + position.cast("string")
    digest: ir.StringValue = text.hexdigest("md5").substr(0, 12)
    return digest


def _share(digits: Any) -> Any:
    """The first three hexadecimal digits as a number from 0 to 1."""
    first, second, third = (ibis.literal("0123456789abcdef").find(digits.substr(n, 1)) for n in range(3))
    return (first * 256 + second * 16 + third) / 4096
