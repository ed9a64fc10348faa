"""Quantiles as DuckDB has them, to the last bit.

Spark's own are floats, whatever the column is, are found by another rounding of the rank, and hold every different
value in memory. Here the values are counted, and the one is taken below which enough of them lie.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlglot
import sqlglot.expressions as exp

_COUNTED = "SELECT value, COUNT(*) AS times FROM _source WHERE NOT value IS NULL GROUP BY value"
_RANKED = (
    "SELECT value, SUM(times) OVER (ORDER BY value) AS upto, CAST(SUM(times) OVER () AS DOUBLE) AS rows "
    f"FROM ({_COUNTED}) AS _counted"
)
_OF_LONG = 18
"""Digits of a decimal that DuckDB keeps in 64 bits; it interpolates longer ones otherwise."""
_OF_PLACES = frozenset({"expressions", "from_", "from", "where", "order", "limit", "offset"})
_FEW = 10
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


def quantiles(select: exp.Select, kind: Callable[[exp.Expression], str | None]) -> exp.Select | None:
    """The same quantiles without percentile functions; None where the SELECT is none of quantiles of one column.

    Args:
        kind: DuckDB's type of a column, where it is known.
    """
    asked = [_asked(each) for each in select.expressions]
    columns = {each[2] for each in asked if each is not None}
    only = {key for key, value in select.args.items() if value} <= {"expressions", "from_", "from", "where"}
    if None in asked or len(columns) != 1 or not only:
        return None
    (column,) = columns
    ranked, combined = [], []
    for number, each in enumerate(asked):
        assert each is not None
        _, percentile, _, share = each
        found = _Found(number, share)
        if isinstance(percentile, exp.PercentileDisc):
            ranked += [found.least("low", f"GREATEST(1, rows - FLOOR(rows - rows * {share}))")]
            combined += [f"{found.low} AS `{number}`"]
        else:
            interpolated = found.between(kind(column))
            if interpolated is None:
                return None
            at = f"(rows - 1) * {share}"
            ranked += [found.least("low", f"FLOOR({at}) + 1"), found.least("high", f"CEIL({at}) + 1")]
            ranked += [f"MAX({at} - FLOOR({at})) AS part_{number}"]
            combined += [f"{interpolated} AS `{number}`"]
    text = f"SELECT {', '.join(combined)} FROM (SELECT {', '.join(ranked)} FROM ({_RANKED}) AS _ranked) AS _found"
    rewritten = _of(text, select.copy(), column)
    for alias, each in zip(rewritten.expressions, asked, strict=True):
        assert each is not None
        alias.set("alias", exp.to_identifier(each[0], quoted=True))
    return rewritten


def places(select: exp.Select) -> exp.Select:
    """The values at some places of one column's order (``ORDER BY x LIMIT 2 OFFSET 4999``), found in the same way.

    Great Expectations asks so for a median. Spark would bring every value up to that place to the driver. What asks for
    something else is returned as it is.
    """
    limit, offset = select.args.get("limit"), select.args.get("offset")
    column = select.selects[0] if len(select.selects) == 1 else None
    order, where = select.args.get("order"), select.args.get("where")
    only = {key for key, value in select.args.items() if value} <= _OF_PLACES
    if not (only and isinstance(column, exp.Column) and limit and offset and order and where):
        return select
    ordered, present = order.expressions[0], exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null()))
    if len(order.expressions) > 1 or ordered.args.get("desc") or ordered.this != column or present != where.this:
        return select
    first, count = int(offset.expression.name), int(limit.expression.name)
    if count > _FEW:
        return select
    wanted = (f"MIN(value) FILTER(WHERE upto >= {place})" for place in range(first + 1, first + count + 1))
    found = f"SELECT EXPLODE(ARRAY({', '.join(wanted)})) AS value FROM ({_RANKED}) AS _ranked"
    values = select.copy()
    for clause in ("order", "limit", "offset"):
        values.set(clause, None)
    rewritten = _of(f"SELECT value FROM ({found}) AS _found WHERE NOT value IS NULL", values, column)
    rewritten.set("expressions", [exp.alias_(rewritten.selects[0], column.name, quoted=True)])
    return rewritten


def _of(text: str, values: exp.Select, column: exp.Column) -> exp.Select:
    """A query of ours over the values of a column."""
    rewritten = sqlglot.parse_one(text, read="spark")
    assert isinstance(rewritten, exp.Select)
    values.set("expressions", [exp.alias_(column.copy(), "value")])
    for table in list(rewritten.find_all(exp.Table)):
        table.replace(exp.Subquery(this=values, alias=exp.TableAlias(this=exp.to_identifier("_source"))))
    return rewritten


class _Found:
    """The values on both sides of a quantile, by the names that they have in the query."""

    def __init__(self, number: int, share: str) -> None:
        self._number = number
        self.low, self.high, self.part = (f"{name}_{number}" for name in ("low", "high", "part"))

    def least(self, name: str, rank: str) -> str:
        """The least value up to which there are so many."""
        return f"MIN(value) FILTER(WHERE upto >= {rank}) AS {name}_{self._number}"

    def between(self, kind: str | None) -> str | None:
        """What DuckDB puts between the two; None of what is no number."""
        low, high, part = self.low, self.high, self.part
        if decimal := _DECIMAL.fullmatch(kind or ""):
            digits, scale = map(int, decimal.groups())
            whole = f"CAST(1e{scale} AS DECIMAL({scale + 1}, 0))"
            step = f"CAST(({high} - {low}) * {whole} AS DOUBLE) * {part}"
            one = f"CAST('1e-{scale}' AS DECIMAL({scale + 1}, {scale}))"
            if digits <= _OF_LONG:
                return f"CAST({low} + CAST({step} AS BIGINT) * {one} AS {kind})"
            return f"CAST(CAST(CAST({low} * {whole} AS DOUBLE) + {step} AS BIGINT) * {one} AS {kind})"
        if kind == "FLOAT":
            between = f"{low} + CAST(CAST({high} - {low} AS DOUBLE) * {part} AS FLOAT)"
        elif kind == "DOUBLE" or (kind or "").endswith("INT") or kind == "INTEGER":
            between = f"CAST({low} AS DOUBLE) * (1 - {part}) + CAST({high} AS DOUBLE) * {part}"
        else:
            return None
        return f"CASE WHEN {part} = 0 THEN {low} ELSE {between} END"


def _asked(projection: exp.Expression) -> tuple[str, exp.Expression, exp.Column, str] | None:
    """The name, the function, the column and the share of one quantile."""
    within = projection.unalias()
    percentile, order = within.this, within.args.get("expression")
    if not isinstance(within, exp.WithinGroup) or not isinstance(order, exp.Order) or len(order.expressions) != 1:
        return None
    ordered, share = order.expressions[0], percentile.this.unnest()
    if ordered.args.get("desc") or not isinstance(ordered.this, exp.Column):
        return None
    if not isinstance(share, exp.Literal) or share.is_string:
        return None
    return projection.alias_or_name or "quantile", percentile, ordered.this, f"CAST('{share.this}' AS DOUBLE)"
